"""The pages readers see. They read portal.publishing.reading and search, and nothing else."""

import datetime as dt
import errno
import gzip
import io
import re
import sys
from functools import partial
from urllib.parse import unquote, urlencode

import segno
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponsePermanentRedirect,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import get_language, ngettext
from django.views.decorators.http import require_safe

from conditions import labels, leaflets, presentation
from conditions.content import TopicContent
from conditions.public import letters as lists
from conditions.public import refusing, remembered, structured_data
from conditions.public.explaining import explain
from conditions.public.letters import by_letter
from portal import front, languages
from portal.headers import may_be_framed
from portal.listening.later import later
from portal.publishing import reading
from portal.publishing import search as finding

KIND_OF_PATH = {path: kind for kind, path in labels.PATHS.items()}


class KindConverter:
    """ "conditions" in an address, "condition" in the code."""

    regex = "|".join(KIND_OF_PATH)

    def to_python(self, value):
        return KIND_OF_PATH[value]

    def to_url(self, value):
        return labels.PATHS.get(value, value)


class HeadingConverter:
    """A body area or speciality, as it stands in an address."""

    regex = "|".join(labels.HEADINGS)

    def to_python(self, value):
        return value

    to_url = to_python


class LetterConverter:
    """A letter of some alphabet. No longer, so that it is no part of a page whose address ends in "letters"."""

    regex = "[^/]{1,4}"

    def to_python(self, value):
        return value

    def to_url(self, value):
        return lists.in_address(value)


@require_safe
def choose_language(request):
    """`/`: to the browser's language. No cookie; the header decides anew each time."""
    code = languages.negotiate(request.headers.get("Accept-Language", ""))
    response = HttpResponseRedirect(reverse("public:home", args=[code]))
    patch_vary_headers(response, ["Accept-Language"])
    return response


@front.kept
@require_safe
def home(request, language):
    counts, conditions = reading.counts(language), lists.everything("condition", language)
    return _render(
        request,
        "public/home.html",
        language,
        "public:home",
        conditions=conditions,
        warned=reading.warned(conditions.pages, language),
        kinds=[(kind, labels.PLURALS[kind], counts.get(kind, 0)) for kind in labels.MEDICAL_KINDS],
        groups=_headings(reading.headings(language)),
    )


@front.kept
@require_safe
def browse(request, language):
    """Every heading that has a page in this language: body areas, specialities."""
    return _render(
        request, "public/browse.html", language, "public:browse", groups=_headings(reading.headings(language))
    )


@front.kept
@require_safe
def heading(request, language, heading):
    pages = reading.filed(heading, language)
    by_kind = [(labels.PLURALS[kind], [page for page in pages if page.kind == kind]) for kind in labels.KINDS]
    return _render(
        request,
        "public/heading.html",
        language,
        "public:heading",
        heading,
        title=labels.HEADINGS[heading],
        kinds=[(label, by_letter(of_kind, language)) for label, of_kind in by_kind if of_kind],
        warned=reading.warned(pages, language),
    )


def _headings(counts):
    found = (
        (group, [(key, label, counts[key]) for key, label in headings.items() if key in counts])
        for group, headings in labels.HEADING_GROUPS
    )
    return [(group, headings) for group, headings in found if headings]


@front.kept
@require_safe
def about(request, language):
    """What holds for every page, and the articles that whoever runs this portal has published about it."""
    articles = list(reading.pages("article", language))
    return _render(
        request,
        "public/about.html",
        language,
        "public:about",
        articles=by_letter(articles, language),
        warned=reading.warned(articles, language),
    )


@front.kept
@require_safe
def kept(request, language):
    """What this reader's own browser keeps. The list is made there; nothing of it comes to us."""
    return _render(request, "public/kept.html", language, "public:kept", noindex=True)


@require_safe
def kept_worker(request):
    """The service worker. At the root, because a worker sees only what is below its own address."""
    with open(finders.find("js/kept-worker.js"), "rb") as file:
        response = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


@front.kept
@require_safe
def listing(request, language, kind):
    return _list(request, language, kind, lists.everything(kind, language))


@front.kept
@require_safe
def listing_of_letter(request, language, kind, letter, number=None):
    """Of a list that is too long for one page: a letter, and of a letter with very many pages a part."""
    found = None if number == 1 else lists.of_letter(kind, language, letter, 1 if number is None else number)
    if found is None:
        raise Http404
    return _list(request, language, kind, found)


def _list(request, language, kind, stretch):
    return _render(
        request,
        "public/list.html",
        language,
        "public:list",  # another language has other letters: there its readers begin with all of them
        kind,
        kind=kind,
        here=request.path,
        title=labels.PLURALS[kind],
        stretch=stretch,
        warned=reading.warned(stretch.pages, language),
    )


@require_safe
def search(request, language):
    words = " ".join(request.GET.get("q", "")[:200].replace("\0", "").split())
    found = finding.find(words, language, insist="exact" in request.GET)
    if found.near and request.method == "GET" and front.ALONE not in request.META:
        later.searched_in_vain(words, language)  # so that editors learn which words are missing
    return _render(
        request,
        "public/search.html",
        language,
        "public:search",
        query=f"?{urlencode({'q': words})}" if words else "",
        words=words,
        insist=f"?{urlencode({'q': words, 'exact': 1})}",
        found=found,
        count=len(found.pages) + len(found.mentions),
        pages=_listed(found.pages),
        mentions=_listed(found.mentions),
        elsewhere=[(languages.get(row[1].language), *row) for row in _listed(found.elsewhere)],
        warned=reading.warned((*found.pages, *found.mentions), language),
        noindex=True,
    )


def _listed(pages):
    return [(labels.KINDS[page.kind], page, presentation.page_url(page)) for page in pages]


@require_safe
def suggest(request, language):
    """Names that begin as the reader has begun to type. No cookie, no log of ours, and the same for everybody."""
    rows = _listed(finding.suggest(request.GET.get("q", ""), language))
    found = [{"title": page.title, "kind": str(kind), "url": url} for kind, page, url in rows]
    said = ngettext("{count} suggestion", "{count} suggestions", len(found)).format(count=len(found)) if found else ""
    response = JsonResponse({"suggestions": found, "said": said}, json_dumps_params={"ensure_ascii": False})
    response["X-Robots-Tag"] = "noindex"
    return response


@front.kept
@require_safe
def page(request, language, kind, slug):
    found = find_page(request, kind, language, slug)
    if not isinstance(found, reading.Page):
        return found
    return _show(request, reading.published(found))


@front.kept
@require_safe
def embed(request, language, kind, slug):
    """The page without our header and footer, for a frame on another site. The only address that may be framed."""
    found = find_page(request, kind, language, slug, "embed")
    if not isinstance(found, reading.Page):
        return found
    context = shown(reading.published(found))
    response = may_be_framed(render(request, "public/embed.html", {**context, "noindex": True}), by="*")
    response["Link"] = f'<{context["address"]}>; rel="canonical"'
    return response


@front.kept
@require_safe
def editions(request, language, kind, slug):
    found = find_page(request, kind, language, slug, "editions", withdrawn=True)
    if not isinstance(found, reading.Page):
        return found
    return render(
        request,
        "public/editions.html",
        {
            "page": found,
            "editions": reading.editions(found),
            "url": presentation.page_url(found),
            "plural": labels.PLURALS[kind],
            "noindex": True,
            **frame(language, _everywhere("public:list", kind)),
        },
    )


@front.kept
@require_safe
def edition(request, language, kind, slug, number):
    found = find_page(request, kind, language, slug, "edition", number, withdrawn=True)
    if not isinstance(found, reading.Page):
        return found
    wanted = reading.edition(found, number)
    if wanted is None:
        raise Http404
    return _show_archived(request, reading.published(found, wanted))


@front.kept
@require_safe
def edition_on(request, language, kind, slug, day):
    try:
        date = dt.date.fromisoformat(day)
        if not dt.date(1900, 1, 1) <= date <= timezone.now().date():
            raise ValueError
    except ValueError:
        raise Http404 from None
    found = find_page(request, kind, language, slug, "edition-on", day, withdrawn=True)
    if not isinstance(found, reading.Page):
        return found
    wanted = reading.on(found, date)
    if wanted is None:
        raise Http404
    return _show_archived(request, reading.published(found, wanted))


@require_safe
def leaflet(request, language, kind, slug, large=False):
    """The page as a PDF. Its name is the hash of what it says, so whatever the page says today, it says as well."""
    found = find_page(request, kind, language, slug, "leaflet-large" if large else "leaflet")
    if not isinstance(found, reading.Page):
        return found
    if not leaflets.possible(languages.get(language)):
        return no_leaflet(request, found)
    context = shown(reading.published(found))
    pictures = {
        settings.PUBLIC_ADDRESS + reverse("image", args=[picture.file]): partial(_picture, picture.file)
        for picture in context["content"].images
    }
    return as_leaflet(request, found, "public/leaflet.html", {**context, "large": large}, context["url"], pictures)


def as_leaflet(request, page, template, context, url, pictures):
    """A template as a PDF with a QR code to `url`, made once for as long as it says the same."""
    page_address = settings.PUBLIC_ADDRESS + url
    pictures = {f"{page_address}qr.svg": partial(_qr_code, page_address), **pictures}
    html = render_to_string(template, {**context, "qr": "qr.svg"})
    try:
        name, file = leaflets.opened(html, page_address, pictures)
    except leaflets.Busy:
        return no_leaflet(request, page, busy=True)
    response = FileResponse(file, content_type="application/pdf", filename=f"{page.slug}.pdf")
    response["ETag"] = f'"{name}"'
    response["Cache-Control"] = "no-cache"
    response["X-Robots-Tag"] = "noindex"
    response["Link"] = f'<{page_address}>; rel="canonical"'
    return get_conditional_response(request, etag=response["ETag"], response=response)


def _qr_code(address):
    drawn = io.BytesIO()
    segno.make(address, error="m").save(drawn, kind="svg", border=2)
    return drawn.getvalue()


def _picture(name):
    with default_storage.open(name) as file:
        return file.read()


def no_leaflet(request, page, busy=False):
    context = {
        "busy": busy,
        "kind": page.kind,
        "plural": labels.PLURALS[page.kind],
        "url": presentation.page_url(page),
        "noindex": True,
        **frame(page.language, _everywhere("public:list", page.kind)),
    }
    response = render(request, "public/no_leaflet.html", context, status=503)
    if busy:
        response["Retry-After"] = "60"
    return response


def find_page(request, kind, language, slug, view="page", *args, withdrawn=False):
    """The page at this address, or the answer to give instead of it."""
    found = reading.address(kind, language, slug)
    if found is None:
        return _not_yet(request, kind, language, slug, view, *args)
    if found.withdrawn_at and not withdrawn:
        return _gone(request, found)
    if found.slug != slug:
        moved = HttpResponsePermanentRedirect(reverse(f"public:{view}", args=[language, kind, found.slug, *args]))
        # A restore may bring the old address back: a browser that kept this answer would run in a circle.
        moved["Cache-Control"] = "no-cache"
        return moved
    return found


def _show_archived(request, published):
    context = shown(published, archived=True) | {"archived": True, "noindex": True}
    response = render(request, "public/page.html", context)
    response["X-Robots-Tag"] = "noindex"
    return response


def _show(request, published):
    """Today's page. What it is made of is read first; where all of that was so before, so is the page."""
    language = published.page.language
    content, linked = _read(published.edition)
    terms = [term for term in reading.glossary(language) if term.key != published.page.key]
    offered = [one.code for one in languages.offered()]
    key = remembered.key(published, linked, terms, offered, timezone.localdate())
    may_be_kept = front.KEPT in request.META and settings.FRONT_CACHE_MB > 0
    explained = remembered.pages.get(key)
    if explained is not None and may_be_kept:
        warned = _warned([term for term in terms if term.key in explained], language)
        if pressed := remembered.pages.get((key, *sorted(warned))):
            request.META[front.PRESSED] = pressed
            return HttpResponse(gzip.decompress(pressed.body))
    with remembered.nothing_else_is_asked() as asked:
        context = _made(published, content, linked)
        context["parts"], found = explain(context["parts"], terms, language)
    warned = _warned(found, language)
    context |= {"explained": [(term, presentation.page_url(term)) for term in found], "warned": warned}
    with remembered.nothing_else_is_asked() as asked_later:
        response = render(request, "public/page.html", context)
    if may_be_kept and not asked and not asked_later:
        request.META[front.PRESSED] = pressed = front.press(response.content)
        remembered.pages.keep(key, frozenset(term.key for term in found), 0)
        remembered.pages.keep((key, *sorted(warned)), pressed, len(pressed.body))
    return response


def _made(published, content, linked):
    context = _shown(published, content, linked)
    others = [choice.language for choice in context["choices"] if choice.exists and not choice.current]
    return {
        **context,
        "structured_data": structured_data.as_script(structured_data.of_page(context)),
        "leaflets": leaflets.possible(context["language"]),
        "other_languages": others,
    }


def _warned(terms, language):
    return reading.warned(terms, language) if terms else set()


def _read(edition):
    """What an edition says, and the pages there are today of what it names."""
    content = TopicContent.from_json(edition.content)
    return content, reading.linked(content.links(), edition.language)


def shown(published, archived=False):
    return _shown(published, *_read(published.edition), archived)


def _shown(published, content, linked, archived=False):
    context = presentation.show_published(published, content, linked, archived=archived)
    page, number = published.page, published.edition.number
    edition_url = reverse("public:edition", args=[page.language, page.kind, page.slug, number])
    return {
        **context,
        "language": languages.get(published.edition.language),
        "site": settings.PUBLIC_ADDRESS,
        "address": settings.PUBLIC_ADDRESS + unquote(context["url"]),
        "edition_address": settings.PUBLIC_ADDRESS + unquote(edition_url),
    }


def _not_yet(request, kind, language, slug, view, *args):
    """The object exists in other languages: say so, and name them. Nobody is sent to the home page."""
    elsewhere = reading.elsewhere(kind, slug)
    for other in elsewhere:
        if other.language == language:
            return HttpResponseRedirect(reverse(f"public:{view}", args=[language, kind, other.slug, *args]))
    if not elsewhere:
        raise Http404
    pages = {other.language: presentation.page_url(other) for other in elsewhere}
    context = {
        "elsewhere": [
            (languages.get(other.language), other.title, presentation.page_url(other)) for other in elsewhere
        ],
        "plural": labels.PLURALS[kind],
        "kind": kind,
        "noindex": True,
        **frame(language, pages),
    }
    return render(request, "public/not_yet.html", context, status=404)


def _gone(request, page):
    context = {
        "page": page,
        "plural": labels.PLURALS[page.kind],
        "noindex": True,
        **frame(page.language, _everywhere("public:list", page.kind)),
    }
    return render(request, "public/gone.html", context, status=410)


@require_safe
def image(request, name):
    """A picture of an edition. Its name is its content's hash, so it never changes."""
    if not re.fullmatch(r"[0-9a-f]{64}(_[A-Za-z0-9]{7})?\.(png|jpe?g|webp)", name) or not default_storage.exists(name):
        raise Http404
    response = FileResponse(default_storage.open(name))
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@require_safe
def icon(request):
    """For browsers and pages (the desk's) that ask without being told where it is."""
    return HttpResponseRedirect(static("icon.svg"))


def bad_request(request, exception):
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        return _error(request, "errors/413.html", 413)
    return _error(request, "errors/400.html", 400)


def forbidden(request, exception=None, reason=""):
    # A token is missing or another since somebody signed in anew; for another site's form the reason is its origin.
    if reason.startswith("CSRF ") and request.path_info.startswith("/admin/"):
        return _error(request, "admin/old_form.html", 403)
    return _error(request, "errors/403.html", 403)


def not_found(request, exception):
    return _error(request, "errors/404.html", 404)


def server_error(request):
    error = sys.exc_info()[1]
    if isinstance(error, OperationalError | InterfaceError):
        return try_again_shortly(request)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return try_again_shortly(request)  # no room on the disk: what was sent can be sent again
    return _error(request, "errors/500.html", 500)


def in_words(get_response):
    """A middleware: Django refuses a method without a word."""

    def middleware(request):
        response = get_response(request)
        if response.status_code != 405 or response.streaming or response.content:
            return response
        answer = _error(request, "errors/405.html", 405)
        answer["Allow"] = response["Allow"]
        return answer

    return middleware


def try_again_shortly(request):
    """The database does not answer, or not in time."""
    response = _error(request, "errors/503.html", 503)
    response["Retry-After"] = "10"  # seconds
    response["Cache-Control"] = "no-store"
    return response


def _error(request, template, status):
    """An error in the reader's language. Asks the database nothing: it may be what failed."""
    if answer := refusing.for_programs(request, status):
        return answer
    code = get_language() or languages.SOURCE
    if code not in languages.LANGUAGES or not languages.get(code).offered:
        code = languages.SOURCE
    context = {"noindex": True, "number": refusing.number(request, status)}
    return render(request, template, context | frame(code, _everywhere("public:home")), status=status)


def _render(request, template, language, view, *args, query="", **context):
    addresses = {code: address + query for code, address in _everywhere(view, *args).items()}
    return render(request, template, {**frame(language, addresses), **context})


def _everywhere(view, *args):
    return {language.code: reverse(view, args=[language.code, *args]) for language in languages.offered()}


def frame(language, addresses):
    """What every page's head and foot need."""
    return {
        "language": languages.get(language),
        "choices": presentation.switcher(language, addresses),
    }
