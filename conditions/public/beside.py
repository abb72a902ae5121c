"""One page in two languages, part by part: for a clinician and a patient, or a family, that do not share one.

Both sides are the pages readers get, with the same notices, each in its own language's words.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from conditions import labels, leaflets, presentation
from conditions.public import views
from portal import front, languages
from portal.publishing import reading


@dataclass(frozen=True)
class Side:
    """A page as readers of its language see it."""

    language: languages.Language
    context: dict[str, Any]
    mark: str  # keeps the two sides' anchors apart
    gap: str  # "not in this language", in this language

    @property
    def title(self) -> str:
        return self.context["content"].name

    def show(self, template: str, **more) -> str:
        with translation.override(self.language.code):
            shown = render_to_string(template, {**self.context, "beside": True, "side": self.mark, **more})
        return shown if shown.strip() else ""


@front.kept
@require_safe
def beside(request, language, kind, slug, other):
    pages, sides = _both(request, language, kind, slug, other)
    if not sides:
        return pages

    def address(first, second):
        return reverse("public:beside", args=[first, kind, pages[first].slug, second])

    alone = presentation.page_url(pages[other])
    context = {
        "sides": sides,
        "rows": _rows(*sides),
        "others": [
            (languages.get(code), None if code == other else address(language, code))
            for code in pages
            if code != language
        ],
        "swapped": address(other, language),
        "leaflet": reverse("public:beside-leaflet", args=[language, kind, pages[language].slug, other])
        if all(leaflets.possible(side.language) for side in sides)
        else None,
        "kind": kind,
        "plural": labels.PLURALS[kind],
        "noindex": True,
        **views.frame(language, {code: address(code, other) for code in pages} | {other: alone}),
    }
    return render(request, "public/beside.html", context)


@require_safe
def leaflet(request, language, kind, slug, other):
    """The two languages as one PDF, for a consultation without a network or an interpreter."""
    pages, sides = _both(request, language, kind, slug, other, "beside-leaflet")
    if not sides:
        return pages
    if not all(leaflets.possible(side.language) for side in sides):
        return views.no_leaflet(request, pages[language])
    url = reverse("public:beside", args=[language, kind, pages[language].slug, other])
    address = {"address": settings.PUBLIC_ADDRESS + unquote(url)}
    context = {**sides[0].context, **address, "sides": sides, "rows": _rows(*sides)}
    return views.as_leaflet(request, pages[language], "public/leaflet_beside.html", context, url, {})


def _both(request, language, kind, slug, other, view="beside"):
    """({language: page}, the two sides), or (the answer to give instead, None)."""
    found = views.find_page(request, kind, language, slug, view, other)
    if not isinstance(found, reading.Page):
        return found, None
    if other == language:
        return HttpResponseRedirect(reverse("public:page", args=[language, kind, slug])), None
    published = reading.published(found, words=True)
    pages = {page.language: page for page in published.elsewhere}
    if other not in pages:
        # The page's own address says in words that it is not there yet, or not any more.
        return HttpResponseRedirect(reverse("public:page", args=[other, kind, found.key])), None
    return pages, (_side(published, "a-"), _side(reading.published(pages[other]), "b-"))


def _side(published, mark):
    language = languages.get(published.edition.language)
    with translation.override(language.code):
        return Side(language, views.shown(published), mark, _("Not in this language yet"))


def _rows(left: Side, right: Side):
    """Pairs of cells: the same part on the same row, and an empty cell where a side does not have it."""
    pairs = [
        ("components/notices.html", [{"": {}}, {"": {}}]),
        ("components/beside_head.html", [{"": {}}, {"": {}}]),
        ("components/help_card.html", [_cards(left), _cards(right)]),
        ("components/beside_fact.html", [_facts(left), _facts(right)]),
        ("components/beside_part.html", [_parts(left), _parts(right)]),
        ("components/beside_about.html", [{"": {}}, {"": {}}]),
    ]
    rows = []
    for template, both in pairs:
        for key in dict.fromkeys([*both[0], *both[1]]):
            cells = [
                (side, side.show(template, **own[key]) if key in own else "")
                for side, own in zip((left, right), both, strict=True)
            ]
            if any(html for _side, html in cells):
                rows.append(cells)
    return rows


def _cards(side):
    return {
        card.key: {"urgency": urgency, "heading": heading, "card": card, "language": language}
        for urgency, heading, card, language in side.context["help_cards"]
    }


def _facts(side):
    kinds = [fact.kind for fact in side.context["content"].facts]
    facts = zip(kinds, side.context["facts"], strict=True)
    return {kind: {"label": label, "value": value, "moved": moved} for kind, (label, value, _cited, moved) in facts}


def _parts(side):
    return {part.key: {"part": part} for part in side.context["parts"]}
