"""Every type of public page, in every offered language: axe finds nothing wrong, the Nu checker neither."""

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client

from conditions import presentation
from conditions.public.copying import addresses as copying
from conditions.starter import files, loading
from portal import languages
from portal.publishing import actions
from portal.publishing.models import Page
from tests import make
from tests.journeys.test_accessibility import violations
from tests.journeys.test_reader import fits, starter  # noqa: F401 -- a fixture

pytestmark = pytest.mark.django_db(transaction=True)
CODES = [language.code for language in languages.offered()]
CHECKER = Path(__file__).parents[2] / ".venv" / "vnu.jar"


def addresses(pages, code):
    """One of each type of page: name -> address."""
    page = next(one for one in Page.objects.filter(language=code, kind="condition", key="torsion-dystonia"))
    own = {
        one.key: one
        for one in Page.objects.filter(language=code, key__in=("tremor", "levodopa", "gene", "about-this-information"))
    }
    here = f"/{code}/conditions/{page.slug}/"
    other = "ar" if code != "ar" else "zh-hans"
    programmers = {"developers": "/developers/"} if code == "en" else {}
    return programmers | {
        "home": f"/{code}/",
        "list": f"/{code}/conditions/",
        "glossary": f"/{code}/glossary/",
        "browse": f"/{code}/browse/",
        "heading": f"/{code}/browse/neurology/",
        "condition": here,
        "symptom": f"/{code}/symptoms/{own['tremor'].slug}/",
        "treatment": f"/{code}/treatments/{own['levodopa'].slug}/",
        "term": f"/{code}/glossary/{own['gene'].slug}/",
        "search": f"/{code}/search/?q=dystonia",
        "nothing found": f"/{code}/search/?q=qwertzuiop",
        "about": f"/{code}/about/",
        "article": f"/{code}/about/{own['about-this-information'].slug}/",
        "embedded": f"{here}embed/",
        "editions": f"{here}editions/",
        "edition": f"{here}editions/1/",
        "beside": f"{here}with/{other}/",
        "feedback": f"{here}feedback/?answer=no",
        "kept": f"/{code}/kept/",
        "missing": f"/{code}/conditions/nothing/",
    }


@pytest.mark.parametrize("code", CODES)
def test_axe_finds_nothing_on_any_screen_or_on_paper(open_browser, starter, code):  # noqa: F811
    page = open_browser(language=code, policy=False)
    found = {}

    def look(name, how):
        if wrong := violations(page):
            found[f"{name}, {how}"] = wrong

    everything = addresses(starter, code)
    # What the database is cannot be seen on a page: on PostgreSQL two languages are looked at.
    if connection.vendor == "postgresql" and code not in {"en", "ar"}:
        everything = {"condition": everything["condition"]}
    for name, address in everything.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(address)
        look(name, "desktop")
        page.emulate_media(color_scheme="dark")
        look(name, "dark")
        page.emulate_media(color_scheme="light", forced_colors="active")
        look(name, "forced colours")
        page.emulate_media(forced_colors="none", media="print")
        look(name, "print")
        page.emulate_media(media="screen")
        page.set_viewport_size({"width": 320, "height": 640})
        look(name, "320 px")
        if not fits(page):
            found[f"{name}, 320 px"] = "wider than the screen"
        page.set_viewport_size({"width": 320, "height": 256})  # 1280 x 1024 at 400 %
        look(name, "400 %")
    assert not found, "\n".join(f"{where}: {wrong}" for where, wrong in found.items())


@pytest.mark.skipif(not (CHECKER.exists() and shutil.which("java")), reason="the Nu checker is not installed here")
def test_every_page_is_valid_html(starter, tmp_path, settings):  # noqa: F811
    settings.EMERGENCY_NUMBER = "112"
    loader = starter["en"].edition.published_by
    actions.withdraw(Page.objects.get(key="dysphagia", language="en"), by=loader, reason="Gone for a test.")
    for code in CODES:
        every = addresses(starter, code)
        if code == "en":
            every["withdrawn"] = "/en/symptoms/" + Page.objects.get(key="dysphagia", language="en").slug + "/"
        for name, address in every.items():
            (tmp_path / f"{code}-{name}.html").write_bytes(Client().get(address).content)
        in_a_copy = {"choose": "/", "search of a copy": f"/{code}/search/", "no form": f"{every['condition']}feedback/"}
        for name, address in in_a_copy.items():
            (tmp_path / f"{code}-{name}.html").write_bytes(copying.answer(unquote(address)).content)
    command = ["java", "-Xss2m", "-jar", CHECKER, "--errors-only", "--exit-zero-always", "--format", "json", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    said = json.loads(done.stderr)["messages"]
    wrong = {(Path(one["url"]).name, one["message"], one.get("extract", "")[:120]) for one in said}
    assert not wrong, "\n".join(map(str, sorted(wrong)[:20]))


def test_a_first_visit_with_styles_and_scripts_weighs_at_most_40_kilobytes(settings):
    """Of the longest page there is, in every language: what comes over the network, compressed."""
    settings.DEMO = True
    make.roles()
    loading.load(topics=files.topics(), sources=files.sources())
    loading.publish_demonstration(make.User.objects.create_superuser("loader", password="x"))
    weights = {}
    for page in Page.objects.filter(key="torsion-dystonia"):
        response = Client().get(presentation.page_url(page), headers={"accept-encoding": "gzip"})
        assert response.headers["Content-Encoding"] == "gzip"
        html = gzip.decompress(response.content).decode()
        assets = set(re.findall(r'(?:href|src)="/static/([^"]+)"', html))
        assert len(assets) >= 7
        styles = sum(len(gzip.compress(Path(finders.find(name)).read_bytes())) for name in assets)
        weights[page.language] = len(response.content) + styles
    print({language: f"{weight / 1000:.1f} kB" for language, weight in weights.items()})
    assert len(weights) == 6 and max(weights.values()) <= 40_000
