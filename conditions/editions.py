"""Working copy -> manuscript, and what is still missing. The only module that sees both sides of the wall.

The source language is built from the working copy. A translation is built from the current source *edition*: codes,
links, frequencies and the parts there are come from what was signed, only the words come from the working copy.
"""

from collections.abc import Iterable
from dataclasses import replace

from django.db.models import Prefetch
from django.utils.translation import gettext as _

from conditions import content as shapes
from conditions import labels, models, richtext
from portal import languages
from portal.addresses import is_slug
from portal.publishing import actions, checking
from portal.publishing.manuscript import Manuscript, Problem
from portal.publishing.models import Address, Edition, Entry, Page
from portal.translating import checks
from portal.translating.columns import exactly, lines

MODELS = {
    model.KIND: model for model in (models.Condition, models.Symptom, models.Treatment, models.Term, models.Article)
}

# What tells people when to act, or what is dangerous for them: a change there is never only wording.
SENSITIVE_PARTS = ("help_cards", "sections.who_should_not", "sections.side_effects")

# What a patient needs on every page of a kind, and what may hurt where it is missing.
REQUIRED_SECTIONS = {
    "condition": ("overview", "diagnosis", "treatment_intro", "outlook"),
    "symptom": ("overview",),
    "treatment": ("overview", "benefits", "side_effects", "who_should_not"),
    "term": (),
    "article": (),
}

_OF_THE_WEB = ("http://", "https://", "ftp://", "ftps://")


def topic(kind: str, **lookup):
    """One object of the working copy with everything its manuscript needs. Raises DoesNotExist."""
    return topics(kind).get(**lookup)


def topics(kind: str):
    """All objects of a kind, each with everything its manuscript needs."""
    # What a row names comes by a join: looked up by itself, SQLite refuses more than a thousand at once.
    citations = Prefetch("citations", models.Citation.objects.select_related("source"))
    queryset = MODELS[kind].objects.prefetch_related(
        "help_cards", "facts__sources", "codes", citations, "images", "see_also"
    )
    if kind == "condition":
        queryset = queryset.select_related("broader").prefetch_related(
            Prefetch("symptom_rows", models.ConditionSymptom.objects.select_related("symptom")),
            Prefetch("treatment_rows", models.ConditionTreatment.objects.select_related("treatment")),
        )
    return queryset


def manuscript(topic, language: str) -> Manuscript:
    """The object's words in exactly this language, with what is still missing."""
    return manuscripts(topic, [language])[str(language)]


def manuscripts(topic, in_languages: Iterable[str]) -> dict[str, Manuscript]:
    """The same for several languages, in seven queries however many they are."""
    in_languages = [str(language) for language in in_languages]
    drafts = {language: _draft(topic, language) for language in in_languages}
    pages = {
        page.language: page for page in Page.objects.filter(kind=topic.kind, key=topic.key).select_related("edition")
    }
    source = pages.get(languages.SOURCE)
    translations = [language for language in in_languages if language != languages.SOURCE]
    compared = checking.checks(topic.kind, topic.key, translations) if translations else {}
    built = {}
    for language, draft in drafts.items():
        if language == languages.SOURCE:
            built[language] = (draft, _source_problems(topic, draft))
        elif source is None or source.withdrawn_at:
            built[language] = (draft, [_no_source()])
        else:
            own = _with_lost_rows(draft, pages.get(language))
            built[language] = _translated(source.edition, own, language, compared[language])
    links = {link for content, _problems in built.values() for link in content.links()}
    with_pages = set(
        Page.objects.filter(
            language__in=in_languages, withdrawn_at=None, key__in={key for _kind, key in links}
        ).values_list("kind", "key", "language")
    )
    slugs = {language: exactly(topic, "slug", language) for language in in_languages}
    taken = {
        (address.language, address.slug): address.page.key
        for address in Address.objects.filter(
            kind=topic.kind, slug__in=[topic.key, *(slug for slug in slugs.values() if slug)]
        ).select_related("page")
    }
    # A key is an address of last resort, for readers who switch to a language without a page.
    keys = set(
        models.Topic.objects.filter(kind=topic.kind, key__in=[slug for slug in slugs.values() if slug]).values_list(
            "key", flat=True
        )
    )
    made = {}
    for language, (content, problems) in built.items():
        slug = slugs[language]
        problems = [
            *_name_problems(content, slug, language),
            *problems,
            *_link_problems(content, language, with_pages),
        ]
        if taken.get((language, slug), topic.key) != topic.key or (slug in keys and slug != topic.key):
            problems.append(
                Problem(
                    "slug",
                    _("Another page has the address “{slug}” in {language}. Choose another.").format(
                        slug=slug, language=_(languages.get(language).english)
                    ),
                )
            )
        if owners := {owner for (_l, used), owner in taken.items() if used == topic.key} - {topic.key}:
            problems.append(
                Problem(
                    "key",
                    _(
                        "The key “{key}” is the address of another page ({owner}). Make this one anew with another key."
                    ).format(key=topic.key, owner=", ".join(sorted(owners))),
                )
            )
        made[language] = Manuscript(
            kind=topic.kind,
            key=topic.key,
            language=language,
            slug=slug,
            title=content.name,
            summary=content.summary,
            content=content.to_json(),
            problems=tuple(dict.fromkeys(problems)),
            links=content.links(),
            sensitive=SENSITIVE_PARTS,
            other_names=(*content.also_known_as, *lines(topic, "misspellings", language)),
        )
    return made


def refresh(topic, *, by=None, changed: Iterable[str] = (languages.SOURCE,)) -> None:
    """Tell the desk what the working copy says now. `by` changed the words of these languages; others only followed.

    After every save, and after a publish, because a translation is built from the source edition.
    """
    made = manuscripts(topic, [language.code for language in languages.at_the_desk()])
    for language, manuscript in made.items():
        if manuscript.title or language == languages.SOURCE:  # nobody has begun: no entry
            actions.remember(manuscript, by=by if language in changed else None)


def refresh_waiting(kind: str, key: str) -> None:
    """After a page came or went: conditions that name it, and could not be complete without it, look again."""
    if kind not in {"symptom", "treatment"}:
        return
    named = models.Condition.objects.filter(**{f"{kind}_rows__{kind}__key": key})
    waiting = Entry.objects.filter(kind="condition", key__in=named.values("key")).exclude(change__problems=[])
    for condition in set(waiting.values_list("key", flat=True)):
        refresh(topic("condition", key=condition))


def current_source_edition(topic) -> Edition | None:
    """The source edition readers see now, which translators work from."""
    page = (
        Page.objects.filter(kind=topic.kind, key=topic.key, language=languages.SOURCE, withdrawn_at=None)
        .select_related("edition")
        .first()
    )
    return page.edition if page else None


def to_be_checked(topic) -> list[str]:
    """Sources a clinician should compare with the words before signing. Advice, not a problem."""
    found = [f"{labels.FACTS[fact.kind]}: {_sources_of(fact)}" for fact in topic.facts.all() if fact.needs_check]
    for citation in topic.citations.all():
        if citation.needs_check:
            parts = ", ".join(str(_label(topic.kind, section)) for section in citation.sections)
            found.append(f"{parts}: {citation.source}")
    return found


def _sources_of(fact):
    return "; ".join(str(source) for source in fact.sources.all())


def _label(kind: str, section: str):
    return labels.SECTIONS[kind].get(section) or labels.PARTS.get(section, section)


def _ordered(rows, *extra):
    return sorted(rows.all(), key=lambda row: (*(get(row) for get in extra), row.position, row.pk))


_URGENCY_ORDER = {urgency: place for place, urgency in enumerate(labels.URGENCIES)}
_PLACE_ORDER = {place: at for at, place in enumerate(labels.PLACES)}
_FREQUENCY_ORDER = {frequency: at for at, frequency in enumerate(labels.FREQUENCIES)}


def _draft(topic, language: str) -> shapes.TopicContent:
    """The working copy in one language, whatever it lacks."""
    is_condition = topic.kind == "condition"
    return shapes.TopicContent(
        name=exactly(topic, "name", language).strip(),
        summary=exactly(topic, "summary", language).strip(),
        also_known_as=lines(topic, "also_known_as", language),
        help_cards=tuple(
            shapes.HelpCard(
                card.key,
                card.urgency,
                richtext.clean(exactly(card, "when_to_act", language)),
                richtext.clean(exactly(card, "what_to_do", language)),
            )
            for card in _ordered(topic.help_cards, lambda card: _URGENCY_ORDER.get(card.urgency, 9))
        ),
        facts=tuple(
            shapes.Fact(
                fact.kind, exactly(fact, "value", language).strip(), tuple(sorted(s.key for s in fact.sources.all()))
            )
            for fact in _ordered(topic.facts)
        ),
        sections=tuple(
            shapes.Section(key, html)
            for key in labels.SECTIONS[topic.kind]
            if (html := richtext.clean(exactly(topic, key, language)))
        ),
        symptoms=tuple(
            shapes.SymptomEntry(row.symptom.key, row.frequency, exactly(row, "note", language).strip())
            for row in _ordered(topic.symptom_rows, lambda row: _FREQUENCY_ORDER[row.frequency])
        )
        if is_condition
        else (),
        treatments=tuple(
            shapes.TreatmentEntry(row.treatment.key, row.place, exactly(row, "note", language).strip())
            for row in _ordered(topic.treatment_rows, lambda row: _PLACE_ORDER.get(row.place, 9))
        )
        if is_condition
        else (),
        broader=shapes.Link("condition", topic.broader.key) if is_condition and topic.broader else None,
        see_also=tuple(
            shapes.Link(kind, key) for kind, key in sorted((other.kind, other.key) for other in topic.see_also.all())
        ),
        treatment_kind=getattr(topic, "treatment_kind", ""),
        headings=tuple(shapes.Heading(key) for key in labels.HEADINGS if key in topic.headings),
        codes=tuple(
            shapes.Code(system, code)
            for system, code in sorted((row.system, row.code) for row in topic.codes.all() if row.verified)
        ),
        sources=_cited(topic),
        images=tuple(
            shapes.Image(
                image.key,
                image.file.name,
                image.width,
                image.height,
                exactly(image, "alt", language).strip(),
                exactly(image, "caption", language).strip(),
                image.credit,
            )
            for image in _ordered(topic.images)
        ),
    )


def _cited(topic) -> tuple[shapes.Source, ...]:
    """Every source of the page once, in the order of its citations, those of facts only at the end."""
    sources = {row.source.key: (row.source, tuple(row.sections)) for row in _ordered(topic.citations)}
    for fact in _ordered(topic.facts):
        for source in sorted(fact.sources.all(), key=lambda source: source.key):
            sources.setdefault(source.key, (source, ()))
    return tuple(
        shapes.Source(
            key=source.key,
            title=source.title,
            language=source.language,
            publisher=source.publisher,
            year=source.year,
            # Forms and bundles let nothing else through; a hand in the database might.
            address=source.address if source.address.startswith(_OF_THE_WEB) else "",
            accessed_on=source.accessed_on.isoformat() if source.accessed_on else "",
            sections=sections,
        )
        for source, sections in sources.values()
    )


def _with_lost_rows(draft: shapes.TopicContent, page: Page | None) -> shapes.TopicContent:
    """The draft with the words of rows that a clinician has taken out of the working copy but not yet out of the page.

    Until the source is published without them, its translations still need them; they stand in the public edition.
    """
    if page is None:
        return draft
    public = shapes.TopicContent.from_json(page.edition.content)

    def with_lost(rows, public_rows, name):
        there = {getattr(row, name) for row in rows}
        return (*rows, *(row for row in public_rows if getattr(row, name) not in there))

    return replace(
        draft,
        help_cards=with_lost(draft.help_cards, public.help_cards, "key"),
        facts=with_lost(draft.facts, public.facts, "kind"),
        symptoms=with_lost(draft.symptoms, public.symptoms, "key"),
        treatments=with_lost(draft.treatments, public.treatments, "key"),
        images=with_lost(draft.images, public.images, "key"),
    )


def _translated(source_edition: Edition, own: shapes.TopicContent, language: str, compared: checking.Checks):
    """What the source edition says, in the translation's own words.

    A part is a problem without words, and where nobody has compared its words with what the source says now.
    """
    source = shapes.TopicContent.from_json(source_edition.content)
    kind = source_edition.kind
    problems, machine = [], []

    def words(said: str, own_words: str, where: str) -> str:
        if not said:
            return ""
        if not own_words:
            problems.append(_empty(kind, where, language))
            return ""
        if not compared.is_current(where, said):
            problems.append(_not_compared(kind, where, compared.of(where), source_edition))
        if compared.is_unread_machine(where):
            machine.append(where)
            if where.startswith(SENSITIVE_PARTS):
                problems.append(_unread_machine(kind, where))
        if kind == "treatment" or where.startswith("help_cards"):
            # A wrong dose hurts at once: elsewhere such a finding is advice, here it keeps the page back.
            found = (one for one in checks.check(said, own_words, language) if one.is_dose)
            problems.extend(Problem(where, f"{labels.part_in_words(kind, where)}: {one.message}") for one in found)
        return own_words

    cards = {card.key: card for card in own.help_cards}
    facts = {fact.kind: fact for fact in own.facts}
    notes = {("symptom", row.key): row.note for row in own.symptoms}
    notes |= {("treatment", row.key): row.note for row in own.treatments}
    pictures = {image.key: image for image in own.images}

    def card(said: shapes.HelpCard) -> shapes.HelpCard:
        mine = cards.get(said.key)
        return replace(
            said,
            when_to_act=words(said.when_to_act, mine.when_to_act if mine else "", f"help_cards.{said.key}.when_to_act"),
            what_to_do=words(said.what_to_do, mine.what_to_do if mine else "", f"help_cards.{said.key}.what_to_do"),
        )

    def picture(said: shapes.Image) -> shapes.Image:
        mine = pictures.get(said.key)
        return replace(
            said,
            alt=words(said.alt, mine.alt if mine else "", f"images.{said.key}.alt"),
            caption=words(said.caption, mine.caption if mine else "", f"images.{said.key}.caption"),
        )

    translated = replace(
        source,
        name=words(source.name, own.name, "name"),
        summary=words(source.summary, own.summary, "summary"),
        also_known_as=own.also_known_as,
        help_cards=tuple(card(said) for said in source.help_cards),
        facts=tuple(
            replace(
                said,
                value=words(
                    said.value, facts[said.kind].value if said.kind in facts else "", f"facts.{said.kind}.value"
                ),
            )
            for said in source.facts
        ),
        sections=tuple(
            shapes.Section(said.key, words(said.html, own.section(said.key), f"sections.{said.key}"))
            for said in source.sections
        ),
        symptoms=tuple(
            replace(said, note=words(said.note, notes.get(("symptom", said.key), ""), f"symptoms.{said.key}.note"))
            for said in source.symptoms
        ),
        treatments=tuple(
            replace(said, note=words(said.note, notes.get(("treatment", said.key), ""), f"treatments.{said.key}.note"))
            for said in source.treatments
        ),
        images=tuple(picture(said) for said in source.images),
    )
    return replace(translated, machine=tuple(machine)), problems


def _language_name(language: str) -> str:
    return _(languages.get(language).english)


def _empty(kind: str, where: str, language: str) -> Problem:
    first, _dot, rest = where.partition(".")
    detail = {
        "facts": lambda: str(labels.FACTS.get(rest.split(".")[0], "")),
        "symptoms": lambda: rest.split(".")[0],
        "treatments": lambda: rest.split(".")[0],
    }.get(first, lambda: "")()
    part = f"{labels.part(kind, where)}: {detail}" if detail else str(labels.part(kind, where))
    return Problem(where, _("“{part}” is empty in {language}.").format(part=part, language=_language_name(language)))


def _not_compared(kind: str, where: str, last: checking.Check | None, source_edition: Edition) -> Problem:
    part = labels.part_in_words(kind, where)
    if last is None:
        said = _("“{part}” was never compared with the source. Compare it with edition {number}.")
    else:
        said = _("“{part}” has changed in the source since it was translated. Compare it with edition {number}.")
    return Problem(where, said.format(part=part, number=source_edition.number))


def _unread_machine(kind: str, where: str) -> Problem:
    said = _("“{part}” was written by a machine. Here a person has to compare it before anybody reads it.")
    return Problem(where, said.format(part=labels.part_in_words(kind, where)))


def _no_source() -> Problem:
    return Problem(
        "source",
        _("There is no published {language} page to translate from yet.").format(
            language=_language_name(languages.SOURCE)
        ),
    )


def _name_problems(content, slug: str, language: str) -> list[Problem]:
    problems = []
    if not content.name:
        problems.append(_empty("", "name", language))
    if content.name and not is_slug(slug):
        problems.append(_empty("", "slug", language))
    return problems


def _source_problems(topic, draft: shapes.TopicContent) -> list[Problem]:
    """What a patient needs and does not find, in the source language."""
    kind, language, problems = topic.kind, languages.SOURCE, []
    if not draft.summary:
        problems.append(_empty(kind, "summary", language))
    for key in REQUIRED_SECTIONS[kind]:
        if not draft.section(key):
            problems.append(_empty(kind, f"sections.{key}", language))
    if kind == "condition" and not draft.help_cards:
        problems.append(_empty(kind, "help_cards", language))
    for card in draft.help_cards:
        if not (card.when_to_act and card.what_to_do):
            problems.append(
                Problem(
                    f"help_cards.{card.key}",
                    _("A help card ({urgency}) does not say when to act and what to do.").format(
                        urgency=labels.URGENCIES[card.urgency]
                    ),
                )
            )
    for fact in draft.facts:
        if not fact.value:
            problems.append(_empty(kind, f"facts.{fact.kind}.value", language))
        if not fact.sources:
            problems.append(
                Problem(f"facts.{fact.kind}", _("“{fact}” names no source.").format(fact=labels.FACTS[fact.kind]))
            )
    if kind not in {"term", "article"} and not draft.sources:
        problems.append(Problem("sources", _("The page cites no source.")))
    for image in draft.images:
        if not image.alt:
            problems.append(Problem(f"images.{image.key}", _("A picture has no alternative text.")))
    return problems


def _link_problems(content: shapes.TopicContent, language: str, with_pages: set) -> list[Problem]:
    """A condition names its symptoms and treatments by their own published names, so they come first."""
    needed = [("symptom", row.key) for row in content.symptoms] + [("treatment", row.key) for row in content.treatments]
    return [
        Problem(
            f"{kind}s.{key}",
            _("The {kind} “{key}” has no page in {language} yet. Publish it first.").format(
                kind=str(labels.KINDS[kind]).lower(), key=key, language=_language_name(language)
            ),
        )
        for kind, key in needed
        if (kind, key, language) not in with_pages
    ]
