"""Gettext catalogues: the id is the context; what was translated before stands as the previous text, marked fuzzy."""

import re

import polib
from django.utils.translation import gettext as _

from . import text
from .work import MAX_SEGMENTS, Returned, Unreadable, old_target, one_language, read_unit_id, unit_id, worth_sending

_EDITION = re.compile(r"^source edition ([0-9]{1,9})$", re.MULTILINE)
# polib is lenient: it would cut the ends off a text that lacks a quotation mark.
_LINE = re.compile(
    r'(?:#.*|(?P<keyword>msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)\s+"(?:[^"\\]|\\.)*"|"(?:[^"\\]|\\.)*")?'
)
_MAX_RUN = 1000  # lines to one text or comment; joining many more would take polib minutes
# polib takes these for the end of a line wherever they stand; they are set aside while it reads.
_SET_ASIDE = {"\x85": "\ue0f0", "\u2028": "\ue0f1", "\u2029": "\ue0f2"}
_AWAY = str.maketrans(_SET_ASIDE)
_BACK = str.maketrans({aside: own for own, aside in _SET_ASIDE.items()})


def write(works) -> bytes:
    works = list(works)
    source_tag, target_tag = one_language(works)
    catalogue = polib.POFile(wrapwidth=0)
    catalogue.metadata = {
        "Project-Id-Version": "portal",
        "Language": target_tag.replace("-", "_"),
        "X-Source-Language": source_tag,
        "X-Target-Language": target_tag,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
    }
    for work in works:
        for segment in worth_sending(work):
            entry = polib.POEntry(
                msgctxt=unit_id(work, segment),
                msgid=text.write_flat(segment.source, segment.rich),
                comment="\n".join(_comment(work, segment)),
            )
            if segment.state == "out-of-date":
                entry.msgstr = text.write_flat(old_target(segment), segment.rich)
                if segment.before:
                    entry.previous_msgid = text.write_flat(segment.before[0], segment.rich)
            elif segment.state != "missing":
                entry.msgstr = text.write_flat(segment.target, segment.rich)
            if entry.msgstr and segment.state in {"out-of-date", "machine"}:
                entry.flags.append("fuzzy")
            catalogue.append(entry)
    return str(catalogue).encode("utf-8")


def _comment(work, segment):
    yield " ".join(text.clean(f"{work.title}: {segment.label or segment.part}").split())
    if work.address:
        yield " ".join(text.clean(work.address).split())
    if segment.max_length:
        yield f"at most {segment.max_length} characters"
    yield f"source edition {work.edition}"


def read(data: bytes) -> list[Returned]:
    said = text.decode(data).replace("\r\n", "\n").replace("\r", "\n").translate(_AWAY)
    if len(re.findall(r"^\s*msgid\b", said, re.MULTILINE)) > MAX_SEGMENTS:
        raise Unreadable(_("This file holds more than {number} texts.").format(number=MAX_SEGMENTS))
    _check_lines(said)
    try:
        # polib opens a file of this name if there is one; no name begins like this.
        catalogue = polib.pofile("# a catalogue\n\n" + text.clean(said), encoding="utf-8")
    except (OSError, ValueError, LookupError, AttributeError, TypeError) as problem:
        line = re.search(r"\(line (\d+)\)", str(problem))
        raise _damaged(int(line[1]) - 2 if line else 1) from None
    tag = catalogue.metadata.get("X-Target-Language") or catalogue.metadata.get("Language", "").replace("_", "-")
    if not tag:
        raise Unreadable(_("This file does not say which language it was translated to."))
    found = []
    for entry in catalogue:
        if entry.obsolete:
            continue
        place = read_unit_id(entry.msgctxt or "")
        if place is None:
            raise Unreadable(
                _(
                    "This file was not made here. Download the file again, translate that one, and upload it with its "
                    "own names."
                )
            )
        kind, key, where = place
        edition = _EDITION.search(entry.comment)
        source, target = (text.read_flat(words.translate(_BACK), where.rich) for words in (entry.msgid, entry.msgstr))
        found.append(
            Returned(kind, key, where.part, where.number, int(edition[1]) if edition else None, source, target, tag)
        )
    return found


def _check_lines(said: str):
    run = 0
    for at, line in enumerate(said.split("\n"), 1):
        match = _LINE.fullmatch(line.strip())
        run = 0 if match and match["keyword"] else run + bool(line.strip())
        if not match or run > _MAX_RUN:
            raise _damaged(at)


def _damaged(line: int) -> Unreadable:
    return Unreadable(_("This PO file is damaged at line {line}.").format(line=line))
