"""Given text that was typed and not saved, when the tab is closed or the session ends, then it is offered back."""

import pytest
from django.contrib.sessions.models import Session

from conditions import models
from tests import make
from tests.desk import address, form_of, signed_in
from tests.journeys.test_clinician import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def kept(page):
    return page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('desk-keep:'))")


def wait_until_kept(page, text):
    page.wait_for_function("text => Object.values(localStorage).some(kept => kept.includes(text))", arg=text)


def new_tab(page):
    """The tab is closed, and another opened in the same browser."""
    tab = page.context.new_page()
    page.close()
    return tab


def write(page, field, text):
    page.locator(f"{field} [role=textbox]").click()
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def sign_in_here(page, username):
    page.locator("#id_username").fill(username)
    page.locator("#id_password").fill("a-long-password")
    page.locator("input[type=submit]").click()


def saved(page):
    page.locator("input[name=_continue]").first.click()
    page.locator(".messagelist .success").first.wait_for()


@pytest.fixture
def condition():
    made = make.condition()
    made.facts.create(kind="cause", value_en="A gene.", position=1)
    make.symptom("tremor")
    return made


@pytest.fixture
def page(open_browser):
    make.clinician("anna", first_name="Anna")
    page = open_browser()
    sign_in(page, "anna")
    return page


def test_a_closed_tab(page, condition):
    page.goto(address(condition))
    page.locator("#id_summary_en").fill("Anna's summary.")
    write(page, ".field-causes_en", "Anna's causes.")
    write(page, "#help_cards-0 .field-what_to_do_en", "Call.")
    page.locator("#id_citations-0-needs_check").check()
    page.locator("#facts-group .add-row a").click()
    page.locator("#id_facts-1-kind").select_option("course")
    page.locator("#id_facts-1-value_en").fill("It stays.")
    page.locator("#symptom_rows-group .add-row a").click()
    page.locator("#symptom_rows-0 .select2-selection").click()
    page.locator(".select2-results__option", has_text="Tremor").click()
    page.locator("#help_cards-group .add-row a").click()
    page.locator("#id_help_cards-1-urgency").select_option("emergency")
    write(page, "#help_cards-1 .field-when_to_act_en", "You fall.")
    wait_until_kept(page, "You fall.")
    held = page.evaluate("JSON.stringify(localStorage)")
    assert "csrf" not in held and "a-long-password" not in held

    page = new_tab(page)
    page.goto(address(condition))
    offer = page.locator(".desk-keep")
    assert offer.inner_text().startswith("You have unsaved text from ")
    assert page.locator("#id_summary_en").input_value() == "summary of torsion-dystonia."
    offer.get_by_role("button", name="Bring it back").click()
    assert offer.count() == 0
    assert page.locator("#id_summary_en").input_value() == "Anna's summary."
    assert page.locator(".field-causes_en [role=textbox]").inner_text() == "Anna's causes."
    assert page.locator("#symptom_rows-0 .select2-selection__rendered").get_attribute("title") == "Tremor"
    saved(page)
    made = models.Condition.objects.get()
    assert (made.summary_en, made.causes_en) == ("Anna's summary.", "<p>Anna's causes.</p>")
    assert [card.what_to_do_en for card in made.help_cards.filter(key="breathing")] == ["<p>Call.</p>"]
    assert [card.when_to_act_en for card in made.help_cards.exclude(key="breathing")] == ["<p>You fall.</p>"]
    assert set(made.facts.values_list("kind", "value_en")) == {("cause", "A gene."), ("course", "It stays.")}
    assert made.symptom_rows.get().symptom.key == "tremor"
    assert made.citations.get().needs_check
    # What was saved is forgotten.
    assert kept(page) == []
    page = new_tab(page)
    page.goto(address(condition))
    assert page.locator(".desk-keep").count() == 0


def test_an_expired_session(page, condition):
    page.goto(address(condition))
    write(page, ".field-causes_en", "Anna's causes.")
    Session.objects.all().delete()
    page.locator("input[name=_save]").first.click()
    sign_in_here(page, "anna")
    page.locator(".desk-keep").get_by_role("button", name="Bring it back").click()
    assert page.locator(".field-causes_en [role=textbox]").inner_text() == "Anna's causes."
    page.locator("input[name=_save]").first.click()  # this time the list follows, and not the form
    page.locator(".messagelist .success").wait_for()
    assert kept(page) == []
    assert models.Condition.objects.get().causes_en == "<p>Anna's causes.</p>"


def test_an_expired_session_without_javascript(open_browser, condition):
    make.clinician("anna")
    page = open_browser(javascript=False)
    sign_in(page, "anna")
    page.goto(address(condition))
    page.locator("#id_summary_en").fill("Anna's summary.")
    Session.objects.all().delete()
    page.locator("input[name=_save]").first.click()
    assert "What you sent was not saved" in page.locator(".errornote").inner_text()
    with page.expect_popup() as opened:
        page.locator(".errornote a").click()
    sign_in(opened.value, "anna")
    page.go_back()
    assert page.locator("#id_summary_en").input_value() == "Anna's summary."
    page.locator("input[name=_continue]").first.click()
    page.locator(".messagelist .success").wait_for()
    assert models.Condition.objects.get().summary_en == "Anna's summary."


def test_thrown_away_is_away(page, condition):
    page.goto(address(condition))
    page.locator("#id_summary_en").fill("Anna's summary.")
    wait_until_kept(page, "Anna's summary.")
    page = new_tab(page)
    page.goto(address(condition))
    page.get_by_role("button", name="Throw it away").click()
    assert kept(page) == []
    page.reload()
    assert page.locator(".desk-keep").count() == 0
    assert page.locator("#id_summary_en").input_value() == "summary of torsion-dystonia."


def test_what_is_changed_back_is_not_kept(page, condition):
    page.goto(address(condition))
    page.locator("#id_summary_en").fill("Anna's summary.")
    wait_until_kept(page, "Anna's summary.")
    page.locator("#id_summary_en").fill("summary of torsion-dystonia.")
    page.wait_for_function("() => !Object.keys(localStorage).some(key => key.startsWith('desk-keep:'))")


def test_logging_out_forgets_and_so_does_time_and_nobody_is_offered_anothers_text(page, condition, open_browser):
    make.clinician("berta")
    page.goto(address(condition))
    page.locator("#id_summary_en").fill("Anna's summary.")
    wait_until_kept(page, "Anna's summary.")
    # Somebody else signs in here: they are not offered Anna's text.
    Session.objects.all().delete()
    page.goto("/admin/")
    sign_in(page, "berta")
    page.goto(address(condition))
    page.wait_for_selector(".field-causes_en [role=textbox]")
    assert page.locator(".desk-keep").count() == 0
    page.locator("#id_summary_en").fill("Berta's summary.")
    wait_until_kept(page, "Berta's summary.")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/logout/")
    assert "Anna's summary." in page.evaluate("JSON.stringify(localStorage)")
    assert "Berta's summary." not in page.evaluate("JSON.stringify(localStorage)")
    # After 30 days, Anna's is gone too.
    page.evaluate(
        """() => { for (const [key, kept] of Object.entries(localStorage)) if (key.startsWith("desk-keep:"))
        localStorage[key] = JSON.stringify({...JSON.parse(kept), at: Date.now() - 31 * 24 * 3600 * 1000}) }"""
    )
    page.goto("/admin/login/")
    assert kept(page) == []


def test_a_form_that_comes_back_is_no_offer_and_stays_kept(page, condition):
    page.goto(address(condition))
    page.locator("#id_summary_en").fill("Anna's summary.")
    page.locator("#id_slug_en").fill("Not A Slug")
    page.locator("input[name=_continue]").first.click()
    page.locator(".errornote").wait_for()
    assert page.locator(".desk-keep").count() == 0 and len(kept(page)) == 1
    page.locator("#id_misspellings_en").fill("dystona")
    wait_until_kept(page, "dystona")
    page = new_tab(page)
    page.goto(address(condition))
    page.get_by_role("button", name="Bring it back").click()
    assert page.locator("#id_summary_en").input_value() == "Anna's summary."
    assert page.locator("#id_misspellings_en").input_value() == "dystona"
    page.locator("#id_slug_en").fill("torsion-dystonia")
    saved(page)
    assert kept(page) == []


def test_text_brought_back_over_what_somebody_else_saved_is_asked_about(page, condition):
    page.goto(address(condition))
    page.locator("#id_summary_en").fill("Anna's summary.")
    page.locator("#id_facts-0-value_en").fill("Anna's gene.")
    wait_until_kept(page, "Anna's gene.")
    berta = signed_in(make.clinician("berta", first_name="Berta", last_name="Brandt"))
    form = form_of(berta.get(address(condition)))
    berta.post(address(condition), {**form, "summary_en": "Berta's summary.", "facts-0-DELETE": "on"})
    page = new_tab(page)
    page.goto(address(condition))
    page.get_by_role("button", name="Bring it back").click()
    assert page.locator("#id_facts-0-value_en").input_value() == "Anna's gene."  # her row is gone: a new one
    page.locator("input[name=_continue]").first.click()
    assert "Berta Brandt saved this while" in page.locator("#meanwhile-heading").inner_text()
    assert "Berta" in page.locator(".field-summary_en .desk-theirs").inner_text()
    assert models.Condition.objects.get().summary_en == "Berta's summary."


def test_a_new_object(page):
    page.goto("/admin/conditions/symptom/add/")
    page.locator("#id_name_en").fill("Cramp")
    write(page, ".field-overview_en", "A muscle pulls.")
    wait_until_kept(page, "A muscle pulls.")
    page = new_tab(page)
    page.goto("/admin/conditions/symptom/add/")
    page.get_by_role("button", name="Bring it back").click()
    page.locator("#id_key").fill("cramp")
    saved(page)
    assert models.Symptom.objects.get().overview_en == "<p>A muscle pulls.</p>"
    assert kept(page) == []


def test_a_translation(open_browser):
    make.translator(languages=("es",))
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    page = open_browser()
    sign_in(page, "translator")
    form = f"/admin/conditions/symptom/{symptom.pk}/translate/es/"
    page.goto(form)
    page.locator("[name='summary']").fill("Un resumen.")
    page.locator(".desk-target [role=textbox]").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("Mis palabras.")
    wait_until_kept(page, "Mis palabras.")
    models.Symptom.objects.filter(pk=symptom.pk).update(causes_es="<p>De otra persona.</p>")
    page = new_tab(page)
    page.goto(form)
    page.get_by_role("button", name="Bring it back").click()
    page.get_by_role("button", name="Save the translation").click()
    # Somebody saved since the text was written: the form says so, as if it had been open all the time.
    page.locator(".errornote").wait_for()
    assert page.locator(".desk-keep").count() == 0 and len(kept(page)) == 1
    page = new_tab(page)
    page.goto(form)
    page.get_by_role("button", name="Bring it back").click()
    page.get_by_role("button", name="Save the translation").click()
    page.locator(".errornote").wait_for()
    page.get_by_role("button", name="Save the translation").click()
    page.locator(".messagelist .success").wait_for()
    assert kept(page) == []
    assert models.Symptom.objects.get().summary_es == "Un resumen."


SIGNED_OUT = "You are not signed in any more, so nothing is saved now."


@pytest.fixture
def translating(open_browser):
    """A page with words in it that were typed after the session had ended; and the symptom."""
    make.translator(languages=("es",))
    symptom = make.symptom(in_languages=("en", "es"))
    make.published(symptom)
    page = open_browser()
    sign_in(page, "translator")
    page.goto(f"/admin/conditions/symptom/{symptom.pk}/translate/es/")
    Session.objects.all().delete()
    page.locator("[name='summary']").fill("Un resumen.")
    page.locator(".desk-target [role=textbox]").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("Mis palabras.")
    page.keyboard.press("Alt+Shift+S")
    page.locator("#as-you-go", has_text=SIGNED_OUT).wait_for()
    return page, symptom


def test_a_translation_goes_on_after_signing_in_in_another_tab(translating):
    page, symptom = translating
    page.get_by_role("button", name="Save the translation").click()
    page.wait_for_timeout(500)
    assert page.locator("[name='summary']").input_value() == "Un resumen."  # it leads nowhere else
    with page.expect_popup() as opened:
        page.locator("#as-you-go a").click()
    sign_in(opened.value, "translator")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.locator("#as-you-go", has_text="Saved at").wait_for()
    symptom.refresh_from_db()
    assert (symptom.summary_es, symptom.overview_es) == ("Un resumen.", "<p>Mis palabras.</p>")
    page.locator("[name='summary']").fill("Otro resumen.")
    page.get_by_role("button", name="Save the translation").click()
    page.locator(".messagelist .success").wait_for()
    assert kept(page) == []


def test_a_translation_is_offered_back_after_signing_in_in_the_same_tab(translating):
    page, symptom = translating
    page.goto(page.url)
    sign_in_here(page, "translator")
    page.get_by_role("button", name="Bring it back").click()
    assert page.locator("[name='summary']").input_value() == "Un resumen."
    page.get_by_role("button", name="Save the translation").click()
    page.locator(".messagelist .success").wait_for()
    symptom.refresh_from_db()
    assert (symptom.summary_es, symptom.overview_es) == ("Un resumen.", "<p>Mis palabras.</p>")


def test_words_of_a_translation_are_never_saved_or_offered_as_anothers(translating):
    page, symptom = translating
    make.translator("second", languages=("es",))
    tab = page.context.new_page()
    sign_in(tab, "second")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.wait_for_timeout(500)
    page.get_by_role("button", name="Save the translation").click()
    page.wait_for_timeout(500)
    assert SIGNED_OUT in page.locator("#as-you-go").inner_text()
    tab.goto(page.url)
    assert tab.locator("[name='summary']").input_value() != "Un resumen."
    assert tab.locator(".desk-keep").count() == 0
    symptom.refresh_from_db()
    assert symptom.summary_es != "Un resumen."


def test_full_or_spoilt_storage_is_in_nobodys_way(page, condition):
    page.evaluate("localStorage['desk-keep:1:x'] = '{'; localStorage['desk-keep:2:y'] = 'null'")
    page.goto(address(condition))
    assert kept(page) == []
    page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') } }"
    )
    page.locator("#id_summary_en").fill("Anna's summary.")
    page.wait_for_timeout(600)
    saved(page)
    assert models.Condition.objects.get().summary_en == "Anna's summary."
