"""Leaflets: the page as a PDF that everyone can read, made once, by nobody else's help."""

import datetime as dt
import io
import os
import re
import socket
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pypdf
import pytest
import segno
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from PIL import Image

from conditions import clock, leaflets, presentation
from conditions.public import views
from portal import languages
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        leaflets._weasyprint() is None, reason="PDF leaflets: WeasyPrint finds no Pango on this machine"
    ),
]
SAID = {
    "en": ("Torsion dystonia", "You cannot breathe well."),
    "es": ("Distonía de torsión", "No puede respirar bien."),
    "fr": ("Dystonie de torsion", "Vous respirez mal."),
    "ar": ("خلل التوتر الالتوائي", "لا تستطيع التنفس جيدا"),
    "zh-hans": ("扭转性肌张力障碍", "您呼吸困难，请立即求助。"),
    "ru": ("Торсионная дистония", "Вам трудно дышать."),
}


def condition(*codes):
    """Published in earnest in these languages, with real words where a leaflet is looked at."""
    codes = ("en", *(code for code in codes if code != "en"))
    made = make.condition(in_languages=codes, slug_zh_hans=SAID["zh-hans"][0])
    card = made.help_cards.get()
    for code in codes:
        column = code.replace("-", "_")
        setattr(made, f"name_{column}", SAID[code][0])
        setattr(card, f"when_to_act_{column}", f"<p>{SAID[code][1]}</p>")
    made.save()
    card.save()
    for code in codes:
        make.published(made, code)
    return made


def leaflet_of(language, large=False):
    page = Page.objects.get(language=language, kind="condition")
    return f"{presentation.page_url(page)}leaflet{'-large' if large else ''}.pdf"


def asked(address, status=200, **headers):
    answer = Client().get(address, headers=headers)
    assert answer.status_code == status, (address, answer.status_code)
    return answer


def pdf(answer):
    return pypdf.PdfReader(io.BytesIO(b"".join(answer.streaming_content)))


def words(reader):
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in reader.pages))


def fonts(reader):
    """The fonts that are in the file itself."""
    found = set()
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            below = font.get_object()["/DescendantFonts"][0].get_object()
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(below["/FontDescriptor"]), font
            found.add(str(below["/BaseFont"]))
    return found


@pytest.fixture
def counted(monkeypatch):
    made, make_pdf = [], leaflets._pdf
    monkeypatch.setattr(leaflets, "_pdf", lambda html, *rest: made.append(html) or make_pdf(html, *rest))
    return made


@pytest.mark.parametrize("code", SAID)
def test_a_leaflet_is_tagged_and_says_what_the_page_says(code):
    if not leaflets.possible(languages.get(code)):
        pytest.skip(f"PDF leaflets in {languages.get(code).english}: no font for its script on this machine")
    condition(code)
    for large in (False, True):
        reader = pdf(asked(leaflet_of(code, large)))
        root = reader.trailer["/Root"]
        assert root["/MarkInfo"]["/Marked"] and "/StructTreeRoot" in root
        assert root["/Lang"] == languages.get(code).tag
        assert root["/ViewerPreferences"]["/DisplayDocTitle"]
        assert reader.metadata.title.startswith(SAID[code][0])
        assert re.search(r'pdfuaid:part(="|>)1\b', root["/Metadata"].get_data().decode())
        text = words(reader)
        if code == "ar":  # set from right to left: a PDF may keep each line as it is seen
            assert all(word in text or word[::-1] in text for word in SAID[code][1].split())
        else:
            assert text.index(SAID[code][0]) < text.index(SAID[code][1]) < text.index("All about ninds")
        script = {"ar": "Arabic", "zh-hans": "CJK"}.get(code, "")
        assert any(script in font for font in fonts(reader)), fonts(reader)
        assert "Sigrid Natory" in text and re.search(rf"{len(reader.pages)}\b", reader.pages[-1].extract_text())


def test_large_print_is_at_least_16_points_and_so_is_its_smallest_note():
    condition()
    smallest = {}
    for large in (False, True):
        sizes = []

        def seen(text, _cm, tm, _font, size, sizes=sizes):
            if text.strip():
                sizes.append(abs(size * tm[3]))

        for page in pdf(asked(leaflet_of("en", large))).pages:
            page.extract_text(visitor_text=seen)
        smallest[large] = min(sizes)
    assert smallest[True] >= 16 > smallest[False], smallest


def test_the_code_and_the_words_lead_to_the_page(settings):
    settings.PUBLIC_ADDRESS = "https://health.example"
    condition("ar")
    answer = asked(leaflet_of("ar"))
    address = "https://health.example" + leaflet_of("ar").removesuffix("leaflet.pdf")
    assert answer["Link"] == f'<{address}>; rel="canonical"' and answer["X-Robots-Tag"] == "noindex"
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", border=2)
    assert views._qr_code(address) == drawn.getvalue()
    alternatives = [tag["/Alt"] for tag in tags(pdf(answer)) if tag.get("/S") == "/Figure"]
    assert len(alternatives) == 1 and alternatives[0]


def tags(reader):
    waiting = [reader.trailer["/Root"]["/StructTreeRoot"]]
    while waiting:
        one = waiting.pop().get_object()
        if isinstance(one, pypdf.generic.DictionaryObject):
            yield one
            waiting.append(one.get("/K", pypdf.generic.NullObject()))
        elif isinstance(one, pypdf.generic.ArrayObject):
            waiting.extend(one)


def test_it_is_made_once_then_served_and_not_sent_twice_to_who_has_it(counted):
    condition()
    first = asked(leaflet_of("en"))
    again = asked(leaflet_of("en"))
    assert b"".join(first.streaming_content) == b"".join(again.streaming_content) and len(counted) == 1
    assert first["Content-Disposition"] == 'inline; filename="torsion-dystonia.pdf"'
    assert first["Content-Type"] == "application/pdf" and "Set-Cookie" not in first
    assert asked(leaflet_of("en"), 304, if_none_match=first["ETag"]).content == b""


def test_many_who_ask_at_once_wait_for_one(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(leaflets, "_pdf", lambda *_: made.append(1) or b"%PDF")
    with ThreadPoolExecutor(3) as pool:
        files = list(pool.map(lambda _: leaflets.opened("<p>x", "https://a.example/", {})[1].read(), range(3)))
    assert files == [b"%PDF"] * 3 and made == [1]


def test_when_too_many_wait_the_reader_is_told_to_print_the_page():
    condition("es")
    asked(leaflet_of("en"))
    places = 1 + leaflets.WAITING
    for _ in range(places):
        leaflets._places.acquire()
    try:
        busy = asked(leaflet_of("es"), 503)
        assert busy["Retry-After"] == "60" and b'lang="es"' in busy.content
        asked(leaflet_of("en"))  # it is there already
    finally:
        leaflets._places.release(places)
    asked(leaflet_of("es"))


def test_a_safety_change_of_the_source_is_in_the_translations_leaflet_at_once(counted):
    made = condition("es")
    before = asked(leaflet_of("es"))
    made.overview_en = "<p>Never take it with alcohol.</p>"
    made.save()
    make.published(made, significance="safety")
    after = asked(leaflet_of("es"))
    assert after["ETag"] != before["ETag"] and len(counted) == 2
    text = words(pdf(after))
    assert text.index("Never take it with alcohol.") < text.index(SAID["es"][1])


def test_it_carries_the_notices_of_the_page(counted):
    make.demonstrated(make.condition())
    make.published(make.symptom(), now=dt.datetime(2020, 3, 3, tzinfo=dt.UTC))
    asked(leaflet_of("en"))
    asked("/en/symptoms/tremor/leaflet.pdf")
    assert "No clinician has reviewed this page." in counted[0]
    assert "was due for review on 3 March 2022" in counted[1]


def test_nobody_is_asked_and_no_file_is_read_whatever_a_page_says(monkeypatch, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("kept secret")
    tried = []

    def refuse(*where, **_):
        tried.append(where)
        raise OSError

    for name in ("create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    asked_for = ["http://127.0.0.1:9/x.png", "https://evil.example/x.css", secret.as_uri(), "ftp://evil.example/x",
                 "//evil.example/x.svg", "data:text/plain,kept%20secret", "/admin/", "/media/other.png"]  # fmt: skip
    hostile = "".join(
        f'<img src="{url}" alt="x"><link rel="stylesheet" href="{url}"><link rel="attachment" href="{url}">'
        f'<object data="{url}">x</object><embed src="{url}"><style>@import "{url}"; @font-face {{ font-family: x;'
        f' src: url("{url}") }} p {{ background: url("{url}"); font-family: x }}</style>'
        f'<svg viewBox="0 0 1 1"><image href="{url}"/><use href="{url}#x"/></svg><a rel="attachment" href="{url}">x</a>'
        for url in asked_for
    )
    name, file = leaflets.opened(f"<html lang=en><title>x</title><p>Words.{hostile}", "https://portal.example/en/", {})
    reader = pypdf.PdfReader(file)
    assert tried == []
    assert "Words." in words(reader) and not list(reader.attachments) and "kept secret" not in words(reader)
    assert not any(page.images for page in reader.pages)


def test_its_own_pictures_are_in_it():
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(drawn, "PNG")
    address = "https://portal.example/media/a.png"
    default_storage.save("a.png", ContentFile(drawn.getvalue()))
    html = '<html lang=en><title>x</title><p>x<img src="/media/a.png" alt="red">'
    _name, file = leaflets.opened(html, "https://portal.example/en/", {address: lambda: views._picture("a.png")})
    assert [len(page.images) for page in pypdf.PdfReader(file).pages] == [1]


def test_a_withdrawn_page_has_no_leaflet_and_a_hostile_address_none_either():
    condition()
    address = leaflet_of("en")
    actions.withdraw(Page.objects.get(), by=make.clinician(), reason="Wrong.")
    asked(address, 410)
    for slug in ("no-such", "%00", "..%2f..%2fetc%2fpasswd", "%3Cscript%3E", "a" * 300, "..", "%ff"):
        asked(f"/en/conditions/{slug}/leaflet.pdf", 404)
    asked("/en/conditions/torsion-dystonia/editions/1/leaflet.pdf", 404)


def test_an_old_address_leads_to_the_leaflet_of_today():
    made = condition()
    old = leaflet_of("en", large=True)
    made.slug_en = "twisting"
    made.save()
    make.published(made)
    assert asked(old, 301)["Location"] == "/en/conditions/twisting/leaflet-large.pdf"


def test_the_page_offers_it_where_it_can_be_made_and_else_says_print_the_page(monkeypatch):
    condition("ar")
    page = leaflet_of("ar").removesuffix("leaflet.pdf")
    assert leaflet_of("ar").encode() in asked(page).content
    assert b"leaflet.pdf" not in asked(f"{page}editions/1/").content
    monkeypatch.setattr(leaflets, "possible", lambda language: language.code != "ar")
    assert b"leaflet.pdf" not in asked(page).content
    answer = asked(leaflet_of("ar"), 503)
    assert b'lang="ar" dir="rtl"' in answer.content and f'href="{page}"'.encode() in answer.content


def test_a_machine_without_the_library_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(leaflets, "_works", lambda: False)
    leaflets._can_set.cache_clear()
    try:
        without, packages = leaflets.missing()
    finally:
        leaflets._can_set.cache_clear()
    assert without == languages.offered() and "libpango-1.0-0" in packages and "fonts-noto-cjk" in packages


def test_what_nobody_read_for_a_month_goes_away_once_a_day(settings):
    clock.tick()  # there is nothing yet
    folder = settings.VAR_DIR / "leaflets"
    folder.mkdir(parents=True)
    now = dt.datetime.now(dt.UTC)

    def unread(days):
        file = folder / f"{days}.pdf"
        file.write_bytes(b"%PDF")
        os.utime(file, ((now - dt.timedelta(days=days)).timestamp(),) * 2)
        return file

    month, week = unread(31), unread(7)
    clock.tick(now)
    assert not month.exists() and week.exists()
    another = unread(32)
    clock.tick(now + dt.timedelta(hours=23))
    assert another.exists()
    clock.tick(now + dt.timedelta(hours=25))
    assert not another.exists() and week.exists()
    leaflets._there(week).close()  # read again: its month begins anew
    assert week.stat().st_mtime > (now - dt.timedelta(days=1)).timestamp()


def test_paper_says_where_it_comes_from(settings):
    settings.PUBLIC_ADDRESS = "https://health.example"
    condition("zh-hans")
    page = Page.objects.get(language="zh-hans")
    html = asked(presentation.page_url(page)).content.decode()
    address = f"https://health.example/zh-hans/conditions/{page.slug}/"  # as letters, not as %E6
    assert not page.slug.isascii()
    assert f'<bdi class="address" dir="ltr">{address}</bdi>' in html
    assert f'<bdi class="address" dir="ltr">{address}editions/1/</bdi>' in html
