"""docs/translating.md, walked through: a language begun from nothing, until somebody reads in it; and a dose that changes.

The pictures of the guide are these: make screenshots writes them to docs/screenshots.
"""

import os
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import polib
import pytest
from django.utils.translation import trans_real
from lxml import etree

from conditions import editions, models
from conditions.starter import files, loading
from portal import languages
from portal.publishing.models import Page
from portal.translating import interface, segments
from tests import make
from tests.journeys.test_clinician import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "translating.md"
DATA = Path(__file__).resolve().parents[1] / "data"
XLIFF = {"x": "urn:oasis:names:tc:xliff:document:1.2"}


@pytest.fixture(autouse=True)
def _words_go_with_their_database():
    yield
    interface._loaded.clear()
    trans_real._translations.pop("pt-br", None)


@pytest.fixture
def torsion_dystonia():
    """The real condition of the starter content in English, without the pages that it links."""
    starter = next(topic for topic in files.topics() if topic.key == "torsion-dystonia")
    links = ("symptoms", "treatments", "see_also", "broader")
    shape = {name: value for name, value in starter.shape.items() if name not in links}
    starter = replace(starter, shape=shape, words={"en": starter.words["en"]})
    loading.load(topics=[starter], sources=files.sources())
    condition = models.Condition.objects.get()
    make.published(condition)
    return condition


@pytest.fixture
def portuguese():
    """The whole condition in Brazilian Portuguese, part by part."""
    words = tomllib.loads((DATA / "torsion-dystonia.pt-br.toml").read_text())
    said = {"name": words["name"], "summary": words["summary"]}
    said |= {f"sections.{key}": html.strip() for key, html in words["sections"].items()}
    said |= {
        f"help_cards.{key}.{field}": html.strip()
        for key, card in words["help_cards"].items()
        for field, html in card.items()
    }
    return said | {f"facts.{kind}.value": value for kind, value in words["facts"].items()}


def translated_xliff(path, portuguese):
    """What a translator's own tool does with the file: a target for every source."""
    tree = etree.parse(path)
    for unit in tree.iterfind(".//x:trans-unit", XLIFF):
        part, number = re.fullmatch(r"(.+?)\.(\d+)(?:\.rich)?", unit.get("id").rpartition("#")[2]).groups()
        pieces = segments.split(portuguese[part], rich=unit.get("id").endswith(".rich")).segments
        source = unit.find("x:source", XLIFF)
        target = unit.find("x:target", XLIFF)
        if target is None:
            target = etree.Element(f"{{{XLIFF['x']}}}target")
            source.addnext(target)
        assert len(source) == 0, "this text has no inline tags"
        target.text = segments.plain(pieces[int(number)])
    tree.write(path, encoding="utf-8", xml_declaration=True)


def test_portuguese_from_nothing_until_somebody_reads_it(open_browser, torsion_dystonia, portuguese, tmp_path):
    folder = os.environ.get("SCREENSHOTS")
    taken = set()

    def picture(page, name, around=None):
        if around:
            page.locator(around).first.scroll_into_view_if_needed()
        if folder:
            page.screenshot(path=Path(folder) / f"translating-{name}.png")
        taken.add(f"translating-{name}.png")

    make.person("lead", "Translation leads", languages=("pt-br",), first_name="Lena", last_name="Lead")
    make.translator("paula", languages=("pt-br",), first_name="Paula", last_name="Pereira")
    make.translator("rui", languages=("pt-br",), first_name="Rui", last_name="Revisor")

    # A lead opens the language; readers see nothing of it.
    lead = open_browser()
    sign_in(lead, "lead")
    lead.get_by_role("link", name="Languages: open, offer, take back").click()
    row = lead.get_by_role("row").filter(has_text="Português (Brasil)")
    row.get_by_role("button", name="Begin").click()
    assert "is at the desk" in lead.locator(".messagelist").inner_text()
    picture(lead, "1-languages")
    reader = open_browser(language="pt-BR", phone=True)
    assert reader.goto("/pt-br/").status == 404

    # A translator finds it, writes two parts by hand, and takes the rest to a tool of their own.
    translator = open_browser()
    sign_in(translator, "paula")
    translator.get_by_role("link", name="Brazilian Portuguese").click()
    picture(translator, "2-list")
    translator.get_by_role("link", name="Torsion dystonia").click()
    translator.get_by_label("Name", exact=True).fill(portuguese["name"])
    translator.get_by_label("In short", exact=True).fill(portuguese["summary"])
    with translator.expect_response(lambda answer: answer.request.method == "POST" and answer.ok):
        translator.keyboard.press("Alt+Shift+ArrowDown")  # leaving the part saves it
    translator.get_by_text("Saved at").wait_for()
    picture(translator, "3-translate", "#part-summary")
    condition = models.Condition.objects.get()
    assert condition.name_pt_br == "Distonia de torção"
    translator.goto("/admin/languages/pt-br/")
    translator.get_by_label("Choose Torsion dystonia").check()
    with translator.expect_download() as download:
        translator.get_by_role("button", name="Download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    translated_xliff(path, portuguese)
    translator.get_by_label("File", exact=True).set_input_files(path)
    translator.get_by_role("button", name="Look at it").click()
    picture(translator, "4-file")
    translator.get_by_role("button", name="Take it over").click()
    assert "parts were taken over" in translator.locator(".messagelist").inner_text()
    translator.goto(f"/admin/conditions/condition/{condition.pk}/translate/pt-br/")
    assert "No part is empty." in translator.locator(".desk-lead").first.inner_text()
    translator.goto(f"/admin/conditions/condition/{condition.pk}/gate/pt-br/")
    translator.get_by_role("button", name="Ask for a review").click()
    assert "somebody else has to sign them off" in translator.locator("#content").inner_text()

    # The interface's words come as an ordinary catalogue.
    translator.goto("/admin/languages/pt-br/interface/")
    picture(translator, "5-interface")
    with translator.expect_download() as download:
        translator.get_by_role("link", name="Download what readers meet (PO)").click()
    path = tmp_path / "interface.po"
    download.value.save_as(path)
    catalogue, known = polib.pofile(str(path)), polib.pofile(str(DATA / "pt_BR.po"))
    by_words = {(entry.msgctxt, entry.msgid): entry for entry in known}
    for entry in catalogue:
        ours = by_words[entry.msgctxt, entry.msgid]
        entry.msgstr, entry.msgstr_plural = ours.msgstr, dict(ours.msgstr_plural)
    catalogue.save()
    translator.get_by_label("Bring a PO file back").set_input_files(path)
    translator.get_by_role("button", name="Take it over").click()
    assert "Nothing that readers meet is missing." in translator.locator("#content").inner_text()

    # A second person signs the pair and publishes; the language is still not offered.
    reviewer = open_browser()
    sign_in(reviewer, "rui")
    reviewer.locator(".desk-today").get_by_role("link", name="Distonia de torção").first.click()
    assert "I compared this translation with source edition 1" in reviewer.locator("#content").inner_text()
    picture(reviewer, "6-sign", "text=2. Sign off")
    reviewer.get_by_role("button", name="Sign off these words").click()
    reviewer.get_by_label("More than wording").check()
    reviewer.get_by_role("button", name="Publish these words").click()
    slug = Page.objects.get(language="pt-br").slug
    assert reader.goto(f"/pt-br/conditions/{slug}/").status == 404

    lead.goto("/admin/languages/")
    row = lead.get_by_role("row").filter(has_text="Português (Brasil)")
    assert row.inner_text().count("✓") == 3
    picture(lead, "7-offer")
    row.get_by_role("button", name="Offer it to readers").click()
    assert "is offered to readers now" in lead.locator(".messagelist").inner_text()

    assert reader.goto("/").url.endswith("/pt-br/")
    reader.get_by_role("link", name="Distonia de torção").first.click()
    said = reader.locator("article").inner_text()
    assert portuguese["summary"] in said and "Rui Revisor" in said
    assert reader.locator("html").get_attribute("lang") == "pt-BR"
    assert reader.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for english in ("On this page", "Key facts", "Sources", "Overview", "Causes", "When to get help"):
        assert english not in said
    picture(reader, "8-reader")

    assert taken | {"translating-9-changed.png"} == set(re.findall(r"screenshots/(translating-[\w-]+\.png)", GUIDE.read_text()))  # fmt: skip


OTHERS = [language.code for language in languages.offered() if not language.is_source]
DOSE = {
    "en": "Take {} mg a day.", "es": "Tome {} mg al día.", "fr": "Prenez {} mg par jour.", "ar": "تناول {} ملغ في اليوم.",
    "zh-hans": "每天服用{}毫克。", "ru": "Принимайте {} мг в день.",
}  # fmt: skip


def test_a_dose_changed_for_safety_warns_every_language_at_once_until_each_has_followed(open_browser, tmp_path):
    folder = os.environ.get("SCREENSHOTS")
    treatment = make.treatment(in_languages=tuple(DOSE))
    for code, words in DOSE.items():
        setattr(treatment, f"benefits_{code.replace('-', '_')}", f"<p>{words.format(10)}</p>")
    treatment.save()
    for code in DOSE:
        make.published(treatment, code)
        editions.refresh(make.fresh(treatment))
    desk = f"/admin/conditions/treatment/{treatment.pk}"
    slugs = dict(Page.objects.values_list("language", "slug"))
    make.person("author", "Authors")
    make.clinician("clinician")
    make.translator("tomas", languages=("es",))
    make.translator("lola", languages=("es",), first_name="Lola", last_name="Lectora")

    def read(code):
        reader = open_browser(language=languages.get(code).tag, phone=True)
        reader.goto(f"/{code}/treatments/{slugs[code]}/")
        return reader

    assert all(read(code).locator(".notice-safety").count() == 0 for code in DOSE)

    author = open_browser()
    sign_in(author, "author")
    author.goto(f"{desk}/change/")
    author.locator(".field-benefits_en [role=textbox]").click()
    author.keyboard.press("Control+a")
    author.keyboard.type(DOSE["en"].format(5))
    author.locator("input[name=_continue]").first.click()
    clinician = open_browser()
    sign_in(clinician, "clinician")
    clinician.goto(f"{desk}/gate/en/")
    clinician.get_by_role("button", name="Sign off these words").click()
    clinician.get_by_label("Safety: the earlier words may harm").check()
    clinician.get_by_role("button", name="Publish these words").click()

    for code in OTHERS:
        reader = read(code)
        notice = reader.locator(".notice-safety")
        assert DOSE["en"].format(5) in notice.inner_text(), code
        assert notice.locator("[lang=en]").first.evaluate("element => getComputedStyle(element).direction") == "ltr"
    assert read("en").locator(".notice-safety").count() == 0

    translator = open_browser()
    sign_in(translator, "tomas")
    assert translator.locator("#box-languages").count() == 1
    translator.goto("/admin/languages/es/")
    assert "the earlier words may harm" in translator.get_by_role("row").filter(has_text="Levodopa").inner_text()
    translator.get_by_role("link", name="Levodopa").click()
    translator.get_by_role("link", name="Go to the 1 part with something to do").click()
    part = translator.locator("#part-sections\\.benefits")
    assert "10 mg" in part.locator("del").inner_text() and "5 mg" in part.locator("ins").inner_text()
    part.scroll_into_view_if_needed()
    if folder:
        translator.screenshot(path=Path(folder) / "translating-9-changed.png")
    part.locator("[role=textbox]").click()
    translator.keyboard.press("Control+a")
    translator.keyboard.type("Tome 50 mg al día.")
    part.get_by_text("“50” is not in the source.").wait_for()  # the check speaks while one types
    translator.keyboard.press("Control+a")
    translator.keyboard.type(DOSE["es"].format(5))
    part.locator(".desk-findings").wait_for(state="hidden")
    translator.keyboard.press("Alt+Shift+K")
    assert part.get_by_label("I compared it with edition 2").is_checked()
    translator.get_by_role("button", name="Save the translation").click()
    assert DOSE["en"].format(5) in read("es").locator(".notice-safety").inner_text()  # nobody has signed it yet

    reviewer = open_browser()
    sign_in(reviewer, "lola")
    reviewer.goto(f"{desk}/gate/es/")
    reviewer.get_by_role("button", name="Sign off these words").click()
    reviewer.get_by_label("Safety: the earlier words may harm").check()
    reviewer.get_by_role("button", name="Publish these words").click()
    spanish = read("es")
    assert spanish.locator(".notice-safety").count() == 0
    assert DOSE["es"].format(5) in spanish.locator("article").inner_text()
    assert DOSE["en"].format(5) not in spanish.locator("article").inner_text()
    assert read("fr").locator(".notice-safety").count() == 1
