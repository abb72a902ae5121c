"""Given a Spanish page with a gap, when a translator fills and signs it, then Spanish readers read it, and nobody else's words moved."""

import pytest

from conditions import models
from portal.publishing.models import Page
from tests import make
from tests.journeys.test_clinician import public_text, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_translator_completes_a_missing_spanish_section(open_browser):
    make.translator(languages=("es",))
    condition = make.condition(in_languages=("en", "es", "fr"))
    models.Condition.objects.filter(pk=condition.pk).update(outlook_es="")
    make.published(condition)
    make.compared(condition, "es")  # everything but the gap was compared before
    french = models.Condition.objects.get(pk=condition.pk).outlook_fr

    page = open_browser()
    sign_in(page, "translator")
    page.goto(f"/admin/conditions/condition/{condition.pk}/gate/es/")
    assert "“Outlook” is empty in Spanish." in page.locator(".desk-problems").inner_text()
    page.goto(f"/admin/conditions/condition/{condition.pk}/translate/es/")
    assert "1 part is still empty." in page.locator(".desk-lead").first.inner_text()
    unit = page.locator(".desk-unit-empty")
    assert unit.locator(".desk-source").inner_text() == "outlook of torsion-dystonia."
    assert unit.locator(".desk-target").get_attribute("lang") == "es"
    unit.locator("[role=textbox]").click()
    page.keyboard.type("La evolución es distinta en cada persona.")
    page.get_by_role("button", name="Save the translation").click()
    assert "1 part was saved." in page.locator(".messagelist").inner_text()
    assert "No part is empty." in page.locator(".desk-lead").first.inner_text()
    assert not Page.objects.filter(language="es").exists()

    make.translator("second", languages=("es",), first_name="Lola", last_name="Lectora")
    page = open_browser()
    sign_in(page, "second")
    page.goto(f"/admin/conditions/condition/{condition.pk}/translate/es/")
    page.get_by_role("link", name="Sign and publish").click()
    assert "I compared this translation with source edition 1" in page.locator("#content").inner_text()
    page.get_by_role("button", name="Sign off these words").click()
    page.get_by_label("Wording only").check()
    page.get_by_role("button", name="Publish these words").click()
    spanish = Page.objects.get(language="es")
    said = public_text(open_browser, f"/es/conditions/{spanish.slug}/")
    assert "La evolución es distinta en cada persona." in said
    assert "Lola Lectora" in said
    condition = models.Condition.objects.get(pk=condition.pk)
    assert (condition.outlook_fr, condition.outlook_en) == (french, "<p>outlook of torsion-dystonia.</p>")


def test_an_arabic_target_is_written_from_the_right(open_browser):
    make.translator(languages=("ar",))
    symptom = make.symptom()
    make.published(symptom)
    page = open_browser()
    sign_in(page, "translator")
    page.goto(f"/admin/conditions/symptom/{symptom.pk}/translate/ar/")
    target = page.locator(".desk-target [role=textbox]").first
    assert target.evaluate("element => getComputedStyle(element).direction") == "rtl"
    assert page.locator(".desk-source").first.evaluate("element => getComputedStyle(element).direction") == "ltr"
