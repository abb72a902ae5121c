"""Given a published page, when a clinician edits it, then readers see the old words until the new ones are signed and out."""

import re

import pytest

from conditions import editions
from conditions.models import Condition
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)


def sign_in(page, username):
    page.goto("/admin/")
    page.locator("#id_username").fill(username)
    page.locator("#id_password").fill("a-long-password")
    page.locator("input[type=submit]").click()


def public_text(open_browser, address):
    reader = open_browser()
    reader.goto(address)
    return reader.locator("article").inner_text()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_clinician_edits_previews_signs_and_publishes(open_browser, javascript):
    make.clinician()
    condition = make.condition()
    make.published(condition)
    address = "/en/conditions/torsion-dystonia/"

    page = open_browser(javascript=javascript)
    sign_in(page, "clinician")
    page.goto("/admin/conditions/condition/")
    page.get_by_role("link", name="Torsion dystonia").click()
    assert "edition 1 is public" in page.locator(".desk-states").inner_text()
    if javascript:
        editor = page.locator(".field-overview_en [role=textbox]")
        editor.click()
        page.keyboard.press("Control+a")
        page.keyboard.type("Twisting that may begin in a foot.")
    else:
        page.locator("#id_overview_en").fill("<p>Twisting that may begin in a foot.</p>")
    page.locator("input[name=_continue]").first.click()
    assert "the working copy has changed since" in page.locator(".desk-states").inner_text()
    assert "may begin in a foot" not in public_text(open_browser, address)

    page.get_by_role("link", name="Preview English").click()
    assert "Preview: these words are not published." in page.locator(".preview-banner").inner_text()
    assert "Twisting that may begin in a foot." in page.locator("article").inner_text()
    page.get_by_role("link", name="Back to the desk").click()

    assert "Overview" in page.locator(".desk-differences").inner_text()
    assert page.get_by_role("button", name="Sign off these words").count() == 0
    assert "somebody else has to sign them off" in page.locator("#content").inner_text()
    page.get_by_label("Note").fill("Is the foot right?")
    page.get_by_role("button", name="Ask for a review").click()
    assert "waiting for a review" in page.locator(".desk-lead").inner_text()

    make.clinician("second", first_name="Rosa", last_name="Reviewer")
    page = open_browser(javascript=javascript)
    sign_in(page, "second")
    page.goto(f"/admin/conditions/condition/{condition.pk}/gate/en/")
    assert "Is the foot right?" in page.locator(".desk-remark").inner_text()
    page.get_by_role("button", name="Sign off these words").click()
    assert "You signed off exactly these words." in page.locator(".messagelist").inner_text()
    assert "may begin in a foot" not in public_text(open_browser, address)

    page.get_by_label("Translations should follow").check()
    page.get_by_label("What changed, in plain words for readers").fill("We say where it begins.")
    page.get_by_role("button", name="Publish these words").click()
    assert "Edition 2 is public." in page.locator(".messagelist").inner_text()
    said = public_text(open_browser, address)
    assert "Twisting that may begin in a foot." in said
    assert re.search(r"by Rosa Reviewer", said)

    page.get_by_label("Reason, in words for readers").fill("We are checking a mistake.")
    page.get_by_role("button", name="Withdraw the page").click()
    reader = open_browser()
    assert reader.goto(address).status == 410
    assert "We are checking a mistake." in reader.locator("main").inner_text()
    page.locator("input[name=edition][value='1']").check()
    page.locator("#restore-reason").fill("The first wording was right.")
    page.get_by_role("button", name="Show the chosen edition's words again").click()
    assert "overview of torsion-dystonia." in public_text(open_browser, address)


def test_what_keeps_a_page_from_being_published_is_said_beside_the_form(open_browser):
    make.clinician()
    condition = make.condition()
    page = open_browser()
    sign_in(page, "clinician")
    page.goto(f"/admin/conditions/condition/{condition.pk}/change/")
    page.locator("#id_summary_en").fill("")
    page.locator("input[name=_continue]").first.click()
    assert "“In short” is empty in English." in page.locator(".desk-problems").inner_text()
    page.goto(f"/admin/conditions/condition/{condition.pk}/gate/en/")
    assert page.get_by_role("button", name="Sign off these words").count() == 0


def test_a_new_symptom_is_made_from_nothing(open_browser):
    make.clinician()
    make.source()
    page = open_browser()
    sign_in(page, "clinician")
    page.goto("/admin/conditions/symptom/add/")
    page.locator("#id_name_en").fill("Tremor")
    page.locator("#id_key").fill("tremor")
    page.locator("input[name=_continue]").first.click()
    problems = page.locator(".desk-problems").inner_text()
    assert "“In short” is empty in English." in problems
    assert "“What it is” is empty in English." in problems
    assert "The page cites no source." in problems


def test_a_reviewer_signs_and_publishes_by_keyboard_alone(open_browser):
    author = make.person("author", "Authors")
    make.clinician()
    symptom = make.symptom()
    make.published(symptom)
    symptom.summary_en = "Shaking that you do not want."
    symptom.save()
    editions.refresh(make.fresh(symptom), by=author)
    page = open_browser()
    sign_in(page, "clinician")
    page.goto("/admin/")

    def tab_to(words):
        """Press Tab until the focus stands on something with these words, and can be seen there."""
        for _press in range(120):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                """() => { const e = document.activeElement, s = getComputedStyle(e)
                    const named = e.matches("a, button, input, select, textarea, summary")
                        ? e.labels?.[0]?.innerText || e.innerText || e.value || "" : ""
                    return [named, s.outlineStyle != "none" || s.boxShadow != "none" || s.textDecorationLine == "underline"
                            || s.backgroundColor != "rgba(0, 0, 0, 0)"] }"""
            )
            if words in focused[0]:
                assert focused[1], f"one cannot see that the focus is on {words}"
                return
        raise AssertionError(f"the keyboard does not reach {words}")

    page.goto(f"/admin/conditions/symptom/{symptom.pk}/gate/en/")
    tab_to("Sign off these words")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=You signed off exactly these words.")
    tab_to("Wording only")
    page.keyboard.press("ArrowDown")  # to "Translations should follow"
    page.keyboard.press("Space")
    tab_to("What changed, in plain words for readers")
    page.keyboard.type("Plainer words.")
    tab_to("Publish these words")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Edition 2 is public.")
    assert "Shaking that you do not want." in public_text(open_browser, "/en/symptoms/tremor/")


TABLE = """<p>How to begin:</p><table><caption>Dose</caption><tbody><tr><th>Week 1</th><td>5 mg</td></tr>
<tr><th>Week 2</th><td><p>10 mg</p><p>twice</p></td></tr></tbody></table><div>Ask</div><div>first.</div>"""


def test_a_table_that_is_pasted_becomes_lines_and_no_cell_is_glued_to_the_next(open_browser):
    make.clinician()
    make.condition()
    page = open_browser()
    sign_in(page, "clinician")
    page.goto("/admin/conditions/condition/")
    page.get_by_role("link", name="Torsion dystonia").click()
    editor = page.locator(".field-overview_en [role=textbox]")
    editor.click()
    page.keyboard.press("Control+a")
    paste = """(element, html) => {
        const data = new DataTransfer()
        data.setData("text/html", html)
        element.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }))
    }"""
    editor.evaluate(paste, TABLE)
    page.locator("input[name=_continue]").first.click()
    assert Condition.objects.get().overview_en == (
        "<p>How to begin:</p><p>Dose</p><p>Week 1 | 5 mg</p><p>Week 2 | 10 mg twice</p><p>Ask</p><p>first.</p>"
    )
