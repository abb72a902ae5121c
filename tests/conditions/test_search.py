"""A reader finds the page: by any name, misspelt, in any script; and only what is public."""

import random
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from conditions import models
from portal.listening.models import Unanswered
from portal.publishing import actions, search
from portal.publishing.models import Page, SearchEntry
from tests import make, many

pytestmark = pytest.mark.django_db


def ask(words, language="en", **more):
    response = Client().get(f"/{language}/search/", {"q": words, **more})
    assert response.status_code == 200
    return response


def titles(words, language="en"):
    return [page.title for page in search.find(words, language).pages]


def test_names_are_found_by_synonym_and_by_known_misspelling_which_is_not_shown():
    make.published(make.condition(also_known_as_en="Torsion spasm", misspellings_en="dystronia\ndiastonia"))
    for words in ("torsion-DYSTONIA", "spasm", "dystronia", "Diastonia ", "tors", "dystonia torsion"):
        assert "/en/conditions/torsion-dystonia/" in ask(words).content.decode(), words
    assert "dystronia" not in Client().get("/en/conditions/torsion-dystonia/").content.decode()


@pytest.mark.parametrize(
    "words",
    ["<b>", "\x00%", "*", '"', "(", "AND", "a OR b", "' & !", "ǂen", "ǀ", ":*", "x" * 5000, "१२", "á̂̃"],
)
def test_a_question_of_any_kind_is_answered(words):
    make.published(make.symptom())
    html = ask(words).content.decode()
    assert "<b>" not in html
    assert Client().get("/en/search/suggest", {"q": words}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a_slip_is_put_right_said_so_and_the_reader_may_insist():
    make.published(make.condition())
    response = ask("torsion distonja")
    assert response.context["found"].corrected == "torsion dystonia"
    html = response.content.decode()
    assert "“torsion dystonia”" in html and "/en/conditions/torsion-dystonia/" in html
    assert "?q=torsion+distonja&amp;exact=1" in html
    assert not ask("distonja", exact=1).context["found"].corrected


@pytest.mark.django_db(transaction=True)
def test_a_word_that_was_put_right_is_shown_as_its_page_writes_it():
    symptom = make.symptom("swallowing", in_languages=("en", "ar"))
    symptom.name_ar, symptom.summary_ar = "صعوبة البلع", "يتعسر البلع."
    symptom.save()
    for language in ("en", "ar"):
        make.published(symptom, language)
    assert ask("صعوبة البلغ", language="ar").context["found"].corrected == "صعوبة البلع"


def test_a_name_beats_a_mention_and_a_mention_is_found():
    make.published(make.symptom("spasm", name_en="Spasm", summary_en="A muscle tightens."))
    make.published(make.symptom("tremor", name_en="Tremor", summary_en="Unlike a spasm, it comes and goes."))
    found = search.find("spasm", "en")
    assert [page.title for page in found.pages] == ["Spasm"]
    assert [page.title for page in found.mentions] == ["Tremor"]
    assert "Pages that speak of it" in ask("spasm").content.decode()


@pytest.mark.parametrize(
    ("language", "name", "asked"),
    [
        ("es", "Distonía de torsión", "distonia torsion"),
        ("es", "Niñez con temblor", "ninez"),
        ("fr", "Dystonie généralisée", "dystonies generalisees"),
        ("ar", "خلل التوتر الالتوائي", "خَلَل التَّوَتُّر"),
        ("ar", "أدوية الأعصاب", "ادويه الاعصاب"),
        ("ar", "الرُّعاش", "رعاش"),
        ("zh-hans", "扭转性肌张力障碍", "肌张"),
        ("zh-hans", "扭转性肌张力障碍", "障碍"),
        ("ru", "Торсионная дистония", "торсионной дистонии"),
        ("ru", "Лечение уколами", "укол"),
    ],
)
def test_accents_vowel_signs_letters_endings_and_any_two_characters(language, name, asked):
    many.pages(language, [(name, ()), ("别的" if language.startswith("zh") else "Zzz", ())])
    assert titles(asked, language)[:1] == [name]


def test_a_latin_or_foreign_name_finds_the_page_in_the_readers_language():
    condition = make.condition(in_languages=("en", "ar"), also_known_as_en="Dystonia musculorum deformans")
    make.published(condition)
    assert [page.language for page in search.find("musculorum deformans", "ar").elsewhere] == ["en"]
    assert 'lang="en"' in ask("musculorum deformans", "ar").content.decode()
    make.published(condition, "ar")
    found = search.find("musculorum deformans", "ar")
    assert [page.language for page in found.pages] == ["ar"] and not found.elsewhere


def test_what_is_not_public_is_not_found_and_what_is_withdrawn_goes_at_once():
    symptom, by = make.symptom(name_en="Tremor"), make.clinician()
    assert titles("tremor") == []
    first = make.published(symptom)
    models.Symptom.objects.filter(pk=symptom.pk).update(name_en="Secret", summary_en="Unsigned words.")
    assert titles("tremor") == ["Tremor"]
    assert titles("secret") == [] and not search.find("unsigned", "en").mentions
    actions.withdraw(Page.objects.get(), by=by, reason="Wrong.")
    assert titles("tremor") == [] and search.suggest("trem", "en") == [] and not SearchEntry.objects.exists()
    actions.restore(Page.objects.get(), first, by=by, reason="Right after all.")
    assert titles("tremor") == ["Tremor"]


def test_what_has_exactly_this_name_in_another_language_goes_before_what_only_has_the_word():
    dystonia = make.condition("dystonia", in_languages=("en", "ar"), name_en="Dystonia", name_ar="خلل التوتر")
    kind = make.condition(
        "a-kind", in_languages=("en", "ar"), name_en="A kind", name_ar="نوع", also_known_as_ar="Dystonia musculorum"
    )
    for condition in (dystonia, kind):
        make.published(condition)
        make.published(condition, "ar")
    assert titles("dystonia", "ar") == ["خلل التوتر", "نوع"]
    assert titles("Dystonia musculorum", "ar")[:1] == ["نوع"]


def test_a_language_that_is_not_offered_is_not_found_from_another():
    symptom = make.symptom(in_languages=("en", "pt-br"))
    many.pages("pt-br", [("Tremor essencial", ())])
    make.published(symptom)
    assert not search.find("tremor essencial", "es").elsewhere


def test_old_names_are_forgotten_and_a_new_misspelling_needs_no_new_edition():
    symptom = make.symptom(name_en="Tremor")
    make.published(symptom)
    models.Symptom.objects.filter(pk=symptom.pk).update(name_en="Shaking", slug_en="shaking")
    make.published(symptom)
    assert titles("shaking") == ["Shaking"]
    models.Symptom.objects.filter(pk=symptom.pk).update(misspellings_en="shaiking")
    assert make.published(symptom).number == 2
    assert titles("shaiking") == ["Shaking"]


def test_words_that_nothing_has_are_counted_for_the_editors_and_say_nothing_of_the_reader():
    make.published(make.symptom(name_en="Tremor"))
    for words in ("Qwertzuiop", "qwertzuiop", "tremor", "somebody@example.org"):
        ask(words)
    assert list(Unanswered.objects.values_list("language", "words", "count")) == [("en", "qwertzuiop", 2)]


def test_suggestions_begin_as_the_reader_began():
    make.published(make.symptom("tremor", name_en="Tremor"))
    make.published(make.symptom("essential-tremor", name_en="Essential tremor"))
    found = Client().get("/en/search/suggest", {"q": "trem"})
    assert [one["title"] for one in found.json()["suggestions"]] == ["Tremor", "Essential tremor"]
    assert found.json()["suggestions"][0]["url"] == "/en/symptoms/tremor/" and not found.cookies
    assert Client().post("/en/search/suggest").status_code == 405


def test_a_portal_from_before_there_was_an_index_is_indexed():
    make.published(make.symptom(name_en="Tremor"))
    SearchEntry.objects.all().delete()
    assert titles("tremor") == []
    assert (search.reindex(), search.reindex()) == (1, 0)
    assert titles("tremor") == ["Tremor"]


def test_a_question_costs_the_same_however_many_pages_there_are(django_assert_max_num_queries):
    many.pages("en", many.medquad()[:200])
    for words, most in (("disease", 7), ("diseese", 12), ("qwertzuiop", 22)):
        with django_assert_max_num_queries(most):
            ask(words)


def test_real_names_are_found_by_synonym_with_a_slip_and_in_five_languages(capsys):
    """A sample of 400 each; `make bench` asks all. The issue's bounds: 95 %, 85 %, 97 %."""
    dice = random.Random(20261123)
    names = many.medquad()
    made = many.pages("en", names)
    asked = [(synonym, page.title) for (_name, synonyms), page in zip(names, made, strict=True) for synonym in synonyms]
    asked = dice.sample(asked, 400)

    def share(questions, first):
        hits = [title in titles(words)[:first] for words, title in questions]
        return sum(hits) / len(hits)

    by_synonym = share(asked, 5)
    slips = [(words, title) for synonym, title in asked if (words := many.slip(synonym, dice))]
    with_slip = share(slips, 5)
    own = {}
    for language, terms in many.hpo().items():
        terms = dice.sample(terms, 2000)
        many.pages(language, terms, start=100_000)
        sample = terms[:150]
        own[language] = sum(titles(name, language)[:1] == [name] for name, _ in sample) / len(sample)
    with capsys.disabled():
        print(
            f"\nsearch on {connection.vendor}, {len(made)} topics: by synonym {by_synonym:.1%} of {len(asked)} in the first 5, "
            f"with a slip {with_slip:.1%} of {len(slips)}; own name first: "
            + ", ".join(f"{language} {found:.1%}" for language, found in own.items())
        )
    assert by_synonym >= 0.95 and with_slip >= 0.85
    assert min(own.values()) >= 0.97


def test_words_have_the_same_stems_however_many_readers_ask_at_once():
    words = [
        f"{begin}{end}" for begin in ("contract", "general", "relat", "operat") for end in ("ions", "ional", "ing")
    ]
    words = [f"{word} {n}x" for n in range(400) for word in words]
    alone = [search.stems(word, "en") for word in words]
    search._forms_of.cache_clear()
    pause = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as readers:
            at_once = list(
                readers.map(lambda n: [search.stems(word, "en") for word in words[n:] + words[:n]], range(4))
            )
    finally:
        sys.setswitchinterval(pause)
    assert [found[len(words) - n :] + found[: len(words) - n] for n, found in enumerate(at_once)] == [alone] * 4
