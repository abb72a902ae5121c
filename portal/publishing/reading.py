"""The only door for readers: pages and editions, and nothing else. Reads, never writes."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import Case, Count, Exists, F, IntegerField, Max, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest

from portal import languages
from portal.publishing import audit, checking
from portal.publishing.models import (
    Address,
    AuditEntry,
    Capacity,
    Edition,
    LanguageState,
    Page,
    PageCode,
    PageHistory,
    Significance,
    SignOff,
)
from portal.publishing.questions import Question

Reference = tuple[str, str]  # (kind, key)


@dataclass(frozen=True)
class Published:
    """One page as a reader meets it: its edition, who stands behind it, and in which languages it exists."""

    page: Page
    edition: Edition
    elsewhere: tuple[Page, ...]  # the live pages of the same object in offered languages, this one included
    sign_offs: tuple[SignOff, ...]  # for this edition's words, and for the source words it matches
    source: Edition | None  # the current source edition, for a translation
    source_page: Page | None = None  # for a translation, withdrawn or not
    moved_at: dt.datetime | None = None  # when this page, or the source's, last showed other words or none

    @property
    def matches(self) -> Edition | None:
        """The source edition this translation was read against: today's if somebody did, else the newest."""
        return matching(self.edition, self.signatures, self.source)

    @property
    def source_withdrawn_at(self) -> dt.datetime | None:
        """The source page was taken away, the translation was not."""
        return self.source_page.withdrawn_at if self.source_page else None

    @property
    def source_said(self) -> Edition | None:
        """The source's words: today's, or of a withdrawn source its last."""
        return self.source_page.edition if self.source_page else None

    @property
    def out_of_date(self) -> bool:
        """The source moved on since anybody compared, by more than wording."""
        return has_moved_on(self.source_page, self.matches)

    @property
    def safety(self) -> bool:
        """It moved on because the earlier words may harm."""
        return self.out_of_date and self.source_page.last_safety > self.matches.number

    @property
    def review_due_on(self) -> dt.date:
        """As its publisher said; a clinical signature under the same words after that day begins a new interval.

        A translation is due when the source edition it matches is.
        """
        reviewed = self.matches or self.edition
        clinical = self.signed(Capacity.CLINICAL)
        if clinical and clinical.at > reviewed.published_at:
            return max(reviewed.review_due_on, clinical.at.date() + review_interval(self.edition.kind))
        return min(self.edition.review_due_on, reviewed.review_due_on)

    @property
    def signatures(self) -> tuple[SignOff, ...]:
        return tuple(
            s for s in self.sign_offs if s.digest == self.edition.digest and s.language == self.edition.language
        )

    def signed(self, capacity: str) -> SignOff | None:
        """The latest sign-off in a capacity: clinical for the source words, language for the translation."""
        source = self.edition if self.edition.language == languages.SOURCE else self.matches
        of = source if capacity == Capacity.CLINICAL else self.edition
        found = [
            s
            for s in self.sign_offs
            if of and s.capacity == capacity and s.digest == of.digest and s.language == of.language
        ]
        return max(found, key=lambda s: s.at, default=None)


def compared_with(published: Published) -> dict[str, str]:
    """part -> what the source said there when this translation was last right, of a translation that is out of date.

    As in the edition that it matches; where the source has since changed in wording only, as it says since. One query.
    """
    said = before = checking.words_of(published.matches)
    newest = published.matches.number
    shown = PageHistory.objects.filter(page=published.source_page, at__gte=published.matches.published_at)
    for moment in shown.exclude(edition=None).select_related("edition").order_by("at", "pk"):
        now = checking.words_of(moment.edition)
        # A restored edition is no change of wording: what going back means nobody said.
        if moment.edition.number > newest and moment.edition.significance == Significance.WORDING:
            same = {p for p in before if checking.normal(said.get(p, "")) == checking.normal(before[p])}
            said = said | {part: now.get(part, "") for part in same}
        newest, before = max(newest, moment.edition.number), now
    return said


def matching(edition: Edition, signatures: Iterable[SignOff], source: Edition | None) -> Edition | None:
    """The source edition that these words of a translation match."""
    beside = [s.source_edition for s in signatures if s.source_edition]
    if edition.translated_from:
        beside.append(edition.translated_from)
    same = next((one for one in beside if source and one.digest == source.digest), None)
    return same or max(beside, key=lambda one: one.number, default=None)


def has_moved_on(source_page: Page | None, matches: Edition | None) -> bool:
    """Whether the source says something else than the edition a translation matches, wording aside."""
    if source_page is None or matches is None:
        return False
    source = source_page.edition
    if source.digest == matches.digest:
        return False
    if source_page.withdrawn_at:
        # Nothing is left to follow, but that the earlier words may harm stays true.
        return source_page.last_safety > matches.number
    # Restored to an edition before the one translated: what that means nobody said, so it counts.
    return source.number < matches.number or source_page.last_follow > matches.number


def decided_languages() -> dict[str, languages.Decided]:
    """What was decided about languages at run time. One query; portal.languages asks at most once a second."""
    rows = LanguageState.objects.values_list("code", "state", "words")
    return {code: languages.Decided(state, words) for code, state, words in rows}


def review_interval(kind: str) -> dt.timedelta:
    """How long an edition of a kind stands before a clinician should look again (PIF TICK: at most three years)."""
    return dt.timedelta(days=settings.REVIEW_INTERVALS.get(kind, settings.REVIEW_INTERVAL_DAYS))


def out_of_date(in_languages: list[str], *, to_follow: bool = True) -> QuerySet[Page]:
    """Live translations whose source moved on, with `safety`. The same rule as has_moved_on, as SQL.

    `to_follow`: only those with a source that can be followed; else also those whose source was withdrawn.
    """
    source = Page.objects.filter(kind=OuterRef("kind"), key=OuterRef("key"), language=languages.SOURCE)
    if to_follow:
        source = source.filter(withdrawn_at=None)
    beside = SignOff.objects.filter(kind=OuterRef("kind"), key=OuterRef("key"), language=OuterRef("language")).filter(
        digest=OuterRef("edition__digest"), source_edition__isnull=False
    )
    newest = beside.order_by().values("language").annotate(n=Max("source_edition__number")).values("n")
    # Nothing moved on from an only edition: these are most, and are not looked at.
    again = Edition.objects.filter(language=languages.SOURCE, number=2)
    return (
        Page.objects.filter(language__in=in_languages, withdrawn_at=None, key__in=again.values("key"))
        .annotate(
            source_number=Subquery(source.values("edition__number")[:1]),
            source_digest=Subquery(source.values("edition__digest")[:1]),
            source_follow=Subquery(source.values("last_follow")[:1]),
            source_safety=Subquery(source.values("last_safety")[:1]),
            source_gone=Subquery(source.values("withdrawn_at")[:1]),
            matched=Greatest(
                Coalesce(Subquery(newest, output_field=IntegerField()), 0),
                Coalesce(F("edition__translated_from__number"), 0, output_field=IntegerField()),
                output_field=IntegerField(),
            ),
        )
        .filter(source_number__isnull=False, matched__gt=0)
        .exclude(edition__translated_from__digest=F("source_digest"))
        .exclude(Exists(beside.filter(source_edition__digest=OuterRef("source_digest"))))
        .filter(Q(source_number__lt=F("matched")) | Q(source_follow__gt=F("matched")))
        .filter(Q(source_gone=None) | Q(source_safety__gt=F("matched")))
        .annotate(
            safety=Case(When(source_safety__gt=F("matched"), then=Value(1)), default=Value(0)),
        )
    )


def warned(pages: Iterable[Page], language: str) -> set[str]:
    """Which of these must not be summed up in their old words: keys of pages behind a safety change. One query."""
    if language == languages.SOURCE:
        return set()
    return set(_behind_safety.ask(language, tuple({page.key for page in pages})))


def _unfollowed(language, keys):
    # Few translations are behind a safety change, however many there are: these are looked for, and not all others.
    moved = Page.objects.filter(language=languages.SOURCE, last_safety__gt=0)
    behind = out_of_date([language], to_follow=False).filter(safety=1, key__in=keys)
    return behind.filter(key__in=moved.values("key")).values_list("key", flat=True)


_behind_safety = Question(_unfollowed)


def glossary(language: str) -> list:
    """The live glossary terms of a language, as rows with a page's names: every page looks through them. One query."""
    return _terms.ask(language)


_terms = Question(
    lambda language: Page.objects.filter(kind="term", language=language, withdrawn_at=None).values_list(
        "kind", "key", "language", "slug", "title", "summary", "findable", named=True
    )
)


def letters(kind: str, language: str) -> list[str]:
    """The letters that live pages of a kind stand under, in no order. One query, one step for each letter."""
    table = connection.ops.quote_name(Page._meta.db_table)
    live = f"FROM {table} WHERE language = %s AND kind = %s AND withdrawn_at IS NULL"
    # From each letter straight to the next one of the index: the pages in between are not looked at.
    sql = f"""
        WITH RECURSIVE step(letter) AS (
            SELECT (SELECT letter {live} ORDER BY letter LIMIT 1)
            UNION ALL
            SELECT (SELECT letter {live} AND letter > step.letter ORDER BY letter LIMIT 1)
            FROM step WHERE step.letter IS NOT NULL
        ) SELECT letter FROM step WHERE letter IS NOT NULL"""  # nosec B608 # noqa: S608 -- the name of our own table
    with connection.cursor() as cursor:
        cursor.execute(sql, [language, kind, language, kind])
        return [row[0] for row in cursor.fetchall()]


def address(kind: str, language: str, slug: str) -> Page | None:
    """The page that has, or had, this address. Its slug differs from the asked one when the page has moved."""
    found = _addresses.ask(kind, language, slug)
    return found[0].page if found else None


_addresses = Question(
    lambda kind, language, slug: (
        Address.objects.filter(kind=kind, language=language, slug=slug)
        .select_related("page__edition__translated_from")
        .defer("page__edition__translated_from__content", "page__findable")
    )
)


def published(page: Page, edition: Edition | None = None, *, words: bool = False) -> Published:
    """The page with one of its editions, the current one unless another is given. Two queries.

    The words of the editions it is compared with are asked for where they differ, which is one more each; with `words`
    the pages in other languages have theirs.
    """
    edition = edition or page.edition
    offered = tuple(language.code for language in languages.offered())
    of_object = (_of_object_with_words if words else _of_object).ask(page.kind, page.key, offered)
    elsewhere = tuple(other for other in of_object if not other.withdrawn_at)
    source_page = next((other for other in of_object if other.language == languages.SOURCE), None)
    sign_offs = tuple(_signed.ask(page.kind, page.key, (page.language, languages.SOURCE)))
    if edition.pk != page.edition_id:
        # An earlier edition names the people of its day.
        sign_offs = tuple(s for s in sign_offs if s.at <= edition.published_at)
    moved = [one.moved_at for one in of_object if one.language in {page.language, languages.SOURCE} and one.moved_at]
    moved_at = max(moved, default=None)
    if edition.language == languages.SOURCE or source_page is None:
        return Published(page, edition, elsewhere, sign_offs, None, moved_at=moved_at)
    source = None if source_page.withdrawn_at else source_page.edition
    return Published(page, edition, elsewhere, sign_offs, source, source_page, moved_at)


def _in_languages(kind, key, in_languages):
    moved_at = PageHistory.objects.filter(page=OuterRef("pk")).order_by("-at").values("at")[:1]
    pages = Page.objects.filter(kind=kind, key=key, language__in=in_languages).select_related("edition")
    # In one order: a database gives rows in another one after a restore, and the answer would not be the same.
    return pages.annotate(moved_at=Subquery(moved_at)).order_by("pk")


_of_object_with_words = Question(_in_languages)
_of_object = Question(lambda *asked: _in_languages(*asked).defer("edition__content", "edition__names", "findable"))
_signed = Question(
    lambda kind, key, in_languages: (
        SignOff.objects.filter(kind=kind, key=key, language__in=in_languages)
        .select_related("source_edition")
        .defer("source_edition__content", "source_edition__names")
        .order_by("at")
    )
)


def pages(kind: str, language: str):
    """The live pages of a kind in one language, unordered: every language sorts its own letters."""
    live = Page.objects.filter(kind=kind, language=language, withdrawn_at=None)
    return live.only("kind", "key", "language", "slug", "title", "summary", "findable", "letter", "place")


def page(kind: str, key: str, language: str) -> Page | None:
    """The page of this object in a language, withdrawn or not. One query."""
    return Page.objects.filter(kind=kind, key=key, language=language).select_related("edition__translated_from").first()


def stretch(language: str, kind: str | None, after: str, count: int) -> list[Page]:
    """So many live pages of a language (and a kind) behind "kind/key", by kind and key. One query."""
    live = Page.objects.filter(language=language, withdrawn_at=None, **({"kind": kind} if kind else {}))
    last_kind, _slash, last_key = after.replace("\0", "").partition("/")
    live = live.filter(Q(kind__gt=last_kind) | Q(kind=last_kind, key__gt=last_key))
    fields = ("kind", "key", "language", "slug", "title", "summary")
    return list(live.order_by("kind", "key").only(*fields)[:count])


@dataclass(frozen=True)
class Change:
    """What happened to a page readers can have, or to a language, as partners are told."""

    what: str  # published, restored, withdrawn, language
    at: dt.datetime
    language: str
    page: Page | None = None
    edition: int | None = None
    safety: bool = False
    offered: bool | None = None
    translations: tuple[Page, ...] = ()  # of a change of the source: what it may have put another notice on


def changes(since: int, most: int) -> tuple[list[Change], int, bool]:
    """(what happened after entry `since` of the audit log, the last entry looked at, whether there is more).

    Nothing is missed: who writes an entry holds the log's end until the commit, so an entry with a lower number than
    one that can be read can be read as well; a plain autoincrement key could appear later. At most three queries.
    """
    happened = ("published", "restored", "withdrawn", "language")
    rows = AuditEntry.objects.filter(number__gt=since, what__in=happened).order_by("number")
    rows = list(rows.only("number", "at", "what", "about", "detail")[: most + 1])
    more, rows = len(rows) > most, rows[:most]
    offered = {one.code for one in languages.offered()}
    told = {row.number: _told(row.about) for row in rows}
    keys = {key for _kind, key, _language, _number in filter(None, told.values())}
    here = {(page.kind, page.key, page.language): page for page in Page.objects.filter(key__in=keys)} if keys else {}
    dangerous = (
        Edition.objects.filter(key__in=keys, significance=Significance.SAFETY) if keys else Edition.objects.none()
    )
    dangerous = set(dangerous.values_list("kind", "key", "language", "number"))
    found = []
    for row in rows:
        if row.what == "language":
            code = row.about.rpartition("(")[2].rstrip(")")
            before, after = (row.detail.get(name) == "offered" for name in ("before", "after"))
            if before != after:
                found.append(Change(row.what, row.at, code, offered=after))
        elif (about := told[row.number]) and about[2] in offered:
            safety = about in dangerous and row.what == "published"
            of_source = about[2] == languages.SOURCE
            others = [here.get((*about[:2], code)) for code in sorted(offered - {about[2]}) if of_source]
            others = tuple(other for other in others if other and not other.withdrawn_at)
            found.append(Change(row.what, row.at, about[2], here.get(about[:3]), about[3], safety, translations=others))
    return found, rows[-1].number if rows else since, more


def newest_change() -> int:
    """The highest cursor there can be. One query."""
    return audit.end()[0]


def _told(about: str) -> tuple[str, str, str, int] | None:
    """What audit.subject says of an edition: (kind, key, language, number)."""
    found = re.fullmatch(r"([a-z-]+)/([a-z0-9-]+)/([a-z0-9-]+), edition ([0-9]+)", about)
    return (found[1], found[2], found[3], int(found[4])) if found else None


def counts(language: str) -> dict[str, int]:
    """How many live pages of each kind a language has."""
    live = Page.objects.filter(language=language, withdrawn_at=None)
    return dict(live.values_list("kind").annotate(Count("pk")))


def headings(language: str) -> dict[str, int]:
    """How many live pages of a language stand under each heading that has any. One query."""
    filed = PageCode.objects.filter(system=PageCode.HEADING, page__language=language, page__withdrawn_at=None)
    return dict(filed.values_list("code").annotate(Count("pk")))


def filed(heading: str, language: str) -> list[Page]:
    """The live pages of a language under a heading. One query."""
    under = {"codes__system": PageCode.HEADING, "codes__code": heading}
    live = Page.objects.filter(**under, language=language, withdrawn_at=None)
    return list(live.only("kind", "key", "language", "slug", "title", "summary", "findable", "letter", "place"))


def by_key(key: str, language: str) -> Page | None:
    """The page with this key in a language, withdrawn or not; else one of its pages in another offered language."""
    offered = [one.code for one in languages.offered()]
    found = {page.language: page for page in Page.objects.filter(key=key, language__in=offered)}
    return found.get(language) or next((found[code] for code in offered if code in found), None)


def by_codes(codes: Iterable[tuple[str, str]]) -> dict[tuple[str, str], list[Page]]:
    """(system, code) -> the live pages in offered languages that carry exactly this code, by key. One query."""
    wanted = list(dict.fromkeys(codes))
    if not wanted:
        return {}
    named = Q()
    for system, code in wanted:
        named |= Q(system=system, code=code)
    offered = [language.code for language in languages.offered()]
    rows = PageCode.objects.filter(named, page__language__in=offered, page__withdrawn_at=None).select_related(
        "page__edition"
    )
    found = {}
    for row in rows.order_by("page__key", "page__language"):
        found.setdefault((row.system, row.code), []).append(row.page)
    return found


def with_codes(
    every: Iterable[Iterable[tuple[str, str]]],
    *,
    in_languages: Iterable[str] | None = None,
    numbers: Iterable[int] | None = None,
    begin: int = 0,
    count: int = 10,
) -> tuple[list[Page], int]:
    """A stretch of the live pages in offered languages, and how many there are. Two queries.

    Of each group in `every` a page carries one: (system, code), where "" stands for any. Oldest page first.
    """
    offered = {language.code for language in languages.offered()}
    spoken = offered if in_languages is None else offered & set(in_languages)
    found = Page.objects.filter(withdrawn_at=None, language__in=spoken)
    if numbers is not None:
        found = found.filter(pk__in=list(numbers))
    for alternatives in every:
        one = Q()
        for system, code in alternatives:
            one |= Q(**{name: said for name, said in (("system", system), ("code", code)) if said})
        one &= ~Q(system=PageCode.HEADING)
        found = found.filter(Exists(PageCode.objects.filter(one, page=OuterRef("pk"))))
    return list(found.order_by("pk").select_related("edition")[begin : begin + count]), found.count()


def by_number(number: int) -> Page | None:
    """The page with this number in an offered language, withdrawn or not."""
    offered = [language.code for language in languages.offered()]
    return Page.objects.filter(pk=number, language__in=offered).select_related("edition").first()


def codes_in(language: str, most: int) -> list[tuple[str, str, str]]:
    """(system, code, title of its page) of a language's live pages: what can be asked for here. One query."""
    live = PageCode.objects.filter(page__language=language, page__withdrawn_at=None).exclude(system=PageCode.HEADING)
    return list(live.order_by("system", "code").values_list("system", "code", "page__title")[:most])


def for_sitemap(language: str, begin: int, count: int) -> list[tuple[Page, dt.datetime, list[Page]]]:
    """A stretch of live pages: (page, when its words last changed, its pages in offered languages). Two queries."""
    live = Page.objects.filter(withdrawn_at=None).only("kind", "key", "language", "slug")
    changed_at = PageHistory.objects.filter(page=OuterRef("pk")).order_by("-at").values("at")[:1]
    pages = list(
        live.filter(language=language).annotate(at=Subquery(changed_at)).order_by("key")[begin : begin + count]
    )
    if not pages:
        return []
    offered = [one.code for one in languages.offered()]
    everywhere = {}
    for page in live.filter(language__in=offered, key__gte=pages[0].key, key__lte=pages[-1].key):
        everywhere.setdefault((page.kind, page.key), {})[page.language] = page
    in_order = {named: [here[code] for code in offered if code in here] for named, here in everywhere.items()}
    return [(page, page.at, in_order[page.kind, page.key]) for page in pages]


@dataclass(frozen=True)
class News:
    """Something that happened to a page, as a feed tells it."""

    page: Page
    number: int  # of the moment in the history of its pages; never used twice
    at: dt.datetime
    title: str
    note: str  # of the edition, or the reason of a withdrawal
    summary: str = ""
    withdrawn: bool = False
    unfollowed: bool = False  # a safety change of the source that this page has not followed: the note is the source's


def news(language: str, most: int) -> list[News]:
    """What happened to the pages of a language, newest first; of each page only the last. Mostly two queries."""
    # Of every language, by the index of moments; a database asked for one language would look through all its pages.
    moments = PageHistory.objects.order_by("-at", "-pk").values_list("pk", "page_id", "page__language")
    last, begin, count = {}, 0, 8 * most
    while len(last) < most:
        stretch = list(moments[begin : begin + count])
        for pk, page, spoken in stretch:
            if spoken == language:
                last.setdefault(page, pk)
        if len(stretch) < count:
            break
        begin, count = begin + count, 4 * count
    newest = PageHistory.objects.filter(pk__in=list(last.values())[:most]).select_related("page", "edition")
    return [_news(one) for one in newest.defer("edition__content", "edition__names").order_by("-at", "-pk")]


def safety_news(language: str, most: int) -> list[News]:
    """Safety changes and withdrawals that concern readers of a language, newest first. At most five queries.

    A safety change of the source is told of every page this language has of it, in the source's words until followed.
    """
    moments = PageHistory.objects.select_related("page", "edition").defer("edition__content").order_by("-at", "-pk")
    gone = moments.filter(page__language=language, edition=None, page__withdrawn_at__isnull=False)
    found = [_news(moment) for moment in gone[:most]]
    # The few dangerous editions are asked for by themselves: no history is looked through for them.
    safety = Edition.objects.filter(significance=Significance.SAFETY, language=languages.SOURCE)
    newest = list(safety.order_by("-published_at").values_list("pk", flat=True)[: 8 * most])
    dangerous = moments.filter(edition__in=newest)
    if language == languages.SOURCE:
        found += [_news(moment) for moment in dangerous[:most]]
    else:
        moved = list(dangerous[: 4 * most])
        here = Page.objects.filter(language=language, withdrawn_at=None, key__in={moment.page.key for moment in moved})
        here = {(page.kind, page.key): page for page in here}
        unfollowed = out_of_date([language], to_follow=False).filter(safety=1, key__in={key for _kind, key in here})
        behind = set(unfollowed.values_list("kind", "key"))
        for moment in moved:
            if page := here.get((moment.page.kind, moment.page.key)):
                unfollowed = (page.kind, page.key) in behind
                note = moment.edition.change_note if unfollowed else ""
                summary = "" if unfollowed else page.summary
                found.append(News(page, moment.pk, moment.at, page.title, note, summary, unfollowed=unfollowed))
    return sorted(found, key=lambda one: (one.at, one.number), reverse=True)[:most]


def _news(moment: PageHistory) -> News:
    edition = moment.edition
    if edition is None:
        return News(moment.page, moment.pk, moment.at, moment.page.title, moment.page.withdrawal_reason, withdrawn=True)
    return News(moment.page, moment.pk, moment.at, edition.title, edition.change_note, edition.summary)


def linked(references: Iterable[Reference], language: str) -> dict[Reference, Page]:
    """The live pages of these objects in one language. One query."""
    references = set(references)
    if not references:
        return {}
    found = _live.ask(language, tuple({key for _kind, key in references}))
    return {(page.kind, page.key): page for page in found if (page.kind, page.key) in references}


_live = Question(lambda language, keys: Page.objects.filter(language=language, withdrawn_at=None, key__in=keys))


def names(references: Iterable[Reference], language: str) -> dict[str, str]:
    """Their published names today, keyed "kind/key", to be frozen in an edition."""
    return {f"{kind}/{key}": page.title for (kind, key), page in sorted(linked(references, language).items())}


def editions(page: Page) -> list[Edition]:
    """Every edition of a page, newest first, without its content."""
    return list(
        Edition.objects.filter(kind=page.kind, key=page.key, language=page.language)
        .defer("content")
        .order_by("-number")
    )


def edition(page: Page, number: int) -> Edition | None:
    return (
        Edition.objects.filter(kind=page.kind, key=page.key, language=page.language, number=number)
        .select_related("translated_from")
        .first()
    )


def on(page: Page, day: dt.date) -> Edition | None:
    """What the page showed at the end of that day (in UTC), or None where it showed nothing."""
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time.min, tzinfo=dt.UTC)
    moment = (
        PageHistory.objects.filter(page=page, at__lt=end)
        .order_by("-at", "-pk")
        .select_related("edition__translated_from")
        .first()
    )
    return moment.edition if moment else None


def elsewhere(kind: str, slug: str) -> list[Page]:
    """The live pages, in offered languages, of the object that has this address in some language, or this key."""
    keys = set(Address.objects.filter(kind=kind, slug=slug).values_list("page__key", flat=True)) or {slug}
    offered = [language.code for language in languages.offered()]
    found = {
        page.language: page
        for page in Page.objects.filter(kind=kind, key__in=keys, language__in=offered, withdrawn_at=None)
    }
    return [found[code] for code in offered if code in found]


@dataclass(frozen=True)
class Standing:
    """An object as it stands before the public: its pages in offered languages, withdrawn ones as well."""

    kind: str
    key: str
    pages: dict[str, Page]  # by language
    slugs: dict[str, list[str]]  # by language: every slug its page ever had
    numbers: dict[str, list[int]]  # by language: of its editions


def standing(after: Reference, count: int) -> list[Standing]:
    """So many objects behind this one, by kind and key. Four queries."""
    offered = [language.code for language in languages.offered()]
    behind = Q(kind__gt=after[0]) | Q(kind=after[0], key__gt=after[1])
    here = Page.objects.filter(behind, language__in=offered)
    named = list(here.order_by("kind", "key").values_list("kind", "key").distinct()[:count])
    found = {(kind, key): Standing(kind, key, {}, {}, {}) for kind, key in named}
    of_keys = {"language__in": offered, "key__in": {key for _kind, key in named}}
    for page in Page.objects.filter(**of_keys).only("kind", "key", "language", "slug", "withdrawn_at"):
        if one := found.get((page.kind, page.key)):
            one.pages[page.language] = page
    for address in Address.objects.filter(page__key__in=of_keys["key__in"]).select_related("page").order_by("pk"):
        if one := found.get((address.page.kind, address.page.key)):
            one.slugs.setdefault(address.language, []).append(address.slug)
    numbers = Edition.objects.filter(**of_keys).order_by("number")
    for kind, key, language, number in numbers.values_list("kind", "key", "language", "number"):
        if one := found.get((kind, key)):
            one.numbers.setdefault(language, []).append(number)
    return list(found.values())


# Acts that a reader can see something of.
SEEN = ("signed", "published", "restored", "withdrawn", "carried", "interface", "language")


class Act(NamedTuple):
    """Where the audit log ended, and the seal of the newest act that a reader can see something of ("": none yet).

    A seal stands for all entries before it as well: after a restored backup a number could come twice, a seal cannot.
    """

    end: int
    end_seal: str
    seal: str


def newest_act(known: Act | None = None) -> Act:
    """The newest act. One query where the log ends where it ended for `known`; three where it has grown."""
    end, end_seal = audit.end()
    if known and known.end_seal == end_seal:
        return known
    seen = AuditEntry.objects.filter(what__in=SEEN, number__lte=end).order_by("-number").values_list("seal", flat=True)
    if known and AuditEntry.objects.filter(number=known.end, seal=known.end_seal).exists():
        # The log goes on from there: entries about accounts, of which there may be many, are not looked through again.
        return Act(end, end_seal, seen.filter(number__gt=known.end).first() or known.seal)
    return Act(end, end_seal, seen.first() or "")


def came_after(known: Act, now: Act) -> bool:
    """Whether a log that ends at `now` here has the entry that `known` ends with. At most one query."""
    if known.end_seal == now.end_seal or not known.end:
        return True
    return now.end > known.end and AuditEntry.objects.filter(number=known.end, seal=known.end_seal).exists()


@dataclass(frozen=True)
class Spell:
    """From when to when a page showed an edition. `until` None: it still does."""

    edition: Edition
    since: dt.datetime
    until: dt.datetime | None
    reason: str = ""  # why it ended, where somebody said


def recall(edition: Edition) -> list[Spell]:
    """Where and when these words were public: this edition, others with the same words, and what translated them."""
    same = Edition.objects.filter(
        kind=edition.kind, key=edition.key, language=edition.language, digest=edition.digest
    ).values_list("pk", flat=True)
    beside = SignOff.objects.filter(source_edition__in=same).values("language", "digest")
    translated = Q(translated_from__in=same)
    for signed in beside:
        translated |= Q(language=signed["language"], digest=signed["digest"])
    concerned = Edition.objects.filter(Q(pk__in=same) | translated, kind=edition.kind, key=edition.key)
    concerned = {one.pk: one for one in concerned.defer("content")}
    spells = []
    moments = PageHistory.objects.filter(page__kind=edition.kind, page__key=edition.key).order_by("page", "at", "pk")
    began: dict[int, PageHistory] = {}
    for moment in moments:
        if before := began.pop(moment.page_id, None):
            spells.append(Spell(concerned[before.edition_id], before.at, moment.at, moment.reason))
        if moment.edition_id in concerned:
            began[moment.page_id] = moment
    spells += [Spell(concerned[moment.edition_id], moment.at, None) for moment in began.values()]
    source_first = edition.language
    return sorted(
        spells, key=lambda spell: (spell.edition.language != source_first, spell.edition.language, spell.since)
    )
