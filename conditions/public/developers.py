"""English pages for those who build a record system or an app."""

from django.shortcuts import render
from django.utils import translation
from django.views.decorators.http import require_safe

from conditions import codes, labels
from conditions.public import views
from conditions.public.infobutton import RESPONSES, SUBTOPICS
from portal import languages
from portal.publishing import reading


@require_safe
def infobutton(request):
    """How to ask by code, with a form that asks. Programmers' words, so English alone."""
    with translation.override(languages.SOURCE):
        known = reading.codes_in(languages.SOURCE, 200)
        examples = {system: (code, title) for system, code, title in reversed(known)}  # the first of each system
        context = {
            "systems": [
                (oid, _name(system), codes.FORMATS.get(system, ("", ""))[1]) for oid, system in codes.OIDS.items()
            ],
            "examples": [
                (_name(system), codes.oid(system), codes.URIS[system], code, title)
                for system, (code, title) in sorted(examples.items())
            ],
            "subtopics": SUBTOPICS.items(),
            "responses": RESPONSES,
            "offered": languages.offered(),
            **views.frame(languages.SOURCE, {languages.SOURCE: request.path}),
        }
        response = render(request, "public/developers_infobutton.html", context)
    response["Content-Language"] = languages.get(languages.SOURCE).tag
    return response


def _name(system):
    return labels.CODE_SYSTEMS.get(system, system.upper())
