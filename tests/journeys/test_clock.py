"""Given a planned publish, when its moment comes, then the running server publishes it, and nobody does anything."""

import datetime as dt
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from portal.publishing import actions
from portal.publishing.actions import Publishing
from portal.publishing.models import Edition
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]


def database_url():
    """The tests' own database, for a server of its own process."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def test_a_planned_publish_goes_public_within_a_minute_without_a_person(tmp_path, settings):
    clinician = make.clinician()
    words = make.manuscript(make.symptom())
    actions.sign_off(words, by=clinician, capacity="clinical")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [Path(sys.executable).with_name("granian"), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
         "--workers", "2", "--blocking-threads", "2", "--no-ws", "portal.wsgi:application"],
        cwd=ROOT,
        env={**os.environ, "SECRET_KEY": settings.SECRET_KEY, "DATABASE_URL": database_url(), "VAR_DIR": str(tmp_path), "PUBLIC_ADDRESS": address, "DEBUG": "1"},
    )  # fmt: skip

    def status():
        try:
            return urllib.request.urlopen(f"{address}/en/symptoms/tremor/", timeout=5).status
        except urllib.error.HTTPError as answer:
            return answer.code
        except OSError:
            return 0

    def waited_for(wanted, seconds):
        until = time.monotonic() + seconds
        while status() != wanted:
            if time.monotonic() > until:
                return False
            time.sleep(0.5)
        return True

    try:
        assert waited_for(404, 30)
        due = timezone.now() + dt.timedelta(seconds=2)
        actions.plan_publishing([Publishing(words)], by=clinician, at=due)
        assert waited_for(200, 60)
    finally:
        server.terminate()
        server.wait(20)
    edition = Edition.objects.get()
    assert edition.published_by == clinician and edition.digest == words.digest
    assert edition.published_at >= due
