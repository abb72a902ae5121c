import pytest

from conditions import editions, models
from conditions.content import TopicContent
from portal.publishing.models import Edition
from tests import make

pytestmark = pytest.mark.django_db


def problems(topic, language="en"):
    return [problem.message for problem in make.manuscript(topic, language).problems]


def test_a_whole_object_has_no_problems():
    assert problems(make.condition()) == []
    assert problems(make.treatment()) == []
    assert problems(make.symptom()) == []
    assert problems(make.term()) == []


def test_what_a_patient_needs_is_a_problem_in_words():
    condition = make.condition()
    condition.help_cards.all().delete()
    condition.overview_en = "<p>&nbsp;</p>"
    condition.save()
    fact = models.Fact.objects.create(topic=condition, kind="prevalence", value_en="Rare.")
    assert problems(condition) == [
        "“Overview” is empty in English.",
        "“When to get help” is empty in English.",
        "“How common it is” names no source.",
    ]
    fact.sources.add(make.source())
    treatment = make.treatment()
    treatment.who_should_not_en = ""
    treatment.save()
    assert problems(treatment) == ["“Who should not have it” is empty in English."]


def test_a_gap_in_a_translation_is_a_gap_and_says_so():
    condition = make.condition(in_languages=("en", "fr"))
    make.published(condition)
    make.compared(condition, "fr")
    card = condition.help_cards.get()
    card.what_to_do_fr = ""
    card.save()
    condition.causes_fr = None
    condition.save()
    manuscript = make.manuscript(condition, "fr")
    assert [p.message for p in manuscript.problems] == [
        "“When to get help” is empty in French.",
        "“Causes” is empty in French.",
    ]
    assert "causes of" not in str(manuscript.content)


def test_without_a_source_edition_there_is_nothing_to_translate_from():
    condition = make.condition(in_languages=("en", "es"))
    assert "There is no published English page to translate from yet." in problems(condition, "es")


def test_translators_work_from_the_source_edition_never_from_the_draft():
    symptom = make.symptom(in_languages=("en", "es"))
    models.Code.objects.create(topic=symptom, system="hpo", code="HP:0001337", verified=True)
    make.published(symptom)
    before = make.manuscript(symptom, "es").digest
    models.Code.objects.create(topic=symptom, system="umls", code="C0040822", verified=True)
    symptom.overview_en = "<p>An unsigned new sentence.</p>"
    symptom.save()
    after = make.manuscript(symptom, "es")
    assert after.digest == before
    assert [code["code"] for code in after.content["codes"]] == ["HP:0001337"]
    make.published(symptom)
    assert make.manuscript(symptom, "es").digest != before


def test_unverified_codes_stay_in_the_working_copy():
    symptom = make.symptom()
    models.Code.objects.create(topic=symptom, system="hpo", code="HP:0001337", verified=True)
    models.Code.objects.create(topic=symptom, system="mesh", code="D014202", verified=False)
    assert [code["code"] for code in make.manuscript(symptom).content["codes"]] == ["HP:0001337"]


def test_a_condition_names_its_symptoms_by_key_and_waits_for_their_pages():
    condition, symptom = make.condition(), make.symptom()
    models.ConditionSymptom.objects.create(
        condition=condition, symptom=symptom, frequency="frequent", note_en="In the hands."
    )
    assert problems(condition) == ["The symptom “tremor” has no page in English yet. Publish it first."]
    make.published(symptom)
    edition = make.published(condition)
    assert edition.content["symptoms"] == [{"key": "tremor", "frequency": "frequent", "note": "In the hands."}]
    assert edition.names == {"symptom/tremor": "Tremor"}


def test_renaming_a_symptom_un_signs_no_condition():
    condition, symptom = make.condition(), make.symptom()
    models.ConditionSymptom.objects.create(condition=condition, symptom=symptom, frequency="frequent")
    make.published(symptom)
    make.published(condition)
    symptom.name_en = "Shaking"
    symptom.save()
    make.published(symptom)
    assert make.manuscript(condition).digest == Edition.objects.get(key="torsion-dystonia").digest


def test_an_address_of_another_page_is_a_problem_in_words():
    make.published(make.symptom())
    other = make.symptom("shaking", slug_en="tremor")
    assert problems(other) == ["Another page has the address “tremor” in English. Choose another."]


def test_a_script_never_reaches_an_edition_by_any_road():
    symptom = make.symptom()
    evil = '<p onclick="x()">Safe<script>alert(1)</script><a href="javascript:alert(1)">x</a></p>'
    models.Symptom.objects.filter(pk=symptom.pk).update(overview_en=evil)
    assert make.published(symptom).content["sections"][0]["html"] == "<p>Safe<a>x</a></p>"
    bulk = models.HelpCard(topic=symptom, urgency="urgent", when_to_act_en=evil, what_to_do_en=evil)
    models.HelpCard.objects.bulk_create([bulk])
    assert "script" not in str(make.manuscript(symptom).content)


def test_the_state_of_every_language_costs_the_same_few_queries(django_assert_num_queries):
    condition = make.fresh(make.condition(in_languages=("en", "es", "fr", "ar", "zh-hans", "ru")))
    with django_assert_num_queries(5):
        editions.manuscripts(condition, ["en", "es", "fr", "ar", "zh-hans", "ru"])
    with django_assert_num_queries(5):
        editions.manuscripts(condition, ["en", "es"])


def test_content_of_every_age_can_be_read():
    assert TopicContent.from_json({}) == TopicContent()
    old = {"name": "Tremor", "retired_part": 1, "codes": [{"system": "hpo", "code": "HP:0001337", "retired": True}]}
    content = TopicContent.from_json(old)
    assert (content.name, content.codes[0].code) == ("Tremor", "HP:0001337")


def test_a_row_taken_out_of_the_draft_leaves_its_translation_to_the_public_page():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition)
    make.published(condition, "es")
    before = make.manuscript(condition, "es")
    condition.help_cards.all().delete()
    after = make.manuscript(condition, "es")
    assert (after.digest, after.problems) == (before.digest, ())
