"""In front of Django: a page that was read before is answered from memory, for as long as nothing has changed.

Why it is never wrong: docs/decisions.md, 64. In short: each entry carries the *moment* it was made under (the seal of
the newest act that a reader can see something of, and the date); a thread asks the database four times a second which
moment it is; an entry of another moment is never answered with.
"""

import gzip
import logging
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from hashlib import blake2b
from typing import NamedTuple
from weakref import WeakSet

from django.conf import settings
from django.db import DatabaseError, connections
from django.db.backends.signals import connection_created
from django.http.request import split_domain_port, validate_host
from django.utils import timezone

from portal import databases, languages
from portal.publishing import reading

logger = logging.getLogger(__name__)

PAUSE = 0.25  # seconds between two looks at the database
FRESH = 0.75  # so old may a look be for which an entry is answered without asking again
PATIENCE = 1.0  # a look that takes longer counts as a database that is away
HUNG = 3.0  # after so long its connections are cut, or whoever waits on them would wait for ever
STAY_UP = 300.0  # so long entries are answered while the database is away; after that nobody knows what was withdrawn
TURN = 1.0  # so long a page that is to be made waits until the one before it is made
TRIES = 8  # a page during whose making something was published is made again, so often

KEPT = "portal.front.kept"  # in the environ: a list that a view puts its mark in
AWAY = "portal.front.away"  # in the environ: the database is known to be away, do not ask it
SAME = "portal.front.same"  # in the environ, once answered: it is the same for everybody until the next moment
PRESSED = "portal.front.pressed"  # in the environ: a view's answer, compressed by `press` already
ALONE = "portal.front.alone"  # in the environ: a replica answers, and the primary is away: nothing can be written
COMPRESSED = 6  # gzip's level: what is made anew after each publish should not cost more than the page


def kept(view):
    """Mark a view whose answer is the same for everybody who asks for its path. Browsers ask again each time."""

    @wraps(view)
    def marked(request, *args, **kwargs):
        if (marks := request.META.get(KEPT)) is not None:
            marks.append(True)
            request.META["HTTP_ACCEPT_ENCODING"] = ""  # compressed here, once
        response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response

    return marked


class Moment(NamedTuple):
    """While two moments are equal, nothing that a reader can see has changed."""

    seal: str  # of the newest act that a reader can see something of
    days: str  # pages say that a review is overdue from one day to the next


class Watch:
    """What one process knows about the present moment of a database, and how long ago it knew."""

    SAYS_AWAY = "The database does not answer. Pages that were read before go on for a while."
    SAYS_BACK = "The database answers again."

    def __init__(self, database: str = databases.PRIMARY):
        self.database = database
        self.act: reading.Act | None = None  # where the log ended at the last look that was answered
        self.moment: Moment | None = None
        self.looked_at = float("-inf")  # when the last look that was answered began, by time.monotonic()
        self.failing = False
        self.on_change: list[Callable[[], None]] = []  # called in the thread of the watch; must not wait for anything
        self._began: float | None = None  # the look that is under way
        self._act: reading.Act | None = None
        self._decided: tuple[Moment | None, Mapping[str, languages.Decided]] = None, {}
        self._wanted, self._answered = threading.Event(), threading.Condition()

    def start(self):
        for run in (self._run, self._mind):
            threading.Thread(target=run, name=f"front{run.__name__}", daemon=True).start()

    def look(self):
        """Ask the database now."""
        self._began = began = time.monotonic()
        try:
            act, moment, _decided = self._read()
        except Exception:
            if not self.failing:
                logger.exception(self.SAYS_AWAY)
            self.failing = True
            connections[self.database].close()
        else:
            if changed := moment != self.moment:
                self.moment = moment
            if self.failing:
                logger.error(self.SAYS_BACK)
            self.failing, self.looked_at, self.act = False, began, act
            if changed:
                for tell in self.on_change:
                    tell()
        finally:
            self._began = None
            with self._answered:
                self._answered.notify_all()

    def ask(self) -> tuple[Moment, Mapping[str, languages.Decided]]:
        """The present moment as the database this thread reads says, and what is decided about languages by then."""
        return self._read()[1:]

    def _read(self):
        with databases.reading_from(self.database):
            self._act = act = reading.newest_act(self._act)
            moment = Moment(act.seal, f"{timezone.localdate()} {timezone.now().date()}")
            of, decided = self._decided
            if of != moment:
                decided = reading.decided_languages()
                self._decided = moment, decided
            return act, moment, decided

    @property
    def decided(self):
        """About languages, when last heard."""
        return self._decided[1]

    def doubt(self) -> bool:
        """It did not answer as it should. Whether another one can be asked instead."""
        return False

    def away(self) -> bool:
        """Whether the database is known not to answer."""
        began = self._began
        return self.failing or (began is not None and time.monotonic() - began > PATIENCE)

    def sure(self) -> bool:
        """Whether `moment` may be answered for. Asks the database where the last look is too old."""
        asked = time.monotonic()
        if asked - self.looked_at <= FRESH:
            return True
        if not self.away():
            self._wanted.set()
            with self._answered:
                self._answered.wait_for(lambda: self.looked_at >= asked or self.away(), PATIENCE)
            if self.looked_at >= asked:
                return True
        return self.away() and asked - self.looked_at < STAY_UP

    def _run(self):
        while True:
            self.look()
            self._wanted.wait(PAUSE)
            self._wanted.clear()

    def _mind(self):
        """A database that hangs answers nobody and refuses nobody: whoever waits on it is let go."""
        while True:
            time.sleep(0.5)
            began = self._began
            if began is not None and time.monotonic() - began > HUNG:
                _cut_connections(self.database)


_open = WeakSet()  # this process's connections to PostgreSQL
_opening = threading.Lock()


def _remember(sender, connection, **kwargs):
    if connection.vendor == "postgresql":
        with _opening:
            _open.add(connection)


connection_created.connect(_remember, dispatch_uid="front")


def _cut_connections(database):
    """End every conversation with a database that hangs: each thread that waits gets its error, and opens a new one."""
    with _opening:
        conversations = [one.connection for one in _open if one.alias == database and one.connection is not None]
    for one in conversations:
        try:
            with socket.socket(fileno=os.dup(one.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)
        except (DatabaseError, OSError):  # ended by itself meanwhile
            logger.debug("A connection could not be cut.", exc_info=True)


@dataclass(slots=True)
class Entry:
    """An answer in memory, compressed: nearly everybody takes it so."""

    moment: Moment
    status: str
    body: bytes
    etag: str  # of the plain words; the compressed ones have "-gz" after it
    headers: tuple[tuple[str, str], ...]
    length: int  # of the plain words
    used: bool = True

    @property
    def size(self) -> int:
        return len(self.body) + _AROUND


_AROUND = 2_000  # bytes that an entry takes beside its words


class Front:
    """The WSGI application around Django's. Its numbers are for the metrics."""

    def __init__(self, application, *, most: int):
        self.application = application
        self.most = most  # bytes; 0: nothing is kept
        self.watch = Watch()
        self.replica = None  # a portal.replica.Follower, where there is a replica
        self.from_replica = 0  # answers that were made from it
        self.watch.on_change.append(self.forget)
        self.entries: dict[str, Entry] = {}
        self.bytes = self.hits = self.misses = self.put_out = 0
        self._lock, self._one_at_a_time = threading.Lock(), threading.Lock()

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method not in ("GET", "HEAD") or environ["SCRIPT_NAME"]:
            return self._pass_on(environ, start_response)
        asks_for_path = not environ["QUERY_STRING"]
        if asks_for_path and (entry := self._known(path, environ)):
            return _answer(entry, environ, start_response)
        if path[1:].partition("/")[0] not in languages.LANGUAGES or path.endswith(".pdf"):
            return self._pass_on(environ, start_response)
        with self._turn():
            if method == "HEAD" or not asks_for_path:
                return self._pass_on(environ, start_response)
            if entry := self._known(path, environ):  # somebody else asked for it a moment before
                return _answer(entry, environ, start_response)
            self.misses += 1
            return self._make(path, environ, start_response)

    def _known(self, path, environ) -> Entry | None:
        """What may be answered from memory."""
        entry = self.entries.get(path)
        if (
            entry is None
            or not self.watch.sure()
            or entry.moment != self.source().moment
            or not _is_ours(environ.get("HTTP_HOST", ""))
            or not _is_secure(environ)
        ):
            return None
        self.hits += 1
        entry.used = environ[SAME] = True
        return entry

    @contextmanager
    def _turn(self):
        """Pages are made one after another: two at once only take turns at the interpreter, and every page that is in
        memory would wait for both. Whoever has waited `TURN` goes on beside the one that takes so long; nobody waits
        for one that waits for a database that is away.
        """
        waited = not self.source().away() and self._one_at_a_time.acquire(timeout=TURN)
        try:
            yield
        finally:
            if waited:
                self._one_at_a_time.release()

    def forget(self):
        """Nothing that is kept is true any more."""
        with self._lock:
            self.entries, self.bytes = {}, 0

    def source(self) -> Watch:
        """Over the database that readers are answered from now: the replica, while it has all that the primary said."""
        if self.replica is not None and self.watch.sure() and self.replica.has_all():
            return self.replica
        return self.watch

    def _pass_on(self, environ, start_response, away=False):
        if not away and self.replica is not None and _reads(environ) and (source := self.source()) is self.replica:
            own, said = {**environ, **({ALONE: True} if self.watch.away() else {})}, []
            with databases.reading_from(source.database), languages.as_decided(source.decided):
                response = self.application(own, lambda *given: said.append(given))
            status, headers = said[-1][:2]
            if not status.startswith("5"):
                self.from_replica += 1
                start_response(status, headers)
                return response
            response.close()
            source.doubt()
        if away or self.watch.away():
            environ[AWAY] = True
            with languages.as_decided(self.watch.decided):
                return self.application(environ, start_response)
        return self.application(environ, start_response)

    def _make(self, path, environ, start_response):
        """Django's answer, all of it of one moment; kept if it is the same for everybody who asks for this path."""
        for _try in range(TRIES):
            source = self.source()
            if source.away():
                return self._pass_on(environ, start_response)
            try:
                moment, decided = self._ask(source)
            except DatabaseError:
                if source.doubt():
                    continue
                return self._pass_on(environ, start_response, away=True)
            own, said = {**environ, KEPT: []}, []
            with databases.reading_from(source.database), languages.as_decided(decided):
                response = self.application(own, lambda *given, said=said: said.append(given))
            status, headers = said[-1][:2]
            if status.startswith("5") and source.doubt():
                response.close()
                continue
            self.from_replica += source is self.replica
            if not own[KEPT]:
                start_response(status, headers)
                return response
            body = b"".join(response)
            try:
                meanwhile, _decided = source.ask()
            except DatabaseError:
                if source.doubt():
                    continue
                return self._pass_on(environ, start_response, away=True)
            finally:
                response.close()
            if meanwhile == moment:
                entry = _entry(moment, status, headers, body, own.get(PRESSED))
                if status.startswith("200") and _same_for_everybody(headers):
                    environ[SAME] = True
                    self._keep(path, entry)
                return _answer(entry, environ, start_response)
        return self._pass_on(environ, start_response, away=True)  # so much is published that no page stands still

    def _ask(self, source):
        try:
            return source.ask()
        except DatabaseError:  # the connection may be what was left of a database that has restarted
            connections[source.database].close()
            return source.ask()

    def _keep(self, path, entry):
        with self._lock:
            if entry.size > self.most // 8:
                return
            if before := self.entries.pop(path, None):
                self.bytes -= before.size
            self.entries[path] = entry
            self.bytes += entry.size
            spared = len(self.entries)
            while self.bytes > self.most:
                # Second chance: who was read since the last look goes to the end of the queue.
                oldest = next(iter(self.entries))
                one = self.entries.pop(oldest)
                if one.used and one is not entry and spared:
                    one.used = False
                    spared -= 1
                    self.entries[oldest] = one
                else:
                    self.bytes -= one.size
                    self.put_out += 1


@dataclass(frozen=True, slots=True)
class Pressed:
    """Words as they are sent to nearly everybody, with the hash of the plain ones."""

    body: bytes
    digest: str


def press(words: bytes) -> Pressed:
    return Pressed(gzip.compress(words, COMPRESSED, mtime=0), _digest(words))


def _digest(words: bytes) -> str:
    return blake2b(words, digest_size=12).hexdigest()


def _entry(moment, status, headers, body, pressed=None) -> Entry:
    left_out = {"content-length", "content-encoding", "vary", "etag"}
    shared = tuple((sys.intern(name), sys.intern(value)) for name, value in headers if name.lower() not in left_out)
    if pressed is None or pressed.digest != _digest(body):
        pressed = press(body)
    return Entry(moment, status, pressed.body, f'"{pressed.digest}"', shared, len(body))


def _reads(environ) -> bool:
    """Whether this is a reader's question. What people at the desk and operators ask, the primary answers."""
    return environ["REQUEST_METHOD"] in ("GET", "HEAD") and not environ["PATH_INFO"].startswith(_OF_THE_PRIMARY)


_OF_THE_PRIMARY = ("/admin", "/preview/", "/health/", "/metrics")


def _same_for_everybody(headers) -> bool:
    for name, value in headers:
        name, value = name.lower(), value.lower()
        if name == "set-cookie" or (name == "cache-control" and ("no-store" in value or "private" in value)):
            return False
        if name == "vary" and {one.strip() for one in value.split(",")} - {"accept-encoding"}:
            return False
    return True


def _answer(entry, environ, start_response):
    compressed = _takes_gzip(environ.get("HTTP_ACCEPT_ENCODING", ""))
    etag = f'{entry.etag[:-1]}-gz"' if compressed else entry.etag
    if entry.status.startswith("200") and _has(environ.get("HTTP_IF_NONE_MATCH"), entry.etag, etag):
        told = [one for one in entry.headers if one[0].lower() not in _OF_A_BODY]
        start_response("304 Not Modified", [*told, ("ETag", etag), _VARY])
        return []
    headers = [*entry.headers, _VARY]
    if entry.status.startswith("200"):
        headers.append(("ETag", etag))
    body = entry.body if compressed else gzip.decompress(entry.body)
    if compressed:
        headers.append(("Content-Encoding", "gzip"))
    headers.append(("Content-Length", str(len(body))))
    start_response(entry.status, headers)
    return [body]


_VARY = ("Vary", "Accept-Encoding")
# A browser that has the page takes everything else from a 304, the policy of a newer release too (RFC 9111, 4.3.4).
_OF_A_BODY = {"content-type", "content-language", "last-modified"}


def _has(asked: str | None, *etags: str) -> bool:
    """Whether a reader's If-None-Match names one of these; W/ before it makes no difference (RFC 9110, 13.1.2)."""
    if not asked:
        return False
    return asked in etags or any(one.strip().removeprefix("W/") in (*etags, "*") for one in asked.split(","))


@lru_cache(maxsize=256)
def _takes_gzip(accepted: str) -> bool:
    for one in accepted.lower().split(","):
        coding, _, weight = one.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False


@lru_cache(maxsize=256)
def _is_ours(host: str) -> bool:
    """Whether Django would answer for this Host header; where it would not, it is asked and says so."""
    return validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS)


def _is_secure(environ) -> bool:
    if not settings.SECURE_SSL_REDIRECT:
        return True
    if settings.SECURE_PROXY_SSL_HEADER:
        name, value = settings.SECURE_PROXY_SSL_HEADER
        return environ.get(name) == value
    return environ["wsgi.url_scheme"] == "https"
