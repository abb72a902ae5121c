"""Previews that somebody shared: unpublished words at an address that expires, for people without an account.

It reads changes, which the gate keeps, and no table of the working copy.
"""

from django.core import signing
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import override
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from conditions import presentation
from conditions.content import TopicContent
from portal import languages
from portal.publishing import reading, sharing
from portal.publishing.models import Change


@require_safe
@never_cache
def shared(request, token, language):
    """Exactly the words of the day it was shared, as readers will see them. Expired or forged: 404, with words."""
    try:
        changes, expires = sharing.read(token)
    except signing.BadSignature:
        with override(language):
            context = {"noindex": True, "language": languages.get(language)}
            return render(request, "public/preview_over.html", context, status=404)
    if language not in changes:
        raise Http404
    manuscript = get_object_or_404(Change, pk=changes[language]).manuscript
    page = reading.Page.objects.filter(
        kind=manuscript.kind, key=manuscript.key, language=language, withdrawn_at=None
    ).first()
    with override(language):
        context = {
            **show(manuscript),
            "is_public": bool(page and page.edition.digest == manuscript.digest),
            "expires": expires,
            "language": languages.get(language),
            "noindex": True,
            "preview_languages": [
                (languages.get(code), reverse("shared-preview", args=[token, code])) for code in changes
            ],
        }
        response = render(request, "public/preview.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response


def show(manuscript) -> dict:
    """What the public template needs to show these words, published or not."""
    content = TopicContent.from_json(manuscript.content)
    linked = reading.linked(content.links(), manuscript.language)
    return presentation.show(content, kind=manuscript.kind, names={}, linked=linked)
