"""Given an account at the desk, when a second factor protects it or somebody floods it, then its owner comes in."""

import re
import time
from base64 import b32decode
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from portal.signing_in import second_factor
from tests import make
from tests.journeys.test_accessibility import violations
from tests.journeys.test_clinician import sign_in
from tests.servers import Server
from tests.signing_in.phone import half_minutes, shows  # noqa: F401 -- a fixture
from tests.signing_in.test_throttle import try_in

pytestmark = pytest.mark.django_db(transaction=True)


def app_shows(secret):
    """What an app on a phone makes of the letters on the page."""
    return shows(b32decode(secret.replace(" ", "")))


def set_up(page):
    """Returns the secret as it is shown, and the recovery codes."""
    page.get_by_role("link", name="Second factor").click()
    page.get_by_label("Your password").fill("a-long-password")
    page.get_by_role("button", name="Begin").click()
    secret = page.locator(".desk-secret").inner_text()
    page.get_by_label("Code that the app shows now").fill(app_shows(secret))
    page.get_by_role("button", name="Confirm").click()
    codes = page.locator(".desk-codes code").all_inner_texts()
    assert len(codes) == 10
    return secret, codes


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_a_second_factor_without_javascript(open_browser, phone):
    make.person("ada")
    page = open_browser(javascript=False, phone=phone)
    sign_in(page, "ada")
    secret, codes = set_up(page)
    page.get_by_role("link", name="Go on to the desk").click()
    page.get_by_role("button", name="Log out").click()

    again = open_browser(javascript=False, phone=phone)
    sign_in(again, "ada")
    again.get_by_label("Code from the app on your phone").fill("000000")
    again.get_by_role("button", name="Log in", exact=True).click()
    assert "This code is wrong" in again.locator(".errornote").inner_text()
    again.get_by_label("Code from the app on your phone").fill(app_shows(secret))
    again.keyboard.press("Enter")
    again.get_by_role("heading", name="What needs you today").wait_for()

    lost = open_browser(javascript=False, phone=phone)
    sign_in(lost, "ada")
    lost.get_by_text("The phone is not here").click()
    lost.get_by_label("One of your recovery codes").fill(codes[0])
    lost.get_by_role("button", name="Log in with a recovery code").click()
    lost.get_by_role("link", name="Second factor").click()
    assert "9 recovery codes are left." in lost.locator("#content").inner_text()
    form = lost.locator("form#remove")
    form.get_by_label("Your password").fill("a-long-password")
    form.get_by_label("Code from the app, or a recovery code").fill(codes[1])
    form.get_by_role("button", name="Remove the second factor").click()
    assert "You sign in with your password alone now." in lost.locator(".messagelist").inner_text()


def test_with_the_keyboard_alone(open_browser):
    ada = make.person("ada")
    device = second_factor.begin(ada)
    second_factor.confirm(device, shows(device.bin_key))
    page = open_browser()
    page.goto("/admin/")
    for word in ("ada", "Tab", "a-long-password", "Enter"):
        page.keyboard.press(word) if word in {"Tab", "Enter"} else page.keyboard.type(word)
    page.locator("#id_code:focus").wait_for()
    page.keyboard.type(shows(device.bin_key))
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="What needs you today").wait_for()


def test_a_flood_on_her_account_and_she_comes_in_from_her_own_browser_and_from_a_new_one(
    open_browser, live_server, settings, mailoutbox
):
    settings.PUBLIC_ADDRESS = live_server.url
    make.person("ada", email="ada@example.org")
    hers = open_browser()
    sign_in(hers, "ada")
    hers.get_by_role("button", name="Log out").click()

    attacker = open_browser()
    attacker.goto("/admin/")
    for _ in range(6):
        attacker.locator("#id_username").fill("ada")
        attacker.locator("#id_password").fill("guess")
        attacker.locator("input[type=submit]").click()
    said = attacker.locator(".errornote").inner_text()
    assert re.search(r"Nothing was checked. Try again in \d+ minutes?\.", said)
    for number in range(40):
        try_in(place=f"203.0.113.{number}")

    sign_in(hers, "ada")
    hers.get_by_role("heading", name="What needs you today").wait_for()

    new = open_browser(javascript=False)
    sign_in(new, "ada")
    assert "Try again in" in new.locator(".errornote").inner_text()
    new.get_by_role("link", name="Open a way for this browser by e-mail").click()
    new.get_by_label("Username").fill("ada")
    new.get_by_role("button", name="Send the mail").click()
    new.get_by_text("a mail is on its way").wait_for()
    until = time.monotonic() + 10
    while not mailoutbox and time.monotonic() < until:
        time.sleep(0.05)
    new.goto(re.search(r"http\S+/admin/login/known/\S+", mailoutbox[0].body)[0])
    new.get_by_role("link", name="Sign in", exact=True).click()
    sign_in(new, "ada")
    new.get_by_role("heading", name="What needs you today").wait_for()


@pytest.fixture
def machines(tmp_path):
    running = [Server(tmp_path / name, workers=1) for name in ("one", "two")]
    yield [server.wait() for server in running]
    for server in running:
        server.stop()


def guess_at(server):
    browser = build_opener(HTTPCookieProcessor())
    token = re.search(
        r'csrfmiddlewaretoken" value="(\w+)"', browser.open(f"{server.address}/admin/login/").read().decode()
    )
    said = urlencode({"username": "ada", "password": "guess", "csrfmiddlewaretoken": token[1]})
    try:
        return browser.open(f"{server.address}/admin/login/", said.encode()).status
    except HTTPError as refused:
        return refused.status


def test_two_machines_count_as_one(machines):
    make.person("ada")
    one, two = machines
    assert [guess_at(server) for server in (one, two, one, two, one, two, one)] == [200] * 5 + [429] * 2


@pytest.mark.parametrize(("language", "phone"), [("en", False), ("ar", True)], ids=["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(open_browser, language, phone):
    make.person("ada", is_superuser=True)
    bob = make.person("bob")
    second_factor.confirm(device := second_factor.begin(bob), shows(device.bin_key))
    page, found = open_browser(language=language, phone=phone, policy=False), {}

    def look(name):
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        if wrong := violations(page) + ([("wide", wide)] if wide > 0 else []):
            found[name] = wrong

    sign_in(page, "ada")
    page.goto(f"/admin/auth/user/{bob.pk}/second-factor/")
    look("reset")
    page.goto("/admin/second-factor/")
    look("none")
    page.locator("#begin input[type=password]").fill("a-long-password")
    page.locator("#begin button").click()
    page.locator(".desk-qr").wait_for()
    look("begun")
    secret = page.locator(".desk-secret").inner_text()
    page.locator("#confirm [name=code]").fill("000000")
    with page.expect_navigation():
        page.locator("#confirm button").click()
    look("wrong")
    page.locator("#confirm [name=code]").fill(app_shows(secret))
    page.locator("#confirm button").click()
    page.locator(".desk-codes").wait_for()
    look("codes")
    page.goto("/admin/second-factor/")
    look("there")
    page.context.clear_cookies()
    sign_in(page, "ada")
    page.locator("#id_code").wait_for()
    look("code")
    page.locator("details summary").click()
    look("recovery")
    page.context.clear_cookies()
    for _ in range(6):
        try_in(place="127.0.0.1")
    sign_in(page, "ada")
    look("wait")
    page.goto("/admin/login/by-mail/")
    look("by mail")
    page.goto("/admin/login/known/x/")
    look("too old")
    assert not found, "\n".join(f"{name}: {wrong}" for name, wrong in found.items())
