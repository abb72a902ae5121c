"""docs/editing.md, walked through. The pictures in it are these: make screenshots writes them to docs/screenshots."""

import os
import re
from pathlib import Path

import pytest

from conditions import editions
from conditions.starter import files, loading
from portal.publishing.models import Page
from tests import make
from tests.journeys.test_clinician import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "editing.md"


@pytest.fixture
def baclofen():
    """A real treatment of the starter content, published, with the terms, symptoms and conditions around it."""
    loading.load(topics=files.topics(), sources=files.sources())
    for topic in (*editions.models.Symptom.objects.all()[:6], *editions.models.Treatment.objects.all()):
        make.published(topic)
    return editions.models.Treatment.objects.get(key="baclofen")


def test_a_clinician_is_taken_through_the_desk(open_browser, baclofen):
    folder = os.environ.get("SCREENSHOTS")
    taken = set()

    def picture(page, name, around=None):
        if around:
            page.locator(around).first.scroll_into_view_if_needed()
        if folder:
            page.screenshot(path=Path(folder) / f"editing-{name}.png")
        taken.add(f"editing-{name}.png")

    make.person("author", "Authors", first_name="Aisha", last_name="Author")
    make.clinician("reviewer", first_name="Rafael", last_name="Reviewer")
    desk = f"/admin/conditions/treatment/{baclofen.pk}"

    author = open_browser()
    sign_in(author, "author")
    author.goto(f"{desk}/change/")
    author.wait_for_selector(".field-overview_en [role=textbox]")
    picture(author, "2-form")
    summary = author.locator("#id_summary_en")
    summary.fill(summary.input_value() + " Bring your list of medicines to every visit: 1 page is enough.")
    author.locator("input[name=_continue]").first.click()
    author.get_by_role("link", name="Sign and publish English").click()
    author.get_by_label("Note").fill("Our pharmacists ask for this. Does it fit here?")
    picture(author, "3-ask")
    author.get_by_role("button", name="Ask for a review").click()

    reviewer = open_browser()
    sign_in(reviewer, "reviewer")
    picture(reviewer, "1-today")
    reviewer.locator(".desk-today").get_by_role("link", name=str(baclofen)).click()
    reviewer.get_by_role("link", name="Read and comment", exact=True).click()
    part = reviewer.locator("#part-summary")
    part.locator("summary").click()
    part.locator("textarea").fill("It fits. Say which list: many people have a card.")
    part.get_by_role("button", name="Keep the comment").click()
    picture(reviewer, "4-comment", "#part-summary")
    reviewer.get_by_role("link", name="Sign and publish", exact=True).click()
    picture(reviewer, "5-sign", "text=2. Sign off")
    reviewer.get_by_role("button", name="Sign off these words").click()
    reviewer.get_by_label("Translations should follow").check()
    reviewer.get_by_label("What changed, in plain words for readers").fill("We say what to bring to a visit.")
    picture(reviewer, "6-publish", "text=Publish these words")
    reviewer.get_by_role("button", name="Publish these words").click()
    assert Page.objects.get(key="baclofen", language="en").edition.number == 2
    reviewer.get_by_role("link", name="recall report").last.click()
    picture(reviewer, "7-recall")
    reviewer.goto(f"{desk}/history/en/")
    reviewer.locator("summary").first.click()
    picture(reviewer, "8-history")
    reviewer.goto("/admin/conditions/treatment/")
    picture(reviewer, "9-list")

    assert taken == set(re.findall(r"screenshots/(editing-[\w-]+\.png)", GUIDE.read_text()))
