"""Brings a backup back: everything is checked first, the database changes in one transaction, and the log says so."""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from portal.backup import databases, form, making
from portal.backup.form import Backup, Refused
from portal.publishing import audit, seals

KIND = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass
class Back:
    """What became of it."""

    safety: Path | None = None  # a backup of what was here before
    pictures: int = 0  # that were not here already
    faults: list[str] = field(default_factory=list)  # what `verify` finds: it stood so in the backup
    secret: str = ""  # what to know about SECRET_KEY


def may(backup: Backup, *, replace: bool, pulse: Callable[[int], object] = lambda n: None) -> None:
    """Whether it can be brought back here. Raises Refused, which says why not; nothing is changed either way."""
    manifest = backup.manifest
    if manifest.database != connection.vendor:
        raise Refused(
            f"This backup is of {KIND[manifest.database]}, and DATABASE_URL names {KIND[connection.vendor]} here. A "
            f"backup goes back into the kind of database it came from: set DATABASE_URL to {KIND[manifest.database]}, "
            "or start anew there and bring the content over with export_bundle and import_bundle; editions, signatures "
            "and the audit log do not move that way."
        )
    known = set(MigrationLoader(None).disk_migrations)
    if unknown := [f"{app}.{name}" for app, name in manifest.migrations if (app, name) not in known]:
        raise Refused(
            f"This backup was made by a newer release ({manifest.release or 'unnamed'}): this one does not know "
            f"{', '.join(unknown[:3])}. Bring it back with that release, or with the migrations that addlanguage wrote "
            "there."
        )
    there = databases.tables()
    if there and not replace:
        raise Refused(
            f"There is a portal here already ({connection.settings_dict['NAME']}). --replace puts the backup in its "
            "place; a backup of what is here is made first."
        )
    if there and (strange := set(MigrationLoader(connection).applied_migrations) - known):
        raise Refused(
            f"The database here belongs to a newer release: {'.'.join(sorted(strange)[0])} is not known. Restore with "
            "that release, or into an empty database."
        )
    backup.check(pulse)


def bring_back(backup: Backup, *, safety: Path, tell: Callable[[str], object] = lambda text: None) -> Back:
    """After `may`. Raises Refused, OSError; then the database is as it was, unless the sentence says otherwise."""
    done = Back()
    was = ""
    if databases.tables():
        made = making.make(safety)
        done.safety, was = made.path, made.manifest.audit_end[1]
        tell(f"What was here is kept in {made.path}.")
    # Pictures first: one that nobody shows yet is harmless. Those of before stay for the same reason.
    done.pictures = sum(_picture(backup, name) for name in backup.manifest.pictures)
    if connection.vendor == "sqlite":
        _into_sqlite(backup, was, done, tell)
    else:
        databases.put_into_postgresql(
            backup.pieces(backup.manifest.dump), was=was, becomes=backup.manifest.audit_end[1]
        )
        try:
            _bring_up_to_date(backup, done, tell)
        except Exception as error:
            raise Refused(
                f"The backup is in the database, but it could not be brought up to date: {error} Run migrate, reindex "
                "and verify when that is mended"
                + (f", or go back: restore --replace {done.safety}" if done.safety else "")
            ) from error
    done.secret = _secret(backup)
    return done


def _into_sqlite(backup, was, done, tell):
    """In a file beside, until it is as it shall be; then in one transaction into the file that servers have open."""
    real = Path(connection.settings_dict["NAME"])
    with databases.beside() as scratch:
        with scratch.open("wb") as file:
            for piece in backup.pieces(backup.manifest.dump):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        _bring_up_to_date(backup, done, tell)
        connection.close()
        databases.put_into_the_real_one(scratch, real, was=was)


def _bring_up_to_date(backup, done, tell):
    number, seal = audit_end = tuple(backup.manifest.audit_end)
    if _end() != audit_end:
        raise Refused(f"The audit log does not end where the manifest says, at entry {number}, sealed {seal}.")
    for table, rows in backup.manifest.counts.items():
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # nosec B608 # noqa: S608 -- form lets only words through
            if cursor.fetchone()[0] != rows:
                raise Refused(f"The table {table} does not have the {rows} rows that the manifest names.")
    tell("The database is the one of the manifest: every table, and the end of the audit log.")
    call_command("migrate", verbosity=0, interactive=False)
    call_command("reindex", verbosity=0, stdout=io.StringIO())
    done.faults = [*seals.faults(), *audit.faults()]
    audit.note(
        "brought back", by=None, about=f"backup of {backup.manifest.made_at}", audit_log_ended_at=number, sealed=seal
    )


def _end():
    """Before the migrations of this release have run there may be columns that it lacks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT number, seal FROM publishing_auditend")
        return cursor.fetchone() or (0, "")


def _picture(backup, name) -> bool:
    path = Path(settings.MEDIA_ROOT) / name.removeprefix(form.MEDIA)
    if path.is_file() and making.sha256(path) == backup.manifest.files[name]:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    _whole(path, backup.pieces(name), 0o644)
    return True


def _whole(path: Path, pieces: Iterator[bytes], mode: int) -> None:
    part = path.with_name(f".part-{os.getpid()}-{path.name}")
    try:
        with part.open("wb") as file:
            os.fchmod(file.fileno(), mode)
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _secret(backup) -> str:
    if form.SECRET not in backup.manifest.files:
        return ""
    secret = b"".join(backup.pieces(form.SECRET))
    if secret.decode() == settings.SECRET_KEY:
        return ""
    kept = Path(settings.VAR_DIR) / "secret_key"
    if os.environ.get("SECRET_KEY") or not kept.exists():
        return (
            "SECRET_KEY here is another one than in the backup. To keep links in mails and the signature of the API's "
            f"list of changes valid, set SECRET_KEY to what this prints: unzip -p {backup.path} {form.SECRET}"
        )
    _whole(kept, iter([secret]), 0o600)
    return f"SECRET_KEY of the backup is in {kept} now. Start the servers anew."
