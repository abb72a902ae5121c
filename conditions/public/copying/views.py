"""What stands in a copy where the live site needs a server."""

import json
import sys
import unicodedata
from functools import cache

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import strip_tags
from django.utils.translation import gettext, ngettext

from conditions import labels, presentation
from conditions.public import api, views
from portal import languages
from portal.publishing import folding, reading
from portal.publishing import search as finding

SHOWN = 50  # results of a search


def choose_language(request):
    """`/`: there is no header to go by, so every language, each in its own words."""
    frame = views.frame(languages.SOURCE, _everywhere(lambda code: reverse("public:home", args=[code])))
    return render(request, "public/choose_language.html", {"noindex": True, **frame})


def search(request, language):
    """A script looks through the names of this language. What is typed does not leave the reader's browser."""
    searches = _everywhere(lambda code: reverse("public:search", args=[code]))
    others = [(languages.get(code), url) for code, url in searches.items() if code != language]
    context = {"noindex": True, "others": others, **views.frame(language, searches)}
    return render(request, "public/search_in_copy.html", context)


def names(request, language):
    """Everything the search of a copy knows, as a script: a page opened from a disk may load nothing else."""
    rows = []
    for number, kind in enumerate(labels.KINDS):
        pages = sorted(reading.pages(kind, language), key=lambda page: page.key)
        warned = reading.warned(pages, language)
        for page in pages:
            address = f"../{labels.PATHS[kind]}/{page.slug}/"
            rows.append([page.title, number, address, "" if page.key in warned else page.summary, page.findable])
    counted = [
        ngettext("%(counter)s page for “%(words)s”.", "%(counter)s pages for “%(words)s”.", count)
        % {"counter": count, "words": "{words}"}
        for count in range(1, SHOWN + 1)
    ]
    corrected = gettext("These are the pages for <strong>“%(meant)s”</strong>. No page has “%(words)s”.")
    suggested = [
        ngettext("{count} suggestion", "{count} suggestions", count).format(count=count) for count in range(1, 9)
    ]
    known = {
        "rows": rows,
        "search": reverse("public:search", args=[language]),
        "suggested": suggested,
        "kinds": [str(label) for label in labels.KINDS.values()],
        "counted": counted,
        "corrected": strip_tags(corrected % {"meant": "{meant}", "words": "{words}"}),
        "none": gettext("No page has “%(words)s”.") % {"words": "{words}"},
        "unspaced": finding.UNSPACED.pattern,
        "article": "ال" if language in {"ar", "fa"} else "",
        **_folding(),
    }
    script = f"window.portalNames = {json.dumps(known, ensure_ascii=False, separators=(',', ':'))};\n"
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")


@cache
def _folding():
    """What portal.publishing.folding does, for the script: letters that become others, and marks that go."""
    every = [chr(point) for point in range(0x80, 0xFFFF) if not 0xD800 <= point < 0xE000]
    letters = {chr(point): letter or "" for point, letter in folding.ARABIC_LETTERS.items()}
    folded = {c: c.casefold() for c in every if c.casefold() != c.lower() and unicodedata.normalize("NFKD", c) == c}
    folded |= {chr(point): letter for point, letter in folding.LIGATURES.items()}
    marks = [ord(c) for c in every if unicodedata.combining(c) >= folding.FIRST_ACCENT]
    ranges, start = [], None
    for point, following in zip(marks, [*marks[1:], sys.maxunicode], strict=True):
        start = point if start is None else start
        if following != point + 1:
            ranges.append(f"\\u{start:04x}-\\u{point:04x}")
            start = None
    return {"before": letters, "after": folded, "marks": "".join(ranges)}


def suggest(request, language):
    """A server of files gives one answer, whatever is typed: where to look instead."""
    search = reverse("public:search", args=[language])
    here = {"names": f"{search}names.js", "script": static("js/search-in-copy.js")}
    return JsonResponse({"suggestions": [], "said": "", **here})


def not_here(request, language, kind=None, slug=None, rest=""):
    """The form for an answer, and the questions of other programs."""
    page = reading.address(kind, language, slug) if slug else None
    if page:
        others = reading.elsewhere(kind, slug)
        here = {other.language: reverse("public:feedback", args=[other.language, kind, other.slug]) for other in others}
    elif slug:
        raise Http404
    else:
        here = _everywhere(lambda code: reverse("public:home", args=[code]))
    context = {
        "page": page,
        "url": presentation.page_url(page) if page else None,
        "portal": settings.PUBLIC_ADDRESS,
        "noindex": True,
        **views.frame(language, here),
    }
    # A program that asks must not take these words for an answer.
    return render(request, "public/not_in_copy.html", context, status=200 if page else 404)


def _everywhere(address):
    return {language.code: address(language.code) for language in languages.offered()}


def pages_of_the_api(request, language):
    """All pages of a language at once: a server of files cannot answer `?after=`."""
    return JsonResponse(api.all_pages(language), json_dumps_params={"ensure_ascii": False})


def no_changes_of_the_api(request):
    """A partner that waits for news must not think that there are none."""
    said = {"title": "Not in this copy", "status": 404, "detail": f"Ask {settings.PUBLIC_ADDRESS}/api/v1/changes."}
    return JsonResponse(said, status=404, content_type="application/problem+json")
