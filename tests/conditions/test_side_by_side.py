"""A clinician and a patient that share no language read the same part on the same line."""

import io
import re
from urllib.parse import quote

import pytest
from django.conf import settings
from django.test import Client
from django.utils import translation
from pypdf import PdfReader

from conditions import labels, leaflets, models
from portal import languages
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make

pytestmark = pytest.mark.django_db
BESIDE = "/en/conditions/torsion-dystonia/with/ar/"


def read(address, status=200):
    response = Client().get(address)
    assert response.status_code == status, address
    return response


def both():
    condition = make.condition(in_languages=("en", "ar", "es"))
    make.published(condition)
    make.published(condition, "ar")
    return condition


def rows(address):
    return [[html for _side, html in row] for row in read(address).context["rows"]]


def test_each_part_stands_beside_itself_in_its_own_language_and_direction(django_assert_num_queries):
    both()
    html = read(BESIDE).content.decode()
    assert html.count("<h1") == 1
    for direction, language in (("ltr", "en"), ("rtl", "ar")):
        assert f'<div class="beside-cell" lang="{language}" dir="{direction}">' in html
    with translation.override("ar"):
        arabic = {key: str(heading) for key, heading in labels.SECTIONS["condition"].items()}
    pairs = {key: row for row in rows(BESIDE) for key, heading in arabic.items() if f"<h2>{heading}</h2>" in row[1]}
    assert {"overview", "causes", "outlook"} <= set(pairs)
    for key, (left, _right) in pairs.items():
        assert f"<h2>{labels.SECTIONS['condition'][key]}</h2>" in left
    (cards,) = [row for row in rows(BESIDE) if "help-card" in row[0]]
    assert "Get emergency help now if:" in cards[0] and "help-card-emergency" in cards[1]
    assert "Get emergency help now if:" not in cards[1]  # the heading is in the language of its side
    assert "noindex" in html and "hreflang=" not in html.split("</head>")[0]
    with django_assert_num_queries(6):
        read(BESIDE)


def test_each_side_keeps_its_own_warnings():
    condition = both()
    models.Condition.objects.filter(pk=condition.pk).update(causes_en="<p>New and safe words.</p>")
    make.published(condition, significance="safety", note="The old words may harm.")
    notices = rows(BESIDE)[0]
    assert "The old words may harm." in notices[1] and 'lang="en" dir="ltr"' in notices[1]
    assert "The old words may harm." not in notices[0]
    ids = re.findall(r'\sid="([^"]+)"', read(BESIDE).content.decode())
    assert len(ids) == len(set(ids))


def test_a_part_that_one_side_lacks_is_a_gap_that_says_so():
    condition = both()
    condition.facts.create(kind="onset", value_en="Around age 12.").sources.add(make.source())
    make.published(condition)
    ((_left, gap),) = [row for row in rows(BESIDE) if "Around age 12." in row[0]]
    assert gap == ""
    assert 'class="beside-cell beside-gap" lang="ar" dir="rtl"' in read(BESIDE).content.decode()


def test_what_is_not_there_leads_to_the_page_that_says_so():
    both()
    assert read("/en/conditions/torsion-dystonia/with/en/", 302)["Location"] == "/en/conditions/torsion-dystonia/"
    read(read("/en/conditions/torsion-dystonia/with/es/", 302)["Location"], 404)
    read("/en/conditions/torsion-dystonia/with/hi/", 404)  # not offered
    read("/en/conditions/nothing/with/ar/", 404)
    # The English address under Arabic leads to the Arabic page's own, and forgets nothing.
    own = Page.objects.get(language="ar").slug
    found = Client().get("/ar/conditions/torsion-dystonia/with/en/", follow=True)
    assert found.redirect_chain == [(f"/ar/conditions/{quote(own)}/with/en/", 302)] and found.status_code == 200
    actions.withdraw(Page.objects.get(language="ar"), by=make.clinician(), reason="Wrong.")
    arabic = read(BESIDE, 302)["Location"]
    assert Client().get(arabic, follow=True).status_code in {404, 410}
    actions.withdraw(Page.objects.get(language="en"), by=make.clinician("other"), reason="Wrong.")
    read(BESIDE, 410)


def test_a_page_offers_the_languages_it_has_and_the_sides_can_change():
    both()
    html = read("/en/conditions/torsion-dystonia/").content.decode()
    assert f'href="{BESIDE}"' in html and "/with/es/" not in html
    about = rows(BESIDE)[-1]
    assert f"{settings.PUBLIC_ADDRESS}/p/en/torsion-dystonia/" in about[0] and "/p/ar/torsion-dystonia/" in about[1]
    swapped = read(read(BESIDE).context["swapped"])
    assert [side.language.code for side in swapped.context["sides"]] == ["ar", "en"]
    assert "/with/" not in read("/en/conditions/torsion-dystonia/editions/1/").content.decode()


@pytest.mark.skipif(not leaflets.possible(languages.get("ar")), reason="no Pango or no Arabic font here")
def test_the_two_languages_are_one_leaflet():
    both()
    response = read(f"{BESIDE}leaflet.pdf")
    pdf = PdfReader(io.BytesIO(b"".join(response.streaming_content)))
    words = " ".join(page.extract_text() for page in pdf.pages)
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"] and pdf.trailer["/Root"]["/Lang"] == "en"
    assert "Get emergency help now if:" in words and "summary of torsion" in words
    assert any("\u0600" <= letter <= "\u06ff" or "\ufe70" <= letter <= "\ufeff" for letter in words)
    assert f'href="{BESIDE}leaflet.pdf"' in read(BESIDE).content.decode()
    read("/en/conditions/torsion-dystonia/with/es/leaflet.pdf", 302)
