"""Whether a process lives and is ready: for whoever asks, and nothing that a stranger should not know."""

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from portal.operating import health

pytestmark = pytest.mark.django_db


def test_a_probe_is_answered_whatever_host_it_names_and_without_tls(settings):
    settings.SECURE_SSL_REDIRECT, settings.ALLOWED_HOSTS = True, ["portal.example"]
    for address, said in (("/health/live", b"ok\n"), ("/health/ready", b"ready\n")):
        response = Client().get(address, headers={"host": "10.0.0.7:8000"})
        assert (response.status_code, response.content, response["Cache-Control"]) == (200, said, "no-store")
        assert (
            response["X-Content-Type-Options"] == "nosniff"
            and "default-src 'none'" in response["Content-Security-Policy"]
        )
        assert Client().post(address).status_code == 405
    assert Client().get("/health/other", headers={"host": "portal.example"}).status_code == 301


@pytest.fixture
def _unprepared(monkeypatch):
    monkeypatch.setattr(health, "_prepared", False)


def not_ready():
    response = Client().get("/health/ready")
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")
    return response.content.decode()


@pytest.mark.usefixtures("_unprepared")
def test_a_release_that_is_newer_than_its_database_is_not_ready_one_that_is_older_is():
    recorded = MigrationRecorder.Migration.objects
    recorded.create(app="listening", name="9999_of_a_release_to_come", applied=timezone.now())
    assert Client().get("/health/ready").status_code == 200
    health._prepared = False
    recorded.filter(app="listening").delete()
    assert not_ready() == "not ready: the database is older than this release; run manage.py serve --prepare-only\n"


@pytest.mark.usefixtures("_unprepared")
def test_without_catalogues_or_styles_it_is_not_ready(settings, tmp_path):
    where, settings.BASE_DIR = settings.BASE_DIR, tmp_path
    assert "words are not compiled" in not_ready()
    settings.BASE_DIR = where
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    assert "styles are not collected" in not_ready()
