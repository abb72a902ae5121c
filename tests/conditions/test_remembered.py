"""A page whose facts are all the same again is not made again; whatever else changed, it is."""

import datetime as dt

import polib
import pytest
from django.test import Client
from django.utils import timezone

from conditions import models
from conditions.public import remembered, views
from portal import front, languages
from portal.publishing import actions
from portal.publishing.models import Page
from portal.translating import interface
from tests import make

pytestmark = pytest.mark.django_db

EN, ES = "/en/conditions/torsion-dystonia/", "/es/conditions/torsion-dystonia-es/"


@pytest.fixture(autouse=True)
def nothing_yet(monkeypatch):
    monkeypatch.setattr(remembered, "pages", remembered.Pages())


@pytest.fixture
def made(monkeypatch):
    """How often a page was put into words."""
    templates, render = [], views.render
    monkeypatch.setattr(views, "render", lambda *args, **more: templates.append(args[1]) or render(*args, **more))
    return templates


@pytest.fixture
def dystonia():
    """A condition in two languages that names a symptom and explains a word."""
    tremor = make.symptom("tremor", in_languages=("en", "es"))
    gene = make.term("gene", in_languages=("en", "es"))
    condition = make.condition("torsion-dystonia", in_languages=("en", "es"))
    condition.causes_en, condition.causes_es = "<p>A gene.</p>", "<p>Un gene es.</p>"
    condition.save()
    models.ConditionSymptom.objects.create(condition=condition, symptom=tremor)
    for one in (tremor, gene, condition):
        make.published(make.fresh(one))
        make.published(make.fresh(one), "es")
    return condition


def asked(address, behind_the_front=True):
    return Client().get(address, **({front.KEPT: []} if behind_the_front else {}))


def test_a_page_is_made_once_for_the_same_facts(dystonia, made, django_assert_num_queries):
    first = asked(EN)
    with django_assert_num_queries(5):
        again = asked(EN)
    assert made == ["public/page.html"]
    assert (again.content, again.headers) == (first.content, first.headers)
    assert again.wsgi_request.META[front.PRESSED] == front.press(first.content)
    assert asked(EN, behind_the_front=False).content == first.content
    assert len(made) == 2


def change(made, significance="follow", **words):
    for name, said in words.items():
        setattr(made, name, said)
    made.save()
    make.published(make.fresh(made), significance=significance, note="It was wrong.")


def withdrawn(kind, language):
    page = Page.objects.get(kind=kind, language=language)
    actions.withdraw(page, by=make.signatory(), reason="It was wrong.")


def signed_again():
    words = make.manuscript(models.Condition.objects.get())
    actions.sign_off(words, capacity="clinical", by=make.clinician(), now=timezone.now() + dt.timedelta(days=1))


def written_at_the_desk():
    book = polib.POFile()
    book.append(polib.POEntry(msgid="You are here", msgstr="Usted ve esto"))
    assert interface.take("es", str(book).encode(), by=make.translator()).changed


OTHER_WORDS = {
    "other words": lambda: change(models.Condition.objects.get(), summary_en="Other words."),
    "a wording": lambda: change(models.Condition.objects.get(), "wording", summary_en="Other words."),
    "they may harm": lambda: change(models.Condition.objects.get(), "safety", summary_en="Other words."),
    "a symptom has another name": lambda: change(models.Symptom.objects.get(), name_en="Shaking"),
    "a symptom is gone": lambda: withdrawn("symptom", "en"),
    "a word is explained in other words": lambda: change(models.Term.objects.get(), summary_en="Something else."),
    "a word is gone": lambda: withdrawn("term", "en"),
    "another word is explained": lambda: make.published(make.term("overview")),
    "a translation is gone": lambda: withdrawn("condition", "es"),
    "it is reviewed again": lambda: signed_again(),
}
IN_SPANISH = {
    "the source has other words": OTHER_WORDS["other words"],
    "the source's words may harm": OTHER_WORDS["they may harm"],
    "a word's explanation may harm": lambda: change(models.Term.objects.get(), "safety", summary_en="It is not."),
    "the source is gone": lambda: withdrawn("condition", "en"),
    "a symptom is gone": lambda: withdrawn("symptom", "es"),
    "the desk writes other words of the interface": written_at_the_desk,
}


@pytest.mark.parametrize(
    ("address", "happens"), [(EN, what) for what in OTHER_WORDS] + [(ES, what) for what in IN_SPANISH]
)
def test_whatever_happens_what_is_answered_is_what_would_be_made_now(dystonia, made, address, happens):
    before = [asked(address).content for _twice in range(2)]
    assert len(made) == 1
    (OTHER_WORDS if address == EN else IN_SPANISH)[happens]()
    after = asked(address).content
    assert after not in before
    assert after == asked(address, behind_the_front=False).content == asked(address).content


def test_a_day_on_which_the_review_is_overdue_is_another_fact(dystonia, monkeypatch):
    before = asked(EN).content
    monkeypatch.setattr(timezone, "now", lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=900))
    after = asked(EN).content
    assert b"was due for review" not in before
    assert b"was due for review" in after


def test_a_language_that_is_offered_no_more_is_another_fact(dystonia):
    assert b"/fr/" in asked(EN).content
    with languages.as_decided({"fr": languages.Decided("desk")}):
        assert b"/fr/" not in asked(EN).content


def test_what_needs_more_questions_is_made_each_time(dystonia, made):
    """A translation behind its source is compared with what the source said, which the facts do not hold."""
    change(models.Condition.objects.get(), summary_en="Other words.")
    assert asked(ES).content == asked(ES).content
    assert len(made) == 2


def test_no_more_is_kept_than_was_said(dystonia):
    pages = remembered.Pages(most=10_000)
    for number in range(100):
        pages.keep(number, "words", 1_000)
        pages.keep(number, "words", 1_000)
        pages.get(0)
    assert pages.bytes <= 10_000
    assert [number for number in range(100) if pages.get(number)] == [0, 95, 96, 97, 98, 99]
