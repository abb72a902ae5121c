"""The only writers of what readers said."""

import datetime as dt
import hashlib
import unicodedata

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from portal.listening.masking import is_personal, masked, plain
from portal.listening.models import Feedback, Unanswered

WORDS_A_DAY = 2000  # different searches kept; beyond that it is a robot, and only known ones are counted


def answer(page, *, answered: bool, words: str) -> None:
    """Keep what a reader said of a page (anything with kind, key, language, edition). The same words once a day."""
    words = masked(words)
    said = Feedback(
        kind=page.kind,
        key=page.key,
        language=page.language,
        edition=page.edition.number,
        answered=answered,
        words=words,
        words_hash=hashlib.sha256(words.encode()).hexdigest(),
        day=timezone.localdate(),
    )
    # One INSERT that the database may ignore: two at once store one.
    Feedback.objects.bulk_create([said], ignore_conflicts=True)


def mark_read(answers, *, by) -> int:
    """Somebody at the desk has read these (a queryset)."""
    return answers.filter(seen_at=None).update(seen_at=timezone.now(), seen_by=by)


def searched_in_vain(words: str, language: str) -> None:
    """Count a search that found nothing. Long ones, and what looks like personal details, are not kept."""
    words = " ".join(plain(unicodedata.normalize("NFKC", words)).casefold().split())
    if not 0 < len(words) <= 80 or is_personal(words):
        return
    today = timezone.localdate()
    of_today = Unanswered.objects.filter(day=today)
    same = of_today.filter(language=language, words=words)
    if same.update(count=F("count") + 1) or of_today.count() >= WORDS_A_DAY:
        return
    _row, made = Unanswered.objects.get_or_create(language=language, words=words, day=today, defaults={"count": 1})
    if not made:
        same.update(count=F("count") + 1)


def forget(today: dt.date) -> None:
    """Delete what is older than FEEDBACK_DAYS."""
    first = today - dt.timedelta(days=settings.FEEDBACK_DAYS)
    Feedback.objects.filter(day__lt=first).delete()
    Unanswered.objects.filter(day__lt=first).delete()
