"""Where a sign-in leads, how long it lasts, what its cookies are, and which passwords are taken."""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from conditions import clock
from portal.signing_in import second_factor, sessions
from tests import make
from tests.desk import form_of, signed_in
from tests.publishing.test_audit import administrator
from tests.signing_in.phone import half_minutes  # noqa: F401 -- a fixture
from tests.signing_in.test_second_factor import CODE, PASSWORD, at_the_desk, code_of, set_up
from tests.signing_in.test_throttle import try_in

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = [
    "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https:evil.example",
    "http:///evil.example", "javascript:alert(1)", "data:text/html,x", "\thttps://evil.example", "https://testserver@evil.example/",
    "https://testserver.evil.example/", "%2F%2Fevil.example/..", "ftp://testserver/", "", " ",
]  # fmt: skip


@pytest.mark.parametrize("to", ELSEWHERE)
def test_a_sign_in_leads_nowhere_else(to):
    ada = make.person("ada")
    first = [try_in(Client(), "ada", PASSWORD, next=to), Client().post(f"/admin/login/?{_query(to)}", _said(next=to))]
    assert {_host(answer.headers["Location"]) for answer in first} == {""}
    set_up(signed_in(ada), ada)
    for address in (CODE, f"{CODE}?{_query(to)}"):
        client = Client()
        asked = client.post(f"/admin/login/?{_query(to)}", _said(next=to))
        assert asked.headers["Location"].startswith(CODE)
        assert client.get(asked.headers["Location"]).status_code == 200
        done = client.post(address, {"code": code_of(second_factor.of(ada)), "next": to})
        assert done.status_code == 302 and _host(done.headers["Location"]) == ""


def _said(**more):
    return {"username": "ada", "password": PASSWORD, **more}


def _query(to):
    return f"next={to}"


def _host(address):
    """As a browser reads it: a backslash is a slash, and spaces around it are not there."""
    read = urlsplit(urljoin("http://testserver/admin/login/", address.strip().replace("\\", "/")))
    return "" if (read.scheme, read.netloc) == ("http", "testserver") else address


def test_a_sign_in_leads_to_the_page_that_asked_for_it():
    make.person("ada")
    asked = Client().get("/admin/together/")
    assert asked.headers["Location"] == "/admin/login/?next=/admin/together/"
    assert "was not saved" not in Client().get(asked.headers["Location"]).content.decode()
    assert try_in(Client(), "ada", PASSWORD, next="/admin/together/").headers["Location"] == "/admin/together/"


def test_a_form_that_led_to_the_sign_in_page_was_not_saved_and_one_is_told():
    make.person("ada")
    sent = Client().post("/admin/together/", {"entry": "1"})
    page = sent.headers["Location"]
    assert page.startswith("/admin/login/?next=/admin/together/&")
    assert "What you sent was not saved" in Client().get(page).content.decode()
    asked = Client().post(page, _said(next="/admin/together/"))
    assert asked.headers["Location"] == "/admin/together/"


def test_signing_out_takes_a_click_not_a_link():
    client = signed_in(make.person("ada"))
    assert client.get("/admin/logout/").status_code == 405
    assert at_the_desk(client)
    assert client.post("/admin/logout/").status_code == 200
    assert not at_the_desk(client)


def test_a_form_from_before_signing_in_anew_is_refused_in_words_with_the_way_back():
    client = Client(enforce_csrf_checks=True)
    client.force_login(make.clinician("ada"))
    sent = form_of(client.get("/admin/conditions/symptom/add/"))
    known = client.cookies["csrftoken"].value
    client.cookies["csrftoken"] = "b" * 32  # signed in anew, in another tab
    answer = client.post("/admin/conditions/symptom/add/", sent)
    said = answer.content.decode()
    assert answer.status_code == 403
    assert "This form was opened before you signed in anew" in said and "Nothing was saved." in said
    assert 'href="/admin/"' in said and "does not have the right" not in said
    # Another site's form is no old form of ours, and who lacks a right is told so.
    client.cookies["csrftoken"] = known
    assert client.post("/admin/conditions/symptom/add/", sent).status_code == 200
    from_elsewhere = client.post("/admin/conditions/symptom/add/", sent, headers={"Origin": "https://evil.example"})
    outsider = signed_in(make.person("outsider", "Publishers")).post("/admin/conditions/symptom/add/", sent)
    for answer in (from_elsewhere, outsider):
        assert answer.status_code == 403 and "You may not do that" in answer.content.decode()


def test_a_session_has_another_key_after_signing_in():
    make.person("ada")
    client = signed_in(make.person("before"))
    before = client.session.session_key
    try_in(client, "ada", PASSWORD)
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


def test_a_new_password_ends_the_sessions_opened_with_the_old_one():
    ada, boss = make.person("ada"), administrator("boss")
    there = signed_in(ada)
    given = {
        "password1": "given-by-the-boss",
        "password2": "given-by-the-boss",
        "usable_password": "true",
        "set-password": "x",
    }
    assert signed_in(boss).post(reverse("admin:auth_user_password_change", args=[ada.pk]), given).status_code == 302
    assert not at_the_desk(there)
    ada.refresh_from_db()
    here, there = signed_in(ada), signed_in(ada)
    own = {
        "old_password": "given-by-the-boss",
        "new_password1": "her-own-long-one",
        "new_password2": "her-own-long-one",
    }
    assert here.post("/admin/password_change/", own).status_code == 302
    assert at_the_desk(here) and not at_the_desk(there)


def test_a_desk_left_open_is_no_place_to_guess_the_password():
    client = signed_in(make.person("ada"))
    new = {"new_password1": "her-own-long-one", "new_password2": "her-own-long-one"}
    answers = [client.post("/admin/password_change/", {"old_password": f"guess-{n}", **new}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "This is not your password." in answers[0].content.decode()
    assert "Try again in 1 minute." in answers[5].content.decode()


def test_a_deactivated_account_is_out_at_once():
    ada = make.person("ada")
    client = signed_in(ada)
    User.objects.update(is_active=False)
    assert not at_the_desk(client)


def test_a_session_ends_after_eight_idle_hours_and_with_the_browser(monkeypatch):
    make.person("ada")
    client = Client()
    cookie = try_in(client, "ada", PASSWORD).cookies["sessionid"]
    assert (cookie["max-age"], cookie["expires"]) == ("", "")
    began = timezone.now()

    def ends_in():
        return round((Session.objects.get().expire_date - began).total_seconds() / 60)

    assert ends_in() == 8 * 60
    for minutes, then in ((5, 8 * 60), (11, 8 * 60 + 11), (15, 8 * 60 + 11), (300, 8 * 60 + 300)):
        at = began + timezone.timedelta(minutes=minutes)
        monkeypatch.setattr(sessions.time, "time", lambda at=at: at.timestamp())
        monkeypatch.setattr(timezone, "now", lambda at=at: at)
        assert at_the_desk(client)
        assert ends_in() == then
    monkeypatch.setattr(timezone, "now", lambda: began + timezone.timedelta(hours=8, minutes=301))
    assert not at_the_desk(client)


def test_sessions_that_ended_are_deleted(monkeypatch):
    signed_in(make.person("ada"))
    Session.objects.update(expire_date=timezone.now())
    monkeypatch.setattr(clock, "_forgot_in", None)
    clock.tick()
    assert not Session.objects.exists()


def test_the_cookies_stay_at_the_desk_and_over_https_carry_a_name_that_browsers_guard():
    environment = {**os.environ, "SECRET_KEY": "s3" * 30, "PUBLIC_ADDRESS": "https://portal.example"}
    asked = "; ".join(
        ("import django", "django.setup()", "from django.conf import settings as s",
         "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_PATH, s.CSRF_COOKIE_PATH, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)")
    )  # fmt: skip
    environment["DJANGO_SETTINGS_MODULE"] = "portal.settings"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["__Secure-session", "__Secure-csrf", "/admin/", "/admin/", "True", "True"], (
        done.stderr
    )
    make.person("ada")
    client = Client()
    client.get("/admin/login/")
    try_in(client, "ada", PASSWORD)
    assert {name: (one["path"], one["httponly"]) for name, one in client.cookies.items()} == dict.fromkeys(
        ("sessionid", "csrftoken", "known"), ("/admin/", True)
    )


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("elevenchars", "at least 12 characters"),
        ("1q2w3e4r5t6y", "too common"),
        ("123456789012345", "entirely numeric"),
        ("eveline.moreau", "too similar"),
    ],
)
def test_an_administrator_makes_no_account_with_a_weak_password_and_nobody_takes_one(password, told):
    boss = signed_in(administrator("boss"))
    new = {"username": "eveline.moreau", "password1": password, "password2": password, "usable_password": "true"}
    assert told in boss.post(reverse("admin:auth_user_add"), new).content.decode()
    assert not User.objects.filter(username="eveline.moreau").exists()
    ada = make.person("eveline.moreau")
    given = {"password1": password, "password2": password, "usable_password": "true", "set-password": "x"}
    assert told in boss.post(reverse("admin:auth_user_password_change", args=[ada.pk]), given).content.decode()
    own = {"old_password": PASSWORD, "new_password1": password, "new_password2": password}
    assert told in signed_in(ada).post("/admin/password_change/", own).content.decode()


def test_only_the_desk_remembers(settings):
    """A reader's page reads no session and sets no cookie, even where a browser sends one."""
    make.published(make.symptom())
    client = signed_in(make.person("ada"))
    seen = client.session[sessions.SEEN]
    assert seen <= int(time.time())
    answer = client.get("/en/symptoms/tremor/", headers={"cookie": f"sessionid={client.session.session_key}"})
    assert not answer.cookies and "Cookie" not in answer.get("Vary", "")
