"""What readers tell us: kept once, without who told it, and shown to those who work in that language."""

import datetime as dt
import logging
import time

import pytest
from django.core import signing
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from conditions import clock
from portal.listening import actions, later, masking, protection
from portal.listening.models import Feedback, Unanswered
from portal.publishing import actions as gate
from portal.publishing.models import Page
from tests import make
from tests.desk import signed_in
from tests.publishing.test_actions import at_the_same_moment

pytestmark = pytest.mark.django_db
TREMOR = "/en/symptoms/tremor/feedback/"


@pytest.fixture(autouse=True)
def _nothing_remembered():
    protection._memory.clear()


def stamp(seconds=10):
    return protection.stamp(at=time.time() - seconds)


def tell(address=TREMOR, client=None, **said):
    extra = said.pop("extra", {})
    said = {"answer": "no", "words": "What about children?", "subject": "", "stamp": stamp(), **said}
    return (client or Client()).post(address, said, **extra)


def page(language="en", key="tremor"):
    """A public page in English and, if another is asked for, in that language."""
    made = make.symptom(key, in_languages={"en", language})
    make.published(made)
    if language != "en":
        make.published(made, language)
    return Page.objects.get(key=key, language=language)


# Telling


def test_an_answer_is_asked_for_on_the_page_told_on_a_form_and_thanked_for():
    page()
    reader = Client()
    asked = reader.get("/en/symptoms/tremor/").content.decode()
    assert 'action="/en/symptoms/tremor/feedback/"' in asked
    form = reader.get(f"{TREMOR}?answer=no")
    html = form.content.decode()
    assert 'value="no" checked' in html and '<meta name="robots" content="noindex">' in html
    assert "no-store" in form.headers["Cache-Control"] and not Feedback.objects.exists()
    answer = tell(client=reader)
    assert (answer.status_code, answer["Location"]) == (302, "/en/symptoms/tremor/feedback/thanks/")
    thanks = reader.get(answer["Location"]).content.decode()
    assert 'href="/en/symptoms/tremor/"' in thanks and "noindex" in thanks
    told = Feedback.objects.get()
    assert (told.kind, told.key, told.language, told.edition) == ("symptom", "tremor", "en", 1)
    assert (told.answered, told.words, told.day) == (False, "What about children?", timezone.localdate())
    assert not reader.cookies


def test_earlier_editions_and_previews_do_not_ask():
    page()
    assert "feedback" not in Client().get("/en/symptoms/tremor/editions/1/").content.decode()


def test_it_works_in_arabic_and_the_switch_stays_on_the_form():
    arabic = page("ar")
    address = f"/ar/symptoms/{arabic.slug}/feedback/"
    html = Client().get(f"{address}?answer=yes").content.decode()
    assert 'dir="rtl"' in html and 'href="/en/symptoms/tremor/feedback/?answer=yes"' in html
    assert tell(address, answer="yes", words="ماذا عن الأطفال؟").status_code == 302
    told = Feedback.objects.get()
    assert (told.language, told.words, told.answered) == ("ar", "ماذا عن الأطفال؟", True)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"stamp": ""}, "This form was open for too long"),
        ({"stamp": "forged:\x00é"}, "Null characters"),
        ({"stamp": "forged:é"}, "This form was open for too long"),
        ({"stamp": signing.dumps([0, "other"], salt="another form")}, "This form was open for too long"),
        ({"stamp": lambda: stamp(25 * 60 * 60)}, "This form was open for too long"),
        ({"stamp": lambda: stamp(1)}, "That was very quick"),
        ({"subject": "Buy this"}, "Something was filled in that you cannot see."),
        ({"answer": ""}, "Please choose yes or no."),
        ({"answer": "maybe"}, "Please choose yes or no."),
        ({"words": "x" * 601}, "These words are too long: at most 600 characters fit."),
        ({"words": "a\x00b"}, "Null characters"),
    ],
)
def test_what_cannot_be_taken_comes_back_with_its_words_and_a_reason(said, why):
    page()
    said = {name: value() if callable(value) else value for name, value in said.items()}
    answer = tell(**said)
    html = answer.content.decode()
    assert answer.status_code == 422 and why in html and "<title>Error: " in html
    assert said.get("words", "What about children?") in html
    assert 'name="subject" autocomplete="off"' in html and "Buy this" not in html
    assert not Feedback.objects.exists()
    fresh = html.partition('name="stamp" value="')[2].partition('"')[0]
    assert signing.loads(fresh, salt=protection.SALT)[0] == pytest.approx(time.time(), abs=30)


def test_an_error_is_tied_to_its_field():
    page()
    html = tell(words="x" * 601, answer="").content.decode()
    assert 'href="#words"' in html and 'aria-describedby="words-hint words-error" aria-invalid="true"' in html
    assert 'href="#answer-yes"' in html and 'aria-describedby="answer-error"' in html


def test_six_hundred_characters_fit_however_the_browser_ends_its_lines():
    page()
    assert tell(words="\r\n".join(["ab"] * 200)).status_code == 302
    assert len(Feedback.objects.get().words) == 599


def test_a_stamp_is_good_for_one_answer_and_a_second_click_is_forgiven():
    page()
    once = stamp()
    assert [tell(stamp=once, words="").status_code for _click in range(2)] == [302, 302]
    assert tell(stamp=once, words="Something else.").status_code == 422
    assert Feedback.objects.count() == 1


def test_only_forms_are_taken_and_only_for_pages_there_are():
    withdrawn = page()
    page(key="gone")
    for method in ("put", "patch", "delete"):
        assert getattr(Client(), method)(TREMOR).status_code == 405
    assert Client().post(f"{TREMOR}thanks/").status_code == 405
    assert tell("/en/symptoms/no-such-thing/feedback/").status_code == 404
    assert tell("/xx/symptoms/tremor/feedback/").status_code == 404
    gate.withdraw(withdrawn, by=make.clinician(), reason="Wrong.")
    assert [Client().get(address).status_code for address in (TREMOR, f"{TREMOR}thanks/")] == [410, 410]
    assert tell().status_code == 410
    assert not Feedback.objects.exists()


def test_words_follow_a_page_that_moved():
    symptom = make.symptom()
    make.published(symptom)
    symptom.slug_en = "trembling"
    symptom.save()
    make.published(symptom)
    answer = tell()
    assert (answer.status_code, answer["Location"]) == (308, "/en/symptoms/trembling/feedback/")
    assert Client().get(TREMOR).status_code == 301


# Limits


def test_the_sixth_answer_within_an_hour_is_refused_and_its_words_are_kept(monkeypatch):
    page()
    for number in range(5):
        assert tell(words=f"Words {number}.").status_code == 302
    refused = tell(words="Words of the sixth.")
    assert refused.status_code == 429 and "Words of the sixth." in refused.content.decode()
    forged = {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}  # nobody's proxy: not believed
    assert tell(words="Again.", extra=forged).status_code == 429
    assert tell(words="From elsewhere.", extra={"REMOTE_ADDR": "203.0.113.9"}).status_code == 302
    monkeypatch.setattr(protection, "IN_ALL", 6)
    assert tell(words="One too many.", extra={"REMOTE_ADDR": "203.0.113.10"}).status_code == 429
    assert Feedback.objects.count() == 6


def test_behind_a_proxy_its_last_word_counts_and_a_network_counts_as_one(settings):
    page()
    settings.BEHIND_PROXY = True
    for number in range(5):
        came = {"HTTP_X_FORWARDED_FOR": f"198.51.100.{number}, 2001:db8:1:2::{number}"}
        assert tell(words=f"Words {number}.", extra=came).status_code == 302
    came = {"HTTP_X_FORWARDED_FOR": "198.51.100.99, 2001:db8:1:2:ffff::1"}
    assert tell(words="The sixth.", extra=came).status_code == 429
    assert tell(words="Odd.", extra={"HTTP_X_FORWARDED_FOR": "nonsense"}).status_code == 302


def test_nothing_of_who_told_it_is_kept_or_logged(caplog, monkeypatch):
    page()
    caplog.set_level(logging.DEBUG)
    who = {
        "REMOTE_ADDR": "203.0.113.77",
        "HTTP_USER_AGENT": "Somebody's telephone",
        "HTTP_REFERER": "https://a.example/",
    }
    for words in ("Kept.", "x" * 601):
        answer = tell(words=words, extra=who)
        assert not answer.cookies
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM listening_feedback")
        (row,) = [" ".join(map(str, row)) for row in cursor.fetchall()]
    # The statement itself holds the words and no more.
    for trace in ("203.0.113", "telephone", "a.example"):
        assert trace not in row and trace not in caplog.text
        assert not [key for key in protection._memory._cache if trace in key]
    before = protection._disguised("203.0.113.77")
    assert before == protection._disguised("203.0.113.77")
    monkeypatch.setattr(protection, "_secret", (dt.date(2026, 1, 1), protection._secret[1]))
    assert before != protection._disguised("203.0.113.77")


# Masking


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        # English
        ("Write to ann.lee+x@mail.example.org today.", "Write to […] today."),
        ("ann (at) example.org", "[…]"),
        ("Call +44 (0)20 7946-0958, please", "Call […], please"),
        ("See https://a.example/x?id=5#y now", "See […] now"),
        ("at www.example.org or example.com/me", "at […] or […]"),
        ("Born 03/12/1961.", "Born […]."),
        ("Patient 4857773456.", "Patient […]."),
        ("20 7946\u200b0958", "[…]"),
        # Spanish, French
        ("Escríbame a josé@correo.es, o al 612 34 56 78.", "Escríbame a […], o al […]."),
        ("Mon numéro : 01.23.45.67.89 !", "Mon numéro : […] !"),
        # Arabic and Persian digits, and a change of direction in the middle
        ("رقمي ٠٥٠١٢٣٤٥٦٧ شكرا", "رقمي […] شكرا"),
        ("تلفن ۰۹۱۲-۳۴۵-۶۷۸۹", "تلفن […]"),
        ("رقمي \u202e0501\u202c234567", "رقمي […]"),
        # Chinese, without a space; full-width digits
        ("我的邮箱是abc@example.cn谢谢", "我的邮箱是[…]谢谢"),
        ("电话：１３８００１３８０００。", "电话：[…]。"),
        # Russian
        ("Пишите на иван@почта.рф или +7 (912) 345-67-89", "Пишите на […] или […]"),
        # What stays
        ("Is 0.25 mg or 100-200 mg right? 1 in 10, e.g. at night.", "Is 0.25 mg or 100-200 mg right? 1 in 10, e.g. at night."),
        ("No comma.Then a word. And/or 24/7.", "No comma.Then a word. And/or 24/7."),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\u0007\u2066b\u202ec\r\nd", "abc\nd"),
        ("<b>5</b>", "<b>5</b>"),
    ],
)  # fmt: skip
def test_personal_details_are_masked_and_the_rest_is_left(words, kept):
    assert masking.masked(words) == kept


def test_what_is_stored_is_masked_and_what_is_shown_is_no_html():
    page()
    tell(words="<script>alert(1)</script> me@example.org")
    assert Feedback.objects.get().words == "<script>alert(1)</script> […]"
    shown = signed_in(make.clinician()).get("/admin/listening/feedback/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; […]" in shown and "<script>alert" not in shown


# Once


def test_the_same_words_count_once_a_day_and_bare_answers_each():
    tremor = page()
    for words in ("Same.", " Same. ", "", ""):
        actions.answer(tremor, answered=True, words=words)
    assert sorted(Feedback.objects.values_list("words", flat=True)) == ["", "", "Same."]
    Feedback.objects.update(day=timezone.localdate() - dt.timedelta(days=1))
    actions.answer(tremor, answered=True, words="Same.")
    assert Feedback.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_two_at_once_store_the_same_words_once_and_count_each_search():
    tremor = page()
    said = [
        lambda: actions.answer(tremor, answered=False, words="The very same."),
        lambda: actions.searched_in_vain("dystonai", "en"),
    ]
    assert at_the_same_moment(*said * 4) == [None] * 8
    assert Feedback.objects.count() == 1
    assert [(one.words, one.count) for one in Unanswered.objects.all()] == [("dystonai", 4)]


def test_yes_may_be_said_at_once():
    page()
    answer = tell(answer="yes", words="", stamp=stamp(0))
    assert answer.status_code == 302 and Feedback.objects.get().words == ""


# Searches


def test_a_search_in_vain_is_counted_by_its_words(django_assert_num_queries):
    for words in ("Dystonai", "  dystonai ", "ＤＹＳＴＯＮＡＩ"):
        actions.searched_in_vain(words, "en")
    actions.searched_in_vain("dystonai", "es")
    counted = {(one.language, one.words): one.count for one in Unanswered.objects.all()}
    assert counted == {("en", "dystonai"): 3, ("es", "dystonai"): 1}
    with django_assert_num_queries(1):
        actions.searched_in_vain("dystonai", "en")


@pytest.mark.parametrize(
    "words",
    ["", " \u202e ", "x" * 81, "me@example.org", "0501 234 567", "born 1961 12 ab 3", "٠٥٠١٢٣", "www.a.example"],
)
def test_a_search_that_tells_of_a_person_is_not_kept(words):
    actions.searched_in_vain(words, "en")
    assert not Unanswered.objects.exists()


def test_a_robot_cannot_fill_the_table(monkeypatch):
    monkeypatch.setattr(actions, "WORDS_A_DAY", 3)
    for number in range(6):
        actions.searched_in_vain(f"word {number}", "en")
    actions.searched_in_vain("word 0", "en")
    assert sorted(Unanswered.objects.values_list("words", "count")) == [("word 0", 2), ("word 1", 1), ("word 2", 1)]


def test_the_clock_forgets_what_is_old_once_a_day(settings, monkeypatch, django_assert_num_queries):
    settings.FEEDBACK_DAYS = 30
    monkeypatch.setattr(clock, "_forgot_in", None)
    tremor, today = page(), timezone.localdate()
    for days in (30, 31):
        day = today - dt.timedelta(days=days)
        actions.answer(tremor, answered=True, words="")
        Feedback.objects.filter(day=today).update(day=day)
        Unanswered.objects.create(language="en", words="x", day=day, count=1)
    clock.tick()
    for model in (Feedback, Unanswered):
        assert [(today - one.day).days for one in model.objects.all()] == [30]
    Feedback.objects.update(day=today - dt.timedelta(days=31))
    clock.tick()
    assert Feedback.objects.count() == 1  # not again today


# The desk


def answers():
    """Spanish and French answers of one symptom, and searches in vain in both."""
    topic = make.symptom(in_languages=("en", "es", "fr"))
    for language in ("en", "es", "fr"):
        make.published(topic, language)
    spanish, french = (Page.objects.get(language=language) for language in ("es", "fr"))
    actions.answer(spanish, answered=False, words="¿Y los niños?")
    actions.answer(spanish, answered=True, words="")
    actions.answer(french, answered=False, words="Et les enfants ?")
    actions.searched_in_vain("distonía rara", "es")
    actions.searched_in_vain("dystonie rare", "fr")


def test_everybody_sees_what_was_said_in_their_own_languages():
    answers()
    translator = signed_in(make.translator(languages=("es",)))
    french = Feedback.objects.get(language="fr")
    for address, own, others in (
        ("/admin/", "distonía rara", "dystonie rare"),
        ("/admin/listening/feedback/", "¿Y los niños?", "Et les enfants"),
        ("/admin/listening/feedback/?language=fr", "0 ", "Et les enfants"),
        ("/admin/listening/unanswered/", "distonía rara", "dystonie rare"),
    ):
        said = translator.get(address).content.decode()
        assert own in said and others not in said, address
    assert translator.get(f"/admin/listening/feedback/{french.pk}/change/").status_code == 302
    read = {"action": "mark_read", "_selected_action": [french.pk]}
    translator.post("/admin/listening/feedback/", read)
    assert Feedback.objects.get(pk=french.pk).seen_at is None
    # A clinician works in English; whoever has no role sees nothing.
    assert "niños" not in signed_in(make.clinician()).get("/admin/listening/feedback/").content.decode()
    for somebody in (make.person("new", languages=("es",)), make.person("administrator", "Administrators")):
        client = signed_in(somebody)
        assert client.get("/admin/listening/feedback/").status_code == 403
        assert client.get("/admin/listening/unanswered/").status_code == 403


def test_the_first_page_sums_up_by_page_and_the_unread_words_come_first():
    answers()
    other = make.symptom("chorea", in_languages=("en", "es"))
    make.published(other)
    make.published(other, "es")
    for _number in range(3):
        actions.answer(Page.objects.get(key="chorea", language="es"), answered=True, words="")
    client = signed_in(make.translator(languages=("es",)))
    boxes = {box.heading: box for box in client.get("/admin/").context["today"].boxes}
    rows = [(row.title, row.about) for row in boxes["From readers"].rows]
    assert rows == [("Tremor es", "2 answers, 50 % yes · 1 unread"), ("Chorea es", "3 answers, 100 % yes")]
    assert [(row.title, row.about) for row in boxes["Searched in vain"].rows] == [("distonía rara", "1 time")]
    listed = client.get(boxes["From readers"].rows[0].url)
    assert listed.status_code == 200 and "niños" in listed.content.decode()
    told = Feedback.objects.get(words="¿Y los niños?")
    client.post("/admin/listening/feedback/", {"action": "mark_read", "_selected_action": [told.pk]})
    told.refresh_from_db()
    assert told.seen_at and told.seen_by.username == "translator"
    assert "niños" not in client.get("/admin/listening/feedback/?read=unread").content.decode()


def test_what_readers_said_can_be_neither_written_nor_deleted_at_the_desk():
    answers()
    told = Feedback.objects.filter(language="es").first()
    client = signed_in(make.User.objects.create_superuser("root", password="x"))
    assert client.get("/admin/listening/feedback/add/").status_code == 403
    assert client.post(f"/admin/listening/feedback/{told.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"/admin/listening/feedback/{told.pk}/change/", {"words": "Other."}).status_code == 403
    assert client.get(f"/admin/listening/feedback/{told.pk}/change/").status_code == 200
    assert Feedback.objects.count() == 3


def test_searches_of_several_days_are_one_row_with_the_most_frequent_first():
    today = timezone.localdate()
    for words, day, count in (("rare", 0, 1), ("often", 0, 2), ("often", 1, 5), ("rare", 2, 3)):
        Unanswered.objects.create(language="en", words=words, day=today - dt.timedelta(days=day), count=count)
    listed = signed_in(make.clinician()).get("/admin/listening/unanswered/").context["cl"].result_list
    assert [(row.words, row.total) for row in listed] == [("often", 7), ("rare", 4)]


@pytest.mark.django_db(transaction=True)
def test_a_reader_who_finds_nothing_waits_for_no_writer(monkeypatch):
    """In a server a thread of its own writes; while the database is held or away, searches are forgotten, not readers."""
    waiting = later.Later()
    monkeypatch.setattr(waiting, "_running", True)
    with CaptureQueriesContext(connection) as asked:
        for _time in range(3):
            waiting.searched_in_vain("dystonai", "en")
    assert not asked and not Unanswered.objects.exists()
    waiting.put_down()
    assert [(one.words, one.count) for one in Unanswered.objects.all()] == [("dystonai", 3)]

    def away(*asked):
        raise OperationalError("locked")

    monkeypatch.setattr(actions, "searched_in_vain", away)
    waiting.searched_in_vain("tremro", "en")
    waiting.put_down()
    for number in range(2 * later.MOST):
        waiting.searched_in_vain(f"words {number}", "en")
    assert len(waiting._waiting) == later.MOST
