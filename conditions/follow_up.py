"""What follows from what happened at the gate: dependent words are looked at again, and the memory learns."""

import datetime as dt

from conditions import editions, translatable
from portal import languages
from portal.publishing import search
from portal.publishing.models import Page, PageHistory
from portal.translating import memory

AT_ONCE = 200  # so many objects are caught up with at the most


def changed(kind: str, key: str) -> None:
    """A page came, changed or went: its translations are built anew, and what waited for it is looked at again."""
    editions.refresh(editions.topic(kind, key=key))
    editions.refresh_waiting(kind, key)
    learn(kind, key)


def learn(kind: str, key: str) -> None:
    """What is public in other languages goes into the translation memory, segment by segment."""
    live = Page.objects.filter(kind=kind, key=key, withdrawn_at=None).exclude(language=languages.SOURCE)
    for page in live.select_related("edition__translated_from"):
        if source := page.edition.translated_from:
            memory.learn(page.edition, source, translatable.parts(source))


def catch_up(since: dt.datetime) -> None:
    """Do again what followed from each change since then: whoever made it may have died in between. Harms nothing."""
    lately = PageHistory.objects.filter(at__gte=since).order_by("-at").values_list("page__kind", "page__key")
    for kind, key in dict.fromkeys(lately[:AT_ONCE]):
        if kind in editions.MODELS and editions.MODELS[kind].objects.filter(key=key).exists():
            changed(kind, key)
        search.learn_again(kind, key)
