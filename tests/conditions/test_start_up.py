"""What a server process does before readers should be sent to it."""

from types import SimpleNamespace

import pytest
from django.test import Client

from conditions import start_up
from portal.operating import health
from tests import make

pytestmark = pytest.mark.django_db


def test_a_page_of_each_kind_is_made_and_until_then_the_process_is_not_ready(settings, monkeypatch):
    settings.PUBLIC_ADDRESS, settings.ALLOWED_HOSTS = "https://portal.example", ["portal.example"]
    settings.SECURE_SSL_REDIRECT, settings.SECURE_PROXY_SSL_HEADER = True, ("HTTP_X_FORWARDED_PROTO", "https")
    make.published(make.symptom())
    condition = make.condition()
    condition.slug_en = "dystonía"
    condition.save()
    make.published(condition)
    asked, client = [], Client()

    def django(environ, start_response):
        assert Client().get("/health/ready").content == b"not ready: its first pages are being made\n"
        answer = client.get(
            environ["PATH_INFO"].encode("latin-1").decode(), headers={"host": environ["HTTP_HOST"]},
            HTTP_X_FORWARDED_PROTO=environ["HTTP_X_FORWARDED_PROTO"],
        )  # fmt: skip
        asked.append((environ["PATH_INFO"], answer.status_code))
        return SimpleNamespace(close=lambda: None)  # closing the answer itself would end this test's connection

    monkeypatch.setattr(health, "preparing", {start_up.FIRST_PAGES})
    start_up.make_first_pages(django)
    assert asked == [
        ("/en/", 200),
        ("/en/conditions/dystonía/".encode().decode("latin-1"), 200),
        ("/en/symptoms/tremor/", 200),
    ]
    health.preparing.discard(start_up.FIRST_PAGES)
    assert Client().get("/health/ready").content == b"ready\n"
