"""A word that readers may not know is explained on the page where it stands."""

from types import SimpleNamespace

import pytest
from django.test import Client

from conditions.presentation import Part
from conditions.public.explaining import explain
from portal import languages
from portal.publishing.folding import fold
from tests import make


def term(key, *names):
    return SimpleNamespace(key=key, findable="\n".join(map(fold, names)))


def explained(html, *terms, language="en", other=None):
    parts, found = explain([Part("causes", "Causes", html, language=other)], terms, language)
    return parts[0].html, [one.key for one in found]


def test_only_the_first_of_each_is_linked_whatever_its_ending_and_the_longest_name_wins():
    html, found = explained(
        "<p>Muscle spasms &amp; more. A <strong>spasm</strong> of the basal ganglia.</p>",
        term("spasm", "spasm"), term("ganglia", "Basal ganglia"), term("basal", "basal"),
    )  # fmt: skip
    assert html == (
        '<p>Muscle <a class="term" href="#word-spasm">spasms</a> &amp; more. A <strong>spasm</strong> of the '
        '<a class="term" href="#word-ganglia">basal ganglia</a>.</p>'
    )
    assert found == ["spasm", "ganglia"]


@pytest.mark.parametrize(
    ("language", "name", "html", "linked"),
    [
        ("es", "gen", "<p>Los genes cambian.</p>", "genes"),
        ("ar", "جين", "<p>يتغير الجين.</p>", "الجين"),
        ("zh-hans", "基因", "<p>这个基因发生变化。</p>", "基因"),
        ("ru", "Ген", "<p>Изменение гена.</p>", "гена"),
    ],
)
def test_in_other_languages(language, name, html, linked):
    marked, found = explained(html, term("gene", name), language=language)
    assert f">{linked}</a>" in marked and found == ["gene"]


def test_no_link_inside_a_link_or_a_heading_and_none_in_words_of_another_language():
    spasm = term("spasm", "spasm")
    for html in ("<h3>Spasm</h3>", '<p><a href="/en/">spasm</a></p>', "<p>spasmodic, despasm</p>"):
        assert explained(html, spasm) == (html, [])
    assert explained("<p>A spasm.</p>", spasm, language="es", other=languages.get("en")) == ("<p>A spasm.</p>", [])
    assert explained('<p><a href="/en/">No</a> spasm <em>x</em></p>', spasm)[1] == ["spasm"]


@pytest.mark.django_db
def test_a_page_explains_its_words_below_and_a_page_of_the_word_does_not_link_to_itself():
    gene = make.term("gene", name_en="Gene", summary_en="A part of the DNA.", explanation_en="<p>A gene is small.</p>")
    make.published(gene)
    make.published(make.condition(causes_en="<p>A change in one gene.</p>"))
    html = Client().get("/en/conditions/torsion-dystonia/").content.decode()
    assert 'in one <a class="term" href="#word-gene">gene</a>.' in html
    assert '<dt id="word-gene"><a href="/en/glossary/gene/">Gene</a></dt>' in html and "A part of the DNA." in html
    assert "#word-gene" not in Client().get("/en/glossary/gene/").content.decode()
    assert "#word-gene" not in Client().get("/en/conditions/torsion-dystonia/editions/1/").content.decode()


@pytest.mark.django_db
def test_the_search_field_of_a_page_is_empty():
    make.published(make.term())
    make.published(make.condition(causes_en="<p>A change in one gene.</p>"))
    html = Client().get("/en/conditions/torsion-dystonia/").content.decode()
    assert 'id="words"' in html and 'type="search" value=""' in html
