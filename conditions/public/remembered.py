"""Pages as they were made before, for when every fact that they are made of is the same again.

A publish empties the front (portal.front), and then nearly every page says what it said. Nothing here guesses which
page depends on what: all that a page is made of is read anew and compared whole, and a page during whose making
anything else was asked of the database is not kept.
"""

import threading
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from hashlib import blake2b

from django.db import connections
from django.db.models import Model
from django.utils.translation import trans_real

MOST = 8 * 1024 * 1024  # bytes in each process
_AROUND = 500  # bytes that a page takes beside its words
_SEALED = {"content", "names"}  # of an edition, whose seal is over them


def key(*facts):
    """Stands for all of these facts, and for the words of the interface that this thread speaks."""
    # A catalogue that changes is another object (portal.translating.interface).
    words = getattr(trans_real._active, "value", None)
    return blake2b(repr(_plain(facts)).encode(), digest_size=24).digest(), words


def _plain(fact):
    if isinstance(fact, Model):
        read = vars(fact)
        own = [(name, read[name]) for name in read if name[0] != "_" and not (name in _SEALED and "seal" in read)]
        return own, [(name, _plain(one)) for name, one in fact._state.fields_cache.items()]
    if is_dataclass(fact):
        return [_plain(getattr(fact, field.name)) for field in fields(fact)]
    if isinstance(fact, dict):
        return [(name, _plain(one)) for name, one in fact.items()]
    if type(fact) in (list, tuple):
        return [_plain(one) for one in fact]
    return fact


@contextmanager
def nothing_else_is_asked():
    """A list that stays empty if, while this lasts, this thread asks no database anything."""
    asked = []

    def noticing(execute, sql, params, many, context):
        asked.append(sql)
        return execute(sql, params, many, context)

    open_ones = connections.all(initialized_only=True)
    for one in open_ones:
        one.execute_wrappers.append(noticing)
    try:
        yield asked
    finally:
        for one in open_ones:
            one.execute_wrappers.remove(noticing)


class Pages:
    """What was made, compressed as it is sent. What was not used for longest goes first."""

    def __init__(self, most: int = MOST):
        self.most, self.bytes = most, 0
        self._kept, self._lock = OrderedDict(), threading.Lock()

    def get(self, key):
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def keep(self, key, made, size: int):
        with self._lock:
            self._forget(self._kept.pop(key, None))
            self._kept[key] = made, size + _AROUND
            self.bytes += size + _AROUND
            while self.bytes > self.most:
                self._forget(self._kept.popitem(last=False)[1])

    def _forget(self, one):
        self.bytes -= one[1] if one else 0


pages = Pages()
