import tomllib
from pathlib import Path

import pytest

from portal.publishing import actions, floor
from tests import make

CHANGES = tomllib.loads((Path(__file__).parents[1] / "data" / "source_changes.toml").read_text())


def caught(language, change):
    return floor.reasons({"part": change["before"]}, {"part": change["after"]}, language)


def test_sixty_changes_in_six_languages(capsys):
    missed, called_dangerous, harmless = [], [], 0
    for language, changes in CHANGES.items():
        for change in changes:
            found = caught(language, change)
            if change["is"] == "harmless":
                harmless += 1
                called_dangerous += [(language, change, found)] if found else []
            elif not found:
                missed.append((language, change))
    total = sum(map(len, CHANGES.values()))
    with capsys.disabled():
        print(f"\n{total} changes: {total - harmless - len(missed)} of {total - harmless} dangerous ones caught, "
              f"{len(called_dangerous)} of {harmless} harmless ones called dangerous")  # fmt: skip
    assert total == 60
    assert missed == []
    assert len(called_dangerous) <= harmless / 10, called_dangerous


@pytest.mark.parametrize(
    ("is_", "what"), [("number", "number"), ("unit", "number"), ("negation", "negation"), ("people", "people")]
)
def test_the_reason_is_the_right_one(is_, what):
    for language, changes in CHANGES.items():
        for change in changes:
            if change["is"] == is_:
                assert what in {reason.what for reason in caught(language, change)}, (language, change)


@pytest.mark.django_db
def test_wording_only_of_a_changed_number_needs_two_people():
    anna, berta = make.clinician("anna"), make.clinician("berta")
    first = make.words_for_the_gate(text="Take 10 mg.")
    actions.sign_off(first, by=anna, capacity="clinical")
    actions.publish(first, by=anna, significance="wording")
    second = make.words_for_the_gate(text="Take 5 mg.")
    actions.sign_off(second, by=anna, capacity="clinical")
    with pytest.raises(actions.SecondPerson, match="needs a second person"):
        actions.publish(second, by=anna, significance="wording")
    actions.sign_off(second, by=berta, capacity="clinical")
    assert actions.publish(second, by=anna, significance="wording").number == 2


@pytest.mark.django_db
def test_a_change_said_to_be_more_needs_one_person():
    anna = make.clinician("anna")
    for number, text in enumerate(["Take 10 mg.", "Take 5 mg.", "Do not take it."], 1):
        words = make.words_for_the_gate(text=text)
        actions.sign_off(words, by=anna, capacity="clinical")
        assert actions.publish(words, by=anna, significance="safety").number == number


@pytest.mark.django_db
def test_a_help_card_is_never_wording_only():
    condition = make.condition()
    make.published(condition)
    card = condition.help_cards.get()
    card.what_to_do_en = "<p>Call somebody.</p>"
    card.save()
    with pytest.raises(actions.SecondPerson):
        make.published(condition, significance="wording")
