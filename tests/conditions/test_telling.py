"""Who is told what: the right people, once, in a mail that says where to look; and nobody of their own act."""

import datetime as dt

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from conditions import clock, editions
from portal.publishing import actions, notices
from portal.publishing.actions import Publishing
from portal.publishing.models import Edition, Notice, Page
from tests import make
from tests.desk import signed_in

pytestmark = pytest.mark.django_db


def person(make_one, name, *args, **kwargs):
    one = make_one(name, *args, **kwargs)
    one.email = f"{name}@clinic.example"
    one.save()
    return one


@pytest.fixture
def clinic():
    """A symptom in English and Spanish, edited by its author and waiting."""
    people = {
        "author": person(make.person, "author", "Authors"),
        "reviewer": person(make.clinician, "reviewer"),
        "second": person(make.clinician, "second"),
        "translator": person(make.translator, "translator"),
    }
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    make.published(symptom, "es")
    symptom.summary_en = "Take 5 mg."
    symptom.save()
    editions.refresh(make.fresh(symptom), by=people["author"])
    Notice.objects.all().delete()
    return symptom, people


def press(user, symptom, language="en", **said):
    words = make.manuscript(symptom, language)
    door = reverse("admin:conditions_symptom_gate", args=[symptom.pk, language])
    answer = signed_in(user).post(door, {"digest": words.digest, **said})
    assert answer.status_code == 302, answer.content.decode()


def told():
    return {(notice.to.username, notice.safety, notice.text) for notice in Notice.objects.select_related("to")}


def test_a_request_reaches_the_one_asked_or_all_who_may_sign(clinic):
    symptom, people = clinic
    press(people["author"], symptom, do="ask", to=people["second"].pk, text="The dose?")
    assert told() == {("second", False, "author asks for a review of “Tremor” (English). “The dose?”")}
    Notice.objects.all().delete()
    press(people["reviewer"], symptom, do="ask")
    assert {name for name, _safety, _text in told()} == {"second"}  # the signatory has no address, the asker knows


def test_an_answer_reaches_whose_words_they_are(clinic):
    symptom, people = clinic
    press(people["reviewer"], symptom, do="changes", text="Per day?")
    assert told() == {("author", False, "Clara Curie asks for changes in “Tremor” (English). “Per day?”")}
    Notice.objects.all().delete()
    press(people["reviewer"], symptom, do="sign")
    assert told() == {("author", False, "Clara Curie signed off “Tremor” (English). It can be published.")}


def test_translators_hear_of_a_safety_change_at_once(clinic):
    symptom, people = clinic
    press(people["reviewer"], symptom, do="sign")
    Notice.objects.all().delete()
    press(people["second"], symptom, do="publish", significance="safety", change_note="Half the dose.")
    ((name, safety, text),) = told()
    assert (name, safety) == ("translator", True)
    assert text.startswith("SAFETY: “Tremor” changed") and "Half the dose." in text
    assert notices.deliver() == 1
    assert mail.outbox[0].to == ["translator@clinic.example"] and "/translate/es/" in mail.outbox[0].body


def test_wording_reaches_no_translator(clinic):
    symptom, people = clinic
    symptom.summary_en = "Shaking of tremor."
    symptom.save()
    editions.refresh(make.fresh(symptom), by=people["author"])
    press(people["reviewer"], symptom, do="sign")
    press(people["second"], symptom, do="sign")
    Notice.objects.all().delete()
    press(people["second"], symptom, do="publish", significance="wording")
    assert Edition.objects.filter(language="en").count() == 2 and told() == set()


def test_a_withdrawn_source_is_told_to_those_whose_translation_stays(clinic):
    symptom, people = clinic
    press(people["reviewer"], symptom, do="withdraw", reason="Wrong dose.")
    ((name, safety, text),) = told()
    assert (name, safety) == ("translator", True) and "still public. Reason: Wrong dose." in text


def test_withdrawing_everywhere_leaves_nobody_to_tell(clinic):
    symptom, people = clinic
    press(people["reviewer"], symptom, do="withdraw-everywhere", **{"reason-en": "Wrong dose."})
    assert not Page.objects.filter(withdrawn_at=None).exists() and told() == set()


def test_the_owner_of_a_plan_learns_what_became_of_it(clinic):
    symptom, people = clinic
    words = make.manuscript(symptom)
    actions.sign_off(words, by=people["reviewer"], capacity="clinical")
    soon = timezone.now() + dt.timedelta(minutes=1)
    actions.plan_publishing([Publishing(words, "safety")], by=people["second"], at=soon)
    actions.publish(words, by=people["reviewer"])
    symptom.summary_en = "Take 4 mg."
    symptom.save()
    other = make.manuscript(symptom)
    actions.sign_off(other, by=people["reviewer"], capacity="clinical")
    actions.publish(other, by=people["reviewer"])
    Notice.objects.all().delete()
    clock.tick(soon)
    ((name, safety, text),) = told()
    assert (name, safety) == ("second", True) and "did not happen" in text and "was published after" in text
    assert [one.to for one in mail.outbox] == [["second@clinic.example"]]
