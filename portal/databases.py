"""Which database an answer is read from: the primary or, for readers, a replica of it. Whoever writes uses the primary.

One answer is read from one database: `portal.front` chooses it, once.
"""

from contextlib import contextmanager
from contextvars import ContextVar

PRIMARY, REPLICA = "default", "replica"
_of_this_answer: ContextVar[str] = ContextVar("database of this answer", default=PRIMARY)


class ReadersDoNotWrite(Exception):
    """Something was to be written while a reader's page is read from the replica."""


def alias() -> str:
    return _of_this_answer.get()


@contextmanager
def reading_from(alias: str):
    """While this lasts, this thread reads from here."""
    token = _of_this_answer.set(alias)
    try:
        yield
    finally:
        _of_this_answer.reset(token)


def writing():
    """For the little that a reader's question writes: while this lasts, the primary is read and written."""
    return reading_from(PRIMARY)


class Router:
    def db_for_read(self, model, **hints):
        return alias()

    def db_for_write(self, model, **hints):
        if alias() != PRIMARY:
            raise ReadersDoNotWrite(f"{model._meta.label} is not written while a page is read from the replica.")
        return PRIMARY

    def allow_relation(self, one, other, **hints):
        return True

    def allow_migrate(self, database, app_label, **hints):
        return database == PRIMARY
