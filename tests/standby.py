"""A streaming replica of the cluster that tests/postgres.py runs, and the two of them stopped and started."""

import os
import shlex
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from django.db import connection

from tests import postgres


class Cluster:
    """One PostgreSQL, below a folder of its own that holds its socket."""

    def __init__(self, place):
        self.place = Path(place)
        self.data = self.place / "data"
        self.options = ""

    @classmethod
    def of_the_tests(cls):
        cluster = cls(parse_qs(urlsplit(os.environ["DATABASE_URL"]).query)["host"][0])
        words = shlex.split((cluster.data / "postmaster.opts").read_text())
        cluster.options = shlex.join(words[words.index("-D") + 2 :])
        return cluster

    def url(self, account="portal"):
        return f"postgres://{account}@/{connection.settings_dict['NAME']}?host={self.place}"

    def run(self, program, *words):
        as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_owner, postgres.binaries() / program, *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.place)

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-o", self.options, "-l", self.place / "log", "start")

    def kill(self):
        """Without a word to anybody."""
        self.run("pg_ctl", "-D", self.data, "-m", "immediate", "stop")

    def signal(self, number):
        """To all its processes. SIGSTOP: it refuses nobody and answers nobody."""
        head = int((self.data / "postmaster.pid").read_text().split()[0])
        for process in [head, *map(int, Path(f"/proc/{head}/task/{head}/children").read_text().split())]:
            with suppress(ProcessLookupError):
                os.kill(process, number)

    def ask(self, sql):
        with psycopg.connect(dbname=connection.settings_dict["NAME"], host=str(self.place), user="portal") as line:
            return line.execute(sql).fetchone()[0]

    def editions_read(self) -> int:
        """How often its table of editions was looked into. Counted a second or ten after it happened."""
        scans = "sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0))"
        return int(self.ask(f"SELECT {scans} FROM pg_stat_user_tables WHERE relname = 'publishing_edition'"))


class Standby(Cluster):
    """It follows the tests' cluster. Remove it."""

    def __init__(self):
        super().__init__(tempfile.mkdtemp(prefix="portal-standby-"))
        if os.geteuid() == 0:
            shutil.chown(self.place, "postgres")
        primary = Cluster.of_the_tests()
        words = ["-D", self.data, "-h", primary.place, "-U", "portal", "-R", "--checkpoint=fast", "--no-sync"]
        self.run("pg_basebackup", *words)
        self.options = f"-k {self.place} -c listen_addresses='' -c fsync=off -c max_connections=60"
        self.start()

    def remove(self):
        if (self.data / "postmaster.pid").exists():
            self.kill()
        shutil.rmtree(self.place)
