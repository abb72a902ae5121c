"""Lists are in the order a reader of the language expects, under the letters of its own alphabet."""

import re
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.test import Client

from conditions import models
from conditions.public import letters as lists
from conditions.public.copying import addresses
from conditions.public.letters import by_letter
from portal.publishing import letters as letters_of
from portal.publishing import reading
from portal.publishing.models import Page
from tests import make


@pytest.mark.parametrize(
    ("language", "in_order"),
    [
        ("en", {"D": ["Dystonia", "dystonic storm"], "T": ["Tic", "Tremor"]}),
        ("es", {"A": ["Ácido", "Acúfeno"], "N": ["Nariz", "Nuca"], "Ñ": ["Ñame"], "O": ["Oído"]}),
        ("fr", {"E": ["Écoute", "Effort", "Épaule"], "O": ["Œdème", "Ongle"]}),
        ("ru", {"Е": ["Еда", "Ёж"], "И": ["Игла"], "Й": ["Йод"], "К": ["Кость"]}),
        ("ar", {"ا": ["أدوية", "ارتعاش"], "ت": ["التشنج"], "ر": ["الرعاش"]}),
        ("zh-hans", {"C": ["颤抖"], "J": ["肌肉", "肌张力障碍"], "Z": ["震颤"]}),
    ],
)
def test_letters_and_order(language, in_order):
    names = sorted((name for names in in_order.values() for name in names), reverse=True)
    groups = by_letter([SimpleNamespace(title=name) for name in names], language)
    assert {letter: [page.title for page in pages] for letter, pages in groups} == in_order
    assert [letter for letter, _pages in groups] == list(in_order)


def many_symptoms(count, language="en", name="{letter} {n:03}", letters="abc"):
    """So many live pages, as `actions` leaves them; one of them went through the gate."""
    first = Page.objects.filter(language=language).select_related("edition").first()
    if first is None:
        make.published(make.symptom(in_languages=("en", language)))
        first = make.published(make.fresh(models.Symptom.objects.get()), language) and Page.objects.get(
            language=language
        )
    pages = []
    for n in range(count):
        title = name.format(letter=letters[n % len(letters)], n=n)
        own = {"letter": letters_of.letter(title, language), "place": letters_of.place(title, language)}
        pages.append(Page(kind="symptom", key=f"many-{n}", slug=f"many-{n}", language=language, title=title,
                          edition=first.edition, **own))  # fmt: skip
    return Page.objects.bulk_create(pages)


def read(address, status=200):
    response = Client().get(address)
    assert response.status_code == status, address
    return response.content.decode()


def listed(html):
    return re.findall(r'<li><a href="[^"]*/symptoms/[^"]*">([^<]*)</a><span class="note">', html)


@pytest.mark.django_db
def test_the_gate_says_under_which_letter_a_page_stands():
    symptom = make.symptom(in_languages=("en", "zh-hans"), name_zh_hans="肌肉")
    for language, letter in (("en", "T"), ("zh-hans", "J")):
        make.published(symptom, language)
        page = Page.objects.get(language=language)
        assert (page.letter, bytes(page.place)) == (letter, letters_of.place(page.title, language))
    symptom.name_en = "Écho"
    symptom.save()
    make.published(symptom)
    assert Page.objects.get(language="en").letter == "E"


@pytest.mark.django_db
@pytest.mark.parametrize("count", [1, 3, lists.MOST])
def test_a_list_that_fits_one_page_is_whole(count, django_assert_num_queries):
    many_symptoms(count - 1)
    with django_assert_num_queries(1):
        html = read("/en/symptoms/")
    assert len(listed(html)) == count and "/letters/" not in html
    read("/en/symptoms/letters/t/")  # an address stays, should the list grow shorter


@pytest.mark.django_db
def test_a_list_is_put_in_order_by_what_was_written_with_its_pages(monkeypatch):
    many_symptoms(2, "zh-hans", "{letter}{n:03}", "震肌")
    with monkeypatch.context() as only_read:
        only_read.setattr(letters_of, "_pinyin", None)  # nobody works it out again
        assert re.findall(r"(肌001|震000)", read("/zh-hans/symptoms/")) == ["肌001", "震000"]
    # Where another release left an old place, or none, the title counts.
    Page.objects.filter(title="肌001").update(title="中001")
    Page.objects.filter(title="震000").update(place=b"", letter="#")
    groups = by_letter(reading.pages("symptom", "zh-hans").filter(key__startswith="many"), "zh-hans")
    assert [(letter, [page.title for page in pages]) for letter, pages in groups] == [("Z", ["震000", "中001"])]


@pytest.mark.django_db
def test_a_long_list_is_read_letter_by_letter_and_each_page_stands_there_once(django_assert_num_queries):
    many_symptoms(3 * lists.MOST + 3)
    with django_assert_num_queries(2):
        html = read("/en/symptoms/")
    assert re.findall(r'/en/symptoms/letters/([^"]*)/"', html) == ["a", "b", "c", "t"] and listed(html) == []
    found = []
    for letter in "abct":
        with django_assert_num_queries(3):
            html = read(f"/en/symptoms/letters/{letter}/")
        assert f'href="/en/symptoms/letters/{letter}/" aria-current="page"' in html
        assert f'<link rel="canonical" href="http://127.0.0.1:8000/en/symptoms/letters/{letter}/">' in html
        assert "hreflang" not in html.partition("</head>")[0]
        found += listed(html)
        if 'rel="next"' in html:
            assert f'href="/en/symptoms/letters/{letter}/2/" rel="next"' in html
            second = read(f"/en/symptoms/letters/{letter}/2/")
            assert f'href="/en/symptoms/letters/{letter}/" rel="prev"' in second and 'rel="next"' not in second
            found += listed(second)
    assert found == sorted(Page.objects.values_list("title", flat=True), key=str.lower) and len(found) == 604
    for wrong in ("a/3/", "a/0/", "a/1/", "z/", "A/", "%23/", "%00/"):
        read(f"/en/symptoms/letters/{wrong}", 404)


@pytest.mark.django_db
def test_the_home_page_names_the_letters_of_a_long_list(monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(lists, "MOST", 2)
    for number in range(3):
        make.published(make.condition(f"{'abc'[number]}-condition"))
    with django_assert_num_queries(4):
        html = read("/en/")
    assert re.findall(r'/en/conditions/letters/([^"]*)/"', html) == ["a", "b", "c"]
    assert "A condition" in read("/en/conditions/letters/a/")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "letters", "addresses"),
    [
        ("zh-hans", ["颤", "肌", "震"], ["c", "j", "z"]),
        ("ar", ["الرعاش ", "أ", "ت"], ["%D8%A7", "%D8%AA", "%D8%B1"]),
        ("es", ["ñ", "n", "o"], ["n", "%C3%B1", "o"]),
        ("en", ["(", "1p36 ", "b"], ["-", "1", "b"]),
    ],
)
def test_letters_stand_in_the_addresses_of_every_script(language, letters, addresses, monkeypatch):
    monkeypatch.setattr(lists, "MOST", 2)
    many_symptoms(6, language, name="{letter}", letters=letters)
    found = re.findall(rf'/{language}/symptoms/letters/([^"]*)/"', read(f"/{language}/symptoms/"))
    assert [one for one in found if one in addresses] == addresses
    for letter in addresses:
        assert len(listed(read(f"/{language}/symptoms/letters/{letter}/"))) == 2


@pytest.mark.django_db
def test_a_copy_holds_every_page_of_a_long_list(monkeypatch):
    monkeypatch.setattr(lists, "MOST", 2)
    many_symptoms(8)
    named = [one for one in addresses.every() if "/letters/" in one]
    ours = [one.removeprefix("/en/symptoms/letters/") for one in named if one.startswith("/en/")]
    assert ours == ["a/", "a/2/", "b/", "b/2/", "c/", "t/"]
    for address in named:
        read(address)


@pytest.mark.django_db
def test_a_page_of_an_older_release_is_listed_before_it_has_a_letter(monkeypatch):
    monkeypatch.setattr(lists, "MOST", 2)
    many_symptoms(4)
    Page.objects.filter(key="many-0").update(letter="#", place=b"")
    assert listed(read("/en/symptoms/letters/-/")) == ["a 000"]
    call_command("reindex", stdout=StringIO())
    assert "a 000" in listed(read("/en/symptoms/letters/a/"))
