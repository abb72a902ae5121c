"""The translation machine, against a stand-in server that answers as the two real ones do."""

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from portal.translating import machine
from tests import make
from tests.desk import signed_in


class StandIn(BaseHTTPRequestHandler):
    asked = []
    answer = None  # (status, body) to give instead

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body, self.headers.get("Authorization")))
        if self.answer:
            status, said = self.answer
        elif self.path == "/translate":
            status, said = 200, {"translatedText": [f"[{body['target']}] {text}" for text in body["q"]]}
        else:
            status, said = 200, {"translations": [{"text": f"[{body['target_lang']}] {t}"} for t in body["text"]]}
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(StandIn, "asked", [])
    running = HTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_libretranslate_is_asked_in_its_own_way(server, settings):
    settings.MACHINE_TRANSLATION, settings.MACHINE_TRANSLATION_KEY = ("libretranslate", server), "k"
    assert machine.machine().translate(["One", "<p>Two</p>"], "en", "zh-hans") == [
        "[zh-Hans] One", "[zh-Hans] <p>Two</p>",
    ]  # fmt: skip
    ((path, body, _key),) = StandIn.asked
    assert (path, body["format"], body["api_key"], body["source"]) == ("/translate", "html", "k", "en")


def test_deepl_is_asked_in_its_own_way_fifty_at_a_time(server, settings):
    settings.MACHINE_TRANSLATION, settings.MACHINE_TRANSLATION_KEY = ("deepl", server), "secret"
    made = machine.machine().translate([f"<p>{n}</p>" for n in range(60)], "en", "pt-br")
    assert (len(made), made[59]) == (60, "[PT-BR] <p>59</p>")
    assert [(path, len(body["text"]), key) for path, body, key in StandIn.asked] == [
        ("/v2/translate", 50, "DeepL-Auth-Key secret"), ("/v2/translate", 10, "DeepL-Auth-Key secret"),
    ]  # fmt: skip
    assert StandIn.asked[0][1]["tag_handling"] == "html"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((403, {}), "does not accept this portal's key"), ((456, {}), "had enough for now"), ((500, {}), "problem of its own"),
        ((400, {}), "does not know this language"), ((200, b"<html>"), "cannot be reached"), ((200, {"x": 1}), "something else"),
        ((200, {"translatedText": ["one too few"]}), "something else"), ((302, {}), "problem of its own"),
    ],
)  # fmt: skip
def test_every_failure_is_a_sentence(server, settings, monkeypatch, answer, says):
    settings.MACHINE_TRANSLATION = ("libretranslate", server)
    monkeypatch.setattr(StandIn, "answer", answer)
    with pytest.raises(machine.Unavailable, match=says):
        machine.machine().translate(["One", "Two"], "en", "es")


def test_a_machine_that_is_away_is_a_sentence_as_well(settings):
    settings.MACHINE_TRANSLATION = ("deepl", "http://127.0.0.1:1")
    with pytest.raises(machine.Unavailable, match="cannot be reached"):
        machine.machine().translate(["One"], "en", "es")


@pytest.mark.django_db
def test_drafts_fill_only_what_is_empty_and_are_a_machines_until_somebody_compares_them(server, settings):
    settings.MACHINE_TRANSLATION = ("libretranslate", server)
    symptom = make.symptom(in_languages=("en", "es"), overview_es="", summary_es="", summary_en="5 < 6 & more")
    make.published(symptom)
    client = signed_in(make.translator())
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    assert "LibreTranslate can write first drafts" in client.get(address).content.decode()
    answer = client.post(address, {"do": "machine"}, follow=True)
    assert "The machine wrote 2 parts." in answer.content.decode()
    symptom.refresh_from_db()
    assert symptom.overview_es == "[es] <p>overview of tremor.</p>"
    assert symptom.summary_es == "[es] 5 < 6 & more"
    rows = {row.unit.part: row for row in answer.context["rows"]}
    assert rows["summary"].is_machine and not rows["name"].is_machine
    assert make.manuscript(symptom, "es").content["machine"] == ["summary", "sections.overview"]
    assert "<script" not in str(StandIn.asked)


@pytest.mark.django_db
def test_without_a_machine_nothing_is_offered_and_a_forged_button_is_refused():
    symptom = make.symptom(in_languages=("en", "es"), overview_es="")
    make.published(symptom)
    client = signed_in(make.translator())
    address = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    assert "first drafts" not in client.get(address).content.decode()
    assert "No translation machine is set up" in client.post(address, {"do": "machine"}, follow=True).content.decode()


def test_a_wrong_setting_is_told():
    environment = {**os.environ, "MACHINE_TRANSLATION": "google:ftp://x", "SECRET_KEY": "x" * 40}
    done = subprocess.run(
        [sys.executable, "-c", "import portal.settings"], env=environment, capture_output=True, text=True
    )
    assert done.returncode and "Write libretranslate:https" in done.stderr
