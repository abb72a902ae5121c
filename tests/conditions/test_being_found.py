"""Search engines, feed readers and citations find what is public, in its own language, and nothing else."""

import gzip
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from lxml import etree

from conditions import models, presentation
from portal import languages
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make

pytestmark = pytest.mark.django_db
SITE = settings.PUBLIC_ADDRESS
MAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9", "x": "http://www.w3.org/1999/xhtml"}
ATOM = {"a": "http://www.w3.org/2005/Atom"}
# Types with their parents, properties with [where they may stand, what they may hold]: taken from
# schemaorg-all-https.jsonld of schema.org 30.0 (CC BY-SA 3.0).
VOCABULARY = json.loads(gzip.decompress((Path(__file__).parents[1] / "data" / "schemaorg-30.json.gz").read_bytes()))
LITERALS = {
    "Text",
    "URL",
    "Date",
    "DateTime",
    "Number",
    "Integer",
    "Boolean",
    "CssSelectorType",
    "XPathType",
    "PronounceableText",
}


def read(address, status=200):
    response = Client().get(address)
    assert response.status_code == status, address
    return response


def xml(address):
    return etree.fromstring(read(address).content)


def json_ld(address):
    found = re.findall(r'<script type="application/ld\+json">(.*?)</script>', read(address).content.decode(), re.S)
    assert len(found) == 1
    return json.loads(found[0])


def ancestors(name):
    assert name in VOCABULARY["types"], name
    return {name}.union(*(ancestors(parent) for parent in VOCABULARY["types"][name] if parent in VOCABULARY["types"]))


def check(node, where="page"):
    """Every type and property exists, stands where it may and holds what it may."""
    own = node.get("@type")
    kinds = set().union(*(ancestors(name) for name in ([own] if isinstance(own, str) else own))) if own else set()
    for name, values in node.items():
        if name.startswith("@"):
            continue
        assert name in VOCABULARY["properties"], (where, name)
        domains, ranges = VOCABULARY["properties"][name]
        assert kinds.intersection(domains), (where, name, "does not belong to", own)
        for value in values if isinstance(values, list) else [values]:
            assert value not in ("", None, {}), (where, name)
            if isinstance(value, dict):
                if "@type" in value:
                    check(value, f"{where}.{name}")
                    names = value["@type"] if isinstance(value["@type"], list) else [value["@type"]]
                    assert any(ancestors(one).intersection(ranges) for one in names), (where, name, names, ranges)
            else:
                assert LITERALS.intersection(ranges), (where, name, value, ranges)


def everything(in_languages=("en", "es", "ar")):
    """One object of each kind, published in each language."""
    symptom = make.symptom(in_languages=in_languages)
    drug = make.treatment(in_languages=in_languages, treatment_kind="medicine")
    surgery = make.treatment("surgery", in_languages=in_languages, treatment_kind="procedure")
    term = make.term(in_languages=in_languages)
    condition = make.condition(in_languages=in_languages, also_known_as_en="Dystonia musculorum deformans")
    models.ConditionSymptom.objects.create(condition=condition, symptom=symptom, frequency="frequent")
    models.ConditionTreatment.objects.create(condition=condition, treatment=drug, place="first-choice")
    models.ConditionTreatment.objects.create(condition=condition, treatment=surgery, place="specialist")
    condition.codes.create(system="icd-10", code="G24.1", verified=True)
    made = (symptom, drug, surgery, term, condition)
    for one in made:
        for language in in_languages:
            make.published(one, language)
    return made


def test_structured_data_is_valid_for_every_kind_and_language_and_says_what_the_page_says():
    everything()
    for page in Page.objects.all():
        check(json_ld(presentation.page_url(page)))
    data = json_ld("/en/conditions/torsion-dystonia/")
    assert data["@id"] == f"{SITE}/en/conditions/torsion-dystonia/" and data["inLanguage"] == "en"
    assert data["reviewedBy"]["name"] == "Sigrid Natory" and data["lastReviewed"]
    assert data["about"]["@type"] == "MedicalCondition"
    assert data["about"]["alternateName"] == ["Dystonia musculorum deformans"]
    assert data["about"]["code"] == [{"@type": "MedicalCode", "codingSystem": "ICD-10", "codeValue": "G24.1"}]
    assert [one["name"] for one in data["about"]["signOrSymptom"]] == ["Tremor"]
    assert {one["name"] for one in data["about"]["possibleTreatment"]} == {"Levodopa", "Surgery"}
    assert {one["inLanguage"] for one in data["workTranslation"]} == {"es", "ar"}
    parts = {one["url"].partition("#")[2]: one for one in data["hasPart"]}
    assert parts["diagnosis"]["hasHealthAspect"]["@id"] == "https://schema.org/ScreeningHealthAspect"
    assert {one["inLanguage"] for one in data["hasPart"]} == {"en"}
    spanish = json_ld("/es/conditions/" + Page.objects.get(key="torsion-dystonia", language="es").slug + "/")
    assert spanish["translationOfWork"] == {"@id": f"{SITE}/en/conditions/torsion-dystonia/"}


def test_a_section_that_a_translation_has_not_followed_is_said_to_be_in_the_language_it_is_in():
    drug = make.treatment(in_languages=("en", "es"), who_should_not_en="<p>Few.</p>", who_should_not_es="<p>Pocas.</p>")
    make.published(drug)
    make.published(drug, "es")
    models.Treatment.objects.filter(pk=drug.pk).update(who_should_not_en="<p>Nobody with a weak heart.</p>")
    make.published(make.fresh(drug), significance="safety", note="Weak hearts.")
    data = json_ld(presentation.page_url(Page.objects.get(language="es")))
    check(data)
    languages_of = {one["url"].partition("#")[2]: one["inLanguage"] for one in data["hasPart"]}
    assert languages_of["who_should_not"] == "en" and languages_of["overview"] == "es"


def test_a_review_that_nobody_made_is_not_claimed(settings):
    settings.DEMO = True
    make.demonstrated(make.symptom())
    data = json_ld("/en/symptoms/tremor/")
    assert "reviewedBy" not in data and "lastReviewed" not in data


def test_old_words_behind_a_safety_change_are_in_no_machine_s_answer():
    condition = make.condition(in_languages=("en", "es"), summary_es="Palabras viejas.")
    make.published(condition)
    make.published(condition, "es")
    address = f"/es/conditions/{Page.objects.get(language='es').slug}/"
    assert json_ld(address)["description"] == "Palabras viejas."
    models.Condition.objects.filter(pk=condition.pk).update(summary_en="New words.")
    make.published(condition, significance="safety", note="The dose was <b>wrong.")
    html = read(address).content.decode()
    assert "description" not in json_ld(address) and 'name="description"' not in html and "og:description" not in html
    feed = xml("/es/safety.atom")
    (entry,) = feed.findall("a:entry", ATOM)
    assert entry.get("{http://www.w3.org/XML/1998/namespace}lang") == "es"
    said = entry.findtext("a:summary", namespaces=ATOM)
    assert '<p lang="en" dir="ltr">The dose was &lt;b&gt;wrong.</p>' in said
    assert "Palabras viejas" not in read("/es/changes.atom").content.decode()


def test_a_hostile_name_cannot_break_out_of_the_data():
    name = "</script><b>&\u2028\"'"
    make.published(make.symptom(name_en=name, slug_en="hostile"))
    assert json_ld("/en/symptoms/hostile/")["name"] == name
    assert "<b>" not in read("/en/symptoms/hostile/").content.decode()
    for address in ("/sitemap-en-1.xml", "/en/changes.atom"):
        xml(address)


def test_sitemaps_hold_every_public_page_once_with_all_its_languages_and_nothing_else(django_assert_num_queries):
    symptom, *_others = everything()
    many = make.symptom("gone")
    make.published(many)
    actions.withdraw(Page.objects.get(key="gone"), by=make.clinician(), reason="Wrong.")
    index = [one.text for one in xml("/sitemap.xml").iterfind(".//s:loc", MAP)]
    assert index == [f"{SITE}/sitemap-{language.code}-1.xml" for language in languages.offered()]
    assert f"Sitemap: {SITE}/sitemap.xml" in read("/robots.txt").content.decode()
    rows, listed = {}, []
    for address in index:
        for url in xml(address.removeprefix(SITE)).iterfind("s:url", MAP):
            place = url.findtext("s:loc", namespaces=MAP)
            listed.append(place)
            rows[place] = {one.get("hreflang"): one.get("href") for one in url.iterfind("x:link", MAP)}
    assert len(listed) == len(set(listed))
    pages = {place for place in listed if re.search(r"/(conditions|symptoms|treatments|glossary)/.+/$", place)}
    assert len(pages) == 15 and not any("gone" in place for place in pages)
    for place, alternates in rows.items():
        assert place in alternates.values() and alternates["x-default"] == alternates["en"]
        assert all(rows[other] == alternates for other in alternates.values())  # both ways, the same
    assert set(rows[f"{SITE}/en/symptoms/tremor/"]) == {"en", "es", "ar", "x-default"}
    page = Page.objects.get(key="tremor", language="en")
    lastmod = xml("/sitemap-en-1.xml").xpath(
        "//s:url[s:loc=$at]/s:lastmod", at=f"{SITE}/en/symptoms/tremor/", namespaces=MAP
    )
    assert lastmod[0].text[:19] == page.edition.published_at.isoformat()[:19]
    with django_assert_num_queries(2):
        read("/sitemap-en-1.xml")
    read("/sitemap-en-2.xml", 404)
    read("/sitemap-hi-1.xml", 404)


def test_the_head_of_a_page_names_itself_and_its_other_languages_and_an_old_edition_names_none():
    make.published(made := make.condition(in_languages=("en", "es")))
    make.published(made, "es")
    html = read("/en/conditions/torsion-dystonia/").content.decode()
    links = dict(re.findall(r'<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">', html))
    assert set(links) == {"en", "es", "x-default"} and links["en"] == links["x-default"]
    assert f'<link rel="canonical" href="{SITE}/en/conditions/torsion-dystonia/">' in html
    for address in ("/en/conditions/torsion-dystonia/editions/1/", "/en/search/?q=x"):
        html = read(address).content.decode()
        assert "hreflang=" not in html.split("</head>")[0] and "canonical" not in html and "noindex" in html
    assert f'rel="canonical" href="{SITE}/en/"' in read("/en/").content.decode()


def test_feeds_tell_what_happened_newest_first_and_only_in_their_language(django_assert_max_num_queries):
    tremor, spasm = make.symptom(in_languages=("en", "es")), make.symptom("spasm")
    make.published(tremor)
    make.published(spasm, note="A first note.")
    make.published(tremor, "es")
    feed = xml("/en/changes.atom")
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert [one.text for one in feed.iterfind("a:entry/a:title", ATOM)] == ["Spasm", "Tremor"]
    assert feed.findtext("a:entry/a:summary", namespaces=ATOM) == "A first note."
    ids = [one.text for one in feed.iterfind("a:entry/a:id", ATOM)]
    actions.withdraw(Page.objects.get(key="spasm"), by=make.clinician(), reason="It was wrong.")
    feed = xml("/en/changes.atom")
    assert feed.findtext("a:entry/a:summary", namespaces=ATOM) == "This page was withdrawn. It was wrong."
    assert feed.findtext("a:entry/a:id", namespaces=ATOM) not in ids
    assert len(xml("/es/changes.atom").findall("a:entry", ATOM)) == 1
    (warning,) = xml("/en/safety.atom").findall("a:entry", ATOM)
    assert warning.findtext("a:title", namespaces=ATOM) == "Spasm"
    for address in ("/en/changes.atom", "/es/safety.atom"):
        with django_assert_max_num_queries(4):
            read(address)


def test_a_short_address_never_changes():
    tremor = make.symptom(in_languages=("en", "ar"))
    make.published(tremor)
    assert read("/p/en/tremor/", 302)["Location"] == "/en/symptoms/tremor/"
    models.Symptom.objects.filter(pk=tremor.pk).update(slug_en="shaking")
    models.Symptom.objects.filter(pk=tremor.pk).update(name_en="Shaking")
    make.published(tremor)
    assert read("/p/en/tremor/", 302)["Location"] == "/en/symptoms/shaking/"
    read(read("/p/ar/tremor/", 302)["Location"], 404)  # "not yet in this language", with the languages that have it
    read("/p/en/nothing/", 404)
    html = read("/en/symptoms/shaking/").content.decode()
    assert f"{SITE}/p/en/tremor/" in html and "To cite this page" in html
