"""Behind a cache: it keeps what is the same for everybody, forgets it within a second, and keeps nothing else."""

import re
import socket
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.test import Client

from conditions.public.copying import addresses
from portal import cdn
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make, servers
from tests.varnish import SECRET, VARNISHD, Varnish

PROMISED = 1.0  # seconds from a publish until everybody sees it
SYMPTOM = "/en/symptoms/tremor/"
behind_varnish = pytest.mark.skipif(not VARNISHD, reason="no Varnish on this machine")
pytestmark = pytest.mark.on("sqlite")  # the database is looked at in one way (portal.front); tests there run on both


class Relay:
    """A way to the cache's purge address that can be closed."""

    def __init__(self, to: int):
        self.to, self.port = to, servers.free_port()
        self.open()

    def open(self):
        self.server = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        threading.Thread(target=self._run, args=[self.server], daemon=True).start()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()

    def _run(self, server):
        while True:
            try:
                line, _address = server.accept()
            except OSError:
                return
            with suppress(OSError), line, socket.create_connection(("127.0.0.1", self.to), timeout=5) as onward:
                onward.sendall(line.recv(65536))
                line.sendall(onward.recv(65536))


@pytest.fixture
def site(tmp_path, transactional_db):
    """(Varnish, the relay to its purge address): two machines behind it, with a worker and with two."""
    port = servers.free_port()
    relay = Relay(port)
    purge = {"CDN_PURGE": f"http://{SECRET}@127.0.0.1:{relay.port}/", "PUBLIC_ADDRESS": f"http://127.0.0.1:{port}"}
    trees = [servers.Server(tmp_path / str(n), workers=n, CLOCK="0", **purge) for n in (1, 2)]
    varnish = None
    try:
        for tree in trees:
            tree.wait()
        varnish = Varnish(tmp_path / "varnish", trees, port)
        yield varnish, relay
    finally:
        relay.close()
        for one in filter(None, [varnish, *trees]):
            one.stop()


def say(symptom, number, person):
    symptom.name_en = f"Tremor {number}"
    symptom.save()
    return make.published(symptom, by=person)


def seen(answer):
    if answer.status == 410:
        return "withdrawn"
    return int(re.search(r"<h1[^>]*>\s*Tremor (\d+)", answer.text)[1])


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not (got := what()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return got


def is_kept(varnish, path=SYMPTOM):
    return varnish.get(path).headers.get("x-cache") == "HIT"


@behind_varnish
def test_readers_behind_a_cache_see_a_change_within_a_second(site):
    varnish, _relay = site
    person, symptom = make.signatory(), make.symptom(slug_en="tremor")
    states, asked, over = [], [], threading.Event()  # (before, after, what is true), (asked at, answered at, seen, hit)

    def commit(act, state):
        before = time.monotonic()
        act()
        states.append((before, time.monotonic(), state))

    def read():
        while not over.is_set():
            asked_at = time.monotonic()
            answer = varnish.get(SYMPTOM)
            said = seen(answer) if answer.status in (200, 410) else answer.status
            asked.append((asked_at, time.monotonic(), said, answer.headers.get("x-cache") == "HIT"))

    commit(lambda: say(symptom, 1, person), 1)
    until(lambda: is_kept(varnish))
    readers = [threading.Thread(target=read, daemon=True) for _ in range(2)]
    for reader in readers:
        reader.start()
    page = Page.objects.get(kind="symptom")
    first = page.edition
    try:
        for round_ in range(2):
            for pause, number in ((0.3, 2), (1.5, 3), (0.0, 4), (1.2, 5)):
                number += 10 * round_
                commit(lambda number=number: say(symptom, number, person), number)
                time.sleep(pause)
            commit(
                lambda: actions.withdraw(Page.objects.get(pk=page.pk), by=person, reason="Looked at again."),
                "withdrawn",
            )
            time.sleep(1.2)
            commit(lambda: actions.restore(Page.objects.get(pk=page.pk), first, by=person, reason="Still right."), 1)
            time.sleep(1.2)
    finally:
        over.set()
        for reader in readers:
            reader.join(20)

    def may_be_seen(asked_at, answered_at, said):
        ends = [before_next[1] for before_next in states[1:]] + [float("inf")]
        return any(
            state == said and before <= answered_at and ended >= asked_at - PROMISED
            for (before, _after, state), ended in zip(states, ends, strict=True)
        )

    assert [one for one in asked if not may_be_seen(*one[:3])] == []
    assert {one[2] for one in asked} > {1, "withdrawn"}
    assert sum(one[3] for one in asked) > len(asked) / 4


@behind_varnish
def test_nobody_can_put_something_into_the_cache_or_empty_it(site):
    varnish, _relay = site
    say(make.symptom(slug_en="tremor"), 1, make.signatory())
    time.sleep(max(cdn.AFTER) + PROMISED)  # the last purge of each process has been
    until(lambda: is_kept(varnish))
    plain = varnish.get(SYMPTOM)
    assert plain.headers["x-cache"] == "HIT" and plain.headers["cache-control"] == "no-cache"
    assert plain.headers["vary"] == "Accept-Encoding"
    assert not {"surrogate-key", "cdn-cache-control", "surrogate-control", "cache-tag", "set-cookie"} & set(
        plain.headers
    )
    # A browser's copy is still good, compressed or not.
    assert varnish.get(SYMPTOM, If_None_Match=plain.headers["etag"]).status == 304
    compressed = varnish.get(SYMPTOM, Accept_Encoding="gzip")
    assert compressed.headers["content-encoding"] == "gzip" and compressed.headers["x-cache"] == "HIT"

    assert varnish.purge() == 403
    assert varnish.purge(Authorization="Basic cG9ydGFsOndyb25n") == 403
    right = "Basic cG9ydGFsOnRlc3RzLW9ubHk="
    assert varnish.purge(Authorization=right, from_="127.0.0.2") == 403  # not one of our machines
    assert varnish.purge("x || obj.status == 200", Authorization=right) == 400
    assert varnish.purge("language/ru", Authorization=right) == 200
    assert is_kept(varnish)  # all that was in vain
    assert varnish.purge("symptoms/tremor", Authorization=right) == 200
    assert not is_kept(varnish)

    evil = {
        "X_Forwarded_Host": "evil.example",
        "X_Original_URL": "/en/",
        "Cookie": "sessionid=x",
        "Range": "bytes=0-10",
    }
    evil |= {
        "X_Began": "9999999999",
        "Forwarded": "host=evil.example",
        "Accept_Language": "ar",
        "Authorization": "Basic eA==",
    }
    varnish.purge(Authorization=right)
    for name, value in evil.items():
        varnish.get("/en/symptoms/", **{name: value})
    varnish.get("/en/symptoms/", Host="evil.example")
    varnish.get("/en/symptoms/", method="HEAD")
    assert varnish.get("/en/symptoms/", Host="evil.example").status == 400
    after = varnish.get("/en/symptoms/")
    assert after.status == 200 and until(lambda: is_kept(varnish, "/en/symptoms/"))
    assert "evil" not in after.text and "Tremor 1" in after.text and 'lang="en"' in after.text
    for path in (
        "/en/symptoms/?x=1",
        "/en/search/?q=tremor",
        "/admin/login/",
        "/",
        "/en/nowhere/",
        "/en/symptoms/tremor",
    ):
        assert not any(is_kept(varnish, path) for _ in range(3)), path
    login = varnish.get("/admin/login/")
    assert "csrftoken" in login.headers["set-cookie"] and "private" in login.headers["cache-control"]
    assert varnish.get("/en/", method="DELETE").status == 405


@behind_varnish
def test_a_purge_that_could_not_arrive_arrives_later_and_until_then_nothing_is_kept(site):
    varnish, relay = site
    symptom, person = make.symptom(slug_en="tremor"), make.signatory()
    say(symptom, 1, person)
    until(lambda: is_kept(varnish))
    time.sleep(max(cdn.AFTER))
    relay.close()
    say(symptom, 2, person)
    time.sleep(2 * PROMISED)
    assert seen(varnish.get(SYMPTOM)) in (1, 2)  # what it has stays until its time is over
    assert not any(is_kept(varnish, "/en/about/") for _ in range(4))
    relay.open()
    until(lambda: seen(varnish.get(SYMPTOM)) == 2)
    until(lambda: is_kept(varnish, "/en/about/"))
    assert seen(varnish.get(SYMPTOM)) == 2


class _Asked(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.server.asked.append((self.path, dict(self.headers), self.rfile.read(length).decode()))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    do_PURGE = do_POST

    def log_message(self, *args):
        pass


@pytest.fixture
def endpoint():
    server = HTTPServer(("127.0.0.1", 0), _Asked)
    server.asked, server.answers = [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_other_caches_are_asked_in_their_own_way_until_they_have_heard(endpoint, caplog):
    endpoint.answers = [500, 403]
    address = f"http://127.0.0.1:{endpoint.server_port}/service/x/purge"
    fastly = cdn.Purger(address, "POST", {"Fastly-Key": "a-secret"}, '{"purge_everything": true}')
    varnish = cdn.Purger(address.replace("//", "//me:a-secret%40@"))
    fastly.start()
    assert not fastly.done
    fastly.moved()
    until(lambda: fastly.done)
    path, headers, body = endpoint.asked[0]
    assert (path, body) == ("/service/x/purge", '{"purge_everything": true}')
    assert (headers["Fastly-Key"], headers["Surrogate-Key"]) == ("a-secret", "words")
    until(lambda: len(endpoint.asked) == 2 + len(cdn.AFTER))  # two were refused; then at once, and twice more
    assert fastly.count == len(cdn.AFTER)
    varnish.start()
    varnish.moved()
    until(lambda: varnish.done)
    assert endpoint.asked[-1][1]["Authorization"] == "Basic bWU6YS1zZWNyZXRA"
    assert "could not be emptied (500)" in caplog.text and "a-secret" not in caplog.text


def test_a_process_lets_no_cache_keep_what_it_cannot_take_back(endpoint):
    purger = cdn.Purger(f"http://127.0.0.1:{endpoint.server_port}/")

    def page(environ, start_response):
        environ[cdn.SAME] = True
        start_response("200 OK", [("ETag", '"x"')])
        return [b""]

    page.watch = type("Watch", (), {"away": lambda self: self.is_away, "is_away": False})()
    said = {}
    ask = cdn.Behind(page, [purger])

    def asked():
        ask(
            {"PATH_INFO": "/ar/conditions/شلل/editions/".encode().decode("latin-1")},
            lambda status, headers: said.update(headers),
        )
        return said["CDN-Cache-Control"]

    assert asked() == "no-store"
    purger.start()
    purger.moved()
    until(lambda: purger.done)
    assert asked() == said["Surrogate-Control"] == "max-age=60"
    assert said["Surrogate-Key"] == "words language/ar conditions/%D8%B4%D9%84%D9%84"
    assert said["Cache-Tag"] == said["Surrogate-Key"].replace(" ", ",")
    page.watch.is_away = True
    assert asked() == "no-store"


def may_be_kept_unasked(answer) -> bool:
    """Whether a shared cache that keeps to RFC 9111 and no other may answer with this again without asking us."""
    said = answer.headers.get("Cache-Control", "").lower()
    if re.search(r"\b(no-store|no-cache|private)\b", said):
        return False
    lifetime = re.search(r"(?:s-maxage|max-age)=(\d+)", said)
    if lifetime:
        return int(lifetime[1]) > 0
    guessed = {200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501}
    return "Expires" in answer.headers or "public" in said or answer.status_code in guessed


def test_no_answer_of_any_address_may_be_kept_by_a_cache_that_is_not_ours(db, settings, tmp_path):
    person = make.signatory()
    condition, symptom = make.condition(in_languages=("en", "es"), slug_en="old-name"), make.symptom(slug_en="tremor")
    for one in (symptom, condition):
        make.published(one, by=person)
    condition.slug_en = "new-name"
    condition.save()
    make.published(condition, by=person)
    make.published(condition, "es", by=person)
    actions.withdraw(Page.objects.get(kind="symptom"), by=person, reason="Looked at again.")
    every = [*addresses.every(), "/preview/x/en/", "/health/live", "/en/search/?q=tremor", "/en/search/suggest?q=tr"]
    every += [
        "/admin/",
        "/admin/login/",
        "/admin/jsi18n/",
        "/nowhere",
        "/en/conditions",
        "/EN/",
        "/zh-cn/",
        "/en/nowhere/",
    ]
    every += [
        "/en/conditions/new-name/feedback/",
        "/en/conditions/new-name/feedback/thanks/",
        "/p/en/torsion-dystonia/",
    ]
    every += [
        "/en/conditions/new-name/with/es/",
        "/api/v1/search/en?q=tremor",
        "/api/v1/nowhere",
        "/fhir/r4/Composition",
    ]
    every += [
        "/infobutton?mainSearchCriteria.v.c=G24.1",
        "/media/" + 64 * "0" + ".png",
        "/media/x",
        "/api/v1/pages/en?limit=1",
    ]
    anybody, statuses = Client(raise_request_exception=False), set()
    for address in dict.fromkeys(every):
        for ask in (anybody.get, anybody.head, anybody.put):
            answer = ask(address)
            statuses.add(answer.status_code)
            assert not may_be_kept_unasked(answer), (ask.__name__, address, answer.status_code, answer.headers)
            assert "CDN-Cache-Control" not in answer.headers and "Set-Cookie" not in answer.headers
            if address.startswith(("/admin/", "/preview/")) or "q=" in address and "api" not in address:
                assert "private" in answer.headers["Cache-Control"], address
    assert statuses >= {200, 301, 302, 400, 404, 405, 410}
    assert not may_be_kept_unasked(anybody.get("/en/", headers={"host": "evil.example"}))
    settings.SECURE_SSL_REDIRECT = True
    moved = Client().get("/en/")
    assert moved.status_code == 301 and not may_be_kept_unasked(moved)
    # What never changes under its address may stay.
    settings.SECURE_SSL_REDIRECT = False
    name = 64 * "a" + ".png"
    settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
    (settings.MEDIA_ROOT / name).write_bytes(b"picture")
    assert "immutable" in anybody.get(f"/media/{name}").headers["Cache-Control"]
