"""Dates as the reader's language writes them. Django has no month names for some of our languages; CLDR has."""

from babel.core import Locale
from babel.dates import format_date, format_time
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
def moment(value):
    """23 Nov 2026, 2:02 PM, in the active language and the installation's time zone."""
    if value is None:
        return ""
    language = languages.LANGUAGES.get(get_language() or "", languages.get(languages.SOURCE))
    value, locale = timezone.localtime(value), Locale.parse(language.cldr, sep="-")
    return f"{format_date(value, 'medium', locale=locale)}, {format_time(value, 'short', locale=locale)}"


@register.filter
def recall_name(opts):
    """The name of a model's recall report among the desk's addresses."""
    return f"admin:{opts.app_label}_{opts.model_name}_recall"


@register.filter
def tag(code):
    """The BCP 47 form of a language code, for `lang`."""
    return languages.get(code).tag if code in languages.LANGUAGES else code
