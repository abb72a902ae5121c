"""What a server process looks at once, when it starts."""

import gc
import logging
import threading
from urllib.parse import unquote, urlsplit
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
FIRST_PAGES = "its first pages are being made"
logger = logging.getLogger(__name__)


def start(application) -> None:
    """In a thread of its own. Until it is through, the process says that it is not ready, and answers all the same.

    `application` is Django's, without what counts readers.
    """
    health.preparing.add(FIRST_PAGES)
    threading.Thread(target=_run, args=[application], name="start-up", daemon=True).start()


def _run(application):
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
    """A page of each kind, for nobody: templates and modules are looked for by whoever needs them first, which takes
    half a second. A reader should not be the one, nor the first page after a publish.
    """
    language = languages.SOURCE
    found = [page for kind in labels.KINDS for page in reading.stretch(language, kind, "", 1)]
    addresses = [reverse("public:home", args=[language]), *map(presentation.page_url, found)]
    public = urlsplit(settings.PUBLIC_ADDRESS)
    for address in addresses:
        environ = {
            "PATH_INFO": unquote(address, "latin-1"),
            "HTTP_HOST": public.netloc,
            "wsgi.url_scheme": public.scheme,
        }
        if settings.SECURE_PROXY_SSL_HEADER:
            environ[settings.SECURE_PROXY_SSL_HEADER[0]] = settings.SECURE_PROXY_SSL_HEADER[1]
        setup_testing_defaults(environ)
        application(environ, lambda *said: None).close()


def say_which_pictures_are_missing() -> None:
    """A machine that does not share the folder of the others would show pages with holes in them."""
    newest = list(models.Image.objects.order_by("-pk").values_list("file", flat=True)[:NEWEST])
    if missing := [name for name in newest if not default_storage.exists(name)]:
        logger.error(
            "%s of the newest %s pictures are not in %s. Where several machines serve, MEDIA_DIR has to name one "
            "folder that all of them share; after a restore, bring the pictures back as well.",
            len(missing), len(newest), default_storage.location,
        )  # fmt: skip
