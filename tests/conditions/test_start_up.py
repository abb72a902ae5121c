"""What a server process does before readers should be sent to it."""

from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from django.test import Client

from conditions import start_up
from portal.operating import health
from tests import make

pytestmark = pytest.mark.django_db


def test_pages_of_each_kind_and_language_are_made_and_until_then_the_process_is_not_ready(settings, monkeypatch):
    settings.PUBLIC_ADDRESS, settings.ALLOWED_HOSTS = "https://portal.example", ["portal.example"]
    settings.SECURE_SSL_REDIRECT, settings.SECURE_PROXY_SSL_HEADER = True, ("HTTP_X_FORWARDED_PROTO", "https")
    make.published(make.symptom())
    condition = make.condition(in_languages=("en", "ar"))
    condition.slug_en = "dystonía"
    condition.save()
    for code in ("en", "ar"):
        make.published(condition, code)
    asked, client = [], Client()

    def django(environ, start_response):
        assert Client().get("/health/ready").content == b"not ready: its first pages are being made\n"
        path = environ["PATH_INFO"].encode("latin-1").decode()
        answer = client.get(
            path, QUERY_STRING=environ["QUERY_STRING"], HTTP_HOST=environ["HTTP_HOST"],
            HTTP_X_FORWARDED_PROTO=environ["HTTP_X_FORWARDED_PROTO"],
        )  # fmt: skip
        asked.append((path, unquote(environ["QUERY_STRING"]), answer.status_code))
        return SimpleNamespace(close=lambda: None)  # closing the answer itself would end this test's connection

    monkeypatch.setattr(health, "preparing", {start_up.FIRST_PAGES})
    start_up.make_first_pages(django)
    assert {status for _path, _query, status in asked} == {200}
    paths = [path for path, _query, _status in asked]
    assert {f"/{code}/" for code in ("en", "es", "fr", "ar", "zh-hans", "ru")} <= set(paths)
    assert {"/en/conditions/dystonía/", "/en/symptoms/tremor/"} <= set(paths)
    assert sum(path.startswith("/ar/conditions/") for path in paths) == 1
    assert ("/en/search/", "q=Tremor", 200) in asked and ("/ar/search/" in paths)
    health.preparing.discard(start_up.FIRST_PAGES)
    assert Client().get("/health/ready").content == b"ready\n"
