"""What a machine can see of a wrong translation: numbers, units, negations, tags, copies, scripts. People decide."""

import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _

from portal.publishing import compare

_KNOWN = tomllib.loads(Path(__file__).with_name("checks.toml").read_text(encoding="utf-8"))
_FIGURE = re.compile(r"\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)|\d+(?:[.,٫٬]\d+)*")
_TAG = re.compile(r"<(/?)(p|ul|ol|li|h3|strong|em|a)\b[^>]*>")
_HREF = re.compile(r'href="([^"]*)"')
_MAY_DOUBLE = {"fr": {"nous", "vous"}, "es": {"no"}, "zh-hans": set()}
_SENTENCE_END = re.compile(r"(?<=[.!?؟])\s+|(?<=[。！？])")
# English says some negatives without a "not"; a translation may well say them with one.
_SOFTLY = re.compile(
    r"\b(?:stop\w*|avoid\w*|rare\w*|hardly|difficult\w*|lack\w*|miss\w*|unless|except|instead|otherwise|loss|lose\w*|"
    r"prevent\w*|fail\w*|spare[sd]?|un(?:clear|known|usual|common|able|sure|wanted|steady|safe|even|til)\w*|involuntary|"
    r"impossible|incomplete|only|few|little|weak\w*|wrong|different|less|badly|poor\w*|before|"
    r"distract\w*|apart|refuse\w*|slow\w*|any|other|clear|check|patien\w*|more than one)\b"
)
_SCRIPTS = {"ar": "ARABIC", "fa": "ARABIC", "ru": "CYRILLIC", "uk": "CYRILLIC", "zh-hans": "CJK", "zh-hant": "CJK"}


@dataclass(frozen=True)
class Finding:
    what: str  # number, unit, negation, tag, link, copy, script, doubled
    message: str

    @property
    def is_dose(self) -> bool:
        """What may hurt at once: figures and their units."""
        return self.what in {"number", "unit"}


def check(source: str, target: str, language: str) -> list[Finding]:
    """Where a translation says something else than its source, as far as a machine can see. Empty texts say nothing."""
    if not source or not target:
        return []
    said, own = compare.plain(source), compare.plain(target)
    return [
        *_numbers(said, own, language),
        *_negation(said, own, language),
        *_tags(source, target),
        *_copy(said, own, language),
        *_doubled(own, language),
    ]


def _numbers(said: str, own: str, language: str) -> list[Finding]:
    """Every figure has its counterpart, as a figure or as a word up to twelve; a unit is not swapped for another."""
    found = []
    source, target = _figures(said), _figures(own)
    source_words, target_words = _words(said, "en"), _words(own, language)
    for value in sorted(source):
        if value not in target and value not in target_words:
            found.append(Finding("number", _("“{number}” of the source is missing here.").format(number=value)))
    for value in sorted(target):
        if value not in source and value not in source_words:
            found.append(Finding("number", _("“{number}” is not in the source.").format(number=value)))
    # A number word of the source that has no counterpart at all; "one" is left out: it is an article as well.
    for value in sorted(source_words):
        if value not in target and value not in target_words and not source:
            found.append(Finding("number", _("“{number}” of the source is missing here.").format(number=value)))
    for value in source.keys() & target.keys():
        if source[value] and target[value] and not source[value] & target[value]:
            units = {"source": "/".join(sorted(source[value])), "own": "/".join(sorted(target[value]))}
            found.append(
                Finding(
                    "unit", _("“{number}”: the source says {source}, here it is {own}.").format(number=value, **units)
                )
            )
    return found


def _figures(text: str) -> dict[str, set[str]]:
    """value -> the classes of the units that follow it, if any."""
    figures = {}
    for match in _FIGURE.finditer(text):
        value = _normal(match[0])
        after = text[match.end() : match.end() + 24].lstrip(" \u00a0\u202f-‑").replace("–", "-")
        # "2-3 weeks", "2 à 3 semaines": the unit stands behind the second number.
        after = re.sub(r"^(?:-|to|a|à|и|до|إلى|至|到|~)?\s*\d+(?:[.,٫]\d+)?\s*", "", after, count=1)
        unit = next((name for name, pattern in _units() if pattern.match(after)), None)
        figures.setdefault(value, set()).update({unit} if unit else ())
    return figures


def _normal(figure: str) -> str:
    digits = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in figure)
    digits = re.sub(r"\s", "", digits.replace("٫", ".").replace("٬", ","))
    if re.fullmatch(r"\d{1,3}(?:[.,]\d{3})+", digits):  # thousands, however they are parted
        return re.sub(r"[.,]", "", digits)
    return digits.replace(",", ".")


@cache
def _units():
    # Chinese writes on without a space; elsewhere a unit ends where its word ends.
    end = r"(?:(?![^\W\d_])|(?<=[\u4e00-\u9fff%٪]))"
    return [(name, re.compile(rf"(?:{words}){end}", re.IGNORECASE)) for name, words in _KNOWN["units"].items()]


def _words(text: str, language: str) -> set[str]:
    return {value for value, pattern in _number_words(language) if pattern.search(text.casefold())}


@cache
def _number_words(language: str):
    edge = "" if language.startswith("zh") else r"\b"
    prefix = "[وفبلك]?(?:ال)?" if language == "ar" else ""
    declared = _KNOWN["numbers"].get(language, {})
    return [(value, re.compile(rf"{edge}{prefix}(?:{words}){edge}")) for value, words in declared.items()]


def _negation(said: str, own: str, language: str) -> list[Finding]:
    """The source says "not" and the translation does not, or the reverse; sentence by sentence where they match."""
    if language not in _KNOWN["negations"]:
        return []
    found = []
    for source, target in _side_by_side(said, own):
        not_there, without_there = _says(source, "en", "strong"), _says(source, "en", "without")
        answers = ("strong", "weak") if not_there else ("strong", "weak", "without")
        if (not_there or without_there) and not _says(target, language, *answers):
            found.append(Finding("negation", _("The source says “not”; this does not: “{text}”").format(text=target)))
        if _says(target, language, "strong") and not (not_there or without_there or _SOFTLY.search(source.casefold())):
            found.append(Finding("negation", _("This says “not”; the source does not: “{text}”").format(text=target)))
    return found


def _side_by_side(said: str, own: str) -> list[tuple[str, str]]:
    """Lines, and sentences within them, where both sides have as many; else as much as belongs together."""
    lines = (said.split("\n"), own.split("\n"))
    if len(lines[0]) != len(lines[1]):
        return [(said, own)]
    pairs = []
    for line in zip(*lines, strict=True):
        sentences = [[one for one in _SENTENCE_END.split(text) if one.strip()] for text in line]
        even = len(sentences[0]) == len(sentences[1])
        pairs += zip(*sentences, strict=True) if even else [line]
    return pairs


def _says(text: str, language: str, *kinds: str) -> bool:
    """Whether one of these kinds of "not" stands in the text."""
    known = _KNOWN["negations"][language]
    text = text.casefold()
    if "not_meant" in known:
        text = re.sub(known["not_meant"], "", text)
    words = "|".join(known[kind] for kind in kinds if kind in known)
    edge = "" if language.startswith("zh") else r"\b"
    prefix = "[وف]?" if language == "ar" else ""
    return bool(re.search(rf"{edge}{prefix}(?:{words}){'' if language == 'fr' else edge}", text))


def _tags(source: str, target: str) -> list[Finding]:
    found = []
    there = Counter(name for closing, name in _TAG.findall(source) if not closing)
    here = Counter(name for closing, name in _TAG.findall(target) if not closing)
    for name in sorted(there.keys() | here.keys()):
        if there[name] != here[name]:
            found.append(
                Finding(
                    "tag", _("“{tag}”: {there} in the source, {here} here.").format(
                        tag=name, there=there[name], here=here[name]
                    )
                )
            )  # fmt: skip
    for address in sorted(set(_HREF.findall(source)) - set(_HREF.findall(target))):
        if address.startswith("http"):
            found.append(Finding("link", _("The link to {address} is missing.").format(address=address)))
    return found


def _copy(said: str, own: str, language: str) -> list[Finding]:
    if said.strip() == own.strip() and len(said.split()) > 3:
        return [Finding("copy", _("This is the source's text, not a translation."))]
    script = _SCRIPTS.get(language)
    letters = [c for c in own if c.isalpha()]
    if script and len(letters) > 8:
        right = sum(script in unicodedata.name(c, "") for c in letters)
        if right < len(letters) / 2:
            return [Finding("script", _("Most of this is not written in this language's script."))]
    if not script and re.search(r"[a-z][а-яё]|[а-яё][a-z]", own, re.IGNORECASE):
        return [Finding("script", _("A word mixes letters of two scripts."))]
    return []


def _doubled(own: str, language: str) -> list[Finding]:
    if language.startswith("zh"):
        return []
    may = _MAY_DOUBLE.get(language, set())
    for match in re.finditer(r"\b([^\W\d_]{2,})[ \u00a0]+\1\b", own, re.IGNORECASE):
        if match[1].casefold() not in may:
            return [Finding("doubled", _("“{word}” stands here twice.").format(word=match[1]))]
    return []
