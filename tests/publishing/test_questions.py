"""Questions that are written once: they find what the queryset finds, whoever asks them with whatever."""

import threading

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from portal.publishing.models import Page, SignOff
from portal.publishing.questions import Question
from tests import make

KEYS = ("tremor", "pain", "cramp", "fatigue", "stiffness", "jerk", "spasm", "yips", "tic")


def _pages(language, keys):
    return Page.objects.filter(language=language, key__in=keys, withdrawn_at=None).select_related("edition")


@pytest.fixture
def pages(db):
    for key in KEYS:
        symptom = make.symptom(key, in_languages=("en", "es"))
        for language in ("en", "es"):
            make.published(symptom, language)


def test_it_finds_what_the_queryset_finds(pages):
    question = Question(lambda *asked: _pages(*asked).defer("edition__content").order_by("key"))
    for language in ("en", "es", "fr"):
        for many in range(len(KEYS) + 1):
            found = question.ask(language, KEYS[:many])
            assert found == list(_pages(language, KEYS[:many]).order_by("key"))
            assert all(page.edition.get_deferred_fields() == {"content"} for page in found)
            assert [page.edition.title for page in found] == [page.title for page in found]


def test_it_is_asked_in_one_query_and_written_once(pages):
    written = []
    question = Question(lambda *asked: written.append(asked) or _pages(*asked))
    with CaptureQueriesContext(connection) as asked:
        assert [len(question.ask("en", KEYS[:many])) for many in (1, 2, 8, 0, 3)] == [1, 2, 8, 0, 3]
    assert len(asked) == 4
    assert len(written) == 1
    assert len(question.ask("en", KEYS)) == 9
    assert len(written) == 2


def test_it_finds_rows_of_values_as_well(pages):
    question = Question(lambda key: Page.objects.filter(key=key).order_by("language").values_list("slug", named=True))
    assert [row.slug for row in question.ask("tremor")] == ["tremor", "tremor-es"]
    assert question.ask("nowhere") == []


def test_texts_are_never_part_of_the_sql(pages):
    question = Question(lambda key: Page.objects.filter(key=key))
    assert question.ask("' OR 1=1 --") == []
    assert question.ask("text 0") == []
    assert len(question.ask("tremor")) == 2


@pytest.mark.django_db(transaction=True)
def test_every_thread_asks_on_its_own_connection():
    make.published(make.symptom("tremor"), "en")
    question, found = Question(lambda key: Page.objects.filter(key=key)), []

    def ask():
        with CaptureQueriesContext(connection) as asked:
            found.append((len(question.ask("tremor")), len(asked)))
        connections.close_all()

    ask()
    other = threading.Thread(target=ask)
    other.start()
    other.join()
    assert found == [(1, 1), (1, 1)]


def test_a_question_without_texts(db):
    assert Question(lambda: SignOff.objects.order_by("pk")[:1]).ask() == []
