"""Puts the starter content into the working copy, never over what an editor changed; publishes a demonstration."""

from collections import Counter

from django.db import transaction

from conditions import editions, follow_up, translatable
from conditions.bundle import collecting, loading
from conditions.bundle.form import Bundle, digest
from conditions.starter import files
from portal import languages
from portal.publishing import actions
from portal.publishing.models import Capacity, How, Page, Significance


def load(topics=None, sources=None) -> Counter:
    """The files, or these of them, into the working copy. Returns how many parts were new, updated, kept, unchanged."""
    topics = files.topics() if topics is None else topics
    sources = files.sources() if sources is None else sources
    return +loading.load(Bundle(topics, sources)).counts


def publish_demonstration(by, keys=None) -> Counter:
    """Publish what was loaded in the capacity "demonstration": source first, then translations. Idempotent.

    Only words that still are the starter content's: what an editor changed waits for that person's own signature.
    """
    happened = Counter()
    for kind in loading.ORDER:
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
            elif loaded[language]["working_copy"] != digest(collecting.words_of(topic, language)):
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
