"""What the portal counts, for Prometheus. Whoever has the METRICS_TOKEN may read it."""

import datetime as dt
import platform
import time

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.utils import floatToGoString

from portal import front, languages
from portal.operating.requests import ASKED, FROM, LIMITS
from portal.publishing.models import AuditEntry, Edition, Notice, Page, Plan

ACTS = ("published", "restored", "withdrawn")


@require_safe
def metrics(request):
    """Not there unless METRICS_TOKEN is set: behind a proxy on the same machine, everybody comes from 127.0.0.1."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        response = HttpResponse("The metrics want METRICS_TOKEN as a bearer token.\n", status=401)
        response["Content-Type"], response["WWW-Authenticate"] = "text/plain; charset=utf-8", "Bearer"
    else:
        registry = CollectorRegistry()
        registry.register(_Collected(request))
        response = HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)
    response["Cache-Control"] = "no-store"
    return response


class _Collected:
    def __init__(self, request):
        self.server = request.META[ASKED].server if ASKED in request.META else None
        self.away = front.AWAY in request.META

    def collect(self):
        release = (settings.RELEASE, platform.python_version(), connection.vendor)
        yield _gauge("portal_build", "The release that runs.", ("release", "python", "database"), {release: 1})
        if self.server:
            yield from self._of_the_processes()
        if not self.away:
            try:
                yield from [*self._of_the_desk(), *self._of_the_content()]
            except DatabaseError:
                self.away = True
        said = "0 where the database did not answer when these numbers were asked for."
        yield _gauge("portal_database_up", said, (), {(): not self.away})

    def _of_the_processes(self):
        self.server.tell()
        numbers, now = self.server.numbers, time.monotonic()
        pieces = list(numbers.all())
        sums = {name: sum(slots[numbers.place[name]] for _n, _lives, slots in pieces) for name in numbers.counters}
        requests = {name[1:]: count for name, count in sums.items() if name[0] == "requests" and count}
        said = "Answers, by kind of address, where they came from, and class of status."
        yield _counter("portal_requests", said, ("kind", "answered_from", "status"), requests)
        yield _seconds(sums)
        hits = sum(count for (_kind, origin, _status), count in requests.items() if origin == "memory")
        yield _counter("portal_front_hits", "Pages answered from memory.", (), {(): hits})
        yield _counter("portal_front_misses", "Pages that had to be made.", (), {(): sums["misses"]})
        yield _counter("portal_front_put_out", "Pages put out of memory for others.", (), {(): sums["put out"]})
        yield _counter("portal_from_replica", "Answers made from the replica.", (), {(): sums["from replica"]})
        yield _counter("portal_failed_sign_ins", "Sign-ins that were refused.", (), {(): sums["failed sign-ins"]})
        living = {str(number): slots for number, lives, slots in pieces if lives}
        yield _gauge("portal_workers", "Processes that answer.", (), {(): len(living)})
        for name, slot, said in (
            ("portal_front_entries", "entries", "Pages in memory."),
            ("portal_front_bytes", "bytes", "What they take."),
            ("portal_database_away", "away", "1 while the process knows that the database does not answer."),
            ("portal_replica_behind", "behind", "1 while readers are not answered from the replica there is."),
            ("portal_caches_not_emptied", "not emptied", "Caches that have not heard of the newest act yet."),
            ("portal_memory_bytes", "memory", "Resident memory of the process."),
        ):
            values = {(worker,): slots[numbers.place[slot]] for worker, slots in living.items()}
            yield _gauge(name, said, ("worker",), values)
        looked = {worker: slots[numbers.place["looked at"]] for worker, slots in living.items()}
        heard = {(worker,): max(0.0, now - at / 1000) for worker, at in looked.items() if at}
        yield _gauge(
            "portal_database_heard_seconds", "Since the process last heard from the database.", ("worker",), heard
        )

    def _of_the_desk(self):
        now = timezone.now()
        plans, notices = Plan.objects.filter(ended_at=None), Notice.objects.filter(sent_at=None)
        late = plans.filter(at__lte=now - dt.timedelta(minutes=1)).count()
        yield _gauge(
            "portal_plans", "What is to happen at a moment that was set.", ("state",),
            {("waiting",): plans.filter(at__gt=now).count(), ("overdue",): late},
        )  # fmt: skip
        tried = notices.exclude(tried_at=None).count()
        yield _gauge(
            "portal_notices", "Notices to people at the desk that are not sent.", ("state",),
            {("waiting",): notices.filter(tried_at=None).count(), ("tried",): tried},
        )  # fmt: skip

    def _of_the_content(self):
        pages, editions, acts = self._counted()
        offered = [one.code for one in languages.offered()]
        live = {(code,): pages.get(code, 0) for code in offered}
        yield _gauge("portal_pages", "Pages that readers can have.", ("language",), live)
        made = {(code,): editions.get(code, 0) for code in offered}
        yield _counter("portal_editions", "Editions there are.", ("language",), made)
        yield _counter(
            "portal_acts", "What was done to pages.", ("what",), {(what,): acts.get(what, 0) for what in ACTS}
        )

    def _counted(self):
        """Counted again only when something was published or withdrawn."""
        moment = self.server.front.watch.moment if self.server else None
        if moment is None or self.server.counted[0] != moment:
            counted = (
                _by(Page.objects.filter(withdrawn_at=None), "language"),
                _by(Edition.objects, "language"),
                _by(AuditEntry.objects.filter(what__in=ACTS), "what"),
            )
            if moment is None:
                return counted
            self.server.counted = moment, counted
        return self.server.counted[1]


def _seconds(sums) -> HistogramMetricFamily:
    family = HistogramMetricFamily(
        "portal_request_seconds", "Until an answer was there to be sent.", labels=("answered_from",)
    )
    for origin in FROM:
        buckets, so_far = [], 0
        for limit in (*LIMITS, float("inf")):
            so_far += sums["seconds", origin, limit]
            buckets.append((floatToGoString(limit), so_far))
        family.add_metric((origin,), buckets, sums["microseconds", origin] / 1_000_000)
    return family


def _by(rows, name: str) -> dict[str, int]:
    return dict(rows.order_by().values_list(name).annotate(Count("pk")))


def _counter(name, said, labels, values) -> CounterMetricFamily:
    return _filled(CounterMetricFamily(name, said, labels=labels), values)


def _gauge(name, said, labels, values) -> GaugeMetricFamily:
    return _filled(GaugeMetricFamily(name, said, labels=labels), values)


def _filled(family, values):
    for of, value in values.items():
        family.add_metric(of, value)
    return family
