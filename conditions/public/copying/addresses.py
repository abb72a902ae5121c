"""Every public address there is, and how it answers in a copy."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone

from conditions import labels, leaflets
from conditions.public import found
from conditions.public import letters as lists
from portal import languages
from portal.publishing import reading

STRETCH = 200  # objects at a time
URLS = "conditions.public.copying.urls"


def every() -> Iterator[str]:
    """All addresses, decoded, in an order that stays. The pages about pages come first, leaflets where they belong."""
    yield from ("/", "/robots.txt", "/sitemap.xml", "/kept-worker.js", "/favicon.ico", "/404.html", "/infobutton")
    yield from ("/fhir/", "/developers/", "/developers/infobutton/", "/api/v1/languages", "/api/v1/openapi.json")
    yield from ("/api/v1/changes", "/fhir/r4/metadata", "/fhir/r5/metadata")
    offered = [language.code for language in languages.offered()]
    for code in offered:
        yield from _of_language(code)
    after = ("", "")
    while stretch := reading.standing(after, STRETCH):
        for one in stretch:
            yield from map(unquote, _of_object(one, offered))
        after = (stretch[-1].kind, stretch[-1].key)


def _of_language(code: str) -> Iterator[str]:
    home = f"/{code}/"
    yield from (home, f"{home}404.html", f"{home}search/", f"{home}search/names.js", f"{home}search/suggest")
    yield from (f"{home}changes.atom", f"{home}safety.atom", f"{home}kept/", f"{home}browse/")
    for kind, path in labels.PATHS.items():
        yield f"{home}{path}/"
        for letter, part in lists.addresses(kind, code):
            yield f"{home}{path}/letters/{letter}/" + (f"{part}/" if part > 1 else "")
    yield from (f"{home}browse/{heading}/" for heading in sorted(reading.headings(code)))
    yield from (f"/sitemap-{code}-{number}.xml" for number in range(1, found.count_of_sitemaps(code) + 1))
    yield from (f"/api/v1/pages/{code}", f"/api/v1/glossary/{code}")


def _of_object(one: reading.Standing, offered: list[str]) -> Iterator[str]:
    live = {code: page for code, page in one.pages.items() if not page.withdrawn_at}
    for code in offered:
        yield reverse("short", args=[code, one.key])
        page = one.pages.get(code)
        if page is None:
            # Who follows a citation, or puts their own language into an address, is told where it is.
            for slug in dict.fromkeys([one.key, *(other.slug for other in one.pages.values())]):
                yield reverse("public:page", args=[code, one.kind, slug])
            continue
        for slug in one.slugs.get(code, ()):
            yield from _of_page(one, code, slug, current=slug == page.slug, others=[c for c in live if c != code])
        yield f"/api/v1/pages/{code}/{one.kind}/{one.key}"
        yield f"/api/v1/pages/{code}/{one.kind}/{one.key}/editions"
        for number in one.numbers.get(code, ()):
            yield f"/api/v1/pages/{code}/{one.kind}/{one.key}/editions/{number}"


def _of_page(one, code, slug, *, current, others) -> Iterator[str]:
    def at(view, *more):
        return reverse(f"public:{view}", args=[code, one.kind, slug, *more])

    yield at("page")
    yield at("editions")
    for number in one.numbers.get(code, ()):
        yield at("edition", number)
    if one.pages[code].withdrawn_at:
        return
    yield at("embed")
    printed = leaflets.possible(languages.get(code))
    if printed:
        yield at("leaflet")
    if not current:
        return
    yield at("feedback")
    if printed:
        yield at("leaflet-large")
    for other in others:
        yield at("beside", other)
        if printed and leaflets.possible(languages.get(other)):
            yield at("beside-leaflet", other)


@cache
def _handler() -> WSGIHandler:
    return WSGIHandler()


def answer(address: str) -> HttpResponse:
    """What the portal says there, through all of its middleware."""
    site = urlsplit(settings.PUBLIC_ADDRESS)
    environ = {}
    setup_testing_defaults(environ)
    environ |= {
        "PATH_INFO": address.encode().decode("latin-1"),
        "HTTP_HOST": site.netloc,
        "wsgi.url_scheme": site.scheme,
        "HTTP_X_FORWARDED_PROTO": site.scheme,
        "REMOTE_ADDR": "127.0.0.1",
    }
    request = WSGIRequest(environ)
    request.urlconf, request.is_copy = URLS, True
    response = _handler().get_response(request)
    whole = HttpResponse(response.getvalue(), status=response.status_code, headers=response.headers)
    response.close()
    return whole


def state() -> str:
    """Names everything an answer depends on: words, code, settings, and the day (a review can be late). Two queries."""
    said = [
        reading.newest_act().seal,
        timezone.now().date(),
        *(getattr(settings, name) for name in ("PUBLIC_ADDRESS", "EMERGENCY_NUMBER", "REVIEW_GRACE_DAYS")),
        *(settings.CONTENT_LICENCE, settings.DEMO, settings.TIME_ZONE),
        *((one.code, leaflets.possible(one), languages.words_version(one.code)) for one in languages.offered()),
        _release(),
    ]
    return hashlib.sha256(repr(said).encode()).hexdigest()


@cache
def _release() -> str:
    """The code, templates, styles and words that are running."""
    digest = hashlib.sha256()
    for folder in ("portal", "conditions", "templates", "static", "locale"):
        for path in sorted(Path(settings.BASE_DIR, folder).rglob("*")):
            if path.suffix in {".py", ".html", ".xml", ".css", ".js", ".svg", ".toml", ".po"}:
                digest.update(f"{path.relative_to(settings.BASE_DIR)}\0".encode() + path.read_bytes())
    return digest.hexdigest()
