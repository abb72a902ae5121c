"""What is published (Edition, Page, Address, PageHistory, SignOff) and what leads there (Change, Entry, Remark, Plan,
Checked, LanguageState).

Written by actions.py, and by nothing else.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.publishing.manuscript import Manuscript


class Unchangeable(Exception):
    """Somebody tried to change or delete what was published or signed."""


class UnchangingQuerySet(models.QuerySet):
    def _refuse(self, *args, **kwargs):
        raise Unchangeable(
            f"{self.model._meta.verbose_name_plural} are never changed or deleted; publish again instead."
        )

    update = delete = bulk_update = update_or_create = _refuse
    update.alters_data = delete.alters_data = bulk_update.alters_data = True

    def bulk_create(self, objs, *args, update_conflicts=False, **kwargs):
        if update_conflicts:
            self._refuse()
        return super().bulk_create(objs, *args, **kwargs)


class Unchanging(models.Model):
    """A row that is written once."""

    objects = UnchangingQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise Unchangeable(f"This {self._meta.verbose_name} exists and is never changed; publish again instead.")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise Unchangeable(f"This {self._meta.verbose_name} is never deleted; withdraw the page instead.")


class Significance(models.TextChoices):
    WORDING = "wording", _("Wording only")
    FOLLOW = "follow", _("Translations should follow")
    SAFETY = "safety", _("Safety: the earlier words may harm")


class Capacity(models.TextChoices):
    CLINICAL = "clinical", _("clinical reviewer")
    LANGUAGE = "language", _("language reviewer")
    DEMONSTRATION = "demonstration", _("demonstration, nobody has reviewed it")


class Edition(Unchanging):
    """What one object said, in one language, on the day it was published."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    number = models.PositiveIntegerField()
    slug = models.CharField(max_length=200)
    title = models.CharField(max_length=300)
    summary = models.TextField()
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    names = models.JSONField(default=dict)  # "kind/key" -> its published name that day, for when its page is gone
    translated_from = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    significance = models.CharField(max_length=16, choices=Significance)
    change_note = models.TextField(blank=True)
    review_due_on = models.DateField()
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    previous_seal = models.CharField(max_length=64, blank=True)  # the seal of the edition before; "" on the first
    seal = models.CharField(max_length=64)  # over everything above: portal.publishing.seals

    class Meta:
        verbose_name = _("edition")
        verbose_name_plural = _("editions")
        default_permissions = ("view",)
        permissions = [("publish_edition", "Can publish, withdraw and restore")]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key", "language", "number"], name="each_number_once"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="numbers_start_at_one"),
        ]
        indexes = [
            models.Index(
                fields=["language", "published_at"],
                condition=models.Q(significance=Significance.SAFETY),
                name="safety_editions",
            ),
            models.Index(fields=["language", "key"], condition=models.Q(number=2), name="published_again"),
            models.Index(fields=["language", "review_due_on"], name="editions_by_review"),
        ]

    def __str__(self):
        return f"{self.title} ({self.language}), {self.number}"


class Page(models.Model):
    """The public address of the current edition, with what lists and the search box need."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    slug = models.CharField(max_length=200)
    title = models.CharField(max_length=300)
    summary = models.TextField()
    findable = models.TextField(blank=True)  # folded names, one a line: title, synonyms, misspellings
    edition = models.ForeignKey(Edition, models.PROTECT, related_name="+")
    last_follow = models.PositiveIntegerField(default=0)  # the newest edition that was more than wording
    last_safety = models.PositiveIntegerField(default=0)  # the newest one whose earlier words may harm
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal_reason = models.TextField(blank=True)
    letter = models.CharField(max_length=8, db_default="#")  # it stands under in lists
    place = models.BinaryField(db_default=b"")  # and where there: letters.place

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["kind", "key", "language"], name="one_page_per_object_and_language"),
        ]
        indexes = [
            models.Index(
                fields=["language", "kind", "letter", "place"],
                condition=models.Q(withdrawn_at=None),
                name="live_pages_by_letter",
            ),
            # Pages are counted by it alone: so it is narrow, and holds all that the question names.
            models.Index(
                fields=["language", "kind", "withdrawn_at"], condition=models.Q(withdrawn_at=None), name="live_pages"
            ),
            models.Index(fields=["key", "language"], name="pages_of_an_object"),
            models.Index(fields=["language"], condition=models.Q(withdrawn_at__isnull=False), name="withdrawn_pages"),
        ]

    def __str__(self):
        return self.title


class Address(models.Model):
    """Every address a page ever had. The page's own slug is the current one; the others redirect to it."""

    kind = models.CharField(max_length=16)
    language = models.CharField(max_length=16)
    slug = models.CharField(max_length=200)
    page = models.ForeignKey(Page, models.PROTECT, related_name="addresses")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["kind", "language", "slug"], name="one_object_per_address"),
        ]
        indexes = [models.Index(fields=["slug"], name="addresses_by_slug")]

    def __str__(self):
        return self.slug


class SearchEntry(models.Model):
    """What a live page is found by: words made by search.py, one space between them."""

    page = models.OneToOneField(Page, models.CASCADE, primary_key=True)
    version = models.PositiveSmallIntegerField()
    names = models.TextField()
    text = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self):
        return self.names


class PageCode(models.Model):
    """What a live page is filed under: a code of some system, which other programs ask by, or a heading of ours."""

    HEADING = "heading"  # the system of what readers browse by

    page = models.ForeignKey(Page, models.CASCADE, related_name="codes")
    system = models.CharField(max_length=16)
    code = models.CharField(max_length=32)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["system", "code", "page"], name="each_code_of_a_page_once")]

    def __str__(self):
        return f"{self.system} {self.code}"


class SearchWord(models.Model):
    """A word that titles and summaries use: what a misspelt one may be put right to. Only ever added."""

    language = models.CharField(max_length=16)
    word = models.CharField(max_length=60)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["language", "word"], name="each_search_word_once")]

    def __str__(self):
        return self.word


class PageHistory(Unchanging):
    """From this moment the page showed this edition; without an edition it was withdrawn. Answers "on that day?"."""

    page = models.ForeignKey(Page, models.PROTECT, related_name="history")
    edition = models.ForeignKey(Edition, models.PROTECT, null=True, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["page", "at"], name="history_of_a_page"),
            models.Index(fields=["at", "id"], name="history_by_moment"),
        ]

    def __str__(self):
        return f"{self.page_id}: {self.edition_id or 'withdrawn'} from {self.at:%Y-%m-%d %H:%M}"


class SignOff(Unchanging):
    """A named person, in a named capacity, read exactly these words; for a translation, beside that source edition."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    digest = models.CharField(max_length=64)
    capacity = models.CharField(max_length=16, choices=Capacity)
    source_edition = models.ForeignKey(Edition, models.PROTECT, null=True, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    signed_as = models.CharField(max_length=200)  # the name as it stood that day
    at = models.DateTimeField()
    on = models.DateField()  # the day of `at`: the same person may review the same words again another day
    own_words = models.BooleanField(default=False)  # by whoever last changed them: only with FOUR_EYES=0

    class Meta:
        verbose_name = _("sign-off")
        verbose_name_plural = _("sign-offs")
        default_permissions = ("view",)
        permissions = [
            ("sign_clinical", "Can sign off as clinical reviewer"),
            ("sign_language", "Can sign off as language reviewer"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "key", "language", "digest", "capacity", "by", "on"],
                condition=models.Q(source_edition__isnull=True),
                name="one_signature_each",
            ),
            models.UniqueConstraint(
                fields=["kind", "key", "language", "digest", "capacity", "by", "on", "source_edition"],
                condition=models.Q(source_edition__isnull=False),
                name="one_signature_each_beside_a_source_edition",
            ),
        ]
        indexes = [models.Index(fields=["kind", "key", "language", "digest"], name="sign_offs_of_words")]

    def __str__(self):
        return f"{self.signed_as} ({self.get_capacity_display()})"


class How(models.TextChoices):
    PERSON = "person", _("a person")
    MEMORY = "memory", _("taken from the memory")
    MACHINE = "machine", _("a machine")
    IMPORT = "import", _("from a file")
    CARRIED = "carried", _("carried along: the source changed in wording only")


class Checked(Unchanging):
    """These parts of a translation were compared with this source edition. The newest row about a part counts.

    A part is out of date when the source says something else there than in the edition it was last compared with.
    Saving words writes no such row, except where there were none before.
    """

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    source_edition = models.ForeignKey(Edition, models.PROTECT, related_name="+")
    parts = models.JSONField()  # ["sections.causes", "facts.onset.value"]
    how = models.CharField(max_length=16, choices=How)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # None: a program
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("comparison with the source")
        verbose_name_plural = _("comparisons with the source")
        default_permissions = ()
        indexes = [models.Index(fields=["kind", "key", "language"], name="checked_parts_of_an_object")]

    def __str__(self):
        return f"{self.kind}/{self.key}/{self.language}: {len(self.parts)} beside {self.source_edition_id}"


class LanguageState(models.Model):
    """What was decided about a language: at the desk, or offered to readers. Without a row languages.toml says it."""

    class State(models.TextChoices):
        PLANNED = "planned", _("planned")
        DESK = "desk", _("at the desk")
        OFFERED = "offered", _("offered to readers")

    code = models.CharField(max_length=16, primary_key=True)
    state = models.CharField(max_length=16, choices=State)
    words = models.PositiveIntegerField(default=0)  # how often the interface's words were changed at the desk
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("language")
        verbose_name_plural = _("languages")
        default_permissions = ()
        permissions = [("lead_translations", "Can open languages, offer them to readers and take them back")]

    def __str__(self):
        return f"{self.code}: {self.state}"


class Change(Unchanging):
    """What the working copy said in one language after somebody changed it: who changed which words when."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    slug = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=300, blank=True)
    summary = models.TextField(blank=True)
    content = models.JSONField()
    digest = models.CharField(max_length=64)
    problems = models.JSONField(default=list)  # the parts that something was missing in
    beside = models.JSONField(default=dict)  # what else a Manuscript needs: links, other_names, sensitive
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # None: a program
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        default_permissions = ()
        indexes = [
            models.Index(fields=["kind", "key", "language", "id"], name="changes_of_an_object"),
        ]

    def __str__(self):
        return f"{self.kind}/{self.key}/{self.language}, {self.at:%Y-%m-%d %H:%M}"

    @property
    def manuscript(self) -> Manuscript:
        """The words as they were, complete or not; who asks for publishing checked the problems of its day."""
        return Manuscript(
            kind=self.kind,
            key=self.key,
            language=self.language,
            slug=self.slug,
            title=self.title,
            summary=self.summary,
            content=self.content,
            links=tuple(tuple(link) for link in self.beside.get("links", ())),
            other_names=tuple(self.beside.get("other_names", ())),
            sensitive=tuple(self.beside.get("sensitive", ())),
        )


class Entry(models.Model):
    """One object in one language on the desk: its newest words, whose work it is, and until when."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    change = models.ForeignKey(Change, models.PROTECT, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    due_on = models.DateField(null=True, blank=True)
    shown = models.BigIntegerField(
        db_default=0
    )  # the change whose words its page shows; of others something may be due

    class Meta:
        default_permissions = ()
        permissions = [
            ("read_unpublished", "Can read words that are not published"),
            ("assign_entry", "Can assign work"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key", "language"], name="one_entry_per_object_and_language"),
        ]
        indexes = [
            models.Index(
                fields=["language"], condition=~models.Q(shown=models.F("change")), name="entries_something_is_due_of"
            ),
            models.Index(fields=["language", "kind", "key"], name="entries_of_a_language"),
        ]

    def __str__(self):
        return f"{self.kind}/{self.key}/{self.language}"


class RemarkKind(models.TextChoices):
    ASKED = "asked", _("review asked for")
    CHANGES = "changes", _("changes asked for")
    COMMENT = "comment", _("comment")


class Remark(Unchanging):
    """What somebody said about exactly these words on their way to readers. It lapses with the words."""

    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    digest = models.CharField(max_length=64)
    what = models.CharField(max_length=16, choices=RemarkKind)
    part = models.CharField(max_length=120, blank=True)  # "sections.causes"; empty: the whole
    text = models.TextField(blank=True)
    to = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")  # None: whoever may
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    said_as = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("remark")
        verbose_name_plural = _("remarks")
        default_permissions = ()
        indexes = [models.Index(fields=["kind", "key", "language", "digest"], name="remarks_about_words")]

    def __str__(self):
        return f"{self.said_as}: {self.get_what_display()}"


class PlanKind(models.TextChoices):
    PUBLISH = "publish", _("publish")
    WITHDRAW = "withdraw", _("withdraw")


class Plan(models.Model):
    """To be published, or withdrawn, at a moment. Exactly the words of its change, or nothing and a reason why."""

    what = models.CharField(max_length=16, choices=PlanKind)
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=100)
    language = models.CharField(max_length=16)
    change = models.ForeignKey(Change, models.PROTECT, null=True, related_name="+")
    over = models.ForeignKey(Edition, models.PROTECT, null=True, related_name="+")  # public when it was planned
    significance = models.CharField(max_length=16, choices=Significance, blank=True)
    note = models.TextField(blank=True)  # the change note, or the reason for withdrawing
    review_due_on = models.DateField(null=True)
    together = models.CharField(max_length=32, blank=True)  # plans with the same mark happen all or none
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  # done, refused or cancelled
    edition = models.ForeignKey(Edition, models.PROTECT, null=True, related_name="+")
    refusal = models.TextField(blank=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        default_permissions = ()
        indexes = [models.Index(fields=["ended_at", "at"], name="plans_that_are_due")]

    def __str__(self):
        return f"{self.what} {self.kind}/{self.key}/{self.language}, {self.at:%Y-%m-%d %H:%M}"


class AuditEntry(Unchanging):
    """Who did what, when. Written by audit.py alone; numbered without a gap and sealed over the entry before."""

    number = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField(_("at"))
    # Without a person: nobody was signed in, or the portal itself did it.
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    by_name = models.CharField(max_length=200, blank=True)  # the name as it stood that day
    what = models.CharField(max_length=40)  # audit.WHAT
    about = models.TextField(_("about"))
    detail = models.JSONField(default=dict)
    previous_seal = models.CharField(max_length=64, blank=True)
    seal = models.CharField(max_length=64)  # over everything above: audit.seal_of

    class Meta:
        verbose_name = _("entry of the audit log")
        verbose_name_plural = _("audit log")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["what", "at"], name="what_happened_when")]

    def __str__(self):
        return f"{self.number}: {self.what}, {self.about}"


class AuditEnd(models.Model):
    """Where the log ends: one row, locked by whoever writes the next entry. Tells when the newest was taken away."""

    number = models.PositiveBigIntegerField(default=0)
    seal = models.CharField(max_length=64, blank=True)
    left_out = models.PositiveIntegerField(default=0)  # refused log-ins since the last one that was written down

    class Meta:
        default_permissions = ()

    def __str__(self):
        return f"{self.number} {self.seal}"


class Notice(models.Model):
    """One sentence to one person, waiting for its mail or sent. Written by notices.py alone."""

    # A mail to an account that is gone is nobody's: it goes with the account.
    to = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="notices")
    text = models.CharField(max_length=500)
    path = models.CharField(max_length=200)  # at the desk
    about = models.TextField(blank=True)
    safety = models.BooleanField(default=False)  # its mail does not wait for the next day
    made_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)  # while it is recent, nobody else tries
    sent_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["to", "text", "path"], condition=models.Q(sent_at=None), name="nobody_is_told_twice_in_one_mail"
            ),
        ]

    def __str__(self):
        return self.text
