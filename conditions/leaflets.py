"""Leaflets: a page as a tagged PDF. Made once, then a file whose name is the hash of everything that is in it.

WeasyPrint needs Pango and fonts from the system. The portal runs without them; then there are no leaflets.
"""

import hashlib
import io
import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.contrib.staticfiles import finders
from django.utils import timezone
from PIL import ImageFile

from portal import files, languages

logger = logging.getLogger(__name__)

KEPT = timedelta(days=30)  # since somebody last read it
LOOKED_EVERY = timedelta(days=1)

# Making one takes a second of this process. One at a time, and few requests wait: the server's other threads are for
# readers of pages.
WAITING = 2
_making = threading.Lock()
_places = threading.BoundedSemaphore(1 + WAITING)
_trying = threading.Lock()


class Busy(Exception):
    """Too many leaflets wait to be made."""


@cache
def _weasyprint():
    """The library, imported when it is first needed; None where the system's own libraries are missing."""
    try:
        library = import_module("weasyprint")
    except (ImportError, OSError):
        return None
    # WeasyPrint lets Pillow accept halves of pictures, in the whole process: uploads must stay refused (pictures.py).
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return library


def _works() -> bool:
    """Whether it can be imported."""
    with _trying:
        return _tried()


@cache
def _tried() -> bool:
    # In a process of its own: the library takes 20 MB, and a page only wants to know whether to name its leaflet.
    tried = subprocess.run([sys.executable, "-c", "import weasyprint"], capture_output=True, check=False)  # nosec B603
    return tried.returncode == 0


def possible(language: languages.Language) -> bool:
    """Whether readers get leaflets in a language: they are wanted, the library is there, and a font for its script."""
    return settings.LEAFLETS and _can_set(language)


@cache
def _can_set(language: languages.Language) -> bool:
    fc_list = shutil.which("fc-list")
    if not fc_list or not _works():
        return False
    wanted = f":lang={language.code.partition('-')[0]}"
    found = subprocess.run([fc_list, wanted], capture_output=True, check=False)  # nosec B603 # noqa: S603 -- our codes
    return bool(found.stdout)


def missing() -> tuple[list[languages.Language], list[str]]:
    """The offered languages without leaflets on this machine, and the Debian packages that would mend it."""
    without = [language for language in languages.offered() if not _can_set(language)]
    packages = ["fonts-noto-core", "fonts-noto-cjk"] if without else []
    if without and not (_works() and shutil.which("fc-list")):
        packages = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fontconfig", *packages]
    return without, packages


def opened(html: str, base_url: str, own: Mapping[str, Callable[[], bytes]]) -> tuple[str, BinaryIO]:
    """(name, file) of the leaflet with these words; made if it is not there. `own`: the pictures it may show.

    Raises Busy where too many wait.
    """
    css = Path(finders.find("css/leaflet.css")).read_text(encoding="utf-8")
    everything = "\0".join((_weasyprint().__version__, css, base_url, html))
    name = hashlib.sha256(everything.encode()).hexdigest()
    path = _folder() / f"{name}.pdf"
    if file := _there(path):
        return name, file
    if not _places.acquire(blocking=False):
        raise Busy
    try:
        with _making:
            if not (file := _there(path)):
                content = _pdf(html, css, base_url, own)
                try:
                    files.write(path, content, lasting=True)
                except OSError:  # the disk is full: this reader gets it all the same
                    logger.exception("A leaflet could not be kept.")
                file = io.BytesIO(content)
    finally:
        _places.release()
    return name, file


def forget_unread(now: datetime | None = None) -> None:
    """Remove what nobody has read for 30 days. Looks once a day, however often it is asked."""
    now = now or timezone.now()
    looked = _folder() / "looked"
    try:
        if looked.stat().st_mtime > (now - LOOKED_EVERY).timestamp():
            return
    except FileNotFoundError:
        if not _folder().exists():
            return
        looked.touch()
    os.utime(looked, (now.timestamp(), now.timestamp()))
    for file in _folder().iterdir():
        if file.stat().st_mtime < (now - KEPT).timestamp():
            file.unlink(missing_ok=True)


def _folder() -> Path:
    return settings.VAR_DIR / "leaflets"


def _there(path: Path) -> BinaryIO | None:
    """The file, marked as read today; None where it must be made."""
    try:
        os.utime(path)
        return path.open("rb")
    except FileNotFoundError:
        return None


def _pdf(html: str, css: str, base_url: str, own: Mapping[str, Callable[[], bytes]]) -> bytes:
    library, fetcher = _weasyprint(), _fetcher(own)
    styles = library.CSS(string=css, url_fetcher=fetcher)
    document = library.HTML(string=html, base_url=base_url, url_fetcher=fetcher)
    return document.write_pdf(stylesheets=[styles], pdf_variant="pdf/ua-1")


def _fetcher(own: Mapping[str, Callable[[], bytes]]):
    """Hands out the leaflet's own pictures. Anything else is refused: nobody is asked, and no file is opened."""
    urls = import_module("weasyprint.urls")

    class Own(urls.URLFetcher):
        def fetch(self, url, headers=None):
            if url not in own:
                raise ValueError("not a part of this leaflet")
            return urls.URLFetcherResponse(url, own[url]())

    return Own()
