"""Checks of translations: 240 deliberate errors in five languages are caught, the starter content stays quiet.

The set was made from real pairs of the starter content by deliberate edits, and the lists were tuned on it: a regression
test, and no proof for other texts.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from conditions import editions, glossary
from conditions.bundle import collecting
from conditions.starter import loading
from portal import languages
from portal.translating import checks
from portal.translating.columns import column, exactly
from tests import make

ERRORS = json.loads((Path(__file__).resolve().parents[1] / "data" / "translation_errors.json").read_text())
NOT_COMPARED = {"name", "slug", "also_known_as", "misspellings", "avoid"}  # each language has its own
CATCHES = {
    "number": {"number"},
    "unit": {"unit", "number"},
    "negation lost": {"negation"},
    "negation gained": {"negation"},
    "list item lost": {"tag"},
    "paragraph lost": {"tag"},
    "link lost": {"link", "tag"},
    "copy": {"copy"},
    "script": {"script"},
    "doubled": {"doubled"},
    "sentence lost": {"sentence"},
    "term": {"term"},
}


def caught(error):
    term = error.get("term")
    terms = [checks.AgreedTerm(**{k: tuple(v) if isinstance(v, list) else v for k, v in term.items()})] if term else []
    found = {one.what for one in checks.check(error["source"], error["target"], error["language"], terms)}
    return bool(found & CATCHES[error["error"]])


def test_deliberate_errors_are_caught(capsys):
    total, hit = Counter(), Counter()
    for error in ERRORS:
        kind = "negation" if error["error"].startswith("negation") else error["error"]
        total[kind] += 1
        hit[kind] += caught(error)
    with capsys.disabled():
        print("\ntranslation errors caught: " + ", ".join(f"{kind} {hit[kind]} of {total[kind]}" for kind in total))
    assert sum(total.values()) == 240 and {error["language"] for error in ERRORS} == {"es", "fr", "ar", "zh-hans", "ru"}
    assert hit["negation"] >= 0.9 * total["negation"]
    assert hit["term"] >= 0.8 * total["term"]  # a word that stands elsewhere in the text as well is not missed
    assert all(hit[kind] == total[kind] for kind in total if kind not in {"negation", "term"})


@pytest.mark.django_db
def test_the_starter_content_stays_quiet(capsys):
    loading.load()
    pairs, noisy, doses = 0, Counter(), 0
    terms = {language: glossary.agreed(language) for language in ("es", "fr", "ar", "zh-hans", "ru")}
    for kind, model in editions.MODELS.items():
        for topic in model.objects.all():
            cells = [
                cell for cell in collecting.cells(editions.topic(kind, pk=topic.pk)) if cell[2] not in NOT_COMPARED
            ]
            for _name, row, field in cells:
                source = exactly(row, field, languages.SOURCE)
                for language in ("es", "fr", "ar", "zh-hans", "ru"):
                    target = exactly(row, field, language)
                    if source and target:
                        pairs += 1
                        found = checks.check(source, target, language, terms[language])
                        noisy[language] += bool(found)
                        doses += sum(one.is_dose for one in found)
    with capsys.disabled():
        print(f"\nclean pairs with a finding: {sum(noisy.values())} of {pairs} ({dict(noisy)}), {doses} of numbers")
    assert sum(noisy.values()) <= 0.02 * pairs
    assert doses == 0


@pytest.mark.parametrize(
    ("language", "target"),
    [
        ("es", "Tome 2,5 mg dos veces al día."), ("fr", "Prenez 2,5 mg deux fois par jour."),
        ("ar", "تناول ٢٫٥ ملغ مرتين في اليوم."), ("zh-hans", "每次2.5毫克，每天两次。"), ("ru", "Принимайте 2,5 мг дважды в день."),
    ],
)  # fmt: skip
def test_a_dose_is_a_dose_in_every_way_of_writing_it(language, target):
    assert checks.check("Take 2.5 mg twice a day.", target, language) == []


@pytest.mark.parametrize(
    ("language", "source", "target", "what"),
    [
        ("pt-br", "Take two tablets for 5 days.", "Tome dois comprimidos por 5 dias.", []),
        ("de", "Take 2.5 mg for three weeks.", "Nehmen Sie drei Wochen lang 2,5 mg.", []),
        ("uk", "Do not take 10 mg.", "Приймайте 10 мг.", ["negation"]),
        ("fa", "Take 10 mg.", "۱۰ میلی‌گرم بخورید.", []),
        ("fa", "Take 10 mg.", "۱۰۰ میلی‌گرم بخورید.", ["number", "number"]),
        ("so", "Take 2 tablets of 250 mg.", "Qaado laba kiniin oo 250 mg ah.", []),
        ("so", "Take 250 mg.", "Qaado 25 mg.", ["number", "number"]),
    ],
)
def test_planned_languages_are_checked_as_far_as_we_know_them(language, source, target, what):
    assert [one.what for one in checks.check(source, target, language)] == what


@pytest.mark.parametrize(
    ("language", "target", "what"),
    [
        ("es", "Desde el 3 de marzo de 2026.", []), ("es", "Desde el 3 de mayo de 2026.", ["date"]),
        ("ru", "С 3 марта 2026 года.", []), ("ar", "منذ 3 مارس 2026.", []), ("zh-hans", "自2026年3月3日起。", []),
        ("zh-hans", "自2026年5月3日起。", ["number", "date"]), ("fr", "Depuis le 3 mars 2026.", []), ("fr", "Depuis le 3 mai 2026.", ["date"]),
    ],
)  # fmt: skip
def test_a_date_keeps_its_month(language, target, what):
    assert [one.what for one in checks.check("Since 3 March 2026.", target, language)] == what


def sentences_missing(source, target, language, **more):
    return [one.message for one in checks.check(source, target, language, **more) if one.what == "sentence"]


BOTULINUM = (
    "<p>Botulinum toxin is a medicine that relaxes muscles. "
    "A doctor injects it into the muscles that cause unwanted movements or postures.</p>"
)
DOCTOR = (
    "<p>A doctor will ask about symptoms and family, and will examine how you or your child moves. "
    "Tell them if symptoms change during the day.</p>"
)


@pytest.mark.parametrize(
    ("language", "source", "target", "lost"),
    [
        ("es", BOTULINUM, "<p>Un médico la inyecta en los músculos que causan movimientos o posturas no deseados.</p>",
         "Botulinum toxin is a medicine that relaxes muscles."),
        ("es", DOCTOR, "<p>Dígale si los síntomas cambian durante el día.</p>",
         "A doctor will ask about symptoms and family, and will examine how you or your child moves."),
        ("fr", DOCTOR, "<p>Un médecin vous posera des questions sur les symptômes et la famille, et il examinera comment vous ou "
         "votre enfant bougez.</p>", "Tell them if symptoms change during the day."),
    ],
)  # fmt: skip
def test_a_lost_sentence_is_named_in_the_sources_words(language, source, target, lost):
    assert sentences_missing(source, target, language) == [f"A sentence of the source seems to be missing: “{lost}”"]


def test_of_a_changed_source_the_new_sentence_is_named_and_not_one_that_is_there():
    before = "<p>Dystonia makes muscles tighten when nobody wants it. It may begin in one foot.</p>"
    spanish = "<p>La distonía contrae los músculos sin que nadie lo quiera. Puede empezar en un pie.</p>"
    added = "Talk to your doctor before you stop any of your medicines."
    # A sentence is new, and another one only reworded.
    now = f"<p>Dystonia makes your muscles tighten when nobody wants it. {added} It may begin in one foot.</p>"
    assert sentences_missing(before, spanish, "es", made_from=before) == []
    assert sentences_missing(now, spanish, "es", made_from=before) == [
        f"A sentence of the source seems to be missing: “{added}”"
    ]
    reworded = now.replace(f" {added}", "")
    assert sentences_missing(reworded, spanish, "es", made_from=before) == []


def test_a_long_sentence_is_cut_between_two_words():
    long = "Ask " + "somebody whom you trust and who knows you well " * 6 + "for help."
    [said] = sentences_missing(f"It may begin in one foot. {long}", "Puede empezar en un pie.", "es")
    quoted = said.partition("“")[2].removesuffix("”")
    assert quoted.endswith("…") and len(quoted) <= 160
    assert long.startswith(quoted.removesuffix("…").rstrip() + " ")


def test_a_text_of_many_sentences_is_looked_at_in_no_time():
    assert len(sentences_missing("A long one. " * 5000, "Una. " * 3000, "es")) == 1


def test_placeholders_titles_terms_and_words_to_avoid():
    def what(source, target, *terms, **more):
        return [one.what for one in checks.check(source, target, "es", terms, **more)]

    assert what("Dear {name}, %(count)s", "Querido {nombre}, %(count)s") == ["placeholder", "placeholder"]
    assert what("Short", "x" * 66, is_title=True) == ["title"]
    gene = checks.AgreedTerm("Gene", "Gen", avoid=("gen malo",), names=("Gene",))
    assert what("A gene may change.", "Un gen puede cambiar.", gene) == []
    assert what("A gene may change.", "Una cosa puede cambiar.", gene) == ["term"]
    assert what("A gene may change.", "Un gen malo puede cambiar.", gene) == ["avoid"]
    kept = checks.AgreedTerm("TOR1A", "", do_not_translate=True, names=("TOR1A",))
    assert what("The TOR1A test", "La prueba TOR-1", kept)[-1] == "term"


@pytest.mark.django_db
def test_a_wrong_dose_keeps_a_treatment_from_being_signed_and_is_shown_to_its_translator():
    treatment = make.treatment(in_languages=("en", "es"))
    treatment.benefits_en, treatment.benefits_es = "<p>Take 5 mg.</p>", "<p>Tome 50 mg.</p>"
    treatment.save()
    make.published(treatment)
    make.compared(treatment, "es")
    problems = [str(problem) for problem in make.manuscript(treatment, "es").problems]
    assert problems == ["Benefits: “5” of the source is missing here.", "Benefits: “50” is not in the source."]
    setattr(treatment, column("benefits", "es"), "<p>Tome 5 mg.</p>")
    treatment.save()
    assert make.manuscript(treatment, "es").problems == ()
