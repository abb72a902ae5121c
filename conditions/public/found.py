"""Sitemaps, feeds and short addresses: how search engines, feed readers and citations come to the pages."""

import datetime as dt

from django.conf import settings
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from conditions import labels, presentation
from conditions.public.structured_data import absolute
from portal import front, languages
from portal.publishing import reading
from portal.publishing.reading import News

URLS = 5_000  # in one file; the protocol allows 50,000 and 50 MB, and every address comes with its alternates
ENTRIES = 50


@require_safe
def robots(request):
    lines = ["User-agent: *", "Disallow: /admin/", "Disallow: /preview/", f"Sitemap: {absolute('/sitemap.xml')}", ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
def sitemaps(request):
    """The list of sitemaps: one or more for each offered language."""
    files = []
    for language in languages.offered():
        count = count_of_sitemaps(language.code)
        files += [absolute(reverse("sitemap", args=[language.code, number])) for number in range(1, count + 1)]
    return _xml(request, "public/sitemaps.xml", {"files": files})


def count_of_sitemaps(language: str) -> int:
    return max(1, -(-sum(reading.counts(language).values()) // URLS))


@require_safe
def sitemap(request, language, number):
    """The pages of a language, each with every language it has, itself included."""
    pages = reading.for_sitemap(language, (number - 1) * URLS, URLS)
    if number < 1 or (number > 1 and not pages):
        raise Http404
    rows = []
    if number == 1:
        views = [("public:home", ()), ("public:about", ()), ("public:browse", ())]
        views += [("public:list", (kind,)) for kind in labels.MEDICAL_KINDS]
        for view, args in views:
            others = {each: reverse(view, args=[each.code, *args]) for each in languages.offered()}
            rows.append(_row(languages.get(language), others, None))
    for page, changed_at, everywhere in pages:
        others = {languages.get(other.language): presentation.page_url(other) for other in everywhere}
        rows.append(_row(languages.get(page.language), others, changed_at))
    return _xml(request, "public/sitemap.xml", {"rows": rows})


def _row(language, others, changed_at):
    alternates = [(other.tag, absolute(url)) for other, url in others.items()]
    if source := others.get(languages.get(languages.SOURCE)):
        alternates.append(("x-default", absolute(source)))
    return absolute(others[language]), changed_at, alternates


def _xml(request, template, context):
    return render(request, template, context, content_type="application/xml; charset=utf-8")


@require_safe
def short(request, language, key):
    """The shortest address of a page, for citing: by its key, which never changes."""
    page = reading.by_key(key, language)
    if page is None:
        raise Http404
    # Where this language has no page (any more), the page's own address says so in words.
    slug = page.slug if page.language == language else page.key
    return HttpResponseRedirect(reverse("public:page", args=[language, page.kind, slug]))


@front.kept
@require_safe
def changes(request, language):
    """New, changed, withdrawn and restored pages of a language, newest first."""
    news = reading.news(language, ENTRIES)
    warned = reading.warned([one.page for one in news], language)
    entries = [_entry(one, format_html("{}", _what_happened(one, warned)), language) for one in news]
    return _feed(request, language, "public:changes", _("Changes: patient information"), entries)


@front.kept
@require_safe
def safety(request, language):
    """What was changed because the earlier words may harm, and what was withdrawn."""
    entries = []
    for one in reading.safety_news(language, ENTRIES):
        said = format_html("{}", _what_happened(one, set()))
        if one.unfollowed:
            # The source's own words under their own language, until this one has them.
            source, warning = languages.get(languages.SOURCE), _("Safety warning, not yet translated")
            told = '<p>{}</p><p lang="{}" dir="{}">{}</p>'
            said = format_html(told, warning, source.tag, source.direction, one.note)
        entries.append(_entry(one, said, language))
    return _feed(request, language, "public:safety", _("Safety warnings: patient information"), entries)


def _what_happened(one: News, warned) -> str:
    if one.withdrawn:
        return " ".join(filter(None, [_("This page was withdrawn."), one.note]))
    if one.page.key in warned:
        return _("Safety warning, not yet translated")
    return one.note or one.summary


def _entry(one: News, said: str, language: str):
    """`said` is HTML: so the feed calls it."""
    page = one.page
    return {
        "title": one.title,
        "link": absolute(presentation.page_url(page)),
        # Stays the same when the page's address or words change.
        "unique_id": f"{settings.PUBLIC_ADDRESS}/p/{page.language}/{page.key}/#{one.number}",
        "description": said,
        "updateddate": one.at,
        "lang": languages.get(language).tag,
    }


class _Feed(Atom1Feed):
    """Django says the language of the feed only; feeds are cut into entries and mixed."""

    def item_attributes(self, item):
        return {"xml:lang": item["lang"]}

    def latest_post_date(self):
        """Django says "now" of an empty feed, and a reader that asks for news would get some each time."""
        return super().latest_post_date() if self.items else dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _feed(request, language, view, title, entries):
    here, home = reverse(view, args=[language]), reverse("public:home", args=[language])
    feed = _Feed(
        title=title,
        link=absolute(home),
        description="",
        language=languages.get(language).tag,
        feed_url=absolute(here),
        feed_guid=absolute(here),
        author_name=_("Patient information"),
    )
    for entry in entries:
        feed.add_item(**entry)
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")
