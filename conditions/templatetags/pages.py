"""Dates as the reader's language writes them. Django has no month names for some of our languages; CLDR has."""

from babel.core import Locale
from babel.dates import format_date
from django import template
from django.utils import timezone
from django.utils.translation import get_language

from portal import languages

register = template.Library()


@register.filter
def long_date(value):
    """23 November 2026, 2026年11月23日, in the active language."""
    if value is None:
        return ""
    if hasattr(value, "tzinfo"):
        value = timezone.localtime(value).date()
    language = languages.LANGUAGES.get(get_language() or "", languages.get(languages.SOURCE))
    return format_date(value, "long", locale=Locale.parse(language.cldr, sep="-"))


@register.filter
def tag(code):
    """The BCP 47 form of a language code, for `lang`."""
    return languages.get(code).tag if code in languages.LANGUAGES else code
