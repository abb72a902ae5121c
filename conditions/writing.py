"""Writing help beside the form: advice about the source language's words. It stops nobody."""

import math
import re
import tomllib
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from django.utils.translation import gettext as _

from conditions import labels, models
from portal import languages
from portal.addresses import is_slug
from portal.publishing import compare, reading
from portal.translating.columns import exactly, lines

_KNOWN = tomllib.loads(Path(__file__).with_name("writing.toml").read_text(encoding="utf-8"))

LONG_SENTENCE = 20  # words; NHS content style guide
LONG_SENTENCE_ZH = 50  # characters: no reading formula is sound for Chinese
LONG_PARAGRAPH = 4  # sentences
GRADE_TO_ADVISE_FROM = 9  # school years; patients' pages aim at 6 (NHS: reading age 9 to 11; CDC: grade 6 to 8)
ENOUGH_WORDS = 60  # a formula says nothing about less
OTHER_PAGES = 30  # how many linked pages are searched for the same fact

_SENTENCE = re.compile(r"[^.!?。！？؟\n]+(?:[.!?。！？؟]+(?=\s|$|[\u4e00-\u9fff])|(?=\n|$))")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_VOWELS = {"en": "aeiouy", "es": "aeiouáéíóúü", "fr": "aàâeéèêëiîïoôuùûüyœæ"}
_LINK = re.compile(r'href="/([\w-]+)/([\w-]+)/([^"/#]+)/?(?:#[^"]*)?"')


@dataclass(frozen=True)
class Advice:
    where: str  # the part: "sections.causes"
    message: str

    def part(self, kind: str) -> str:
        return labels.part_in_words(kind, self.where)


@dataclass(frozen=True)
class Claim:
    """One thing a sentence says of the subject: the class ("frequency"), its value ("rare"), and the sentence."""

    about: str
    value: str
    where: str
    sentence: str


def advice(topic) -> list[Advice]:
    """Everything worth a look in the source language's words, part by part. Three queries, whatever there is."""
    texts = parts_of(topic)
    found = []
    for where, text in texts.items():
        found += about_text(where, text, languages.SOURCE)
    found += _jargon(topic, texts)
    found += _sources(topic, texts)
    found += _links(topic)
    found += [
        Advice(f"images.{image.key}.alt", _("A picture has no alternative text."))
        for image in topic.images.all()
        if not exactly(image, "alt", languages.SOURCE)
    ]
    found += contradictions(topic, texts)
    order = {where: place for place, where in enumerate(texts)}
    return sorted(found, key=lambda one: order.get(one.where, len(order)))


def parts_of(topic) -> dict[str, str]:
    """part -> its words without tags, one line for each paragraph or item."""
    said = {"summary": exactly(topic, "summary", languages.SOURCE)}
    for card in topic.help_cards.all():
        for field in ("when_to_act", "what_to_do"):
            said[f"help_cards.{card.key}.{field}"] = exactly(card, field, languages.SOURCE)
    for fact in topic.facts.all():
        said[f"facts.{fact.kind}.value"] = exactly(fact, "value", languages.SOURCE)
    for section in labels.SECTIONS[topic.kind]:
        said[f"sections.{section}"] = exactly(topic, section, languages.SOURCE)
    return {where: compare.plain(text) for where, text in said.items() if text}


def about_text(where: str, text: str, language: str) -> list[Advice]:
    """Long sentences, long paragraphs, a high reading age and words to avoid, in one text."""
    found = []
    for sentence in sentences(text):
        length = _length(sentence, language)
        if length > (LONG_SENTENCE_ZH if language.startswith("zh") else LONG_SENTENCE):
            found.append(
                Advice(
                    where,
                    _("A sentence of {count} words: “{start} …”. Two would be easier.").format(
                        count=length, start=" ".join(sentence.split()[:6])
                    ),
                )
            )
    for paragraph in text.split("\n"):
        if (count := len(sentences(paragraph))) > LONG_PARAGRAPH:
            found.append(
                Advice(
                    where,
                    _("A paragraph of {count} sentences: “{start} …”. Make it two, or a list.").format(
                        count=count, start=" ".join(paragraph.split()[:6])
                    ),
                )
            )
    reached = grade(text, language)
    if reached and reached >= GRADE_TO_ADVISE_FROM:
        found.append(
            Advice(
                where,
                _("Reads like school year {grade} (age {age}). Patients' pages aim at year 6.").format(
                    grade=reached, age=reached + 5
                ),
            )
        )
    if language == languages.SOURCE:
        for word, better in _KNOWN["avoid"].items():
            if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE):
                found.append(Advice(where, _("Instead of “{word}” write “{better}”.").format(word=word, better=better)))
    return found


def sentences(text: str) -> list[str]:
    return [found for match in _SENTENCE.finditer(text) if (found := match[0].strip(" •")) and _WORD.search(found)]


def _length(sentence: str, language: str) -> int:
    return len(re.findall(r"[\u4e00-\u9fff]", sentence)) if language.startswith("zh") else len(_WORD.findall(sentence))


def grade(text: str, language: str) -> int | None:
    """School years needed to read this, or None where the text is short or no formula is sound for its language.

    English: Flesch-Kincaid grade (Kincaid et al. 1975). Spanish: Fernández-Huerta (1959), French: Kandel and Moles
    (1958), both ease scores of 0 to 100, read on Flesch's own scale of school years. Syllables are counted as groups
    of vowels, which is right within a few in a hundred.
    """
    words = _WORD.findall(text)
    count, split = len(words), len(sentences(text))
    if language not in _VOWELS or count < ENOUGH_WORDS or split < 3:
        return None
    per_sentence, per_word = count / split, sum(_syllables(word, language) for word in words) / count
    if language == "en":
        reached = 0.39 * per_sentence + 11.8 * per_word - 15.59
    elif language == "es":
        reached = _grade_of_ease(206.84 - 60 * per_word - 1.02 * per_sentence)
    else:
        reached = _grade_of_ease(207 - 1.015 * per_sentence - 73.6 * per_word)
    return min(max(1, math.floor(reached + 0.5)), 20)


def _grade_of_ease(ease: float) -> float:
    """Flesch's table: 90 and more is year 5, 60 is year 8 to 9, 30 and less is university."""
    return 5 + (90 - ease) / 10 if ease < 90 else 5


def _syllables(word: str, language: str) -> int:
    word = word.casefold()
    groups = len(re.findall(f"[{_VOWELS[language]}]+", word))
    if (language == "en" and re.search(r"[^aeiouyl]e$|[^td]ed$", word)) or (
        language == "fr" and re.search(r"[^é](?:e|es|ent)$", word)
    ):
        groups -= 1  # a last "e" that nobody says
    return max(groups, 1)


def _jargon(topic, texts) -> list[Advice]:
    """Terms of the glossary that the text uses, and what their entries tell authors to avoid beside them. One query."""
    found = []

    def first(word) -> str | None:
        """The first part that says this."""
        said = re.compile(rf"\b{re.escape(word)}\b", re.IGNORECASE)
        return next((where for where, text in texts.items() if said.search(text)), None)

    for term in models.Term.objects.exclude(pk=topic.pk):
        names = (exactly(term, "name", languages.SOURCE), *lines(term, "also_known_as", languages.SOURCE))
        used = next(((name, where) for name in names if name and (where := first(name))), None)
        if not used:
            continue
        found.append(Advice(used[1], _("“{word}” is a word of the glossary. Is it needed here?").format(word=used[0])))
        for word in lines(term, "avoid", languages.SOURCE):
            if where := first(word):
                said = _("The glossary avoids “{word}” for “{term}”. Is that meant here?").format(word=word, term=term)
                found.append(Advice(where, said))
    return found


def _sources(topic, texts) -> list[Advice]:
    found = []
    for fact in topic.facts.all():
        if not fact.sources.all():
            found.append(Advice(f"facts.{fact.kind}.value", _("This fact names no source.")))
    if topic.kind in {"term", "article"}:
        return found
    supported = {section for citation in topic.citations.all() for section in citation.sections}
    for section in labels.SECTIONS[topic.kind]:
        if f"sections.{section}" in texts and section not in supported:
            found.append(Advice(f"sections.{section}", _("No source is said to support this section.")))
    return found


def _links(topic) -> list[Advice]:
    """Links in the text to our own pages that lead nowhere."""
    found = []
    kinds = {path: kind for kind, path in labels.PATHS.items()}
    for section in labels.SECTIONS[topic.kind]:
        for language, path, slug in _LINK.findall(exactly(topic, section, languages.SOURCE)):
            page = reading.address(kinds[path], language, slug) if path in kinds and is_slug(slug) else None
            if page is None or page.withdrawn_at:
                found.append(
                    Advice(
                        f"sections.{section}",
                        _("The link to {address} leads to no page.").format(address=f"/{language}/{path}/{slug}/"),
                    )
                )
    return found


# The same fact stated differently


def contradictions(topic, texts) -> list[Advice]:
    """Pairs of sentences, here or on a linked page, that say of this topic what cannot both be so."""
    names = [exactly(topic, "name", languages.SOURCE), *lines(topic, "also_known_as", languages.SOURCE)]
    own = [claim for where, text in texts.items() for claim in claims(text, where, names, own_page=True)]
    found = []
    for one, other in combinations(own, 2):
        if one.about == other.about and _disagree(one, other):
            found.append(_contradiction(one, other, labels.part_in_words(topic.kind, other.where)))
    for page in _linked_pages(topic):
        for part, words in compare.parts(page.edition.content):
            for other in claims(compare.plain(words), part, names, own_page=False):
                found += [
                    _contradiction(one, other, page.title)
                    for one in own
                    if one.about == other.about and _disagree(one, other)
                ]
    return list(dict.fromkeys(found))


def _contradiction(one: Claim, other: Claim, place: str) -> Advice:
    what = _KNOWN["claims"].get(one.about, {}).get("what") or one.about
    return Advice(
        one.where,
        _("It says two things about {what}: here “{one}”; in “{place}” “{other}”.").format(
            what=_(what), one=one.sentence, place=place, other=other.sentence
        ),
    )


def _linked_pages(topic):
    """Live English pages of what this topic names. One query."""
    keys = {other.key for other in topic.see_also.all()}
    if topic.kind == "condition":
        keys |= {row.symptom.key for row in topic.symptom_rows.all()}
        keys |= {row.treatment.key for row in topic.treatment_rows.all()}
        keys |= {topic.broader.key} if topic.broader else set()
    pages = reading.Page.objects.filter(language=languages.SOURCE, withdrawn_at=None, key__in=keys)
    return pages.exclude(key=topic.key).select_related("edition").order_by("key")[:OTHER_PAGES]


def claims(text: str, where: str, names: list[str], *, own_page: bool) -> list[Claim]:
    """What the sentences say of the subject. On another page only a sentence that names it counts."""
    found = []
    pronouns = r"^(?:it|this (?:condition|disease|disorder|symptom|form|type|treatment|medicine))\b"
    named = "|".join(rf"\b{re.escape(name)}\b" for name in sorted(names, key=len, reverse=True) if len(name) > 3)
    for sentence in sentences(text):
        subject = re.search(named, sentence, re.IGNORECASE) if named else None
        if own_page:
            subject = subject or re.match("" if where.startswith("facts") else pronouns, sentence, re.IGNORECASE)
        if not subject:
            continue
        for about, declared in _KNOWN["claims"].items():
            for value, patterns in declared.items():
                if value in {"what", "needs"}:
                    continue
                for pattern in patterns:
                    match = re.search(pattern, sentence, re.IGNORECASE)
                    if not match or ("needs" in declared and match.start() < subject.end()):
                        continue  # "… are common in dystonia" says nothing of how common dystonia is
                    if re.search(declared.get("needs", ""), sentence[: match.start()], re.IGNORECASE):
                        found.append(Claim(about, value, where, sentence))
                        break
        found += [Claim("age", value, where, sentence) for value in _ages(sentence)]
    return found


_AGE = re.compile(
    r"\b(?:begins?|starts?|appears?|onset)\b[^.]{0,60}?\b(before|after|by)\s+(?:the\s+)?(?:age\s+(?:of\s+)?)?(\d{1,2})\b",
    re.IGNORECASE,
)


def _ages(sentence: str) -> list[str]:
    return [f"{'after' if when.lower() == 'after' else 'before'} {years}" for when, years in _AGE.findall(sentence)]


def _disagree(one: Claim, other: Claim) -> bool:
    if one.about != "age":
        return one.value != other.value
    (when, years), (other_when, other_years) = one.value.split(), other.value.split()
    if when == other_when:
        return years != other_years
    before, after = (years, other_years) if when == "before" else (other_years, years)
    return int(after) >= int(before)
