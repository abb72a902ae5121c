"""Every answer, to whomever and about whatever, carries its headers; no page holds or loads what its policy forbids."""

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.test import Client

from conditions.public import views
from portal.front import AWAY
from tests import make
from tests.desk import signed_in
from tests.security.every_address import a_busy_portal, every_address

FILES = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
READERS = FILES + "worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
DESK = FILES + "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
OF_ALL = {
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Origin-Agent-Cluster": "?1",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": READERS,
    "Referrer-Policy": "no-referrer",
}
AT_THE_DESK = OF_ALL | {"Content-Security-Policy": DESK, "Referrer-Policy": "same-origin"}
FOR_PROGRAMS = OF_ALL | {"Cross-Origin-Resource-Policy": "cross-origin"}
IN_A_FRAME = FOR_PROGRAMS | {
    "X-Frame-Options": None,
    "Content-Security-Policy": READERS.replace("frame-ancestors 'none'", "frame-ancestors *"),
}
PREVIEW = AT_THE_DESK | {
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": DESK.replace("frame-ancestors 'none'", "frame-ancestors 'self'"),
}
NO_FEATURE = {
    "camera", "microphone", "geolocation", "browsing-topics", "usb", "serial", "hid", "payment",
    "display-capture", "accelerometer", "gyroscope", "magnetometer", "clipboard-read", "clipboard-write",
    "local-fonts", "storage-access", "idle-detection", "fullscreen", "midi", "sync-xhr",
}  # fmt: skip


def expected(address, status):
    path = address.partition("?")[0]
    if path.startswith("/admin/"):
        return PREVIEW if re.search(r"/preview/", path) and status == 200 else AT_THE_DESK
    if path.endswith("/embed/") and status == 200:
        return IN_A_FRAME
    if path.startswith("/api/") or (path.startswith(("/fhir/", "/infobutton")) and status not in {302, 403, 405, 500}):
        return FOR_PROGRAMS
    return OF_ALL


def wrong(address, answer) -> list[str]:
    said = answer.headers
    found = [
        f"{name}: {said.get(name)}"
        for name, value in expected(address, answer.status_code).items()
        if said.get(name) != value
    ]
    none = {one.partition("=")[0] for one in said.get("Permissions-Policy", "").split(", ") if one.endswith("=()")}
    if NO_FEATURE - none:
        found.append(f"Permissions-Policy lacks {NO_FEATURE - none}")
    if (
        said.get("Content-Type", "").startswith("text/html")
        and said.get("Cross-Origin-Embedder-Policy") != "require-corp"
    ):
        found.append("Cross-Origin-Embedder-Policy")
    if "Server" in said or "X-Powered-By" in said:
        found.append("says what it runs on")
    for cookie in answer.cookies.values():
        if not path_of(address).startswith("/admin/") or cookie["path"] != "/admin/":
            found.append(f"cookie {cookie}")
    if not path_of(address).startswith("/admin/") and "cookie" in said.get("Vary", "").lower():
        found.append("Vary: Cookie")
    return found


def path_of(address):
    return urlsplit(address).path


class Held(HTMLParser):
    """What a page holds inline, and what it loads or sends to."""

    def __init__(self):
        super().__init__()
        self.inline, self.asked = [], []

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if tag == "style":
            self.inline.append("<style>")
        if (
            tag == "script"
            and not said.get("src")
            and said.get("type") not in {"application/ld+json", "application/json"}
        ):
            self.inline.append(f"<script {said}>")
        for name, value in attrs:
            value = (value or "").strip()
            if name == "style" or name.startswith("on") or re.match(r"(?i)\s*(java|vb)script:", value):
                self.inline.append(f"<{tag} {name}={value}>")
            loads = name in {"src", "srcset", "data", "poster", "action", "formaction", "background", "manifest"}
            if loads or (tag == "link" and name == "href" and not _only_names(said)):
                self.asked.append(value)


def _only_names(link) -> bool:
    """<link> that a browser does not follow by itself."""
    return bool({"canonical", "alternate", "next", "prev", "license", "up"} & set(link.get("rel", "").split()))


def held(answer, own) -> list[str]:
    page = Held()
    page.feed(answer.content.decode())
    foreign = [one for one in page.asked if urlsplit(one).netloc and not one.startswith(own)]
    return page.inline + foreign


@pytest.mark.django_db
def test_every_address_carries_its_headers_and_holds_nothing_inline_or_foreign(settings, monkeypatch):
    root, named = a_busy_portal()
    monkeypatch.setattr("conditions.leaflets.made", lambda *args, **kwargs: b"%PDF-1.7", raising=False)
    desk, reader = signed_in(root), Client(raise_request_exception=False)
    desk.raise_request_exception = False
    found, statuses = {}, set()
    for address in every_address(named):
        for who in (reader, desk) if address.startswith("/admin/") else (reader,):
            answer = who.get(address)
            statuses.add(answer.status_code)
            problems = wrong(address, answer)
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                problems += held(answer, settings.PUBLIC_ADDRESS)
            if problems or answer.status_code == 500:
                found[address] = [answer.status_code, *problems]
    assert found == {}
    assert statuses >= {200, 301, 302, 400, 404, 410}


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["post", "put", "delete", "options", "head", "patch"])
def test_whatever_is_done_with_an_address_its_headers_are_there(method):
    for address in (
        "/",
        "/en/",
        "/en/search/",
        "/admin/",
        "/admin/login/",
        "/api/v1/languages",
        "/media/x.png",
        "/fhir/",
    ):
        answer = getattr(Client(raise_request_exception=False, enforce_csrf_checks=True), method)(address)
        assert wrong(address, answer) == [], address


@pytest.mark.django_db
def test_errors_refusals_and_a_database_that_is_away_carry_them_too(settings, monkeypatch):
    make.published(make.symptom())
    address = "/en/symptoms/tremor/"
    stranger = Client(raise_request_exception=False)
    away = stranger.get(address, **{AWAY: True})
    assert away.status_code == 503 and wrong(address, away) == []
    assert stranger.get("/admin/", **{AWAY: True}).status_code == 503
    nowhere = stranger.get(address, headers={"host": "elsewhere.example"})
    assert nowhere.status_code == 400 and wrong(address, nowhere) == []
    refused = Client(enforce_csrf_checks=True).post("/admin/login/", {"username": "a", "password": "b"})
    assert refused.status_code == 403 and wrong("/admin/login/", refused) == []
    monkeypatch.setattr(views.reading, "published", lambda page: 1 / 0)
    broken = stranger.get(address)
    assert broken.status_code == 500 and wrong(address, broken) == []
    assert "ZeroDivisionError" not in broken.content.decode() and "Traceback" not in broken.content.decode()


@pytest.mark.django_db
def test_where_there_is_https_every_answer_says_to_stay_there(settings):
    settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS = True, 31536000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    reader = Client(raise_request_exception=False)
    for address in ("/en/", "/en/no-such/", "/static/css/base.css", "/admin/", "/", "/media/x.png"):
        plain, secure = reader.get(address), reader.get(address, secure=True)
        assert plain.status_code == 301 and plain.headers["Location"] == f"https://testserver{address}"
        assert wrong(address, plain) == [], address
        assert secure.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload", address


@pytest.mark.django_db
def test_cookies_are_known_to_the_desk_alone(settings):
    make.person("root", is_superuser=True)
    browser = Client()
    assert browser.get("/admin/login/").status_code == 200
    answer = browser.post("/admin/login/", {"username": "root", "password": "a-long-password"})
    assert answer.status_code == 302
    sent = {name: (one["path"], one["httponly"], one["samesite"]) for name, one in browser.cookies.items()}
    assert sent == {
        settings.SESSION_COOKIE_NAME: ("/admin/", True, "Lax"),
        settings.CSRF_COOKIE_NAME: ("/admin/", True, "Lax"),
        "known": ("/admin/", True, "Strict"),  # this browser's own lane for signing in
    }


@pytest.mark.django_db(transaction=True)
def test_in_a_browser_no_page_of_the_desk_breaks_its_policy_and_the_editor_works(open_browser, live_server):
    root, named = a_busy_portal()
    page = open_browser()  # its fixture fails the test on anything said to the console
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => { window.broken = [...(window.broken ?? []), e.blockedURI + ' ' + e.violatedDirective + ' ' + e.sample] })"
    )
    page.goto("/admin/login/")
    page.fill("[name=username]", "root")
    page.fill("[name=password]", "a-long-password")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/")
    asked = [
        address
        for address in every_address(named)
        if re.match("/admin/(conditions/condition|languages|files|together|auth/user|password)", address)
    ]
    not_a_page = re.compile(
        "logout|login|autocomplete|jsi18n|check/$|tbx$|tmx$|delete|/condition/[0-9]+/$|/user/[0-9]+/$"
    )
    broken = {}
    for address in ["/admin/", *asked]:
        if not not_a_page.search(address):
            page.goto(address)
            if said := page.evaluate("window.broken"):
                broken[address] = said
    assert broken == {}
    page.goto(f"/admin/conditions/condition/{make.models.Condition.objects.first().pk}/change/")
    words = page.locator(".field-overview_en [role=textbox]")
    words.click()
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.press("ControlOrMeta+b")
    page.keyboard.type(" Bold words.")
    assert "<strong> Bold words.</strong>" in page.locator("textarea[name=overview_en]").input_value()
    assert words.evaluate("element => getComputedStyle(element).whiteSpace").startswith("break-spaces")
    assert page.locator("style").count() == 0 and page.evaluate("window.broken") is None


@pytest.mark.django_db(transaction=True)
def test_a_script_that_got_into_a_page_all_the_same_does_not_run(browser, live_server):
    make.published(make.symptom())
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    for address in ("/en/symptoms/tremor/", "/admin/login/"):
        page.goto(address)
        for element in ("script", "style"):
            page.evaluate(
                """name => new Promise(done => {
                    addEventListener("securitypolicyviolation", event => done(event.effectiveDirective), { once: true })
                    const put = document.createElement(name)
                    put.textContent = name === "script" ? "window.ran = 1" : "body { display: none }"
                    document.body.append(put)
                })""",
                element,
            )
        page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=\"window.ran = 1\">')")
        assert page.evaluate("window.ran") is None and page.locator("body").is_visible()
    context.close()
