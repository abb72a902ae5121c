"""Dates as the reader's language writes them, and the rows that a long page has hundreds of.

Django has no month names for some of our languages; CLDR has. Rows are put together here, because a template takes
five times as long for each of them.
"""

import datetime as dt
from functools import lru_cache
from html import escape

from babel.core import Locale
from babel.dates import format_date, format_time
from django import template
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import get_language, gettext

from portal import addresses, languages

register = template.Library()


@register.filter
def long_date(value):
    """23 November 2026, 2026年11月23日, in the active language."""
    if value is None:
        return ""
    if hasattr(value, "tzinfo"):
        value = timezone.localtime(value).date()
    language = languages.LANGUAGES.get(get_language() or "", languages.get(languages.SOURCE))
    return _long_date(value, language.cldr)


@lru_cache(maxsize=2_000)
def _long_date(day: dt.date, cldr: str) -> str:
    return format_date(day, "long", locale=Locale.parse(cldr, sep="-"))


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


@register.simple_tag
def address(view, *args):
    """As `url`, from memory."""
    return addresses.address(view, *args)


@register.filter
def source_links(numbers):
    """The sources that a part rests on, by number."""
    between = '<span aria-hidden="true"> · </span>'
    return _rows(between.join(f'<a href="#source-{number:d}">{number:d}</a>' for number in numbers))


@register.filter
def source_marks(numbers):
    """The same behind a fact."""
    said = escape(gettext("Source")) if numbers else ""
    mark = ' <a class="source-mark" href="#source-{0:d}"><span class="visually-hidden">{1} </span>{0:d}</a>'
    return _rows("".join(mark.format(number, said) for number in numbers))


@register.filter
def source_rows(sources):
    """List items of sources: (presentation's source, the day it was looked at)."""
    rows, on = [], gettext("Accessed on %(date)s.")
    for number, (source, day) in enumerate(sources, 1):
        accessed = f" {escape(on % {'date': long_date(day)})}" if day else ""
        rows.append(
            f'<li id="source-{number}"><bdi lang="{escape(source.language)}">{_source(source)}</bdi>{accessed}</li>'
        )
    return _rows("\n  ".join(rows))


def _source(source):
    title = f"<cite>{escape(source.title)}</cite>"
    if source.address:
        title = f'<a href="{escape(source.address)}" rel="noreferrer">{escape(source.title)}</a>'
    publisher = f". {escape(source.publisher)}" if source.publisher else ""
    year = f", {source.year:d}" if source.year else ""
    return f"{title}{publisher}{year}."


@register.filter
def alternates(choices, site):
    """For a page's head: its address in every language that has it, and which of them this is."""
    lines = []
    for choice in choices:
        if choice.exists:
            url = escape(f"{site}{choice.url}")
            lines.append(f'<link rel="alternate" hreflang="{choice.language.tag}" href="{url}">')
            if choice.language.is_source:
                lines.append(f'<link rel="alternate" hreflang="x-default" href="{url}">')
            if choice.current:
                lines += [f'<link rel="canonical" href="{url}">', f'<meta property="og:url" content="{url}">']
    return _rows("\n  ".join(lines))


@register.filter
def language_rows(choices):
    """List items that lead to the page in each language, or to where it is said that there is none."""
    rows, not_yet = [], gettext("(not yet)")
    missing = f'<span class="not-yet-note"> {escape(not_yet)}</span>'
    for choice in choices:
        tag, name = choice.language.tag, escape(choice.language.name)
        own = f'lang="{tag}" dir="{choice.language.direction}"'
        if choice.current and choice.exists:
            rows.append(f'<li><span aria-current="true" {own}>{name}</span></li>')
            continue
        link = f'<a href="{escape(choice.url)}" hreflang="{tag}" {own}'
        rows.append(
            f"<li>{link}>{name}</a></li>" if choice.exists else f'<li>{link} class="not-yet">{name}</a>{missing}</li>'
        )
    return _rows("\n    ".join(rows))


@register.filter
def named(members):
    """List items of objects as a page names them (presentation.Named)."""
    return _rows("".join(f"<li>{_named(one)}{_note(one)}</li>\n  " for one in members))


def _named(one):
    if one.url:
        return f'<a href="{escape(one.url)}">{escape(one.name)}</a>'
    return f'<span class="named-plain">{escape(one.name)}</span>'


def _note(one):
    return f'<span class="note">{escape(one.note)}</span>' if one.note else ""


_PERSON = "M12 2a5 5 0 1 1 0 10a5 5 0 0 1 0-10M5 15h14v13h-3v10h-8v-10h-3z"
_FILLED = {
    "full": 'fill="currentColor"',
    "half": 'fill="none" stroke-dasharray="3 2"',
    "none": 'fill="none"',
}


@register.filter
def of_ten(figures):
    """A frequency as ten people in a row: (where each stands, how it is filled)."""
    drawn = (
        f'<path transform="translate({place:d} 0)" d="{_PERSON}" stroke="currentColor" stroke-width="1.5" '
        f"{_FILLED[how]}/>"
        for place, how in figures
    )
    size = 'viewBox="0 0 240 40" width="180" height="30"'
    return _rows(f'<svg class="of-ten" {size} aria-hidden="true" focusable="false">{"".join(drawn)}</svg>')


def _rows(html):
    return mark_safe(html)  # nosec B308, B703 # each word in it went through escape(), or is a number
