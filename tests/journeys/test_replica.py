"""A real streaming replica answers readers, while it is up to date; and neither of the two can be missed by them."""

import re
import signal
import threading
import time
import urllib.request
from urllib.parse import urlencode

import pytest
from django.db import connection

from portal import databases
from portal.listening import protection
from portal.listening.models import Feedback, Unanswered
from portal.publishing import reading
from portal.publishing.models import Page
from tests import make, servers
from tests.standby import Cluster, Standby

PROMISED = 1.0  # seconds from a publish until everybody sees it
TOKEN = "tests-only-tests-only-tests-only"
PAGE = "/en/symptoms/tremor/"
# One address of each kind that the database is asked for: whatever reads from the primary as well shows here.
EVERY_KIND = [
    PAGE,
    "/en/",
    "/en/symptoms/",
    "/en/browse/",
    "/en/about/",
    "/en/kept/",
    "/en/changes.atom",
    "/en/safety.atom",
]
EVERY_KIND += [f"{PAGE}{rest}" for rest in ("embed/", "editions/", "editions/1/", "feedback/", "feedback/thanks/")]
EVERY_KIND += [
    "/en/search/?q=tremor",
    "/en/search/?q=tremro",
    "/en/search/suggest?q=tre",
    "/sitemap.xml",
    "/sitemap-en-1.xml",
]
EVERY_KIND += [
    "/api/v1/languages",
    "/api/v1/pages/en",
    "/api/v1/pages/en/symptom/tremor",
    "/api/v1/changes",
    "/api/v1/glossary/en",
]
EVERY_KIND += [
    "/api/v1/search/en?q=tremor",
    "/fhir/r4/Composition?category=x",
    "/fhir/r5/metadata",
    "/developers/infobutton/",
]
pytestmark = pytest.mark.on("postgresql")  # the embedded database has no replicas


@pytest.fixture
def site(tmp_path, transactional_db):
    """(a server that keeps nothing in memory, one that keeps pages as always, the primary, the replica)."""
    primary = Cluster.of_the_tests()
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS reader")
        cursor.execute("CREATE ROLE reader LOGIN IN ROLE pg_read_all_data")
    replica = Standby()
    said = {"CLOCK": "0", "METRICS_TOKEN": TOKEN, "REPLICA_URL": replica.url("reader")}
    both = [servers.Server(tmp_path / mb, FRONT_CACHE_MB=mb, workers=int(mb) + 1, **said) for mb in ("0", "1")]
    try:
        yield *[server.wait() for server in both], primary, replica
    finally:
        for server in both:
            server.stop()
        replica.remove()


def say(symptom, number):
    symptom.name_en = f"Tremor {number}"
    symptom.save()
    return make.published(symptom)


def seen(answer):
    return answer.status == 200 and int(re.search(r"<h1[^>]*>\s*Tremor (\d+)", answer.text)[1])


def is_behind(server):
    """What an operator is told, a second or two later."""
    told = server.get("/metrics", Authorization=f"Bearer {TOKEN}").text
    return set(re.findall(r"^portal_replica_behind\{.*\} (\d)", told, re.M))


def is_seen_within_a_second(both, number):
    """Whoever asks a second after a publish, on whichever worker, gets its words."""
    time.sleep(PROMISED)
    return {seen(server.get(PAGE)) for server in both for _ in range(6)} == {number}


def reads_from(server, cluster, times=8, seconds=25):
    """Whether this cluster is asked for what readers read."""
    before, end = cluster.editions_read(), time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.get(PAGE).status == 200
        if cluster.editions_read() > before + times:
            return True
        time.sleep(0.05)
    return False


class Readers:
    """They ask without a pause; what they got is kept."""

    def __init__(self, server, *paths):
        self.statuses, self.over = [], threading.Event()
        self.thread = threading.Thread(target=self.read, args=[server, paths], daemon=True)

    def read(self, server, paths):
        while not self.over.is_set():
            self.statuses += [server.get(path, timeout=20).status for path in paths]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join(30)


def test_readers_are_answered_from_the_replica_while_it_has_everything(site):
    server, hot, primary, replica = site
    both = [server, hot]
    symptom = make.symptom(slug_en="tremor")
    say(symptom, 1)
    assert is_seen_within_a_second(both, 1)
    connection.close()  # what it did itself is counted then
    before = primary.editions_read()
    assert reads_from(server, replica, times=80)
    assert primary.editions_read() - before < 20  # none, but on a machine that was too busy to look

    for number in (2, 3):
        say(symptom, number)
        assert is_seen_within_a_second(both, number)

    replica.ask("SELECT pg_wal_replay_pause()::text")
    say(symptom, 4)
    assert is_seen_within_a_second(both, 4)
    assert reads_from(server, primary)
    time.sleep(3)
    assert is_behind(server) == {"1"}
    replica.ask("SELECT pg_wal_replay_resume()::text")
    assert reads_from(server, replica)
    time.sleep(1.5)
    assert is_behind(server) == {"0"}

    with Readers(server, PAGE, "/en/symptoms/", "/en/search/?q=tremor", "/api/v1/pages/en") as readers:
        time.sleep(1)
        replica.kill()
        time.sleep(3)
        say(symptom, 5)
        assert is_seen_within_a_second(both, 5)
        replica.start()
        time.sleep(2)
        assert reads_from(server, replica)
        replica.signal(signal.SIGSTOP)  # it refuses nobody and answers nobody
        say(symptom, 6)
        time.sleep(5)
        assert is_seen_within_a_second(both, 6)
        replica.signal(signal.SIGCONT)
        assert reads_from(server, replica)
    assert set(readers.statuses) == {200}
    assert is_seen_within_a_second(both, 6)


def test_readers_go_on_while_the_primary_is_away_and_what_they_write_goes_there(site):
    server, hot, primary, replica = site
    both = [server, hot]
    symptom = make.symptom(slug_en="tremor")
    say(symptom, 1)
    assert is_seen_within_a_second(both, 1)
    assert reads_from(server, replica)
    said = {"answer": "yes", "words": "It helped.", "stamp": protection.stamp(time.time() - 60)}
    sent = urllib.request.urlopen(f"{server.address}{PAGE}feedback/", urlencode(said).encode(), timeout=20)
    assert sent.url.endswith("/feedback/thanks/")
    assert Feedback.objects.get().words == "It helped."
    assert server.get("/en/search/?q=zzyzx").status == 200
    until = time.monotonic() + 5
    while not Unanswered.objects.exists() and time.monotonic() < until:
        time.sleep(0.1)  # a thread of the server puts it down
    assert Unanswered.objects.get().words == "zzyzx"

    connection.close()
    try:
        with Readers(server, PAGE, "/en/symptoms/", "/en/search/?q=tremor", "/en/search/?q=zzyzx") as readers:
            time.sleep(1)
            primary.kill()
            time.sleep(3)
            assert {address: server.get(address).status for address in EVERY_KIND} == dict.fromkeys(EVERY_KIND, 200)
            assert seen(server.get(PAGE)) == seen(hot.get(PAGE)) == 1
            desk = server.get("/admin/login/")
            assert desk.status == 503 and desk.headers["retry-after"] == "10"
    finally:
        primary.start()
    assert set(readers.statuses) == {200}
    time.sleep(2)
    assert server.get("/admin/login/").status == 200
    say(symptom, 2)
    assert is_seen_within_a_second(both, 2)
    assert Page.objects.count() == 1


def test_nothing_is_written_in_an_answer_from_the_replica():
    router = databases.Router()
    with databases.reading_from(databases.REPLICA):
        assert router.db_for_read(Page) == databases.REPLICA
        with pytest.raises(databases.ReadersDoNotWrite):
            router.db_for_write(Page)
        with databases.writing():
            assert router.db_for_read(Feedback) == router.db_for_write(Feedback) == databases.PRIMARY
    assert router.db_for_read(Page) == databases.PRIMARY


@pytest.mark.django_db
def test_a_log_that_went_another_way_is_not_one_that_came_after():
    made = make.published(make.symptom())
    before = reading.newest_act()
    make.published(make.condition())
    after = reading.newest_act()
    assert made and reading.came_after(before, after) and reading.came_after(after, after)
    assert not reading.came_after(after, before)  # a replica that is behind
    assert not reading.came_after(before._replace(end_seal="of another life"), after)  # a primary that was restored
