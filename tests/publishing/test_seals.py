import datetime as dt

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from conditions import models
from portal.publishing import actions, seals
from portal.publishing.models import Edition, Page
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def three_editions():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    make.published(condition, "es")
    for number in (2, 3):
        models.Condition.objects.filter(pk=condition.pk).update(overview_en=f"<p>Wording {number}.</p>")
        make.published(condition)
    page = Page.objects.get(language="en")
    by = make.clinician()
    actions.withdraw(page, by=by, reason="Wrong.", now=dt.datetime(2031, 1, 1, tzinfo=dt.UTC))
    actions.restore(
        page,
        Edition.objects.get(language="en", number=2),
        by=by,
        reason="Right.",
        now=dt.datetime(2031, 1, 2, tzinfo=dt.UTC),
    )
    return page


def by_hand(sql, *values):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def test_what_the_actions_made_has_no_fault(three_editions):
    assert list(seals.faults()) == []
    call_command("verify")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        (
            "UPDATE publishing_edition SET summary = 'Take more.' WHERE language = 'en' AND number = 2",
            "it was altered after it was published",
        ),
        ("UPDATE publishing_edition SET published_by_id = NULL WHERE 1 = 0", None),
        ("UPDATE publishing_edition SET change_note = 'x' WHERE language = 'en' AND number = 1", "altered"),
        ("UPDATE publishing_signoff SET digest = 'x' WHERE language = 'es'", "nobody signed its words"),
        ("UPDATE publishing_page SET title = 'Another' WHERE language = 'es'", "is not its edition's"),
        (
            "UPDATE publishing_page SET withdrawn_at = '2031-01-01' WHERE language = 'es'",
            "the page and its history disagree",
        ),
        ("DELETE FROM publishing_address WHERE language = 'es'", "the page has no address"),
    ],
)
def test_what_was_changed_by_hand_is_found(three_editions, sql, told):
    by_hand(sql)
    found = list(seals.faults())
    if told is None:
        assert found == []
        return
    assert any(told in fault for fault in found), found
    with pytest.raises(CommandError, match="faults? in 4 editions"):
        call_command("verify")


def test_a_dropped_and_an_inserted_edition_are_found(three_editions):
    third = Edition.objects.get(language="en", number=3)
    by_hand("UPDATE publishing_edition SET number = 4 WHERE id = %s", third.pk)
    assert "condition/torsion-dystonia/en, edition 4: an edition before it is missing." in list(seals.faults())
    by_hand("UPDATE publishing_edition SET number = 3 WHERE id = %s", third.pk)
    assert list(seals.faults()) == []
    forged = Edition.objects.get(pk=third.pk)
    forged.pk, forged._state.adding, forged.number, forged.summary = None, True, 4, "Forged."
    forged.save()
    assert any("edition 4" in fault for fault in seals.faults())
