import os
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import sync_playwright

from portal import languages
from portal.listening import protection
from portal.publishing import search
from tests.browser import CHROMIUM

# Playwright's own event loop runs in this thread; our tests are synchronous all the same.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_collection_modifyitems(items):
    here = "postgresql" if os.environ.get("DATABASE_URL", "").startswith("postgres") else "sqlite"
    items[:] = [item for item in items if not (on := item.get_closest_marker("on")) or on.args[0] == here]
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) and CHROMIUM is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


def _not_run(terminalreporter):
    report = Path(os.environ.get("NOT_RUN_REPORT", "/nonexistent"))
    said = report.read_text().splitlines() if report.exists() else []
    reasons = {str(item.longrepr[2]) if isinstance(item.longrepr, tuple) else str(item.longrepr)
               for item in terminalreporter.stats.get("skipped", [])}  # fmt: skip
    return [*dict.fromkeys(said), *sorted(reasons)]


def pytest_terminal_summary(terminalreporter, config):
    not_run = _not_run(terminalreporter)
    database = "PostgreSQL" if os.environ.get("DATABASE_URL", "").startswith("postgres") else "SQLite"
    terminalreporter.section(f"on {database}")
    if os.environ.get("PORTAL_EARLIER_FAILED") == "1":
        terminalreporter.write_line("The run on PostgreSQL, above, FAILED.")
    if not_run:
        terminalreporter.write_line("NOT RUN:")
        for line in not_run:
            terminalreporter.write_line(f"  {line}")
    else:
        terminalreporter.write_line("Everything was run.")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and os.environ.get("REQUIRE_ALL") and reporter and _not_run(reporter):
        session.exitstatus = 3


@pytest.fixture(autouse=True)
def _kept_apart(settings, tmp_path, monkeypatch):
    """No test writes beside the code, and none depends on built static files."""
    settings.VAR_DIR = tmp_path / "var"
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STATIC_ROOT.mkdir()
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    cache.clear()
    protection._memory.clear()
    # Asked when something was decided, and not by the clock: so that queries can be counted.
    monkeypatch.setattr(languages, "SECONDS", float("inf"))
    monkeypatch.setattr(languages, "_known", {})
    monkeypatch.setattr(languages, "_asked_at", 0.0)
    search.vocabulary.cache_clear()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
        flags += ["--disable-component-update", "--disable-sync"]
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield running
        running.close()


@pytest.fixture
def open_browser(browser, live_server):
    """Opens a window: open_browser(language="ar", phone=True, javascript=False). Fails the test on a console error."""
    contexts, errors = [], []

    def open_(*, language="en", phone=False, javascript=True, policy=True):
        context = browser.new_context(
            base_url=live_server.url,
            locale=language,
            viewport={"width": 360, "height": 740} if phone else {"width": 1280, "height": 900},
            java_script_enabled=javascript,
            bypass_csp=not policy,  # axe puts styles on elements to measure them
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    # A withdrawn or missing page is a 410 or 404 on purpose; the browser calls that an error too.
    unexpected = [text for text in errors if "status of 4" not in text]
    assert unexpected == []
