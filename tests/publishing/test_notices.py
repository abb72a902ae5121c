import datetime as dt
import os
import smtplib
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import RequestFactory
from django.utils import translation
from django.utils.translation import gettext_lazy

from portal.publishing import audit, notices
from portal.publishing.models import Notice
from tests import make

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
NOON = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
PATH = "/admin/conditions/condition/1/gate/es/"


class Moody(EmailBackend):
    """The locmem back end, but it does what its `mood` says about each mail first."""

    mood = staticmethod(lambda message: None)

    def send_messages(self, messages):
        for message in messages:
            Moody.mood(message)
        return super().send_messages(messages)


@pytest.fixture
def mail_server(settings):
    """Say what happens to a mail: mail_server(down), mail_server() for all is well."""
    settings.EMAIL_BACKEND = f"{Moody.__module__}.Moody"

    def be(mood=lambda message: None):
        Moody.mood = staticmethod(mood)

    be()
    yield be
    be()


def down(message):
    raise ConnectionRefusedError("nobody there")


def after(**time):
    return NOON + dt.timedelta(**time)


def somebody(username="tomas", **fields):
    return make.person(username, email=f"{username}@example.org", **fields)


def received():
    return [
        (message.to[0], sum(line.startswith("- ") for line in message.body.splitlines())) for message in mail.outbox
    ]


# What is put down


def test_a_mail_holds_the_sentence_the_whole_address_and_a_name(settings):
    settings.PUBLIC_ADDRESS = "https://portal.example"
    tomas = somebody(first_name="Tomás", last_name="Tello")
    notices.tell([tomas], "Edition 4 of Tremor is public.", PATH, now=NOON)
    assert notices.deliver(NOON) == 1
    (message,) = mail.outbox
    assert message.to == ["tomas@example.org"]
    assert message.subject == "1 notice from the desk"
    assert "Hello Tomás Tello," in message.body
    assert f"- Edition 4 of Tremor is public.\n  https://portal.example{PATH}\n" in message.body
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_what_is_rolled_back_is_told_to_nobody():
    with pytest.raises(RuntimeError), transaction.atomic():
        notices.tell([somebody()], "It happened.", PATH)
        raise RuntimeError
    assert notices.deliver() == 0
    assert mail.outbox == []


def test_who_did_it_has_no_address_or_may_not_sign_in_is_not_told():
    ana, tomas = somebody("ana"), somebody("tomas")
    people = [ana, tomas, tomas, make.person("without"), somebody("gone", is_active=False)]
    notices.tell(people, "It happened.", PATH, by=ana)
    assert [notice.to for notice in Notice.objects.all()] == [tomas]


def test_who_acts_at_the_desk_is_not_told_of_it_even_when_nobody_says_who_did_it():
    ana, tomas = somebody("ana"), somebody("tomas")
    request = RequestFactory().post("/admin/")
    request.user = ana
    with audit.acting(request):
        notices.tell([ana, tomas], "It happened.", PATH)
    assert [notice.to for notice in Notice.objects.all()] == [tomas]


def test_the_same_sentence_waits_once_and_may_be_told_again_after_it_was_sent():
    tomas = somebody()
    for _twice in range(2):
        notices.tell([tomas], "It happened.", PATH, now=NOON)
    notices.tell([tomas], "It happened.", "/admin/another/", now=NOON)
    assert Notice.objects.count() == 2
    notices.deliver(NOON)
    notices.tell([tomas], "It happened.", PATH, now=NOON)
    assert Notice.objects.count() == 3


def test_the_same_sentence_becomes_urgent_when_it_is_told_as_safety():
    tomas = somebody()
    notices.tell([tomas], "First.", PATH, now=NOON)
    notices.deliver(NOON)
    notices.tell([tomas], "It happened.", PATH, now=NOON)
    assert notices.deliver(after(minutes=1)) == 0
    notices.tell([tomas], "It happened.", PATH, safety=True, now=NOON)
    assert notices.deliver(after(minutes=2)) == 1
    assert mail.outbox[-1].subject == "Safety: 1 notice from the desk"


def test_the_mail_does_not_speak_the_language_of_whoever_acted():
    tomas = somebody()
    with translation.override("fr"):
        notices.tell([tomas], gettext_lazy("Home"), PATH)
        notices.deliver()
    assert "- Home\n" in mail.outbox[0].body
    assert mail.outbox[0].subject == "1 notice from the desk"


@pytest.mark.parametrize("path", ["https://evil.example/", "@evil.example/", "admin/", ""])
def test_a_link_leads_to_this_house(path):
    with pytest.raises(ValueError, match="begins with a stroke"):
        notices.tell([somebody()], "Look.", path)


def test_a_sentence_is_one_line_and_of_any_length():
    notices.tell([somebody()], "One.\n\n- Two.\r\nBcc: all@example.org " + "字" * 900, PATH)
    assert notices.deliver() == 1
    assert received() == [("tomas@example.org", 1)]
    assert len(Notice.objects.get().text) == 500


# When it is sent


def test_one_mail_a_day_and_safety_at_once():
    tomas = somebody()
    notices.tell([tomas], "One.", PATH, now=NOON)
    assert notices.deliver(NOON) == 1
    for hour, text in enumerate(("Two.", "Three.", "Four."), 1):
        notices.tell([tomas], text, PATH, now=after(hours=hour))
        assert notices.deliver(after(hours=hour)) == 0
    assert notices.deliver(after(hours=23, minutes=59)) == 0
    assert notices.deliver(after(hours=24)) == 1
    assert received() == [("tomas@example.org", 1), ("tomas@example.org", 3)]
    notices.tell([tomas], "Five.", PATH, now=after(hours=25))
    assert notices.deliver(after(hours=25)) == 0
    notices.tell([tomas], "The dose was wrong.", PATH, safety=True, now=after(hours=26))
    assert notices.deliver(after(hours=26)) == 1
    assert "- The dose was wrong.\n" in mail.outbox[-1].body.split("- Five.")[0]
    notices.tell([tomas], "Six.", PATH, now=after(hours=27))
    assert notices.deliver(after(hours=49)) == 0
    assert notices.deliver(after(hours=50)) == 1
    assert notices.deliver(after(days=30)) == 0
    assert [count for _to, count in received()] == [1, 3, 2, 1]


def test_each_person_gets_their_own():
    ana, tomas = somebody("ana"), somebody("tomas")
    notices.tell([ana, tomas], "Both.", PATH, now=NOON)
    notices.tell([ana], "Ana alone.", PATH, now=NOON)
    assert notices.deliver(NOON) == 2
    assert received() == [("ana@example.org", 2), ("tomas@example.org", 1)]
    assert [len(message.to) for message in mail.outbox] == [1, 1]


def test_who_left_meanwhile_gets_nothing_and_their_notice_goes_with_the_account():
    tomas = somebody()
    notices.tell([tomas], "It happened.", PATH, now=NOON)
    tomas.is_active = False
    tomas.save()
    assert notices.deliver(NOON) == 0
    tomas.delete()
    assert not Notice.objects.exists()


# When the mail server is ill


def test_nothing_is_lost_while_the_mail_server_is_down(mail_server):
    tomas = somebody()
    notices.tell([tomas], "One.", PATH, now=NOON)
    mail_server(down)
    for minutes in range(0, 60, 5):
        assert notices.deliver(after(minutes=minutes)) == 0
    notices.tell([tomas], "Two.", PATH, now=after(minutes=58))
    mail_server()
    assert notices.deliver(after(minutes=60)) == 1
    assert notices.deliver(after(minutes=70)) == 0
    assert received() == [("tomas@example.org", 2)]


def test_after_a_failure_nobody_is_tried_again_for_five_minutes(mail_server):
    tried = []

    def down_and_counted(message):
        tried.append(message)
        raise smtplib.SMTPServerDisconnected("busy")

    tomas = somebody()
    notices.tell([tomas], "One.", PATH, safety=True, now=NOON)
    mail_server(down_and_counted)
    for seconds in range(0, 300, 15):
        notices.deliver(after(seconds=seconds))
        notices.tell([tomas], f"At {seconds}.", PATH, safety=True, now=after(seconds=seconds))
    assert len(tried) == 1
    notices.deliver(after(seconds=300))
    assert len(tried) == 2


def test_a_mailbox_that_refuses_does_not_stop_the_others(mail_server):
    def refuses_ana(message):
        if message.to == ["ana@example.org"]:
            raise smtplib.SMTPRecipientsRefused({"ana@example.org": (550, b"no such mailbox")})

    mail_server(refuses_ana)
    notices.tell([somebody(name) for name in ("ana", "berta", "carl")], "It happened.", PATH, now=NOON)
    assert notices.deliver(NOON) == 2
    assert received() == [("berta@example.org", 1), ("carl@example.org", 1)]
    assert [notice.to.username for notice in Notice.objects.filter(sent_at=None)] == ["ana"]


def test_an_address_nobody_could_send_to_does_not_stop_the_others():
    make.person("ana", email="ana@example.org\nBcc: all@example.org")
    notices.tell([make.User.objects.get(username="ana"), somebody("berta")], "It happened.", PATH, now=NOON)
    assert notices.deliver(NOON) == 1
    assert received() == [("berta@example.org", 1)]


def test_a_silent_server_costs_one_timeout_a_round_and_everybody_has_their_turn(mail_server):
    tried = []

    def silent(message):
        tried.append(message.to[0])
        raise TimeoutError

    mail_server(silent)
    notices.tell([somebody(name) for name in ("ana", "berta", "carl")], "It happened.", PATH, now=NOON)
    notices.deliver(NOON)
    assert tried == ["ana@example.org"]
    notices.deliver(after(seconds=15))
    notices.deliver(after(seconds=30))
    assert tried == ["ana@example.org", "berta@example.org", "carl@example.org"]
    mail_server()
    notices.deliver(after(minutes=10))
    assert sorted(received()) == [(f"{name}@example.org", 1) for name in ("ana", "berta", "carl")]


def test_no_transaction_is_open_while_the_mail_server_takes_its_time(mail_server):
    depth = []
    mail_server(lambda message: depth.append(len(connection.savepoint_ids)))
    before = len(connection.savepoint_ids)
    notices.tell([somebody()], "It happened.", PATH, now=NOON)
    notices.deliver(NOON)
    assert depth == [before]


@pytest.mark.django_db(transaction=True)
def test_two_deliverers_at_once_send_each_mail_once(mail_server):
    mail_server(lambda message: time.sleep(0.02))
    people = [somebody(f"person-{number}") for number in range(8)]
    for round_ in range(5):
        now = after(days=2 * round_)
        mail.outbox.clear()
        for text in ("One.", "Two."):
            notices.tell(people, text, PATH, now=now)
        barrier, results = threading.Barrier(3), []

        def work(now=now, barrier=barrier, results=results):
            try:
                barrier.wait(10)
                results.append(notices.deliver(now))
            except Exception as error:
                results.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sum(results) == 8, results
        assert sorted(received()) == [(person.email, 2) for person in people]
        assert not Notice.objects.filter(sent_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_a_deliverer_does_not_wait_for_another_one():
    """On PostgreSQL the person whose row somebody holds is passed over; SQLite has one lock for everything."""
    if connection.vendor != "postgresql":
        return
    ana, berta = somebody("ana"), somebody("berta")
    notices.tell([ana, berta], "It happened.", PATH, now=NOON)
    results = []

    def other():
        results.append(notices.deliver(NOON))
        connections.close_all()

    with transaction.atomic():
        make.User.objects.select_for_update().get(pk=ana.pk)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(10)
        assert results == [1]
    assert received() == [("berta@example.org", 1)]
    assert notices.deliver(NOON) == 1


# Settings and the command


def test_the_command_sends_once(capsys):
    notices.tell([somebody()], "It happened.", PATH)
    call_command("deliver")
    call_command("deliver")
    assert capsys.readouterr().out == "Mails sent: 1.\nMails sent: 0.\n"


def settings_with(tmp_path, code, **more):
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "EMAIL_URL"}}
    environment |= {"SECRET_KEY": "s3" * 30, "VAR_DIR": str(tmp_path), **more}
    command = [sys.executable, "-c", f"from portal import settings as s; print(({code}))"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("EMAIL_URL", "mail.example.org", "EMAIL_URL cannot be read. Write smtp+tls://user:password@"),
        ("EMAIL_URL", "https://u:p@mail.example.org", "EMAIL_URL cannot be read."),
        ("EMAIL_URL", "smtp://u:se/cret@mail.example.org", "EMAIL_URL cannot be read."),
        ("EMAIL_URL", "smtp+tls://", "EMAIL_URL names no mail server."),
        ("DEFAULT_FROM_EMAIL", "the portal", "is not an e-mail address. Write portal@example.org"),
    ],
)
def test_a_wrong_mail_setting_gets_an_error_that_teaches_and_tells_no_password(tmp_path, name, value, told):
    done = settings_with(tmp_path, "1", **{name: value})
    assert done.returncode != 0
    assert told in done.stderr
    assert "cret" not in done.stderr.replace("secret", "").replace("SECRET", "")


def test_without_a_mail_server_mails_are_files_and_with_one_they_go_there(tmp_path):
    code = "s.EMAIL_BACKEND, s.EMAIL_FILE_PATH"
    said = settings_with(tmp_path, code).stdout.strip()
    assert said == str(("django.core.mail.backends.filebased.EmailBackend", str(tmp_path / "mail")))
    code = "s.EMAIL_BACKEND.split('.')[-2], s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_HOST_USER, s.EMAIL_HOST_PASSWORD, s.EMAIL_USE_TLS, s.EMAIL_USE_SSL"
    told = settings_with(tmp_path, code, EMAIL_URL="smtp+tls://me%40here:p%2Fw@mail.example.org").stdout.strip()
    assert told == "('smtp', 'mail.example.org', 587, 'me@here', 'p/w', True, False)"
