"""Each edition is sealed over its own words and the seal before it; `faults` finds what was changed by hand."""

import datetime as dt
import hashlib
import json
from collections.abc import Iterator

from portal.publishing.manuscript import digest_of
from portal.publishing.models import Address, Edition, Page, PageHistory, SignOff

_SEALED = (
    "kind", "key", "language", "number", "slug", "title", "summary", "content", "digest", "names", "translated_from_id",
    "significance", "change_note", "review_due_on", "published_at", "published_by_id", "previous_seal",
)  # fmt: skip


def seal_of(edition: Edition) -> str:
    """SHA-256 over everything an edition says, as 64 hex digits."""
    said = {name: getattr(edition, name) for name in _SEALED}
    said["published_at"] = said["published_at"].astimezone(dt.UTC)
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def faults() -> Iterator[str]:
    """Every sign that what was published was altered, dropped or inserted by hand, in words.

    A whole page's newest edition, taken out together with its history, leaves no trace here: compare with a backup.
    """
    signed = set(SignOff.objects.values_list("kind", "key", "language", "digest"))
    shown = set(PageHistory.objects.exclude(edition=None).values_list("edition_id", flat=True))
    before = None
    for edition in Edition.objects.order_by("kind", "key", "language", "number").iterator(chunk_size=500):
        name = f"{edition.kind}/{edition.key}/{edition.language}, edition {edition.number}"
        of_page = (edition.kind, edition.key, edition.language)
        if before is None or (before.kind, before.key, before.language) != of_page:
            before = None
        if edition.number != (before.number + 1 if before else 1):
            yield f"{name}: an edition before it is missing."
        elif edition.previous_seal != (before.seal if before else ""):
            yield f"{name}: it does not follow the edition before it."
        if edition.seal != seal_of(edition):
            yield f"{name}: it was altered after it was published."
        if edition.digest != digest_of(*of_page, edition.slug, edition.content):
            yield f"{name}: its words are not those that were signed."
        if (*of_page, edition.digest) not in signed:
            yield f"{name}: nobody signed its words."
        if edition.pk not in shown:
            yield f"{name}: no page ever showed it."
        before = edition
    for page in Page.objects.select_related("edition").prefetch_related("addresses").iterator(chunk_size=500):
        name = f"{page.kind}/{page.key}/{page.language}"
        edition = page.edition
        if (edition.kind, edition.key, edition.language) != (page.kind, page.key, page.language):
            yield f"{name}: the page shows another object's edition."
        elif (page.slug, page.title, page.summary) != (edition.slug, edition.title, edition.summary):
            yield f"{name}: the page's title, summary or address is not its edition's."
        if not any(address.slug == page.slug for address in page.addresses.all()):
            yield f"{name}: the page has no address."
        last = PageHistory.objects.filter(page=page).order_by("-at", "-pk").first()
        if last is None or last.edition_id != (None if page.withdrawn_at else page.edition_id):
            yield f"{name}: the page and its history disagree."
    for address in Address.objects.select_related("page").iterator(chunk_size=500):
        if (address.kind, address.language) != (address.page.kind, address.page.language):
            yield f"{address.kind}/{address.slug}/{address.language}: the address leads to another kind or language."
