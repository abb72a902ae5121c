"""What a backup consists of, read as the work of a stranger: nothing is believed before its hash was checked."""

import hashlib
import json
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

FORM = 1  # of the manifest
MANIFEST, SECRET, MEDIA = "manifest.json", "secret_key", "media/"
DATABASES = {"sqlite": "database.sqlite3", "postgresql": "database.pgdump"}
CHUNK = 1024 * 1024
_LONGEST_MANIFEST = 200 * CHUNK
_NAME = re.compile(r"\w[\w.-]*-\d{8}T\d{6}Z\.zip")  # one that begins with a dot was never finished


class Refused(Exception):
    """Why it is not done and what to do instead, in whole sentences."""


@dataclass(frozen=True)
class Manifest:
    made_at: str  # ISO 8601, UTC
    release: str  # git describe, or nothing where there is no git
    database: str  # a key of DATABASES
    server: str  # its version
    migrations: list[list[str]]  # app and name of each that was applied
    counts: dict[str, int]  # rows of each table
    audit_end: list  # number and seal of the newest entry of the audit log
    files: dict[str, str] = field(default_factory=dict)  # name: SHA-256
    form: int = FORM

    @property
    def dump(self) -> str:
        return DATABASES[self.database]

    @property
    def pictures(self) -> list[str]:
        return [name for name in self.files if name.startswith(MEDIA)]

    @property
    def said(self) -> str:
        """When and of what, for people."""
        release = f", release {self.release}" if self.release else ""
        return (
            f"{datetime.fromisoformat(self.made_at):%Y-%m-%d %H:%M} UTC{release}: {self.rows('edition')} editions, "
            f"{self.rows('page')} pages, {self.rows('auditentry')} entries of the audit log, "
            f"{len(self.pictures)} pictures"
        )

    def rows(self, model: str) -> int:
        return self.counts.get(f"publishing_{model}", 0)

    def json(self) -> bytes:
        return json.dumps(asdict(self), indent=1, sort_keys=True, ensure_ascii=False).encode()


def newest(path: Path) -> Path:
    """The backup itself, or the newest one of a folder. Raises Refused."""
    if not path.is_dir():
        return path
    if found := named_like_ours(path):
        return found[-1]
    raise Refused(f"There is no backup in {path}.")


def named_like_ours(folder: Path, host: str = "") -> list[Path]:
    """Oldest first."""
    found = [one for one in folder.iterdir() if _NAME.fullmatch(one.name) and one.name.startswith(host)]
    # By the time at the end; before it stands the portal's name.
    return sorted(found, key=lambda one: one.name[-len("00000000T000000Z.zip") :])


class Backup:
    """One that can be trusted as far as its hashes go: `check` has to be called before anything is taken out."""

    def __init__(self, archive: zipfile.ZipFile, path: Path):
        self.path, self._archive = path, archive
        self.manifest = self._read_manifest()

    def check(self, pulse: Callable[[int], object] = lambda n: None) -> None:
        """Hold every file to its hash. `pulse` is told of bytes. Raises Refused."""
        for name in self.manifest.files:
            for piece in self.pieces(name):
                pulse(len(piece))

    def pieces(self, name: str) -> Iterator[bytes]:
        """A file's content. Raises Refused at its end, if it is not what the manifest says."""
        found = hashlib.sha256()
        try:
            with self._archive.open(name) as file:
                while piece := file.read(CHUNK):
                    found.update(piece)
                    yield piece
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError, zlib.error) as error:
            raise self._damaged(f"{name} cannot be read") from error
        if found.hexdigest() != self.manifest.files[name]:
            raise self._damaged(f"{name} is not what was written")

    @property
    def size(self) -> int:
        return sum(self._archive.getinfo(name).file_size for name in self.manifest.files)

    def _read_manifest(self) -> Manifest:
        names = [one.filename for one in self._archive.infolist()]
        if MANIFEST not in names:
            raise self._damaged("it has no manifest")
        try:
            if self._archive.getinfo(MANIFEST).file_size > _LONGEST_MANIFEST:
                raise ValueError("too long")
            said = json.loads(self._archive.read(MANIFEST))
            if said["form"] > FORM:
                raise Refused(
                    f"{self.path.name} was made by a newer release ({said.get('release') or 'unnamed'}). Bring it back "
                    "with that release."
                )
            manifest = Manifest(**said)
            datetime.fromisoformat(manifest.made_at)
            wanted = {manifest.dump, *manifest.files}
            if not all(re.fullmatch(r"\w+", table, re.ASCII) for table in manifest.counts):
                raise ValueError("no table")
        except (zipfile.BadZipFile, EOFError, ValueError, TypeError, KeyError, zlib.error) as error:
            raise self._damaged("its manifest cannot be read") from error
        if sorted(names) != sorted({*wanted, MANIFEST}):
            raise self._damaged("it holds other files than its manifest says")
        for one in self._archive.infolist():
            # Nothing is unpacked under a name that we did not make, and no link is followed.
            if stat.S_ISLNK(one.external_attr >> 16) or not _is_ours(one.filename, manifest.dump):
                raise self._damaged(f"“{one.filename}” is no file of a backup")
        return manifest

    def _damaged(self, why: str) -> Refused:
        return Refused(
            f"{self.path.name} is damaged or no backup of a portal: {why}. Nothing was changed. Take another."
        )


@contextmanager
def opened(path: Path) -> Iterator[Backup]:
    """Raises Refused, OSError."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
        raise Refused(f"{path.name} is no backup, or not whole. Nothing was changed. Take another.") from error
    with archive:
        yield Backup(archive, path)


def _is_ours(name: str, dump: str) -> bool:
    if name in {MANIFEST, SECRET, dump}:
        return True
    parts = name.split("/")
    return (
        name.startswith(MEDIA)
        and not {"", ".", ".."} & set(parts)
        and not re.search(r"[\\:\x00-\x1f]", name)
        and len(parts) > 1
    )
