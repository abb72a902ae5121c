"""Out of the working copy, into a bundle: everything that an edition is made from."""

from collections.abc import Iterable, Iterator

from django.db.models import Model

from conditions import editions, labels, models
from conditions.bundle.form import SHAPE, Bundle, BundleTopic, digest, flat, nested, whole, whole_source
from conditions.pictures import Prepared
from portal import languages
from portal.translating.columns import exactly

OWN = ("name", "slug", "also_known_as", "misspellings", "summary")


class Gone(OSError):
    """A picture's file is not where it should be."""


def bundle(topics: Iterable[models.Topic]) -> Bundle:
    """These objects (each from `editions.topic`) with their sources and pictures. Raises Gone."""
    made, sources, pictures, exported = [], {}, {}, {}
    for topic in topics:
        said = shape(topic)
        words = {language: found for language in languages.LANGUAGES if (found := words_of(topic, language))}
        one = BundleTopic(topic.kind, topic.key, said, {language: nested(found) for language, found in words.items()})
        made.append(one)
        for part, value in {SHAPE: said, **words}.items():
            exported[f"{topic.kind}/{topic.key}/{part}"] = digest(value)
        for row in topic.citations.all():
            sources[row.source.key] = source(row.source)
        for fact in topic.facts.all():
            sources |= {row.key: source(row) for row in fact.sources.all()}
        for image in topic.images.all():
            pictures[image.file.name] = _picture(topic, image)
    exported |= {f"source/{key}": digest(whole_source(said)) for key, said in sources.items()}
    return Bundle(made, sources, pictures, exported)


def every() -> Iterator[models.Topic]:
    """The whole working copy, in the order of its keys."""
    for kind in labels.KINDS:
        yield from editions.topics(kind).order_by("key").iterator(chunk_size=200)


def source(row: models.Source) -> dict:
    names = ("title", "language", "publisher", "year", "address", "accessed_on")
    return {name: value for name in names if (value := getattr(row, name)) not in (None, "")}


def shape(topic) -> dict:
    """What the working copy says that has no language."""
    said = {
        "see_also": [other.key for other in topic.see_also.all()],
        "headings": topic.headings,
        "codes": [{"system": row.system, "code": row.code, "verified": row.verified} for row in topic.codes.all()],
        "help_cards": [{"key": row.key, "urgency": row.urgency} for row in _ordered(topic.help_cards)],
        "facts": [
            {"kind": row.kind, "sources": [one.key for one in row.sources.all()], "needs_check": row.needs_check}
            for row in _ordered(topic.facts)
        ],
        "citations": [
            {"source": row.source.key, "sections": row.sections, "needs_check": row.needs_check}
            for row in _ordered(topic.citations)
        ],
        "images": [{"key": row.key, "file": row.file.name, "credit": row.credit} for row in _ordered(topic.images)],
    }
    if topic.kind == "condition":
        said["broader"] = topic.broader.key if topic.broader else ""
        said["symptoms"] = [
            {"key": row.symptom.key, "frequency": row.frequency} for row in _ordered(topic.symptom_rows)
        ]
        said["treatments"] = [{"key": row.treatment.key, "place": row.place} for row in _ordered(topic.treatment_rows)]
    elif topic.kind == "treatment":
        said["treatment_kind"] = topic.treatment_kind
    elif topic.kind == "term":
        said["do_not_translate"] = topic.do_not_translate
    return whole(topic.kind, said)


def _ordered(rows) -> list:
    return sorted(rows.all(), key=lambda row: (row.position, row.pk))


def rows(topic) -> dict[tuple[str, str], Model]:
    """The rows that hold words, each by its part and name: ("help_cards", "breathing")."""
    found = {("help_cards", row.key): row for row in _ordered(topic.help_cards)}
    found |= {("facts", row.kind): row for row in _ordered(topic.facts)}
    found |= {("images", row.key): row for row in _ordered(topic.images)}
    if topic.kind == "condition":
        found |= {("symptoms", row.symptom.key): row for row in _ordered(topic.symptom_rows)}
        found |= {("treatments", row.treatment.key): row for row in _ordered(topic.treatment_rows)}
    return found


LEAVES = {
    "help_cards": ("when_to_act", "what_to_do"),
    "facts": ("value",),
    "images": ("alt", "caption"),
    "symptoms": ("note",),
    "treatments": ("note",),
}


def cells(topic, of_rows=None) -> Iterator[tuple[str, Model, str]]:
    """Every (part, row, field) of the working copy that holds words."""
    for name in (*OWN, *(("avoid",) if topic.kind == "term" else ())):
        yield name, topic, name
    for name in labels.SECTIONS[topic.kind]:
        yield f"sections.{name}", topic, name
    for (part, name), row in (rows(topic) if of_rows is None else of_rows).items():
        for leaf in LEAVES[part]:
            several = len(LEAVES[part]) > 1
            yield (f"{part}.{name}.{leaf}" if several else f"{part}.{name}"), row, leaf


def words_of(topic, language: str) -> dict[str, str]:
    """What the working copy says in exactly this language, by part."""
    said = {part: exactly(row, name, language) for part, row, name in cells(topic)}
    return flat(nested(said))


def _picture(topic, image) -> Prepared:
    try:
        with image.file.storage.open(image.file.name) as opened:
            return Prepared(opened.read(), name=image.file.name)
    except OSError as error:
        raise Gone(f"{topic.kind}/{topic.key}: the picture {image.file.name} is not in the store") from error
