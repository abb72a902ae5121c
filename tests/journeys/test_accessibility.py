"""What a machine can find of accessibility, on every page of the desk that is ours. People find the rest."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from conditions import editions, exchange
from portal.publishing import actions
from portal.publishing.models import Entry, Page
from portal.translating.exchange.work import Returned
from tests import make
from tests.journeys.test_clinician import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def violations(page):
    found = Axe().run(page).response["violations"]
    return [(one["id"], [node["html"][:160] for node in one["nodes"]][:4]) for one in found]


@pytest.fixture
def busy_desk():
    """A condition with something in every box, list and table."""
    author, reviewer = make.person("author", "Authors"), make.clinician("reviewer")
    topic = make.condition(in_languages=("en", "es"))
    make.published(topic)
    topic.summary_en = "Take 5 mg, and do not drive."
    topic.save()
    editions.refresh(make.fresh(topic), by=author)
    words = make.manuscript(topic)
    actions.remark(words, "comment", by=reviewer, text="A comment.", part="summary")
    actions.remark(words, "asked", by=author, text="Please.")
    actions.sign_off(words, by=reviewer, capacity="clinical")
    actions.publish(words, by=reviewer, significance="safety", change_note="The dose.")
    topic.summary_en = "Take 10 mg, and do not drive."
    topic.save()
    editions.refresh(make.fresh(topic), by=author)
    actions.remark(make.manuscript(topic), "asked", by=author, text="Once more.")
    actions.assign(Entry.objects.filter(language="en"), by=reviewer, owner=reviewer)
    assert Page.objects.exists()
    return topic


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_desk_has_no_violation_that_axe_can_find(open_browser, busy_desk, phone):
    page = open_browser(phone=phone, policy=False)
    sign_in(page, "reviewer")
    found = {}
    views = [reverse(f"admin:conditions_condition_{view}", args=[busy_desk.pk, "en"]) for view in
             ("gate", "words", "compare", "history", "preview")]  # fmt: skip
    change = reverse("admin:conditions_condition_change", args=[busy_desk.pk])
    lists = ["/admin/", "/admin/together/", "/admin/conditions/condition/", "/admin/conditions/condition/?state=asked"]
    recall = reverse("admin:conditions_condition_recall", args=[busy_desk.pk, "en", 1])
    for address in [*lists, *views, recall, change]:
        page.goto(address)
        if wrong := violations(page):
            found[address] = wrong
        # Nothing scrolls sideways but tables in their own frame.
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wide > 0:
            found[f"{address} (wide)"] = wide
    page.goto("/admin/conditions/condition/")
    for action in ("ask_for_review", "assign_work"):
        page.goto("/admin/conditions/condition/")
        page.locator("input[name=_selected_action]").first.check()
        page.locator("select[name=action]").select_option(action)
        page.locator("button[name=index]").click()
        if wrong := violations(page):
            found[action] = wrong
    page.goto(views[0])
    page.get_by_role("button", name="Make an address").click()
    if wrong := violations(page):
        found["share"] = wrong
    assert not found, "\n".join(f"{address}: {wrong}" for address, wrong in found.items())


def test_the_translation_form_has_no_violation_that_axe_can_find(open_browser, busy_desk):
    make.translator(languages=("es",))
    page = open_browser(policy=False)
    sign_in(page, "translator")
    page.goto(reverse("admin:conditions_condition_translate", args=[busy_desk.pk, "es"]))
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true; }")
    assert not violations(page), violations(page)


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_desk_by_language_has_no_violation_that_axe_can_find(open_browser, busy_desk, phone):
    make.person("lead", "Translation leads", "Translators", languages=("es", "pt-br"))
    by = make.translator("other")
    actions.decide_language("pt-br", "desk", by=make.person("second-lead", "Translation leads"))
    rows = [
        Returned("condition", busy_desk.key, "summary", 0, None, source, target, "es")
        for source, target in (("Take 5 mg, and do not drive.", "Tome 5 mg."), ("Older words.", "Palabras viejas."))
    ]
    rows.append(Returned("condition", "nothing", "summary", 0, None, "x", "y", "es"))
    parcel = exchange.keep("a.xlf", rows, "es", by=by)
    page = open_browser(phone=phone, policy=False)
    sign_in(page, "lead")
    found = {}
    for address in ("/admin/", "/admin/languages/", "/admin/languages/es/", "/admin/languages/pt-br/interface/",
                    f"/admin/languages/es/files/{parcel.pk}/"):  # fmt: skip
        page.goto(address)
        if wrong := violations(page):
            found[address] = wrong
        if page.evaluate("document.documentElement.scrollWidth - window.innerWidth") > 0:
            found[f"{address} (wide)"] = True
    assert not found, "\n".join(f"{address}: {wrong}" for address, wrong in found.items())


def test_a_translator_without_javascript_writes_compares_and_asks(open_browser, busy_desk):
    make.translator(languages=("es",))
    page = open_browser(javascript=False)
    sign_in(page, "translator")
    page.goto(reverse("admin:conditions_condition_translate", args=[busy_desk.pk, "es"]))
    part = page.locator("#part-sections\\.outlook")
    part.locator("textarea").fill("<p>Otra perspectiva.</p>")
    part.get_by_label("I compared it with edition 2").check()
    page.get_by_role("button", name="Save the translation").click()
    said = page.locator(".messagelist").inner_text()
    assert "1 part was saved." in said and "1 part is marked as compared" in said
    page.get_by_label("Your question").fill("Which dose?")
    page.get_by_role("button", name="Ask", exact=True).click()
    assert "Your question stands beside" in page.locator(".messagelist").inner_text()
