"""The portal's settings and addresses, with views that fail in every way there is. For servers of the tests."""

import logging
import threading
import time

from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from portal.settings import *  # noqa: F403 -- these are settings
from portal.settings import STORAGES as _STORAGES

ROOT_URLCONF = "tests.operating.failing"
# Styles straight from the folder, with DEBUG off: nothing was collected.
STORAGES = {**_STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}

handler400 = "conditions.public.views.bad_request"
handler403 = "conditions.public.views.forbidden"
handler404 = "conditions.public.views.not_found"
handler500 = "conditions.public.views.server_error"


@csrf_exempt
def fail(request, illness, **kwargs):
    said = f"{illness} {request.META.get('HTTP_COOKIE')} {request.headers.get('Referer')} {request.POST.get('words')}"
    try:
        raise KeyError(said)
    except KeyError as error:
        error.add_note(said)
        raise ValueError(f"{said} {request.META['QUERY_STRING']}") from error


def statement(request, illness):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere WHERE illness = %s", [illness])


def library(request, illness):
    """What a library tells, in a thread of its own as well."""
    logging.getLogger("a.library").warning("%s is read by %s", request.path, request.headers.get("User-Agent"))
    logging.getLogger("a.library").error(f"{illness} is read")
    logging.getLogger("portal.something").warning("Words: %s, %r.", illness, ValueError(illness))
    threading.Thread(target=lambda: {}[illness]).start()
    return HttpResponse(f"{illness}\n")


def half(request, illness):
    """Fails when it has begun to be sent."""

    def words():
        for _ in range(34 if "large" in request.GET else 1):
            yield b"so far, " * 131_072
        raise ValueError(illness)

    return StreamingHttpResponse(words())


def slow(request, illness):
    time.sleep(1)
    return HttpResponse(f"{illness}\n" * 200_000)


def _urls():
    from portal import urls  # noqa: PLC0415 -- this module is the settings as well, and those come first

    return [
        path("en/conditions/<str:illness>/fail/", fail),
        path("ar/conditions/<str:illness>/fail/", fail),
        path("api/v1/fail/<str:illness>", fail),
        path("fhir/fail/<str:illness>", fail),
        path("en/conditions/<str:illness>/statement/", statement),
        path("en/conditions/<str:illness>/library/", library),
        path("en/conditions/<str:illness>/half/", half),
        path("en/conditions/<str:illness>/slow/", slow),
        *urls.urlpatterns,
    ]


def __getattr__(name):
    if name == "urlpatterns":
        return _urls()
    raise AttributeError(name)
