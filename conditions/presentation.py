"""What a page shows, from content and edition to template context. The public pages and the desk's preview share it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from conditions import labels
from conditions.content import HelpCard, Section, TopicContent
from portal import languages
from portal.publishing.checking import normal, words_of
from portal.publishing.models import Capacity, Page
from portal.publishing.reading import Published, Reference, compared_with


@dataclass(frozen=True)
class Choice:
    """A language of the switcher. Without an address the page does not exist in it; `home` is where to go instead."""

    language: languages.Language
    url: str
    exists: bool
    current: bool


@dataclass(frozen=True)
class Part:
    """One headed part of a page: rich text, the sources it rests on, and the objects it names, in groups."""

    key: str
    heading: str
    html: str = ""
    cited: tuple[int, ...] = ()
    groups: tuple = ()
    moved: bool = False  # the source says something else here, and this translation does not yet
    language: languages.Language | None = None  # of the words, where they are the source's instead of the translation's
    machine: bool = False  # a machine translated it, and nobody has compared it since


@dataclass(frozen=True)
class Behind:
    """Where a translation is behind its source, part by part. Nothing is guessed: both editions are there."""

    old: Mapping[str, str]  # part -> what the source said when this translation was last right
    now: Mapping[str, str]  # part -> what it says today
    new: TopicContent
    language: languages.Language

    def moved(self, part: str) -> bool:
        """Whether the source says anything else in this part: a section, a fact's value, a whole help card."""
        old, now = (
            {leaf: normal(said) for leaf, said in words.items() if leaf == part or leaf.startswith(f"{part}.")}
            for words in (self.old, self.now)
        )
        return old != now

    def replaced(self, section: str) -> bool:
        """The source's own words stand here, or nothing where it says nothing any more."""
        return section in NEVER_OUTDATED and self.moved(f"sections.{section}")

    def sections(self, translated: TopicContent) -> list[Section]:
        """The translation's, with the source's own in place of what must not be read any more."""
        own = {section.key for section in translated.sections}
        added = [s for s in self.new.sections if s.key not in own and self.replaced(s.key)]
        return [
            replace(section, html=self.new.section(section.key)) if self.replaced(section.key) else section
            for section in (*translated.sections, *added)
        ]

    def help_cards(self, translated: TopicContent) -> list[tuple[HelpCard, languages.Language | None]]:
        """Today's cards: translated where the source did not change, else in the source's own words."""
        own = {card.key: card for card in translated.help_cards}
        return [
            (own[card.key], None)
            if card.key in own and not self.moved(f"help_cards.{card.key}")
            else (card, self.language)
            for card in self.new.help_cards
        ]

    def news(self, kind: str) -> list[tuple[str, str]]:
        """(heading, rich text): what the source says anew, in its own words, until the translation has caught up."""
        new = self.new
        found = [(labels.PARTS["summary"], format_html("<p>{}</p>", new.summary))] if self.moved("summary") else []
        for card in new.help_cards:
            if self.moved(f"help_cards.{card.key}"):
                found.append((labels.HELP_HEADINGS.get(card.urgency, ""), card.when_to_act + card.what_to_do))
        for section in new.sections:
            if self.moved(f"sections.{section.key}"):
                found.append((labels.SECTIONS[kind].get(section.key, section.key), section.html))
        for fact in new.facts:
            if self.moved(f"facts.{fact.kind}.value"):
                found.append((labels.FACTS.get(fact.kind, fact.kind), format_html("<p>{}</p>", fact.value)))
        return found


# Advice on when to act, and who must not have a treatment: old words could harm, so the source's stand in their place.
NEVER_OUTDATED = ("who_should_not",)


@dataclass(frozen=True)
class Named:
    """Another object as it is named on this page; linked only where it has a page in this language."""

    name: str
    url: str | None
    note: str = ""


def page_url(page) -> str:
    """The public address of a page or an edition (anything with kind, language and slug)."""
    return _address(page.language, page.kind, page.slug)


@lru_cache(maxsize=20_000)
def _address(language: str, kind: str, slug: str) -> str:
    return reverse("public:page", args=[language, labels.PATHS[kind], slug])


def switcher(current: str, pages: Mapping[str, str], fallback: Mapping[str, str] | None = None) -> list[Choice]:
    """Every offered language: with its page where there is one, else its page that says so."""
    return [
        Choice(
            language,
            pages.get(language.code)
            or (fallback or {}).get(language.code)
            or reverse("public:home", args=[language.code]),
            language.code in pages,
            language.code == current,
        )
        for language in languages.offered()
    ]


def show(
    content: TopicContent,
    *,
    kind: str,
    names: Mapping[str, str],
    linked: Mapping[Reference, Page],
    as_it_was: bool = False,
    behind: Behind | None = None,
) -> dict:
    """The template's words, from content alone. `names` are the frozen names, `linked` the pages there are today.

    Today's page calls a linked object by its name of today; an earlier edition stays as it was.
    """

    def named(kind: str, key: str, note: str = "") -> Named | None:
        page, frozen = linked.get((kind, key)), names.get(f"{kind}/{key}")
        name = (frozen if as_it_was else None) or (page.title if page else frozen)
        return Named(name, page_url(page) if page else None, note) if name else None

    numbers = {source.key: number for number, source in enumerate(content.sources, 1)}

    def cited(section: str) -> list[int]:
        return [numbers[source.key] for source in content.sources if section in source.sections]

    def grouped(rows, group_of, group_labels, kind):
        groups = []
        for group, label in group_labels.items():
            members = [named(kind, row.key, row.note) for row in rows if group_of(row) == group]
            if members := [member for member in members if member]:
                groups.append((label, members, _figures(group)))
        return groups

    treatments = grouped(content.treatments, lambda row: row.place, labels.PLACES, "treatment")
    symptoms = grouped(content.symptoms, lambda row: row.frequency, labels.FREQUENCIES, "symptom")
    if len(symptoms) == 1 and not any(row.frequency for row in content.symptoms):
        symptoms = [("", symptoms[0][1], ())]  # a heading that says "not known" over everything helps nobody
    cards = behind.help_cards(content) if behind else [(card, None) for card in content.help_cards]
    return {
        "content": content,
        "kind": kind,
        "kind_label": labels.KINDS[kind],
        "plural": labels.PLURALS[kind],
        "treatment_kind": labels.TREATMENT_KINDS.get(content.treatment_kind, ""),
        "help_cards": [
            (labels.URGENCIES[card.urgency], labels.HELP_HEADINGS[card.urgency], card, language)
            for card, language in cards
            if card.urgency in labels.URGENCIES
        ],
        "summary_machine": not {"name", "summary"}.isdisjoint(content.machine),
        "facts_machine": any(part.startswith("facts.") for part in content.machine),
        "summary_moved": bool(behind and behind.moved("summary")),
        "facts": [
            (
                labels.FACTS.get(fact.kind, fact.kind),
                fact.value,
                [numbers[key] for key in fact.sources if key in numbers],
                bool(behind and behind.moved(f"facts.{fact.kind}.value")),
            )
            for fact in content.facts
        ],
        "emergency_number": settings.EMERGENCY_NUMBER,
        "help_first": any(card.urgency in {"emergency", "urgent"} for card, _language in cards),
        "help_cited": cited("help_cards"),
        "summary_cited": cited("summary"),
        "parts": _parts(content, kind, cited, symptoms, treatments, behind),
        "broader": named(content.broader.kind, content.broader.key) if content.broader else None,
        "see_also": [link for link in (named(link.kind, link.key) for link in content.see_also) if link],
        "headings": [(row.key, labels.HEADINGS[row.key]) for row in content.headings if row.key in labels.HEADINGS],
        "codes": [(labels.CODE_SYSTEMS.get(code.system, code.system), code.code) for code in content.codes],
        "sources": [
            (source, date.fromisoformat(source.accessed_on) if source.accessed_on else None)
            for source in content.sources
        ],
    }


def _figures(frequency: str) -> list[tuple[int, str]]:
    """Ten people (where each stands, and whether it is one of them), as a picture of a frequency in ten."""
    surely, perhaps = labels.OF_TEN.get(frequency, (0, 0))
    drawn = ["full"] * surely + ["half"] * (perhaps - surely) + ["none"] * (10 - perhaps)
    return [(place * 24, how) for place, how in enumerate(drawn)] if perhaps else []


def _parts(content, kind, cited, symptoms, treatments, behind) -> list[Part]:
    """The sections in their order; symptoms follow the overview, treatments stand under their introduction."""
    groups = {"treatment_intro": tuple(treatments)}
    parts = []

    def by_machine(beginning: str) -> bool:
        return any(part.startswith(beginning) for part in content.machine)

    def of_rows(key: str, rows: tuple) -> Part:
        moved = bool(behind and behind.moved(key))
        return Part(key, labels.PARTS[key], groups=rows, moved=moved, machine=by_machine(f"{key}."))

    for section in behind.sections(content) if behind else content.sections:
        if section.html or groups.get(section.key):
            heading = labels.SECTIONS[kind].get(section.key, section.key)
            found = groups.pop(section.key, ())
            moved = bool(behind and behind.moved(f"sections.{section.key}"))
            language = behind.language if behind and behind.replaced(section.key) else None
            if found and behind:
                moved = moved or behind.moved("treatments")
            own = by_machine(f"sections.{section.key}") or (bool(found) and by_machine("treatments."))
            parts.append(
                Part(section.key, heading, section.html, tuple(cited(section.key)), found, moved, language, own)
            )
        if section.key == "overview" and symptoms:
            parts.append(of_rows("symptoms", tuple(symptoms)))
    if groups.get("treatment_intro"):
        parts.append(of_rows("treatments", groups["treatment_intro"]))
    return parts


def show_published(
    published: Published,
    content: TopicContent,
    linked: Mapping[Reference, Page],
    *,
    archived: bool = False,
    today: date | None = None,
) -> dict:
    """The whole context of a public page, or with `archived` of one of its editions at its own address.

    `content` is what its edition says, `linked` the pages there are today of what that names.
    """
    edition, page = published.edition, published.page
    clinical = published.signed(Capacity.CLINICAL)
    language_review = published.signed(Capacity.LANGUAGE)
    is_translation = edition.language != languages.SOURCE
    matches = published.matches
    due = published.review_due_on
    behind = _behind(published)
    return {
        **show(
            content,
            kind=edition.kind,
            names=edition.names,
            linked=linked,
            as_it_was=archived,
            behind=None if archived else behind,
        ),
        "page": page,
        "edition": edition,
        "url": page_url(page),
        "is_current": page.edition_id == edition.pk and not page.withdrawn_at,
        "is_translation": is_translation,
        "clinical": clinical,
        "language_review": language_review,
        "signatures": published.signatures,
        "matches": matches,
        "source_page": next((p for p in published.elsewhere if p.language == languages.SOURCE), None),
        "source_language": languages.get(languages.SOURCE),
        "out_of_date": published.out_of_date,
        "source_edition": published.source_said,
        "source_withdrawn_at": published.source_withdrawn_at,
        "safety": behind.news(edition.kind) if behind and published.safety else [],
        "review_due_on": due,
        "review_overdue": due + timedelta(days=settings.REVIEW_GRACE_DAYS) < (today or timezone.localdate()),
        "choices": switcher(
            edition.language,
            {other.language: page_url(other) for other in published.elsewhere},
            {language.code: _address(language.code, page.kind, page.key) for language in languages.offered()},
        ),
    }


def _behind(published: Published) -> Behind | None:
    if not published.out_of_date:
        return None
    return Behind(
        compared_with(published),
        words_of(published.source_said),
        TopicContent.from_json(published.source_said.content),
        languages.get(languages.SOURCE),
    )
