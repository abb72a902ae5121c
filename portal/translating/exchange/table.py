"""A table for people without a translator's tool: CSV that a spreadsheet opens, and does not run."""

import csv
import io
import re

from django.utils.translation import gettext as _

from . import text
from .work import MAX_SEGMENTS, Returned, Unreadable, old_target, one_language, read_unit_id, unit_id, worth_sending

# A spreadsheet would calculate a cell that begins so. Apostrophes before it are counted, so that ours comes off again.
_RUNS = re.compile(r"'*\s*[=+\-@\t\r＝＋－＠]")
_MAX_COLUMNS = 100  # people add columns of their own
_LANGUAGE = re.compile(r"translation\s*\[([A-Za-z0-9-]{2,35})\]", re.IGNORECASE)


def write(works) -> bytes:
    works = list(works)
    source_tag, target_tag = one_language(works)
    out = io.StringIO(newline="")
    table = csv.writer(out, quoting=csv.QUOTE_ALL)
    table.writerow(["id", "part", "source edition", f"source [{source_tag}]", f"translation [{target_tag}]", "state"])
    for work in works:
        for segment in worth_sending(work):
            now = {"missing": "", "out-of-date": old_target(segment)}.get(segment.state, segment.target)
            cells = [
                unit_id(work, segment),
                text.clean(f"{work.title}: {segment.label or segment.part}"),
                str(work.edition),
                text.write_flat(segment.source, segment.rich),
                text.write_flat(now, segment.rich),
                segment.state,
            ]
            table.writerow([protect(cell) for cell in cells])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8")


def protect(cell: str) -> str:
    return f"'{cell}" if _RUNS.match(cell) else cell


def unprotect(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell) else cell


def read(data: bytes) -> list[Returned]:
    said = text.decode(data)
    rows = _rows(said)
    columns = [cell.strip() for cell in next(rows, [])[:_MAX_COLUMNS]]
    named = {column.partition("[")[0].rstrip().casefold(): at for at, column in enumerate(columns)}
    languages = [match[1] for column in columns if (match := _LANGUAGE.fullmatch(column))]
    if not {"id", "source", "translation"} <= named.keys() or not languages:
        raise Unreadable(
            _("The first line of this table does not name the columns id, source and translation. Keep it as it was.")
        )
    found = []
    for line, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(found) >= MAX_SEGMENTS:
            raise Unreadable(_("This file holds more than {number} texts.").format(number=MAX_SEGMENTS))
        row += [""] * (len(columns) - len(row))
        place = read_unit_id(unprotect(row[named["id"]]))
        if place is None:
            raise Unreadable(_("Row {line} of this table has no id that was made here.").format(line=line))
        kind, key, where = place
        edition = row[named["source edition"]].strip() if "source edition" in named else ""
        source, target = (
            text.read_flat(unprotect(text.clean(row[named[name]])), where.rich) for name in ("source", "translation")
        )
        number = int(edition) if re.fullmatch("[0-9]{1,9}", edition) else None
        found.append(Returned(kind, key, where.part, where.number, number, source, target, languages[0]))
    return found


def _rows(said: str):
    """Spreadsheets part cells as their country does."""
    first = said.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        yield from csv.reader(io.StringIO(said, newline=""), delimiter=delimiter, strict=True)
    except csv.Error:
        raise Unreadable(_("This table is damaged: a quotation mark or a cell has no end.")) from None
