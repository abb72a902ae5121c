"""The shape of what is published: frozen dataclasses, no Django. Old shapes are read, never migrated."""

import json
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Section:
    key: str
    html: str


@dataclass(frozen=True)
class HelpCard:
    key: str
    urgency: str
    when_to_act: str
    what_to_do: str


@dataclass(frozen=True)
class Fact:
    kind: str
    value: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class SymptomEntry:
    key: str
    frequency: str = ""
    note: str = ""


@dataclass(frozen=True)
class TreatmentEntry:
    key: str
    place: str = ""
    note: str = ""


@dataclass(frozen=True)
class Link:
    kind: str
    key: str


@dataclass(frozen=True)
class Heading:
    """A body area or speciality that readers find it under."""

    key: str


@dataclass(frozen=True)
class Code:
    system: str
    code: str


@dataclass(frozen=True)
class Source:
    key: str
    title: str
    language: str = "en"
    publisher: str = ""
    year: int | None = None
    address: str = ""
    accessed_on: str = ""
    sections: tuple[str, ...] = ()  # the parts of the page it supports


@dataclass(frozen=True)
class Image:
    key: str
    file: str
    width: int
    height: int
    alt: str = ""
    caption: str = ""
    credit: str = ""


@dataclass(frozen=True)
class TopicContent:
    """One condition, symptom, treatment or glossary term, in one language."""

    name: str = ""
    summary: str = ""
    also_known_as: tuple[str, ...] = ()
    help_cards: tuple[HelpCard, ...] = ()
    facts: tuple[Fact, ...] = ()
    sections: tuple[Section, ...] = ()
    symptoms: tuple[SymptomEntry, ...] = ()
    treatments: tuple[TreatmentEntry, ...] = ()
    broader: Link | None = None
    see_also: tuple[Link, ...] = ()
    treatment_kind: str = ""
    headings: tuple[Heading, ...] = ()
    codes: tuple[Code, ...] = ()
    sources: tuple[Source, ...] = ()
    images: tuple[Image, ...] = ()
    machine: tuple[str, ...] = ()  # of a translation: the parts that a machine wrote and nobody has compared since

    def to_json(self) -> dict[str, Any]:
        return json.loads(json.dumps(asdict(self)))  # lists, as they will come back from the database

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "TopicContent":
        """Read an edition's content of any age: unknown parts are passed over, missing ones are empty."""
        simple = {name: data.get(name, "") for name in ("name", "summary", "treatment_kind")}
        rows = {name: tuple(_read(shape, row) for row in data.get(name) or ()) for name, shape in _ROWS.items()}
        broader = data.get("broader")
        return cls(
            **simple,
            **rows,
            also_known_as=tuple(data.get("also_known_as") or ()),
            machine=tuple(data.get("machine") or ()),
            broader=_read(Link, broader) if broader else None,
        )

    def section(self, key: str) -> str:
        return next((section.html for section in self.sections if section.key == key), "")

    def links(self) -> tuple[tuple[str, str], ...]:
        """(kind, key) of every object this content names."""
        named = [("symptom", row.key) for row in self.symptoms]
        named += [("treatment", row.key) for row in self.treatments]
        named += [(link.kind, link.key) for link in (self.broader, *self.see_also) if link]
        return tuple(dict.fromkeys(named))


_ROWS = {
    "help_cards": HelpCard,
    "facts": Fact,
    "sections": Section,
    "symptoms": SymptomEntry,
    "treatments": TreatmentEntry,
    "see_also": Link,
    "headings": Heading,
    "codes": Code,
    "sources": Source,
    "images": Image,
}


_known = cache(lambda shape: frozenset(field.name for field in fields(shape)))


def _read(shape, row: dict[str, Any]):
    known = _known(shape)
    return shape(**{k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if k in known})
