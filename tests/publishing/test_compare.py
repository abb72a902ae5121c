import pytest

from portal.publishing import compare


def said(before, after):
    return [(run.how, run.text) for run in compare.words(before, after)]


def test_a_number_with_its_unit_is_one_word():
    assert said("<p>Take 10 mg at night.</p>", "<p>Take 5 mg at night.</p>") == [
        ("=", "Take "), ("-", "10 mg"), ("+", "5 mg"), ("=", " at night."),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "taken", "added"),
    [
        ("durante 10 días", "durante 5 días", "10 días", "5 días"),
        ("0,5 mg par jour", "5 mg par jour", "0,5 mg", "5 mg"),
        ("10 мг на ночь", "100 мг на ночь", "10 мг", "100 мг"),
        ("خذ ١٠ ملغ ليلاً", "خذ ٥ ملغ ليلاً", "١٠ ملغ", "٥ ملغ"),
        ("每天10毫克。", "每天5毫克。", "10毫克", "5毫克"),
        ("10 mg", "10 g", "10 mg", "10 g"),
        ("You can take it.", "You cannot take it.", "can", "cannot"),
        ("60 to 70 of 100", "60 to 80 of 100", "70", "80"),
    ],
)
def test_what_was_taken_away_and_added_is_whole_in_every_script(before, after, taken, added):
    runs = said(before, after)
    assert [(how, text) for how, text in runs if how != "="] == [("-", taken), ("+", added)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "Do not stop it, not even for one day, without asking your doctor.",
            "Never take more than 20 mg a day, and ask before you stop.",
        ),
        ("Children take 5 mg in the morning and 10 mg at night.", "From 12 years of age: 2.5 mg twice a day."),
        ("لا تتوقف عن تناول الدواء حتى ليوم واحد.", "يجب ألا تزيد الجرعة على ٢٠ ملغ؛ اسأل طبيبك."),
        ("服药时不要饮酒，每天最多10毫克。", "切勿超过20毫克；饮酒前请先咨询医生。"),
    ],
)
def test_a_sentence_that_was_written_anew_is_told_whole(before, after):
    assert said(before, after) == [("-", before), ("+", after)]


def test_only_the_sentence_that_was_written_anew_is_told_whole():
    before = "<p>It calms the nerves. You should not drink even a little alcohol with it. Take 10 mg at night.</p>"
    after = "<p>It calms the nerves. Never take it together with wine, beer or spirits. Take 5 mg at night.</p>"
    assert said(before, after) == [
        ("=", "It calms the nerves. "),
        ("-", "You should not drink even a little alcohol with it."),
        ("+", "Never take it together with wine, beer or spirits."),
        ("=", " Take "), ("-", "10 mg"), ("+", "5 mg"), ("=", " at night."),
    ]  # fmt: skip
    before, after = "每天10毫克。服药时不要饮酒。如有皮疹请停药。", "每天5毫克。切勿超过最大剂量。如有皮疹请停药。"
    assert said(before, after) == [
        ("=", "每天"), ("-", "10毫克"), ("+", "5毫克"), ("=", "。"),
        ("-", "服药时不要饮酒。"), ("+", "切勿超过最大剂量。"), ("=", "如有皮疹请停药。"),
    ]  # fmt: skip


def test_words_that_were_only_added_or_only_taken_away_stand_in_their_sentence():
    short, long = "Take it.", "Take it with a full glass of water and some food."
    assert [how for how, _text in said(short, long)] == ["=", "+", "="]
    assert [how for how, _text in said(long, short)] == ["=", "-", "="]


def test_every_word_of_both_texts_is_told_once():
    for before, after in (
        ("<ul><li>one</li><li>two &amp; three</li></ul>", "<p>one</p><p>three, two</p>"),
        ("<p>Do not take 10 mg. Stop! Ask first.</p><p>Why?</p>", "<p>Stop. Never take it again? Ask.</p><p>So.</p>"),
    ):
        runs = compare.words(before, after)
        assert "".join(run.text for run in runs if run.how != "+") == compare.plain(before)
        assert "".join(run.text for run in runs if run.how != "-") == compare.plain(after)


def test_parts_are_named_and_compared_by_key_not_by_place():
    before = {"name": "Tremor", "help_cards": [{"key": "a", "what_to_do": "Call."}, {"key": "b", "what_to_do": "Wait."}],
              "codes": [{"system": "hpo", "code": "HP:0001337"}]}  # fmt: skip
    after = {
        "name": "Tremor",
        "help_cards": [{"key": "b", "what_to_do": "Go."}, {"key": "a", "what_to_do": "Call."}],
        "codes": [],
    }
    assert compare.differences(before, after) == [
        ("help_cards.b.what_to_do", "Wait.", "Go."),
        ("codes.hpo.HP:0001337", "hpo.HP:0001337", ""),
    ]


def test_an_empty_part_says_nothing():
    content = {"sections": [{"key": "causes", "html": ""}], "see_also": [{"kind": "symptom", "key": "tremor"}]}
    assert compare.parts(content) == [("see_also.symptom.tremor", "symptom.tremor")]
