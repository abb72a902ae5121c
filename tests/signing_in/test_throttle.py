"""Guessing is slow, for a name that is there as for one that is not, and slows nobody whose account it is."""

import datetime as dt
import re
import threading
import time
from contextlib import suppress

import pytest
from django.contrib.auth import hashers
from django.test import Client, RequestFactory
from django.utils import timezone

from conditions import clock
from portal.publishing.models import AuditEntry
from portal.signing_in import browsers, throttle
from portal.signing_in.models import Lane
from tests import make
from tests.publishing.test_actions import at_the_same_moment

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"
HERE, ELSEWHERE = "192.0.2.1", "203.0.113.9"


def try_in(client=None, name="ada", password="wrong", place=ELSEWHERE, **more):
    sent = {"username": name, "password": password, "next": "/admin/", **more}
    return (client or Client()).post(LOGIN, sent, REMOTE_ADDR=place)


def sign_in(client, name="ada", place=HERE):
    answer = try_in(client, name, "a-long-password", place)
    assert answer.status_code == 302, answer.content.decode()
    return client


def known_browser(name="ada", place=HERE):
    """Somebody signed in here, and out again."""
    client = sign_in(Client(), name, place)
    assert client.post("/admin/logout/").status_code == 200
    return client


def guessed(name="ada", place=ELSEWHERE):
    """As try_in counts, without a form and a password: for hundreds of them. False: it had to wait."""
    with suppress(throttle.Wait):
        throttle.guess("password", name, RequestFactory().post(LOGIN, REMOTE_ADDR=place))
        return True
    return False


@pytest.fixture
def at(monkeypatch):
    """Moves the clock of the throttle: at(minutes=3). It begins early in the day: at midnight networks are forgotten."""
    began = timezone.now().replace(hour=1)

    def move(**passed):
        monkeypatch.setattr(throttle.timezone, "now", lambda: began + dt.timedelta(**passed))

    move()
    yield move


def waits(answer):
    return int(answer["Retry-After"]) if answer.status_code == 429 else 0


# Slow


def test_five_wrong_guesses_are_looked_at_and_then_one_after_1_2_4_8_and_always_15_minutes(at):
    make.person("ada")
    assert [try_in().status_code for _ in range(5)] == [200] * 5
    passed = 0
    for minutes in (1, 2, 4, 8, 15, 15, 15):
        refused = try_in()
        assert waits(refused) == minutes * 60
        at(minutes=passed + minutes, seconds=-1)
        assert waits(try_in()) == 1
        passed += minutes
        at(minutes=passed)
        assert try_in().status_code == 200


def test_while_it_waits_not_even_the_right_password_is_looked_at(at, monkeypatch):
    make.person("ada")
    for _ in range(5):
        try_in()
    looked_at = []
    monkeypatch.setattr(hashers, "verify_password", lambda *args, **kwargs: looked_at.append(args))
    before = AuditEntry.objects.count()
    refused = try_in(password="a-long-password")
    assert refused.status_code == 429
    assert "Nothing was checked. Try again in 1 minute." in refused.content.decode()
    assert looked_at == [] and AuditEntry.objects.count() == before
    monkeypatch.undo()


def test_asking_again_and_again_makes_nobody_wait_longer(at):
    make.person("ada")
    for _ in range(5):
        try_in()
    at(seconds=50)
    assert [waits(try_in()) for _ in range(50)] == [10] * 50
    at(seconds=60)
    sign_in(Client(), place=ELSEWHERE)


def test_an_account_that_is_not_there_is_answered_in_the_same_words(at):
    make.person("ada")
    said = {}
    for name in ("ada", "nobody"):
        answers = [try_in(name=name, place=HERE if name == "ada" else ELSEWHERE) for _ in range(7)]
        texts = [answer.content.decode().replace(name, "*") for answer in answers]
        tokens = [text.split('csrfmiddlewaretoken" value="')[1].split('"')[0] for text in texts]
        said[name] = [(answer.status_code, answer.headers.get("Retry-After"), text.replace(token, ""))
                      for answer, text, token in zip(answers, texts, tokens, strict=True)]  # fmt: skip
    assert said["ada"] == said["nobody"]


def test_an_account_that_is_not_there_costs_as_many_hashes(monkeypatch):
    make.person("ada")
    hashed, encode = [], hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", lambda *said: hashed.append(said[1]) or encode(*said))
    for name in ("ada", "nobody"):
        try_in(name=name, password=f"guess for {name}")
    assert hashed == ["guess for ada", "guess for nobody"]


def test_other_spellings_of_a_name_are_the_same_name(at):
    make.person("ada")
    for name in ("ada", "Ada", "ADA", "ａｄａ", " ada "):
        assert try_in(name=name).status_code == 200
    assert try_in().status_code == 429


def test_a_right_password_forgets_the_mistakes_before_it(at):
    make.person("ada")
    for _round in range(4):
        for _ in range(4):
            assert try_in(place=HERE).status_code == 200
        sign_in(Client())


def test_time_forgives(at):
    make.person("ada")
    for _ in range(8):
        try_in()
    at(hours=6)
    assert [try_in().status_code for _ in range(5)] == [200] * 5


def test_many_names_from_one_place_are_slowed_together(at):
    assert [guessed(f"name-{number}") for number in range(101)] == [True] * 100 + [False]
    assert try_in(name="name-x").status_code == 429
    assert try_in(name="name-x", place=HERE).status_code == 200


def test_a_household_of_ipv6_is_one_place(at):
    answers = [try_in(place=f"2001:db8::{number:x}").status_code for number in range(1, 7)]
    assert answers == [200] * 5 + [429]


# Nobody is locked out


def test_a_flood_from_elsewhere_does_not_slow_the_browser_of_whose_account_it_is(at):
    make.person("ada")
    hers = known_browser()
    for number in range(40):
        try_in(place=f"203.0.113.{number}")
    for _ in range(20):
        try_in(place=HERE)  # from behind her own router
    assert try_in(Client(), password="a-long-password", place=HERE).status_code == 429
    sign_in(hers)


def test_one_machine_that_never_stops_leaves_the_account_open_to_other_browsers(at):
    make.person("ada")
    looked_at = 0
    for minute in range(12 * 60):
        at(minutes=minute)
        looked_at += guessed()
        if minute % 120 == 119:
            sign_in(Client(), place=f"192.0.2.{minute // 120}")
    assert looked_at == 55


def test_many_machines_slow_other_browsers_and_never_for_more_than_15_minutes(at):
    make.person("ada")
    for number in range(200):
        at(seconds=number * 30)
        guessed(place=f"203.0.113.{number}")
    assert 0 < waits(try_in(password="a-long-password", place=HERE)) <= 15 * 60


def test_a_known_browser_is_slowed_by_its_own_guesses_alone(at):
    make.person("ada")
    stolen, other = known_browser(), known_browser()
    assert [try_in(stolen).status_code for _ in range(11)] == [200] * 10 + [429]
    sign_in(other)
    sign_in(Client())


def test_the_cookie_of_one_account_is_worth_nothing_for_another(at):
    make.person("ada")
    make.person("mallory")
    hers = known_browser("mallory", ELSEWHERE)
    assert [try_in(hers).status_code for _ in range(6)] == [200] * 5 + [429]


def test_a_cookie_that_somebody_made_or_changed_is_no_cookie(at):
    make.person("ada")
    signed = known_browser().cookies["known"].value
    for forged in ("", "x", signed[:-1] + ("A" if signed[-1] != "A" else "B"), "W1siYWRhIiwiMSJdXQ:1abcde:" + "x" * 43):
        client = Client()
        client.cookies["known"] = forged
        for _ in range(5):
            try_in(client)
        assert try_in(client).status_code == 429


def test_a_computer_of_many_knows_the_last_ten():
    for number in range(11):
        make.person(f"person-{number}")
    client = Client()
    for number in range(11):
        sign_in(client, f"person-{number}")
    request = type("Request", (), {"COOKIES": {name: morsel.value for name, morsel in client.cookies.items()}})
    assert [bool(browsers.known(request, f"person-{number}")) for number in range(11)] == [False] + [True] * 10


def test_the_cookie_is_for_this_server_the_desk_and_no_script_and_says_no_name(settings):
    make.person("adalovelace")
    for https, name in ((False, "known"), (True, "__Secure-known")):
        settings.SESSION_COOKIE_SECURE = https
        cookie = sign_in(Client(), "adalovelace").cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"], bool(cookie["secure"])) == (
            True, "Strict", "/admin/", https,
        )  # fmt: skip
        assert "ada" not in cookie.value.lower()


def test_a_right_guess_opens_no_lane_that_a_wrong_one_closed(at):
    make.person("ada")
    request = RequestFactory().post(LOGIN, REMOTE_ADDR=HERE)
    for number in range(19):
        guessed(place=f"203.0.113.{number}")
    right = throttle.guess("password", "ada", request)  # the twentieth: it closes the lane for the time being
    assert not guessed(place="203.0.113.99")
    right.was_right()
    right = throttle.guess("password", "ada", request)
    at(minutes=1)
    assert guessed(place="203.0.113.99")
    right.was_right()
    assert not guessed(place="203.0.113.98")


# By mail


def asked_by_mail(name="ada", place=HERE):
    answer = Client().post("/admin/login/by-mail/", {"username": name}, REMOTE_ADDR=place)
    for thread in threading.enumerate():
        if thread.name.startswith("mail for signing in"):
            thread.join(10)
    return answer


def test_a_new_browser_gets_a_lane_of_its_own_by_mail(at, mailoutbox):
    make.person("ada", email="ada@example.org")
    for number in range(30):
        guessed(place=f"203.0.113.{number}")
    hers = Client()
    refused = try_in(hers, password="a-long-password", place=HERE)
    assert refused.status_code == 429 and "/admin/login/by-mail/" in refused.content.decode()
    assert "a mail is on its way" in asked_by_mail().content.decode()
    (mail,) = mailoutbox
    assert mail.to == ["ada@example.org"] and "30 minutes" in mail.body
    link = re.search(r"/admin/login/known/\S+", mail.body)[0]
    assert "need not wait now" in hers.get(link).content.decode()
    assert hers.get("/admin/").status_code == 302  # it opens nothing
    sign_in(hers)


def test_one_mail_is_one_lane_however_often_its_link_is_opened(at, mailoutbox):
    make.person("ada", email="ada@example.org")
    asked_by_mail()
    link = re.search(r"/admin/login/known/\S+", mailoutbox[0].body)[0]
    found = Client()
    answers = []
    for _ in range(11):
        assert found.get(link).status_code == 200
        answers.append(try_in(found).status_code)
    assert answers == [200] * 10 + [429]


def test_a_link_is_too_old_after_half_an_hour_and_not_to_be_made_up(monkeypatch, mailoutbox):
    make.person("ada", email="ada@example.org")
    asked_by_mail()
    link = re.search(r"/admin/login/known/\S+", mailoutbox[0].body)[0]
    later = time.time() + 31 * 60
    assert Client().get(f"{link[:-2]}x/").status_code == 410
    monkeypatch.setattr(time, "time", lambda: later)
    answer = Client().get(link)
    assert answer.status_code == 410 and not answer.cookies


def test_asking_for_a_mail_tells_nobody_who_has_an_account_and_floods_no_mailbox(at, mailoutbox):
    make.person("ada", email="ada@example.org")
    make.person("bob")
    said = {asked_by_mail(name, place).content for name, place in (("ada", HERE), ("bob", HERE), ("nobody", ELSEWHERE))}
    assert len(said) == 1 and len(mailoutbox) == 1
    answers = [asked_by_mail(place=f"203.0.113.{number}").status_code for number in range(20)]
    assert answers.count(200) == 4 and len(mailoutbox) == 5


# What is kept


def test_neither_name_nor_address_is_kept_and_after_hours_nothing(at, monkeypatch):
    try_in(name="My-Password-By-Mistake")
    kept = str(list(Lane.objects.values()))
    assert Lane.objects.count() == 3
    assert not any(said in kept.casefold() for said in ("mistake", ELSEWHERE))
    monkeypatch.setattr(clock, "_forgot_in", None)
    clock.tick(timezone.now() + dt.timedelta(hours=5))
    assert Lane.objects.count() == 3
    clock.tick(timezone.now() + dt.timedelta(hours=7))
    assert Lane.objects.count() == 0


# Many at once, on real connections


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("names", "looked_at"), [(["ada"] * 20, 5), ([f"name-{n}" for n in range(20)], 20)])
def test_twenty_at_once_are_twenty(names, looked_at):
    make.person("ada")
    calls = [lambda name=name: try_in(name=name).status_code for name in names]
    answers = at_the_same_moment(*calls)
    assert sorted(answers) == [200] * looked_at + [429] * (20 - looked_at)
    levels = sorted(round(level) for level in Lane.objects.values_list("level", flat=True))
    assert levels == ([5, 5, 5] if looked_at == 5 else [1] * 40 + [20])
