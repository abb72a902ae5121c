"""Questions that every page asks the database: the ORM writes each of them once, not for each page.

Writing the SQL took three times as long as asking it.
"""

from collections.abc import Callable
from copy import copy
from functools import lru_cache
from itertools import count, islice

from django.db import connections
from django.db.models import QuerySet
from django.db.models.sql import Query

from portal import databases


class Question:
    """A queryset without the values it is asked with: texts, or tuples of texts for `__in`.

    `write` makes the queryset from such values. It is called once for each database and number of texts, so it may
    look at nothing else.
    """

    def __init__(self, write: Callable[..., QuerySet]):
        self.write = write
        self._written = lru_cache(maxsize=500)(self._write)

    def ask(self, *values: str | tuple[str, ...]) -> list:
        """What the queryset finds. One query; none where a tuple is empty."""
        if () in values:
            return []
        # In eights, so that few have to be written; who is asked for twice is found once.
        values = [one + one[-1:] * (-len(one) % 8) if isinstance(one, tuple) else one for one in values]
        several = tuple(len(one) if isinstance(one, tuple) else None for one in values)
        texts = [text for one in values for text in (one if isinstance(one, tuple) else (one,))]
        asked = self._written(databases.alias(), several)._clone()
        asked.query.params = tuple(texts[one.place] if isinstance(one, _Text) else one for one in asked.query.params)
        return list(asked)

    def _write(self, database, several):
        texts = map(_Text, count())
        values = [next(texts) if many is None else tuple(islice(texts, many)) for many in several]
        queryset = self.write(*values).using(database)
        compiler = queryset.query.get_compiler(using=database)
        # Not `query`: setting that makes dictionaries of rows.
        queryset._query = written = queryset.query.chain(klass=_Written)
        written.compiler = compiler
        written.sql, written.params = compiler.as_sql()
        return queryset


class _Text(str):
    """Stands among the parameters until it is known with which text is asked."""

    __slots__ = ("place",)

    def __new__(cls, place: int):
        one = super().__new__(cls, f"text {place}")
        one.place = place
        return one


class _Written(Query):
    """A query whose SQL is known."""

    def get_compiler(self, using=None, connection=None, elide_empty=True):
        compiler = copy(self.compiler)
        compiler.connection = connection or connections[using]  # this thread's
        compiler.as_sql = lambda: (self.sql, self.params)
        return compiler
