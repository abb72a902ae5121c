"""The languages we speak, read from languages.toml. Knows no Django settings, so that settings can read it."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.trans_real import parse_accept_lang_header


@dataclass(frozen=True)
class Language:
    code: str  # lower case, as it stands in addresses and column names: zh-hans
    name: str  # in the language itself
    english: str
    direction: str
    offered: bool
    cldr: str  # whose dates it writes: en-GB

    @property
    def tag(self) -> str:
        """The BCP 47 form for `lang` and `hreflang`: zh-Hans, pt-BR."""
        first, *rest = self.code.split("-")
        return "-".join([first, *(part.title() if len(part) == 4 else part.upper() for part in rest)])

    @property
    def is_source(self) -> bool:
        return self.code == SOURCE

    def __str__(self):
        return self.code


def _read(path: Path) -> tuple[str, dict[str, Language]]:
    declared = tomllib.loads(path.read_text(encoding="utf-8"))
    languages = {
        code: Language(
            code, row["name"], row["english"], row["direction"], row["state"] == "offered", row.get("cldr", code)
        )
        for code, row in declared["languages"].items()
    }
    source = declared["source"]
    if source not in languages or not languages[source].offered:
        raise ValueError(f"languages.toml: the source language “{source}” must be declared and offered.")
    return source, languages


SOURCE, LANGUAGES = _read(Path(__file__).with_name("languages.toml"))

# Spellings of a language that browsers and people use, and the one address we keep for it.
ALIASES = {"zh": "zh-hans", "zh-cn": "zh-hans", "zh-sg": "zh-hans", "zh-hans-cn": "zh-hans", "pt": "pt-br"}


def get(code: str) -> Language:
    """The declared language with this code. Raises KeyError."""
    return LANGUAGES[code]


def offered() -> list[Language]:
    return [language for language in LANGUAGES.values() if language.offered]


def translations() -> list[Language]:
    """Every declared language but the source language."""
    return [language for language in LANGUAGES.values() if not language.is_source]


def canonical(spelling: str) -> str | None:
    """The offered code that a spelling such as "PT-BR", "zh-CN" or "es-MX" means, or None."""
    code = spelling.lower().replace("_", "-")
    if not re.fullmatch(r"[a-z0-9-]{2,20}", code):
        return None
    while code:
        known = LANGUAGES.get(ALIASES.get(code, code))
        if known and known.offered:
            return known.code
        code = code.rpartition("-")[0]
    return None


def negotiate(accept_language: str) -> str:
    """The offered language an Accept-Language header asks for first, or the source language."""
    try:
        wanted = parse_accept_lang_header(accept_language)
    except ValueError:
        wanted = ()
    for spelling, _weight in wanted:
        if spelling != "*" and (code := canonical(spelling)):
            return code
    return SOURCE
