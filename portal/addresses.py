"""The parts of a public address: how a language and a slug stand in it."""

import re
import unicodedata
from functools import lru_cache

from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, reverse

from portal import languages


class LanguageConverter:
    """An offered language, exactly as it is declared. Other spellings are redirected before routing."""

    regex = "[a-z]{2,3}(?:-[a-z0-9]+)*"

    def to_python(self, value: str) -> str:
        if value not in languages.LANGUAGES or not languages.get(value).offered:
            raise ValueError
        return value

    def to_url(self, value: str) -> str:
        return str(value)


class SlugConverter:
    """The last part of an address in any script. The lookup decides whether it exists."""

    regex = r"[^/]{1,200}"

    def to_python(self, value: str) -> str:
        if "\x00" in value:
            raise ValueError  # PostgreSQL cannot even be asked
        return unicodedata.normalize("NFC", value)

    def to_url(self, value: str) -> str:
        return value


def slug_from(text: str) -> str:
    """Lower case words joined by "-", keeping letters, marks and digits of every script.

    Django's slugify drops combining marks, which spell vowels in Hindi and shorten words in Arabic.
    """
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else "-" for c in text)
    return re.sub("-+", "-", kept).strip("-")[:200]


def is_slug(text: str) -> bool:
    return bool(text) and text == slug_from(text)


def address(view: str, *args: str | int) -> str:
    """The path of a view. A page has forty, most of them the same as on every other page of its language."""
    return _reversed(get_urlconf(), get_script_prefix(), view, args)


@lru_cache(maxsize=5_000)
def _reversed(urlconf, prefix, view, args):
    return reverse(view, urlconf, args)


def site(request) -> dict[str, str]:
    """For templates: `site` before an address makes it absolute."""
    return {"site": settings.PUBLIC_ADDRESS}
