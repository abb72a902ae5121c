"""What the portal counts, of real processes: in Prometheus' format, and nothing of who reads what."""

import datetime as dt
import os
import signal
import socket
import time

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from portal.publishing import notices
from portal.publishing.models import Plan
from tests import make
from tests.servers import Server

TOKEN = "only-for-the-tests-of-metrics"
pytestmark = pytest.mark.django_db(transaction=True)


def read(answer) -> dict[tuple, float]:
    """(name, label, label ...) -> value; the parser refuses what is not Prometheus' format."""
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation and family.type in {"counter", "gauge", "histogram"}
        for sample in family.samples:
            found[sample.name, *sample.labels.values()] = sample.value
    return found


@pytest.fixture(scope="module")
def server(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock():
        started = Server(tmp_path_factory.mktemp("var"), METRICS_TOKEN=TOKEN, RELEASE="r1")
    yield started.wait()
    started.stop()


def metrics(server, *, patiently=False):
    answer = server.get("/metrics", Authorization=f"Bearer {TOKEN}", Host="10.1.2.3:9000")
    if patiently and not answer.status:  # it was given to the process that is gone
        return None
    return read(answer)


def requests(found, kind):
    return {key[1:]: value for key, value in found.items() if key[0] == "portal_requests_total" and key[2] == kind}


def test_every_process_is_counted_and_what_a_killed_one_counted_stays(server):
    make.published(make.condition())
    for _ in range(12):
        assert server.get("/en/conditions/torsion-dystonia/").status == 200
    server.get("/en/search/?q=tremor")
    server.get("/nowhere")
    server.get("/fhir/r4/Composition?_format=xml")
    assert server.get("/metrics").status == 401
    assert server.get("/metrics", Authorization="Bearer something-else").status == 401
    time.sleep(1.2)  # what a process knows of its own memory, it tells the others once a second
    found = metrics(server)
    pages = requests(found, "page")
    assert sum(pages.values()) == 12 and {key[2] for key in pages} == {"2xx"}
    assert found["portal_front_hits_total",] == pages["memory", "page", "2xx"] >= 1
    assert found["portal_front_misses_total",] == 12 - found["portal_front_hits_total",]
    assert requests(found, "search") == {("django", "search", "2xx"): 1}
    assert requests(found, "other") == {("django", "other", "4xx"): 1}
    assert requests(found, "fhir") == {("django", "fhir", "4xx"): 1}
    assert requests(found, "operators")["django", "operators", "4xx"] == 2
    for origin in ("memory", "django"):
        counted = sum(v for key, v in found.items() if key[:2] == ("portal_requests_total", origin))
        assert found["portal_request_seconds_count", origin] == counted
        assert found["portal_request_seconds_bucket", origin, "+Inf"] == counted
    assert found["portal_workers",] == 2
    assert {found["portal_database_away", worker] for worker in "01"} == {0}
    assert max(found["portal_database_heard_seconds", worker] for worker in "01") < 5
    assert min(found["portal_memory_bytes", worker] for worker in "01") > 10_000_000
    assert any(key[0] == "portal_build" and "r1" in key for key in found)
    assert not [key for key in found if "torsion" in str(key) or "tremor" in str(key)]

    os.kill(server.workers()[0], signal.SIGKILL)
    until = time.monotonic() + 60
    while (after := metrics(server, patiently=True)) is None or after["portal_workers",] < 2:
        assert time.monotonic() < until
        time.sleep(0.2)
    assert requests(after, "page") == pages
    assert {key[1] for key in after if key[0] == "portal_memory_bytes"} == {"0", "1"}


def test_what_is_at_the_desk_and_in_the_database_is_counted(settings):
    settings.METRICS_TOKEN = TOKEN
    person = make.clinician()
    condition = make.condition(in_languages=("en", "es"))
    for code in ("en", "es"):
        make.published(condition, code)
    person.email = "clinician@example.org"
    person.save()
    notices.tell([person], "Something waits.", "/admin/")
    past, now = timezone.now() - dt.timedelta(minutes=5), timezone.now()
    for at in (past, now + dt.timedelta(hours=1), now + dt.timedelta(hours=2)):
        Plan.objects.create(what="withdraw", kind="condition", key="x", language="en", at=at, by=person, made_at=past)
    response = Client().get("/metrics", headers={"authorization": f"bearer {TOKEN}", "host": "10.9.8.7"})
    found = {}
    for family in text_string_to_metric_families(response.content.decode()):
        found |= {(one.name, *one.labels.values()): one.value for one in family.samples}
    assert found["portal_pages", "en"] == found["portal_pages", "es"] == found["portal_editions_total", "es"] == 1
    assert found["portal_pages", "fr"] == 0
    assert found["portal_acts_total", "published"] == 2
    assert found["portal_plans", "waiting"] == 2 and found["portal_plans", "overdue"] == 1
    assert found["portal_notices", "waiting"] >= 1 and found["portal_notices", "tried"] == 0
    assert found["portal_database_up",] == 1


def test_without_a_token_there_are_no_metrics_not_even_from_this_machine():
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 404


def test_refused_sign_ins_are_counted(server):
    assert authenticate(None, username="nobody", password="wrong") is None  # of this process, so not of the server's
    before = metrics(server)["portal_failed_sign_ins_total",]
    form = server.get("/admin/login/")
    token = form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    cookie = form.headers["set-cookie"].partition(";")[0]
    words = f"csrfmiddlewaretoken={token}&username=nobody&password=wrong-one"
    sent = server.get(
        "/admin/login/", method="POST", body=words, Cookie=cookie, Content_Type="application/x-www-form-urlencoded"
    )
    assert sent.status == 200
    assert metrics(server)["portal_failed_sign_ins_total",] == before + 1 == 1


def test_systemd_is_told_when_the_server_answers_and_a_database_that_is_away_is_said(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(60)
        # Nobody listens there.
        away = "postgres://portal@127.0.0.1:1/portal"
        server = Server(
            tmp_path, workers=1, database=away, NOTIFY_SOCKET=str(tmp_path / "notify"), CLOCK="0", METRICS_TOKEN=TOKEN
        )
        try:
            assert told.recv(100) == b"READY=1"
            server.wait()
            answer = server.get("/health/ready")
            assert (answer.status, answer.text) == (503, "not ready: the database does not answer\n")
            found = metrics(server)
            assert found["portal_database_up",] == 0 and found["portal_database_away", "0"] == 1
            assert ("portal_pages", "en") not in found
        finally:
            server.stop()
