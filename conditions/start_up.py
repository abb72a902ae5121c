"""What a server process looks at once, when it starts."""

import logging
import threading

from django.core.files.storage import default_storage
from django.db import DatabaseError, connection

from conditions import models

NEWEST = 50  # pictures
logger = logging.getLogger(__name__)


def start() -> None:
    """Look, in a thread of its own: nobody waits for it."""
    threading.Thread(target=_run, name="start-up", daemon=True).start()


def _run():
    try:
        say_which_pictures_are_missing()
    except DatabaseError:  # it is away; the log says so already
        logger.debug("The pictures could not be looked for.", exc_info=True)
    finally:
        connection.close()


def say_which_pictures_are_missing() -> None:
    """A machine that does not share the folder of the others would show pages with holes in them."""
    newest = list(models.Image.objects.order_by("-pk").values_list("file", flat=True)[:NEWEST])
    if missing := [name for name in newest if not default_storage.exists(name)]:
        logger.error(
            "%s of the newest %s pictures are not in %s. Where several machines serve, MEDIA_DIR has to name one "
            "folder that all of them share; after a restore, bring the pictures back as well.",
            len(missing), len(newest), default_storage.location,
        )  # fmt: skip
