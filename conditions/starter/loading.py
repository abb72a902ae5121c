"""Puts the starter content into the working copy, never over what an editor changed; publishes a demonstration."""

import hashlib
import json
from collections import Counter

from django.db import transaction

from conditions import editions, follow_up, models, translatable
from conditions.starter import files
from portal import languages
from portal.publishing import actions
from portal.publishing.models import Capacity, How, Page, Significance
from portal.translating.columns import column, exactly

# What a condition names comes before it.
ORDER = ("term", "symptom", "treatment", "condition", "article")
ROWS = ("help_cards", "facts", "symptoms", "treatments")


@transaction.atomic
def load(topics=None, sources=None) -> Counter:
    """Every object of the files into the working copy. Returns how many parts were new, updated, kept, unchanged.

    Each object and language remembers the digest of what was last loaded. Where the working copy no longer has it,
    an editor was there, and that language is left alone; the shape (codes, links, citations) is remembered likewise.
    """
    topics = files.topics() if topics is None else topics
    sources = files.sources() if sources is None else sources
    happened = Counter()
    by_key = {}
    for key, row in sources.items():
        by_key[key], created = models.Source.objects.get_or_create(key=key, defaults=row)
        happened["new"] += created
    ordered = sorted(topics, key=lambda topic: ORDER.index(topic.kind))
    rows = {starter.key: _topic(starter) for starter in ordered}
    for starter in ordered:
        happened.update(_load(starter, rows, by_key))
    return +happened


def _topic(starter) -> models.Topic:
    topic, _created = editions.MODELS[starter.kind].objects.get_or_create(key=starter.key)
    return topic


def _load(starter, rows, sources):
    topic = rows[starter.key]
    remembered = dict(topic.starter_digest)
    todo = {}
    for part, loaded, now in (
        ("shape", starter.shape, lambda: _shape(topic)),
        *(
            (language, words, lambda language=language: _words(topic, language))
            for language, words in starter.words.items()
        ),
    ):
        new = _digest(loaded)
        was = remembered.get(part)
        if was and was["file"] == new:
            yield "unchanged"
        elif (was and was["working_copy"] != _digest(now())) or (not was and any(_said(now()))):
            yield "kept"  # an editor or translator was there
        else:
            todo[part] = (loaded, new, now)
            yield "updated" if was else "new"
    if "shape" in todo:
        _write_shape(topic, starter.shape, rows, sources)
    for language in todo.keys() - {"shape"}:
        _write_words(topic, starter.words[language], language)
    if todo:
        for part, (_loaded, new, now) in todo.items():
            remembered[part] = {"file": new, "working_copy": _digest(now())}
        topic.starter_digest = remembered
        topic.save(update_fields=["starter_digest"])


def _said(found):
    return found.values() if isinstance(found, dict) else found


def _digest(said) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _shape(topic) -> list:
    """What the working copy says that has no language, comparable from load to load."""
    said = [
        sorted(topic.codes.values_list("system", "code", "verified")),
        sorted(topic.help_cards.values_list("key", "urgency", "position")),
        sorted([fact.kind, fact.position, sorted(s.key for s in fact.sources.all())] for fact in topic.facts.all()),
        sorted([c.source.key, c.sections, c.position] for c in topic.citations.select_related("source")),
        sorted(topic.see_also.values_list("key", flat=True)),
        getattr(topic, "treatment_kind", ""),
        getattr(topic, "do_not_translate", False),
        *([sorted(topic.headings)] if topic.headings else []),
    ]
    if topic.kind == "condition":
        said.append(topic.broader.key if topic.broader else "")
        said.append(sorted(topic.symptom_rows.values_list("symptom__key", "frequency", "position")))
        said.append(sorted(topic.treatment_rows.values_list("treatment__key", "place", "position")))
    return said


def _cells(topic):
    """Every (row, field) of the working copy that holds words, with a stable name."""
    own = ["name", "slug", "also_known_as", "misspellings", "summary"]
    if topic.kind == "term":
        own.append("avoid")
    for field in own:
        yield field, topic, field
    for field in editions.labels.SECTIONS[topic.kind]:
        yield f"sections.{field}", topic, field
    for card in topic.help_cards.all():
        yield f"help_cards.{card.key}.when_to_act", card, "when_to_act"
        yield f"help_cards.{card.key}.what_to_do", card, "what_to_do"
    for fact in topic.facts.all():
        yield f"facts.{fact.kind}", fact, "value"
    if topic.kind == "condition":
        for row in topic.symptom_rows.select_related("symptom"):
            yield f"symptoms.{row.symptom.key}", row, "note"
        for row in topic.treatment_rows.select_related("treatment"):
            yield f"treatments.{row.treatment.key}", row, "note"


def _words(topic, language) -> dict:
    return {name: exactly(row, field, language) for name, row, field in _cells(topic) if exactly(row, field, language)}


def _write_shape(topic, shape, rows, sources):
    """Add and correct rows; a row that is no longer in the file goes only if it has no words an editor wrote."""
    for row in shape.get("codes", ()):
        topic.codes.update_or_create(
            system=row["system"], code=row["code"], defaults={"verified": row.get("verified", False)}
        )
    for position, row in enumerate(shape.get("help_cards", ()), 1):
        topic.help_cards.update_or_create(key=row["key"], defaults={"urgency": row["urgency"], "position": position})
    for position, row in enumerate(shape.get("facts", ()), 1):
        fact, _created = topic.facts.update_or_create(
            kind=row["kind"], defaults={"position": position, "needs_check": row.get("needs_check", False)}
        )
        fact.sources.set([sources[key] for key in row["sources"]])
    for position, row in enumerate(shape.get("citations", ()), 1):
        topic.citations.update_or_create(
            source=sources[row["source"]],
            defaults={
                "sections": row.get("sections", []),
                "needs_check": row.get("needs_check", False),
                "position": position,
            },
        )
    topic.see_also.set([rows[key].topic_ptr for key in shape.get("see_also", ())])
    for position, row in enumerate(shape.get("symptoms", ()), 1):
        topic.symptom_rows.update_or_create(
            symptom=rows[row["key"]], defaults={"frequency": row.get("frequency", ""), "position": position}
        )
    for position, row in enumerate(shape.get("treatments", ()), 1):
        topic.treatment_rows.update_or_create(
            treatment=rows[row["key"]], defaults={"place": row["place"], "position": position}
        )
    for field in ("treatment_kind", "do_not_translate", "headings"):
        if field in shape:
            setattr(topic, field, shape[field])
    if shape.get("broader"):
        topic.broader = rows[shape["broader"]]
    topic.save()


def _write_words(topic, words, language):
    said = {field: words.get(field, "") for field in ("name", "slug", "summary")}
    said |= {field: "\n".join(words.get(field, ())) for field in ("also_known_as", "misspellings", "avoid")}
    said |= {f"sections.{name}": html for name, html in words.get("sections", {}).items()}
    for key, card in words.get("help_cards", {}).items():
        said |= {f"help_cards.{key}.{field}": html for field, html in card.items()}
    for part in ("facts", "symptoms", "treatments"):
        said |= {f"{part}.{key}": value for key, value in words.get(part, {}).items()}
    changed = {}
    for name, row, field in _cells(topic):
        setattr(row, column(field, language), said.get(name, "").strip())
        changed[type(row), row.pk] = row
    for row in changed.values():
        row.save()


def publish_demonstration(by, keys=None) -> Counter:
    """Publish what was loaded in the capacity "demonstration": source first, then translations. Idempotent.

    Only words that still are the starter content's: what an editor changed waits for that person's own signature.
    """
    happened = Counter()
    for kind in ORDER:
        for topic_id in editions.MODELS[kind].objects.order_by("pk").values_list("pk", flat=True):
            happened.update(_publish(editions.topic(kind, pk=topic_id), by))
    return happened


def _publish(topic, by):
    loaded = topic.starter_digest
    pages = {page.language: page for page in Page.objects.filter(kind=topic.kind, key=topic.key)}
    wanted = [languages.SOURCE, *(language.code for language in languages.offered() if not language.is_source)]
    if all(language in pages for language in wanted):
        yield from ("published before" for _language in wanted)
        return
    for group in (wanted[:1], wanted[1:]):
        source_edition = editions.current_source_edition(topic)
        for language in group:
            if source_edition and language != languages.SOURCE and language not in pages and language in loaded:
                # The files were translated from these words; whoever changed them since is asked to compare.
                actions.check(language, translatable.parts(source_edition), source_edition, by=None, how=How.IMPORT)
        for language, manuscript in editions.manuscripts(topic, group).items():
            if language in pages:
                yield "published before"
            elif language not in loaded:
                yield "without words"
            elif loaded[language]["working_copy"] != _digest(_words(topic, language)):
                yield "changed by an editor and left to that editor"
            elif manuscript.problems:
                yield f"{topic.kind}/{topic.key}/{language}: {manuscript.problems[0]}"
            else:
                with transaction.atomic():
                    actions.sign_off(
                        manuscript,
                        by=by,
                        capacity=Capacity.DEMONSTRATION,
                        source_edition=None if language == languages.SOURCE else source_edition,
                    )
                    actions.publish(manuscript, by=by, significance=Significance.WORDING)
                yield "published"
    follow_up.learn(topic.kind, topic.key)
