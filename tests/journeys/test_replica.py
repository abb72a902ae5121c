"""A real streaming replica answers readers, while it is up to date; and neither of the two can be missed by them."""

import re
import threading
import time
import urllib.request
from urllib.parse import urlencode

import pytest
from django.db import connection

from portal.listening import protection
from portal.listening.models import Feedback, Unanswered
from portal.publishing.models import Page
from tests import make, servers
from tests.standby import Cluster, Standby

PROMISED = 1.0  # seconds from a publish until everybody sees it
PAGE = "/en/symptoms/tremor/"
postgresql = connection.vendor == "postgresql"  # the embedded database has no replicas


@pytest.fixture
def site(tmp_path, transactional_db):
    """(a server that keeps nothing in memory, the primary, the replica)."""
    if not postgresql:
        yield None
        return
    primary, replica = Cluster.of_the_tests(), Standby()
    server = servers.Server(tmp_path / "var", FRONT_CACHE_MB="0", CLOCK="0", REPLICA_URL=replica.url)
    try:
        yield server.wait(), primary, replica
    finally:
        server.stop()
        replica.remove()


def say(symptom, number):
    symptom.name_en = f"Tremor {number}"
    symptom.save()
    return make.published(symptom)


def seen(answer):
    return answer.status == 200 and int(re.search(r"<h1[^>]*>\s*Tremor (\d+)", answer.text)[1])


def is_seen_within_a_second(server, number):
    """Whoever asks a second after a publish, on whichever worker, gets its words."""
    time.sleep(PROMISED)
    return {seen(server.get(PAGE)) for _ in range(8)} == {number}


def reads_from(server, cluster, seconds=25):
    """Whether this cluster is asked for what readers read."""
    before, end = cluster.editions_read(), time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.get(PAGE).status == 200
        if cluster.editions_read() > before + 8:
            return True
        time.sleep(0.1)
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
    if not postgresql:
        return
    server, primary, replica = site
    symptom = make.symptom(slug_en="tremor")
    say(symptom, 1)
    assert is_seen_within_a_second(server, 1)
    assert reads_from(server, replica)
    at_the_primary = primary.editions_read()
    assert reads_from(server, replica)
    time.sleep(1.5)
    assert primary.editions_read() == at_the_primary

    for number in (2, 3):
        say(symptom, number)
        assert is_seen_within_a_second(server, number)

    replica.ask("SELECT pg_wal_replay_pause()::text")
    say(symptom, 4)
    assert is_seen_within_a_second(server, 4)
    assert reads_from(server, primary)
    replica.ask("SELECT pg_wal_replay_resume()::text")
    assert reads_from(server, replica)

    with Readers(server, PAGE, "/en/symptoms/", "/en/search/?q=tremor", "/api/v1/pages/en") as readers:
        time.sleep(1)
        replica.kill()
        time.sleep(3)
        say(symptom, 5)
        assert is_seen_within_a_second(server, 5)
        replica.start()
        time.sleep(2)
    assert set(readers.statuses) == {200}
    assert reads_from(server, replica)
    assert is_seen_within_a_second(server, 5)


def test_readers_go_on_while_the_primary_is_away_and_what_they_write_goes_there(site):
    if not postgresql:
        return
    server, primary, replica = site
    symptom = make.symptom(slug_en="tremor")
    say(symptom, 1)
    assert is_seen_within_a_second(server, 1)
    assert reads_from(server, replica)
    said = {"answer": "yes", "words": "It helped.", "stamp": protection.stamp(time.time() - 60)}
    sent = urllib.request.urlopen(f"{server.address}{PAGE}feedback/", urlencode(said).encode(), timeout=20)
    assert sent.url.endswith("/feedback/thanks/")
    assert Feedback.objects.get().words == "It helped."
    assert server.get("/en/search/?q=zzyzx").status == 200
    assert Unanswered.objects.get().words == "zzyzx"

    connection.close()
    try:
        with Readers(server, PAGE, "/en/symptoms/", "/en/search/?q=tremor", "/en/search/?q=zzyzx") as readers:
            time.sleep(1)
            primary.kill()
            time.sleep(3)
            assert seen(server.get(PAGE)) == 1
            desk = server.get("/admin/login/")
            assert desk.status == 503 and desk.headers["retry-after"] == "10"
    finally:
        primary.start()
    assert set(readers.statuses) == {200}
    time.sleep(2)
    assert server.get("/admin/login/").status == 200
    say(symptom, 2)
    assert is_seen_within_a_second(server, 2)
    assert Page.objects.count() == 1
