"""A table (CSV or XLSX) for whoever begins with a spreadsheet: one object a row, its cells change what they name.

What becomes of it is decided where bundles are loaded. Formulas are not run: the value a spreadsheet last kept counts.
"""

import csv
import io
import re
from html import escape
from pathlib import Path

from conditions import labels
from conditions.bundle.form import LISTS, Bundle, BundleTopic, Mistakes, mistakes
from portal import languages
from portal.addresses import slug_from
from portal.translating.columns import column
from portal.translating.exchange import incoming, text
from portal.translating.exchange.table import unprotect

MOST_BYTES = 10 * 1024 * 1024
MOST_UNPACKED = 100 * 1024 * 1024
MOST_ROWS = 5000
MOST_COLUMNS = 300
MOST_IN_A_CELL = 100_000  # characters; a spreadsheet's own limit is 32,767
_SECTIONS = {name for sections in labels.SECTIONS.values() for name in sections}
_WORDS = {"name", "slug", "summary", *LISTS, *_SECTIONS}
_SHAPE = {"codes", "see_also", "headings", "broader", "treatment_kind"}
_SAME = {"synonyms": "also_known_as"}  # what people write for it


def read(place: Path, language: str = languages.SOURCE) -> Bundle:
    """The rows of a file. Raises Mistakes naming row and column, Unreadable, and OSError where there is none."""
    if place.stat().st_size > MOST_BYTES:
        incoming.not_too_large(place.stat().st_size, MOST_BYTES)
    return understand(place.name, place.read_bytes(), language)


def understand(name: str, data: bytes, language: str = languages.SOURCE) -> Bundle:
    """`language`: of the columns that name none, such as "summary" beside "summary_es"."""
    incoming.not_too_large(len(data), MOST_BYTES)
    rows = _of_spreadsheet(data) if data.startswith(b"PK") or name.casefold().endswith(".xlsx") else _of_csv(data)
    columns = _columns(next(rows, []), language)
    wrong, topics = [], []
    for number, cells in enumerate(rows, 2):
        if number > MOST_ROWS + 1:
            raise Mistakes([f"this table has more than {MOST_ROWS} rows: split it"])
        said = {at: cell for at, cell in enumerate(cells) if at in columns and cell.strip()}
        if said:
            topics.append(_row(number, {columns[at]: cell for at, cell in said.items()}, wrong))
    bundle = Bundle([topic for topic in topics if topic])
    if not topics:
        wrong.append("row 2: there is nothing in this table")
    if wrong := [*wrong, *map(_in_columns, mistakes(bundle))]:
        raise Mistakes(wrong)
    return bundle


def _in_columns(mistake: str) -> str:
    """Of "row 5, es: sections.overview: …": the column's own name."""
    found = re.match(r"row (\d+), ([a-z0-9-]+): (?:sections\.)?(?:(\w+)(?: \(\d+\))?: )?", mistake)
    if found is None:
        return mistake
    row, part, name = found.groups()
    named = name if part == "topic" or not name else f"{name} ({part})"
    return f"row {row}, column {named or part}: {mistake[found.end() :]}"


def _columns(heads: list[str], language: str) -> dict[int, tuple[str, str | None]]:
    """place -> (field, language). Raises Mistakes."""
    codes = {column("", code).lstrip("_"): code for code in languages.LANGUAGES}
    columns, wrong = {}, []
    for at, head in enumerate(heads):
        name = re.sub(r"[\s-]+", "_", head.strip().casefold())
        name = _SAME.get(name, name)
        field, code = name, language
        for suffix, one in codes.items():
            if name.endswith(f"_{suffix}"):
                field, code = name.removesuffix(f"_{suffix}"), one
        field = _SAME.get(field, field)
        if not name:
            continue
        if name in {"kind", "key", *_SHAPE}:
            columns[at] = (name, None)
        elif field in _WORDS and (field, code) not in columns.values():
            columns[at] = (field, code)
        else:
            wrong.append(f"row 1, column {head.strip()[:60]}: no part has this name, or another column is the same")
    if not {("kind", None), ("key", None)} <= set(columns.values()):
        wrong.append("row 1: the columns kind and key are missing")
    if wrong:
        raise Mistakes(wrong)
    return columns


def _row(number: int, cells: dict[tuple, str], wrong: list[str]) -> BundleTopic | None:
    said = {name: cell.strip() for (name, language), cell in cells.items() if language is None}
    kind, key = said.pop("kind", "").casefold(), said.pop("key", "")
    if kind not in labels.KINDS:
        wrong.append(f"row {number}, column kind: “{kind[:60]}” is none of {', '.join(labels.KINDS)}")
        return None
    words: dict[str, dict] = {}
    for (name, language), cell in cells.items():
        if language is None:
            continue
        own = words.setdefault(language, {})
        if name in LISTS:
            own[name] = [one.strip() for one in re.split(r"[;\n]", cell) if one.strip()]
        elif name in _SECTIONS:
            own.setdefault("sections", {})[name] = rich(cell)
        else:
            own[name] = cell.strip()
    shape: dict = {name: said[name] for name in ("broader", "treatment_kind") if name in said}
    for name in ("see_also", "headings"):
        if name in said:
            shape[name] = [one for one in re.split(r"[;,\s]+", said[name]) if one]
    if "codes" in said:
        split = [one.split(maxsplit=1) for one in re.split(r"[;\n]", said["codes"]) if one.strip()]
        if any(len(one) != 2 for one in split):
            wrong.append(f"row {number}, column codes: write the system before each code: icd-10 G24.1; orpha 256")
            return None
        shape["codes"] = [{"system": system.casefold(), "code": code} for system, code in split]
    name = words.get(languages.SOURCE, {}).get("name", "")
    return BundleTopic(kind, key or slug_from(name), shape, words, row=number)


def rich(cell: str) -> str:
    """Rich text as it is; of plain text, paragraphs between empty lines, and lists of lines that begin with "-"."""
    if re.search(r"<(?:p|ul|ol|h3)>", cell):
        return cell.strip()
    made = []
    for block in re.split(r"\n\s*\n", cell.replace("\r\n", "\n").strip()):
        lines = [line.strip() for line in block.split("\n") if line.strip()]
        items = [escape(line[1:].strip(), quote=False) for line in lines if line[0] in "-•*"]
        if items and len(items) == len(lines):
            made.append("<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>")
        elif lines:
            made.append(f"<p>{escape(' '.join(lines), quote=False)}</p>")
    return "\n".join(made)


def _of_csv(data: bytes):
    said = text.decode(data)
    first = said.split("\n", 1)[0]
    try:
        for number, row in enumerate(
            csv.reader(io.StringIO(said, newline=""), delimiter=max(",;\t", key=first.count)), 1
        ):
            yield _bounded(number, [unprotect(cell) for cell in row])
    except csv.Error as error:
        raise Mistakes([f"this table is damaged: {error}"]) from None


def _of_spreadsheet(data: bytes):
    """The first sheet, row by row, whatever size it says it has."""
    for name, content in incoming.members(data, 1000, MOST_UNPACKED):
        if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content[:4096]:
            raise Mistakes([f"this spreadsheet's {name[-60:]} declares entities, which no spreadsheet needs"])
    import openpyxl  # noqa: PLC0415 -- 5 MB and 80 ms for each server process, and hardly any reads a spreadsheet

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what it says of its own size may be wrong
        for number, row in enumerate(
            sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS + 1, values_only=True), 1
        ):
            yield _bounded(number, ["" if cell is None else str(cell) for cell in row])
    except Mistakes:
        raise
    except Exception as error:  # its readers raise whatever they stumble over
        raise Mistakes([f"this is no XLSX file that can be read ({type(error).__name__}): save it again"]) from None


def _bounded(number: int, cells: list[str]) -> list[str]:
    if any(cell.strip() for cell in cells[MOST_COLUMNS:]):
        raise Mistakes([f"row {number}: this table has more than {MOST_COLUMNS} columns"])
    if too_long := next((at for at, cell in enumerate(cells, 1) if len(cell) > MOST_IN_A_CELL), 0):
        raise Mistakes([f"row {number}, column {too_long}: this cell holds more than {MOST_IN_A_CELL} characters"])
    return cells[:MOST_COLUMNS]
