"""Somebody who builds a record system tries how to ask, without a script; what comes is fit for people as well."""

import pytest

from tests import make
from tests.conditions.test_infobutton import ICD10, coded
from tests.journeys.test_accessibility import violations
from tests.journeys.test_reader import fits

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_an_integrator_builds_a_request_and_tries_it(open_browser, phone):
    coded(in_languages=("en", "ar"))
    page = open_browser(javascript=False, phone=phone)
    page.goto("/developers/infobutton/")
    page.get_by_label("Code", exact=True).fill("G24.1")
    page.get_by_label("About").select_option("therapy")
    page.get_by_label("The patient's language").select_option("Arabic")
    page.get_by_label("Answer as").select_option("text/html")
    page.get_by_role("button", name="Ask").click()
    assert page.locator("html").get_attribute("lang") == "ar" and "informationRecipient.languageCode.c=ar" in page.url
    page.get_by_role("link", name="Torsion dystonia ar").click()
    assert page.url.endswith("#treatment_intro") and "/ar/conditions/" in page.url
    # Each address on the page leads somewhere.
    page.goto("/developers/infobutton/")
    for link in page.locator("main a").evaluate_all("links => links.map(link => link.href)"):
        assert page.request.get(link).status == 200, link


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_axe_finds_nothing_on_an_answer_for_people(open_browser, phone):
    made = coded(in_languages=("en", "es", "ar"))
    made.treatment_intro_en = "<p>Never take it with alcohol.</p>"
    made.save()
    make.published(made, significance="safety", note="The earlier words may harm.")
    page = open_browser(phone=phone, policy=False)
    question = f"/infobutton?mainSearchCriteria.v.cs={ICD10}&mainSearchCriteria.v.c=G24.19"
    for address in (
        "/developers/infobutton/",
        f"{question}&informationRecipient.languageCode.c=ar",  # broader
        f"{question}&informationRecipient.languageCode.c=fr",  # not in this language
        "/infobutton?mainSearchCriteria.v.dn=qwertzuiop",  # no match
        "/infobutton?mainSearchCriteria.v.c=G24.1",  # a wrong request
    ):
        page.goto(address)
        assert violations(page) == [], address
        assert fits(page), address
