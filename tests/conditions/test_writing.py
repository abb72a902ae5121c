"""Writing help: it finds what a careful colleague would, and keeps quiet about what is well said."""

from pathlib import Path

import pytest

from conditions import writing
from tests import make
from tests.desk import address, signed_in

pytestmark = pytest.mark.django_db
SEED = Path(__file__).resolve().parents[1] / "data" / "seed.txt"


def advised(topic):
    return [(one.where, one.message) for one in writing.advice(make.fresh(topic))]


def about(topic, where):
    return [message for part, message in advised(topic) if part == where]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>Tremor is a rare disorder.</p>", "<p>Tremor is the most common type of movement disorder.</p>"),
        ("<p>It cannot be cured.</p>", "<p>Tremor can be cured.</p>"),
        ("<p>Tremor starts before the age of 26.</p>", "<p>It usually begins after age 40.</p>"),
        ("<p>Tremor begins before age 26.</p>", "<p>Tremor begins before age 30.</p>"),
        ("<p>Tremor is autosomal dominant.</p>", "<p>Tremor is autosomal recessive.</p>"),
        ("<p>It is not contagious.</p>", "<p>Tremor is contagious.</p>"),
    ],
)
def test_the_same_fact_stated_differently_is_caught(one, other):
    symptom = make.symptom(overview_en=one, causes_en=other)
    assert [m for m in about(symptom, "sections.overview") if "It says two things" in m], advised(symptom)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<p>Tremor is a rare disorder.</p>", "<p>It is uncommon in children.</p>"),
        ("<p>Tremor is rare.</p>", "<p>Common causes are tiredness and coffee.</p>"),
        ("<p>Tremor is rare.</p>", "<p>Headache is very common.</p>"),
        ("<p>Tremor is rare.</p>", "<p>Falls are very common in tremor.</p>"),
        ("<p>It cannot be cured.</p>", "<p>Infections can be cured with medicine.</p>"),
        ("<p>Tremor begins before age 26.</p>", "<p>Tremor begins after age 5.</p>"),
        ("<p>It is not contagious.</p>", "<p>You cannot catch tremor.</p>"),
    ],
)
def test_what_agrees_is_left_alone(one, other):
    assert not [m for _w, m in advised(make.symptom(overview_en=one, causes_en=other)) if "two things" in m]


def test_another_page_that_says_something_else_is_named():
    symptom = make.symptom("tremor", overview_en="<p>Tremor is rare.</p>")
    make.published(symptom)
    condition = make.condition("essential-tremor", name_en="Essential tremor", also_known_as_en="Tremor")
    condition.overview_en = "<p>Tremor is the most common movement disorder.</p>"
    condition.save()
    condition.symptom_rows.create(symptom=symptom)
    assert [m for m in about(condition, "sections.overview") if "in “Tremor” “Tremor is rare.”" in m]


def test_the_seed_article_is_caught_in_its_contradiction():
    paragraphs = [line for line in SEED.read_text().splitlines() if line.strip()]
    half = len(paragraphs) // 2
    text = ["".join(f"<p>{line}</p>" for line in lines) for lines in (paragraphs[:half], paragraphs[half:])]
    condition = make.condition(name_en="Torsion dystonia", overview_en=text[0], causes_en=text[1])
    messages = [message for _where, message in advised(condition)]
    assert any("how common it is" in m and "rare" in m and "most common" in m for m in messages), messages
    assert any("Instead of “suffering from”" in m for m in messages)
    assert any("A sentence of" in m for m in messages)
    assert any("Reads like school year" in m for m in messages)


def test_long_sentences_and_paragraphs_are_quoted():
    long = "This sentence goes on and on, " + "and on " * 20 + "until nobody knows how it began."
    symptom = make.symptom(overview_en=f"<p>{long}</p><p>{'Short. ' * 6}</p>")
    assert [m.split(":")[0] for m in about(symptom, "sections.overview")][:2] == [
        "A sentence of 52 words", "A paragraph of 6 sentences",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "text", "low", "high"),
    [
        ("en", "The cat sat on the mat. It was a big cat. It ran to the dog. " * 5, 1, 2),
        ("en", "Pharmacological intervention necessitates individualised administration. Neurological "
               "complications occasionally materialise. Interdisciplinary rehabilitation demonstrates "
               "considerable effectiveness. " * 8, 16, 20),
        ("es", "El gato come pan. La casa es roja. Mi perro va al mar. " * 6, 1, 6),
        ("fr", "Le chat mange du pain. La maison est rouge. Le chien va à la mer. " * 6, 1, 6),
    ],
)  # fmt: skip
def test_reading_age_tells_easy_from_hard(language, text, low, high):
    assert low <= writing.grade(text, language) <= high


def test_there_is_no_reading_age_where_no_formula_is_sound():
    assert writing.grade("كلمة أخرى. " * 100, "ar") is None
    assert writing.grade("这是一个句子。" * 100, "zh-hans") is None
    assert writing.grade("Too short.", "en") is None
    assert writing.about_text("summary", "这" * 60 + "。", "zh-hans")


def test_missing_sources_alternative_text_and_dead_links_are_named():
    symptom = make.symptom(overview_en='<p><a href="/en/symptoms/nowhere/">Elsewhere</a></p>')
    symptom.facts.create(kind="prevalence", value_en="Few people have it.")
    make.published(make.symptom("pain"))
    symptom.causes_en = '<p><a href="/en/symptoms/pain/">Pain</a></p>'
    symptom.save()
    said = advised(symptom)
    assert ("facts.prevalence.value", "This fact names no source.") in said
    assert ("sections.causes", "No source is said to support this section.") in said
    assert ("sections.overview", "The link to /en/symptoms/nowhere/ leads to no page.") in said
    assert not [m for _w, m in said if "/pain/" in m]


def test_words_of_the_glossary_and_words_it_tells_to_avoid_are_named():
    make.term("dystonia", avoid_en="dystrophia")
    symptom = make.symptom(overview_en="<p>Dystonia is not dystrophia.</p>")
    said = about(symptom, "sections.overview")
    assert "“Dystonia” is a word of the glossary. Is it needed here?" in said
    assert "The glossary avoids “dystrophia” for “Dystonia”. Is that meant here?" in said


def test_advice_stands_beside_the_form_and_stops_nobody(django_assert_max_num_queries):
    clinician = make.clinician()
    symptom = make.symptom(overview_en="<p>People suffering from tremor.</p>")
    make.published(symptom)
    page = signed_in(clinician).get(address(symptom)).content.decode()
    assert "Writing help" in page and "Instead of “suffering from” write “with”." in page
    fresh = make.fresh(symptom)
    with django_assert_max_num_queries(3):
        writing.advice(fresh)
