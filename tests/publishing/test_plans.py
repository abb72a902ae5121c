"""Publishing at a moment, expiry, several at once: exactly the planned words, once, or nothing and a reason."""

import datetime as dt

import pytest
from django.core.exceptions import PermissionDenied

from portal.publishing import actions, reading
from portal.publishing.actions import Publishing
from portal.publishing.models import Edition, Page, PageHistory, Plan, SignOff
from tests import make
from tests.publishing.test_actions import ROUNDS, at_the_same_moment, signed

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 12, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def planned(words, by, at=NOON + HOUR, **said):
    return actions.plan_publishing([Publishing(words, **said)], by=by, at=at, now=NOON)[0]


def test_a_planned_publish_happens_at_its_moment_and_not_before():
    clinician = make.clinician()
    words = signed(make.words_for_the_gate(), clinician)
    planned(words, clinician, change_note="New page.")
    assert actions.carry_out(NOON) == [] and not Edition.objects.exists()
    (plan,) = actions.carry_out(NOON + HOUR)
    edition = Edition.objects.get()
    assert (plan.edition, plan.refusal, edition.published_by, edition.change_note) == (
        edition,
        "",
        clinician,
        "New page.",
    )
    assert (edition.digest, edition.published_at) == (words.digest, NOON + HOUR)
    assert actions.carry_out(NOON + 2 * HOUR) == []


def test_it_publishes_the_planned_words_though_the_working_copy_went_on():
    clinician = make.clinician()
    planned(signed(make.words_for_the_gate(text="Signed."), clinician), clinician)
    actions.remember(make.words_for_the_gate(text="Unsigned."), by=clinician)
    actions.carry_out(NOON + HOUR)
    assert Page.objects.get().summary == "Signed."


def test_only_signed_words_are_planned():
    with pytest.raises(actions.Unsigned):
        planned(make.words_for_the_gate(), make.clinician())
    assert not Plan.objects.exists()


def test_words_published_meanwhile_are_not_overwritten_and_the_owner_learns_why():
    clinician = make.clinician()
    plan = planned(signed(make.words_for_the_gate(text="Old plan."), clinician), clinician)
    actions.publish(signed(make.words_for_the_gate(text="Newer."), clinician), by=clinician, now=NOON)
    actions.carry_out(NOON + HOUR)
    plan.refresh_from_db()
    assert "Edition 1 was published after this was planned" in plan.refusal
    assert Page.objects.get().summary == "Newer."


def test_a_page_withdrawn_meanwhile_does_not_come_back_by_itself():
    clinician = make.clinician()
    actions.publish(signed(make.words_for_the_gate(text="One."), clinician), by=clinician, now=NOON - HOUR)
    plan = planned(signed(make.words_for_the_gate(text="Two."), clinician), clinician)
    actions.withdraw(Page.objects.get(), by=clinician, reason="Wrong dose.", now=NOON + HOUR / 2)
    actions.carry_out(NOON + HOUR)
    plan.refresh_from_db()
    assert "withdrawn after this was planned" in plan.refusal
    assert Page.objects.get().withdrawn_at


def test_who_lost_the_right_meanwhile_publishes_nothing():
    clinician = make.clinician()
    plan = planned(signed(make.words_for_the_gate(), clinician), clinician)
    clinician.is_active = False
    clinician.save()
    actions.carry_out(NOON + HOUR)
    plan.refresh_from_db()
    assert "no right to publish" in plan.refusal and not Edition.objects.exists()


def test_a_plan_can_be_called_off():
    clinician = make.clinician()
    plan = planned(signed(make.words_for_the_gate(), clinician), clinician)
    with pytest.raises(PermissionDenied):
        actions.cancel(plan, by=make.person("nobody"))
    actions.cancel(plan, by=clinician)
    with pytest.raises(actions.Refused, match="meanwhile"):
        actions.cancel(plan, by=clinician)
    assert actions.carry_out(NOON + HOUR) == [] and not Edition.objects.exists()


def test_a_page_expires_on_its_day():
    clinician = make.clinician()
    actions.publish(signed(make.words_for_the_gate(), clinician), by=clinician, now=NOON)
    actions.plan_withdrawal(Page.objects.get(), by=clinician, at=NOON + HOUR, reason="The campaign is over.", now=NOON)
    actions.carry_out(NOON + HOUR / 2)
    assert Page.objects.get().withdrawn_at is None
    actions.carry_out(NOON + HOUR)
    assert Page.objects.get().withdrawal_reason == "The campaign is over."


@pytest.mark.parametrize("at", [NOON, NOON - HOUR, NOON + 1000 * 24 * HOUR])
def test_a_moment_that_makes_no_sense_is_refused(at):
    clinician = make.clinician()
    with pytest.raises(actions.Refused):
        planned(signed(make.words_for_the_gate(), clinician), clinician, at=at)


def test_several_are_published_together_or_not_at_all():
    clinician = make.clinician()
    both = [signed(make.words_for_the_gate(key), clinician) for key in ("tremor", "pain")]
    unsigned = make.words_for_the_gate("fever")
    with pytest.raises(actions.Unsigned):
        actions.publish_together([Publishing(words) for words in (*both, unsigned)], by=clinician)
    assert not Edition.objects.exists()
    editions = actions.publish_together([Publishing(words) for words in both], by=clinician)
    assert [edition.key for edition in editions] == ["tremor", "pain"]


def test_plans_made_together_share_one_fate():
    clinician = make.clinician()
    both = [signed(make.words_for_the_gate(key), clinician) for key in ("tremor", "pain")]
    plans = actions.plan_publishing([Publishing(words) for words in both], by=clinician, at=NOON + HOUR, now=NOON)
    actions.publish(signed(make.words_for_the_gate("pain", text="Newer."), clinician), by=clinician, now=NOON)
    actions.carry_out(NOON + HOUR)
    assert all("published after this was planned" in Plan.objects.get(pk=plan.pk).refusal for plan in plans)
    assert list(Page.objects.values_list("key", flat=True)) == ["pain"]
    assert Page.objects.get().summary == "Newer."


def test_withdrawing_everywhere_takes_every_language_or_none():
    clinician, translator = make.clinician(), make.translator()
    english = actions.publish(signed(make.words_for_the_gate(), clinician), by=clinician)
    spanish = make.words_for_the_gate(language="es")
    actions.sign_off(spanish, by=translator, capacity="language", source_edition=english)
    actions.publish(spanish, by=translator)
    with pytest.raises(actions.Refused, match="Give a reason"):
        actions.withdraw_everywhere("symptom", "tremor", by=clinician, reasons={"es": "Motivo."})
    assert not Page.objects.exclude(withdrawn_at=None).exists()
    pages = actions.withdraw_everywhere("symptom", "tremor", by=clinician, reasons={"en": "The dose was wrong."})
    assert {page.language: page.withdrawal_reason for page in pages} == {"en": "The dose was wrong.", "es": ""}
    assert set(PageHistory.objects.filter(edition=None).values_list("reason", flat=True)) == {"The dose was wrong."}
    with pytest.raises(actions.Refused, match="nothing to withdraw"):
        actions.withdraw_everywhere("symptom", "tremor", by=clinician, reasons={"en": "Again."})


def test_a_recall_report_names_every_language_and_spell():
    clinician, translator = make.clinician(), make.translator()
    wrong = actions.publish(signed(make.words_for_the_gate(text="10 mg"), clinician, NOON), by=clinician, now=NOON)
    spanish = make.words_for_the_gate(language="es", text="10 mg, dice")
    actions.sign_off(spanish, by=translator, capacity="language", source_edition=wrong, now=NOON + HOUR)
    actions.publish(spanish, by=translator, now=NOON + HOUR)
    actions.publish(signed(make.words_for_the_gate(text="5 mg"), clinician, NOON), by=clinician, now=NOON + 2 * HOUR)
    actions.restore(Page.objects.get(language="en"), wrong, by=clinician, reason="By mistake.", now=NOON + 3 * HOUR)
    actions.withdraw(Page.objects.get(language="en"), by=clinician, reason="Too much.", now=NOON + 4 * HOUR)
    told = [(spell.edition.language, spell.since, spell.until, spell.reason) for spell in reading.recall(wrong)]
    assert told == [
        ("en", NOON, NOON + 2 * HOUR, ""),
        ("en", NOON + 3 * HOUR, NOON + 4 * HOUR, "Too much."),
        ("es", NOON + HOUR, None, ""),
    ]


def test_the_next_review_is_what_the_publisher_chose_else_the_kinds_interval(settings):
    settings.REVIEW_INTERVALS = {"symptom": 100}
    clinician = make.clinician()
    first = actions.publish(signed(make.words_for_the_gate(text="One."), clinician, NOON), by=clinician, now=NOON)
    assert first.review_due_on == NOON.date() + dt.timedelta(days=100)
    chosen = NOON.date() + dt.timedelta(days=30)
    second = actions.publish(
        signed(make.words_for_the_gate(text="Two."), clinician, NOON), by=clinician, now=NOON, review_due_on=chosen
    )
    assert second.review_due_on == chosen
    with pytest.raises(actions.Refused, match="next review"):
        actions.publish(
            signed(make.words_for_the_gate(text="Three."), clinician), by=clinician, now=NOON, review_due_on=NOON.date()
        )


@pytest.mark.django_db(transaction=True)
def test_two_clocks_carry_a_plan_out_once():
    clinician = make.clinician()
    for round_ in range(ROUNDS):
        planned(signed(make.words_for_the_gate(text=f"Round {round_}."), clinician, NOON), clinician)
        results = at_the_same_moment(*[lambda: actions.carry_out(NOON + HOUR)] * 2)
        assert sorted(len(ended) for ended in results) == [0, 1], results
    assert Edition.objects.count() == ROUNDS
    assert not Plan.objects.exclude(refusal="").exists()


@pytest.mark.django_db(transaction=True)
def test_publish_and_withdraw_at_once_leave_a_page_its_history_agrees_with():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    actions.publish(signed(make.words_for_the_gate(), anna), by=anna)
    page = Page.objects.get()
    for round_ in range(ROUNDS):
        words = signed(make.words_for_the_gate(text=f"Round {round_}."), anna)
        results = at_the_same_moment(
            lambda words=words: actions.publish(words, by=anna),
            lambda: actions.withdraw(page, by=berta, reason="Wrong."),
        )
        assert isinstance(results[0], Edition), results
        page.refresh_from_db()
        last = PageHistory.objects.filter(page=page).order_by("-at", "-pk").first()
        assert last.edition_id == (None if page.withdrawn_at else page.edition_id)
        assert page.edition.number == round_ + 2
    assert PageHistory.objects.filter(edition__isnull=False).count() == ROUNDS + 1


@pytest.mark.django_db(transaction=True)
def test_signing_while_somebody_edits_never_signs_words_nobody_read():
    """Whoever is first: a signature stands for what its signer read, and nobody signs what they wrote last."""
    anna, berta = make.clinician("anna"), make.clinician("berta")
    for round_ in range(ROUNDS):
        read = make.words_for_the_gate(text=f"Read {round_}.")
        written = make.words_for_the_gate(text=f"Written {round_}.")
        actions.remember(read, by=anna)
        signature, change = at_the_same_moment(
            lambda read=read: actions.sign_off(read, by=berta, capacity="clinical"),
            lambda written=written: actions.remember(written, by=berta),
        )
        assert change.digest == written.digest
        assert isinstance(signature, SignOff) and signature.digest == read.digest
        with pytest.raises(actions.Unsigned):
            actions.publish(written, by=anna)
        with pytest.raises(actions.FourEyes):
            actions.sign_off(written, by=berta, capacity="clinical")
