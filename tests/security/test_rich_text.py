"""Rich text cannot carry a script, whatever it is made of: held by a parser that is not ours and by a real browser."""

import os
import re

import pytest
import tinyhtml5
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from conditions import richtext
from tests.security.corpus import payloads

ALLOWED = {"html", "head", "body", "p", "ul", "ol", "li", "h3", "strong", "em", "a", "br"}
PAYLOADS = payloads()
PIECES = sorted({piece for one in PAYLOADS for piece in re.split(r"(?=<)|(?<=>)|(?=[\"'])", one) if piece})
ODD = ["", " ", "\x00", "\n", "\t", "\x0c", "\r", '"', "'", "`", "=", "/", "<", ">", "&", "&lt;", "&#x3c;", "<!--", "-->", "]]>", "\u2028", "\ufeff", "</p>", "<p>", "<a href=", "<svg>", "<math>", "<style>", "<table>", "<select>", "</"]  # fmt: skip


def held(html: str) -> list[str]:
    """What stands in a text, as a browser would read it, that may not stand there."""
    found = []
    for element in tinyhtml5.parse(html).iter():
        if not isinstance(element.tag, str):
            found.append("a comment")
            continue
        tag = element.tag.removeprefix("{http://www.w3.org/1999/xhtml}")
        if tag not in ALLOWED:
            found.append(f"<{tag}>")
        for name, value in element.attrib.items():
            if (tag, name) != ("a", "href") or not re.match(r"https?://[^/\\\s]|/[^/\\\s]|#", value):
                found.append(f"<{tag} {name}={value!r}>")
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_of_a_payload_is_left_that_could_run_or_load(payload):
    once = richtext.clean(payload)
    assert held(once) == []
    assert richtext.clean(once) == once
    assert held(richtext.alike(payload)) == []


@settings(
    max_examples=int(os.environ.get("FUZZ", "400")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="FUZZ" not in os.environ,
    database=None,
)
@given(some.lists(some.sampled_from(PIECES) | some.sampled_from(ODD) | some.text(max_size=3), max_size=14).map("".join))
def test_nothing_that_is_put_together_of_payloads_runs_either(text):
    once = richtext.clean(text)
    assert held(once) == [], (text, once)
    assert richtext.clean(once) == once, text


IN_A_BROWSER = """html => {
    const put = document.createElement("div")
    document.body.append(put)
    put.innerHTML = html
    put.innerHTML = put.innerHTML  // read, written and read again
    const wrong = [...put.querySelectorAll("*")].flatMap(element => [
        ...(/^(P|UL|OL|LI|H3|STRONG|EM|A|BR)$/.test(element.tagName) ? [] : [element.tagName]),
        ...[...element.attributes].filter(one => one.name !== "href").map(one => one.name),
        ...(element.hasAttribute("href") && !/^https?:$/.test(element.protocol) ? [element.href] : []),
    ])
    for (const link of put.querySelectorAll("a, p, li, strong")) {
        link.addEventListener("click", event => event.preventDefault())
        for (const kind of ["click", "focus", "mouseover", "pointerenter"]) link.dispatchEvent(new Event(kind))
    }
    return wrong
}"""


@pytest.fixture
def blank(browser):
    """A page without any policy, that counts what runs, and reaches nobody."""
    context = browser.new_context(bypass_csp=True)
    context.route("**", lambda route: route.fulfill(status=200, content_type="text/html", body="<!doctype html><body>"))
    page = context.new_page()
    page.add_init_script("window.hits = 0; window.ran = () => { top.hits += 1 }; window.alert = window.ran")
    page.goto("https://portal.example/")
    yield page
    context.close()


def test_in_a_browser_without_any_policy_nothing_runs(blank):
    wrong = {}
    for payload in PAYLOADS:
        if found := blank.evaluate(IN_A_BROWSER, richtext.clean(payload)):
            wrong[payload] = found
    assert wrong == {}
    # And as the parser of a whole page reads it, one after another and all at once.
    for text in (
        "".join(map(richtext.clean, PAYLOADS)),
        richtext.clean("".join(PAYLOADS)),
        richtext.clean("".join(reversed(PAYLOADS))),
    ):
        blank.evaluate(
            "text => { document.open(); document.write('<!doctype html><body>' + text); document.close() }", text
        )
        blank.wait_for_timeout(100)
    assert blank.evaluate("hits") == 0


ALIVE = """async payloads => {
    const frames = payloads.map(payload => {
        const frame = document.createElement("iframe")
        document.body.append(frame)
        frame.contentWindow.ran = () => { frame.ran = true }
        const page = frame.contentDocument
        page.open()
        page.write("<!doctype html><body>" + payload)
        page.close()
        return frame
    })
    const moment = () => new Promise(done => setTimeout(done, 300))
    await moment()
    for (const frame of frames) {
        const found = frame.contentDocument?.querySelectorAll("a, p, strong, body") ?? []
        for (const one of found) for (const kind of ["mouseover", "pointerenter"]) one.dispatchEvent(new Event(kind))
        found[found.length - 1]?.click?.()
    }
    await moment()
    return frames.filter(frame => frame.ran).length
}"""


def test_the_payloads_are_alive(blank):
    """Or the tests above would hold nothing: as they are, many of them run, and cleaned none of them."""
    assert blank.evaluate(ALIVE, PAYLOADS) > 80
    assert blank.evaluate(ALIVE, [richtext.clean(payload) for payload in PAYLOADS]) == 0
