"""Given a page that left something out, when a reader without JavaScript says so, then an editor reads it."""

import pytest
from django.test import Client

from portal.listening import protection
from portal.listening.models import Feedback
from portal.publishing.models import Page
from tests import make
from tests.journeys.test_accessibility import violations
from tests.journeys.test_clinician import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _nothing_remembered():
    protection._memory.clear()


def published(*languages):
    symptom = make.symptom(in_languages=("en", *languages))
    for language in ("en", *languages):
        make.published(symptom, language)


def test_a_reader_without_javascript_tells_and_an_editor_reads(open_browser, monkeypatch):
    published()
    page = open_browser(javascript=False, phone=True)
    page.goto("/en/symptoms/tremor/")
    page.get_by_role("button", name="No", exact=True).click()
    assert page.get_by_label("No", exact=True).is_checked()
    assert not page.locator("#subject").is_visible()
    page.get_by_label("What was missing or unclear?").fill("Does it go away?\nCall 0501 234 5678.")
    page.get_by_role("button", name="Send").click()  # as fast as a machine
    assert page.title().startswith("Error: ")
    page.locator("[role=alert]").get_by_text("That was very quick").wait_for()
    assert page.get_by_label("What was missing or unclear?").input_value().startswith("Does it go away?")
    monkeypatch.setattr(protection, "QUICKEST", 0)
    page.get_by_role("button", name="Send").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Thank you for your answer"
    page.get_by_role("link", name="Back to “Tremor”").click()
    assert page.url.endswith("/en/symptoms/tremor/")
    assert page.context.cookies() == []
    make.clinician()
    desk = open_browser(javascript=False)
    sign_in(desk, "clinician")
    box = desk.locator(".desk-box", has=desk.get_by_role("heading", name="From readers"))
    box.get_by_role("link", name="Tremor").click()
    assert "Does it go away?\nCall […]." in desk.locator("#result_list").inner_text()
    desk.locator("input[name=_selected_action]").check()
    desk.locator("select[name=action]").select_option("mark_read")
    desk.locator("button[name=index]").click()
    assert "1 answer is marked as read." in desk.locator(".messagelist").inner_text()
    assert Feedback.objects.get().seen_by.username == "clinician"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_form_has_no_violation_that_axe_can_find(open_browser, language, scheme):
    published(*{language} - {"en"})
    found = {}
    page = open_browser(phone=True, policy=False)
    page.emulate_media(color_scheme=scheme)
    here = f"/{language}/symptoms/{Page.objects.get(language=language).slug}/"
    form = f"{here}feedback/"
    for address in (here, form, f"{form}thanks/"):
        page.goto(address)
        if wrong := violations(page):
            found[address] = wrong
    page.goto(form)
    page.locator("main form button").click()  # without an answer
    assert page.locator("#answer-error").count() == 1
    if wrong := violations(page):
        found["errors"] = wrong
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert not found, "\n".join(f"{address}: {wrong}" for address, wrong in found.items())


def test_the_lists_at_the_desk_have_no_violation_that_axe_can_find(open_browser, monkeypatch):
    published()
    make.clinician()
    said = {"answer": "no", "words": "Is it rare?", "stamp": protection.stamp(at=1)}
    monkeypatch.setattr(protection, "LONGEST", 10**12)
    assert Client().post("/en/symptoms/tremor/feedback/", said).status_code == 302
    page = open_browser(policy=False)
    sign_in(page, "clinician")
    found = {}
    for address in ("/admin/", "/admin/listening/feedback/", "/admin/listening/unanswered/"):
        page.goto(address)
        if wrong := violations(page):
            found[address] = wrong
    assert not found, found
