import datetime as dt
import threading

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, connections, transaction
from django.db.models import ProtectedError

from portal.publishing import actions, reading
from portal.publishing.manuscript import Problem
from portal.publishing.models import Address, Edition, Page, PageHistory, SignOff, Unchangeable
from tests import make

pytestmark = pytest.mark.django_db
ROUNDS = 100 if connection.vendor == "postgresql" else 20  # one writer at a time on the embedded database anyway
MARCH = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)


def signed(words, by, now=None):
    actions.sign_off(words, by=by, capacity="clinical", now=now)
    return words


def test_unsigned_words_are_refused_and_nothing_is_left_behind():
    with pytest.raises(actions.Unsigned):
        actions.publish(make.words_for_the_gate(), by=make.clinician())
    assert (Edition.objects.count(), Page.objects.count()) == (0, 0)


def test_a_changed_letter_un_signs():
    clinician = make.clinician()
    signed(make.words_for_the_gate(text="Take with food."), clinician)
    with pytest.raises(actions.Unsigned):
        actions.publish(make.words_for_the_gate(text="Take with foot."), by=clinician)


def test_changing_the_letter_back_finds_the_signature_again():
    clinician = make.clinician()
    signed(make.words_for_the_gate(text="Take with food."), clinician)
    assert actions.publish(make.words_for_the_gate(text="Take with food."), by=clinician).number == 1


def test_incomplete_words_can_be_neither_signed_nor_published():
    clinician = make.clinician()
    complete = signed(make.words_for_the_gate(), clinician)
    incomplete = make.words_for_the_gate(problems=(Problem("summary", "“In short” is empty in English."),))
    assert incomplete.digest == complete.digest
    with pytest.raises(actions.Incomplete, match="“In short” is empty in English."):
        actions.publish(incomplete, by=clinician)
    with pytest.raises(actions.Incomplete):
        actions.sign_off(incomplete, by=clinician, capacity="clinical")


def test_publishing_the_same_words_twice_makes_one_edition():
    clinician = make.clinician()
    words = signed(make.words_for_the_gate(), clinician)
    assert actions.publish(words, by=clinician) == actions.publish(words, by=clinician)
    assert (Edition.objects.count(), PageHistory.objects.count()) == (1, 1)


def test_signing_the_same_words_twice_makes_one_signature():
    clinician = make.clinician()
    words = make.words_for_the_gate()
    assert signed(words, clinician) and signed(words, clinician)
    assert SignOff.objects.count() == 1


def test_rights_hold_in_the_actions_not_only_in_a_form():
    nobody, clinician = make.person("nobody"), make.clinician()
    words = make.words_for_the_gate()
    with pytest.raises(PermissionDenied):
        actions.sign_off(words, by=nobody, capacity="clinical")
    with pytest.raises(PermissionDenied):
        actions.sign_off(words, by=make.translator(), capacity="clinical")
    signed(words, clinician)
    with pytest.raises(PermissionDenied):
        actions.publish(words, by=nobody)
    edition = actions.publish(words, by=clinician)
    with pytest.raises(PermissionDenied):
        actions.withdraw(reading.address("symptom", "en", "tremor"), by=nobody, reason="I say so")
    with pytest.raises(PermissionDenied):
        actions.restore(Page.objects.get(), edition, by=nobody, reason="I say so")


def test_a_demonstration_signature_publishes_only_in_a_demonstration(settings):
    clinician = make.clinician()
    words = make.words_for_the_gate()
    with pytest.raises(PermissionDenied):
        actions.sign_off(words, by=clinician, capacity="demonstration")
    settings.DEMO = True
    actions.sign_off(words, by=clinician, capacity="demonstration")
    settings.DEMO = False
    with pytest.raises(actions.Unsigned):
        actions.publish(words, by=clinician)
    settings.DEMO = True
    assert actions.publish(words, by=clinician).number == 1


def test_a_translation_is_signed_beside_a_source_edition_of_the_same_page():
    clinician, translator = make.clinician(), make.translator()
    english = actions.publish(signed(make.words_for_the_gate(), clinician), by=clinician)
    other = actions.publish(signed(make.words_for_the_gate("pain"), clinician), by=clinician)
    spanish = make.words_for_the_gate(language="es")
    with pytest.raises(actions.Refused):
        actions.sign_off(spanish, by=translator, capacity="language")
    with pytest.raises(actions.Refused):
        actions.sign_off(spanish, by=translator, capacity="language", source_edition=other)
    actions.sign_off(spanish, by=translator, capacity="language", source_edition=english)
    assert actions.publish(spanish, by=translator).translated_from == english


def test_each_edition_remembers_who_signed_under_the_name_of_that_day():
    clinician = make.clinician()
    words = signed(make.words_for_the_gate(), clinician, now=MARCH)
    actions.publish(words, by=clinician, now=MARCH)
    clinician.last_name = "Married"
    clinician.save()
    published = reading.published(reading.address("symptom", "en", "tremor"))
    assert [(s.signed_as, s.at) for s in published.signatures] == [("Clara Curie", MARCH)]


def test_an_edition_cannot_be_changed_or_deleted():
    clinician = make.clinician()
    edition = actions.publish(signed(make.words_for_the_gate(), clinician), by=clinician)
    edition.summary = "Something else."
    for forbidden in (
        edition.save,
        edition.delete,
        lambda: Edition.objects.update(summary="x"),
        lambda: Edition.objects.filter(pk=edition.pk).delete(),
        lambda: Edition.objects.bulk_update([edition], ["summary"]),
        lambda: Edition.objects.update_or_create(pk=edition.pk, defaults={"summary": "x"}),
        lambda: Edition.objects.bulk_create(
            [edition], update_conflicts=True, update_fields=["summary"], unique_fields=["id"]
        ),
        SignOff.objects.get().delete,
        lambda: SignOff.objects.all().delete(),
        PageHistory.objects.get().delete,
    ):
        with pytest.raises(Unchangeable), transaction.atomic():
            forbidden()
    with pytest.raises(ProtectedError):
        clinician.delete()
    assert Edition.objects.get().summary == "Shaking."


def test_the_database_numbers_each_edition_once():
    clinician = make.clinician()
    edition = actions.publish(signed(make.words_for_the_gate(), clinician), by=clinician)
    twin = Edition.objects.get()
    twin.pk, twin._state.adding = None, True
    with pytest.raises(Exception, match=r"each_number_once|UNIQUE constraint failed"), transaction.atomic():
        twin.save()
    assert Edition.objects.get() == edition


def test_a_new_slug_leaves_the_old_address_to_its_page():
    clinician = make.clinician()
    actions.publish(signed(make.words_for_the_gate(), clinician), by=clinician)
    actions.publish(signed(make.words_for_the_gate(slug="shaking"), clinician), by=clinician)
    assert reading.address("symptom", "en", "tremor").slug == "shaking"
    with pytest.raises(actions.AddressTaken, match="“tremor” belongs to another page"):
        actions.publish(signed(make.words_for_the_gate("pain", slug="tremor"), clinician), by=clinician)
    assert Edition.objects.filter(key="pain").count() == 0


def test_withdraw_and_restore_keep_every_edition_and_say_what_stood_there_when():
    clinician = make.clinician()
    day = dt.timedelta(days=1)
    first = actions.publish(signed(make.words_for_the_gate(text="One."), clinician), by=clinician, now=MARCH)
    actions.publish(signed(make.words_for_the_gate(text="Two."), clinician), by=clinician, now=MARCH + 10 * day)
    page = reading.address("symptom", "en", "tremor")
    actions.withdraw(page, by=clinician, reason="The dose was wrong.", now=MARCH + 20 * day)
    assert list(reading.pages("symptom", "en")) == []
    with pytest.raises(actions.Refused, match="withdrawn already"):
        actions.withdraw(page, by=clinician, reason="Again")
    actions.restore(page, first, by=clinician, reason="The first one was right.", now=MARCH + 30 * day)
    page.refresh_from_db()
    assert (page.edition.number, page.withdrawn_at, page.summary) == (1, None, "One.")
    on = [reading.on(page, (MARCH + days * day).date()) for days in (-1, 0, 15, 25, 35)]
    assert [edition.number if edition else None for edition in on] == [None, 1, 2, None, 1]
    assert [edition.number for edition in reading.editions(page)] == [2, 1]


def test_a_reason_is_asked_for():
    clinician = make.clinician()
    actions.publish(signed(make.words_for_the_gate(), clinician), by=clinician)
    with pytest.raises(actions.Refused, match="Give a reason"):
        actions.withdraw(Page.objects.get(), by=clinician, reason="  ")


def at_the_same_moment(*calls):
    """Run each call on its own connection at once. Returns what each returned or raised."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place, call):
        try:
            barrier.wait(10)
            results[place] = call()
        except Exception as error:
            results[place] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


@pytest.mark.django_db(transaction=True)
def test_two_people_publishing_at_once_leave_one_next_number():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    for round_ in range(ROUNDS):
        words = signed(make.words_for_the_gate(text=f"Round {round_}."), anna)
        results = at_the_same_moment(
            *[lambda by=by, words=words: actions.publish(words, by=by) for by in (anna, berta)]
        )
        assert [result.number for result in results] == [round_ + 1, round_ + 1], results
    assert sorted(Edition.objects.values_list("number", flat=True)) == list(range(1, ROUNDS + 1))
    assert Page.objects.get().edition.number == ROUNDS


@pytest.mark.django_db(transaction=True)
def test_two_people_publishing_a_first_edition_at_once_make_one():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    for round_ in range(ROUNDS):
        words = signed(make.words_for_the_gate(f"first-{round_}"), anna)
        results = at_the_same_moment(
            *[lambda by=by, words=words: actions.publish(words, by=by) for by in (anna, berta)]
        )
        assert [getattr(result, "number", result) for result in results] == [1, 1]
    assert Edition.objects.count() == Page.objects.count() == ROUNDS


@pytest.mark.django_db(transaction=True)
def test_two_objects_racing_for_one_address_leave_one_owner():
    clinician = make.clinician()
    for round_ in range(10):
        pair = [signed(make.words_for_the_gate(f"{key}-{round_}", slug=f"slug-{round_}"), clinician) for key in "ab"]
        results = at_the_same_moment(*[lambda words=words: actions.publish(words, by=clinician) for words in pair])
        assert sorted(type(result).__name__ for result in results) == ["AddressTaken", "Edition"], results
        assert Address.objects.filter(slug=f"slug-{round_}").count() == 1
        assert Edition.objects.filter(slug=f"slug-{round_}").count() == 1
