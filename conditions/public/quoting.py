"""A page as other programs quote it: what a reader must know before believing it, and its summary.

As XHTML that stands alone: no class, no script, no picture, whole addresses, the language on every part. So a record
system can show it as it is, and FHIR takes it as a narrative.
"""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from lxml import etree, html

from conditions.public import views
from portal import languages
from portal.publishing import reading
from portal.publishing.reading import Edition, Page, Published

# HTML 4 knows no others, and FHIR's narratives hold nothing newer.
_RENAMED = {"section": "div", "article": "div", "bdi": "span", "cite": "em"}
_ATTRIBUTES = {"lang", "dir", "href"}
_blank = re.compile(r"[ \n\t]+")  # of our templates; French words have others that hold them together


@dataclass(frozen=True)
class Quoted:
    """One page in its own language, with the context its readers' template gets."""

    published: Published
    language: languages.Language
    context: dict[str, Any]

    @property
    def page(self) -> Page:
        return self.published.page

    @property
    def elsewhere(self) -> list[Page]:
        """The live pages of the same object in the order of the languages, this one included."""
        pages = {page.language: page for page in self.published.elsewhere}
        return [pages[language.code] for language in languages.offered() if language.code in pages]

    @property
    def summary(self) -> str:
        """The page's summary, or nothing while it must not be summed up in these words."""
        return "" if self.published.safety or self.context["summary_moved"] else self.context["content"].summary

    @property
    def changed_at(self) -> dt.datetime:
        """When what readers see here last changed: words, a signature, or the original, which may put a notice here."""
        moments = [self.published.edition.published_at]
        moments += [signed.at for signed in (self.context["clinical"], self.context["language_review"]) if signed]
        return max(moments + [self.published.moved_at] * bool(self.published.moved_at))

    def show(self, template: str, **more) -> str:
        """A template of the page in the page's language, as XHTML; "" where it shows nothing."""
        with translation.override(self.language.code):
            return as_xhtml(render_to_string(template, {**self.context, "beside": True, **more}))

    def in_short(self, notes: Iterable[tuple[languages.Language, str]] = ()) -> str:
        """Notes of whoever quotes it (each in its language), then the notices, then the summary."""
        return self.show("components/quoted.html", summary=self.summary, notes=notes)

    def plainly(self) -> str:
        """What `in_short` says, as one line without any mark."""
        apart = self.in_short().replace("><", "> <")
        return _blank.sub(" ", html.fragment_fromstring(apart, create_parent="div").text_content()).strip()

    def in_short_here(self, notes: Iterable[tuple[languages.Language, str]] = ()) -> str:
        """What `in_short` says, for a page of ours and with our styles."""
        mark = f"{self.page.key}-"  # keeps the anchors of several pages apart
        with translation.override(self.language.code):
            more = {"summary": self.summary, "notes": notes, "side": mark}
            return render_to_string("components/quoted.html", {**self.context, **more})

    def notices(self) -> str:
        """Of an earlier edition first that it is one."""
        earlier = "" if self.context["is_current"] else self.show("components/archived.html")
        return earlier + self.show("components/notices.html")


def quoted(page: Page, edition: Edition | None = None) -> Quoted:
    """The page, or an earlier edition of it. At most four queries."""
    language, published = languages.get(page.language), reading.published(page, edition)
    archived = published.edition.pk != page.edition_id or bool(page.withdrawn_at)
    with translation.override(language.code):
        return Quoted(published, language, views.shown(published, archived))


def moment(at: dt.datetime) -> str:
    """As Atom and FHIR write it, in UTC to the second."""
    return at.astimezone(dt.UTC).isoformat(timespec="seconds")


def for_all(response: HttpResponse, spoken: Iterable[languages.Language]) -> HttpResponse:
    """An answer for other people's programs: any web page may read it, and no search engine lists it."""
    response["Content-Language"] = ", ".join(dict.fromkeys(language.tag for language in spoken))
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["X-Robots-Tag"] = "noindex"
    return response


def as_xhtml(shown: str) -> str:
    """HTML of ours as XHTML that stands alone, without an element around it."""
    if not shown.strip():
        return ""
    whole = html.fragment_fromstring(shown, create_parent="div")
    for element in list(whole.iter()):
        if element is whole:
            continue
        if not isinstance(element.tag, str):
            element.drop_tree()  # a comment
        elif element.tag == "svg":
            element.drop_tree()  # a frequency as a picture; its words stand beside it
        else:
            element.tag = _RENAMED.get(element.tag, element.tag)
            for name in set(element.attrib) - _ATTRIBUTES:
                del element.attrib[name]
            if element.get("href", "").startswith("/"):
                element.set("href", settings.PUBLIC_ADDRESS + element.get("href"))
    said = etree.tostring(whole, encoding="unicode", method="xml")
    return _blank.sub(" ", said.removeprefix("<div>").removesuffix("</div>")).strip()
