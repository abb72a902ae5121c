"""Given a planned publish, when its moment comes, then the running server publishes it, and nobody does anything."""

import datetime as dt
import time

import pytest
from django.utils import timezone

from portal.publishing import actions
from portal.publishing.actions import Publishing
from portal.publishing.models import Edition
from tests import make, servers

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_planned_publish_goes_public_within_a_minute_without_a_person(tmp_path):
    clinician = make.clinician()
    words = make.manuscript(make.symptom())
    actions.sign_off(words, by=clinician, capacity="clinical")
    server = servers.Server(tmp_path)

    def status():
        return server.get("/en/symptoms/tremor/").status

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
        server.stop()
    edition = Edition.objects.get()
    assert edition.published_by == clinician and edition.digest == words.digest
    assert edition.published_at >= due
