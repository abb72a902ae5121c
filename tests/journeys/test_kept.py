"""A reader keeps a page on their phone, reads it where there is no network, and leaves no trace when they say so."""

import io

import pytest
from django.core.files.base import ContentFile
from PIL import Image as Drawing

from conditions import models
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)

TRACES = """async () => ({
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  stored: localStorage.length + sessionStorage.length,
  databases: (await indexedDB.databases()).length,
})"""
NOTHING = {"caches": [], "workers": 0, "stored": 0, "databases": 0}


@pytest.fixture
def arabic():
    condition = make.condition(in_languages=("en", "ar"))
    make.published(condition)
    make.published(condition, "ar")
    return condition


def test_kept_in_arabic_read_without_a_network_overtaken_by_safety_and_removed(open_browser, arabic):
    page = open_browser(language="ar", phone=True)
    address = f"/ar/conditions/{Page.objects.get(language='ar').slug}/"
    page.goto(address)
    page.wait_for_selector(".keep button")
    assert page.evaluate(TRACES) == NOTHING  # nothing before anybody asked
    page.locator(".keep button").click()
    page.locator(".keep a").wait_for()
    traces = page.evaluate(TRACES)
    assert (traces["caches"], traces["workers"]) == (["kept"], 1)
    held = page.evaluate(
        "(async () => (await (await caches.open('kept')).keys()).map(one => new URL(one.url).pathname))()"
    )
    assert [path for path in held if not path.startswith("/static/")] == [page.evaluate("location.pathname")]

    page.context.set_offline(True)
    page.goto(address)
    banner = page.locator("main .notice").first
    assert banner.locator("[data-since]").inner_text()
    assert page.locator(".help-card-emergency").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.help-card')).borderTopWidth") != "0px"  # its styles
    page.context.set_offline(False)

    models.Condition.objects.filter(pk=arabic.pk).update(causes_en="<p>New and safe words.</p>")
    make.published(make.fresh(arabic), significance="safety", note="The old words may harm.")
    page.goto(address)
    assert page.locator(".notice-safety").is_visible() and page.locator("[data-since]").count() == 0
    page.wait_for_function(
        "(async () => (await (await caches.match(location.href)).text()).includes('notice-safety'))()"
    )
    page.context.set_offline(True)
    page.goto(address)
    assert page.locator(".notice-safety").is_visible() and page.locator("[data-since]").count() == 1
    page.context.set_offline(False)

    page.goto("/ar/kept/")
    rows = page.locator("[data-kept-list] li")
    rows.wait_for()
    assert rows.count() == 1 and rows.locator("a").get_attribute("dir") == "rtl"
    page.locator("#kept-everything button").click()
    page.locator("#kept-nothing").wait_for(state="visible")
    assert page.evaluate(TRACES) == NOTHING


def test_new_words_win_even_where_they_cannot_be_kept_whole(open_browser, arabic):
    page = open_browser()
    address = "/en/conditions/torsion-dystonia/"
    page.goto(address)
    page.locator(".keep button").click()
    page.locator(".keep a").wait_for()
    held = io.BytesIO()
    Drawing.new("RGB", (40, 20)).save(held, "PNG")
    picture = models.Image.objects.create(
        topic=arabic, file=ContentFile(held.getvalue(), name="hand.png"), alt_en="A hand", alt_ar="يد"
    )
    picture.file.storage.delete(
        picture.file.name
    )  # it cannot be had: as on a full phone, or in the middle of an upgrade
    models.Condition.objects.filter(pk=arabic.pk).update(causes_en="<p>New and safe words.</p>")
    make.published(make.fresh(arabic), significance="safety", note="The old words may harm.")
    for _time in range(2):
        page.goto(address)
        assert "New and safe words." in page.locator("main").inner_text()
        assert page.locator("[data-since]").count() == 0
        page.wait_for_function(
            "(async () => (await (await caches.match(location.href)).text()).includes('New and safe words.'))()"
        )


def test_a_withdrawn_page_is_not_kept_any_longer(open_browser, arabic):
    page = open_browser()
    address = "/en/conditions/torsion-dystonia/"
    page.goto(address)
    page.locator(".keep button").click()
    page.locator(".keep a").wait_for()
    actions.withdraw(Page.objects.get(language="en"), by=make.clinician(), reason="It was wrong.")
    page.goto(address)
    assert "It was wrong." in page.locator("main").inner_text()
    page.wait_for_function("(async () => !(await caches.match(location.href)))()")


def test_without_javascript_nothing_is_offered_and_the_list_says_why(open_browser, arabic):
    page = open_browser(javascript=False)
    page.goto("/en/conditions/torsion-dystonia/")
    assert not page.locator(".keep").is_visible()
    page.goto("/en/kept/")
    assert page.locator("#kept-without").is_visible() and not page.locator("#kept-nothing").is_visible()
