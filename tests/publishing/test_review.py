"""On the way to readers: who changed which words, who said what about them, and who may sign them."""

import pytest
from django.core.exceptions import PermissionDenied

from portal.publishing import actions, desk
from portal.publishing.manuscript import Problem
from portal.publishing.models import Change, Entry, Remark, SignOff
from tests import make

pytestmark = pytest.mark.django_db


def saved(by, text="Shaking.", **fields):
    words = make.words_for_the_gate(text=text, **fields)
    actions.remember(words, by=by)
    return words


def state_of(words):
    return desk.entries().get(kind=words.kind, key=words.key, language=words.language).state


def test_who_last_changed_the_words_cannot_sign_them_off():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    words = saved(anna)
    with pytest.raises(actions.FourEyes, match="somebody else"):
        actions.sign_off(words, by=anna, capacity="clinical")
    assert SignOff.objects.count() == 0
    assert actions.sign_off(words, by=berta, capacity="clinical").own_words is False


def test_a_colleagues_change_hands_the_words_over():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    saved(anna, "Shaking.")
    words = saved(berta, "Shaking you do not want.")
    with pytest.raises(actions.FourEyes):
        actions.sign_off(words, by=berta, capacity="clinical")
    assert actions.sign_off(words, by=anna, capacity="clinical")


def test_saving_without_changing_hands_nothing_over():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    words = saved(anna)
    saved(berta)
    with pytest.raises(actions.FourEyes):
        actions.sign_off(words, by=anna, capacity="clinical")


def test_a_program_that_looked_again_launders_nobodys_words():
    """A new source edition changes a translation's digest, not the person who wrote it."""
    anna = make.clinician("anna")
    saved(anna)
    words = make.words_for_the_gate(text="Shaking, rebuilt.")
    actions.remember(words, by=None)
    with pytest.raises(actions.FourEyes):
        actions.sign_off(words, by=anna, capacity="clinical")


def test_a_clinic_of_one_person_may_relax_it_and_then_the_signature_says_so(settings):
    settings.FOUR_EYES = False
    anna = make.clinician("anna")
    assert actions.sign_off(saved(anna), by=anna, capacity="clinical").own_words is True


def test_a_request_for_review_lapses_with_the_words_and_comes_back_with_them():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    words = saved(anna)
    actions.remark(words, "asked", by=anna, text="Please look.", to=berta)
    assert state_of(words) == desk.State.ASKED
    assert [entry.key for entry in desk.waiting_for(berta, ["en"])] == ["tremor"]
    assert not desk.waiting_for(anna, ["en"]).exists()
    assert not desk.waiting_for(berta, ["es"]).exists()
    saved(anna, "Other words.")
    assert state_of(words) == desk.State.NEW
    assert not desk.waiting_for(berta, ["en"]).exists()
    saved(anna)
    assert state_of(words) == desk.State.ASKED


def test_a_request_to_anybody_reaches_everybody_but_its_author():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    actions.remark(saved(anna), "asked", by=anna)
    assert desk.waiting_for(berta, ["en"]).count() == 1
    assert desk.waiting_for(anna, ["en"]).count() == 0


def test_asking_for_changes_reaches_who_changed_the_words_last():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    words = saved(anna)
    actions.remark(words, "asked", by=anna)
    with pytest.raises(actions.Refused, match="Write what"):
        actions.remark(words, "changes", by=berta, text="  ")
    actions.remark(words, "changes", by=berta, text="Say how often.")
    assert state_of(words) == desk.State.CHANGES
    assert desk.changes_asked_of(anna).count() == 1
    assert desk.changes_asked_of(berta).count() == 0


def test_a_signature_given_before_changes_were_asked_for_does_not_hide_them():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    words = saved(anna)
    actions.sign_off(words, by=berta, capacity="clinical")
    assert state_of(words) == desk.State.SIGNED
    actions.remark(words, "changes", by=berta, text="I was too fast.")
    assert state_of(words) == desk.State.CHANGES
    assert not desk.to_publish(["en"]).exists()


def test_what_is_missing_can_be_commented_on_but_not_sent_to_review():
    anna = make.clinician("anna")
    words = saved(anna, problems=(Problem("summary", "“In short” is empty."),))
    assert state_of(words) == desk.State.INCOMPLETE
    with pytest.raises(actions.Incomplete):
        actions.remark(words, "asked", by=anna)
    assert actions.remark(words, "comment", by=anna, text="Half done.", part="summary").digest == words.digest


def test_remarks_need_the_right_to_see_unpublished_words():
    anna, nobody = make.clinician("anna"), make.person("nobody")
    words = saved(anna)
    with pytest.raises(PermissionDenied):
        actions.remark(words, "comment", by=nobody, text="Hello")
    with pytest.raises(PermissionDenied):
        actions.remark(words, "changes", by=make.translator(), text="No")
    with pytest.raises(actions.Refused, match="cannot see"):
        actions.remark(words, "asked", by=anna, to=nobody)
    assert Remark.objects.count() == 0


def test_the_history_keeps_each_persons_words():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    saved(anna, "One.")
    saved(berta, "Two.")
    saved(berta, "Two.")
    saved(anna, "One.")
    told = [(change.by.username, change.content["summary"]) for change in desk.history("symptom", "tremor", "en")]
    assert told == [("anna", "One."), ("berta", "Two."), ("anna", "One.")]
    assert Entry.objects.get().change == Change.objects.last()


def test_work_is_assigned_by_those_who_may_and_taken_by_anybody():
    anna, nobody = make.clinician("anna"), make.person("nobody")
    author = make.person("author", "Authors")
    entry = actions.entry_of(saved(anna))
    with pytest.raises(PermissionDenied):
        actions.assign([entry], by=author, owner=anna)
    assert actions.assign([entry], by=author, owner=author) == 1
    with pytest.raises(actions.Refused):
        actions.assign([entry], by=anna, owner=nobody)
    actions.assign([entry], by=anna, owner=anna)
    assert desk.owned_by(anna).count() == 1


def test_looking_in_another_interface_language_is_no_change():
    anna = make.clinician("anna")
    for message in ("“In short” is empty.", "«En resumen» está vacío."):
        saved(anna, problems=(Problem("summary", message),))
    assert Change.objects.count() == 1
