"""What the translator's desk remembers: pairs of segments, files that came in, the interface's own words."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Remembered(models.Model):
    """One segment and its translation, for the next time. Written by memory.py."""

    class Origin(models.TextChoices):
        PUBLISHED = "published", _("published")
        FILE = "file", _("from a file, older than the source")

    language = models.CharField(max_length=16)
    source = models.TextField()
    target = models.TextField()
    source_hash = models.CharField(max_length=64)  # of the words a translator sees: tags aside, white space folded
    target_hash = models.CharField(max_length=64)
    origin = models.CharField(max_length=16, choices=Origin)
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    part = models.CharField(max_length=160)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("remembered segment")
        verbose_name_plural = _("translation memory")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["language", "source_hash", "target_hash"], name="each_pair_once"),
        ]

    def __str__(self):
        return f"{self.language}: {self.source[:60]}"


class Parcel(models.Model):
    """A file that came in: first looked at, then taken over or thrown away. Written by incoming.py."""

    language = models.CharField(max_length=16)
    name = models.CharField(max_length=200)
    returned = models.JSONField()  # what the file says, segment by segment
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("file that came in")
        verbose_name_plural = _("files that came in")
        default_permissions = ()

    def __str__(self):
        return self.name


class InterfaceWord(models.Model):
    """A word or sentence of the interface in one language, as the desk has it. It wins over the catalogue's file."""

    language = models.CharField(max_length=16)
    context = models.CharField(max_length=100, blank=True)
    msgid = models.TextField()
    forms = models.JSONField()  # one, or one for each plural form of the language
    digest = models.CharField(max_length=64)  # of context and msgid: a text of any length can be unique by it
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("word of the interface")
        verbose_name_plural = _("words of the interface")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["language", "digest"], name="each_word_once")]

    def __str__(self):
        return self.msgid[:60]
