"""Record systems ask here by a code: HL7 Context-Aware Knowledge Retrieval ("Infobutton"), URL-based.

Read in the HL7 Version 3 URL-Based Implementation Guide, Release 4 (2014), and the Service-Oriented Architecture
Implementation Guide, Release 1 (2013). What a request says of a patient is not read, not echoed and not kept.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.html import escape, format_html, format_html_join, strip_tags
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods
from lxml import etree

from conditions import codes, presentation
from conditions.public import views
from conditions.public.quoting import Quoted, for_all, moment, quoted
from conditions.public.structured_data import absolute
from portal import languages
from portal.listening import protection
from portal.publishing import reading, search
from portal.publishing.reading import Page

MOST_CRITERIA = 10
MOST_ENTRIES = 10
RESPONSES = ("text/xml", "application/json", "application/javascript", "text/html")
RECIPIENTS = ("PAT", "PROV", "PAYOR")
# What a question is about: a MeSH qualifier, its name, and the sections that answer it.
SUBTOPICS = {
    "Q000628": ("therapy", ("treatment_intro", "treatments", "self_care")),
    "Q000175": ("diagnosis", ("diagnosis",)),
    "Q000209": ("etiology", ("causes",)),
    "Q000009": ("adverse effects", ("side_effects",)),
    "Q000517": ("prevention & control", ("prevention",)),
}
_CRITERION = re.compile(r"mainSearchCriteria\.[vc]\.(?:csn|cs|c|dn|ot)([1-9][0-9]{0,3})?")
_CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,99}(\.[A-Za-z_$][A-Za-z0-9_$]{0,99}){0,4}")


class Misasked(Exception):
    """The request cannot be answered: which parameter is wrong, and why, for whoever programs the asking system."""

    def __init__(self, parameter: str, why: str):
        super().__init__(f"{parameter}: {why}")
        self.parameter, self.why = parameter, why


@dataclass(frozen=True)
class Criterion:
    """What is asked for: a code, or words alone."""

    code: str = ""
    oid: str = ""
    name: str = ""  # the code's display name
    original: str = ""  # what somebody typed

    @property
    def words(self) -> str:
        return self.name or self.original

    def echoed(self, beginning: str) -> list[tuple[str, str]]:
        parts = (("c", self.code), ("cs", self.oid), ("dn", self.name), ("ot", self.original))
        return [(f"{beginning}.v.{part}", said) for part, said in parts if said]


@dataclass(frozen=True)
class Asked:
    """One request, as far as it is read."""

    criteria: tuple[Criterion, ...]
    subtopic: Criterion
    languages: tuple[str, ...]  # offered ones, in the order they are wanted; the source language is always the last
    wanted: str | None  # the one asked for, where we offer it
    context: tuple[tuple[str, str], ...]  # who the answer is for and who asks, as it was said

    def query(self, **more: str) -> str:
        """The same question in one spelling. Patients, places and encounters are not in it."""
        said = []
        for place, criterion in enumerate(self.criteria):
            said += [(f"{name}{place or ''}", value) for name, value in criterion.echoed("mainSearchCriteria")]
        said += [*self.subtopic.echoed("subTopic"), *self.context]
        return urlencode({**dict(said), **more}, quote_via=quote)

    @property
    def categories(self) -> list[tuple[str, str]]:
        # The guide's closed list knows the first criterion only, and writes this one without its ".c".
        renamed = {"performer.languageCode.c": "performer.languageCode"}
        said = [*self.criteria[0].echoed("mainSearchCriteria"), *self.subtopic.echoed("subTopic")]
        return said + [(renamed.get(name, name), value) for name, value in self.context]


@dataclass(frozen=True)
class Match:
    """A page that answers, and how well."""

    page: Page
    relevance: float  # 0 to 1
    code: Criterion | None = None  # the code that this page carries: the one asked for, or one above it
    corrected: tuple[str, str] | None = None  # (the words asked, those that were looked for instead)


@dataclass(frozen=True)
class Entry:
    """A page in the answer."""

    match: Match
    quoted: Quoted
    title: str
    section: str  # the key of the part that was asked for; "": the whole page
    notes: tuple[tuple[languages.Language, str], ...]

    @property
    def language(self) -> languages.Language:
        return self.quoted.language

    @property
    def anchor(self) -> str:
        return f"#{self.section}" if self.section else ""

    @property
    def id(self) -> str:
        """The same for ever: by the page's key, not by its address or edition."""
        page = self.quoted.page
        return absolute(reverse("short", args=[page.language, page.key])) + self.anchor

    @property
    def url(self) -> str:
        return presentation.page_url(self.quoted.page) + self.anchor

    @property
    def shown(self) -> str:
        return self.quoted.in_short_here(self.notes)

    @property
    def links(self) -> list[dict[str, str]]:
        """The page first, then the same in its other languages."""
        others = [page for page in self.quoted.elsewhere if page.pk != self.quoted.page.pk]
        titles = [(self.quoted.page, self.title), *((other, other.title) for other in others)]
        return [_link("alternate", _url(page) + self.anchor, "text/html", page.language, said) for page, said in titles]

    @property
    def categories(self) -> list[tuple[str, str]]:
        said = self.match.code.echoed("mainSearchCriteria") if self.match.code else []
        language = ("informationRecipient.languageCode.c", self.language.tag)
        return [*said, ("informationRecipient", "PAT"), language, ("relevanceScore", f"{self.match.relevance:g}")]


# No cookie says who asks, so a request made up by another site gains nothing but what it could ask itself.
@csrf_exempt
@never_cache  # its address may say who is ill; no cache between us and the asking system keeps it
@require_http_methods(["GET", "HEAD", "POST"])
def infobutton(request):
    if wait := protection.by_code(request):
        said = f"These are more questions than one address may ask. Wait {wait} seconds.\n"
        return HttpResponse(said, status=429, content_type="text/plain", headers={"Retry-After": wait})
    given = request.POST if request.method == "POST" else request.GET
    accepts_html = "text/html" in request.headers.get("Accept", "")
    response_type = "text/html" if accepts_html else "text/xml"
    try:
        response_type = _response_type(given, response_type)
        asked = read(given, request.headers.get("Accept-Language", ""))
    except Misasked as problem:
        response = _refused(request, given, response_type, problem)
    else:
        response = _answered(request, given, response_type, asked)
    patch_vary_headers(response, ["Accept"])
    return response


# Reading the question


def read(given: Mapping[str, str], accept_language: str) -> Asked:
    """What is asked for. Raises Misasked."""
    numbers = {int(found[1] or 0) for name in given if (found := _CRITERION.fullmatch(name))}
    if len(numbers) > MOST_CRITERIA:
        raise Misasked("mainSearchCriteria", f"at most {MOST_CRITERIA} can be asked for at once.")
    criteria = []
    for number in sorted(numbers):
        criterion = _criterion(given, "mainSearchCriteria", str(number or ""))
        if criterion.code and not criterion.oid:
            raise Misasked(
                f"mainSearchCriteria.v.cs{number or ''}", "a code needs its code system: send the system's OID."
            )
        if criterion.code and codes.system_called(criterion.oid) is None:
            raise Misasked(f"mainSearchCriteria.v.cs{number or ''}", "this code system is not known here.")
        if criterion.code or criterion.words:
            criteria.append(criterion)
    if not criteria:
        raise Misasked(
            "mainSearchCriteria.v.c", "send a code with its code system, or words as mainSearchCriteria.v.dn."
        )
    named = [
        spelling
        for name in ("informationRecipient.languageCode.c", "performer.languageCode.c")
        if (spelling := _said(given, name, 35))
    ]
    from_browser = languages.negotiate(accept_language)
    offered = [code for spelling in named if (code := languages.canonical(spelling))]
    return Asked(
        criteria=tuple(criteria),
        subtopic=_criterion(given, "subTopic"),
        languages=tuple(dict.fromkeys([*offered, from_browser, languages.SOURCE])),
        wanted=languages.canonical(named[0]) if named else from_browser,
        context=tuple(_context(given)),
    )


def _criterion(given, beginning: str, number: str = "") -> Criterion:
    """`v` is today's spelling, `c` the one of systems in use."""

    def said(part, most=200):
        return _said(given, f"{beginning}.v.{part}{number}", most) or _said(
            given, f"{beginning}.c.{part}{number}", most
        )

    return Criterion(said("c", 64), said("cs", 64), said("dn"), said("ot"))


def _context(given) -> Iterator[tuple[str, str]]:
    for person in ("informationRecipient", "performer"):
        if (said := _said(given, person, 10)) in RECIPIENTS:
            yield person, said
        if code := languages.canonical(_said(given, f"{person}.languageCode.c", 35)):
            yield f"{person}.languageCode.c", languages.get(code).tag


def _said(given, name: str, most: int) -> str:
    """A parameter's words, on one line, without what no text holds."""
    one_line = " ".join(given.get(name, "").split())
    return "".join(letter for letter in one_line if letter.isprintable())[:most].strip()


def _response_type(given, otherwise: str) -> str:
    asked = _said(given, "knowledgeResponseType", 100)
    if asked and asked not in RESPONSES:
        raise Misasked("knowledgeResponseType", f"this is not one of {', '.join(RESPONSES)}.")
    if asked == "application/javascript" and not _CALLBACK.fullmatch(given.get("callback", "")):
        raise Misasked("callback", "send the name of a function: letters, digits, “_”, “$” and “.” only.")
    return asked or otherwise


# Finding the pages


def matches(asked: Asked) -> list[Match]:
    """The pages that answer, each object once; those of the first criterion first."""
    named = {(c, code) for c in asked.criteria if c.code for code in _codes(c)}
    by_code = reading.by_codes((codes.system_called(c.oid), code) for c, code in named)
    found: dict[tuple[str, str], Match] = {}
    for criterion in asked.criteria:
        of_this = _of_code(criterion, by_code, asked) if criterion.code else _of_words(criterion, asked)
        for match in of_this:
            before = found.get((match.page.kind, match.page.key))
            if before is None or match.relevance > before.relevance:
                found[match.page.kind, match.page.key] = match
    best_first = sorted(found.values(), key=lambda match: -match.relevance)
    return best_first[:MOST_ENTRIES]


def _codes(criterion) -> list[str]:
    """The code as pages carry it, and those above it."""
    system = codes.system_called(criterion.oid)
    code = codes.normal(system, criterion.code)
    return [code, *codes.broader(system, code)]


def _of_code(criterion, by_code, asked) -> list[Match]:
    """The pages of the code, or of the nearest one above that has any."""
    system = codes.system_called(criterion.oid)
    for place, code in enumerate(_codes(criterion)):
        objects: dict[tuple[str, str], dict[str, Page]] = {}
        for page in by_code.get((system, code), ()):
            objects.setdefault((page.kind, page.key), {})[page.language] = page
        if objects:
            carried = Criterion(code, codes.oid(system))
            return [Match(_in_best_language(pages, asked), 0.5 if place else 1, carried) for pages in objects.values()]
    return []


def _in_best_language(pages: Mapping[str, Page], asked) -> Page:
    in_order = [*asked.languages, *(language.code for language in languages.offered())]
    return next(pages[code] for code in in_order if code in pages)


def _of_words(criterion, asked) -> list[Match]:
    """Pages that have this name: no mentions, no nearest ones. What was put right is told."""
    for place, language in enumerate(asked.languages):
        found = search.find(criterion.words, language, limit=MOST_ENTRIES)
        if found.pages and not found.near:
            pages = {(page.kind, page.key): page for page in found.pages}
            for wanted_more in reversed(
                asked.languages[:place]
            ):  # English words may name a page that is in Spanish too
                pages |= reading.linked(pages, wanted_more)
            corrected = (criterion.words, found.corrected) if found.corrected else None
            return [Match(page, 0.5 if corrected else 0.75, corrected=corrected) for page in pages.values()]
    return []


def _entry(match: Match, asked: Asked) -> Entry:
    page, speaking = quoted(match.page), languages.get(asked.languages[0])
    notes = []
    if match.code and match.relevance < 1:
        notes.append(_("This page is about something broader than what was asked for."))
    if match.corrected:
        words, meant = map(escape, match.corrected)
        said = _("These are the pages for <strong>“%(meant)s”</strong>. No page has “%(words)s”.")
        notes.append(strip_tags(said % {"meant": meant, "words": words}))
    if match.page.language != asked.wanted:
        others = [languages.get(other.language) for other in page.elsewhere]
        names = format_html_join(
            " · ", '<bdi lang="{}" dir="{}">{}</bdi>', ((o.tag, o.direction, o.name) for o in others)
        )
        why = _("This page does not exist in the language you chose. It exists in:")
        notes.append(format_html("{} {}", why, names))
    wanted = _sections(asked.subtopic)
    section = next((part for part in page.context["parts"] if part.key in wanted), None)
    title = page.context["content"].name
    if section:
        with translation.override(page.language.code):
            title = f"{title}: {section.heading}"
    notes = tuple((speaking, note) for note in notes)
    return Entry(match, page, title, section.key if section else "", notes)


def _sections(subtopic: Criterion) -> tuple[str, ...]:
    """The keys of the sections that answer it: by the qualifier's code, or by its name where there is no code."""
    if codes.system_called(subtopic.oid) not in {"mesh", None}:
        return ()
    for code, (name, sections) in SUBTOPICS.items():
        if subtopic.code == code or (not subtopic.code and subtopic.words.lower() == name):
            return sections
    return ()


# Answering


def _answered(request, given, response_type, asked):
    speaking = languages.get(asked.languages[0])
    with translation.override(speaking.code):
        entries = [_entry(match, asked) for match in matches(asked)]
        if response_type == "text/html":
            response = _page(request, asked, speaking, entries)
        else:
            feed = _feed(asked, response_type, speaking, entries)
            response = _written(given, response_type, {"feed": feed}, lambda: _atom(feed))
    return for_all(response, [speaking])


def _headline(asked, count: int) -> str:
    # Between marks that keep a Latin code in one piece in an Arabic sentence.
    words = {"words": f"\u2068{asked.criteria[0].words or asked.criteria[0].code}\u2069", "counter": count}
    if not count:
        return _("No page has “%(words)s”.") % words
    return ngettext("%(counter)s page for “%(words)s”.", "%(counter)s pages for “%(words)s”.", count) % words


def _page(request, asked, speaking, entries, status=200, **more):
    addresses = {}
    for language in languages.offered():
        addresses[language.code] = reverse("public:home", args=[language.code])
        if asked:
            said = {"informationRecipient.languageCode.c": language.tag, "knowledgeResponseType": "text/html"}
            addresses[language.code] = f"{reverse('infobutton')}?{asked.query(**said)}"
    context = {
        "entries": entries,
        "headline": _headline(asked, len(entries)) if asked else "",
        "noindex": True,
        **views.frame(speaking.code, addresses),
        **more,
    }
    return render(request, "public/infobutton.html", context, status=status)


def _feed(asked, response_type, speaking, entries) -> dict[str, Any]:
    """The answer as the guides order it: its elements by name, as XML and JSON both write them."""
    address, name = absolute(reverse("infobutton")), _("Patient information")
    changed_at = max((entry.quoted.changed_at for entry in entries), default=timezone.now())
    # With the language that was found for it, so that two answers in two languages are two.
    spoken = {"informationRecipient.languageCode.c": speaking.tag}
    itself = f"{address}?{asked.query(**spoken, knowledgeResponseType=response_type)}"
    return {
        "lang": speaking.tag,
        "title": _text("text", name),
        "subtitle": _text("text", _headline(asked, len(entries))),
        "author": {"name": _value(name), "uri": _value(settings.PUBLIC_ADDRESS + "/")},
        "updated": _value(moment(changed_at)),
        "category": [{"scheme": scheme, "term": term} for scheme, term in asked.categories],
        "id": _value(f"{address}?{asked.query(**spoken)}"),
        "link": [_link("self", itself, response_type, speaking.code, name)],
        "entry": [_entry_as_said(entry, asked) for entry in entries],
    }


def _entry_as_said(entry: Entry, asked) -> dict[str, Any]:
    categories = entry.categories + (asked.subtopic.echoed("subTopic") if entry.section else [])
    return {
        "lang": entry.language.tag,
        "title": _text("text", entry.title),
        "link": entry.links,
        "id": _value(entry.id),
        "updated": _value(moment(entry.quoted.changed_at)),
        "summary": _text("html", entry.quoted.in_short(entry.notes)),
        "category": [{"scheme": scheme, "term": term} for scheme, term in categories],
    }


def _text(kind: str, said: str) -> dict[str, str]:
    return {"type": kind, "_value": said}


def _value(said: str) -> dict[str, str]:
    return {"_value": said}


def _link(rel: str, href: str, kind: str, language: str, title: str) -> dict[str, str]:
    return {"href": href, "rel": rel, "type": kind, "hreflang": languages.get(language).tag, "title": title}


def _url(page) -> str:
    return absolute(presentation.page_url(page))


_ATOM = "http://www.w3.org/2005/Atom"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def _atom(feed: Mapping[str, Any]) -> bytes:
    """The feed as XML; the order of its elements is the order of the names."""
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM})
    _fill(root, feed)
    return etree.tostring(root, encoding="utf-8", xml_declaration=True)


def _fill(element, said: Mapping[str, Any]):
    for name, value in said.items():
        if name == "lang":
            element.set(_LANG, value)
        elif name == "_value":
            element.text = value
        elif isinstance(value, str):
            element.set(name, value)
        else:
            for one in value if isinstance(value, list) else [value]:
                _fill(etree.SubElement(element, f"{{{_ATOM}}}{name}"), one)


def _refused(request, given, response_type, problem: Misasked):
    """400, in the form that was asked for, naming the parameter. For programmers, so in English."""
    said = {"parameter": problem.parameter, "message": problem.why}
    if response_type == "text/html":
        speaking = languages.get(languages.negotiate(request.headers.get("Accept-Language", "")))
        # Around what is wrong, the words of the page are in the reader's own language.
        return for_all(_page(request, None, speaking, [], status=400, problem=problem), [speaking])

    def xml():
        root = etree.Element("error", {_LANG: "en"})
        for name, words in said.items():
            etree.SubElement(root, name).text = words
        return etree.tostring(root, encoding="utf-8", xml_declaration=True)

    response = _written(given, response_type, {"error": said}, xml, status=400)
    return for_all(response, [languages.get(languages.SOURCE)])


def _written(given, response_type, data, as_xml, status=200):
    """Data as XML, JSON, or a call of the asking page's function."""
    if response_type == "text/xml":
        return HttpResponse(as_xml(), content_type="text/xml; charset=utf-8", status=status)
    written = _json(data)
    if response_type == "application/javascript":
        written = f"/**/{given['callback']}({written});"  # the comment: nobody can choose how the file begins
    return HttpResponse(written, content_type=f"{response_type}; charset=utf-8", status=status)


def _json(data) -> str:
    """JSON in which no word can be taken for HTML or for the end of a string."""
    plain = {r"\"": r"\u0022", r"\\": r"\u005c"}
    written = re.sub(r"\\.", lambda found: plain.get(found[0], found[0]), json.dumps(data))
    for letter in "<>=&'":
        written = written.replace(letter, f"\\u{ord(letter):04x}")
    return written
