"""What follows from what happened at the gate: dependent words are looked at again, and the memory learns."""

from conditions import editions, translatable
from portal import languages
from portal.publishing.models import Page
from portal.translating import memory


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
