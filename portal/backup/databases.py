"""The two kinds of database: frozen at one moment while people write, and put back as a whole or not at all."""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder

from portal.backup.form import CHUNK, Refused

SESSIONS = "django_session"  # of whoever is signed in


class Frozen(NamedTuple):
    """The database as it was at one moment."""

    server: str  # version
    ask: object  # SQL -> rows
    pieces: Iterator[bytes]  # its content, for the backup


def frozen(folder: Path):
    """A context manager. What it writes on its way is below `folder`. Raises Refused, OSError."""
    return _frozen_sqlite(folder) if connection.vendor == "sqlite" else _frozen_postgresql()


def known_tables() -> set[str]:
    """Of this release, whether there yet or not."""
    return {one._meta.db_table for one in apps.get_models(include_auto_created=True)} | {
        MigrationRecorder.Migration._meta.db_table
    }


def tables() -> set[str]:
    """Those of ours that the database has. Raises Refused where it cannot be read."""
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return set()
    try:
        with connection.cursor() as cursor:
            return known_tables() & set(connection.introspection.table_names(cursor))
    except DatabaseError as error:
        raise Refused(
            f"The database cannot be read ({str(error).strip()}). If it is damaged, move it away or make an empty one, "
            "and restore again."
        ) from error


# SQLite


def _sqlite_file() -> Path:
    path = Path(connection.settings_dict["NAME"])
    if not path.is_file():
        raise Refused(f"There is no database {path} yet. Nothing was backed up.")
    return path


@contextmanager
def _frozen_sqlite(folder):
    part = folder / f".part-{os.getpid()}.sqlite3"
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        # One read transaction: who writes meanwhile is not kept waiting, and is not in it. Nothing deleted comes along.
        where = f"file:{quote(str(_sqlite_file()))}?mode=rw"
        with closing(sqlite3.connect(where, uri=True, timeout=20, isolation_level=None)) as live:
            live.execute("VACUUM INTO ?", [str(part)])
        with closing(sqlite3.connect(part, isolation_level=None)) as copy:
            copy.execute("PRAGMA secure_delete=ON")
            if copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [SESSIONS]).fetchone():
                copy.execute(f"DELETE FROM {SESSIONS}")  # nosec B608 # noqa: S608 -- a name of ours
            yield Frozen(sqlite3.sqlite_version, lambda sql: copy.execute(sql).fetchall(), of_file(part))
    except sqlite3.OperationalError as error:
        if "full" in str(error):
            raise OSError(28, "No space left on device", str(folder)) from error
        raise Refused(f"The database cannot be copied: {error}. Earlier backups are untouched.") from error
    except sqlite3.DatabaseError as error:
        raise Refused(f"The database is damaged: {error}. Earlier backups are untouched.") from error
    finally:
        for left in folder.glob(part.name + "*"):
            left.unlink()


def of_file(path):
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


@contextmanager
def beside() -> Iterator[Path]:
    """SQLite: while this lasts, Django's connection is to a file beside the real one, which is left alone."""
    real = Path(connection.settings_dict["NAME"])
    real.parent.mkdir(parents=True, exist_ok=True)
    scratch = real.with_name(f".{real.name}.restoring")
    _forget(scratch)  # of a restore that was interrupted
    os.close(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection.close()
    connection.settings_dict["NAME"] = str(scratch)
    try:
        yield scratch
    finally:
        connection.close()
        connection.settings_dict["NAME"] = str(real)
        _forget(scratch)


def _forget(path):
    for ends in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ends).unlink(missing_ok=True)


def put_into_the_real_one(scratch: Path, real: Path, *, was: str) -> None:
    """In one transaction of the file that servers have open: they see the old state or the new, and nothing between.

    `was`: the seal at the end of its audit log, of which there is a copy.
    """
    try:
        with closing(sqlite3.connect(scratch)) as source, closing(sqlite3.connect(real, timeout=20)) as target:
            target.execute("PRAGMA journal_mode=WAL")
            if was and target.execute("SELECT seal FROM publishing_auditend").fetchone()[0] != was:
                raise Refused("Somebody wrote while the safety copy was made. Nothing was changed; restore again.")
            source.backup(target)
    except sqlite3.Error as error:
        raise Refused(f"The database could not be replaced ({error}); it is as it was.") from error


# PostgreSQL


def program(name: str, server: int) -> Path:
    """pg_dump or another: of the lowest version that knows this server. Raises Refused, which says what to install."""
    folders = [*Path("/usr/lib/postgresql").glob("*/bin"), *Path("/usr/pgsql-15").parent.glob("pgsql-*/bin")]
    if found := shutil.which(name):
        folders.append(Path(found).parent)
    versions = {}
    for folder in folders:
        if (folder / name).exists():
            said = subprocess.run([folder / name, "--version"], capture_output=True, text=True).stdout  # nosec B603 # noqa: S603 -- a program of PostgreSQL, no words of people
            if number := re.search(r"\) (\d+)", said):
                versions.setdefault(int(number[1]), folder / name)
    able = [version for version in versions if version >= server]
    if not able:
        have = f"only version {max(versions)} is installed" if versions else "it is not installed"
        raise Refused(
            f"{name} of PostgreSQL {server} or newer is needed, because the server is of that version; {have}. "
            f"On Debian: sudo apt-get install postgresql-client-{server}"
        )
    return versions[min(able)]


def _how_to_connect(info) -> tuple[str, dict[str, str]]:
    """For PostgreSQL's programs. The password is in the environment: a command line can be read by everybody."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 -- only here PostgreSQL's library must be there

    environment = {**os.environ, **({"PGPASSWORD": info.password} if info.password else {})}
    said = {name: value for name, value in info.get_parameters().items() if name in _EVERY_RELEASE_KNOWS}
    return make_conninfo("", **said), environment


# The library that Django connects with may be newer than the programs, and refuses no word that they would.
_EVERY_RELEASE_KNOWS = {
    *("host", "hostaddr", "port", "dbname", "user", "passfile", "options", "connect_timeout", "target_session_attrs"),
    *("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "krbsrvname", "gssencmode", "channel_binding"),
}


@contextmanager
def _frozen_postgresql():
    own = connection.copy("backup")
    try:
        own.connect()
        version = own.pg_version // 10_000
        pg_dump = program("pg_dump", version)
        own.set_autocommit(False)
        with own.cursor() as cursor, tempfile.TemporaryFile() as told:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SELECT pg_export_snapshot()")
            snapshot = cursor.fetchone()[0]

            def ask(sql):
                cursor.execute(sql)
                return cursor.fetchall()

            yield Frozen(str(version), ask, _dumped(pg_dump, own.connection.info, snapshot, told))
    except DatabaseError as error:
        raise Refused(f"The database does not answer: {str(error).strip()}. Earlier backups are untouched.") from error
    finally:
        own.close()


def _dumped(pg_dump, info, snapshot, told):
    where, environment = _how_to_connect(info)
    command = [pg_dump, "--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    command += [f"--exclude-table-data=*.{SESSIONS}", f"--dbname={where}"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, env=environment)  # nosec B603 # noqa: S603 -- a program of PostgreSQL, no words of people
    try:
        while piece := running.stdout.read(CHUNK):
            yield piece
        if running.wait():
            raise Refused(f"pg_dump failed: {_said(told)} Earlier backups are untouched.")
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


def _said(told) -> str:
    told.seek(0)
    return told.read().decode(errors="replace").strip()[-800:]


def put_into_postgresql(pieces: Iterable[bytes], *, was: str, becomes: str) -> None:
    """In one transaction: whoever reads meanwhile sees the old state or the new, and nothing between.

    `was`, `becomes`: seals at the end of the audit log, before and after. Raises Refused; then nothing has changed.
    """
    connection.ensure_connection()
    version = connection.pg_version // 10_000
    pg_restore, psql = program("pg_restore", version), program("psql", version)
    where, environment = _how_to_connect(connection.connection.info)
    there = sorted(tables())
    Path(settings.VAR_DIR).mkdir(parents=True, exist_ok=True)
    with (
        tempfile.NamedTemporaryFile(dir=settings.VAR_DIR, prefix=".restoring-") as dump,
        tempfile.TemporaryFile() as told,
    ):
        for piece in pieces:  # pg_restore jumps to and fro in it
            dump.write(piece)
        dump.flush()
        connection.close()
        command = [psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={where}", "--file=-"]
        running = subprocess.Popen(  # nosec B603 # noqa: S603 -- a program of PostgreSQL, no words of people
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=told, env=environment
        )
        try:
            say = running.stdin
            say.write(b"BEGIN;\nSET LOCAL client_min_messages = warning;\nSET LOCAL lock_timeout = '60s';\n")
            if there:
                if "publishing_auditend" in there:
                    say.write(b"LOCK TABLE publishing_auditend IN ACCESS EXCLUSIVE MODE;\n")
                    say.write(_ends_with(was, "somebody wrote while the safety copy was made; restore again").encode())
                names = ", ".join(f'"{table}"' for table in there)
                say.write(f"DROP TABLE {names} CASCADE;\n".encode())
            command = [pg_restore, "--no-owner", "--no-privileges", "--exit-on-error", "--file=-", dump.name]
            unpacking = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told)  # nosec B603 # noqa: S603 -- the same
            shutil.copyfileobj(unpacking.stdout, say, CHUNK)
            if unpacking.wait():
                raise Refused(f"pg_restore cannot read the backup: {_said(told)} The database is as it was.")
            # Only now: without it psql ends, and everything is as it was.
            say.write(
                b"RESET search_path;\n" + _ends_with(becomes, "the audit log ends elsewhere").encode() + b"COMMIT;\n"
            )
            say.close()
            code = running.wait()
        except BrokenPipeError:
            code = running.wait() or 1
        finally:
            running.kill()
            running.wait()
        if code:
            raise Refused(f"The database could not be replaced; it is as it was. {_said(told)}")


def _ends_with(seal: str, otherwise: str) -> str:
    if not re.fullmatch(r"[0-9a-f]*", seal):
        raise Refused("The seal in the manifest is none.")
    ends = "coalesce((SELECT seal FROM publishing_auditend), '')"
    return f"DO $$ BEGIN IF {ends} <> '{seal}' THEN RAISE EXCEPTION '{otherwise}'; END IF; END $$;\n"
