"""Around the front: each request is counted by kind, and one that fails gets a number to call it by."""

import logging
import secrets
import threading
import time
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from django.contrib.auth.signals import user_login_failed

from portal import languages, logs
from portal.front import Front
from portal.operating.numbers import Numbers

logger = logging.getLogger(__name__)

ASKED = "portal.operating.asked"  # in Django's environ: an Asked
_MADE = "portal.operating.made"  # in the environ: a list of those; empty where the front answered from memory

# Kinds of address. None says which page, or which illness.
_BY_FIRST_PART = {
    "": "start",
    "admin": "desk",
    "preview": "preview",
    "api": "api",
    "fhir": "fhir",
    "infobutton": "infobutton",
    "static": "file",
    "media": "file",
    "kept-worker.js": "file",
    "favicon.ico": "file",
    "health": "operators",
    "metrics": "operators",
}
_OF_A_LANGUAGE = ("page", "search", "leaflet", "feedback", "feed")
KINDS = (*dict.fromkeys((*_OF_A_LANGUAGE, *_BY_FIRST_PART.values())), "other")
STATUSES = ("1xx", "2xx", "3xx", "4xx", "5xx")
FROM = ("memory", "django")
# Seconds. What stands in memory takes a tenth of a millisecond, a leaflet seconds.
LIMITS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

COUNTERS = (
    *(("requests", kind, origin, status) for kind in KINDS for origin in FROM for status in STATUSES),
    *(("seconds", origin, limit) for origin in FROM for limit in (*LIMITS, float("inf"))),
    *(("microseconds", origin) for origin in FROM),
    "misses",
    "put out",
    "from replica",
    "failed sign-ins",
)
GAUGES = ("entries", "bytes", "looked at", "away", "memory", "behind", "not emptied")  # milliseconds, 0 or 1, bytes


class Asked:
    """One request that Django answers."""

    __slots__ = ("_id", "kind", "server", "status")

    def __init__(self, server, path: str):
        self.server, self.kind, self.status, self._id = server, kind_of(path), 500, None

    @property
    def id(self) -> str:
        """Made of nothing that the request says, and never taken from it."""
        if self._id is None:
            self._id = secrets.token_hex(8)
        return self._id


def kind_of(path: str) -> str:
    first, _, rest = path[1:].partition("/")
    if first not in languages.LANGUAGES:
        return _BY_FIRST_PART.get(first, "other")
    if rest.startswith("search/"):
        return "search"
    if rest.endswith(".pdf"):
        return "leaflet"
    if rest.endswith(".atom"):
        return "feed"
    return "feedback" if "/feedback/" in rest else "page"


class Counting:
    """Around everything, and once more inside the front: what comes there was not answered from memory."""

    def __init__(self, application):
        self.inside = application
        self.numbers = Numbers(COUNTERS, GAUGES)
        self.place = self.numbers.place
        self.counted: tuple = (None, None)  # what the metrics counted in the database, and at which moment
        self._told = {"misses": 0, "put out": 0, "from replica": 0}
        self._telling = threading.Lock()
        # Found once: a page from memory takes less than a tenth of a millisecond, and counting it a hundredth of that.
        self._hit, self._unchanged = (self.place["requests", "page", "memory", status] for status in ("2xx", "3xx"))
        self._seconds = {origin: self.place["seconds", origin, LIMITS[0]] for origin in FROM}
        self._microseconds = {origin: self.place["microseconds", origin] for origin in FROM}

    def around(self, application, front: Front):
        """The application that the server calls. From now on this process counts."""
        self.outside, self.front = application, front
        self.numbers.share()
        user_login_failed.connect(self._sign_in_failed, dispatch_uid="metrics")
        threading.Thread(target=self._run, name="numbers", daemon=True).start()
        return self

    def __call__(self, environ, start_response):
        began = perf_counter()
        made = environ[_MADE] = []
        try:
            response = self.outside(environ, start_response)
        except Exception:
            # Also an answer that broke when it was begun already: nothing of it was sent (portal.patience).
            made = made or [Asked(self, environ["PATH_INFO"])]
            made[-1].status, number = 500, made[-1].id
            with logs.about(number, made[-1].kind):
                logger.exception("A request failed outside Django.")
            said = [("Content-Type", "text/plain"), ("Cache-Control", "no-store"), ("X-Request-ID", number)]
            start_response("500 Internal Server Error", said)
            response = [b"Something went wrong on our side. Please try again in a few minutes.\n"]
        slots = self.numbers.slots
        if made:
            asked, origin = made[-1], "django"
            slots[self.place["requests", asked.kind, origin, f"{asked.status // 100}xx"]] += 1
        else:
            origin = "memory"
            slots[self._hit if response else self._unchanged] += 1
        took = perf_counter() - began
        slots[self._seconds[origin] + bisect_left(LIMITS, took)] += 1
        slots[self._microseconds[origin]] += int(took * 1_000_000)
        return response

    def made(self, environ, start_response):
        """Django's answer, which the front asks for."""
        asked = environ[ASKED] = Asked(self, environ["PATH_INFO"])
        environ[_MADE].append(asked)

        def answer(status, headers, exc_info=None):
            asked.status = int(status[:3])
            if asked.status >= 400:
                headers = [*headers, ("X-Request-ID", asked.id)]
            return start_response(status, headers)

        with logs.about(asked.id, asked.kind):
            return self.inside(environ, answer)

    def _sign_in_failed(self, **kwargs):
        self.numbers.slots[self.place["failed sign-ins"]] += 1

    def _run(self):
        while True:
            self.tell()
            time.sleep(1)

    def tell(self):
        """Put down what this process knows, for whichever process is asked for the metrics."""
        front, slots = self.front, self.numbers.slots
        with self._telling:
            counts = {"misses": front.misses, "put out": front.put_out, "from replica": front.from_replica}
            for name, now in counts.items():
                slots[self.place[name]] += now - self._told[name]
                self._told[name] = now
            slots[self.place["entries"]] = len(front.entries)
            slots[self.place["bytes"]] = front.bytes
            slots[self.place["looked at"]] = max(0, int(front.watch.looked_at * 1000)) if front.watch.moment else 0
            slots[self.place["away"]] = front.watch.away()
            slots[self.place["behind"]] = front.replica is not None and front.replica.behind
            slots[self.place["not emptied"]] = sum(not one.done for one in getattr(self.outside, "purgers", ()))
            with suppress(OSError, IndexError, ValueError):
                pages = int(Path("/proc/self/statm").read_text().split()[1])
                slots[self.place["memory"]] = pages * 4096
