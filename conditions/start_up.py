"""What a server process looks at once, when it starts."""

import gc
import logging
import threading
import time
from urllib.parse import unquote, urlencode, urlsplit
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import DatabaseError, connection
from django.urls import reverse

from conditions import labels, models, presentation
from portal import languages
from portal.operating import health
from portal.publishing import reading

NEWEST = 50  # pictures
PAUSE = 1  # seconds: whoever asks as soon as the server is there goes first
FIRST_PAGES = "its first pages are being made"
logger = logging.getLogger(__name__)


def start(application) -> None:
    """In a thread of its own. Until it is through, the process says that it is not ready, and answers all the same.

    `application` is Django's, without what counts readers.
    """
    health.preparing.add(FIRST_PAGES)
    threading.Thread(target=_run, args=[application], name="start-up", daemon=True).start()


def _run(application):
    time.sleep(PAUSE)
    try:
        make_first_pages(application)
        say_which_pictures_are_missing()
        # What is there by now stays. To look through all of it for what may go would hold every reader up for 70 ms,
        # every few seconds.
        gc.collect()
        gc.freeze()
    except DatabaseError:  # it is away; the log says so already
        logger.debug("Nothing could be looked for.", exc_info=True)
    except Exception:  # readers would see it as well, but this must keep nobody from being sent here
        logger.exception("The first pages could not be made.")
    finally:
        health.preparing.discard(FIRST_PAGES)
        connection.close()


def make_first_pages(application) -> None:
    """A page of each kind and each language, for nobody: templates, words and modules are looked for by whoever needs
    them first, which takes half a second. A reader should not be the one, nor the first page after a publish.
    """
    public = urlsplit(settings.PUBLIC_ADDRESS)
    for address, query in _first_addresses():
        environ = {"PATH_INFO": unquote(address, "latin-1"), "QUERY_STRING": query}
        environ |= {"HTTP_HOST": public.netloc, "wsgi.url_scheme": public.scheme}
        if settings.SECURE_PROXY_SSL_HEADER:
            environ[settings.SECURE_PROXY_SSL_HEADER[0]] = settings.SECURE_PROXY_SSL_HEADER[1]
        setup_testing_defaults(environ)
        application(environ, lambda *said: None).close()


def _first_addresses():
    """(path, query); the source language last: its pages are the longest to make, and everything is there by then."""
    for language in sorted(languages.offered(), key=lambda one: one.is_source):
        yield reverse("public:home", args=[language.code]), ""
        for kind in labels.KINDS if language.is_source else ("condition",):
            for page in reading.stretch(language.code, kind, "", 1):
                yield presentation.page_url(page), ""
                yield reverse("public:search", args=[language.code]), urlencode({"q": page.title})


def say_which_pictures_are_missing() -> None:
    """A machine that does not share the folder of the others would show pages with holes in them."""
    newest = list(models.Image.objects.order_by("-pk").values_list("file", flat=True)[:NEWEST])
    if missing := [name for name in newest if not default_storage.exists(name)]:
        logger.error(
            "%s of the newest %s pictures are not in %s. Where several machines serve, MEDIA_DIR has to name one "
            "folder that all of them share; after a restore, bring the pictures back as well.",
            len(missing), len(newest), default_storage.location,
        )  # fmt: skip
