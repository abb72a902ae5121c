"""The pseudo-language: what reads as plain English on a page was never made translatable; what overflows will overflow."""

import re
from html.parser import HTMLParser

import polib
import pytest
from django.conf import settings as real
from django.test import Client
from django.utils.translation import to_locale, trans_real

from portal import languages
from portal.publishing import actions
from portal.publishing.models import Page
from portal.translating import interface, pseudo
from tests import make

CODES = ["fr", "ar"]


@pytest.fixture
def spoken(settings):
    settings.PSEUDO = CODES
    yield
    for code in CODES:
        interface._loaded.pop(code, None)
        trans_real._translations.pop(code, None)


@pytest.fixture
def pages(spoken):
    """A page of every template that readers meet, in both pseudo-languages."""
    condition = make.condition(in_languages=("en", *CODES), also_known_as_fr="DYT1")
    condition.facts.create(kind="onset", value_en="At 9.", value_fr="À 9 ans.", value_ar="٩").sources.add(make.source())
    symptom = make.symptom(in_languages=("en", *CODES))
    make.published(make.symptom("english-only"))
    for topic in (condition, symptom):
        for code in ("en", *CODES):
            make.published(topic, code)
    condition.overview_en, condition.treatment_intro_en = "<p>Another overview.</p>", "<p>5 mg.</p>"
    condition.save()
    make.published(condition, significance="safety", note="We were wrong.")
    found = []
    for code in CODES:
        slug = Page.objects.get(kind="condition", language=code).slug
        gone = Page.objects.get(kind="symptom", language=code)
        actions.withdraw(gone, by=make.clinician(f"clinician-{code}"), reason="Faux.")
        found += [
            f"/{code}/{rest}" for rest in (
                "", "about/", "conditions/", "symptoms/", "search/", "search/?q=dyt1", "search/?q=xyz",
                f"conditions/{slug}/", f"conditions/{slug}/editions/", f"conditions/{slug}/editions/1/",
                "symptoms/english-only/", f"symptoms/{gone.slug}/", "conditions/nothing-here/",
            )
        ]  # fmt: skip
    return found


class Texts(HTMLParser):
    """Every text of a page that a reader sees or hears, with the language it says it is in."""

    SPOKEN = {"alt", "title", "aria-label", "placeholder"}

    def __init__(self):
        super().__init__()
        self.open, self.found = [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in {"meta", "link", "input", "img", "br", "hr"}:
            self.open.append((tag, attrs.get("lang")))
        self.found += [
            value for name, value in attrs.items() if name in self.SPOKEN and value and not attrs.get("lang")
        ]

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        inside = {tag for tag, _lang in self.open}
        other_language = any(lang for tag, lang in self.open if tag != "html")
        if data.strip() and not inside & {"style", "script"} and not other_language:
            self.found.append(data.strip())


def content() -> str:
    """What is no interface: titles, summaries, names, and whatever stands in an edition."""
    said = [
        f"{page.title} {page.summary} {page.withdrawal_reason} {page.edition.content}" for page in Page.objects.all()
    ]
    return " ".join([*said, *(language.name for language in languages.LANGUAGES.values()), "Sigrid Natory"])


@pytest.mark.django_db
def test_nothing_that_readers_meet_is_left_in_english(pages):
    known = content()
    for address in pages:
        answer = Client().get(address)
        assert answer.status_code in {200, 404, 410}, address
        reader = Texts()
        reader.feed(answer.content.decode())
        assert any("⟦" in text for text in reader.found), address
        plain = [
            text
            for text in reader.found
            if re.search(r"[A-Za-z]{3}", text) and "⟦" not in text and "⟧" not in text and text not in known
        ]
        # A sentence with a link in it stands in several pieces, of which only the ends have brackets.
        left = [text for text in plain if re.search(r"\b(the|and|of|is|are|page|this|not|yet|was)\b", text)]
        assert left == [], address


@pytest.mark.django_db(transaction=True)
def test_longer_words_break_no_page_on_the_smallest_phone_from_either_side(pages, open_browser):
    for address in pages:
        page = open_browser(phone=True)
        page.set_viewport_size({"width": 320, "height": 640})
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
        assert page.locator("html").get_attribute("dir") == ("rtl" if address.startswith("/ar/") else "ltr")
        page.context.close()


def test_placeholders_tags_and_line_ends_stay():
    assert pseudo.pseudo("\n%(n)s words, {name} <b>bold</b>").startswith("\n⟦%(n)s wøŕdš, {name} <b>bøľd</b>")
    assert pseudo.pseudo("") == ""
    assert pseudo.pseudo("ab", "rtl").startswith("⟦اب")
    path = real.BASE_DIR / "locale" / to_locale("ar") / "LC_MESSAGES" / "django.po"
    made = pseudo.catalogue(polib.pofile(str(path)), "rtl")
    for entry in made:
        for said in [entry.msgstr, *entry.msgstr_plural.values()]:
            assert not said or sorted(re.findall(r"\{\w+\}|%\(\w+\)s", said)) == sorted(
                re.findall(r"\{\w+\}|%\(\w+\)s", entry.msgid_plural or entry.msgid)
            )
