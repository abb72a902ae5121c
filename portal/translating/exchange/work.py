"""What goes out to translators, and what comes back."""

import re
from dataclasses import dataclass

MAX_SEGMENTS = 50_000
_UNIT = re.compile(r"(?P<part>[\w:-]+(?:\.[\w:-]+)*)\.(?P<number>[0-9]{1,6})(?P<rich>\.rich)?")
_ORIGINAL = re.compile(r"(?P<kind>[\w-]+)/(?P<key>[\w.-]+)")


@dataclass(frozen=True)
class Segment:
    part: str  # "sections.causes", "help_cards.breathing.when_to_act", "name"
    number: int  # 0.. within its part
    source: str  # rich: inner HTML with inline tags only (strong, em, a href, br); else plain text
    target: str = ""  # the translation now, in the same form; "" = missing
    state: str = "missing"  # missing | out-of-date | machine | translated | reviewed
    before: tuple[str, str] | None = None  # out of date: (source that was translated, its translation)
    rich: bool = False
    max_length: int | None = None
    label: str = ""  # "Causes"


@dataclass(frozen=True)
class Work:
    kind: str
    key: str
    title: str
    edition: int  # number of the source edition
    source_tag: str  # BCP 47: "en", "pt-BR"
    target_tag: str
    segments: tuple[Segment, ...]
    address: str = ""  # where it can be seen


@dataclass(frozen=True)
class Returned:
    """One segment that came back."""

    kind: str
    key: str
    part: str
    number: int
    edition: int | None
    source: str
    target: str
    target_tag: str


class Unreadable(Exception):
    """The file cannot be taken in; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where a segment belongs, as its id tells. Ids are all that every tool keeps, so they say "rich" as well."""

    part: str
    number: int
    rich: bool


def original(work: Work) -> str:
    return _readable(f"{work.kind}/{work.key}", _ORIGINAL)


def local_id(segment: Segment) -> str:
    """The id within one work; an XML NMTOKEN."""
    return _readable(f"{segment.part}.{segment.number}{'.rich' if segment.rich else ''}", _UNIT)


def _readable(name: str, pattern: re.Pattern) -> str:
    """A file with a name that is not found again would be work for nothing."""
    if not pattern.fullmatch(name):
        raise ValueError(f"{name!r} cannot be named in a file")
    return name


def unit_id(work: Work, segment: Segment) -> str:
    """The id among all works: "condition/asthma#sections.causes.0.rich"."""
    return f"{original(work)}#{local_id(segment)}"


def read_original(text: str) -> tuple[str, str] | None:
    match = _ORIGINAL.fullmatch(text)
    return (match["kind"], match["key"]) if match else None


def read_local_id(text: str) -> Place | None:
    match = _UNIT.fullmatch(text)
    return Place(match["part"], int(match["number"]), bool(match["rich"])) if match else None


def read_unit_id(text: str) -> tuple[str, str, Place] | None:
    whose, _hash, local = text.strip().partition("#")
    owner, place = read_original(whose), read_local_id(local)
    return (*owner, place) if owner and place else None


def one_language(works) -> tuple[str, str]:
    """(source tag, target tag) of works that go into one table or catalogue, which has room for one pair."""
    pairs = {(work.source_tag, work.target_tag) for work in works}
    if len(pairs) != 1:
        raise ValueError(f"One pair of languages in one file, not {sorted(pairs)}")
    return pairs.pop()


def worth_sending(work: Work) -> list[Segment]:
    """Where nothing is said, there is nothing to translate."""
    return [segment for segment in work.segments if segment.source.strip()]


def old_target(segment: Segment) -> str:
    """The translation of an out-of-date segment as it stands, for people to start from."""
    return segment.before[1] if segment.before else segment.target
