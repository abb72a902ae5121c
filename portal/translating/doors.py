"""A language that somebody may not work in: told on a page of the desk, with its name and a way back."""

from functools import wraps

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import render
from django.utils.translation import gettext as _

from portal.languages import Language


class Closed(PermissionDenied):
    def __init__(self, language: Language, status: int = 403):
        super().__init__()
        self.language, self.status = language, status


def told(view):
    """Around a view of the desk whose door may be Closed."""

    @wraps(view)
    def answer(request, *args, **kwargs):
        try:
            return view(request, *args, **kwargs)
        except Closed as closed:
            name = _(closed.language.english)
            context = {
                **admin.site.each_context(request),
                "title": _("You may not work in {language}").format(language=name),
                "name": name,
                "planned": closed.language.state == "planned",
            }
            return render(request, "admin/languages/closed.html", context, status=closed.status)

    return answer
