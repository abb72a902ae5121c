"""The least a change can mean: where "wording only" needs a second person. The machine warns; people decide."""

import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _

from portal.publishing import compare

_DECLARED = tomllib.loads(Path(__file__).with_name("floor.toml").read_text(encoding="utf-8"))
_UNITLESS = re.compile(r"[\s\u00a0\u202f]+")


@dataclass(frozen=True)
class Reason:
    """One part whose change may turn its meaning round."""

    part: str
    what: str  # number, negation, people, sensitive

    def sentence(self, label: str) -> str:
        return {
            "number": _("A number or a unit changed in “{part}”."),
            "negation": _("A “not”, “never” or “without” came or went in “{part}”."),
            "people": _("A word about age, sex or pregnancy changed in “{part}”."),
            "sensitive": _("“{part}” tells people when to act or what is dangerous."),
        }[self.what].format(part=label)


def reasons(before: dict, after: dict, language: str, sensitive: tuple[str, ...] = ()) -> list[Reason]:
    """Why this change is more than wording. Empty: nothing that the machine can see.

    `sensitive` are beginnings of part names that always count, such as "help_cards".
    """
    found = []
    for part, old, new in compare.differences(before, after):
        old, new = compare.plain(old), compare.plain(new)
        if any(part == name or part.startswith(f"{name}.") for name in sensitive):
            found.append(Reason(part, "sensitive"))
        if _numbers(old, language) != _numbers(new, language):
            found.append(Reason(part, "number"))
        if _counted(old, language, "negations") != _counted(new, language, "negations"):
            found.append(Reason(part, "negation"))
        if _counted(old, language, "people") != _counted(new, language, "people"):
            found.append(Reason(part, "people"))
    return found


def _numbers(text: str, language: str) -> Counter:
    """Every number with its unit, however its digits and its decimal sign are written, and every number word."""
    figures = Counter(_figure(token) for token in compare.tokens(text) if token[0].isdigit())
    return figures + _counted(compare.without_numbers(text), language, "numbers")


def _figure(token: str) -> str:
    digits = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in token)
    return _UNITLESS.sub("", digits.replace("٫", ".").replace("٬", ",").replace(",", "."))


def _counted(text: str, language: str, kind: str) -> Counter:
    return Counter(match[0] for match in _pattern(language, kind).finditer(text.casefold()))


@cache
def _pattern(language: str, kind: str) -> re.Pattern:
    """A language without a list has English's: a false alarm is better than silence."""
    declared = _DECLARED[kind].get(language) or _DECLARED[kind]["en"]
    words = [re.escape(word.casefold()).replace(r"\*", r"\w*") for word in declared.split()]
    edge = "" if language.startswith("zh") else r"\b"
    return re.compile(
        "|".join(rf"{edge}{word}{'' if word.endswith('’') else edge}" for word in sorted(words, key=len, reverse=True))
    )
