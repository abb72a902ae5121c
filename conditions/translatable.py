"""Which parts of an object are translated: where their words stand in the working copy, and what the source says."""

from django.utils.translation import gettext as _

from conditions import labels
from conditions.content import TopicContent
from portal.publishing.checking import words_of
from portal.publishing.models import Edition
from portal.translating.forms import Unit

# What has words in every language. Codes, sources and links have none; synonyms are each language's own.
_ROWS_WITH_WORDS = {
    "help_cards": {"when_to_act", "what_to_do"},
    "facts": {"value"},
    "symptoms": {"note"},
    "treatments": {"note"},
    "images": {"alt", "caption"},
}


def parts(source_edition: Edition) -> dict[str, str]:
    """part -> the source's words, of every part that a translation needs."""
    return {part: said for part, said in words_of(source_edition).items() if said and _has_words(part)}


def _has_words(part: str) -> bool:
    first, _dot, rest = part.partition(".")
    if first in _ROWS_WITH_WORDS:
        return rest.rpartition(".")[2] in _ROWS_WITH_WORDS[first]
    return first in {"name", "summary", "sections"}


def units(topic, source_edition: Edition | None) -> list[Unit]:
    """Every part with words in the source edition, or with words of its own, in the page's order."""
    said = TopicContent.from_json(source_edition.content) if source_edition else TopicContent()
    cards = {card.key: card for card in said.help_cards}
    facts = {fact.kind: fact for fact in said.facts}
    symptoms = {row.key: row for row in said.symptoms}
    treatments = {row.key: row for row in said.treatments}
    pictures = {image.key: image for image in said.images}
    units = [
        Unit("name", str(labels.PARTS["name"]), topic, "name", said.name),
        Unit(
            "slug",
            str(labels.PARTS["slug"]),
            topic,
            "slug",
            source_edition.slug if source_edition else "",
            hint=_("Left empty, it is made from the name."),
            optional=True,
        ),
        Unit(
            "also_known_as",
            str(labels.PARTS["also_known_as"]),
            topic,
            "also_known_as",
            "\n".join(said.also_known_as),
            hint=_("The names people use in this language, one a line; not a translation of each."),
            optional=True,
        ),
        Unit(
            "misspellings",
            str(labels.PARTS["misspellings"]),
            topic,
            "misspellings",
            "",
            hint=_("As people misspell it in this language, one a line. Never shown."),
        ),
        Unit("summary", str(labels.PARTS["summary"]), topic, "summary", said.summary),
    ]
    if topic.kind == "term":
        units.append(Unit("avoid", str(labels.PARTS["avoid"]), topic, "avoid", ""))
    for card in topic.help_cards.all():
        there = cards.get(card.key)
        title = f"{labels.PARTS['help_cards']} ({labels.URGENCIES[card.urgency]})"
        for field, label in (("when_to_act", _("When to act")), ("what_to_do", _("What to do"))):
            part = f"help_cards.{card.key}.{field}"
            units.append(
                Unit(part, f"{title}: {label}", card, field, getattr(there, field) if there else "", rich=True)
            )
    for fact in topic.facts.all():
        there = facts.get(fact.kind)
        units.append(
            Unit(f"facts.{fact.kind}.value", str(labels.FACTS[fact.kind]), fact, "value", there.value if there else "")
        )
    for key, label in labels.SECTIONS[topic.kind].items():
        units.append(Unit(f"sections.{key}", str(label), topic, key, said.section(key), rich=True))
    if topic.kind == "condition":
        for rows, there, attribute in (
            (topic.symptom_rows.all(), symptoms, "symptom"),
            (topic.treatment_rows.all(), treatments, "treatment"),
        ):
            for row in rows:
                other = getattr(row, attribute)
                note = there[other.key].note if other.key in there else ""
                units.append(
                    Unit(f"{attribute}s.{other.key}.note", f"{labels.KINDS[attribute]}: {other}", row, "note", note)
                )
    for image in topic.images.all():
        there = pictures.get(image.key)
        units.append(Unit(f"images.{image.key}.alt", _("Alternative text"), image, "alt", there.alt if there else ""))
        units.append(
            Unit(f"images.{image.key}.caption", _("Caption"), image, "caption", there.caption if there else "")
        )
    return units
