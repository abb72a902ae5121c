"""Numbers that the processes of one server share. Each counts in a piece of memory of its own, and any can read all.

A piece is a file below /dev/shm that its process holds a lock on. What a killed process had counted stays, and the
next one goes on from there; so no sum ever falls, and there are never more pieces than there were processes at once.
"""

import fcntl
import logging
import mmap
import os
import shutil
import stat
import tempfile
import zlib
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

BYTES = 8  # of a number
MOST = 256  # processes


class Numbers:
    """`slots` are this process's own. Whoever counts adds to them: slots[place[name]] += 1."""

    def __init__(self, counters: Sequence[Hashable], gauges: Sequence[Hashable]):
        names = [*counters, *gauges]
        self.counters, self.gauges = tuple(counters), tuple(gauges)
        self.place = {name: number for number, name in enumerate(names)}
        self.size = len(names) * BYTES
        self.slots = memoryview(bytearray(self.size)).cast("q")
        # Another release may count other things: it does not go on in our pieces.
        self.shape = f"{zlib.crc32(repr(names).encode()):08x}"
        self.folder: Path | None = None
        self.piece: int | None = None

    def share(self, root: Path | None = None):
        """Count where the other processes of this server can read it. Where that cannot be, each counts for itself."""
        try:
            root = root or _shared_memory()
            _make_ours(root)
            lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                _forget_the_dead(root)
                self._take_a_piece(root / f"{_server()}-{self.shape}")
            finally:
                os.close(lock)
        except OSError:
            logger.exception("Each process counts for itself: the metrics show one of them at a time.")

    def _take_a_piece(self, folder: Path):
        folder.mkdir(mode=0o700, exist_ok=True)
        for number in range(MOST):
            file = os.open(folder / str(number), os.O_RDWR | os.O_CREAT, 0o600)
            if not _lock(file):
                os.close(file)
                continue
            # All of it now: memory that is promised and not there would end the process when it counts.
            os.posix_fallocate(file, 0, self.size)
            piece = memoryview(mmap.mmap(file, self.size)).cast("q")  # the lock lives as long as the process
            for name in self.gauges:
                piece[self.place[name]] = 0
            self.slots, self.folder, self.piece = piece, folder, number
            return

    def all(self) -> Iterator[tuple[int, bool, memoryview]]:
        """(number of the piece, whether its process lives, its slots) of each process there was."""
        if self.folder is None:
            yield 0, True, self.slots
            return
        for number in range(MOST):
            if number == self.piece:
                yield number, True, self.slots
                continue
            try:
                file = os.open(self.folder / str(number), os.O_RDWR)
            except OSError:
                return
            try:
                lives, kept = not _lock(file), os.pread(file, self.size, 0)
            finally:
                os.close(file)
            if len(kept) == self.size:
                yield number, lives, memoryview(kept).cast("q")


def _lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _shared_memory() -> Path:
    memory = Path("/dev/shm")  # nosec B108 # noqa: S108 -- the folder below it is ours alone, or is not used
    return (memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())) / f"portal-{os.geteuid()}"


def _make_ours(folder: Path):
    """Raises PermissionError where somebody else made it before us."""
    folder.mkdir(mode=0o700, exist_ok=True)
    made = folder.lstat()
    if not stat.S_ISDIR(made.st_mode) or made.st_uid != os.geteuid() or made.st_mode & 0o077:
        raise PermissionError(f"{folder.name} was made by somebody else")


def _server() -> str:
    """The process that started this one; a number alone may have been another's before."""
    try:
        began = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        began = "0"
    return f"{os.getppid()}-{began}"


def _forget_the_dead(root: Path):
    """Servers of which no process lives. Nobody begins meanwhile: the caller holds the lock of all."""
    for folder in root.iterdir():
        if not folder.is_dir() or folder.name.startswith(f"{_server()}-"):
            continue
        lives = False
        for piece in folder.iterdir():
            file = os.open(piece, os.O_RDWR)
            lives = lives or not _lock(file)
            os.close(file)
        if not lives:
            shutil.rmtree(folder, ignore_errors=True)
