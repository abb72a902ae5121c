"""A site as files: every address is asked once, every answer is a file, and only what differs is written.

It knows no subject: whoever calls it says which addresses there are and how they answer. What it has done stands in a
journal beside the files, a line for each address. So an interrupted copy goes on where it stopped, a copy of what has
not changed asks nothing, and what this copy once wrote and does not have any more is taken away; other files never.
"""

import fcntl
import gzip
import html
import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import HttpResponse

from portal import files, languages

OWN = ".copy"  # a folder of the copy for what is about it; no server shows it
LONGEST = 255 - len(".gz")  # bytes of a file's name, on every system that matters
_PACKED = (".html", ".json", ".xml", ".atom", ".css", ".js", ".svg", ".txt")
_LINK = re.compile(rb'(<[^<>]*?\s(?:href|src|action)=")(/(?!/)[^"]*)"')
_REFRESH = re.compile(rb'(content="0; url=)(/[^"]*)"')
_MEDIA = re.compile(rb'(?:src|href)="(/media/[^"?#]+)"')


class Unplaceable(Exception):
    """An address that cannot be the name of a file."""


@dataclass(frozen=True)
class Line:
    """What became of one address."""

    address: str
    file: str  # below the folder of the copy; its name is decoded, as servers look for it
    status: int
    location: str = ""  # for a redirect
    written: bool = True  # False: it was there already, the same


def place(address: str, kind: str = "text/html") -> str:
    """The file that a server finds for an address. Raises Unplaceable."""
    parts = unquote(address, errors="strict").split("/")[1:]
    if parts[-1] == "":
        parts[-1] = "index.html"
    elif "." not in parts[-1]:
        ends = "problem" if "problem+json" in kind else "json" if "json" in kind else "html"
        # Other addresses may go on behind this one, so it is a folder; JSON elsewhere is a file without an ending.
        if ends == "html" or parts[0] == "api":
            parts.append(f"index.{ends}")
    for part in parts:
        if not part or part.startswith(".") or re.search(r"[\\\x00-\x1f]", part):
            raise Unplaceable(f"{address}: no file can be called “{part}”")
        if len(part.encode()) > LONGEST:
            raise Unplaceable(f"{address}: its name has {len(part.encode())} bytes, a file's may have {LONGEST}")
    return "/".join(parts)


def write(folder: Path, address: str, response: HttpResponse, *, relative: bool, packed: bool) -> Line:
    """The answer as a file, unless it is there already. `relative`: links that work without a server.

    Raises Unplaceable, OSError.
    """
    body = response.getvalue()
    location = ""
    kind = response.headers.get("Content-Type", "")
    if response.status_code in (301, 302, 307, 308):
        location, kind = _path_of(response["Location"]), "text/html"
        body = _moved(address, location)
    file = place(address, kind)
    if relative and kind.startswith("text/html"):
        body = _relative(body, file)
    written = put(folder / file, body, packed=packed)
    return Line(address, file, response.status_code, location, written)


def put(path: Path, body: bytes, *, packed: bool = False) -> bool:
    """Whole or not at all. False: it said exactly this before."""
    same = path.is_file() and path.read_bytes() == body
    beside = path.with_name(path.name + ".gz")
    if not same:
        # First, so that no crash leaves old words packed beside the new ones: servers prefer what is packed.
        beside.unlink(missing_ok=True)
        files.write(path, body)
    if packed and path.suffix in _PACKED and len(body) > 500 and not beside.exists():
        files.write(beside, gzip.compress(body, 9, mtime=0))
    return not same


def pictures(body: bytes) -> set[str]:
    """The addresses of the pictures a page shows."""
    return {found.decode() for found in _MEDIA.findall(body)}


def _path_of(location: str) -> str:
    """A redirect goes to the same site; the copy may stand under another name."""
    parts = urlsplit(location)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def _moved(address: str, location: str) -> bytes:
    """For servers that know nothing of our redirects, and for no server at all."""
    first = address.strip("/").partition("/")[0]
    language = languages.get(first) if first in languages.LANGUAGES else languages.get(languages.SOURCE)
    to = html.escape(location)
    return (
        f'<!doctype html>\n<html lang="{language.tag}" dir="{language.direction}">\n<head>\n<meta charset="utf-8">\n'
        f'<title>{html.escape(unquote(location))}</title>\n<meta name="robots" content="noindex">\n'
        f'<meta http-equiv="refresh" content="0; url={to}">\n'
        f'<link rel="canonical" href="{html.escape(settings.PUBLIC_ADDRESS)}{to}">\n</head>\n<body>\n'
        f'<main><h1><a href="{to}">{html.escape(unquote(location))}</a></h1></main>\n</body>\n</html>\n'
    ).encode()


def _relative(body: bytes, file: str) -> bytes:
    """/en/conditions/ as ../../en/conditions/index.html: what a browser finds on a disk."""
    up = "../" * file.count("/") or "./"

    def rewritten(found: re.Match[bytes]) -> bytes:
        target = urlsplit(html.unescape(found[2].decode()))
        path = target.path[1:]
        if not path or path.endswith("/"):
            path += "index.html"
        elif "." not in path.rpartition("/")[2]:
            path += "/index.json" if path.startswith("api/") else "/index.html"
        more = (f"?{target.query}" if target.query else "") + (f"#{target.fragment}" if target.fragment else "")
        return found[1] + html.escape(up + path + more).encode() + b'"'

    return _REFRESH.sub(rewritten, _LINK.sub(rewritten, body))


class Busy(Exception):
    """Somebody else writes this copy."""


class Journal:
    """What the copy in this folder consists of, and for which `state`, which names everything its answers depend on.

    One process at a time may write a copy. Raises Busy, OSError.
    """

    def __init__(self, folder: Path, state: str):
        self.folder, self.state = folder, state
        (folder / OWN).mkdir(parents=True, exist_ok=True)
        self._lock = (folder / OWN / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        self._rows = sqlite3.connect(folder / OWN / "journal.sqlite3", isolation_level=None)
        self._rows.execute("PRAGMA synchronous=OFF")  # a line that is lost in a crash is asked for once more
        self._rows.execute(
            "CREATE TABLE IF NOT EXISTS line "
            "(address TEXT PRIMARY KEY, file TEXT, status INT, location TEXT, state TEXT)"
        )
        self._rows.execute("CREATE TABLE IF NOT EXISTS finished (state TEXT)")
        if not self.was_finished:
            files.forget_parts(folder, older_than=0)  # of one that was interrupted; nobody else writes here now

    @property
    def was_finished(self) -> bool:
        """This very state was copied to its end."""
        return self._rows.execute("SELECT 1 FROM finished WHERE state=?", (self.state,)).fetchone() is not None

    def has(self, address: str) -> bool:
        """It was answered for this state, and its file is still there."""
        row = self._rows.execute("SELECT file FROM line WHERE address=? AND state=?", (address, self.state)).fetchone()
        return bool(row) and (self.folder / row[0]).is_file()

    def add(self, line: Line) -> None:
        row = (line.address, line.file, line.status, line.location, self.state)
        self._rows.execute("INSERT OR REPLACE INTO line VALUES (?, ?, ?, ?, ?)", row)

    def lines(self) -> list[Line]:
        rows = self._rows.execute("SELECT address, file, status, location FROM line WHERE state=?", (self.state,))
        return [Line(*row) for row in rows]

    def finish(self) -> int:
        """The copy is whole: what it does not have any more goes. Returns how many files that were."""
        old = self._rows.execute(
            "SELECT file FROM line WHERE state<>?1 AND file NOT IN (SELECT file FROM line WHERE state=?1)",
            (self.state,),
        )
        removed = 0
        for (file,) in old.fetchall():
            if _is_below(file):
                path = self.folder / file
                path.unlink(missing_ok=True)
                path.with_name(path.name + ".gz").unlink(missing_ok=True)
                _remove_empty(path.parent, self.folder)
                removed += 1
        self._rows.execute("DELETE FROM line WHERE state<>?", (self.state,))
        self._rows.execute("DELETE FROM finished")
        self._rows.execute("INSERT INTO finished VALUES (?)", (self.state,))
        return removed

    def close(self) -> None:
        self._rows.close()
        self._lock.close()


def _is_below(file: str) -> bool:
    """A journal may have come on somebody's stick: nothing outside of the copy is touched in its name."""
    return not file.startswith("/") and not {"..", "", OWN} & set(file.split("/")) and "\\" not in file


def _remove_empty(folder: Path, stop: Path) -> None:
    while folder != stop and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def copy_static(folder: Path) -> None:
    """Styles, scripts and icons of our own pages, as they were collected; the desk's stay where they are."""
    ours = {path.stem for base in settings.STATICFILES_DIRS for path in Path(base).iterdir()}
    for path in sorted(Path(settings.STATIC_ROOT).rglob("*")):
        below = path.relative_to(settings.STATIC_ROOT)
        if path.is_file() and below.parts[0].partition(".")[0] in ours:
            put(folder / "static" / below, path.read_bytes())
