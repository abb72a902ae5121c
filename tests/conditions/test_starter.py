import re
from collections import Counter

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils.translation import gettext, override

from conditions import editions, models
from conditions.bundle import loading as bundles
from conditions.bundle import reading
from conditions.bundle.form import BundleTopic, Mistakes
from conditions.management.commands.demo import retire_accounts
from conditions.starter import files, loading
from portal import languages
from portal.publishing.models import Edition, Page, SignOff
from tests import make

pytestmark = pytest.mark.django_db
OFFERED = [language.code for language in languages.offered()]

# What the seed's article and the facts name: each has to be an object of its own.
SYMPTOMS = {
    "involuntary-movements", "muscle-spasm", "twisting-postures", "torticollis", "trunk-twisting", "limb-dystonia", "writers-cramp",
    "tremor", "gait-disturbance", "dysarthria", "dysphagia", "blepharospasm", "muscle-soreness", "pain", "fatigue", "body-shape-changes",
}  # fmt: skip
TREATMENTS = {
    "botulinum-toxin", "anticholinergics", "levodopa", "baclofen", "benzodiazepines", "tetrabenazine", "deep-brain-stimulation",
    "physiotherapy", "exercise", "occupational-therapy", "speech-and-language-therapy", "psychological-support",
    "stress-management", "biofeedback", "aids-and-equipment", "genetic-counselling",
}  # fmt: skip
CONDITIONS = {"torsion-dystonia", "dystonia", "cervical-dystonia", "dopa-responsive-dystonia"}


@pytest.fixture(scope="module")
def topics():
    return {(topic.kind, topic.key): topic for topic in files.topics()}


def keys(topics, kind):
    return {key for a_kind, key in topics if a_kind == kind}


def test_every_symptom_and_treatment_the_seed_names_is_an_object(topics):
    assert keys(topics, "symptom") == SYMPTOMS
    assert keys(topics, "treatment") == TREATMENTS
    assert keys(topics, "condition") == CONDITIONS
    torsion = topics["condition", "torsion-dystonia"].shape
    assert {row["key"] for row in torsion["symptoms"]} == SYMPTOMS
    assert {row["key"] for row in torsion["treatments"]} == TREATMENTS


def test_every_object_is_written_in_all_six_languages(topics):
    assert {
        name: set(OFFERED) - set(topic.words) for name, topic in topics.items() if set(OFFERED) - set(topic.words)
    } == {}


def test_the_seeds_synonyms_are_shown_and_its_misspellings_only_found(topics):
    torsion = topics["condition", "torsion-dystonia"].words["en"]
    shown = " ".join(torsion["also_known_as"]).lower()
    for name in ("lordotic dysbasia", "muscle deforming dystonia", "torsion spasm", "torsion neurosis"):
        assert name in shown
    everything = " ".join(str(words) for topic in topics.values() for words in [topic.words["en"]])
    for slip in ("dystronia", "diastonia"):
        assert slip in " ".join(torsion["misspellings"]).lower()
        assert slip not in shown
    assert "blood congestion" not in everything


@pytest.mark.parametrize("language", [code for code in OFFERED if code != "en"])
def test_a_translation_has_every_part_of_the_english_and_its_numbers(topics, language):
    def flat(words):
        for name, value in words.items():
            if isinstance(value, dict):
                yield from ((f"{name}.{rest}", said) for rest, said in flat(value))
            elif name not in {"also_known_as", "misspellings", "avoid", "slug"}:
                yield name, value

    def digits(said):
        # Grouping of thousands differs from language to language; the digits may not.
        return Counter(re.findall(r"\d+(?:[.,]\d+)?", re.sub(r"(?<=\d)[\s\u00a0\u202f.,](?=\d{3}(?!\d))", "", said)))

    for (kind, key), topic in topics.items():
        english, own = dict(flat(topic.words["en"])), dict(flat(topic.words[language]))
        assert english.keys() == own.keys(), (kind, key)
        for part, said in english.items():
            where = (kind, key, part)
            assert bool(said.strip()) == bool(own[part].strip()), where
            assert said.count("<li>") == own[part].count("<li>"), where
            assert said.count("<p>") == own[part].count("<p>"), where
            assert digits(said) == digits(own[part]), (where, digits(said), digits(own[part]))
            assert own[part] != said or key in {"levodopa"} or not part.startswith(("sections", "help")), where


def test_loading_twice_changes_nothing_and_publishes_nothing():
    first = loading.load()
    assert set(first) == {"new"}
    before = list(models.Topic.objects.order_by("pk").values())
    assert set(loading.load()) == {"unchanged"}
    assert list(models.Topic.objects.order_by("pk").values()) == before
    assert (Edition.objects.count(), Page.objects.count(), SignOff.objects.count()) == (0, 0, 0)


def test_loading_never_overwrites_what_an_editor_changed(topics):
    loading.load()
    tremor = models.Symptom.objects.get(key="tremor")
    tremor.overview_es = "<p>De la editora.</p>"
    tremor.save()
    newer = topics["symptom", "tremor"]
    words = {
        language: {**said, "sections": {**said["sections"], "overview": "<p>From a newer file.</p>"}}
        for language, said in newer.words.items()
    }
    newer = BundleTopic(newer.kind, newer.key, newer.shape, words)
    happened = loading.load([newer if name == ("symptom", "tremor") else topic for name, topic in topics.items()])
    assert (happened["kept"], happened["updated"]) == (1, len(words) - 1)
    tremor = models.Symptom.objects.get(key="tremor")
    assert tremor.overview_es == "<p>De la editora.</p>"
    assert tremor.overview_fr == "<p>From a newer file.</p>"


def test_an_editors_new_row_is_kept(topics):
    loading.load()
    tremor = models.Symptom.objects.get(key="tremor")
    tremor.codes.create(system="umls", code="C0040822")
    newer = topics["symptom", "tremor"]
    newer = BundleTopic(newer.kind, newer.key, {**newer.shape, "see_also": []}, newer.words)
    loading.load([newer if name == ("symptom", "tremor") else topic for name, topic in topics.items()])
    assert tremor.codes.filter(code="C0040822").exists()
    assert tremor.see_also.exists()


def test_a_demonstration_publishes_every_object_in_every_language_and_says_so(settings, topics):
    settings.DEMO = True
    call_command("load_starter", verbosity=0)
    call_command("demo", verbosity=0)
    assert Page.objects.count() == Edition.objects.count() == len(topics) * len(OFFERED)
    assert set(SignOff.objects.values_list("capacity", flat=True)) == {"demonstration"}
    call_command("demo", verbosity=0)
    assert Edition.objects.count() == len(topics) * len(OFFERED)
    for page in Page.objects.all():
        answer = Client().get(f"/{page.language}/{editions.labels.PATHS[page.kind]}/{page.slug}/")
        assert answer.status_code == 200, page
        with override(page.language):
            assert gettext("No clinician has reviewed this page.") in answer.content.decode()
            if page.language != "en":
                assert gettext("No translator has checked this translation.") in answer.content.decode()


def test_a_demonstration_leaves_what_an_editor_changed_to_that_editor(settings):
    settings.DEMO = True
    loading.load()
    tremor = models.Symptom.objects.get(key="tremor")
    tremor.summary_en = "Changed before anything was published."
    tremor.save()
    call_command("demo", verbosity=0)
    assert not Page.objects.filter(key="tremor").exists()


def test_a_real_installation_loads_the_working_copy_only(settings):
    settings.DEMO = False
    call_command("load_starter", verbosity=0)
    with pytest.raises(CommandError, match="DEMO is off"):
        call_command("demo", verbosity=0)
    assert Page.objects.count() == 0
    assert not make.User.objects.exists()


def test_mistakes_in_the_files_are_told_by_file(tmp_path):
    folder = tmp_path / "symptom" / "tremor"
    folder.mkdir(parents=True)
    (tmp_path / "sources.toml").write_text("")
    (folder / "topic.toml").write_text(
        'see_also = ["nowhere"]\n[[codes]]\nsystem = "hpo"\ncode = "1337"\n[[citations]]\nsource = "hearsay"\n'
    )
    (folder / "en.toml").write_text('name = "Tremor"\nslug = "Tre mor"\n[sections]\noverview = "<script>x</script>"\n')
    with pytest.raises(Mistakes) as told:
        reading.read(tmp_path)
    assert str(told.value).splitlines() == [
        "symptom/tremor/topic.toml: codes: “1337” is no hpo code",
        "symptom/tremor/en.toml: the slug “Tre mor” is not small letters, digits and single hyphens",
        "symptom/tremor/en.toml: sections.overview: this holds tags or links that pages do not: <script>x</script>…",
    ]
    (folder / "topic.toml").write_text('see_also = ["nowhere"]\n[[citations]]\nsource = "hearsay"\n')
    (folder / "en.toml").write_text('name = "Tremor"\n')
    with pytest.raises(Mistakes) as told:
        bundles.load(reading.read(tmp_path))
    assert str(told.value).splitlines() == [
        "symptom/tremor/topic.toml: there is no topic “nowhere”",
        "symptom/tremor/topic.toml: sources.toml has no “hearsay”",
    ]


def test_loading_never_overwrites_what_was_there_before_the_file(topics):
    partly = {**topics, ("term", "gene"): None}
    del partly["term", "gene"]
    for name, topic in partly.items():
        words = {language: said for language, said in topic.words.items() if language != "fr"}
        shape = {**topic.shape, "see_also": [key for key in topic.shape.get("see_also", ()) if key != "gene"]}
        partly[name] = BundleTopic(topic.kind, topic.key, shape, words)
    loading.load(list(partly.values()))
    tremor = models.Symptom.objects.get(key="tremor")
    tremor.summary_fr = "De la traductrice."
    tremor.save()
    make.term("gene", summary_en="An editor's own words.")
    loading.load()
    assert models.Symptom.objects.get(key="tremor").summary_fr == "De la traductrice."
    assert models.Term.objects.get(key="gene").summary_en == "An editor's own words."


def test_the_printed_password_opens_nothing_where_demo_is_off(settings):
    settings.DEMO = True
    loading.load()
    call_command("demo", verbosity=0)
    assert authenticate(username="administrator", password=settings.DEMO_PASSWORD)
    settings.DEMO = False
    assert authenticate(username="administrator", password=settings.DEMO_PASSWORD) is None
    assert sorted(retire_accounts()) == [
        "administrator", "author", "clinician", "language-reviewer", "publisher", "reviewer", "translator",
    ]  # fmt: skip
    assert not make.User.objects.filter(is_active=True).exists()
