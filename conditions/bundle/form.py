"""What a bundle may say, and the one way to compare what two of them say. No file is opened here, no row read."""

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html import unescape

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from conditions import codes, labels, models, richtext
from conditions.pictures import Prepared
from portal import languages
from portal.addresses import is_slug, slug_from

SHAPE = "topic"  # the name of the part that has no language


@dataclass(frozen=True)
class BundleTopic:
    kind: str
    key: str
    shape: dict  # topic.toml
    words: dict[str, dict]  # language -> {language}.toml
    row: int = 0  # of a table: its cells change what they name and leave the rest alone


@dataclass(frozen=True)
class Bundle:
    topics: list[BundleTopic]
    sources: dict[str, dict] = field(default_factory=dict)
    pictures: dict[str, Prepared] = field(default_factory=dict)  # name -> the picture as it is stored
    exported: dict[str, str] = field(default_factory=dict)  # place -> digest of what the working copy said


class Mistakes(ValueError):
    """The files hold mistakes; each line names the file and the part, or the row and the column."""

    def __init__(self, lines: Iterable[str]):
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))


# What each file may say. A list holds rows of one form; "*" stands for any name.
_ROWS = {
    "codes": {"system": str, "code": str, "verified": bool},
    "symptoms": {"key": str, "frequency": str},
    "treatments": {"key": str, "place": str},
    "help_cards": {"key": str, "urgency": str},
    "facts": {"kind": str, "sources": [str], "needs_check": bool},
    "citations": {"source": str, "sections": [str], "needs_check": bool},
    "images": {"key": str, "file": str, "credit": str},
}
SHAPES = {
    "broader": str,
    "see_also": [str],
    "headings": [str],
    "treatment_kind": str,
    "do_not_translate": bool,
    **{name: [row] for name, row in _ROWS.items()},
}
WORDS = {
    "name": str,
    "slug": str,
    "also_known_as": [str],
    "misspellings": [str],
    "summary": str,
    "avoid": [str],
    "sections": {"*": str},
    "help_cards": {"*": {"when_to_act": str, "what_to_do": str}},
    "facts": {"*": str},
    "symptoms": {"*": str},
    "treatments": {"*": str},
    "images": {"*": {"alt": str, "caption": str}},
}
SOURCES = {
    "*": {
        "title": str,
        "language": str,
        "publisher": str,
        "year": int,
        "address": str,
        "accessed_on": dt.date,
    }
}
_MUST = {"codes": ("system", "code"), "images": ("key", "file")}
# What tells the rows of a part from each other.
NAMED_BY = {"symptoms": "key", "treatments": "key", "help_cards": "key", "facts": "kind", "images": "key"}
NAMED_BY |= {"citations": "source"}
_ONLY = {
    "broader": "condition",
    "symptoms": "condition",
    "treatments": "condition",
    "treatment_kind": "treatment",
    "do_not_translate": "term",
    "avoid": "term",
}
LISTS = ("also_known_as", "misspellings", "avoid")
_NO_SOURCE = {"title": "", "language": "en", "publisher": "", "year": None, "address": "", "accessed_on": None}
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ROW_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")


# One way of saying it, so that two can be compared


def flat(words: dict) -> dict[str, str]:
    """The words of one language by part: {"sections.causes": "<p>…</p>"}; what says nothing is left out."""
    said = {name: words.get(name, "") for name in ("name", "slug", "summary")}
    said |= {name: "\n".join(filter(None, map(str.strip, words.get(name, ())))) for name in LISTS}
    said |= {f"sections.{key}": richtext.clean(html) for key, html in words.get("sections", {}).items()}
    for part in ("facts", "symptoms", "treatments"):
        said |= {f"{part}.{key}": value for key, value in words.get(part, {}).items()}
    for key, card in words.get("help_cards", {}).items():
        said |= {f"help_cards.{key}.{leaf}": richtext.clean(html) for leaf, html in card.items()}
    for key, image in words.get("images", {}).items():
        said |= {f"images.{key}.{leaf}": value for leaf, value in image.items()}
    said["slug"] = said["slug"] or slug_from(said["name"])
    return {part: text.strip() for part, text in said.items() if text.strip()}


def nested(said: Mapping[str, str]) -> dict:
    """The reverse of `flat`, as the file says it, in the order of the page."""
    words: dict = {}
    for name, form in WORDS.items():
        if name in LISTS:
            if name in said:
                words[name] = [line.strip() for line in said[name].splitlines() if line.strip()]
        elif form is str:
            if name in said:
                words[name] = said[name]
        else:
            for part, text in said.items():
                first, _dot, rest = part.partition(".")
                if first == name and isinstance(form["*"], dict):
                    row, _dot, leaf = rest.partition(".")
                    words.setdefault(name, {}).setdefault(row, {})[leaf] = text
                elif first == name:
                    words.setdefault(name, {})[rest] = text
    return words


def whole(kind: str, shape: dict) -> dict:
    """The shape with everything said that may be left out, and in order where order says nothing."""
    said = {
        name: shape.get(name, "" if form is str else False if form is bool else [])
        for name, form in SHAPES.items()
        if _ONLY.get(name, kind) == kind
    }
    for name, form in _ROWS.items():
        if name in said:
            empty = {leaf: "" if type_ is str else False if type_ is bool else [] for leaf, type_ in form.items()}
            said[name] = [{**empty, **row} for row in said[name]]
    said["codes"] = sorted(said["codes"], key=lambda row: (row["system"], row["code"]))
    said["see_also"] = sorted(said["see_also"])
    said["headings"] = sorted(said["headings"])
    for fact in said["facts"]:
        fact["sources"] = sorted(fact["sources"])
    return said


def whole_source(said: dict) -> dict:
    return {**_NO_SOURCE, **said}


def digest(said) -> str:
    """The same for everything that says the same."""
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def row_of(part: str) -> tuple[str, str] | None:
    """("help_cards", "breathing") of "help_cards.breathing.what_to_do"; None where the part is no row's."""
    first, _dot, rest = part.partition(".")
    return (first, rest.partition(".")[0]) if first in NAMED_BY else None


# What is wrong in it


def place(topic: BundleTopic, part: str) -> str:
    """Where a topic's part stands: a file of a bundle, or a row of a table."""
    return f"row {topic.row}, {part}" if topic.row else f"{topic.kind}/{topic.key}/{part}.toml"


def mistakes(bundle: Bundle) -> Iterator[str]:
    """Everything that can be seen without the working copy, by file and part. Order: as the bundle has it."""
    yield from (f"sources.toml: {said}" for said in _typed(bundle.sources, SOURCES, ""))
    yield from _of_sources(bundle.sources)
    kinds: dict[str, str] = {}
    slugs: dict[tuple, str] = {}
    for topic in bundle.topics:
        wrong = [(SHAPE, said) for said in _typed(topic.shape, SHAPES, "")]
        for language, words in topic.words.items():
            wrong += [(language, said) for said in _typed(words, WORDS, "")]
        if not wrong:
            wrong = [(SHAPE, said) for said in _of_shape(topic, bundle)]
            for language in topic.words:
                wrong += [(language, said) for said in _of_words(topic, language, slugs)]
        if not _KEY.fullmatch(topic.key) or len(topic.key) > 100:
            wrong.append((SHAPE, f"the key “{topic.key}” is not up to 100 small letters, digits, single hyphens"))
        if topic.kind not in labels.KINDS:
            wrong.append((SHAPE, f"“{topic.kind}” is none of {', '.join(labels.KINDS)}"))
        if topic.key in kinds:
            wrong.append((SHAPE, f"the key stands here twice, as a {kinds[topic.key]} before"))
        kinds[topic.key] = topic.kind
        for part, said in wrong:
            yield f"{place(topic, part)}: {said}"


def _typed(said, form, where: str) -> Iterator[str]:
    """What in it has another form than it should have, and names that nobody knows."""
    at = f"{where}: " if where else ""
    if isinstance(form, dict):
        if not isinstance(said, dict):
            yield f"{at}this is no table"
            return
        for name, value in said.items():
            inner = f"{where}.{name}" if where else str(name)
            if "*" in form:
                if not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", str(name)):
                    yield f"{inner[:120]}: a name is made of letters, digits, “-” and “_”"
                yield from _typed(value, form["*"], inner)
            elif name in form:
                yield from _typed(value, form[name], inner)
            else:
                yield f"{inner[:120]}: this name is not known here"
    elif isinstance(form, list):
        if not isinstance(said, list):
            yield f"{at}this is no list"
            return
        for number, value in enumerate(said, 1):
            inner = f"{where} ({number})"
            yield from _typed(value, form[0], inner)
            if isinstance(form[0], dict) and isinstance(value, dict):
                needed = _MUST.get(where) or (NAMED_BY[where],)
                yield from (f"{inner}: {name} is missing" for name in needed if not value.get(name))
    elif not isinstance(said, form) or (form is int and isinstance(said, bool)):
        kind = {str: "text", bool: "true or false", int: "a whole number", dt.date: "a day such as 2026-01-31"}[form]
        yield f"{at}this is not {kind}"
    elif form is str and "\x00" in said:
        yield f"{at}this holds a character that no text has"


def _longest(model, name: str) -> int | None:
    return model._meta.get_field(name).max_length


def _too_long(said: dict, model, names) -> Iterator[str]:
    for name in names:
        if len(said.get(name) or "") > (most := _longest(model, name)):
            yield f"{name}: this is longer than {most} characters"


def _of_sources(sources: dict) -> Iterator[str]:
    for key, row in sources.items():
        if not isinstance(row, dict) or any(_typed(row, SOURCES["*"], "")):
            continue  # said before
        if not _KEY.fullmatch(key):
            yield f"sources.toml: {key[:100]}: a key is small letters, digits and single hyphens"
        if not row.get("title"):
            yield f"sources.toml: {key}: title is missing"
        for said in _too_long(row, models.Source, ("title", "publisher", "language", "address")):
            yield f"sources.toml: {key}.{said}"
        if not 1800 <= row.get("year", 2000) <= 2200:
            yield f"sources.toml: {key}.year: {row['year']} is no year"
        if row.get("address"):
            try:
                URLValidator(schemes=["http", "https"])(row["address"])
            except ValidationError:
                yield f"sources.toml: {key}.address: this is no web address"


def _of_shape(topic: BundleTopic, bundle: Bundle) -> Iterator[str]:
    shape, kind = topic.shape, topic.kind
    for name in shape:
        if _ONLY.get(name, kind) != kind:
            yield f"{name}: only a {_ONLY[name]} has this"
    for name, leaf in NAMED_BY.items():
        named = [row[leaf] for row in shape.get(name, ())]
        if twice := {one for one in named if named.count(one) > 1}:
            yield f"{name}: {', '.join(sorted(twice))} stands here twice"
        if name in {"help_cards", "images"} and (wrong := [one for one in named if not _ROW_KEY.fullmatch(one)]):
            yield f"{name}: the key “{wrong[0][:80]}” is not made of letters, digits, “-” and “_” (at most 60)"
    same = [(row["system"], row["code"]) for row in shape.get("codes", ())]
    for system, code in same:
        if system not in codes.FORMATS or not codes.is_valid(system, code):
            yield f"codes: “{code}” is no {system} code"
        elif same.count((system, code)) > 1:
            yield f"codes: {system} {code} stands here twice"
    for name, leaf, choices in (
        ("symptoms", "frequency", labels.FREQUENCIES),
        ("treatments", "place", labels.PLACES),
        ("help_cards", "urgency", labels.URGENCIES),
        ("facts", "kind", labels.FACTS),
    ):
        for row in shape.get(name, ()):
            if row.get(leaf, "") not in choices:
                yield f"{name}: {leaf} “{row.get(leaf, '')}” is none of {', '.join(filter(None, choices))}"
    if shape.get("treatment_kind", "") not in {"", *labels.TREATMENT_KINDS}:
        yield f"treatment_kind: “{shape['treatment_kind']}” is none of {', '.join(labels.TREATMENT_KINDS)}"
    if unknown := set(shape.get("headings", ())) - set(labels.HEADINGS):
        yield f"headings: there is no {', '.join(sorted(unknown))}"
    may_support = {"summary", "help_cards", *labels.SECTIONS.get(kind, ())}
    for row in shape.get("citations", ()):
        if unknown := set(row.get("sections", ())) - may_support:
            yield f"citations: {row['source']} supports {', '.join(sorted(unknown))}, which a {kind} does not have"
    for row in shape.get("images", ()):
        if row["file"] not in bundle.pictures:
            yield f"images: there is no pictures/{row['file'][:120]}"
        yield from (f"images.{said}" for said in _too_long(row, models.Image, ("credit",)))
    if shape.get("broader") == topic.key:
        yield "broader: a condition is not a kind of itself"


def _of_words(topic: BundleTopic, language: str, slugs: dict) -> Iterator[str]:
    words, kind = topic.words[language], topic.kind
    if language not in languages.LANGUAGES:
        yield "this language is not declared in languages.toml"
        return
    slug = words.get("slug", "") or slug_from(words.get("name", ""))
    if slug and not is_slug(slug):
        yield f"the slug “{slug[:200]}” is not small letters, digits and single hyphens"
    elif slug and slugs.setdefault((kind, language, slug), topic.key) != topic.key:
        yield f"the slug belongs to {slugs[kind, language, slug]} as well"
    yield from _too_long(words, models.Topic, ("name", "slug"))
    if "avoid" in words and kind != "term":
        yield "avoid: only a term has this"
    if not topic.row:
        for name, leaf in NAMED_BY.items():
            if unknown := set(words.get(name, ())) - {row[leaf] for row in topic.shape.get(name, ())}:
                yield f"{name} names {', '.join(sorted(unknown))}, which topic.toml does not"
    if unknown := set(words.get("sections", ())) - set(labels.SECTIONS.get(kind, ())):
        yield f"a {kind} has no section {', '.join(sorted(unknown))}"
    for key, image in words.get("images", {}).items():
        yield from (f"images.{key}.{said}" for said in _too_long(image, models.Image, ("alt", "caption")))
    rich = {f"sections.{name}": html for name, html in words.get("sections", {}).items()}
    for key, card in words.get("help_cards", {}).items():
        rich |= {f"help_cards.{key}.{leaf}": html for leaf, html in card.items()}
    for part, html in rich.items():
        if unescape(richtext.clean(html)) != unescape(html.strip()):  # "&eacute;" may be written as one likes
            yield f"{part}: this holds tags or links that pages do not: {html.strip()[:60]}…"
