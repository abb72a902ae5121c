"""What the desk knows: the state of every entry, and what needs whom. Reads, never writes.

A state is derived from words, signatures and remarks each time it is asked for; no row carries one.
"""

import datetime as dt

from django.conf import settings
from django.db.models import (
    Case,
    Count,
    DateField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextChoices,
    Value,
    When,
)
from django.utils.translation import gettext_lazy as _

from portal import languages
from portal.publishing.models import Capacity, Change, Entry, Page, Plan, PlanKind, Remark, RemarkKind, SignOff
from portal.publishing.reading import out_of_date, review_interval


class State(TextChoices):
    PUBLIC = "public", _("public")
    INCOMPLETE = "incomplete", _("something is missing")
    SIGNED = "signed", _("signed off, to be published")
    CHANGES = "changes", _("changes asked for")
    ASKED = "asked", _("waiting for review")
    WITHDRAWN = "withdrawn", _("withdrawn")
    CHANGED = "changed", _("changed since it was published")
    NEW = "new", _("never published")


def _same(rows):
    """Rows, of a model or a query, about the same object and language as the outer row."""
    rows = rows if isinstance(rows, QuerySet) else rows.objects
    return rows.filter(kind=OuterRef("kind"), key=OuterRef("key"), language=OuterRef("language"))


def entries() -> QuerySet[Entry]:
    """Every entry with its `state`, as SQL, so that lists can filter and count by it."""
    page = _same(Page)
    words = {"digest": OuterRef("change__digest")}
    needed = Q(capacity=Capacity.LANGUAGE) | Q(capacity=Capacity.CLINICAL)
    if settings.DEMO:
        needed |= Q(capacity=Capacity.DEMONSTRATION)
    last_word = _same(Remark).filter(**words).exclude(what=RemarkKind.COMMENT).order_by("-pk")
    return (
        Entry.objects.select_related("change", "owner")
        .annotate(
            public_digest=Subquery(page.values("edition__digest")[:1]),
            withdrawn=Exists(page.filter(withdrawn_at__isnull=False)),
            signed=Exists(_same(SignOff).filter(needed, **words)),
            last_word=Subquery(last_word.values("what")[:1]),
        )
        .annotate(
            state=Case(
                When(public_digest=F("change__digest"), withdrawn=True, then=Value(State.WITHDRAWN)),
                When(public_digest=F("change__digest"), then=Value(State.PUBLIC)),
                When(~Q(change__problems=[]), then=Value(State.INCOMPLETE)),
                When(last_word=RemarkKind.CHANGES, then=Value(State.CHANGES)),
                When(signed=True, then=Value(State.SIGNED)),
                When(last_word=RemarkKind.ASKED, then=Value(State.ASKED)),
                When(withdrawn=True, then=Value(State.WITHDRAWN)),
                When(public_digest__isnull=False, then=Value(State.CHANGED)),
                default=Value(State.NEW),
            )
        )
    )


def open_entries() -> QuerySet[Entry]:
    """Entries that are not simply public as they stand: by an index, so that all others are not looked at."""
    return entries().filter(~Q(shown=F("change")))


def waiting_for(user, may_sign_in: list[str]) -> QuerySet[Entry]:
    """Entries whose review somebody asked this person, or anybody, to do, and which this person may sign."""
    asked = _same(Remark).filter(digest=OuterRef("change__digest"), what=RemarkKind.ASKED).order_by("-pk")
    return (
        open_entries()
        .filter(state=State.ASKED, language__in=may_sign_in)
        .annotate(asked_of=Subquery(asked.values("to")[:1]), asked_by=Subquery(asked.values("by")[:1]))
        .filter(Q(asked_of=user.pk) | Q(asked_of=None))
        .exclude(asked_of=None, change__by=user)
    )


def changes_asked_of(user) -> QuerySet[Entry]:
    """Entries whose words this person owns, or changed last, and somebody wants them changed."""
    return open_entries().filter(Q(owner=user) | Q(owner=None, change__by=user), state=State.CHANGES)


def _going_to_publish() -> QuerySet[Plan]:
    """Open plans that will publish exactly the words of the outer entry."""
    return _same(Plan).filter(ended_at=None, what=PlanKind.PUBLISH, change__digest=OuterRef("change__digest"))


def with_plans(entries: QuerySet[Entry]) -> QuerySet[Entry]:
    """These entries with `planned_at`: when exactly their words will be published, where that is planned."""
    return entries.annotate(planned_at=Subquery(_going_to_publish().order_by("at").values("at")[:1]))


def to_publish(may_publish_in: list[str]) -> QuerySet[Entry]:
    """Signed words that no plan is going to publish."""
    return open_entries().filter(~Exists(_going_to_publish()), state=State.SIGNED, language__in=may_publish_in)


def owned_by(user) -> QuerySet[Entry]:
    """This person's work that is not done."""
    return entries().filter(owner=user).exclude(state=State.PUBLIC)


def plans(in_languages: list[str]) -> QuerySet[Plan]:
    """What is going to happen."""
    return Plan.objects.filter(ended_at=None, language__in=in_languages).select_related("change", "by")


def refused_plans(user, since: dt.datetime) -> QuerySet[Plan]:
    """This person's plans that could not be carried out."""
    return Plan.objects.filter(by=user, ended_at__gte=since).exclude(refusal="").select_related("change")


def reviews_due(before: dt.date) -> QuerySet[Page]:
    """Live source pages whose review is due before that day, with `due_on`. Same rule as reading.Published."""
    reviewed = (
        SignOff.objects.filter(
            kind=OuterRef("kind"),
            key=OuterRef("key"),
            language=OuterRef("language"),
            digest=OuterRef("edition__digest"),
            capacity=Capacity.CLINICAL,
            at__gt=OuterRef("edition__published_at"),
        )
        .order_by("-at")
        .values("on")[:1]
    )
    # The edition's language is the page's: said, so that an index of the editions by their day is of use.
    due = {"edition__language": languages.SOURCE, "edition__review_due_on__lt": before}
    pages = Page.objects.filter(language=languages.SOURCE, withdrawn_at=None, **due)
    # A later review begins a new interval: such a page is due again only when that one has passed.
    by_kind = [
        When(kind=kind, then=Value(before - review_interval(kind), output_field=DateField()))
        for kind in settings.REVIEW_INTERVALS
    ]
    long_ago = Case(*by_kind, default=Value(before - review_interval("")), output_field=DateField())
    return (
        pages.annotate(reviewed_on=Subquery(reviewed))
        .filter(Q(reviewed_on=None) | Q(reviewed_on__lt=long_ago))
        .annotate(due_on=F("edition__review_due_on"))
        .order_by("due_on")
    )


def count_out_of_date(in_languages: list[str], *, asked_too: bool = True) -> dict[str, tuple[int, int]]:
    """language -> (out of date, of these for safety). `asked_too`: also those whose new words wait for a review."""
    pages = out_of_date(in_languages)
    if not asked_too:
        pages = pages.exclude(Exists(_same(open_entries()).filter(state=State.ASKED)))
    counted = pages.values_list("language").annotate(Count("pk"), Sum("safety")).order_by()
    return {language: (count, safety) for language, count, safety in counted}


def missing(in_languages: list[str]) -> dict[str, int]:
    """language -> how many live source pages have no live page in it."""
    live = Page.objects.filter(withdrawn_at=None)
    of_language = live.filter(language__in=in_languages).values_list("language").annotate(Count("pk")).order_by()
    there, total = dict(of_language), live.filter(language=languages.SOURCE).count()
    # A translation has a source page, withdrawn or not. Few are: these are looked for, and not all others.
    gone = Page.objects.filter(language=languages.SOURCE, withdrawn_at__isnull=False)
    left = live.filter(language__in=in_languages, key__in=gone.values("key"))
    left = dict(left.values_list("language").annotate(Count("pk")).order_by())
    return {language: total - there.get(language, 0) + left.get(language, 0) for language in in_languages}


def asked(in_languages: list[str]) -> dict[str, int]:
    """language -> how many entries wait for a review."""
    counted = open_entries().filter(language__in=in_languages, state=State.ASKED)
    return dict(counted.values_list("language").annotate(Count("pk")).order_by())


def by_state(in_languages: list[str]) -> dict[tuple[str, str], int]:
    """(language, state) -> how many entries."""
    counted = entries().filter(language__in=in_languages).values_list("language", "state").annotate(Count("pk"))
    return {(language, state): count for language, state, count in counted.order_by()}


def history(kind: str, key: str, language: str) -> QuerySet[Change]:
    """Who changed which words when, newest first."""
    return Change.objects.filter(kind=kind, key=key, language=language).select_related("by").order_by("-pk")
