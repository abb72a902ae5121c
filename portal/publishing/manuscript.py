"""The manuscript: one object's words in one language, handed to the gate. No Django, no database."""

import hashlib
import json
import unicodedata
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """What keeps a manuscript from being published, in words for the person who can mend it."""

    where: str  # the part: "sections.causes"
    message: str

    def __str__(self):
        return self.message


@dataclass(frozen=True)
class Manuscript:
    kind: str
    key: str
    language: str
    slug: str
    title: str
    summary: str
    content: dict[str, Any]  # JSON; holds title and summary as well, so that they are signed
    problems: tuple[Problem, ...] = ()
    links: tuple[tuple[str, str], ...] = ()  # (kind, key) of every object the content names
    other_names: tuple[str, ...] = ()  # findable, not signed: synonyms and misspellings
    sensitive: tuple[str, ...] = ()  # beginnings of part names whose change is never only wording
    digest: str = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "digest", digest_of(self.kind, self.key, self.language, self.slug, self.content))


def digest_of(kind: str, key: str, language: str, slug: str, content: dict[str, Any]) -> str:
    """SHA-256 of the words and of where they stand, as 64 hex digits.

    Empty parts are left out first, so that a new optional field un-signs nothing; text is compared in NFC, so that two
    spellings of the same letter are one.
    """
    said = {"kind": kind, "key": key, "language": language, "slug": slug, "content": content}
    canonical = json.dumps(without_empty(said), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def without_empty(value: Any) -> Any:
    """The value without empty strings, lists, objects and nulls, at any depth; text in NFC."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        pruned = {name: without_empty(part) for name, part in value.items()}
        return {name: part for name, part in pruned.items() if not _is_empty(part)}
    if isinstance(value, (list, tuple)):
        return [part for part in map(without_empty, value) if not _is_empty(part)]
    return value


def _is_empty(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}
