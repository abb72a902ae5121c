"""Given what is published, when a frightened person opens it on an old phone, then they find and understand it."""

import pytest

from conditions.bundle.form import BundleTopic
from conditions.starter import files, loading
from portal.publishing.models import Page
from tests import make

pytestmark = pytest.mark.django_db(transaction=True)
# One condition with what it names: the journey is about the page, not about how many there are.
KEYS = {
    "about-this-information",
    "torsion-dystonia",
    "dystonia",
    "dysphagia",
    "tremor",
    "botulinum-toxin",
    "levodopa",
    "gene",
}


@pytest.fixture
def starter(settings):
    settings.DEMO = True
    make.roles()
    topics = [cut(topic) for topic in files.topics() if topic.key in KEYS]
    loading.load(topics)
    loading.publish_demonstration(make.User.objects.create_superuser("loader", password="x"))
    return {page.language: page for page in Page.objects.filter(key="torsion-dystonia")}


def cut(topic):
    shape = dict(topic.shape)
    for rows in ("symptoms", "treatments"):
        shape[rows] = [row for row in shape.get(rows, ()) if row["key"] in KEYS]
    shape["see_also"] = [key for key in shape.get("see_also", ()) if key in KEYS]
    words = {
        language: {
            **said,
            **{part: {k: v for k, v in said.get(part, {}).items() if k in KEYS} for part in ("symptoms", "treatments")},
        }
        for language, said in topic.words.items()
    }
    return BundleTopic(topic.kind, topic.key, shape, words)


def fits(page):
    """Nothing is wider than the screen."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_reader_in_arabic_on_a_phone(open_browser, starter):
    page = open_browser(language="ar", phone=True)
    page.goto("/")
    assert page.url.endswith("/ar/")
    assert page.locator("html").get_attribute("dir") == "rtl"
    arabic = starter["ar"]
    page.locator("main").get_by_role("link", name=arabic.title, exact=True).click()
    assert page.locator("h1").inner_text() == arabic.title
    assert fits(page)
    # The emergency card comes before anything else, and reads from the right.
    card = page.locator(".help-card-emergency").first
    assert card.bounding_box()["y"] < page.locator("#overview").bounding_box()["y"]
    assert page.evaluate("getComputedStyle(document.querySelector('.help-card li')).direction") == "rtl"
    assert page.locator(".notice").count() >= 1  # nobody has reviewed it, and it says so
    # The language switch stays on the page.
    page.locator(".languages").get_by_role("link", name="Français").click()
    assert page.locator("h1").inner_text() == starter["fr"].title
    page.go_back()
    # A symptom of the page, and the list by letter.
    page.locator("#symptoms a").first.click()
    assert page.locator("html").get_attribute("lang") == "ar"
    page.locator(".site-nav a").first.click()
    assert page.locator("h2[id^=letter]").count() >= 1
    assert page.context.cookies() == []


def test_a_reader_without_javascript_by_keyboard_at_400_percent(open_browser, starter):
    page = open_browser(language="en", javascript=False)
    page.set_viewport_size({"width": 320, "height": 256})
    page.goto("/en/")
    page.keyboard.press("Tab")
    assert page.locator(":focus").get_attribute("class") == "skip-link"
    page.keyboard.press("Enter")
    page.locator("#q").fill("dystronia")
    page.locator("#q").press("Enter")
    page.wait_for_url("**/search/?q=dystronia")
    page.locator("main").get_by_role("link", name=starter["en"].title, exact=True).click()
    assert page.locator("h1").inner_text() == starter["en"].title
    widest = page.locator("body").bounding_box()["width"]
    assert widest <= 320


@pytest.mark.parametrize("language", ["en", "es", "fr", "ar", "zh-hans", "ru"])
def test_every_language_shows_the_page_in_its_own_words_only(open_browser, starter, language):
    foreign = []
    page = open_browser(language=language)
    page.on("request", lambda request: foreign.append(request.url))
    page.goto(f"/{language}/conditions/{starter[language].slug}/")
    assert page.locator("h1").inner_text() == starter[language].title
    text = page.locator("article").inner_text()
    others = [other.summary for code, other in starter.items() if code != language]
    assert starter[language].summary in text and not any(other in text for other in others)
    assert fits(page)
    assert {url.split("/")[2] for url in foreign} == {page.url.split("/")[2]}
    assert page.context.cookies() == []


def test_a_reader_finds_by_typing_with_the_keyboard_alone(open_browser, starter):
    page = open_browser(language="ar", phone=True)
    page.goto("/ar/")
    field = page.locator("#q")
    field.focus()
    page.keyboard.type(starter["ar"].title[:3])
    page.locator("[role=option]").first.wait_for()
    assert field.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    assert page.locator(".search-form [role=status]").inner_text()
    address = chosen.get_attribute("data-url")
    page.keyboard.press("Escape")
    assert page.locator("[role=listbox]").is_hidden() and field.input_value() == starter["ar"].title[:3]
    page.keyboard.type(" ")
    page.locator("[role=option]").first.wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")
    assert page.context.cookies() == []


def test_two_chinese_characters_find_the_page(open_browser, starter):
    page = open_browser(language="zh-CN", phone=True)
    page.goto("/zh-hans/")
    title = starter["zh-hans"].title
    page.locator("#q").fill(title[1:3])
    page.locator(".search-form button").click()
    page.locator("main").get_by_role("link", name=title, exact=True).click()
    assert page.locator("h1").inner_text() == title


def test_a_russian_page_prints_as_a_leaflet(open_browser, starter):
    page = open_browser(language="ru")
    page.goto(f"/ru/conditions/{starter['ru'].slug}/")
    page.emulate_media(media="print")
    for gone in (".site-header", ".languages", ".contents", ".take-along", ".keep", ".feedback-ask"):
        assert not page.locator(gone).first.is_visible(), gone
    assert page.locator(".help-card-emergency").first.is_visible() and page.locator(".on-paper").is_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_a_clinician_and_a_patient_read_side_by_side_on_a_phone_and_on_paper(open_browser, starter):
    page = open_browser(phone=True)
    page.goto("/en/conditions/torsion-dystonia/")
    page.locator(".take-along").get_by_role("link", name="العربية").click()
    card = page.locator(".beside-row", has=page.locator(".help-card-emergency")).first.locator(".beside-cell")
    english, arabic = card.nth(0).bounding_box(), card.nth(1).bounding_box()
    assert arabic["y"] >= english["y"] + english["height"] - 1 and fits(page)  # one below the other
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.beside-cell[lang=ar] .help-card li')).direction")
        == "rtl"
    )
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    english, arabic = card.nth(0).bounding_box(), card.nth(1).bounding_box()
    assert arabic["x"] > english["x"] and abs(arabic["y"] - english["y"]) < 2  # beside each other
