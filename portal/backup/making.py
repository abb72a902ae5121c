"""Makes a backup: under another name until it is whole and was read back."""

import fcntl
import hashlib
import os
import re
import subprocess
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.utils import timezone

from portal.backup import databases, form
from portal.backup.form import Manifest, Refused
from portal.files import PART

_BY_CONTENT = re.compile(r"([0-9a-f]{64})\.\w+")  # a picture's name is the hash of its content

_PART = re.compile(r"\.part-\d+")


@dataclass(frozen=True)
class Made:
    path: Path
    manifest: Manifest
    missing: list[str]  # pictures that the database names and nobody has
    removed: list[Path]  # older backups


def make(
    folder: Path, *, keep: int = 0, with_secret: bool = False, pulse: Callable[[int], object] = lambda n: None
) -> Made:
    """A new backup in the folder. Raises Refused, OSError; then there is no new one, and no earlier one has changed.

    `keep`: so many stay, of those this made for the same address; 0: all. `pulse` is told of bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _clear(folder)
    now = timezone.now()
    host = re.sub(r"[^\w.-]", "-", urlsplit(settings.PUBLIC_ADDRESS).hostname)
    path = folder / f"{host}-{now:%Y%m%dT%H%M%SZ}.zip"
    part = folder / f".part-{os.getpid()}-{path.name}"
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # so that nobody takes it for one that was left behind
        try:
            manifest, missing = _write(file, folder, now, with_secret, pulse)
            file.flush()
            os.fsync(file.fileno())
            with form.opened(part) as backup:
                backup.check()
            os.rename(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    _sync(folder)
    # One with a fault pushes no better one out.
    older = form.named_like_ours(folder, f"{host}-")[: -keep or None] if keep and not missing else []
    for one in older:
        one.unlink()
    return Made(path, manifest, missing, older)


def _write(file, folder, now, with_secret, pulse):
    files = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        # The database first. A picture of a row that comes later is harmless, a row without its picture is not.
        with databases.frozen(folder) as database:
            have = {row[0] for row in _ask_tables(database)}
            manifest = Manifest(
                made_at=now.isoformat(timespec="seconds"),
                release=release(),
                database=connection.vendor,
                server=database.server,
                migrations=[list(row) for row in database.ask("SELECT app, name FROM django_migrations ORDER BY id")],
                counts={table: _count(database, table) for table in sorted(have - {databases.SESSIONS})},
                audit_end=list((database.ask("SELECT number, seal FROM publishing_auditend") or [(0, "")])[0]),
                files=files,
            )
            named = _pictures(database, have)
            packing = zipfile.ZIP_DEFLATED if connection.vendor == "sqlite" else zipfile.ZIP_STORED
            files[manifest.dump] = _add(archive, manifest.dump, database.pieces, packing, pulse)
        root = Path(settings.MEDIA_ROOT)
        for picture in sorted(one for one in root.rglob("*") if one.is_file() and not one.is_symlink()):
            if picture.name.startswith(PART):
                continue
            name = picture.relative_to(root).as_posix()
            if not _is_whole(picture):
                continue  # on its way in, of a row that comes later; or damaged, then it is missing
            files[form.MEDIA + name] = _add(archive, form.MEDIA + name, databases.of_file(picture), packing, pulse)
        if with_secret:
            files[form.SECRET] = _add(archive, form.SECRET, [settings.SECRET_KEY.encode()], zipfile.ZIP_STORED, pulse)
        archive.writestr(form.MANIFEST, manifest.json())
    return manifest, sorted(name for name in named if form.MEDIA + name not in files)


def _ask_tables(database):
    if connection.vendor == "sqlite":
        every = database.ask("SELECT name FROM sqlite_master WHERE type = 'table'")
    else:
        every = database.ask("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    known = databases.known_tables()
    have = [row for row in every if row[0] in known]
    if "django_migrations" not in {row[0] for row in have}:
        raise Refused("The database is empty. Nothing was backed up.")
    return have


def _count(database, table):
    return database.ask(f'SELECT count(*) FROM "{table}"')[0][0]  # nosec B608 # noqa: S608 -- a table of ours


def _pictures(database, have):
    """Every file that a row names."""
    named = set()
    for model in apps.get_models():
        for one in model._meta.local_fields:
            if isinstance(one, models.FileField) and model._meta.db_table in have:
                sql = f'SELECT DISTINCT "{one.column}" FROM "{model._meta.db_table}" WHERE "{one.column}" <> \'\''  # nosec B608 # noqa: S608 -- names of ours
                named.update(row[0] for row in database.ask(sql))
    return named


def _is_whole(picture):
    by_content = _BY_CONTENT.fullmatch(picture.name)
    if not by_content:
        return True
    return sha256(picture) == by_content[1]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add(archive, name, pieces, packing, pulse):
    found = hashlib.sha256()
    information = zipfile.ZipInfo(name)  # without a date: the manifest has it
    information.compress_type, information.external_attr = packing, 0o100600 << 16
    with archive.open(information, "w", force_zip64=True) as member:
        for piece in pieces:
            found.update(piece)
            member.write(piece)
            pulse(len(piece))
    return found.hexdigest()


def _clear(folder):
    """What a backup left behind that was killed; never one that is being written."""
    for part in folder.glob(".part-[0-9]*.zip"):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()
            for left in folder.glob(f"{_PART.match(part.name)[0]}.sqlite3*"):
                left.unlink(missing_ok=True)


def _sync(folder):
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def release() -> str:
    """What git calls the code here; nothing where there is no git."""
    with suppress(OSError):
        done = subprocess.run(  # nosec B603, B607 # fixed words
            ["git", "describe", "--always", "--tags", "--dirty"],  # noqa: S607 -- wherever it is installed
            cwd=settings.BASE_DIR, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()
    return ""
