"""Source links: asked politely, answers kept for the desk, and never a machine of our own network."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.management import call_command

from conditions import editions, link_check
from tests import make
from tests.desk import signed_in

ANSWERS = {"/there": (200, ""), "/gone": (404, ""), "/moved": (301, "/there"), "/loop": (302, "/loop"), "/ill": (500, ""),
           "/shy": (403, ""), "/away": (302, "http://169.254.169.254/latest/")}  # fmt: skip


@pytest.fixture(scope="module")
def website():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, location = ANSWERS[self.path]
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("/there", "ok"),
        ("/gone", "not found"),
        ("/moved", "moved"),
        ("/loop", "failed"),
        ("/ill", "failed"),
        ("/shy", "ok"),
    ],
)
def test_each_answer_has_its_word(website, path, result):
    assert link_check.check(website + path, own_network=True) == result


def test_our_own_network_is_never_asked(website):
    for address in (
        website + "/there",
        "http://localhost/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/",
    ):
        assert link_check.check(address) == "refused"
    assert link_check.check("ftp://source.example/") == "refused"
    assert link_check.check("http://no-such-host.invalid/") == "unreachable"


@pytest.mark.django_db
def test_the_answers_are_kept_for_the_desk_and_change_no_words(monkeypatch, capsys):
    symptom = make.symptom()
    make.published(symptom)
    digest = make.manuscript(symptom).digest
    monkeypatch.setattr(link_check, "check", lambda address: "not found")
    call_command("check_sources")
    assert "not found: https://source.example/ (ninds)" in capsys.readouterr().out
    assert make.manuscript(symptom).digest == digest
    assert editions.models.Source.objects.get().checked_at
    page = signed_in(make.clinician()).get("/admin/").content.decode()
    assert "Sources whose address does not answer" in page
    monkeypatch.setattr(link_check, "check", lambda address: "ok")
    call_command("check_sources")
    assert not link_check.broken_sources().exists()
