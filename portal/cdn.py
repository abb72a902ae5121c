"""A cache between readers and us (a CDN, Varnish): what it may keep, and telling it to forget.

Why it is never wrong for more than a second: docs/decisions.md, 71. In short: each process that has moved on to another
moment empties the cache, and until that is done it lets the cache keep nothing.
"""

import base64
import http.client
import logging
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from portal import logs
from portal.front import SAME

logger = logging.getLogger(__name__)

# Seconds after a process has moved on: at once; when what it said before has arrived, or is not kept any more
# (deploy/varnish.vcl keeps nothing that took longer than 0.4 s); and for caches that know no such rule.
AFTER = (0.0, 0.5, 5.0)
SECONDS = 60  # so long a cache may answer with what it has when no purge reaches it
WORDS = "words"  # the key on everything that an act may change
LONGEST_PAUSE = 30.0  # seconds between two tries
TIMEOUT = 5.0  # seconds


@dataclass
class Purger:
    """One cache that is emptied whenever this process has moved on. It is tried again until it has succeeded."""

    address: str  # https://user:secret@cdn.example/path
    method: str = "PURGE"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    done: bool = False  # whether it knows of the newest move; until then it may keep nothing of ours
    count: int = 0  # purges that succeeded
    failing: int = 0  # tries that did not since the last that did

    def __post_init__(self):
        self._parts = urlsplit(self.address)
        self._moves, self._told = 0, threading.Condition()

    def start(self):
        threading.Thread(target=self._run, name="purge", daemon=True).start()

    def moved(self):
        """This process has moved on. Does not wait."""
        with self._told:
            self._moves, self.done = self._moves + 1, False
            self._told.notify()

    def _run(self):
        known, due = 0, []
        while True:
            with self._told:
                rest = max(0.0, due[0] - time.monotonic()) if due else None
                self._told.wait_for(lambda known=known: self._moves != known, rest)
                if self._moves != known:
                    known, now = self._moves, time.monotonic()
                    due = [now + after for after in AFTER]
            if not due or due[0] > time.monotonic():
                continue
            succeeded = self._purge()
            with self._told:
                self.done = succeeded and self._moves == known
            if succeeded:
                due.pop(0)
            else:
                due[0] = time.monotonic() + min(LONGEST_PAUSE, 0.125 * 2**self.failing)

    def _purge(self) -> bool:
        name = logs.Fact(self._parts.hostname)  # never the whole address: it holds a secret
        try:
            status = self._ask()
        except (OSError, http.client.HTTPException) as error:
            status = logs.Fact(type(error).__name__)
        if isinstance(status, int) and 200 <= status < 300:
            if self.failing:
                logger.error("The cache at %s was emptied, and may keep pages again.", name)
            self.count, self.failing = self.count + 1, 0
            return True
        if not self.failing:
            logger.error(
                "The cache at %s could not be emptied (%s). It is tried again, and told to keep nothing. What it has "
                "may be shown for up to %s seconds.", name, status, SECONDS,
            )  # fmt: skip
        self.failing = min(self.failing + 1, 20)
        return False

    def _ask(self) -> int:
        parts = self._parts
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        line = kind(parts.hostname, parts.port, timeout=TIMEOUT)
        said = {"Surrogate-Key": WORDS, "Connection": "close", **self.headers}
        if parts.username:
            account = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            said["Authorization"] = f"Basic {base64.b64encode(account.encode()).decode()}"
        try:
            address = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            line.request(self.method, address, body=self.body.encode() or None, headers=said)
            return line.getresponse().status
        finally:
            line.close()


class Behind:
    """The WSGI application behind caches: pages that are the same for everybody carry their permission and keys."""

    def __init__(self, front, purgers: list[Purger]):
        self.front = front
        self.purgers = purgers

    def start(self):
        for purger in self.purgers:
            for watch in filter(None, (self.front.watch, self.front.replica)):
                watch.on_change.append(purger.moved)
            purger.start()

    def __call__(self, environ, start_response):
        def start(status, headers, exc_info=None):
            if SAME in environ:
                headers = [*headers, *self._permission(environ["PATH_INFO"])]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        return self.front(environ, start)

    def _permission(self, path):
        """RFC 9213, and the names some CDNs had before it. Browsers are told by Cache-Control to ask each time."""
        if not all(purger.done for purger in self.purgers) or self.front.watch.away():
            return [("CDN-Cache-Control", "no-store"), ("Surrogate-Control", "no-store")]
        keys, said = keys_of(path), f"max-age={SECONDS}"
        return [
            ("CDN-Cache-Control", said),
            ("Surrogate-Control", said),
            ("Surrogate-Key", " ".join(keys)),
            ("Cache-Tag", ",".join(keys)),
        ]


def keys_of(path: str) -> list[str]:
    """For /ar/conditions/x/ and all below it: words, language/ar, conditions/x. The last two are for operators."""
    language, *rest = quote(path.encode("latin-1"), safe="/").strip("/").split("/")
    return [WORDS, f"language/{language}", *(["/".join(rest[:2])] if rest else [])]
