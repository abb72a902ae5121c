"""Codes lead to pages: what a page is found by, and what stands above a code without a page."""

import pytest
from django.core.management import call_command

from conditions import codes, labels
from portal.publishing import actions, reading
from portal.publishing.models import Edition, Page, PageCode, SearchEntry
from tests import make


@pytest.mark.parametrize(
    ("system", "good", "bad"),
    [
        ("icd-10-cm", "S72.001A", "24.1"),
        ("icd-9-cm", "333.6", "33.6"),
        ("icd-9-cm", "E849.0", "E84"),
        ("rxnorm", "6375", "06375"),
        ("ndc", "00187-4051-10", "00187-4051-1"),
    ],
)
def test_american_codes_have_their_forms(system, good, bad):
    assert codes.is_valid(system, good) and not codes.is_valid(system, bad)


def test_every_system_an_editor_may_choose_has_a_form_a_name_an_oid_and_an_address():
    assert set(codes.FORMATS) == set(labels.CODE_SYSTEMS) == set(codes.URIS) - {"loinc"}
    assert set(codes.OIDS.values()) == set(codes.URIS)
    for system, (_pattern, example) in codes.FORMATS.items():
        assert codes.is_valid(system, example)
        assert codes.system_called(codes.oid(system)) == codes.system_called(codes.URIS[system]) == system
        assert codes.system_called(f"urn:oid:{codes.oid(system)}") == system
    assert codes.system_called("1.2.3") is None


@pytest.mark.parametrize(
    ("system", "written", "kept"),
    [
        ("icd-10", "g241", "G24.1"),
        ("icd-10-cm", "S72001A", "S72.001A"),
        ("icd-9-cm", "3336", "333.6"),
        ("icd-9-cm", "E8490", "E849.0"),
        ("orpha", "ORPHA:256", "256"),
        ("hpo", "0001337", "HP:0001337"),
        ("hpo", "hp_0001337", "HP:0001337"),
        ("ndc", "00187405110", "00187-4051-10"),
        ("ndc", "187-4051-10", "00187-4051-10"),
        ("ndc", "0187405110", "0187405110"),  # could be cut in three ways
        ("icd-10", "nonsense; DROP", "NON.SENSE; DROP"),
    ],
)
def test_a_code_is_known_in_every_usual_spelling(system, written, kept):
    assert codes.normal(system, written) == kept


@pytest.mark.parametrize(
    ("system", "code", "above"),
    [
        ("icd-10", "G24.1", ["G24"]),
        ("icd-10", "M24.21", ["M24.2", "M24"]),
        ("icd-10-cm", "S72.001A", ["S72.001", "S72.00", "S72.0", "S72"]),
        ("icd-9-cm", "333.79", ["333.7", "333"]),
        ("icd-11", "8A02.0Y", ["8A02.0", "8A02"]),
        ("atc", "N04AA01", ["N04AA", "N04A", "N04", "N"]),
        ("ndc", "00187-4051-10", ["00187-4051"]),
        ("icd-10", "G24", []),
        ("mesh", "D004422", []),
        ("icd-10", "no code.at all", []),
        ("loinc", "4548-4", []),
    ],
)
def test_what_stands_above_a_code(system, code, above):
    assert codes.broader(system, code) == above


def carried(page):
    return set(PageCode.objects.filter(page=page).values_list("system", "code"))


@pytest.mark.django_db
def test_a_page_is_found_by_the_codes_of_the_edition_it_shows(django_assert_num_queries):
    tremor = make.symptom(in_languages=("en", "es"))
    tremor.codes.create(system="hpo", code="HP:0001337", verified=True)
    tremor.codes.create(system="umls", code="C0040822", verified=False)
    first = make.published(tremor)
    make.published(tremor, "es")
    page = Page.objects.get(language="en")
    assert carried(page) == {("hpo", "HP:0001337")}
    with django_assert_num_queries(1):
        found = reading.by_codes([("hpo", "HP:0001337"), ("umls", "C0040822")])
    assert {key: [page.language for page in pages] for key, pages in found.items()} == {
        ("hpo", "HP:0001337"): ["en", "es"]
    }
    # An edit reaches nobody; a publish does, and a restore brings the codes of its edition back.
    tremor.codes.all().delete()
    tremor.codes.create(system="umls", code="C0040822", verified=True)
    assert carried(page) == {("hpo", "HP:0001337")}
    make.published(tremor)
    assert carried(page) == {("umls", "C0040822")}
    clinician = make.clinician()
    actions.restore(page, Edition.objects.get(pk=first.pk), by=clinician, reason="Right after all.")
    assert carried(page) == {("hpo", "HP:0001337")}
    actions.withdraw(page, by=clinician, reason="Wrong.")
    assert carried(page) == set()
    assert [page.language for page in reading.by_codes([("hpo", "HP:0001337")])["hpo", "HP:0001337"]] == ["es"]


@pytest.mark.django_db
def test_pages_from_before_there_were_codes_are_found_by_them_after_a_start():
    tremor = make.symptom()
    tremor.codes.create(system="hpo", code="HP:0001337", verified=True)
    make.published(tremor)
    PageCode.objects.all().delete()
    SearchEntry.objects.update(version=1)  # as the version before this one left it
    call_command("reindex", verbosity=0)
    assert carried(Page.objects.get()) == {("hpo", "HP:0001337")}


@pytest.mark.django_db
def test_a_language_that_is_not_offered_is_not_found_by_code():
    tremor = make.symptom(in_languages=("en", "pt-br"))
    tremor.codes.create(system="hpo", code="HP:0001337", verified=True)
    make.published(tremor)
    make.published(tremor, "pt-br")
    assert PageCode.objects.count() == 2
    assert [page.language for page in reading.by_codes([("hpo", "HP:0001337")])["hpo", "HP:0001337"]] == ["en"]
