"""What a machine can see of a wrong translation: numbers, units, negations, tags, copies, scripts. People decide."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import shorten

from babel.core import Locale
from django.utils.translation import gettext as _
from rapidfuzz import fuzz, process

from portal import languages
from portal.publishing import compare
from portal.publishing.folding import fold
from portal.translating.segments import ALIKE

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
    what: (
        str  # number, unit, date, negation, tag, link, placeholder, term, avoid, sentence, title, copy, script, doubled
    )
    message: str

    @property
    def is_dose(self) -> bool:
        """What may hurt at once: figures and their units."""
        return self.what in {"number", "unit"}


@dataclass(frozen=True)
class AgreedTerm:
    """A term of the source and the word agreed for it in the target language, if there is one."""

    source: str
    target: str
    avoid: tuple[str, ...] = ()
    do_not_translate: bool = False
    also: tuple[str, ...] = ()  # other names in the target language that are as good
    names: tuple[str, ...] = ()  # every name of it in the source language


def check(
    source: str,
    target: str,
    language: str,
    terms: Iterable[AgreedTerm] = (),
    *,
    is_title: bool = False,
    made_from: str = "",
) -> list[Finding]:
    """Where a translation says something else than its source, as far as a machine can see. Empty texts say nothing.

    `made_from`: the source that it was compared with, where that was another; what is new since is what it lacks.
    """
    if not source or not target:
        return []
    said, own = compare.plain(source), compare.plain(target)
    return [
        *_numbers(said, own, language),
        *_dates(said, own, language),
        *_sentences(said, own, language, compare.plain(made_from)),
        *_placeholders(said, own),
        *_terms(said, own, terms),
        *(_title(own) if is_title else ()),
        *_negation(said, own, language),
        *_tags(source, target),
        *_copy(said, own, language),
        *_doubled(own, language),
    ]


def _numbers(said: str, own: str, language: str) -> list[Finding]:
    """Every figure has its counterpart, as a figure or as a word up to twelve; a unit is not swapped for another."""
    found = []
    source, target = _figures(said), _figures(own)
    if language not in _KNOWN["numbers"]:
        # Nobody has told us its number words: what may stand as a word on either side is left to people.
        source, target = (
            {value: units for value, units in side.items() if not _small(value)} for side in (source, target)
        )
    source_words, target_words = _words(said, "en"), _words(own, language)
    source_words |= {str(month) for month in _months_of(said, "en")}  # "March" is 3月 in Chinese
    for value in sorted(source):
        if value not in target and value not in target_words:
            found.append(Finding("number", _("“{number}” of the source is missing here.").format(number=value)))
    for value in sorted(target):
        if value not in source and value not in source_words:
            found.append(Finding("number", _("“{number}” is not in the source.").format(number=value)))
    # A number word of the source that has no counterpart at all; "one" is left out: it is an article as well.
    for value in sorted(_words(said, "en") if language in _KNOWN["numbers"] else ()):
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


def _small(value: str) -> bool:
    return value.isdecimal() and int(value) <= 12


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


def _dates(said: str, own: str, language: str) -> list[Finding]:
    """The month of a date is the same month in the target language, by CLDR."""
    if not (there := _months_of(said, "en")):
        return []
    here = _months_of(own, language)
    names = _month_names("en")
    return [
        Finding(
            "date", _("The source names “{month}”; here it is another month, or none.").format(month=names[month][0])
        )
        for month in sorted(there - here)
    ]


def _months_of(text: str, language: str) -> set[int]:
    """The months that stand beside a figure: "3 March", "March 2026", "2026年3月"."""
    if language.startswith("zh"):
        return {int(found) for found in re.findall(r"(?<!\d)(1[0-2]|[1-9])\s*月", text)}
    text, found = text.casefold(), set()
    for month, names in _month_names(language).items():
        words = "|".join(re.escape(name.casefold()) for name in names)
        if re.search(rf"\d\.?\s+(?:de\s+|من\s+)?(?:{words})(?!\w)|(?<!\w)(?:{words})\.?\s+(?:de\s+)?\d", text):
            found.add(month)
    return found


@cache
def _month_names(language: str) -> dict[int, tuple[str, ...]]:
    months = Locale.parse(languages.get(language).cldr, sep="-").months
    return {
        month: tuple(dict.fromkeys(months[how]["wide"][month] for how in ("stand-alone", "format")))
        for month in range(1, 13)
    }


# A translation may join or part sentences. What is this much shorter than others of its language lacks one.
_SHORT = 0.45
_QUOTED = 160  # letters of a sentence that is named; what is longer is cut between two words
_MOST_SENTENCES = 150


def _sentences(said: str, own: str, language: str, made_from: str) -> list[Finding]:
    """A paragraph that has lost a sentence: fewer sentences than the source, and too few letters for it."""
    found = []
    usual = _KNOWN["lengths"].get(language)
    known = _parted(made_from)
    for source, target in zip(*_lines(said, own), strict=True):
        sentences, there = _parted(source), _parted(target)
        few = len(sentences) > len(there) > 0
        if usual and few and len(target) < len(source) * usual * (1 - _SHORT / max(2, len(sentences) - 0.5)):
            found += [
                Finding(
                    "sentence",
                    _("A sentence of the source seems to be missing: “{text}”").format(
                        text=shorten(lost, _QUOTED, placeholder="…")
                    ),
                )
                for lost in _left_out(sentences, there, usual, known)
            ]
    return found


def _parted(text: str) -> list[str]:
    return [one.strip() for one in _SENTENCE_END.split(text) if one.strip()]


def _left_out(source: list[str], target: list[str], usual: float, known: list[str]) -> list[str]:
    """The sentences of the source that have no counterpart: in their order, those without which the lengths of the
    others fit best; one that is like what the translation was compared with only where nothing newer is left.
    """
    if len(source) > _MOST_SENTENCES:  # no paragraph; and the work grows by the square
        return source[:1]
    best = [(0.0, [])] + [(float("inf"), [])] * len(target)  # by how many sentences of the target are used up
    for one in source:
        unlikely = 10_000 if process.extractOne(one, known, scorer=fuzz.ratio, score_cutoff=ALIKE) else 0
        left_out = [(cost + unlikely, [*lost, one]) for cost, lost in best]
        paired = [
            (cost + abs(len(said) - usual * len(one)), lost)
            for (cost, lost), said in zip(best[:-1], target, strict=True)
        ]
        best = [left_out[0], *(min(ways, key=lambda way: way[0]) for ways in zip(left_out[1:], paired, strict=True))]
    return best[-1][1]


def _lines(said: str, own: str) -> tuple[list[str], list[str]]:
    lines = said.split("\n"), own.split("\n")
    return lines if len(lines[0]) == len(lines[1]) else ([said], [own])


_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|(?<!\w)%[sd]\b|\{\w*\}")


def _placeholders(said: str, own: str) -> list[Finding]:
    there, here = Counter(_PLACEHOLDER.findall(said)), Counter(_PLACEHOLDER.findall(own))
    return [
        Finding("placeholder", _("The placeholder {name} is not the same on both sides.").format(name=name))
        for name in sorted((there - here) | (here - there))
    ]


def _terms(said: str, own: str, terms: Iterable[AgreedTerm]) -> list[Finding]:
    """Where the source names a term, the glossary's word for it is used in some form, and no word to avoid."""
    found = []
    text, source = own.casefold(), said.casefold()
    for term in terms:
        named = next((name for name in term.names or (term.source,) if _named(name, source)), None)
        if named is None:
            continue
        if term.do_not_translate and named.casefold() not in text:
            found.append(Finding("term", _("“{term}” stays as it is in every language.").format(term=named)))
        elif term.target and not any(_stem(one) in fold(own) for one in (term.target, *term.also) if one):
            said_as = _("The glossary says “{target}” for “{term}”.").format(target=term.target, term=named)
            found.append(Finding("term", said_as))
        for word in term.avoid:
            if _named(word, text):
                found.append(Finding("avoid", _("The glossary asks to avoid “{word}”.").format(word=word)))
    return found


def _named(name: str, text: str) -> bool:
    name = name.casefold()
    if re.search(r"[\u3400-\u9fff]", name):  # Chinese has no space around a word
        return name in text
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?:s|es)?(?!\w)", text))


def _stem(word: str) -> str:
    """What of a word stays in its forms: the beginning, without the Arabic article. Of several words, the first's."""
    first = re.sub(r"^ال", "", fold(word).split()[0])
    return first if len(first) < 5 else first[: max(4, len(first) * 2 // 3)]


TITLE = 65  # characters; search engines cut what is longer


def _title(own: str) -> list[Finding]:
    if len(own) <= TITLE:
        return []
    said = _("This title has {count} characters. More than {most} are cut off in lists and by search engines.")
    return [Finding("title", said.format(count=len(own), most=TITLE))]


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
