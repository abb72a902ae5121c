"""What readers said, at the desk: each person sees the languages they work in."""

import datetime as dt
import operator
from functools import reduce

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils.translation import ngettext

from portal import languages
from portal.listening.models import Feedback, Unanswered
from portal.publishing import rights
from portal.publishing.models import Page
from portal.translating.admin import may_translate

DAYS = 30  # what the desk's first page sums up


def languages_of(user) -> list[str]:
    """Those in which this person may write, sign or publish."""
    if not rights.may_read_unpublished(user):
        return []
    mine = {code for code in languages.LANGUAGES if may_translate(user, "conditions", code)}
    if user.has_perm("conditions.change_topic"):
        mine.add(languages.SOURCE)
    return sorted(mine)


def by_page(in_languages, today):
    """Answers of the last days, summed up by page and language: those with unread words first."""
    return (
        Feedback.objects.filter(language__in=in_languages, day__gt=today - dt.timedelta(days=DAYS))
        .values("kind", "key", "language")
        .annotate(
            total=Count("pk"),
            yes=Count("pk", filter=Q(answered=True)),
            unread=Count("pk", filter=Q(seen_at=None) & ~Q(words="")),
        )
    )


def in_vain(in_languages, today):
    """Searches of the last days without a result, summed up by words and language."""
    return (
        Unanswered.objects.filter(language__in=in_languages, day__gt=today - dt.timedelta(days=DAYS))
        .values("language", "words")
        .annotate(total=Sum("count"))
    )


def titles(rows) -> dict[tuple[str, str, str], str]:
    """The pages' titles for rows with kind, key and language. One query."""
    wanted = {(row["kind"], row["key"], row["language"]) for row in rows}
    if not wanted:
        return {}
    found = Page.objects.filter(
        reduce(operator.or_, (Q(kind=kind, key=key, language=language) for kind, key, language in wanted))
    )
    return {(page.kind, page.key, page.language): page.title for page in found.only("kind", "key", "language", "title")}


def said_about(row) -> str:
    """ "12 answers, 75 % yes, 3 unread", of a row of by_page."""
    about = ngettext("{count} answer, {share} % yes", "{count} answers, {share} % yes", row["total"]).format(
        count=row["total"], share=round(100 * row["yes"] / row["total"])
    )
    if row["unread"]:
        about += " · " + ngettext("{count} unread", "{count} unread", row["unread"]).format(count=row["unread"])
    return about


def times(count) -> str:
    return ngettext("{count} time", "{count} times", count).format(count=count)


def address_of(row) -> str:
    """The list of what readers said about one page."""
    query = f"?language={row['language']}&kind={row['kind']}&key={row['key']}"
    return reverse("admin:listening_feedback_changelist") + query
