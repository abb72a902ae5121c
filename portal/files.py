"""Files that are whole or not there: a process may die, and a disk may be full, at any byte of them."""

import os
import tempfile
import time
from pathlib import Path

from django.core.files.storage import FileSystemStorage

PART = ".part-"  # before the name of what is being written; no server shows it, and no reader of ours opens it
DAY = 24 * 60 * 60


def write(path: Path, content: bytes, *, lasting: bool = False, mode: int = 0o644) -> None:
    """Write a file whole or not at all. `lasting`: not even a power cut leaves half of it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=PART)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(part, mode)
        os.replace(part, path)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def forget_parts(folder: Path, older_than: float = DAY) -> None:
    """Take away what processes that died were writing so many seconds ago."""
    for part in folder.rglob(f"{PART}*"):
        try:
            if part.stat().st_mtime < time.time() - older_than:
                part.unlink()
        except FileNotFoundError:  # another process was faster
            continue


class WholeFiles(FileSystemStorage):
    """Where uploaded pictures are kept."""

    def _save(self, name, content):
        content.seek(0)
        write(Path(self.path(name)), content.read(), lasting=True)
        return name
