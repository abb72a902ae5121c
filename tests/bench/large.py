"""A portal with very many pages, made in minutes: what the gate wrote for a few objects, written again for many.

Everything is as `actions` would have written it, seals and audit log included; `manage.py verify` agrees.
"""

import copy
import itertools

from django.db import connection, transaction
from django.utils import timezone

from conditions import models as desk
from portal import languages
from portal.publishing import audit, letters, seals, search
from portal.publishing.folding import fold
from portal.publishing.manuscript import digest_of
from portal.publishing.models import (
    Address,
    AuditEnd,
    AuditEntry,
    Edition,
    Entry,
    Page,
    PageHistory,
    SignOff,
)
from portal.translating.columns import column
from tests import make, many

KINDS = {"condition": 70, "symptom": 20, "treatment": 9, "term": 1}  # of a hundred objects
SPOKEN = {"en": 1, "es": 2, "ar": 4, "zh-hans": 4}  # every so many objects have a page in it
STRETCH = 2_000  # objects at a time


def fill(pages: int, say=lambda words: None) -> None:
    """Objects until there are about so many pages, and some work that is not done."""
    objects = max(0, round((pages - Page.objects.count()) / sum(1 / every for every in SPOKEN.values())))
    by = make.signatory()
    patterns = {kind: _Pattern(kind, by) for kind in KINDS}
    kinds = [kind for kind, share in KINDS.items() for _n in range(share)]
    kinds = [kinds[n * 37 % 100] for n in range(100)]  # mixed, and always the same
    names = {language: _names(language) for language in SPOKEN}
    for begin in range(0, objects, STRETCH):
        stretch = range(begin, min(objects, begin + STRETCH))
        with transaction.atomic():
            for kind, pattern in patterns.items():
                numbers = [n for n in stretch if kinds[n % 100] == kind]
                titles = {
                    n: {one: next(names[one]) for one, every in SPOKEN.items() if n % every == 0} for n in numbers
                }
                pattern.repeat(titles)
        say(f"{stretch[-1] + 1} of {objects} objects")
    for n in range(20):
        make.condition(f"unfinished-{n}")
    search.reckon()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _names(language):
    """Names without end, as real ones begin and end."""
    pools = many.hpo()
    pool = [name for name, _more in (pools[language] if language in pools else many.medquad())]
    if language == "ar":
        alphabet = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي"
        pool = [f"{alphabet[n % 28]}{alphabet[n * 11 % 28]}{alphabet[n * 5 % 28]} العضلات" for n in range(900)]
    for turn in itertools.count(1):
        for name in pool:
            yield name[:200] if turn == 1 else f"{name[:200]}, {turn}"


class _Pattern:
    """One object that went through the gate in every language, and everything that was written about it."""

    def __init__(self, kind, by):
        key = f"pattern-{kind}"
        self.kind, self.by = kind, by
        self.topic = make.topic(kind, key, in_languages=tuple(SPOKEN))
        for language in SPOKEN:
            make.published(self.topic, language, by=by)
        here = {"kind": kind, "key": key}
        self.pages = {page.language: page for page in Page.objects.filter(**here).select_related("edition")}
        self.changes = {entry.language: entry.change for entry in Entry.objects.filter(**here).select_related("change")}
        self.signed = {one.language: one for one in SignOff.objects.filter(**here)}
        self.text = {
            one.page.language: one.text for one in search.SearchEntry.objects.filter(page__in=self.pages.values())
        }

    def repeat(self, titles):
        """`titles`: number -> language -> title."""
        self._working_copies(titles)
        now = timezone.now()
        source = self._publish({n: said[languages.SOURCE] for n, said in titles.items()}, languages.SOURCE, {}, now)
        for language in SPOKEN:
            if language != languages.SOURCE:
                here = {n: said[language] for n, said in titles.items() if language in said}
                self._publish(here, language, source, now)

    def _key(self, n):
        return f"{self.kind}-{n}"

    def _working_copies(self, titles):
        begin = (desk.Topic.objects.order_by("-pk").values_list("pk", flat=True).first() or 0) + 1
        numbered = dict(enumerate(titles, begin))
        own = type(self.topic)
        parent = own._meta.pk.column
        rows = []
        for pk, n in numbered.items():
            said = {"id": pk, "key": self._key(n), "name": titles[n][languages.SOURCE]}
            for language in SPOKEN:
                title = titles[n].get(language)
                said |= {column("name", language): title, column("slug", language): self._key(n) if title else None}
            rows.append({**said, "slug": self._key(n)})
        _copies(desk.Topic, self.topic.pk, rows)
        _copies(own, self.topic.pk, [{parent: pk} for pk in numbered])
        for model in (desk.HelpCard, desk.Citation):
            for row in model.objects.filter(topic=self.topic).values_list("pk", flat=True):
                _copies(model, row, [{"topic_id": pk} for pk in numbered], left_out=("id",))
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence('conditions_topic', 'id'), max(id)) FROM conditions_topic"
                )

    def _publish(self, titles, language, sources, now):
        """Editions and everything around them. number -> edition"""
        page, change, signed = self.pages[language], self.changes[language], self.signed[language]
        editions = {}
        for n, title in titles.items():
            one = copy.copy(page.edition)
            one.pk, one._state = None, type(one._state)()
            one.key = one.slug = self._key(n)
            one.title, one.published_at, one.translated_from = title, now, sources.get(n)
            one.content = {**page.edition.content, "name": title}
            one.digest = digest_of(one.kind, one.key, language, one.slug, one.content)
            one.seal = seals.seal_of(one)
            editions[n] = one
        Edition.objects.bulk_create(editions.values(), batch_size=500)

        def copies_of(row, **of_each):
            made = []
            for one in editions.values():
                new = copy.copy(row)
                new.pk, new._state, new.key = None, type(new._state)(), one.key
                for name, value in of_each.items():
                    setattr(new, name, value(one))
                made.append(new)
            return type(row).objects.bulk_create(made, batch_size=500)

        digest = {"digest": lambda one: one.digest}
        words = {
            **digest,
            "title": lambda one: one.title,
            "slug": lambda one: one.slug,
            "content": lambda one: one.content,
        }
        changes = copies_of(change, **words)
        changed = dict(zip((one.pk for one in editions.values()), changes, strict=True))
        copies_of(Entry.objects.get(kind=self.kind, key=self.topic.key, language=language),
                  change=lambda one: changed[one.pk], shown=lambda one: changed[one.pk].pk)  # fmt: skip
        copies_of(signed, **digest, at=lambda one: now, source_edition=lambda one: one.translated_from)
        pages = copies_of(
            page, title=lambda one: one.title, slug=lambda one: one.slug, edition=lambda one: one,
            findable=lambda one: fold(one.title), letter=lambda one: letters.letter(one.title, language),
            place=lambda one: letters.place(one.title, language),
        )  # fmt: skip
        Address.objects.bulk_create(
            [Address(kind=one.kind, language=language, slug=one.slug, page=one) for one in pages], batch_size=500
        )
        PageHistory.objects.bulk_create(
            [PageHistory(page=one, edition=one.edition, at=now, by=self.by) for one in pages], batch_size=500
        )
        text = self.text[language]
        for begin in range(0, len(pages), 500):
            search.put([(one, [one.findable], text) for one in pages[begin : begin + 500]])
        self._note(editions.values(), signed.capacity, now)
        return editions

    def _note(self, editions, capacity, now):
        end = AuditEnd.objects.select_for_update().get()
        number, seal, entries = end.number, end.seal, []
        for edition in editions:
            of_words = f"{edition.kind}/{edition.key}/{edition.language}"
            for what, about, detail in (
                ("signed", of_words, {"capacity": str(capacity), "digest": edition.digest}),
                ("published", audit.subject(edition), {"significance": edition.significance, "change_note": ""}),
            ):
                number += 1
                one = AuditEntry(
                    number=number, at=now, by=self.by, by_name=self.by.get_full_name(), what=what, about=about,
                    detail=detail, previous_seal=seal,
                )  # fmt: skip
                one.seal = seal = audit.seal_of(one)
                entries.append(one)
        AuditEntry.objects.bulk_create(entries, batch_size=500)
        end.number, end.seal = number, seal
        end.save()


def _copies(model, pk, rows, left_out=()):
    """Copies of one row of exactly this table, each with other values in some columns."""
    if not rows:
        return
    quote = connection.ops.quote_name
    columns = [field.column for field in model._meta.local_concrete_fields if field.column not in left_out]
    given = list(rows[0])
    chosen = ", ".join("%s" if name in given else quote(name) for name in columns)
    table, own = quote(model._meta.db_table), quote(model._meta.pk.column)
    sql = f"INSERT INTO {table} ({', '.join(map(quote, columns))}) SELECT {chosen} FROM {table} WHERE {own} = %s"
    order = [name for name in columns if name in given]
    with connection.cursor() as cursor:
        cursor.executemany(sql, [[*(row[name] for name in order), pk] for row in rows])
