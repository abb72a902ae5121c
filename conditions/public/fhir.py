"""The pages as FHIR resources, R4 and R5: read, and searched by code and language.

A page is a Composition (its words, section by section) and a DocumentReference (where the page and its leaflet are).
FHIR has no search for "documents about a code"; of what both releases let both resources be searched by, `category`
(a classification for "indexing and searching") comes nearest, so a page's codes stand there. Written against
FHIR 4.0.1 and 5.0.0; tests/conditions/test_fhir.py holds every page against both.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from conditions import codes, labels, leaflets, presentation
from conditions.public.quoting import Quoted, for_all, moment, quoted
from conditions.public.structured_data import absolute
from portal import languages
from portal.listening import protection
from portal.publishing import reading

VERSIONS = {"r4": "4.0.1", "r5": "5.0.0"}
MOST = 50  # resources in one answer
DEFAULT = 10
MOST_ALTERNATIVES = 20
# What both resources can be searched by: name, type, what it finds.
SEARCHES = (
    (
        "category",
        "token",
        "A code the page is about, exactly: system|code, code alone, or system| for a whole system.",
    ),
    ("language", "token", "The language of the words, as BCP 47: es, zh-Hans."),
    ("_language", "token", "The same."),
    ("_id", "token", "The resource's own number."),
)
_SEARCHED = {name for name, _kind, _said in SEARCHES}
_JSON = {"", "json", "application/json", "application/fhir+json", "text/json"}


class Refused(Exception):
    """No resource, and why: an OperationOutcome. `code` is of FHIR's list of issue types."""

    def __init__(self, status: int, code: str, why: str):
        super().__init__(why)
        self.status, self.code, self.why = status, code, why


@require_safe
def start(request):
    return HttpResponseRedirect(reverse("developers-infobutton") + "#fhir")


# Nobody is signed in here, and nothing is written.
@csrf_exempt
@never_cache  # a search may say who is ill; no cache keeps it
def answer(request, release, rest=""):
    """metadata, {type}?..., {type}/_search by POST, {type}/{number}."""
    status, spoken, wait = 200, [languages.get(languages.SOURCE)], protection.by_code(request)
    try:
        if wait:
            raise Refused(429, "throttled", f"More questions than one address may ask. Wait {wait} seconds.")
        _check_format(request)
        if request.method not in {"GET", "HEAD"} and not (request.method == "POST" and rest.endswith("/_search")):
            raise Refused(405, "not-supported", "This server is read only: GET, or POST to _search.")
        resource, spoken = _resource(request, release, rest)
    except Refused as refused:
        status, resource = refused.status, _outcome(refused)
    response = HttpResponse(
        json.dumps(resource, ensure_ascii=False), status=status, content_type="application/fhir+json; charset=utf-8"
    )
    if wait:
        response["Retry-After"] = wait
    if status == 405:
        response["Allow"] = "GET, HEAD"
    return for_all(response, spoken)


def _resource(request, release, rest) -> tuple[dict[str, Any], list[languages.Language]]:
    """What stands at this address, and its languages. Raises Refused."""
    if rest == "metadata":
        return capabilities(release), [languages.get(languages.SOURCE)]
    kind, _slash, rest = rest.partition("/")
    if kind not in _MAKERS:
        raise Refused(404, "not-supported", f"There is {' and '.join(_MAKERS)} here, and metadata.")
    if rest in {"", "_search"}:
        given = request.GET.copy()
        if request.method == "POST":
            if request.content_type not in {"application/x-www-form-urlencoded", "multipart/form-data"}:
                raise Refused(
                    415, "not-supported", "Send the parameters as a form (application/x-www-form-urlencoded)."
                )
            given.update(request.POST)  # FHIR: those of the address count as well
        return _searched(release, kind, given)
    page = reading.by_number(int(rest)) if re.fullmatch("[1-9][0-9]{0,17}", rest) else None
    if page is None:
        raise Refused(404, "not-found", "There is no resource with this number.")
    if page.withdrawn_at:
        raise Refused(410, "deleted", "The page was withdrawn. Do not show an earlier copy of it.")
    one = quoted(page)
    return _MAKERS[kind](one, release), [one.language]


def _check_format(request):
    asked = request.GET.get("_format", "").strip().lower().replace(" ", "+")  # a bare "+" is a blank in a query
    accepts = request.headers.get("Accept", "")
    wants_xml = "xml" in accepts and "json" not in accepts and "*/*" not in accepts
    if asked.partition(";")[0] not in _JSON or (wants_xml and not asked):
        raise Refused(406, "not-supported", "The answers are JSON (application/fhir+json).")


def _outcome(refused: Refused) -> dict[str, Any]:
    issue = {"severity": "error", "code": refused.code, "diagnostics": refused.why}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


# Searching


def _searched(release, kind, given):
    """Live pages in offered languages that fulfil every parameter, as a Bundle; parameters unknown here are passed
    over, and the link "self" shows which were not.
    """
    for name in given:
        if name.partition(":")[0] in _SEARCHED and ":" in name:
            raise Refused(400, "not-supported", f"{name}: modifiers are not known here.")
    used, begin, count = [], _number(given, "_offset", 0, 10**9), _number(given, "_count", DEFAULT, MOST)
    wanted = []
    for value in given.getlist("category"):
        used.append(("category", value))
        wanted.append([_token(one) for one in _alternatives("category", value)])
    spoken = None
    for name in ("language", "_language"):
        for value in given.getlist(name):
            used.append((name, value))
            asked = {languages.canonical(one.rpartition("|")[2]) for one in _alternatives(name, value)}
            spoken = asked if spoken is None else spoken & asked
    numbers = None
    if "_id" in given:
        used.append(("_id", given["_id"]))
        numbers = [int(one) for one in _alternatives("_id", given["_id"]) if re.fullmatch("[0-9]{1,18}", one)]
    pages, total = reading.with_codes(wanted, in_languages=spoken, numbers=numbers, begin=begin, count=count)
    found = [quoted(page) for page in pages]

    def link(relation, offset):
        query = urlencode([*used, ("_count", count), *([("_offset", offset)] if offset else [])], quote_via=quote)
        return {"relation": relation, "url": f"{_base(release)}/{kind}?{query}"}

    links = [link("self", begin)]
    if count and begin + count < total:
        links.append(link("next", begin + count))
    if count and begin:
        links.append(link("previous", max(0, begin - count)))
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    if found:
        bundle["entry"] = [
            {
                "fullUrl": f"{_base(release)}/{kind}/{one.page.pk}",
                "resource": _MAKERS[kind](one, release),
                "search": {"mode": "match"},
            }
            for one in found
        ]
    return bundle, [one.language for one in found] or [languages.get(languages.SOURCE)]


def _number(given, name: str, otherwise: int, most: int) -> int:
    value = given.get(name, "") or str(otherwise)
    if not re.fullmatch("[0-9]{1,9}", value):
        raise Refused(400, "invalid", f"{name} is a whole number.")
    return min(int(value), most)


def _alternatives(name: str, value: str) -> list[str]:
    found = [one.strip() for one in value.split(",") if one.strip()]
    if len(found) > MOST_ALTERNATIVES:
        raise Refused(400, "too-long", f"{name}: at most {MOST_ALTERNATIVES} alternatives.")
    if not found:
        raise Refused(400, "invalid", f"{name} is empty.")
    return found


def _token(value: str) -> tuple[str, str]:
    """(our system or "" for any, code or "" for any); a system that is not known here finds nothing."""
    uri, bar, code = value.replace("\0", "").rpartition("|")
    if not code and not uri:
        return "?", ""
    if not bar:
        return "", code[:64]
    system = codes.system_called(uri) or "?"
    return system, codes.normal(system, code[:64]) if code else ""


# Resources


def document_reference(one: Quoted, release: str) -> dict[str, Any]:
    """Where the page and its leaflet are, and what must be known of them."""
    page, edition, name = one.page, one.published.edition, one.context["content"].name
    content = [_attachment(one, "text/html", presentation.page_url(page), name)]
    if leaflets.possible(one.language):
        leaflet = reverse("public:leaflet", args=[page.language, page.kind, page.slug])
        content.append(_attachment(one, "application/pdf", leaflet, name))
    resource = {
        **_beginning("DocumentReference", one),
        "status": "current",
        "docStatus": _standing(one),
        "type": _TYPE,
        "category": _categories(one),
        "date": moment(one.changed_at),
        "author": [_publisher(one)],
        "description": one.plainly(),
        "content": content,
    }
    source, attested = one.context["source_page"], _attested(one, release)
    if one.context["is_translation"] and source:
        code = (
            "transforms" if release == "r4" else _coded("http://hl7.org/fhir/document-relationship-type", "transforms")
        )
        resource["relatesTo"] = [{"code": code, "target": {"reference": f"DocumentReference/{source.pk}"}}]
    itself = {"system": "urn:ietf:rfc:3986", "value": _edition(one)}
    if release == "r4":
        resource["masterIdentifier"] = itself
        resource |= {"authenticator": attested[0]["party"]} if attested else {}
    else:
        resource["identifier"].append(itself)
        resource["version"] = str(edition.number)
        resource |= {"attester": attested} if attested else {}
    return resource


def composition(one: Quoted, release: str) -> dict[str, Any]:
    """The page's words, section by section; what must be known before believing them is the first section."""
    resource = {
        **_beginning("Composition", one),
        "status": _standing(one),
        "type": _TYPE,
        "category": _categories(one),
        "date": moment(one.changed_at),
        "author": [_publisher(one)],
        "title": one.context["content"].name,
        "section": list(_sections(one)),
    }
    if attested := _attested(one, release):
        resource["attester"] = attested
    source = one.context["source_page"]
    target = {"reference": f"Composition/{source.pk}"} if one.context["is_translation"] and source else None
    if release == "r4":
        (resource["identifier"],) = resource["identifier"]
        resource |= {"relatesTo": [{"code": "transforms", "targetReference": target}]} if target else {}
    else:
        resource |= {"url": _edition(one), "version": str(one.published.edition.number)}
        resource |= {"relatesTo": [{"type": "transforms", "resourceReference": target}]} if target else {}
    return resource


_MAKERS = {"Composition": composition, "DocumentReference": document_reference}
_TYPE = {"coding": [{"system": "http://loinc.org", "code": "34895-3", "display": "Education note"}]}


def _beginning(kind: str, one: Quoted) -> dict[str, Any]:
    page = one.page
    stable = absolute(reverse("short", args=[page.language, page.key]))
    return {
        "resourceType": kind,
        "id": str(page.pk),
        "meta": {"lastUpdated": moment(one.changed_at)},
        "language": one.language.tag,
        "text": _narrative(one, one.in_short()),
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": stable}],
    }


def _edition(one: Quoted) -> str:
    """Where exactly these words stay for ever."""
    page, number = one.page, one.published.edition.number
    return absolute(reverse("public:edition", args=[page.language, page.kind, page.slug, number]))


def _standing(one: Quoted) -> str:
    """ "final" only where a clinician stands behind the words, and of a translation somebody who knows the language."""
    signed = one.context["clinical"] and (one.context["language_review"] or not one.context["is_translation"])
    return "final" if signed else "preliminary"


def _categories(one: Quoted) -> list[dict[str, Any]]:
    """What the page is about, then what kind of page it is."""
    content = one.context["content"]
    about = {"text": content.name}
    coding = [{"system": codes.URIS[c.system], "code": c.code} for c in content.codes if c.system in codes.URIS]
    with translation.override(one.language.code):
        kind = {"text": str(labels.KINDS[one.page.kind])}
    return [{"coding": coding, **about} if coding else about, kind]


def _publisher(one: Quoted) -> dict[str, str]:
    with translation.override(one.language.code):
        return {"display": _("Patient information")}


def _attested(one: Quoted, release: str) -> list[dict[str, Any]]:
    """Who signed these words, by name; nobody is named who did not."""
    mode = "professional"
    if release == "r5":
        mode = _coded("http://hl7.org/fhir/composition-attestation-mode", mode)
    signed = [one.context["clinical"], one.context["language_review"] if one.context["is_translation"] else None]
    return [{"mode": mode, "time": moment(s.at), "party": {"display": s.signed_as}} for s in signed if s]


def _attachment(one: Quoted, kind: str, url: str, title: str) -> dict[str, Any]:
    attachment = {"contentType": kind, "language": one.language.tag, "url": absolute(url), "title": title}
    return {"attachment": attachment}


def _sections(one: Quoted) -> Iterable[dict[str, Any]]:
    """In the order of the page. Headings in the page's language."""
    context = one.context
    with translation.override(one.language.code):
        cards = "".join(
            one.show("components/help_card.html", urgency=urgency, heading=heading, card=card, language=language)
            for urgency, heading, card, language in context["help_cards"]
        )
        help_ = (labels.PARTS["help_cards"], cards)
        facts = "".join(
            one.show("components/beside_fact.html", label=label, value=value, moved=moved)
            for label, value, _cited, moved in context["facts"]
        )
        found = [(_("About this page"), one.notices())]
        found.append((labels.PARTS["summary"], one.show("components/summing_up.html", summary=one.summary)))
        found += [help_] if context["help_first"] else []
        found.append((labels.PARTS["facts"], facts))
        found += [(part.heading, one.show("components/part.html", part=part)) for part in context["parts"]]
        found += [] if context["help_first"] else [help_]
        found.append((labels.PARTS["sources"], one.show("components/sources.html")))
        return [{"title": str(title), "text": _narrative(one, said)} for title, said in found if said]


def _narrative(one: Quoted, said: str) -> dict[str, str]:
    language = one.language
    spoken = f'lang="{language.tag}" xml:lang="{language.tag}" dir="{language.direction}"'
    return {"status": "additional", "div": f'<div xmlns="http://www.w3.org/1999/xhtml" {spoken}>{said}</div>'}


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _base(release: str) -> str:
    return f"{settings.PUBLIC_ADDRESS}/fhir/{release}"


def capabilities(release: str) -> Mapping[str, Any]:
    """What can be asked here: the CapabilityStatement."""
    resource = {
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": name, "type": kind, "documentation": said} for name, kind, said in SEARCHES],
    }
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-23",  # of this description
        "publisher": "Patient information",
        "kind": "instance",
        "implementation": {"description": "Patient information: pages by code and language", "url": _base(release)},
        "fhirVersion": VERSIONS[release],
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "documentation": f"Read only, open to everybody. See {absolute(reverse('developers-infobutton'))}",
                "security": {"cors": True},
                "resource": [{"type": kind, **resource} for kind in _MAKERS],
            }
        ],
    }
