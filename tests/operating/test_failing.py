"""When something fails, nobody learns from what is written down, or from the answer, who read what or how it is made."""

import json
import re
import socket
import threading
import time
from contextlib import suppress
from urllib.parse import quote

import django
import pytest

from tests.servers import Server

ILLNESS = "zebrapox"
# Everything that a request says of somebody, and that must be found nowhere.
READER = {
    "Referer": f"http://127.0.0.1/{ILLNESS}", "Cookie": f"c={ILLNESS}", "User-Agent": f"{ILLNESS}/1",
    "X-Forwarded-For": "203.0.113.77", "X-Request-ID": ILLNESS,
}  # fmt: skip
INSIDE = re.compile(
    r"Traceback|File \"|\.py\b|SELECT|nowhere WHERE|ROOT_URLCONF|DEBUG|django|granian/|psycopg|sqlite"
    rf"|{re.escape(django.__version__)}|/site-packages|OperationalError|ValueError|KeyError|SECRET",
    re.IGNORECASE,
)
LANGUAGES = {"en": "In an emergency", "ar": "في حالة"}


@pytest.fixture(scope="module")
def failing(django_db_setup, django_db_blocker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("failing")
    with django_db_blocker.unblock():
        server = Server(
            folder, workers=1, threads=3, output=folder / "said", DJANGO_SETTINGS_MODULE="tests.operating.failing",
            DEBUG="0", LOG_FORMAT="json", FRONT_CACHE_MB="1",
        )  # fmt: skip
    server.said = folder / "said"
    yield server.wait()
    server.stop()


def ask(server, path, *, method="GET", body=None, **headers):
    return server.get(quote(path, safe="/?=&"), method=method, body=body, **{**READER, **headers})


def lines(server, since=0):
    """What was written down, each line by itself, as JSON."""
    time.sleep(0.3)
    said = server.said.read_text()[since:]
    assert ILLNESS not in said and "203.0.113.77" not in said and "127.0.0.1" not in said, said
    return [json.loads(line) for line in said.splitlines()]


def fails(server, path, **how):
    """(the answer, what was written down about it)."""
    since = len(server.said.read_text())
    answer = ask(server, path, **how)
    return answer, lines(server, since)


def test_a_failure_is_written_down_with_its_place_and_a_number_and_nothing_of_the_reader(failing):
    answer, (told,) = fails(
        failing, f"/en/conditions/{ILLNESS}/fail/?q={ILLNESS}", method="POST", body=f"words={ILLNESS}",
        Content_Type="application/x-www-form-urlencoded",
    )  # fmt: skip
    number = answer.headers["x-request-id"]
    assert answer.status == 500 and re.fullmatch("[0-9a-f]{16}", number) and number in answer.text
    assert {name: told[name] for name in ("level", "logger", "message", "request", "kind", "status")} == {
        "level": "error", "logger": "django.request", "message": "A request failed (500).", "request": number,
        "kind": "page", "status": 500,
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", told["time"])
    assert [one["type"] for one in told["error"]] == ["ValueError", "KeyError"]
    assert re.fullmatch(r"tests/operating/failing\.py:\d+ fail", told["error"][0]["at"][-1])


@pytest.mark.django_db(transaction=True)  # so that there is a database for the server
def test_a_statement_that_the_database_refuses_is_written_down_without_its_words(failing):
    answer, (told,) = fails(failing, f"/en/conditions/{ILLNESS}/statement/")
    assert answer.status in {500, 503}
    assert [one["type"] for one in told["error"]][0].startswith("django.db.utils.")
    if answer.status == 500:  # PostgreSQL
        assert told["error"][-1]["sqlstate"] == "42P01"  # there is no such table


def test_what_libraries_and_threads_tell_is_written_down_without_its_words(failing):
    answer, told = fails(failing, f"/en/conditions/{ILLNESS}/library/")
    assert answer.status == 200
    assert [(one["logger"], one["message"].partition(",")[0]) for one in told] == [
        ("a.library", "Something was told by failing"),
        ("a.library", "Something was told by failing"),
        ("portal.something", "Words: ..."),
        ("portal", "Something ended in an error that nothing had foreseen."),
    ]
    assert told[3]["error"][0]["type"] == "KeyError"


def test_an_answer_that_breaks_half_way_is_an_error_and_tells_no_words(failing):
    answer, (told,) = fails(failing, f"/en/conditions/{ILLNESS}/half/")
    assert (answer.status, told["logger"], told["kind"]) == (500, "portal.operating.requests", "page")
    assert told["request"] == answer.headers["x-request-id"] and "so far" not in answer.text
    assert told["error"][0]["type"] == "ValueError"


def test_a_very_large_one_is_the_servers_to_tell_and_it_tells_no_words(failing):
    _answer, (told,) = fails(failing, f"/en/conditions/{ILLNESS}/half/?large=1")
    assert (told["logger"].partition(".")[0], told["level"]) == ("_granian", "error")


def test_a_reader_who_leaves_a_wrong_host_and_an_address_that_is_not_there_tell_nothing(failing):
    since = len(failing.said.read_text())
    with socket.create_connection(("127.0.0.1", failing.port), timeout=5) as line:
        line.sendall(f"GET /en/conditions/{ILLNESS}/slow/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert ask(failing, f"/en/conditions/{ILLNESS}/").status == 404
    assert ask(failing, f"/en/search/?q={ILLNESS}").status == 200
    assert ask(failing, f"/en/{ILLNESS}/", Host=f"{ILLNESS}.example").status == 400
    time.sleep(1.5)
    (told,) = lines(failing, since)
    assert (told["logger"], told["status"]) == ("django.security.DisallowedHost", 400)


ANSWERS = [  # address, method, status, the beginning of its type
    ("/{language}/conditions/{illness}/fail/", "GET", 500, "text/html"),
    ("/{language}/conditions/{illness}/", "GET", 404, "text/html"),
    ("/{language}/conditions/{illness}/", "POST", 403, "text/html"),  # without a token: CSRF
    ("/{language}/search/", "PUT", 403, "text/html"),
    ("/{language}/", "OPTIONS", 405, "text/html"),
    ("/api/v1/pages/en/condition/{illness}", "GET", 404, "application/problem+json"),
    ("/api/v1/pages/en/{illness}/x", "GET", 422, "application/problem+json"),
    ("/api/v1/pages/en", "POST", 405, "application/problem+json"),
    ("/api/v1/fail/{illness}", "GET", 500, "application/problem+json"),
    ("/fhir/r4/{illness}", "GET", 404, "application/fhir+json"),
    ("/fhir/r4/Composition", "PUT", 405, "application/fhir+json"),
    ("/fhir/r4/Composition?category={illness}%00", "GET", 200, "application/fhir+json"),
    ("/fhir/fail/{illness}", "GET", 500, "application/fhir+json"),
    ("/metrics", "GET", 404, "text/html"),
    ("/admin/", "POST", 403, "text/html"),
]


@pytest.mark.parametrize(("path", "method", "status", "kind"), ANSWERS)
def test_an_error_says_nothing_of_how_it_is_made(failing, path, method, status, kind):
    for code, words in LANGUAGES.items() if "{language}" in path else [("en", "")]:
        answer = ask(
            failing, path.format(language=code, illness=ILLNESS), method=method,
            body=b"" if method in {"POST", "PUT"} else None, Accept_Language="en",
        )  # fmt: skip
        assert (answer.status, answer.headers["content-type"].startswith(kind)) == (status, True), answer.text[:2000]
        assert not INSIDE.search(answer.text), INSIDE.search(answer.text)
        known = {"server", "permissions-policy"}
        assert not [name for name, value in answer.headers.items() if INSIDE.search(value) and name not in known]
        assert "set-cookie" not in answer.headers or path.startswith("/admin/")
        if kind == "text/html" and status >= 400:
            assert f'lang="{code}"' in answer.text and words in answer.text
        elif status >= 400:
            json.loads(answer.text)
        if status >= 400:
            assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])


def test_too_much_is_refused_in_words(failing):
    """Before it is sent: what its length says is enough."""
    head = "POST /en/conditions/x/fail/ HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 6000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", failing.port), timeout=10) as line:
        line.sendall(head.encode())
        said = b""
        with suppress(OSError):
            while more := line.recv(65536):
                said += more
    assert said.startswith(b"HTTP/1.1 413 ") and b"What was sent is too large" in said
    assert not INSIDE.search(said.partition(b"\r\n\r\n")[2].decode())


def test_who_is_being_answered_when_the_server_is_stopped_gets_the_whole_answer(failing):
    """The last test of this server."""
    answers = []
    asking = threading.Thread(target=lambda: answers.append(ask(failing, f"/en/conditions/{ILLNESS}/slow/")))
    asking.start()
    time.sleep(0.5)
    failing.process.terminate()
    asking.join(20)
    assert failing.process.wait(20) == 0
    (answer,) = answers
    assert answer.status == 200 and answer.text.count(ILLNESS) == 200_000
