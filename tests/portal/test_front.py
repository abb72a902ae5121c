"""In front of Django: what enters the memory, how it leaves it, and what a request can choose. Its truth over time is
tests/journeys/test_front.py."""

import gzip
import threading
import time

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import OperationalError, close_old_connections
from django.test import RequestFactory

from conditions import models
from portal import front
from portal.front import Front
from portal.publishing import audit
from tests import make

pytestmark = pytest.mark.django_db
PAGE = "/en/symptoms/tremor/"


@pytest.fixture
def django():
    """The whole of Django, on the test's own connection: a request's end would close it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


class Asking:
    """A front whose watch looks when it is told to, and what it answers."""

    def __init__(self, application, most=10_000_000):
        self.django_asked = 0
        self.application = application
        self.front = Front(self._counted, most=most)
        self.front.watch.look()

    def _counted(self, environ, start_response):
        self.django_asked += 1
        return self.application(environ, start_response)

    def __call__(self, path=PAGE, method="GET", **headers):
        said = {}

        def start_response(status, headers, exc_info=None):
            said.update(status=status, headers={name.lower(): value for name, value in headers})

        given = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        environ = RequestFactory().generic(method, path, **{"HTTP_HOST": "127.0.0.1", **given}).environ
        response = self.front(environ, start_response)
        body = b"".join(response)
        if hasattr(response, "close"):
            response.close()
        return said["status"], said["headers"], body


@pytest.fixture
def ask(django, monkeypatch):
    make.published(make.symptom())
    asking = Asking(django)
    # The thread of the watch is not running here: a test says when it looks.
    monkeypatch.setattr(asking.front.watch, "sure", lambda: True)
    return asking


def test_the_second_reader_gets_the_first_ones_answer_and_django_is_not_asked(ask):
    first, second = ask(), ask()
    assert first == second
    assert first[0] == "200 OK" and ask.django_asked == 1
    assert (ask.front.hits, ask.front.misses) == (1, 1)


def renamed(name):
    tremor = models.Symptom.objects.get(key="tremor")
    tremor.name_en = name
    tremor.save()
    return tremor


def test_what_was_read_before_an_act_is_not_answered_after_it(ask):
    ask()
    make.published(renamed("Tremor, in other words"))
    ask.front.watch.look()
    assert ask.front.entries == {}
    assert b"in other words" in ask()[2]


def test_an_act_that_readers_see_nothing_of_leaves_the_pages_alone(ask):
    ask()
    audit.note("account made", by=None, about="account another")
    ask.front.watch.look()
    ask()
    assert ask.django_asked == 1


def test_a_page_during_whose_making_something_is_published_is_made_again(ask):
    whole = ask.application

    def slowly(environ, start_response):
        answer = whole(environ, start_response)
        if ask.django_asked == 1:
            make.published(renamed("Tremor, meanwhile"))
        return answer

    ask.application = slowly
    assert b"Tremor, meanwhile" in ask()[2]
    assert ask.django_asked == 2


def test_plain_compressed_and_not_modified_are_one_answer(ask):
    _status, plain, words = ask()
    _status, packed, body = ask(accept_encoding="br, gzip")
    assert gzip.decompress(body) == words
    assert (plain["vary"], packed["vary"]) == ("Accept-Encoding", "Accept-Encoding")
    assert packed["content-encoding"] == "gzip" and "content-encoding" not in plain
    assert plain["etag"] != packed["etag"]
    assert ask(accept_encoding="gzip;q=0")[2] == words
    for etag in (plain["etag"], packed["etag"], f"W/{packed['etag']}", f'"another", {plain["etag"]}', "*"):
        status, headers, nothing = ask(if_none_match=etag, accept_encoding="gzip")
        assert (status, nothing, headers["etag"]) == ("304 Not Modified", b"", packed["etag"])
    assert ask(if_none_match='"another"')[2] == words


def test_head_has_the_headers_and_enters_nothing(ask):
    ask(method="HEAD")
    assert ask.front.entries == {}
    _status, got, _words = ask()
    _status, headers, _body = ask(method="HEAD")
    assert headers == got


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (PAGE + "?utm_source=mail", {}),
        ("/en/search/", {}),
        ("/en/symptoms/tremor/feedback/", {}),
        ("/admin/login/", {}),
        ("/", {}),
        ("/en/symptoms/no-such-thing/", {}),
        ("/ru/symptoms/tremor/", {}),
        ("/en/symptoms/tremor", {}),
        (PAGE, {"host": "evil.example"}),
    ],
)
def test_these_never_enter(ask, path, headers):
    ask(path, **headers)
    assert ask.front.entries == {}


def test_a_reader_with_a_strange_host_is_not_answered_from_memory(ask):
    ask()
    assert ask(host="evil.example")[0].startswith("400")


def test_memory_is_bounded_and_who_is_read_stays(django, monkeypatch):
    names = ["tremor", "cramp", "pain", "stiffness"]
    for key in names:
        make.published(make.symptom(key=key, slug_en=key, name_en=key.title()))
    ask = Asking(django)
    monkeypatch.setattr(ask.front.watch, "sure", lambda: True)
    ask("/en/symptoms/tremor/")
    one = ask.front.bytes
    ask.front.most = one * 8  # none is larger than an eighth of it
    for path in ["editions/", "", "embed/"] * 3:
        for key in names:
            ask(f"/en/symptoms/{key}/{path}")
            ask("/en/symptoms/tremor/")
    front = ask.front
    assert front.put_out > 0
    assert front.bytes <= front.most
    assert front.bytes == sum(entry.size for entry in front.entries.values())
    assert "/en/symptoms/tremor/" in front.entries


def test_nothing_is_kept_where_no_memory_is_given(django):
    make.published(make.symptom())
    ask = Asking(django, most=0)
    assert ask()[0] == "200 OK"
    assert ask.front.entries == {} and ask.front.bytes == 0


def test_while_the_database_is_away_known_pages_stay_and_the_rest_says_when_to_come_again(ask, monkeypatch):
    known = ask()

    def gone(*_args, **_kwargs):
        raise OperationalError("the database is away")

    monkeypatch.setattr("portal.publishing.reading.newest_act", gone)
    ask.front.watch.failing = True
    assert ask() == known
    status, headers, words = ask("/es/symptoms/")
    assert status.startswith("503") and headers["retry-after"] == "10" and headers["cache-control"] == "no-store"
    assert b'lang="es"' in words
    assert ask.django_asked == 2


@pytest.fixture
def crowd(monkeypatch):
    """Many readers at once, before an application that notes how many pages it makes at a time."""

    class Crowd:
        made, at_once, most, pause = [], 0, 0, 0.05

        def __call__(self, environ, start_response):
            self.made.append(environ["PATH_INFO"])
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            time.sleep(self.pause)
            self.at_once -= 1
            if front.KEPT in environ:
                environ[front.KEPT].append(True)
            start_response("200 OK", [("Content-Type", "text/html")])
            return Whole([b"A page."])

        def ask(self, *paths):
            threads = [threading.Thread(target=self._ask, args=[path]) for path in paths]
            for one in threads:
                one.start()
            for one in threads:
                one.join(10)

        def _ask(self, path):
            environ = RequestFactory().get(path, HTTP_HOST="127.0.0.1").environ
            assert b"".join(self.front(environ, lambda *said: None))

    class Whole(list):
        def close(self):
            pass

    found = Crowd()
    found.front = Front(found, most=10_000_000)
    moment = front.Moment("a seal", "a day")
    monkeypatch.setattr(found.front.watch, "moment", moment)
    monkeypatch.setattr(found.front.watch, "sure", lambda: True)
    monkeypatch.setattr(found.front.watch, "ask", lambda: (moment, {}))
    return found


def test_who_asks_for_a_page_that_is_being_made_waits_for_it_and_it_is_made_once(crowd):
    crowd.ask(*[PAGE] * 12)
    assert crowd.made == [PAGE]
    assert (crowd.front.hits, crowd.front.misses) == (11, 1)


def test_pages_are_made_one_after_another_and_one_that_takes_long_holds_nobody_up(crowd, monkeypatch):
    paths = [f"/en/symptoms/{number}/" for number in range(6)]
    crowd.ask(*paths, "/en/search/?q=tremor")
    assert crowd.most == 1 and len(crowd.made) == 7
    monkeypatch.setattr(front, "TURN", 0.05)
    crowd.pause, crowd.made = 0.5, []
    began = time.monotonic()
    crowd.ask(*(f"/en/treatments/{number}/" for number in range(6)))
    assert crowd.most > 1 and len(crowd.made) == 6 and time.monotonic() - began < 2


def test_a_leaflet_and_the_desk_wait_for_no_page(crowd):
    crowd.ask("/en/symptoms/tremor.pdf", "/admin/", "/api/v1/")
    assert crowd.most == 3
