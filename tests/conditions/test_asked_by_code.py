"""The whole starter content, published in six languages, asked for by code as record systems do."""

import json
import re

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.test import Client, override_settings
from django.utils.translation import gettext, override
from lxml import etree, html

from conditions import codes
from portal import languages
from portal.publishing.models import Page, PageCode
from tests.conditions import test_fhir
from tests.conditions.test_infobutton import ATOM, ICD10, LANG, OFFERED, as_json, ask, entries, feed, summary, terms

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def starter(django_db_setup, django_db_blocker):
    """The starter content, published as a demonstration in every language; gone again after the module's tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(DEMO=True):
            call_command("load_starter", verbosity=0)
            call_command("demo", verbosity=0)
        yield
        transaction.set_rollback(True)


def test_every_code_of_the_starter_content_is_answered_in_six_languages_and_two_formats(starter):
    ours = PageCode.objects.exclude(system=PageCode.HEADING)
    carried = sorted(set(ours.values_list("system", "code", "page__key")))
    assert len(carried) >= 20 and {system for system, _code, _key in carried} >= {"icd-10", "hpo", "orpha", "omim"}
    for system, code, key in carried:
        for language in OFFERED:
            tag = languages.get(language).tag
            given = {"cs": codes.oid(system), "c": code, "to": tag}
            root = feed(**given)
            found = {entry.findtext(f"{ATOM}id"): entry for entry in entries(root)}
            entry = found[f"{settings.PUBLIC_ADDRESS}/p/{language}/{key}/"]
            page = Page.objects.get(key=key, language=language)
            assert root.get(LANG) == entry.get(LANG) == tag
            assert (
                entry.findtext(f"{ATOM}title") == page.title
                and page.summary in html.fromstring(summary(entry)).text_content()
            )
            with override(language):
                assert gettext("No clinician has reviewed this page.") in summary(entry)
            assert terms(entry)["relevanceScore"] == "1"
            assert (terms(entry)["mainSearchCriteria.v.c"], terms(entry)["mainSearchCriteria.v.cs"]) == (
                code,
                given["cs"],
            )
            links = {link.get("hreflang"): link.get("href") for link in entry.iter(f"{ATOM}link")}
            assert list(links)[0] == tag and set(links) == {languages.get(code).tag for code in OFFERED}
            answer = ask(**given, as_="application/json")
            assert answer["Content-Type"] == "application/json; charset=utf-8"
            said = json.loads(answer.content)["feed"]
            said["link"][0] |= {name: root.find(f"{ATOM}link").get(name) for name in ("href", "type")}  # of itself
            assert said == as_json(root)


def test_links_lead_to_pages(starter):
    for link in feed(cs=ICD10, c="G24.1", to="ru").iter(f"{ATOM}link"):
        address = link.get("href").removeprefix(settings.PUBLIC_ADDRESS)
        assert Client().get(address).status_code == 200


@pytest.mark.parametrize("release", ["r4", "r5"])
@pytest.mark.parametrize("kind", test_fhir.KINDS)
def test_every_page_of_the_starter_content_is_a_valid_resource_in_six_languages(starter, release, kind):
    seen, address = {}, f"{release}/{kind}?_count=50"
    while address:
        bundle = test_fhir.checked(test_fhir.read(address), release)
        for entry in bundle["entry"]:
            resource = test_fhir.checked(entry["resource"], release)
            seen[resource["id"]] = resource["language"]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        address = links.get("next", "").removeprefix(f"{settings.PUBLIC_ADDRESS}/fhir/")
    pages = Page.objects.all()
    assert seen == {str(page.pk): languages.get(page.language).tag for page in pages} and len(set(seen.values())) == 6


def test_the_examples_of_the_documentation_find_pages(starter):
    examples = re.findall(r"^    GET (\S+)$", (settings.BASE_DIR / "docs" / "api.md").read_text(), re.M)
    assert len(examples) == 14
    for address in examples:
        answer = Client().get(address)
        assert answer.status_code == 200, address
        if "xml" in answer["Content-Type"]:
            assert entries(etree.fromstring(answer.content)), address
        elif address.startswith("/api/"):
            said = answer.json()
            found = next(value for name, value in said.items() if name != "terms")
            assert found and said["terms"]["licence"], address
        elif not address.endswith("metadata"):
            assert "/p/" in answer.content.decode() or "<article" in answer.content.decode(), address


def test_the_documentation_names_every_system_as_it_is():
    said = (settings.BASE_DIR / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| ([\w -]+) \| (\.[\d.]+) \| `(\S+)` \|", said, re.M)
    named = {("2.16.840.1.113883" + oid, uri) for _name, oid, uri in rows}
    assert named == {(oid, codes.URIS[system]) for oid, system in codes.OIDS.items()}
