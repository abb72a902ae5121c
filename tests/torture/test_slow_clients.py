"""A slow client cannot hold a worker: whoever dawdles, and however many of them, others are answered as before."""

import contextlib
import socket
import time

import pytest

from conditions import presentation
from portal import patience
from portal.publishing.models import Page
from tests import make
from tests.servers import Server
from tests.torture import table

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 3  # seconds: what "as before" may take on a machine that does other things as well
MANY = 24  # slow ones of a kind: three times as many as one worker has threads


class Held(contextlib.ExitStack):
    """Connections that somebody holds."""

    def open(self, server, said: bytes, *, window=None) -> socket.socket:
        line = self.enter_context(contextlib.closing(socket.socket()))
        if window:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        line.settimeout(30)
        line.connect(("127.0.0.1", server.port))
        line.sendall(said)
        return line


def request(method, path, *headers):
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", "")).encode()


def answered(line):
    """What a server answers on a line, until it closes it."""
    said = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        while some := line.recv(65536):
            said += some
    return said


@pytest.fixture
def server(tmp_path):
    made = make.symptom("tremor", overview_en="<p>Shaking all over.</p>" * 2_000)
    make.published(made)
    server = Server(tmp_path, workers=1, threads=8)
    server.wait()
    yield server
    server.stop()


def others_are_answered(server, fault):
    """Readers of what was read before and of what was not, and the desk's door."""
    line = table.line(f"slow client: {fault}") if fault else table.Line("")
    hot = presentation.page_url(Page.objects.get())
    paths = (hot, hot, "/en/search/?q=tremor", f"{hot}editions/", "/admin/login/", "/health/live")
    for path in paths:
        began = time.monotonic()
        answer = server.get(path, timeout=30)
        line.counts["rounds"] += 1
        if answer.status != 200 or (fault and time.monotonic() - began > AT_ONCE):
            line.wrong("lost", f"{path}: {answer.status} after {time.monotonic() - began:.1f} s")
    assert line.notes == []


def headers_byte_by_byte(server, held):
    lines = [held.open(server, b"GET /en/ HT") for _one in range(300)]
    for line in lines:
        line.sendall(b"x")
    yield
    began = time.monotonic()
    answered(lines[0])
    assert time.monotonic() - began < 15  # let go, however slowly it goes on


def answers_that_nobody_takes(server, held):
    page = presentation.page_url(Page.objects.get())
    for path in (page, f"{page}leaflet.pdf", "/static/css/base.css", "/api/v1/pages/en", "/sitemap.xml"):
        assert server.get(path, timeout=60).status in (200, 503)  # a leaflet: where there is no Pango
        for _one in range(MANY):
            held.open(server, request("GET", path), window=2048)
    yield


def forms_that_are_sent_byte_by_byte(server, held):
    form = ("Content-Type: application/x-www-form-urlencoded", "Content-Length: 5000")
    lines = [held.open(server, request("POST", "/admin/login/", *form) + b"username=") for _one in range(MANY)]
    yield
    refused = [line for line in lines if _has_been_answered(line)]
    assert len(refused) >= MANY - patience.AT_ONCE
    assert all(answered(line).startswith(b"HTTP/1.1 503 ") for line in refused)


def _has_been_answered(line):
    line.setblocking(False)
    try:
        return bool(line.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        line.settimeout(30)


def open_connections_that_say_nothing_more(server, held):
    for _one in range(700):
        held.open(server, request("GET", "/health/live"))
    yield


def test_others_are_answered_as_before(server):
    others_are_answered(server, "")
    for fault in (
        headers_byte_by_byte,
        forms_that_are_sent_byte_by_byte,
        answers_that_nobody_takes,
        open_connections_that_say_nothing_more,
    ):
        with Held() as held:
            steps = fault(server, held)
            next(steps)
            others_are_answered(server, fault.__name__.replace("_", " "))
            next(steps, None)
    an_upload_larger_than_any_is_refused_before_it_is_taken(server)


def an_upload_larger_than_any_is_refused_before_it_is_taken(server):
    with Held() as held:
        line = held.open(server, request("POST", "/admin/login/", f"Content-Length: {10**9}", "Connection: close"))
        assert answered(line).startswith(b"HTTP/1.1 413 ")
    with Held() as held:
        line = held.open(server, request("POST", "/admin/login/", "Content-Length: 50", "Connection: close") + b"half")
        line.shutdown(socket.SHUT_WR)
        assert not answered(line).startswith(b"HTTP/1.1 2")
