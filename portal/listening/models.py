"""What readers said, by the day. No address, no browser, no time of day: nothing here can be tied to a person."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

MOST = 600  # characters of a reader's words; the interface says the number


class Feedback(models.Model):
    """One answer to "Did this page answer your question?". Written by actions.py."""

    kind = models.CharField(_("kind"), max_length=16)
    key = models.CharField(_("page"), max_length=100)
    language = models.CharField(_("language"), max_length=16)
    edition = models.PositiveIntegerField(_("edition"))
    answered = models.BooleanField(_("answered"))
    words = models.TextField(_("words"), max_length=MOST, blank=True)  # personal details masked
    words_hash = models.CharField(max_length=64)  # 600 characters are too long for PostgreSQL's index
    day = models.DateField(_("day"), db_index=True)
    seen_at = models.DateTimeField(_("read on"), null=True)
    seen_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("answer of a reader")
        verbose_name_plural = _("answers of readers")
        default_permissions = ()  # by language: conditions.readers
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key", "language", "day", "words_hash"],
                condition=~models.Q(words=""),
                name="same_words_once_a_day",
            )
        ]

    def __str__(self):
        return f"{self.kind}/{self.key}, {self.language}, {self.day}"


class Unanswered(models.Model):
    """Words that readers searched for on one day and found nothing. Written by actions.py."""

    language = models.CharField(_("language"), max_length=16)
    words = models.CharField(_("words"), max_length=80)
    day = models.DateField(_("day"), db_index=True)
    count = models.PositiveIntegerField(_("how often"))

    class Meta:
        verbose_name = _("search without a result")
        verbose_name_plural = _("searches without a result")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["language", "words", "day"], name="searched_words_once_a_day"),
        ]

    def __str__(self):
        return self.words
