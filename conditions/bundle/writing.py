"""A bundle as files: TOML for people to read and to compare. Equal bundles give equal bytes."""

import io
import json
import re
import zipfile
from pathlib import Path

from conditions.bundle.form import SHAPE, SHAPES, Bundle, flat, nested, whole
from conditions.bundle.reading import EXPORTED, KNOWN
from portal.files import forget_parts, write

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def files(bundle: Bundle) -> dict[str, bytes]:
    """name -> content, of everything in it."""
    found = {}
    if bundle.sources:
        found["sources.toml"] = _document({key: _said(row) for key, row in sorted(bundle.sources.items())})
    for topic in bundle.topics:
        place = f"{topic.kind}/{topic.key}"
        shape = whole(topic.kind, topic.shape)
        told = {name: shape[name] for name in SHAPES if shape.get(name)}
        found[f"{place}/{SHAPE}.toml"] = _document(told)
        for language, words in topic.words.items():
            found[f"{place}/{language}.toml"] = _document(nested(flat(words)))
    for name, picture in bundle.pictures.items():
        picture.seek(0)
        found[f"pictures/{name}"] = picture.read()
    if bundle.exported:
        found[EXPORTED] = _document(dict(sorted(bundle.exported.items())))
    return dict(sorted(found.items()))


def to_folder(bundle: Bundle, folder: Path) -> int:
    """Write the files; what an earlier export left there and nobody says any more goes. Returns how many files.

    Raises FileExistsError where the folder holds something that was not exported.
    """
    forget_parts(folder, older_than=0)
    there = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    ours = {name: path for name, path in there.items() if KNOWN.fullmatch(name)}
    if there and EXPORTED not in there:
        raise FileExistsError(f"{folder} is not empty and holds no earlier export")
    made = files(bundle)
    if EXPORTED in made:
        # Until all is written the folder claims nothing, or who is interrupted leaves old words under new promises.
        write(folder / EXPORTED, b"")
        made[EXPORTED] = made.pop(EXPORTED)
    for name in ours.keys() - made.keys():
        ours[name].unlink()
    for name, content in made.items():
        write(folder / name, content)
    return len(made)


def to_zip(bundle: Bundle) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files(bundle).items():
            member = zipfile.ZipInfo(name)  # its day is 1980-01-01, whenever it was packed
            member.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(member, content)
    return out.getvalue()


def _said(row: dict) -> dict:
    return {name: value for name, value in row.items() if value not in (None, "", [])}


def _document(said: dict) -> bytes:
    """Plain values first, then tables, as TOML has it."""
    lines = [f"{_key(name)} = {_value(value)}" for name, value in said.items() if not _is_table(value)]
    for name, value in said.items():
        if isinstance(value, dict):
            lines += _table(_key(name), value)
        elif _is_table(value):
            for row in value:
                lines += ["", f"[[{_key(name)}]]"]
                lines += [f"{_key(leaf)} = {_value(one)}" for leaf, one in row.items()]
    return ("\n".join(lines).strip() + "\n").encode() if lines else b""


def _table(name: str, said: dict) -> list[str]:
    lines = []
    plain = {leaf: value for leaf, value in said.items() if not isinstance(value, dict)}
    if plain:
        lines += ["", f"[{name}]", *(f"{_key(leaf)} = {_value(value)}" for leaf, value in plain.items())]
    for leaf, value in said.items():
        if isinstance(value, dict):
            lines += _table(f"{name}.{_key(leaf)}", value)
    return lines


def _is_table(value) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _value(value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_value(one) for one in value)}]"
    if isinstance(value, str):
        return _text(value)
    return str(value)  # a whole number, a day


def _text(said: str) -> str:
    """Paragraphs as they are, between ''' where that can be: whoever reads it should see no backslash."""
    plain = "'''" not in said and not said.endswith("'") and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", said)
    if plain and ("\n" in said or said.startswith("<")):
        return f"'''\n{said}\n'''"
    return _quoted(said)


def _quoted(said: str) -> str:
    return json.dumps(said, ensure_ascii=False).replace("\x7f", "\\u007f")
