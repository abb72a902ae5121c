"""The working copy: the rows editors change. May be wrong, half done, empty; readers never see it."""

import re
import secrets
from pathlib import PurePath

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from django_prose_editor.fields import ProseEditorField

from conditions import codes, labels, pictures, richtext
from portal import languages
from portal.addresses import is_slug, slug_from
from portal.translating.columns import column, exactly

key_validator = RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*\Z", _("Use small letters, digits and single hyphens."))


def check_slug(slug):
    if not is_slug(slug):
        raise ValidationError(_("Use small letters, digits and single hyphens: “{slug}”.").format(slug=slug_from(slug)))


def new_row_key():
    return secrets.token_hex(4)


class RichTextField(ProseEditorField):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("extensions", richtext.EXTENSIONS)
        kwargs.setdefault("sanitize", richtext.clean)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)


class WorkingCopy(models.Model):
    """Cleans every rich text and keeps modeltranslation's base columns equal to the source language."""

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        if written := kwargs.get("update_fields"):
            # A base column is the mirror of the source language's: where that is written, it is too.
            mirrored = {
                f.translated_field.name for f in self._meta.concrete_fields if _is_source(f) and f.name in written
            }
            kwargs["update_fields"] = {*written, *mirrored}
        with override(languages.SOURCE):
            for field in self._meta.concrete_fields:
                if isinstance(field, RichTextField):
                    setattr(self, field.attname, richtext.clean(getattr(self, field.attname)))
            super().save(*args, **kwargs)


def _is_source(field) -> bool:
    return getattr(field, "language", None) == languages.SOURCE


class Topic(WorkingCopy):
    """What conditions, symptoms, treatments and glossary terms share."""

    KIND = ""

    key = models.SlugField(
        _("key"),
        max_length=100,
        unique=True,
        validators=[key_validator],
        help_text=_(
            "A short name for machines, such as “torsion-dystonia”. It never changes and patients do not see it."
        ),
    )
    kind = models.CharField(max_length=16, editable=False, choices=list(labels.KINDS.items()))
    name = models.CharField(
        labels.PARTS["name"], max_length=200, blank=True, help_text=_("The heading patients see, in everyday words.")
    )
    slug = models.CharField(
        labels.PARTS["slug"],
        max_length=200,
        blank=True,
        validators=[check_slug],
        help_text=_(
            "The end of the page's address. Left empty, it is made from the name. An old address keeps working."
        ),
    )
    also_known_as = models.TextField(
        labels.PARTS["also_known_as"],
        blank=True,
        help_text=_("Other names, one a line. Patients see them and can search for them."),
    )
    misspellings = models.TextField(
        labels.PARTS["misspellings"],
        blank=True,
        help_text=_("One a line. They are found by the search and never shown."),
    )
    summary = models.TextField(
        labels.PARTS["summary"],
        blank=True,
        help_text=_("One or two plain sentences. Patients see them at the top of the page and in lists."),
    )
    see_also = models.ManyToManyField(
        "self", verbose_name=_("see also"), symmetrical=False, blank=True, related_name="+"
    )
    headings = models.JSONField(
        labels.PARTS["headings"],
        default=list,
        blank=True,
        help_text=_("Where patients find it when they browse. Choose all that apply."),
    )
    starter_digest = models.JSONField(default=dict, editable=False)  # what the starter content last wrote, per language

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        permissions = [
            (column("translate", language.code), f"Can translate into {language.english}")
            for language in languages.translations()
        ] + [(column("translate", languages.SOURCE), "Can publish in the source language")]

    def __str__(self):
        return exactly(self, "name", languages.SOURCE) or self.key

    def save(self, *args, **kwargs):
        self.kind = self.KIND or self.kind
        for language in languages.LANGUAGES:
            if not exactly(self, "slug", language):
                setattr(self, column("slug", language), slug_from(exactly(self, "name", language)) or None)
            if (written := kwargs.get("update_fields")) and column("name", language) in written:
                kwargs["update_fields"] = {*written, column("slug", language)}
        super().save(*args, **kwargs)


class Condition(Topic):
    KIND = "condition"

    overview = RichTextField(labels.SECTIONS["condition"]["overview"])
    causes = RichTextField(labels.SECTIONS["condition"]["causes"])
    triggers = RichTextField(labels.SECTIONS["condition"]["triggers"])
    diagnosis = RichTextField(labels.SECTIONS["condition"]["diagnosis"])
    treatment_intro = RichTextField(labels.SECTIONS["condition"]["treatment_intro"])
    living_with = RichTextField(labels.SECTIONS["condition"]["living_with"])
    outlook = RichTextField(labels.SECTIONS["condition"]["outlook"])
    prevention = RichTextField(labels.SECTIONS["condition"]["prevention"])
    broader = models.ForeignKey(
        "self",
        models.PROTECT,
        verbose_name=_("broader condition"),
        null=True,
        blank=True,
        related_name="narrower",
        help_text=_("The wider condition this one is a kind of. Patients see a link to it."),
    )

    class Meta:
        verbose_name = _("condition")
        verbose_name_plural = _("conditions")


class Symptom(Topic):
    KIND = "symptom"

    overview = RichTextField(labels.SECTIONS["symptom"]["overview"])
    causes = RichTextField(labels.SECTIONS["symptom"]["causes"])
    self_care = RichTextField(labels.SECTIONS["symptom"]["self_care"])

    class Meta:
        verbose_name = _("symptom")
        verbose_name_plural = _("symptoms")


class Treatment(Topic):
    KIND = "treatment"

    overview = RichTextField(labels.SECTIONS["treatment"]["overview"])
    how_it_works = RichTextField(labels.SECTIONS["treatment"]["how_it_works"])
    what_to_expect = RichTextField(labels.SECTIONS["treatment"]["what_to_expect"])
    benefits = RichTextField(labels.SECTIONS["treatment"]["benefits"])
    side_effects = RichTextField(labels.SECTIONS["treatment"]["side_effects"])
    who_should_not = RichTextField(labels.SECTIONS["treatment"]["who_should_not"])
    treatment_kind = models.CharField(
        _("kind of treatment"), max_length=16, blank=True, choices=list(labels.TREATMENT_KINDS.items())
    )

    class Meta:
        verbose_name = _("treatment")
        verbose_name_plural = _("treatments")


class Term(Topic):
    """A word of the glossary: its name is the term, its summary the definition."""

    KIND = "term"

    avoid = models.TextField(
        labels.PARTS["avoid"],
        blank=True,
        help_text=_("Words translators and authors should not use, one a line. Patients do not see them."),
    )
    do_not_translate = models.BooleanField(_("do not translate"), default=False)

    class Meta:
        verbose_name = _("glossary term")
        verbose_name_plural = _("glossary terms")


class Article(Topic):
    """A page about the portal itself: who writes, who pays, privacy, how to reach us. Signed like any other."""

    KIND = "article"

    who_writes = RichTextField(labels.SECTIONS["article"]["who_writes"])
    how_checked = RichTextField(labels.SECTIONS["article"]["how_checked"])
    funding = RichTextField(labels.SECTIONS["article"]["funding"])
    privacy = RichTextField(labels.SECTIONS["article"]["privacy"])
    reuse = RichTextField(labels.SECTIONS["article"]["reuse"])
    contact = RichTextField(labels.SECTIONS["article"]["contact"])

    class Meta:
        verbose_name = _("article about the portal")
        verbose_name_plural = _("articles about the portal")


class HelpCard(WorkingCopy):
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="help_cards")
    key = models.SlugField(max_length=60, default=new_row_key, editable=False)
    urgency = models.CharField(_("urgency"), max_length=16, choices=list(labels.URGENCIES.items()))
    position = models.PositiveSmallIntegerField(_("order"), default=0)
    when_to_act = RichTextField(
        _("When to act"), help_text=_("A list that finishes the sentence in the card's heading: “… if:”.")
    )
    what_to_do = RichTextField(_("What to do"))

    class Meta:
        verbose_name = _("help card")
        verbose_name_plural = _("help cards: when to get help")
        constraints = [models.UniqueConstraint(fields=["topic", "key"], name="each_help_card_once")]

    def __str__(self):
        return str(labels.URGENCIES.get(self.urgency, self.key))


class Source(models.Model):
    key = models.SlugField(_("key"), max_length=100, unique=True, validators=[key_validator])
    title = models.CharField(_("title"), max_length=300, help_text=_("As published, in its own language."))
    language = models.CharField(_("language of the source"), max_length=16, default="en")
    publisher = models.CharField(_("publisher or journal"), max_length=200, blank=True)
    year = models.PositiveSmallIntegerField(
        _("year"), null=True, blank=True, validators=[MinValueValidator(1800), MaxValueValidator(2200)]
    )
    address = models.URLField(_("web address"), blank=True, max_length=500)
    accessed_on = models.DateField(_("accessed on"), null=True, blank=True)
    checked_at = models.DateTimeField(_("address checked"), null=True, editable=False)
    check_result = models.CharField(_("answer"), max_length=16, blank=True, editable=False)  # link_check's words

    class Meta:
        verbose_name = _("source")
        verbose_name_plural = _("sources")

    def __str__(self):
        return f"{self.title} ({self.publisher}{', ' + str(self.year) if self.year else ''})"


class Citation(models.Model):
    """Which parts of a page a source supports."""

    topic = models.ForeignKey(Topic, models.CASCADE, related_name="citations")
    source = models.ForeignKey(Source, models.PROTECT, related_name="citations", verbose_name=_("source"))
    sections = models.JSONField(_("supports"), default=list, blank=True)
    needs_check = models.BooleanField(
        _("to be checked"),
        default=False,
        help_text=_("A clinician should compare the words with this source before signing."),
    )
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("citation")
        verbose_name_plural = _("sources cited")
        constraints = [models.UniqueConstraint(fields=["topic", "source"], name="each_source_cited_once")]

    def __str__(self):
        return str(self.source)


class Fact(WorkingCopy):
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="facts")
    kind = models.CharField(_("fact"), max_length=32, choices=list(labels.FACTS.items()))
    value = models.TextField(
        _("value"), blank=True, help_text=_("A plain sentence. The page says it here and nowhere else.")
    )
    sources = models.ManyToManyField(Source, verbose_name=_("sources"), blank=True)
    needs_check = models.BooleanField(_("to be checked"), default=False)
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("key facts")
        constraints = [models.UniqueConstraint(fields=["topic", "kind"], name="each_fact_once")]

    def __str__(self):
        return str(labels.FACTS.get(self.kind, self.kind))


class Code(models.Model):
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="codes")
    system = models.CharField(_("system"), max_length=16, choices=list(labels.CODE_SYSTEMS.items()))
    code = models.CharField(_("code"), max_length=32)
    verified = models.BooleanField(_("verified"), default=False, help_text=_("Only verified codes are published."))

    class Meta:
        verbose_name = _("code")
        verbose_name_plural = _("codes")
        constraints = [models.UniqueConstraint(fields=["topic", "system", "code"], name="each_code_once")]

    def __str__(self):
        return f"{labels.CODE_SYSTEMS.get(self.system, self.system)} {self.code}"

    def clean(self):
        if self.system in codes.FORMATS and not codes.is_valid(self.system, self.code):
            raise ValidationError(
                {
                    "code": _("“{code}” does not have the form of {system}, such as {example}.").format(
                        code=self.code, system=labels.CODE_SYSTEMS[self.system], example=codes.FORMATS[self.system][1]
                    )
                }
            )


class ConditionSymptom(WorkingCopy):
    condition = models.ForeignKey(Condition, models.CASCADE, related_name="symptom_rows")
    symptom = models.ForeignKey(Symptom, models.PROTECT, related_name="condition_rows", verbose_name=_("symptom"))
    frequency = models.CharField(
        _("frequency"), max_length=16, blank=True, choices=[c for c in labels.FREQUENCIES.items() if c[0]]
    )
    note = models.TextField(_("note"), blank=True, help_text=_("How it shows in this condition, in one sentence."))
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("symptom of this condition")
        verbose_name_plural = _("symptoms of this condition")
        constraints = [models.UniqueConstraint(fields=["condition", "symptom"], name="each_symptom_once")]

    def __str__(self):
        return str(self.symptom)


class ConditionTreatment(WorkingCopy):
    condition = models.ForeignKey(Condition, models.CASCADE, related_name="treatment_rows")
    treatment = models.ForeignKey(Treatment, models.PROTECT, related_name="condition_rows", verbose_name=_("treatment"))
    place = models.CharField(_("place"), max_length=16, choices=list(labels.PLACES.items()))
    note = models.TextField(_("note"), blank=True, help_text=_("What it does in this condition, in one sentence."))
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("treatment of this condition")
        verbose_name_plural = _("treatments of this condition")
        constraints = [models.UniqueConstraint(fields=["condition", "treatment"], name="each_treatment_once")]

    def __str__(self):
        return str(self.treatment)


def name_by_content(instance, filename):
    """A picture's file is named by its content, so that an edition's picture can never be replaced."""
    return PurePath(filename).name  # `pictures.prepared` made it


def check_picture(file):
    """Whatever brought it here, a picture has passed `pictures.prepared` or will when it is saved."""
    if not re.search(r"\.(png|jpe?g|webp)\Z", file.name, re.IGNORECASE):
        raise ValidationError(_("Upload a PNG, JPEG or WebP picture. SVG is refused because it can carry script."))


class Image(WorkingCopy):
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="images")
    key = models.SlugField(max_length=60, default=new_row_key, editable=False)
    file = pictures.PictureField(
        _("picture"), upload_to=name_by_content, validators=[check_picture], width_field="width", height_field="height"
    )
    width = models.PositiveIntegerField(editable=False, default=0)
    height = models.PositiveIntegerField(editable=False, default=0)
    alt = models.CharField(
        _("alternative text"),
        max_length=300,
        blank=True,
        help_text=_("What somebody who cannot see the picture needs to know."),
    )
    caption = models.CharField(_("caption"), max_length=300, blank=True)
    credit = models.CharField(_("credit"), max_length=200, blank=True, help_text=_("Who made it, and its licence."))
    position = models.PositiveSmallIntegerField(_("order"), default=0)

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        constraints = [models.UniqueConstraint(fields=["topic", "key"], name="each_image_once")]

    def save(self, *args, **kwargs):
        if "file" in (written := kwargs.get("update_fields") or ()):
            kwargs["update_fields"] = {*written, "width", "height"}
        super().save(*args, **kwargs)

    def __str__(self):
        return self.credit or self.key


class Arrival(models.Model):
    """A bundle or table that somebody uploaded: first looked at, then taken over or thrown away. One a person."""

    by = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=200)
    language = models.CharField(max_length=16)  # of a table's columns that name none
    content = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("file that came in")
        verbose_name_plural = _("files that came in")
        default_permissions = ()

    def __str__(self):
        return self.name
