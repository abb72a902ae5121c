"""A file that somebody uploads: which kind it is, and whether it may be opened at all."""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

from django.utils.translation import gettext as _

from . import po, table, xliff
from .work import MAX_SEGMENTS, Returned, Unreadable

MAX_BYTES = 10 * 1024 * 1024
MAX_MEMBERS = 500
MAX_RATIO = 100
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_NOT_FILES = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|\._|Thumbs\.db$)")


def read(name: str, data: bytes) -> list[Returned]:
    """What stands in an uploaded file. Content decides before the name. Raises Unreadable with the reason."""
    not_too_large(len(data))
    found = _members(data) if data.startswith(_ZIP) else _one(name, data)
    if not found:
        raise Unreadable(_("There is nothing to take in: this file is empty."))
    if len(found) > MAX_SEGMENTS:
        raise Unreadable(_("This file holds more than {number} texts.").format(number=MAX_SEGMENTS))
    return found


def _one(name: str, data: bytes) -> list[Returned]:
    ending = PurePosixPath(name.replace("\\", "/")).suffix.casefold()
    start = data[:4096].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not start and len(data) <= 4096:
        raise Unreadable(_("There is nothing to take in: this file is empty."))
    if start.startswith(b"<"):
        return xliff.read(data)
    if ending in {".xlf", ".xliff"}:
        raise Unreadable(_("This file is damaged: it is named as an XLIFF file, but does not hold one."))
    if ending == ".po" or (ending != ".csv" and re.search(rb"^msgid ", data, re.MULTILINE)):
        return po.read(data)
    if ending == ".csv":
        return table.read(data)
    raise Unreadable(_("Upload an XLIFF (.xlf), PO or CSV file that was made here, or a ZIP file of those."))


def _members(data: bytes) -> list[Returned]:
    found: list[Returned] = []
    for name, content in members(data, MAX_MEMBERS, MAX_BYTES):
        if _NOT_FILES.search(name):
            continue
        found += _of_member(name, content)
        if len(found) > MAX_SEGMENTS:
            break
    return found


def members(data: bytes, most: int, most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """The files of a ZIP file: at most so many, and so many bytes unpacked. Raises Unreadable with the reason."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            _may_be_opened(packed.infolist(), most, most_bytes)
            left = most_bytes
            for member in packed.infolist():
                if member.is_dir():
                    continue
                with packed.open(member) as opened:
                    content = opened.read(left + 1)  # what a member says of its own size may be wrong
                left -= len(content)
                not_too_large(most_bytes - left, most_bytes)
                if content.startswith(_ZIP) or member.filename.casefold().endswith(".zip"):
                    raise Unreadable(_("This ZIP file holds another ZIP file. Pack the files themselves."))
                yield member.filename, content
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        raise Unreadable(_("This ZIP file is damaged. Pack it again.")) from None


def _of_member(name: str, content: bytes) -> list[Returned]:
    try:
        return _one(name, content)
    except Unreadable as problem:
        shown = "".join(c for c in name if c.isprintable())[-100:]
        raise Unreadable(_("{name}: {problem}").format(name=shown, problem=problem)) from None


def _may_be_opened(members: list[zipfile.ZipInfo], most: int, most_bytes: int):
    """By what the list of members says, before any is unpacked."""
    if len(members) > most:
        raise Unreadable(_("This ZIP file holds more than {number} files.").format(number=most))
    for member in members:
        name = member.filename.replace("\\", "/")
        is_link = stat.S_ISLNK(member.external_attr >> 16)
        if is_link or name.startswith("/") or ".." in name.split("/") or re.match("[A-Za-z]:", name):
            raise Unreadable(_("This ZIP file holds a name that leads out of it. Pack the files themselves."))
        if member.flag_bits & 0x1:
            raise Unreadable(_("This ZIP file is locked with a password. Pack it again without one."))
        if member.file_size > MAX_RATIO * max(member.compress_size, 1):
            raise Unreadable(_("This ZIP file unpacks to far more than it should. Pack the files again."))
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise Unreadable(_("This ZIP file is packed in a way that is not read here. Pack it again as plain ZIP."))
    not_too_large(sum(member.file_size for member in members), most_bytes)


def not_too_large(size: int, most: int = MAX_BYTES):
    """Raises Unreadable."""
    if size > most:
        raise Unreadable(_("This is larger than {size} MB. Upload it in parts.").format(size=most // 1024 // 1024))
