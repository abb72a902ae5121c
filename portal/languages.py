"""The languages we speak, read from languages.toml. Knows no Django settings, so that settings can read it.

Three states: *planned* (columns are ready, nobody works on it), *at the desk* (translators do, readers do not see it),
*offered* (readers choose it). The file says how a language begins; what a translation lead decided since, the database
says, through `follow`.
"""

import logging
import re
import time
import tomllib
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.trans_real import parse_accept_lang_header

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Language:
    code: str  # lower case, as it stands in addresses and column names: zh-hans
    name: str  # in the language itself
    english: str
    direction: str
    begins: str  # its state where nobody decided otherwise: offered, planned
    cldr: str  # whose dates it writes: en-GB
    plurals: str = ""  # gettext's rule, where Django ships none

    @property
    def state(self) -> str:
        decided = _decided().get(self.code)
        return decided.state if decided and not self.is_source else self.begins

    @property
    def offered(self) -> bool:
        return self.state == "offered"

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
            code,
            row["name"],
            row["english"],
            row["direction"],
            row["state"],
            row.get("cldr", code),
            row.get("plurals", ""),
        )
        for code, row in declared["languages"].items()
    }
    source = declared["source"]
    if source not in languages or languages[source].begins != "offered":
        raise ValueError(f"languages.toml: the source language “{source}” must be declared and offered.")
    return source, languages


SOURCE, LANGUAGES = _read(Path(__file__).with_name("languages.toml"))


@dataclass(frozen=True)
class Decided:
    """What was decided about a language at run time, and how often its interface's words were changed."""

    state: str
    words: int = 0


SECONDS = 1.0  # so long a process may not know yet what another one wrote
_source: Callable[[], Mapping[str, Decided]] = dict
_known: Mapping[str, Decided] = {}
_asked_at = float("-inf")
_of_this_answer: ContextVar[Mapping[str, Decided] | None] = ContextVar("decided, for one answer", default=None)


def follow(source: Callable[[], Mapping[str, Decided]]) -> None:
    """From now on, ask here what was decided. Called once, when the apps are ready."""
    global _source
    _source = source


def ask_again() -> None:
    """Something was decided in this process: the next look asks the database."""
    global _asked_at
    _asked_at = float("-inf")


@contextmanager
def as_decided(decided: Mapping[str, Decided]):
    """While this lasts, this thread knows exactly this of what was decided: one answer, one state of affairs."""
    token = _of_this_answer.set(decided)
    try:
        yield
    finally:
        _of_this_answer.reset(token)


def _decided() -> Mapping[str, Decided]:
    global _known, _asked_at
    if (decided := _of_this_answer.get()) is not None:
        return decided
    if time.monotonic() - _asked_at >= SECONDS:
        _asked_at = time.monotonic()
        try:
            _known = _source()
        except Exception:  # a database that is away changes no language; readers keep what they have
            logger.debug("What was decided about languages could not be read.", exc_info=True)
    return _known


# Spellings of a language that browsers and people use, and the one address we keep for it.
ALIASES = {"zh": "zh-hans", "zh-cn": "zh-hans", "zh-sg": "zh-hans", "zh-hans-cn": "zh-hans", "pt": "pt-br"}


def get(code: str) -> Language:
    """The declared language with this code. Raises KeyError."""
    return LANGUAGES[code]


def offered() -> list[Language]:
    return [language for language in LANGUAGES.values() if language.offered]


def at_the_desk() -> list[Language]:
    """What is worked on: the offered ones, and those that will be."""
    return [language for language in LANGUAGES.values() if language.state in {"offered", "desk"}]


def words_version(code: str) -> int:
    """Grows when somebody saves words of the interface in this language."""
    decided = _decided().get(code)
    return decided.words if decided else 0


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
