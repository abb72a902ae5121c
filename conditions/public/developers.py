"""English pages for those who build a record system or an app."""

from django.conf import settings
from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from conditions import codes, labels
from conditions.public import views
from conditions.public.infobutton import RESPONSES, SUBTOPICS
from portal import languages
from portal.publishing import reading


@require_safe
def index(request):
    """What other programs can have from here, and the promise that goes with it."""
    return _render(request, "public/developers.html", licence=settings.CONTENT_LICENCE, site=settings.PUBLIC_ADDRESS)


@require_safe
def infobutton(request):
    """How to ask by code, with a form that asks."""
    known = reading.codes_in(languages.SOURCE, 200)
    examples = {system: (code, title) for system, code, title in reversed(known)}  # the first of each system
    return _render(
        request,
        "public/developers_infobutton.html",
        systems=[(oid, _name(system), codes.FORMATS.get(system, ("", ""))[1]) for oid, system in codes.OIDS.items()],
        examples=[
            (_name(system), codes.oid(system), codes.URIS[system], code, title)
            for system, (code, title) in sorted(examples.items())
        ],
        subtopics=SUBTOPICS.items(),
        responses=RESPONSES,
        offered=languages.offered(),
    )


def _render(request, template, **context):
    """Programmers' words, so in the source language alone, whatever the browser asks for."""
    with translation.override(languages.SOURCE):
        frame = views.frame(languages.SOURCE, {languages.SOURCE: request.path})
        response = render(request, template, {**frame, **context})
    response["Content-Language"] = languages.get(languages.SOURCE).tag
    return response


def _name(system):
    return labels.CODE_SYSTEMS.get(system, system.upper())
