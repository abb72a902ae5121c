"""The pictures in README, taken from a demonstration that is running: make run, then make screenshots."""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import CHROMIUM

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
DESK, PHONE = {"width": 1200, "height": 800}, {"width": 390, "height": 780}


def main(base):
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def window(size):
            return browser.new_context(base_url=base, viewport=size).new_page()

        def condition(page, language):
            page.goto("/en/conditions/torsion-dystonia/")
            if language != "en":
                page.locator(f".languages a[hreflang='{language}']").click()

        for name, language, size in (
            ("reader-en", "en", DESK),
            ("reader-ar-phone", "ar", PHONE),
            ("reader-zh-phone", "zh-Hans", PHONE),
        ):
            page = window(size)
            condition(page, language)
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
