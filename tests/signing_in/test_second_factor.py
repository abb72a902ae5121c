"""A code after the password: set up by the person alone, good once, and given back when it is lost."""

import re
import time

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django_otp.plugins.otp_static.models import StaticToken

from portal.publishing import audit
from portal.publishing.models import AuditEntry, Notice
from portal.signing_in import desk, second_factor, throttle
from portal.signing_in.models import Authenticator
from tests import make
from tests.desk import signed_in
from tests.publishing.test_actions import at_the_same_moment
from tests.publishing.test_audit import administrator, form_of
from tests.signing_in.phone import half_minutes, shows  # noqa: F401 -- a fixture
from tests.signing_in.test_throttle import at, try_in  # noqa: F401 -- a fixture

pytestmark = pytest.mark.django_db
PAGE, CODE = "/admin/second-factor/", "/admin/login/code/"
PASSWORD = "a-long-password"


def code_of(device):
    """What the app on the phone shows next."""
    return shows(device.bin_key)


def set_up(client, person):
    """Through the page, as a browser sends it. Returns the device and the recovery codes."""
    assert client.post(PAGE, {"what": "begin", "password": PASSWORD}).status_code == 302
    device = Authenticator.objects.get(user=person, confirmed=False)
    answer = client.post(PAGE, {"what": "confirm", "code": code_of(device)})
    assert answer.status_code == 200
    codes = re.findall(r"<code>([a-z2-7]{5}-[a-z2-7]{5})</code>", answer.content.decode())
    assert len(set(codes)) == 10
    device.refresh_from_db()
    return device, codes


@pytest.fixture
def ada():
    return make.person("ada")


@pytest.fixture
def hers(ada):
    """A browser in which she is signed in with her second factor, her device and her recovery codes."""
    client = signed_in(ada)
    return client, *set_up(client, ada)


def password_given(name="ada", place="192.0.2.1", client=None, **more):
    client = client or Client(REMOTE_ADDR=place)
    answer = try_in(client, name, PASSWORD, place, **more)
    assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (302, CODE)
    return client


def at_the_desk(client):
    return client.get("/admin/").status_code == 200


# Setting up


def test_whoever_has_none_signs_in_as_before(ada):
    answer = try_in(client := Client(), "ada", PASSWORD)
    assert answer.headers["Location"] == "/admin/" and at_the_desk(client)


def test_it_begins_with_the_password_and_counts_only_after_a_code(ada):
    client = signed_in(ada)
    assert "This is not your password." in client.post(PAGE, {"what": "begin", "password": "x"}).content.decode()
    assert not Authenticator.objects.exists()
    client.post(PAGE, {"what": "begin", "password": PASSWORD})
    begun = client.get(PAGE).content.decode()
    device = Authenticator.objects.get()
    assert second_factor.secret(device) in begun and "desk-qr" in begun and "style=" not in begun
    wrong = client.post(PAGE, {"what": "confirm", "code": "000000"}).content.decode()
    assert "This is not the code that the app shows now." in wrong and second_factor.secret(device) in wrong
    assert try_in(Client(), "ada", PASSWORD).headers["Location"] == "/admin/"


def test_a_secret_is_shown_to_the_browser_that_began_and_to_no_other(ada):
    began, other = signed_in(ada), signed_in(ada)
    began.post(PAGE, {"what": "begin", "password": PASSWORD})
    secret = second_factor.secret(Authenticator.objects.get())
    assert secret in began.get(PAGE).content.decode()
    assert secret not in other.get(PAGE).content.decode()
    answer = other.post(PAGE, {"what": "confirm", "code": code_of(Authenticator.objects.get())})
    assert second_factor.of(ada) is None and answer.status_code == 200


def test_secret_and_recovery_codes_are_shown_once_kept_by_no_cache_and_readable_in_no_table(hers):
    client, device, codes = hers
    page = client.get(PAGE)
    assert "no-store" in page["Cache-Control"]
    assert not any(
        said in page.content.decode() for said in (*codes, second_factor.secret(device), device.key, "desk-qr")
    )
    tables = ("otp_static_statictoken", "otp_static_staticdevice", "otp_totp_totpdevice", "publishing_auditentry")
    with connection.cursor() as cursor:
        kept = ""
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            kept += str(cursor.fetchall())
    assert not any(code.replace("-", "") in kept for code in codes)
    assert device.bin_key.hex() not in kept  # what the database holds makes no code without SECRET_KEY
    assert device.key in kept


def test_the_desk_has_no_page_of_other_peoples_devices(hers):
    root = signed_in(User.objects.create_superuser("root", password="x"))
    device = hers[1]
    for address in ("otp_totp/totpdevice/", "otp_static/staticdevice/", f"otp_totp/totpdevice/{device.pk}/change/",
                    f"otp_totp/totpdevice/{device.pk}/qrcode/", "signing_in/lane/", "signing_in/authenticator/"):  # fmt: skip
        assert root.get(f"/admin/{address}").status_code == 404
    shown = root.get(reverse("admin:second-factor-of", args=[device.user_id])).content.decode()
    assert second_factor.secret(device) not in shown and device.key not in shown and "desk-qr" not in shown


# Signing in


def test_the_desk_opens_after_the_code_and_not_before(hers):
    client = password_given()
    assert not at_the_desk(client)
    answer = client.post(CODE, {"code": code_of(hers[1]), "next": "/admin/together/"})
    assert answer.headers["Location"] == "/admin/together/"
    assert at_the_desk(client) and at_the_desk(hers[0])


def test_the_code_is_read_as_people_type_it(hers):
    code = code_of(hers[1])
    arabic = code.translate({ord("0") + n: 0x0660 + n for n in range(10)})
    assert password_given().post(CODE, {"code": f" {arabic[:3]} {arabic[3:]} "}).status_code == 302


def test_no_code_without_a_password_just_given(hers, monkeypatch):
    assert Client().post(CODE, {"code": code_of(hers[1])}).headers["Location"].startswith("/admin/login/")
    client = password_given()
    late = time.time() + desk.PATIENCE + 1
    monkeypatch.setattr(desk.time, "time", lambda: late)
    assert client.post(CODE, {"code": code_of(hers[1])}).headers["Location"].startswith("/admin/login/")
    assert not at_the_desk(client)


def test_a_password_that_was_changed_meanwhile_asks_for_no_code(ada, hers):
    client = password_given()
    ada.set_password("another-long-password")
    ada.save()
    assert client.post(CODE, {"code": code_of(hers[1])}).headers["Location"].startswith("/admin/login/")


def test_a_code_is_good_once(hers):
    code = code_of(hers[1])
    assert password_given().post(CODE, {"code": code}).status_code == 302
    overheard = password_given(place="203.0.113.9")
    answer = overheard.post(CODE, {"code": code})
    assert "it was used before" in answer.content.decode() and not at_the_desk(overheard)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("recovery", [False, True], ids=["of the moment", "recovery"])
def test_a_code_that_is_given_twice_at_the_same_moment_is_good_once(recovery):
    ada = make.person("ada")
    device = second_factor.begin(ada)
    codes = second_factor.confirm(device, code_of(device))
    code = codes[0] if recovery else code_of(device)
    assert sorted(at_the_same_moment(*[lambda: second_factor.check(ada, code)] * 4)) == [False] * 3 + [True]


def test_a_recovery_code_is_good_once_and_noted(hers):
    code = hers[2][3]
    client = password_given()
    assert client.post(CODE, {"recovery": code.upper().replace("-", " ")}).status_code == 302
    assert at_the_desk(client)
    again = password_given()
    assert "This code is wrong" in again.post(CODE, {"recovery": code}).content.decode()
    assert StaticToken.objects.count() == 9
    assert noted()[-1] == ("", "account ada", {"done": "recovery code used", "left": 9})
    assert "9 recovery codes are left." in client.get(PAGE).content.decode()


def test_the_recovery_codes_of_one_person_are_no_other_persons(hers):
    bob = make.person("bob")
    set_up(signed_in(bob), bob)
    client = password_given("bob")
    assert "This code is wrong" in client.post(CODE, {"recovery": hers[2][0]}).content.decode()


def test_whoever_has_the_password_guesses_few_codes_and_does_not_lock_its_owner_out(hers, at):  # noqa: F811 -- the fixture
    known = password_given()
    assert known.post(CODE, {"code": code_of(hers[1])}).status_code == 302
    known.post("/admin/logout/")
    thief = password_given(place="203.0.113.9")
    answers = [thief.post(CODE, {"code": f"{number:06}"}, REMOTE_ADDR="203.0.113.9") for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "Try again in 1 minute." in answers[-1].content.decode()
    for network in range(30):
        thief.post(CODE, {"code": "000000"}, REMOTE_ADDR=f"203.0.113.{network}")
    with pytest.raises(throttle.Wait):
        throttle.guess("code", "ada", Client().get("/").wsgi_request)
    password_given(client=known)
    assert known.post(CODE, {"code": code_of(hers[1])}).status_code == 302


def test_wrong_codes_stand_in_the_log_as_wrong_passwords_do(hers):
    password_given().post(CODE, {"code": "000000"})
    refused = AuditEntry.objects.filter(what="sign-in refused")
    assert [entry.about for entry in refused] == ["account ada"]


def test_the_key_of_the_session_is_another_after_each_step(hers):
    client = Client()
    client.get("/admin/login/")
    keys = [None]
    password_given(client=client)
    keys.append(client.session.session_key)
    client.post(CODE, {"code": code_of(hers[1])})
    keys.append(client.session.session_key)
    assert len(set(keys)) == 3


# Sessions


def test_setting_one_up_ends_the_sessions_that_were_opened_without(ada):
    here, there = signed_in(ada), signed_in(ada)
    assert at_the_desk(there)
    set_up(here, ada)
    assert at_the_desk(here) and not at_the_desk(there)


def test_removing_takes_password_and_code_and_ends_the_other_sessions(ada, hers):
    client, device, codes = hers
    other = password_given()
    assert other.post(CODE, {"code": code_of(device)}).status_code == 302
    for wrong in (
        {"password": "x", "code": codes[0]},
        {"password": PASSWORD, "code": "aaaaabbbbb"},
        {"password": PASSWORD},
    ):
        assert client.post(PAGE, {"what": "remove", **wrong}).status_code == 200
    assert second_factor.of(ada) and StaticToken.objects.count() == 10
    assert client.post(PAGE, {"what": "remove", "password": PASSWORD, "code": codes[0]}).status_code == 302
    assert second_factor.of(ada) is None and StaticToken.objects.count() == 0
    assert at_the_desk(client) and not at_the_desk(other)
    assert noted()[-1] == ("ada", "account ada", {"done": "removed"})


def test_new_recovery_codes_make_the_old_ones_worthless(hers):
    client, device, codes = hers
    answer = client.post(PAGE, {"what": "codes", "password": PASSWORD, "code": code_of(device)})
    new = re.findall(r"<code>([a-z2-7-]{11})</code>", answer.content.decode())
    assert len(new) == 10 and not set(new) & set(codes)
    assert "This code is wrong" in password_given().post(CODE, {"recovery": codes[0]}).content.decode()
    assert password_given().post(CODE, {"recovery": new[0]}).status_code == 302


def test_a_found_session_guesses_no_password_and_no_code(hers):
    client = hers[0]
    answers = [
        client.post(PAGE, {"what": "remove", "password": f"guess-{n}", "code": "1"}).status_code for n in range(7)
    ]
    assert answers == [200] * 5 + [429] * 2


# Lost


def noted():
    found = AuditEntry.objects.filter(what="second factor").order_by("number")
    return [(entry.by.username if entry.by and entry.detail["done"] != "recovery code used" else "", entry.about, entry.detail) for entry in found]  # fmt: skip


def test_an_administrator_takes_away_what_was_lost_and_the_log_says_so(ada, hers):
    boss = administrator("boss")
    User.objects.filter(pk=ada.pk).update(email="ada@example.org")
    client = signed_in(boss)
    address = reverse("admin:second-factor-of", args=[ada.pk])
    assert address in client.get(reverse("admin:auth_user_change", args=[ada.pk])).content.decode()
    assert "ada set one up on" in client.get(address).content.decode()
    assert second_factor.of(ada)
    assert client.post(address).status_code == 302
    assert second_factor.of(ada) is None and StaticToken.objects.count() == 0
    assert not at_the_desk(hers[0])
    assert try_in(Client(), "ada", PASSWORD).headers["Location"] == "/admin/"
    assert noted() == [("ada", "account ada", {"done": "set up"}), ("boss", "account ada", {"done": "reset"})]
    assert Notice.objects.get().to == ada and "taken from your account" in Notice.objects.get().text
    assert "has no second factor" in client.get(address).content.decode()
    assert list(audit.faults()) == []


def test_nobody_takes_away_their_own_without_a_code_nor_that_of_somebody_above_them(ada, hers):
    boss, root = administrator("boss"), User.objects.create_superuser("root", password=PASSWORD)
    for person in (boss, root):
        set_up(client := signed_in(person), person)
        own = reverse("admin:second-factor-of", args=[person.pk])
        assert [client.get(own).status_code, client.post(own).status_code] == [403, 403]
        if person is boss:
            above = reverse("admin:second-factor-of", args=[root.pk])
            assert [client.get(above).status_code, client.post(above).status_code] == [403, 403]
    clinician = signed_in(make.clinician())
    assert clinician.post(reverse("admin:second-factor-of", args=[ada.pk])).status_code == 403
    assert all(map(second_factor.of, (ada, boss, root)))


def test_the_last_administrator_has_a_command(ada, hers, capsys):
    call_command("reset_second_factor", "ada", dry_run=True)
    assert second_factor.of(ada)
    call_command("reset_second_factor", "ada")
    assert second_factor.of(ada) is None
    assert noted()[-1] == ("", "account ada", {"done": "reset"})
    call_command("reset_second_factor", "ada")
    assert "Nothing to do" in capsys.readouterr().out
    with pytest.raises(CommandError, match="There is no account nobody"):
        call_command("reset_second_factor", "nobody")


# Required, and a demonstration


def test_where_it_is_required_nothing_else_comes_first(ada, settings):
    settings.SECOND_FACTOR = "required"
    client = signed_in(ada)
    for address in (
        "/admin/",
        "/admin/together/",
        "/admin/conditions/condition/",
        reverse("admin:auth_user_change", args=[ada.pk]),
    ):
        answer = client.get(address)
        assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert client.post("/admin/conditions/condition/", {"action": "x"}).headers["Location"] == PAGE
    assert "At this desk everybody needs one." in client.get(PAGE).content.decode()
    assert client.get("/admin/password_change/").status_code == 200
    set_up(client, ada)
    assert at_the_desk(client)


def test_in_a_demonstration_nobody_puts_a_factor_on_an_account_that_all_share(ada, settings):
    settings.DEMO, settings.SECOND_FACTOR = True, "required"
    ada.set_password(settings.DEMO_PASSWORD)
    ada.save()
    client = signed_in(ada)
    assert at_the_desk(client)
    answer = client.post(PAGE, {"what": "begin", "password": settings.DEMO_PASSWORD})
    assert "Everybody knows the password" in answer.content.decode()
    assert not Authenticator.objects.exists()


def test_an_account_keeps_its_factor_when_it_is_edited(ada, hers):
    client = signed_in(administrator("boss"))
    assert (
        client.post(reverse("admin:auth_user_change", args=[ada.pk]), form_of(ada, first_name="Ada")).status_code == 302
    )
    assert second_factor.of(ada) and at_the_desk(hers[0])
