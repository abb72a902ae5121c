"""FHIR R4 and R5: every resource is held against the structures of both releases; searching finds what it says."""

import datetime as dt
import json
import re
from importlib import import_module
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from fhir.resources import get_fhir_model_class
from lxml import etree

from portal import languages
from portal.publishing import actions
from portal.publishing.models import Page, PageCode
from tests import make
from tests.conditions.test_infobutton import coded

pytestmark = pytest.mark.django_db

THEN = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
BASE = settings.PUBLIC_ADDRESS
ICD10 = "http://hl7.org/fhir/sid/icd-10"
KINDS = ("Composition", "DocumentReference")
XHTML = "{http://www.w3.org/1999/xhtml}"
# What a narrative may hold (FHIR, "Narrative", txt-1): HTML 4's plain elements.
ELEMENTS = {"div", "p", "strong", "em", "ul", "ol", "li", "h2", "h3", "a", "br", "span"}


def read(address, status=200, client=None, **given):
    answer = (client or Client()).get(f"/fhir/{address}", given)
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/fhir+json; charset=utf-8"
    return json.loads(answer.content)


def checked(resource, release):
    """A resource that this release's structures and the rules about narratives hold of."""
    kind = resource["resourceType"]
    if release == "r5":
        model = get_fhir_model_class(kind)
    else:  # R4B changed none of the resources used here (R4B, "Differences to R4")
        model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    again = json.loads(model.model_validate(resource).model_dump_json())
    assert set(again) == set(resource)
    assert not [value for value in every_value(resource) if value in ("", [], {}, None)]
    for div in (value for name, value in every_pair(resource) if name == "div"):
        narrative = etree.fromstring(div)
        assert narrative.tag == f"{XHTML}div" and "".join(narrative.itertext()).strip()
        assert languages.canonical(narrative.get("lang"))
        for element in narrative.iter():
            assert element.tag.removeprefix(XHTML) in ELEMENTS, element.tag
            assert {name.rpartition("}")[2] for name in element.attrib} <= {"lang", "dir", "href"}
            assert element.get("href", "https://").startswith(("https://", "http://", "tel:"))
    return resource


def every_pair(value):
    if isinstance(value, dict):
        for name, one in value.items():
            yield name, one
            yield from every_pair(one)
    elif isinstance(value, list):
        for one in value:
            yield from every_pair(one)


def every_value(value):
    return [one for _name, one in every_pair(value)]


def found(release, kind, **given):
    bundle = checked(read(f"{release}/{kind}", **given), release)
    assert bundle["type"] == "searchset"
    for entry in bundle.get("entry", ()):
        checked(entry["resource"], release)
        assert entry["fullUrl"] == f"{BASE}/fhir/{release}/{kind}/{entry['resource']['id']}"
    return [entry["resource"] for entry in bundle.get("entry", ())]


@pytest.mark.parametrize("release", ["r4", "r5"])
def test_the_capability_statement_says_what_there_is_and_nothing_else(release):
    statement = checked(read(f"{release}/metadata"), release)
    assert statement["fhirVersion"] == {"r4": "4.0.1", "r5": "5.0.0"}[release]
    resources = statement["rest"][0]["resource"]
    assert [one["type"] for one in resources] == list(KINDS)
    coded(in_languages=("en", "es"))
    examples = {"category": f"{ICD10}|G24.1", "language": "es", "_language": "es", "_id": str(Page.objects.get(language="es").pk)}  # fmt: skip
    for one in resources:
        assert {parameter["name"] for parameter in one["searchParam"]} == set(examples)
        for name, value in examples.items():
            resources_ = found(release, one["type"], **{name: value})
            assert "es" in [resource["language"] for resource in resources_]
            assert found(release, one["type"], **{name: {"category": "X|Y"}.get(name, "xx")}) == []


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_read_by_its_number_as_it_is_found(release, kind):
    coded(in_languages=("en", "ar"))
    (resource,) = found(release, kind, category=f"{ICD10}|G24.1", language="ar")
    assert read(f"{release}/{kind}/{resource['id']}") == resource
    page = Page.objects.get(language="ar")
    assert resource["language"] == "ar" and f"{BASE}/p/ar/torsion-dystonia/" in json.dumps(resource["identifier"])
    assert resource["category"][0]["coding"] == [{"system": ICD10, "code": "G24.1"}]
    assert resource["type"]["coding"][0]["code"] == "34895-3"
    source = Page.objects.get(language="en")
    (relation,) = resource["relatesTo"]
    assert f'"{kind}/{source.pk}"' in json.dumps(relation) and "transforms" in json.dumps(relation)
    answer = Client().get(f"/fhir/{release}/{kind}/{page.pk}")
    assert answer["Content-Language"] == "ar" and not answer.cookies and "no-store" in answer["Cache-Control"]
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_a_composition_says_what_the_page_says_in_its_order():
    made = coded(in_languages=("en",))
    made.outlook_en = '<p>See <a href="/en/about/">this</a> &amp; that.</p>'
    made.save()
    make.published(made)
    (resource,) = found("r4", "Composition", category=f"{ICD10}|G24.1")
    said = {section["title"]: section["text"]["div"] for section in resource["section"]}
    assert list(said)[:3] == ["In short", "When to get help", "Overview"] and list(said)[-1] == "Sources"
    assert f'<a href="{BASE}/en/about/">this</a> &amp; that.' in said["Outlook"]
    assert "Get emergency help now if:" in said["When to get help"]


def test_a_document_reference_leads_to_the_page_and_its_leaflet(settings):
    coded()
    (resource,) = found("r5", "DocumentReference", category="G24.1")
    urls = {one["attachment"]["contentType"]: one["attachment"]["url"] for one in resource["content"]}
    assert urls["text/html"] == f"{BASE}/en/conditions/torsion-dystonia/"
    for url in (*urls.values(), *(one["value"] for one in resource["identifier"])):
        assert Client().get(urlsplit(url).path).status_code in {200, 302}
    assert resource["version"] == "1"


def test_only_what_people_signed_is_final_and_names_them(settings):
    settings.DEMO = True
    make.demonstrated(make.symptom())
    (page,) = Page.objects.all()
    for release in ("r4", "r5"):
        for kind in KINDS:
            resource = checked(read(f"{release}/{kind}/{page.pk}"), release)
            assert resource.get("docStatus", resource["status"]) == "preliminary"
            assert "attester" not in resource and "authenticator" not in resource
            assert "No clinician has reviewed this page." in resource["text"]["div"]
    assert "No clinician has reviewed this page." in resource["description"]
    made = coded(in_languages=("en", "es"))
    for release in ("r4", "r5"):
        for kind in KINDS:
            (resource,) = found(release, kind, category=f"{ICD10}|G24.1", language="es")
            assert resource.get("docStatus", resource["status"]) == "final"
            assert "Sigrid Natory" in json.dumps(resource) and made.key


def test_a_safety_change_stands_first_and_old_words_are_not_summed_up():
    made = coded(in_languages=("en", "es"), summary_es="Palabras viejas.")
    before = found("r5", "Composition", language="es")[0]["meta"]["lastUpdated"]
    made.treatment_intro_en = "<p>Never take it with alcohol.</p>"
    made.save()
    later = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    make.published(made, significance="safety", note="The earlier words may harm.", now=later)
    for release in ("r4", "r5"):
        (resource,) = found(release, "Composition", language="es")
        first = etree.fromstring(resource["section"][0]["text"]["div"])
        assert "Never take it with alcohol." in "".join(first.itertext())
        assert any("alcohol" in "".join(part.itertext()) for part in first.iter() if part.get("lang") == "en")
        assert "Palabras viejas." not in json.dumps(resource, ensure_ascii=False)
        assert resource["meta"]["lastUpdated"] > before
        (resource,) = found(release, "DocumentReference", language="es")
        assert "Never take it with alcohol." in resource["description"]
        assert "Palabras viejas." not in json.dumps(resource, ensure_ascii=False)


def test_codes_are_found_exactly_with_alternatives_and_together():
    coded()
    both = coded("condition", "dystonia", "icd-10", "G24")
    both.codes.create(system="mesh", code="D004421", verified=True)
    make.published(both)

    def titles(*categories):
        answer = Client().get("/fhir/r5/Composition", {"category": list(categories)})
        return [entry["resource"]["title"] for entry in json.loads(answer.content).get("entry", ())]

    assert titles(f"{ICD10}|G24") == ["Dystonia"]  # a broader code is another code
    assert titles(f"{ICD10}|g241") == ["Torsion dystonia"]
    assert titles(f"{ICD10}|G24.1,urn:oid:2.16.840.1.113883.6.177|D004421") == ["Torsion dystonia", "Dystonia"]
    assert titles(f"{ICD10}|", "D004421") == ["Dystonia"]
    assert titles("http://snomed.info/sct|G24") == titles("|G24") == titles("http://nowhere|") == titles("\0") == []


def test_many_resources_come_in_pages_that_lead_to_one_another():
    for number in range(5):
        coded("symptom", f"s-{number}", "hpo", "HP:0001337")
    seen, address = [], "r4/Composition?category=HP:0001337&_count=2"
    while address:
        bundle = checked(read(address), "r4")
        assert bundle["total"] == 5
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
        address = links.get("next", "").removeprefix(f"{BASE}/fhir/")
    assert len(seen) == len(set(seen)) == 5
    counted = read("r4/Composition", category="HP:0001337", _count=0)
    assert counted["total"] == 5 and "entry" not in counted


def test_searching_by_post_is_the_same():
    coded()
    given = {"category": f"{ICD10}|G24.1"}
    posted = Client(enforce_csrf_checks=True).post("/fhir/r4/Composition/_search", given)
    assert posted.status_code == 200 and json.loads(posted.content) == read("r4/Composition", **given)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("r4", 404), ("r4/", 404), ("r4/Patient", 404), ("r4/Patient/1", 404), ("r4/Composition/0", 404), ("r4/Composition/x", 404),
        ("r4/Composition/999999999999999999", 404), ("r4/Composition/9999999999999999999999", 404),
        ("r4/Composition/1/_history", 404), ("r4/Composition?_count=x", 400), ("r4/Composition?_count=-1", 400),
        ("r4/Composition?_offset=99999999999", 400), ("r4/Composition?category=", 400), ("r4/Composition?language=,", 400),
        ("r4/Composition?category=" + "a," * 40, 400), ("r4/Composition?_format=xml", 406),
        ("r4/Composition?category:not=G24", 400), ("r4/Composition?language:missing=true", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_in_fhirs_own_words(address, status):
    outcome = checked(read(address, status), "r4")
    checked(outcome, "r5")
    assert outcome["resourceType"] == "OperationOutcome" and outcome["issue"][0]["diagnostics"]


@pytest.mark.parametrize("hostile", ["\0", "%00", "a" * 50_000, "'; --", "|||", "\u202e|\ufffe", "٣"])
def test_any_value_gets_an_answer_and_never_a_fault(hostile):
    for name in ("category", "language", "_language", "_id", "_count", "_offset", "_format", "subject"):
        assert Client().get("/fhir/r5/Composition", {name: hostile}).status_code in {200, 400, 406}


def test_a_withdrawn_page_is_gone_and_found_no_more():
    made = coded()
    page = Page.objects.get()
    actions.withdraw(page, by=make.clinician(), reason="It was wrong.")
    outcome = checked(read(f"r4/Composition/{page.pk}", 410), "r4")
    assert outcome["issue"][0]["code"] == "deleted"
    assert found("r4", "Composition", category=f"{ICD10}|G24.1") == found("r4", "Composition") == [] and made.key


def test_a_language_that_is_not_offered_is_not_there():
    coded(in_languages=("en", "pt-br"))
    page = Page.objects.get(language="pt-br")
    read(f"r4/Composition/{page.pk}", 404)
    assert [one["language"] for one in found("r4", "Composition")] == ["en"]
    assert found("r4", "Composition", language="pt-BR") == []


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
def test_nothing_can_be_written(method):
    coded()
    page = Page.objects.get()
    answer = getattr(Client(), method)(f"/fhir/r4/Composition/{page.pk}")
    assert answer.status_code == 405 and "OperationOutcome" in answer.content.decode()


def test_xml_is_refused_and_a_browser_is_not():
    coded()
    read("r4/Composition", 406, client=Client(headers={"accept": "application/fhir+xml"}))
    read("r4/Composition", client=Client(headers={"accept": "text/html,application/xml;q=0.9,*/*;q=0.8"}))
    read("r4/Composition?_format=application/fhir+json")
    assert Client().get("/fhir/")["Location"] == "/developers/infobutton/#fhir"


@pytest.mark.parametrize("count", [1, 3])
def test_a_search_costs_two_queries_and_two_for_each_page(count, django_assert_num_queries):
    for number in range(count):
        coded("condition", f"c-{number}")
    with django_assert_num_queries(2 + 2 * count) as asked:
        assert len(found("r5", "Composition", category=f"{ICD10}|G24.1", language="en")) == count
    assert not [query for query in asked.captured_queries if re.search("conditions_|auth_", query["sql"])]


def test_parameters_of_the_address_count_in_a_search_by_post():
    make.published(make.condition())
    address = "/fhir/r4/Composition/_search?category=nothing-here"
    assert Client().post(address, {}).json()["total"] == 0
    assert Client().post(address, "{}", content_type="application/json").status_code == 415
    assert Client().post("/fhir/r4/Composition/_search", {}).json()["total"] == 1


def test_a_heading_of_ours_is_no_code():
    condition = make.condition(headings=["neurology"])
    make.published(condition)
    assert PageCode.objects.filter(code="neurology").exists()
    assert Client().get("/fhir/r4/Composition?category=neurology").json()["total"] == 0


def test_a_page_that_lost_its_original_has_changed():
    condition = make.condition(in_languages=("en", "es"))
    make.published(condition, now=THEN)
    make.published(condition, "es", now=THEN)
    number = Page.objects.get(language="es").pk
    moments = []
    by, source = make.clinician(), Page.objects.get(language="en").edition
    for what in ("before", "withdrawn", "restored"):
        if what == "withdrawn":
            actions.withdraw(Page.objects.get(language="en"), by=by, reason="Wrong.", now=THEN + dt.timedelta(days=1))
        elif what == "restored":
            actions.restore(
                Page.objects.get(language="en"), source, by=by, reason="Right.", now=THEN + dt.timedelta(days=2)
            )
        moments.append(Client().get(f"/fhir/r4/Composition/{number}").json()["meta"]["lastUpdated"])
    assert moments == sorted(set(moments))


@pytest.mark.parametrize(
    "address", ["/fhir/r4/Composition/1%0a", "/fhir/none", "/infobutton/?mainSearchCriteria.v.dn=x"]
)
def test_no_cache_keeps_an_error_whose_address_may_say_who_is_ill(address):
    answer = Client().get(address)
    assert answer.status_code == 404
    assert "no-store" in answer["Cache-Control"] and answer["Access-Control-Allow-Origin"] == "*"
