"""The whole site as files: the live pages byte for byte, from any server or none, and never more than is public."""

import functools
import gzip
import http.server
import io
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import quote, unquote, urljoin

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from lxml import html
from PIL import Image

from conditions import leaflets, presentation
from conditions.public.copying import addresses
from conditions.starter import files, loading
from portal import languages, static_copy
from portal.publishing import actions, folding, reading
from portal.publishing.models import Page
from tests import make
from tests.journeys.test_accessibility import violations
from tests.journeys.test_reader import fits

pytestmark = pytest.mark.django_db(transaction=True)
# What cannot be had without a server is something else in a copy.
OTHER = re.compile(
    r"/|/[^/]+/search/(names\.js|suggest)?|.*/feedback/|/infobutton|/fhir/.*|/api/v1/(pages/[^/]+|changes)"
)


@pytest.fixture(autouse=True)
def without_leaflets(settings):
    settings.LEAFLETS = False


def copy(folder, *, for_files=False):
    said = io.StringIO()
    call_command("export_site", folder, for_files=for_files, workers=1, stdout=said)
    return said.getvalue()


@pytest.fixture
def site(tmp_path):
    """Two conditions in three languages: a gap, an older edition, an older address, a withdrawn page, a picture."""
    clinician = make.clinician()
    tremor = make.symptom(in_languages=("en", "es", "ar"))
    torsion = make.condition(in_languages=("en", "es", "ar"))
    torsion.symptom_rows.create(symptom=tremor, frequency="frequent", position=1)
    drawn = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(drawn, "PNG")
    said = {f"alt_{code}": f"A hand ({code})" for code in ("en", "es", "ar")}
    tremor.images.create(file=SimpleUploadedFile("hand.png", drawn.getvalue()), position=0, **said)
    gone = make.treatment("old-remedy")
    for one, spoken in ((tremor, ("en", "es", "ar")), (torsion, ("en", "ar")), (gone, ("en",))):
        for code in spoken:
            make.published(one, code)
    torsion.slug_en = "twisting-dystonia"
    torsion.summary_en = "Muscles twist."
    torsion.save()
    make.published(torsion, significance="safety", note="Why.")
    actions.withdraw(Page.objects.get(key="old-remedy"), by=clinician, reason="It harms.")
    return tmp_path / "copy"


def lines(folder):
    journal = static_copy.Journal(folder, "")
    rows = journal._rows.execute("SELECT address, file, status, location FROM line").fetchall()
    journal.close()
    return {row[0]: static_copy.Line(*row) for row in rows}


def test_a_copy_is_the_live_site_byte_for_byte(site):
    copy(site)
    every, differ = lines(site), []
    for address, line in every.items():
        if OTHER.fullmatch(address):
            continue
        live = Client().get(quote(address))
        assert live.status_code == line.status, address
        if line.location:
            assert live["Location"].removeprefix("http://testserver") == line.location
        elif (site / line.file).read_bytes() != live.getvalue():
            differ.append(address)
    assert differ == []
    statuses = {line.status for line in every.values()}
    assert statuses == {200, 301, 302, 404, 410}
    assert every["/en/conditions/torsion-dystonia/"].location == "/en/conditions/twisting-dystonia/"
    assert every["/en/treatments/old-remedy/"].status == 410
    assert every["/es/conditions/twisting-dystonia/"].status == 404  # words: not in this language yet
    for number in (1, 2):
        assert f"/en/conditions/twisting-dystonia/editions/{number}/" in every


@pytest.mark.skipif(not leaflets.possible(languages.get("en")), reason="no Pango or no font here")
def test_leaflets_are_in_it(settings, tmp_path):
    settings.LEAFLETS = True
    tremor = make.symptom(in_languages=("en", "es"))
    for code in ("en", "es"):
        make.published(tremor, code)
    copy(tmp_path / "copy")
    for name in ("leaflet", "leaflet-large", "with/es/leaflet"):
        live = Client().get(f"/en/symptoms/tremor/{name}.pdf").getvalue()
        assert live.startswith(b"%PDF")
        assert (tmp_path / "copy/en/symptoms/tremor" / f"{name}.pdf").read_bytes() == live
    page = (tmp_path / "copy/en/symptoms/tremor/index.html").read_text()
    assert "leaflet.pdf" in page
    settings.LEAFLETS = False
    assert "removed" in copy(tmp_path / "copy")
    assert "leaflet" not in (tmp_path / "copy/en/symptoms/tremor/index.html").read_text()
    assert not list((tmp_path / "copy").rglob("*.pdf"))


def test_every_public_page_is_in_it_and_nothing_that_is_not(site):
    unsigned = make.symptom("secret", in_languages=("en",))
    unsigned.summary_en = "UNSIGNED WORDS"
    unsigned.save()
    copy(site)
    every = lines(site)
    for page in Page.objects.all():
        assert unquote(presentation.page_url(page)) in every
    for path in site.rglob("*"):
        if path.is_file() and path.suffix not in {".gz", ".sqlite3"}:
            assert b"UNSIGNED" not in path.read_bytes(), path
            assert b"csrf" not in path.read_bytes() or "admin" in path.name or path.suffix == ".js", path


def test_no_link_of_a_copy_leads_nowhere_and_none_to_another_site_by_itself(site):
    copy(site)
    dead, languages_of = [], {}
    for address, line in lines(site).items():
        if not line.file.endswith(".html") or line.location:
            continue
        tree = html.fromstring((site / line.file).read_bytes())
        for attribute in ("href", "src", "action"):
            for target in tree.xpath(f"//@{attribute}"):
                path = unquote(urljoin(quote(address), target).partition("#")[0].partition("?")[0])
                if path.startswith(("http:", "https:", "mailto:", "tel:")):
                    continue
                place = path[1:] + ("index.html" if path.endswith("/") else "")
                there = [site / place, *(site / place / f"index.{ends}" for ends in ("html", "json", "problem"))]
                if not any(file.is_file() for file in there):
                    dead.append((address, target))
        # What a browser loads by itself is ours.
        loaded = tree.xpath(
            "//script/@src | //img/@src | //link[@rel='stylesheet' or @rel='icon']/@href | //iframe/@src"
        )
        assert all(one.startswith("/") or one.endswith("names.js") for one in loaded), address
        named = tree.xpath("//link[@rel='alternate'][@hreflang]")
        languages_of[address] = {one.get("hreflang"): one.get("href") for one in named}
    assert not dead, dead
    # Every page that another names as its translation names it back.
    site_address = addresses.settings.PUBLIC_ADDRESS
    for address, others in languages_of.items():
        for code, url in others.items():
            if code != "x-default":
                back = languages_of[unquote(url.removeprefix(site_address))]
                assert unquote(f"{site_address}{address}") in map(unquote, back.values()), (address, url)


def test_the_next_copy_writes_only_what_differs_and_takes_away_what_is_gone(site):
    copy(site)
    assert " 0 written" in copy(site)
    (site / "our-own.txt").write_text("not the copy's")
    first = {path: path.stat().st_mtime_ns for path in site.rglob("*.html")}
    page = Page.objects.get(key="tremor", language="es")
    actions.withdraw(page, by=make.User.objects.get(username="clinician"), reason="Wrong.")
    said = copy(site)
    assert "removed" in said
    place = site / "es" / "symptoms" / page.slug
    assert "Wrong." in (place / "index.html").read_text()
    assert not (place / "embed").exists()  # and not an empty folder either
    assert (place / "editions" / "1" / "index.html").exists()
    assert (site / "our-own.txt").exists()
    untouched = [path for path, at in first.items() if path.exists() and path.stat().st_mtime_ns == at]
    assert len(untouched) > len(first) / 2
    assert lines(site)[f"/es/symptoms/{page.slug}/"].status == 410


def test_an_interrupted_copy_goes_on_where_it_stopped(site, monkeypatch):
    asked, real = [], addresses.answer

    def fails(address):
        if len(asked) == 40:
            raise OSError("No space left on device")
        asked.append(address)
        return real(address)

    monkeypatch.setattr(addresses, "answer", fails)
    with pytest.raises(CommandError, match="goes on where it stopped"):
        copy(site)
    before, asked = asked, []
    monkeypatch.setattr(addresses, "answer", lambda address: asked.append(address) or real(address))
    copy(site)
    assert len(before) == 40 and len(asked) > 100
    of_headers = 5  # for nginx, at the end
    assert len(set(before) & set(asked)) <= of_headers
    whole = {path.relative_to(site): path.read_bytes() for path in site.rglob("*.html")}
    again = site.with_name("again")
    copy(again)
    assert whole == {path.relative_to(again): path.read_bytes() for path in again.rglob("*.html")}
    assert not list(site.rglob(".part-*"))


def test_what_is_published_meanwhile_is_in_it(site, monkeypatch):
    real, once = addresses.answer, []

    def publishes(address):
        answer = real(address)
        if address == "/en/symptoms/tremor/" and not once:
            once.append(address)
            page = Page.objects.get(key="tremor", language="en")
            actions.withdraw(page, by=make.User.objects.get(username="clinician"), reason="Meanwhile.")
        return answer

    monkeypatch.setattr(addresses, "answer", publishes)
    assert "meanwhile" in copy(site)
    assert "Meanwhile." in (site / "en" / "symptoms" / "tremor" / "index.html").read_text()


def test_no_old_words_stay_packed_beside_new_ones(tmp_path, monkeypatch):
    page = tmp_path / "index.html"
    static_copy.put(page, b"Take 5 mg. " * 100, packed=True)
    packed = tmp_path / "index.html.gz"
    assert gzip.decompress(packed.read_bytes()) == page.read_bytes()
    static_copy.put(page, b"Withdrawn.", packed=True)  # too short to be packed
    assert not packed.exists()
    static_copy.put(page, b"Take 5 mg. " * 100, packed=True)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(static_copy.gzip, "compress", killed)
        static_copy.put(page, b"Take 2 mg. " * 100, packed=True)
    assert not packed.exists()
    static_copy.put(page, b"Take 2 mg. " * 100, packed=True)
    assert b"2 mg" in gzip.decompress(packed.read_bytes())


def test_a_folder_that_is_something_else_is_left_alone(site, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "index.html").write_text("mine")
    with pytest.raises(CommandError, match="not empty"):
        copy(home)
    assert (home / "index.html").read_text() == "mine"


@pytest.mark.parametrize("address", ["/en/../../etc/passwd", "/en/%2e%2e/x", "/en/..%2fx/", "/en//x", "/.copy/x",
                                     "/en/a\\b/", "/en/\n/", "/en/" + "障" * 90 + "/"])  # fmt: skip
def test_no_address_makes_a_file_elsewhere(address):
    with pytest.raises(static_copy.Unplaceable):
        static_copy.place(address)


def test_a_journal_from_elsewhere_deletes_nothing_outside(site, tmp_path):
    copy(site)
    (tmp_path / "precious.txt").write_text("precious")
    journal = static_copy.Journal(site, "another state")
    for number, file in enumerate(["../precious.txt", str(tmp_path / "precious.txt"), "en/../../precious.txt"]):
        journal._rows.execute("INSERT INTO line VALUES (?, ?, 200, '', 'old')", (f"/{number}", file))
    journal.finish()
    assert (tmp_path / "precious.txt").exists()


def test_queries_do_not_grow_with_the_pages(site, django_assert_num_queries):
    with django_assert_num_queries(4):
        assert {one.key for one in reading.standing(("", ""), 100)} == {"torsion-dystonia", "tremor", "old-remedy"}


# Served


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def any_server(site):
    """The simplest server of files there is: it knows nothing of us."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_what_differs_from_the_live_pages_has_no_violation_that_axe_can_find(site, any_server, open_browser):
    copy(site)
    page = open_browser(policy=False)
    found = {}
    for address in ("/", "/en/search/", "/en/search/?q=tremor", "/ar/search/?q=qwertz", "/ar/symptoms/tremor-ar/feedback/",
                    "/infobutton/"):  # fmt: skip
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(any_server + address)
            if (wrong := violations(page)) or not fits(page):
                found[address, width] = wrong or "wider than the screen"
    assert not found, found


def test_a_reader_of_a_copy_on_a_stick_needs_no_network(site, open_browser):
    copy(site, for_files=True)
    page = open_browser(phone=True)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: print("FAILED", request.url))
    page.goto(f"file://{site}/index.html")
    page.get_by_role("link", name="العربية", exact=True).last.click()
    assert page.locator("html").get_attribute("dir") == "rtl"
    page.locator("#q").fill("tremor")
    page.locator("#q").press("Enter")
    page.locator("#search-pages a").first.click()
    assert page.locator("h1").inner_text() == "Tremor ar"
    assert page.locator(".site-header").evaluate("one => getComputedStyle(one).backgroundColor") != "rgba(0, 0, 0, 0)"
    page.locator(".languages").get_by_role("link", name="Español").click()
    assert page.locator("h1").inner_text() == "Tremor es"
    page.goto(f"file://{site}/en/conditions/torsion-dystonia/index.html")  # an older address
    page.wait_for_url("**/twisting-dystonia/index.html")
    assert page.locator("h1").inner_text() == "Torsion dystonia"
    assert page.get_by_role("button", name="Keep this page on this phone").count() == 0
    assert {url.partition(":")[0] for url in asked} == {"file"}


def test_suggestions_of_a_copy_tell_no_server_what_is_typed(site, any_server, open_browser):
    copy(site)
    page = open_browser()
    asked = []
    page.goto(any_server + "/en/conditions/twisting-dystonia/")
    page.on("request", lambda request: asked.append(request.url.removeprefix(any_server)))
    page.locator("#q").press_sequentially("trem", delay=30)
    option = page.get_by_role("option", name="Tremor")
    option.wait_for()
    assert page.locator(".search-form [role=status]").inner_text() == "1 suggestion"
    option.click()
    page.wait_for_url("**/en/symptoms/tremor/")
    page.locator("#q").press_sequentially("torsion", delay=30)
    page.get_by_role("option").wait_for()
    page.locator("#q").press("Enter")
    page.locator("#search-pages, #search-mentions").get_by_role("link", name="Torsion dystonia").wait_for()
    assert "#q=torsion" in page.url
    assert not [url for url in asked if "?" in url or "torsion" in url.partition("#")[0]]
    assert "/en/search/suggest" in asked


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@pytest.mark.skipif(not NGINX, reason="no nginx on this machine")
def test_behind_nginx_every_address_has_the_status_and_the_headers_of_the_live_site(site, tmp_path):
    copy(site)
    port = free_port()
    own = (site / ".copy" / "nginx.conf").read_text().replace("listen 8080", f"listen 127.0.0.1:{port}")
    temporary = "".join(
        f"{one}_temp_path {tmp_path}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # The tests' folders are closed to others, and so to the account nginx would choose for itself.
    user = "user root;" if os.getuid() == 0 else ""
    (tmp_path / "nginx.conf").write_text(
        f"{user} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}}\nhttp {{ {temporary}\n{own}\n}}"
    )
    nginx = subprocess.Popen([NGINX, "-p", tmp_path, "-c", tmp_path / "nginx.conf"])
    try:
        for _try in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        wrong = {}
        for address, line in lines(site).items():
            if OTHER.fullmatch(address):
                continue
            live, served = Client().get(quote(address)), fetched(f"http://127.0.0.1:{port}{quote(address)}")
            if differs := difference(live, served, line):
                wrong[address] = differs
        assert wrong == {}
        assert fetched(f"http://127.0.0.1:{port}/.copy/journal.sqlite3")[0] == 404
        assert fetched(f"http://127.0.0.1:{port}/en/nothing/")[0] == 404
        packed = fetched(f"http://127.0.0.1:{port}/en/", {"Accept-Encoding": "gzip"})
        assert packed[1]["Content-Encoding"] == "gzip" and "Accept-Encoding" in packed[1]["Vary"]
        again = fetched(
            f"http://127.0.0.1:{port}/en/", {"If-None-Match": fetched(f"http://127.0.0.1:{port}/en/")[1]["ETag"]}
        )
        assert again[0] == 304
    finally:
        nginx.terminate()
        nginx.wait()


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args, **kwargs):
        return None


def fetched(url, headers=None):
    try:
        answer = urllib.request.build_opener(Stay).open(urllib.request.Request(url, headers=headers or {}))
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read()


def difference(live, served, line):
    status, headers, body = served
    if status != live.status_code:
        return f"{status} instead of {live.status_code}"
    if line.location:
        return "" if headers["Location"] == line.location else headers["Location"]
    if body != live.getvalue():
        return "other bytes"
    if headers.get_content_type() != live["Content-Type"].partition(";")[0]:
        return headers["Content-Type"]
    kept = ("Content-Language", "X-Robots-Tag", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy",
            "Cross-Origin-Resource-Policy", "Cross-Origin-Opener-Policy", "X-Content-Type-Options",
            "Access-Control-Allow-Origin", "Content-Security-Policy")  # fmt: skip
    for name in kept:
        if set((headers[name] or "").split("; ")) != set(live.headers.get(name, "").split("; ")):
            return f"{name}: {headers[name]} instead of {live.headers.get(name)}"
    if headers["Set-Cookie"] or headers["Cache-Control"] != live.headers.get("Cache-Control", "no-cache"):
        return f"{headers['Set-Cookie']} {headers['Cache-Control']}"
    return ""


# The search of a copy


def test_the_search_of_a_copy_finds_names_in_every_language(settings, browser):
    """Of the whole starter content, by its own names and with a slip; and it folds as the live search does."""
    settings.DEMO = True
    make.roles()
    loading.load(topics=files.topics(), sources=files.sources())
    loading.publish_demonstration(make.User.objects.create_superuser("loader", password="x"))
    script = (Path(__file__).parents[2] / "static" / "js" / "search-in-copy.js").read_text()
    page = browser.new_page()
    told = {}
    for language in languages.offered():
        page.set_content('<input id="q">')
        page.evaluate(addresses.answer(f"/{language.code}/search/names.js").getvalue().decode())
        page.evaluate(script)
        pages = list(Page.objects.filter(language=language.code))
        names = [(one, name) for one in pages for name in one.findable.split("\n") if len(name) > 1]
        texts = [one.title for one in pages] + [one.summary for one in pages]
        assert page.evaluate("texts => texts.map(portalSearch.fold)", texts) == [folding.fold(text) for text in texts]
        found = page.evaluate(
            "asked => asked.map(words => (portalSearch.find(words)?.named ?? []).slice(0, 5).map(page => page.title))",
            [name for _page, name in names],
        )
        first = sum(one.title in titles for (one, _name), titles in zip(names, found, strict=True))
        slipped = [(one, f"{name[:3]}{name[4]}{name[3]}{name[5:]}") for one, name in names
                   if name.isalpha() and len(name) > 7 and name[3] != name[4] and name.isascii()]  # fmt: skip
        corrected = page.evaluate(
            "asked => asked.map(words => (portalSearch.find(words)?.named ?? []).slice(0, 5).map(page => page.title))",
            [name for _page, name in slipped],
        )
        right = sum(one.title in titles for (one, _name), titles in zip(slipped, corrected, strict=True))
        told[language.code] = f"{first} of {len(names)} by name, {right} of {len(slipped)} with a slip"
        assert first / len(names) >= 0.97, told
        assert not slipped or right / len(slipped) >= 0.85, told
    page.close()
    print(json.dumps(told))


def test_the_search_of_a_copy_sums_up_nothing_that_a_safety_change_overtook(site):
    """The Arabic condition is behind the safety change: its old summary stands nowhere."""
    copy(site)
    page = Page.objects.get(key="torsion-dystonia", language="ar")
    assert reading.warned([page], "ar") == {"torsion-dystonia"}
    names = (site / "ar" / "search" / "names.js").read_text()
    assert page.title in names and page.summary not in names


def test_two_exports_do_not_write_one_folder(site):
    copy(site)
    journal = static_copy.Journal(site, "somebody else's")
    with pytest.raises(CommandError, match="Another export_site"):
        copy(site)
    journal.close()
    assert " 0 written" in copy(site)
