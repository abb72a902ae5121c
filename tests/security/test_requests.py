"""Requests that try to lead readers away, to speak in another host's name, or to spoil what the next reader gets."""

import gzip
import re
from functools import cache
from urllib.parse import urljoin, urlsplit

import pytest
from django.core import mail
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client, RequestFactory

from portal.front import Front
from portal.middleware import without_charset
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make
from tests.desk import signed_in
from tests.security.every_address import a_busy_portal, every_address

pytestmark = pytest.mark.django_db
EVIL = "evil.example"
AWAY = [
    f"//{EVIL}", f"/\\{EVIL}", f"\\\\{EVIL}", f"///{EVIL}", f"////{EVIL}", f"/%2f{EVIL}", f"/%2f%2f{EVIL}", f"%2f%2f{EVIL}", f"/%5c{EVIL}",
    f"%5c%5c{EVIL}", f"https://{EVIL}", f"https:{EVIL}", f"https:/{EVIL}", f"https:///{EVIL}", f"/\t/{EVIL}", f"/%09/{EVIL}",
    f"/%0d/{EVIL}", f"/%0a/{EVIL}", f"\x00//{EVIL}", f" //{EVIL}", f"javascript:alert(1)//{EVIL}", f"data:text/html,{EVIL}",
    f"@{EVIL}", f"/@{EVIL}", f":80@{EVIL}", f".{EVIL}", f"/.{EVIL}", f"/..//{EVIL}", f"/;@{EVIL}", f"/%E3%80%82{EVIL}", f"//{EVIL}%23",
    f"/%2e%2e//{EVIL}", f"%0d%0aLocation:%20https://{EVIL}", f"%E5%98%8D%E5%98%8ALocation:%20https://{EVIL}",
]  # fmt: skip


def leads_away(address, answer) -> bool:
    said = answer.headers.get("Location", "")
    # Browsers read "\" as "/" and leave out tabs and line ends.
    seen = urljoin(f"http://testserver{address}", re.sub(r"[\t\r\n]", "", said.strip()).replace("\\", "/"))
    return bool(said) and (urlsplit(seen).netloc != "testserver" or not seen.startswith("http"))


def test_no_address_leads_to_another_host():
    root, named = a_busy_portal()
    reader, desk = Client(raise_request_exception=False), signed_in(root)
    before = ["", "/en", "/EN", "/pt-BR", "/zh-cn", "/en/symptoms", "/en/symptoms/old-tremor", "/p/en", "/fhir/r4", "/api/v1", "/admin", "/admin/r/1",
              "/static", "/media", "/preview/x", "/infobutton", "/en/conditions/torsion-dystonia/with", "/en/symptoms/tremor/editions/on"]  # fmt: skip
    wrong = []
    for start in before:
        for away in AWAY:
            for address in {f"{start}{away}", f"{start}/{away}"}:
                if address.startswith("/"):
                    client = desk if address.startswith("/admin") else reader
                    # As a server hands it over: Django's test client would read the host of "//host" as one.
                    path = address.encode().decode("latin-1")
                    answer = client.generic("GET", "/", PATH_INFO=path)
                    if leads_away(address, answer) or answer.status_code >= 500:
                        wrong.append((address, answer.status_code, answer.headers.get("Location")))
    names = (
        "next",
        "url",
        "return",
        "returnTo",
        "redirect",
        "continue",
        "to",
        "goto",
        "r",
        "_to_field",
        "_changelist_filters",
        "_popup",
        "language",
    )
    for address in [one for one in every_address(named) if "logout" not in one]:
        client = desk if address.startswith("/admin/") else reader
        join = "&" if "?" in address else "?"
        answer = client.get(
            address + join + "&".join(f"{name}={away}" for name, away in zip(names, AWAY, strict=False))
        )
        if leads_away(address, answer) or answer.status_code >= 500:
            wrong.append((address, answer.status_code, answer.headers.get("Location")))
        if client is reader and (answer := reader.get(address, headers={"referer": f"https://{EVIL}/"})).has_header(
            "Location"
        ):
            assert not leads_away(address, answer), address
    assert wrong == []


@pytest.mark.parametrize("away", AWAY)
def test_signing_in_and_out_leads_nowhere_else(away):
    make.person("root", is_superuser=True)
    client = Client()
    form = {"username": "root", "password": "a-long-password", "next": away}
    assert not leads_away("/admin/login/", client.post("/admin/login/", form))
    assert not leads_away("/admin/logout/", client.post("/admin/logout/", {"next": away}))


FORGED = [
    {"HTTP_X_FORWARDED_HOST": EVIL}, {"HTTP_X_FORWARDED_SERVER": EVIL}, {"HTTP_X_HOST": EVIL}, {"HTTP_FORWARDED": f"host={EVIL};proto=https"},
    {"HTTP_X_FORWARDED_PROTO": "https"}, {"HTTP_X_FORWARDED_SCHEME": "http"}, {"HTTP_X_FORWARDED_PORT": "1"}, {"HTTP_X_FORWARDED_PREFIX": f"//{EVIL}"},
    {"HTTP_X_ORIGINAL_URL": "/ar/"}, {"HTTP_X_REWRITE_URL": "/ar/"}, {"HTTP_X_HTTP_METHOD_OVERRIDE": "POST"}, {"HTTP_X_FORWARDED_FOR": f"{EVIL}, <script>"},
    {"HTTP_ACCEPT_LANGUAGE": "ar"}, {"HTTP_ACCEPT_LANGUAGE": "es;q=" + "9" * 5000}, {"HTTP_COOKIE": "sessionid=x; csrftoken=y; django_language=ar"},
    {"HTTP_RANGE": "bytes=0-3"}, {"HTTP_RANGE": "bytes=0-3", "HTTP_IF_RANGE": "*"}, {"HTTP_IF_NONE_MATCH": "*"}, {"HTTP_IF_NONE_MATCH": '"x"'},
    {"HTTP_IF_MATCH": '"x"'}, {"HTTP_IF_MODIFIED_SINCE": "Fri, 01 Jan 2100 00:00:00 GMT"}, {"HTTP_IF_UNMODIFIED_SINCE": "Fri, 01 Jan 1971 00:00:00 GMT"},
    {"HTTP_ACCEPT_ENCODING": "gzip;q=0"}, {"HTTP_ACCEPT_ENCODING": "br"}, {"HTTP_ACCEPT_ENCODING": "gzip;q=0, *"}, {"HTTP_ACCEPT_ENCODING": "identity;q=0"},
    {"HTTP_ACCEPT_ENCODING": "gzip, " * 500}, {"HTTP_ACCEPT_ENCODING": "GZIP"}, {"HTTP_ACCEPT_ENCODING": "gzip;q=0.0"}, {"HTTP_ACCEPT_ENCODING": "x\x00"},
    {"HTTP_ACCEPT": "application/json"}, {"HTTP_ORIGIN": f"https://{EVIL}"}, {"HTTP_REFERER": f"https://{EVIL}/"}, {"HTTP_USER_AGENT": "<script>"},
    {"HTTP_AUTHORIZATION": "Basic eDp5"}, {"HTTP_UPGRADE": "h2c"}, {"HTTP_EXPECT": "100-continue"}, {"HTTP_TRANSFER_ENCODING": "chunked"},
    {"HTTP_SAVE_DATA": "on"}, {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"}, {"HTTP_SEC_FETCH_DEST": "iframe"}, {"HTTP_ACCEPT_CHARSET": "utf-7"},
    {"HTTP_HOST": EVIL}, {"HTTP_HOST": "localhost:1"}, {"HTTP_HOST": f"testserver:1@{EVIL}"}, {"HTTP_HOST": ""}, {"HTTP_HOST": f"testserver, {EVIL}"},
    {"HTTP_HOST": "TESTSERVER."}, {"SERVER_NAME": EVIL}, {"CONTENT_TYPE": "text/html; charset=utf-7"},
    {"REQUEST_METHOD": "HEAD"}, {"REQUEST_METHOD": "POST"}, {"REQUEST_METHOD": "OPTIONS"}, {"REQUEST_METHOD": "get"}, {"QUERY_STRING": f"utm=1&q={EVIL}"},
    {"QUERY_STRING": "language=ar"}, {"QUERY_STRING": "_method=DELETE"}, {"QUERY_STRING": "%00"}, {"QUERY_STRING": "?"},
]  # fmt: skip
# A page, a list in another language, a page in a frame, a withdrawn one, none.
CLEAN = ["/en/symptoms/tremor/", "/ar/symptoms/", "/en/symptoms/tremor/embed/", "/en/symptoms/gone/", "/en/nothing/"]  # fmt: skip
BENT = [
    "//en/symptoms/tremor/", "/en//symptoms/tremor/", "/en/./symptoms/tremor/", "/en/x/../symptoms/tremor/", "/en/symptoms/tremor/;x",
    "/en/symptoms;x/tremor/", "/en/symptoms/tremor/\x00", "/en/symptoms/tremor/\x00.css", "/EN/symptoms/tremor/", "/en/SYMPTOMS/tremor/", "/en/symptoms/TREMOR/",
    "/en/symptoms/tremor/x.css", "/en/symptoms/tremor.css", "/en/symptoms/tremor/index.html", "/en/symptoms\\tremor/", "/en/symptoms/tremor /", "/en/symptoms/tremor/%2e%2e/",
    "/en/symptoms/\xc0\xafetc/", "/en/symptoms/\xff\xfe/", "/en/symptoms/\xed\xa0\x80/", "/en/symptoms/tremor", "/en/symptoms/tremor//", "/ar/../en/symptoms/tremor/",
    "/en/symptoms/tremor/\r\nX-Evil: 1", "/en/symptoms/tremor/?", "/en/symptoms/tremor/#x", "/admin/../en/symptoms/tremor/", "en/symptoms/tremor/", "", "*",
    "http://evil.example/en/symptoms/tremor/",
]  # fmt: skip


def asked(front, path, **forged):
    environ = (
        RequestFactory().generic("GET", "/").environ
        | {"PATH_INFO": path, "HTTP_HOST": "testserver", "QUERY_STRING": ""}
        | forged
    )
    said = []
    response = front(environ, lambda status, headers, *_: said.append((status, sorted(headers))))
    try:
        body = b"".join(response)
    finally:
        if hasattr(response, "close"):
            response.close()
    status, headers = said[-1]
    if dict(headers).get("Content-Encoding") == "gzip" and body:
        # Django's own compression adds a random length, so that lengths tell nothing.
        body, headers = gzip.decompress(body), [one for one in headers if one[0] != "Content-Length"]
    return status, [one for one in headers if one[0] not in {"Date", "Expires"}], body


@cache
def application():
    return without_charset(get_wsgi_application())


def front():
    made = Front(application(), most=32 * 1024 * 1024)
    made.watch.look()
    return made


@pytest.fixture
def pages(monkeypatch):
    monkeypatch.setattr("portal.front.FRESH", float("inf"))  # no thread looks at the database here
    # As Django's own test client does: the connection of the test stays open.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield _pages()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def _pages():
    make.published(make.symptom(in_languages=("en", "ar")), "en")
    gone = make.symptom("gone")
    make.published(gone)
    actions.withdraw(Page.objects.get(key="gone"), by=make.clinician(), reason="Wrong.")


def test_nothing_that_one_asks_for_changes_what_the_next_one_gets(pages):
    """Poison first, into a memory that is empty; then ask as everybody does."""
    reference = front()
    right = {path: asked(reference, path) for path in CLEAN}
    again = {path: asked(reference, path) for path in CLEAN}
    small = {path: asked(reference, path, HTTP_ACCEPT_ENCODING="gzip") for path in CLEAN}
    assert again == right and right["/en/symptoms/tremor/"][0] == "200 OK" and reference.hits
    assert [right[path][0][:3] for path in ("/en/symptoms/gone/", "/en/nothing/")] == ["410", "404"]
    wrong = []
    for forged in FORGED:
        spoiled = front()
        for path in CLEAN:
            status, headers, body = asked(spoiled, path, **forged)
            if EVIL in str(headers) or EVIL.encode() in body or status.startswith(("5", "206")):
                wrong.append((forged, path, status, "says it back"))
        for path in CLEAN:
            if asked(spoiled, path) != right[path]:
                wrong.append((forged, path, "spoiled"))
            if asked(spoiled, path, HTTP_ACCEPT_ENCODING="gzip") != small[path]:
                wrong.append((forged, path, "spoiled, compressed"))
        # What is in memory by now is not for those who ask with something odd, either.
        for path in CLEAN:
            status, headers, body = asked(spoiled, path, **forged)
            if EVIL in str(headers) or EVIL.encode() in body or status.startswith("5"):
                wrong.append((forged, path, status, "says it back from memory"))
    assert wrong == []


def test_no_spelling_of_a_path_takes_the_place_of_another(pages):
    right = {path: asked(front(), path) for path in CLEAN}
    bent = front()
    for path in BENT:
        for query in ("", "x=1"):
            status, headers, body = asked(bent, path, QUERY_STRING=query)
            assert status[:3] in {"200", "301", "302", "400", "404"}, (path, status)
            if status.startswith("200"):
                assert path in {"/en/symptoms/tremor/"}, path
            assert "X-Evil" not in dict(headers) and not any(
                "\n" in value or "\r" in value for _name, value in headers
            ), path
            assert EVIL not in dict(headers).get("Location", ""), path
    assert {path: asked(bent, path) for path in CLEAN} == right
    assert set(bent.entries) <= set(CLEAN)


def test_the_memory_holds_no_more_than_it_may_whatever_is_asked_for(pages):
    small = Front(application(), most=60_000)
    small.watch.look()
    for number in range(60):
        asked(small, f"/en/symptoms/tremor/editions/on/2031-01-{number % 28 + 1:02}/")
        asked(small, f"/en/nothing-{number}/")
        asked(small, "/en/symptoms/tremor/", QUERY_STRING=f"x={number}")
    assert small.bytes <= 60_000 and all("nothing" not in path and "?" not in path for path in small.entries)


def test_another_host_gets_nothing_and_no_link_follows_the_host_that_was_asked(settings):
    root, named = a_busy_portal()
    settings.PUBLIC_ADDRESS, settings.ALLOWED_HOSTS = "https://portal.example", ["portal.example", "localhost"]
    reader, desk = Client(raise_request_exception=False), signed_in(root)
    for address in every_address(named):
        if "logout" in address or (address.startswith("/admin/") and "/condition/" not in address):
            continue
        client = desk if address.startswith("/admin/") else reader
        refused = client.get(address, headers={"host": EVIL})
        # Files that are the same for everybody are sent whatever the host, and balancers ask by number; they name none.
        assert refused.status_code in {302, 400, 404} or address.startswith(("/static/", "/health/")), address
        assert EVIL.encode() not in refused.getvalue(), address
        answer = client.get(address, headers={"host": "localhost:1234", "x-forwarded-host": EVIL})
        said = answer.getvalue().decode(errors="replace") + str(answer.headers)
        assert "localhost:1234" not in said.replace("http://localhost:1234/admin/", "") and EVIL not in said, address


def test_a_shared_preview_and_a_mail_name_the_public_address(settings):
    settings.PUBLIC_ADDRESS, settings.ALLOWED_HOSTS = "https://portal.example", ["portal.example", "localhost"]
    anna = make.clinician()
    symptom = make.symptom()
    make.published(symptom)
    answer = signed_in(anna).post(
        f"/admin/conditions/symptom/{symptom.pk}/gate/en/",
        {"do": "share", "days": 7},
        headers={"host": "localhost:1234"},
    )
    assert answer.context["address"].startswith("https://portal.example/preview/")
    assert not mail.outbox
