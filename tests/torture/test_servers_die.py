"""Whole workers of a real server are killed, and the database goes away: pages that were read stay, the rest says so."""

import os
import random
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection

from conditions import presentation
from portal.publishing.models import Page
from tests import make
from tests.postgres import binaries
from tests.servers import Server, database_url
from tests.torture import agreement, striking, table

pytestmark = pytest.mark.django_db(transaction=True)
LONG = striking.ROUNDS >= 300
AWAY = 30 if LONG else 5  # seconds


def test_workers_that_are_killed_are_replaced(tmp_path):
    line = table.line("kill -9: workers of a server")
    made = make.symptom("tremor")
    make.published(made)
    address = presentation.page_url(Page.objects.get())
    dice = random.Random(striking.SEED)
    server = Server(tmp_path, workers=2)
    try:
        server.wait()
        for number in range(12 if LONG else 4):  # the same one twice within seconds as well
            workers = server.workers()
            os.kill(dice.choice(workers), signal.SIGKILL)
            made.summary_en = f"Published beside the {number}. dead worker."
            made.save()
            make.published(made)
            line.counts["rounds"] += 1
            line.counts["acknowledged"] += 1
            time.sleep(dice.uniform(0.2, 2))
        assert server.process.poll() is None
        until = time.monotonic() + 60
        while len(server.workers()) < 2 or made.summary_en not in server.get(address).text:
            assert time.monotonic() < until, "the server did not recover"
            time.sleep(0.2)
    finally:
        server.stop()
    for fault in agreement.faults():
        line.wrong("verify", fault)
    assert line.notes == []


class Line:
    """Between a server and PostgreSQL: passes everything on, or refuses, or swallows it (a network that is cut)."""

    def __init__(self, to: str):
        self.to, self.mood, self.lines = to, "open", []
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = self.door.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with suppress(OSError):
            while True:
                near = self.door.accept()[0]
                if self.mood == "refused":
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.to)
                self.lines += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one, other):
        with suppress(OSError):
            while some := one.recv(65536):
                while self.mood == "swallowed":
                    time.sleep(0.05)
                other.sendall(some)
        for line in (one, other):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def refuse(self):
        self.mood = "refused"
        for line in self.lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self.lines = []

    def close(self):
        self.mood = "open"
        self.door.close()
        self.refuse()


@pytest.fixture
def line_to_the_database():
    """(a line, the address of a server's database behind it)"""
    url = urlsplit(database_url())
    folder = parse_qs(url.query)["host"][0]
    line = Line(f"{folder}/.s.PGSQL.5432")
    yield line, f"postgres://portal@127.0.0.1:{line.port}{url.path}"
    line.close()


def _while_it_is_away(server, hot, cold, line):
    """Bounded answers: what was read before, and "try again shortly" in the reader's language, for readers and desk."""
    until = time.monotonic() + AWAY
    time.sleep(2)  # by then it is known
    while time.monotonic() < until:
        for path, status in ((hot, 200), (cold, 503), ("/admin/", 503), ("/health/live", 200)):
            began = time.monotonic()
            answer = server.get(path, timeout=20)
            line.counts["rounds"] += 1
            if answer.status != status or time.monotonic() - began > 6:
                line.wrong("lost", f"{path}: {answer.status} after {time.monotonic() - began:.1f} s")
            if status == 503 and answer.headers.get("retry-after") != "10":
                line.wrong("lost", f"{path}: nobody is told when to try again")
            if path == cold and 'lang="es"' not in answer.text:
                line.wrong("lost", f"{path}: not in the reader's language")


def _recovers(server, cold, line):
    until = time.monotonic() + 20
    while server.get(cold).status != 200:
        if time.monotonic() > until:
            line.wrong("lost", "it did not recover by itself")
            return
        time.sleep(0.2)


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite: no server that could go away")
@pytest.mark.parametrize("mood", ["refused", "swallowed"])
def test_the_database_goes_away(line_to_the_database, tmp_path, mood):
    line = table.line(f"the database is away {AWAY} s: {mood}")
    made = make.symptom("tremor", in_languages=("en", "es"))
    make.published(made)
    make.published(made, "es")
    between, database = line_to_the_database
    hot = presentation.page_url(Page.objects.get(language="en"))
    server = Server(tmp_path, workers=2, threads=4, database=database)
    try:
        server.wait()
        for _often in range(12):  # every worker has read it
            assert server.get(hot).status == 200
        before = set(server.workers())
        cold = "/es/search/?q=temblor"
        if mood == "refused":
            between.refuse()
        else:
            between.mood = mood
        _while_it_is_away(server, hot, cold, line)
        between.mood = "open"
        _recovers(server, cold, line)
        if set(server.workers()) != before:
            line.wrong("lost", "a worker died of it")
    finally:
        between.mood = "open"
        server.stop()
    assert line.notes == []


def test_postgresql_itself_is_killed(tmp_path):
    """A cluster of the test's own. It is started without fsync: a process may die, the machine may not."""
    folder = binaries()
    if connection.vendor == "sqlite" or folder is None:
        return
    line = table.line("kill -9: PostgreSQL itself")
    as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    place = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True).stdout.strip())
    subprocess.run(["chown", "-R", "postgres", place] if as_other else ["true"], check=True)
    run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": place}
    subprocess.run([*as_other, folder / "initdb", "-D", place / "data", "-U", "portal", "-A", "trust"], **run)
    start = [*as_other, folder / "pg_ctl", "-D", place / "data", "-w", "-l", place / "log"]
    start += ["-o", f"-k {place} -c listen_addresses='' -c fsync=off", "start"]
    try:
        subprocess.run(start, **run)
        psql = [*as_other, folder / "psql", "-h", place, "-U", "portal", "-d", "postgres", "-Atqc"]
        subprocess.run([*psql, "CREATE TABLE told (n int PRIMARY KEY)"], **run)
        acknowledged = 0
        for _round in range(5 if LONG else 1):
            pid = int((place / "data" / "postmaster.pid").read_text().split()[0])
            writer = threading.Timer(0.4, os.kill, (pid, signal.SIGKILL))
            writer.start()
            while True:
                if subprocess.run([*psql, f"INSERT INTO told VALUES ({acknowledged})"], capture_output=True).returncode:
                    break
                acknowledged += 1
            writer.join()
            time.sleep(1)  # its children end when they see it gone
            subprocess.run(start, **run)
            told = int(subprocess.run([*psql, "SELECT count(*) FROM told"], capture_output=True, text=True).stdout)
            line.counts["rounds"] += 1
            if not acknowledged <= told <= acknowledged + 1:
                line.wrong("lost", f"{acknowledged} acknowledged, {told} there")
            acknowledged = told
        line.counts["acknowledged"] += acknowledged
    finally:
        subprocess.run(
            [*start[:-1][: len(as_other) + 3], "-m", "immediate", "stop"], stdout=subprocess.DEVNULL, cwd=place
        )
        subprocess.run(["rm", "-r", place], check=False)
    assert line.notes == []
