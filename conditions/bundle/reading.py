"""A bundle out of a folder or a zip file, whoever packed it. No database. Mistakes name every file at fault."""

import io
import re
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile

from conditions import labels, pictures
from conditions.bundle.form import SHAPE, Bundle, BundleTopic, Mistakes, mistakes
from portal.translating.exchange import incoming

MOST_FILES = 50_000
MOST_BYTES = 200 * 1024 * 1024  # unpacked
MOST_OF_TOML = 2 * 1024 * 1024  # one file; a long page is below 50 KB
EXPORTED = "exported.toml"
# Each name that a bundle has; a zip file's name for a file can be no longer than the system's.
KNOWN = re.compile(
    rf"sources\.toml|{re.escape(EXPORTED)}|pictures/[A-Za-z0-9._-]{{1,120}}"
    rf"|(?:{'|'.join(labels.KINDS)})/[^/\\]{{1,100}}/[a-z][a-z0-9-]{{0,15}}\.toml"
)
_NOT_OURS = re.compile(r"(?:^|/)(?:__MACOSX/|\.|Thumbs\.db$|README\.md$)")  # what systems leave behind


def read(place: Path) -> Bundle:
    """A folder or a zip file. Raises Mistakes, and OSError where there is none."""
    return understand(_of_folder(place) if place.is_dir() else _of_zip(place.read_bytes(), MOST_BYTES))


def unpack(data: bytes, most_bytes: int = MOST_BYTES) -> Bundle:
    """An uploaded zip file. Raises Mistakes, or incoming.Unreadable with the reason in the reader's language."""
    return understand(_of_zip(data, most_bytes))


def understand(files: Mapping[str, bytes]) -> Bundle:
    """The files of a bundle, by name."""
    unknown = [name for name in files if not KNOWN.fullmatch(name)]
    if unknown:
        raise Mistakes(f"{_shown(name)}: a bundle has no file of this name" for name in unknown[:20])
    wrong: list[str] = []
    read_, prepared = {}, {}
    for name, content in sorted(files.items()):
        try:
            if name.startswith("pictures/"):
                prepared[name.removeprefix("pictures/")] = _picture(name, content)
            else:
                read_[name] = _toml(content)
        except ValidationError as error:
            wrong.append(f"{_shown(name)}: {' '.join(error.messages)}")
        except ValueError as error:
            wrong.append(f"{_shown(name)}: {error}")
    if wrong:
        raise Mistakes(wrong)
    topics: dict[tuple[str, str], BundleTopic] = {}
    for name, said in read_.items():
        if name.count("/") == 2:
            kind, key, part = name.removesuffix(".toml").split("/")
            topic = topics.setdefault((kind, key), BundleTopic(kind, key, {}, {}))
            if part == SHAPE:
                topic.shape.update(said)
            else:
                topic.words[part] = said
            if f"{kind}/{key}/{SHAPE}.toml" not in read_:
                wrong.append(f"{name}: there is no {SHAPE}.toml beside it")
    order = list(labels.KINDS)
    bundle = Bundle(
        sorted(topics.values(), key=lambda topic: (order.index(topic.kind), topic.key)),
        read_.get("sources.toml", {}),
        prepared,
        {place: said for place, said in read_.get(EXPORTED, {}).items() if isinstance(said, str)},
    )
    checked(bundle, wrong)
    # A picture is stored under the name that its content gives it, whatever its file was called.
    for topic in bundle.topics:
        for row in topic.shape.get("images", ()):
            row["file"] = prepared[row["file"]].name
    return Bundle(bundle.topics, bundle.sources, {one.name: one for one in prepared.values()}, bundle.exported)


def checked(bundle: Bundle, before: Iterable[str] = ()) -> Bundle:
    """The bundle itself. Raises Mistakes naming everything that is wrong in it."""
    if wrong := [*before, *mistakes(bundle)]:
        raise Mistakes(wrong)
    return bundle


def _shown(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[-120:]


def _toml(content: bytes) -> dict:
    """Raises ValueError, which says the line."""
    if len(content) > MOST_OF_TOML:
        raise ValueError(f"this is larger than {MOST_OF_TOML // 1024 // 1024} MB")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("this is not UTF-8") from None
    except RecursionError:
        raise ValueError("this is nested too deeply") from None


def _picture(name: str, content: bytes) -> pictures.Prepared:
    return pictures.as_made_here(content) or pictures.prepared(ContentFile(content, name=name))


def _of_folder(folder: Path) -> dict[str, bytes]:
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if _NOT_OURS.search(name) or path.is_dir() and not path.is_symlink():
            continue
        if path.is_symlink():
            raise Mistakes([f"{_shown(name)}: this is a link to another file"])
        found[name] = path.read_bytes()
    return found


def _of_zip(data: bytes, most_bytes: int) -> dict[str, bytes]:
    found = {}
    for name, content in incoming.members(data, MOST_FILES, most_bytes):
        if _NOT_OURS.search(name):
            continue
        if name in found:
            raise Mistakes([f"{_shown(name)}: this name stands in the zip file twice"])
        found[name] = content
    # Who packs a folder often packs the folder itself.
    roots = {name.partition("/")[0] for name in found}
    if len(roots) == 1 and all("/" in name for name in found) and not roots & {*labels.KINDS, "pictures"}:
        found = {name.partition("/")[2]: content for name, content in found.items()}
    return found


def is_zip(data: bytes) -> bool:
    return zipfile.is_zipfile(io.BytesIO(data))
