"""Everything readers can read, for other programs: JSON, read only, described by OpenAPI at /api/v1/openapi.json.

What stands here is a promise (docs/api.md): fields are added, never taken away or given another meaning; what must
break goes to /api/v2/. Answers are made from `reading` and `search` alone, like the pages.
"""

import base64
import datetime as dt
import hashlib
from functools import cache
from typing import Annotated, Any
from urllib.parse import unquote, urlencode

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.cache import get_conditional_response
from ninja import NinjaAPI, Path
from ninja.errors import ValidationError
from ninja.renderers import JSONRenderer
from pydantic import Field

from conditions import presentation
from conditions.public import quoting
from conditions.public.api_shapes import (
    MOST,
    Changes,
    Code,
    Content,
    Editions,
    Found,
    Glossary,
    Key,
    Kind,
    Languages,
    Limit,
    Number,
    Pages,
    Problem,
    PublicKey,
)
from conditions.public.structured_data import absolute
from portal import languages
from portal.listening import protection
from portal.publishing import reading
from portal.publishing import search as finding
from portal.publishing.models import Page

PREFIX = "/api/v1/"
LIMIT, WINDOW = 600, 60  # requests of one address in so many seconds; more is somebody's mistake


class Readable(JSONRenderer):
    """Arabic as Arabic: half the bytes of its escapes."""

    json_dumps_params = {"ensure_ascii": False}


api = NinjaAPI(
    renderer=Readable(),
    title="Patient information",
    version="1.0",
    description=(
        "Read only, open to everybody, no account and no key. What is published and nothing else. Errors are "
        "application/problem+json. At most 600 requests a minute from one address."
    ),
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
)
NOT_THERE, NOT_ANY_MORE = {404: Problem}, {410: Problem}


@api.get("languages", response=Languages, summary="Languages that readers are offered", operation_id="languages")
def list_languages(request):
    rows = [
        {
            "language": one.code,
            "tag": one.tag,
            "name": one.name,
            "direction": one.direction,
            "is_source": one.is_source,
        }
        for one in languages.offered()
    ]
    return {"terms": _terms(), "languages": rows}


@api.get(
    "pages/{language}",
    response={200: Pages} | NOT_THERE,
    summary="Pages of a language, by kind and key",
    operation_id="pages",
)
def pages(
    request,
    language: Path[Code],
    kind: Kind | None = None,
    after: Annotated[str, Field(max_length=120)] = "",
    limit: Limit = MOST,
):
    _offered(language)
    rows = reading.stretch(language, kind, after, limit + 1)
    here = rows[:limit]
    address = None
    if len(rows) > limit:
        following = {"after": f"{here[-1].kind}/{here[-1].key}", "limit": limit} | ({"kind": kind} if kind else {})
        address = absolute(f"{PREFIX}pages/{language}?{urlencode(following)}")
    return {"terms": _terms(), "pages": _listed(here, language), "next": address}


def all_pages(language: str) -> dict[str, Any]:
    """The same without stretches: for a copy, which cannot be asked for the next one."""
    rows, after = [], ""
    while stretch := reading.stretch(language, None, after, MOST):
        rows += stretch
        after = f"{stretch[-1].kind}/{stretch[-1].key}"
    return {"terms": _terms(), "pages": _listed(rows, language), "next": None}


@api.get(
    "pages/{language}/{kind}/{key}",
    response={200: Content} | NOT_THERE | NOT_ANY_MORE,
    summary="What a page says today",
    operation_id="page",
)
def page(request, language: Path[Code], kind: Path[Kind], key: Path[Key]):
    return _content(_page(language, kind, key))


@api.get(
    "pages/{language}/{kind}/{key}/editions",
    response={200: Editions} | NOT_THERE,
    summary="Every edition of a page, newest first",
    operation_id="editions",
)
def editions(request, language: Path[Code], kind: Path[Kind], key: Path[Key]):
    found = _page(language, kind, key, withdrawn=True)
    return {"terms": _terms(), "editions": [_stated(found, one) for one in reading.editions(found)]}


@api.get(
    "pages/{language}/{kind}/{key}/editions/{number}",
    response={200: Content} | NOT_THERE,
    summary="What an edition said",
    operation_id="edition",
)
def edition(request, language: Path[Code], kind: Path[Kind], key: Path[Key], number: Path[Number]):
    found = _page(language, kind, key, withdrawn=True)
    return _content(found, reading.edition(found, number) or _no("There is no edition with this number."))


@api.get(
    "pages/{language}/{kind}/{key}/on/{day}",
    response={200: Content} | NOT_THERE,
    summary="What the page said at the end of a day (UTC)",
    operation_id="page_on",
)
def page_on(request, language: Path[Code], kind: Path[Kind], key: Path[Key], day: Path[dt.date]):
    found = _page(language, kind, key, withdrawn=True)
    if not dt.date(1900, 1, 1) <= day <= timezone.now().date():
        _no("Give a day from 1900 until today.")
    return _content(found, reading.on(found, day) or _no("The page showed nothing on that day."))


@api.get(
    "search/{language}",
    response={200: Found} | NOT_THERE,
    summary="Pages by any of their names, misspelt or not",
    operation_id="search",
)
def search(
    request,
    language: Path[Code],
    q: Annotated[str, Field(min_length=1, max_length=200)],
    exact: Annotated[bool, Field(description="Do not put misspelt words right.")] = False,
):
    _offered(language)
    found = finding.find(q.replace("\0", ""), language, insist=exact)
    return {
        "terms": _terms(),
        "pages": _listed(found.pages, language),
        "mentions": _listed(found.mentions, language),
        "corrected": found.corrected,
        "near": found.near,
    }


@api.get(
    "glossary/{language}", response={200: Glossary} | NOT_THERE, summary="The glossary, whole", operation_id="glossary"
)
def glossary(request, language: Path[Code]):
    _offered(language)
    found = sorted(reading.pages("term", language), key=lambda one: one.key)
    warned = reading.warned(found, language)
    rows = [
        {
            "key": one.key,
            "term": one.title,
            "definition": None if one.key in warned else one.summary,
            "url": _people(one),
        }
        for one in found
    ]
    return {"terms": _terms(), "language": language, "terms_of_glossary": rows}


@api.get(
    "changes",
    response={200: Changes, 409: Problem},
    summary="What was published, restored and withdrawn since a moment; signed",
    operation_id="changes",
    description=(
        "Ask every 30 seconds with the `cursor` of the answer before (begin with 0), and take down what was withdrawn. "
        "The header `Signature-Ed25519` is the signature of the body's bytes under the key of `/api/v1/key`, in base64."
    ),
)
def changes(
    request, since: Annotated[int, Field(ge=0, le=2**62)] = 0, limit: Annotated[int, Field(ge=1, le=1000)] = 500
):
    if since > reading.newest_change():
        # The database was restored from a backup: "nothing new" would leave a partner silent for a long time.
        raise Missing(409, "This cursor is not from here.", "Begin again with since=0.")
    rows, cursor, more = reading.changes(since, limit)
    return {
        "terms": _terms(),
        "changes": [_change(one) for one in rows],
        "cursor": str(cursor),
        "more": more,
        "as_of": timezone.now().replace(second=0, microsecond=0),
    }


@api.get("key", response=PublicKey, summary="The key that the list of changes is signed with", operation_id="key")
def key(request):
    public = _private_key().public_key().public_bytes_raw()
    return {"terms": _terms(), "algorithm": "Ed25519", "public_key": base64.b64encode(public).decode()}


# What the answers are made of


def _terms():
    return {"licence": settings.CONTENT_LICENCE, "attribution": f"Patient information, {settings.PUBLIC_ADDRESS}"}


class Missing(Exception):
    def __init__(self, status: int, title: str, detail: str = ""):
        super().__init__(title)
        self.status, self.title, self.detail = status, title, detail


def _no(title: str):
    raise Missing(404, title)


def _offered(language: str) -> languages.Language:
    found = languages.LANGUAGES.get(language)
    if found is None or not found.offered:
        raise Missing(404, "Readers are not offered this language.", f"{PREFIX}languages names those they are offered.")
    return found


def _page(language: str, kind: str, key: str, *, withdrawn=False) -> Page:
    _offered(language)
    found = reading.page(kind, key, language)
    if found is None:
        raise Missing(404, "There is no page with this kind and key in this language.")
    if found.withdrawn_at and not withdrawn:
        raise Missing(410, "This page was withdrawn.", found.withdrawal_reason)
    return found


def _people(page) -> str:
    return unquote(absolute(presentation.page_url(page)))


def _api(page, *more) -> str:
    return absolute(PREFIX + "/".join(["pages", page.language, page.kind, page.key, *map(str, more)]))


def _listed(rows, language: str) -> list[dict[str, Any]]:
    rows = list(rows)
    warned = reading.warned(rows, language)
    return [
        {
            "kind": one.kind,
            "key": one.key,
            "language": one.language,
            "title": one.title,
            "summary": None if one.key in warned else one.summary,
            "url": _people(one),
            "api": _api(one),
        }
        for one in rows
    ]


def _stated(page, edition) -> dict[str, Any]:
    address = reverse("public:edition", args=[page.language, page.kind, page.slug, edition.number])
    return {
        "number": edition.number,
        "digest": edition.digest,
        "published_at": edition.published_at,
        "significance": edition.significance,
        "change_note": edition.change_note,
        "url": unquote(absolute(address)),
        "api": _api(page, "editions", edition.number),
    }


def _content(page: Page, edition=None) -> dict[str, Any]:
    """A page or an edition of it, from the context that its readers' template gets. Eight queries at most."""
    one = quoting.quoted(page, edition)
    with translation.override(page.language):
        return _said(page, one, one.context, one.published)


def _said(page, one, context, published):
    content, own = context["content"], one.language
    reviews = {
        name: {"name": signed.signed_as, "at": signed.at} if signed else None
        for name, signed in (("clinical_review", context["clinical"]), ("language_review", context["language_review"]))
    }
    return {
        "terms": _terms(),
        "kind": page.kind,
        "key": page.key,
        "language": own.code,
        "tag": own.tag,
        "direction": own.direction,
        "url": _people(page),
        "short_url": absolute(reverse("short", args=[page.language, page.key])),
        "is_current": context["is_current"],
        "edition": _stated(page, published.edition),
        **reviews,
        "review_due_on": context["review_due_on"],
        "source": _translated(context, published),
        "notices": one.notices(),
        "title": content.name,
        "summary": one.summary or None,
        "summary_out_of_date": context["summary_moved"],
        "also_known_as": content.also_known_as,
        "help_cards": [
            {
                "key": card.key,
                "urgency": card.urgency,
                "heading": str(heading),
                "when_to_act": _words(card.when_to_act, language or own),
                "what_to_do": _words(card.what_to_do, language or own),
            }
            for _urgency, heading, card, language in context["help_cards"]
        ],
        "facts": [
            {"kind": fact.kind, "heading": str(heading), "text": text, "out_of_date": moved, "sources": numbers}
            for fact, (heading, text, numbers, moved) in zip(content.facts, context["facts"], strict=True)
        ],
        "sections": [_section(part, one) for part in context["parts"]],
        "pictures": [
            {
                "url": absolute(reverse("image", args=[image.file])),
                **{name: getattr(image, name) for name in ("width", "height", "alt", "caption", "credit")},
            }
            for image in content.images
        ],
        "machine": list(content.machine),
        "headings": [key for key, _label in context["headings"]],
        "codes": [{"system": code.system, "code": code.code} for code in content.codes],
        "sources": [
            {
                "title": source.title,
                "language": source.language,
                "publisher": source.publisher,
                "year": source.year,
                "address": source.address,
                "accessed_on": accessed_on,
            }
            for source, accessed_on in context["sources"]
        ],
        "languages": [
            {"language": other.language, "tag": languages.get(other.language).tag, "url": _people(other)}
            | {"api": _api(other)}
            for other in published.elsewhere
        ],
    }


def _words(html: str, language: languages.Language) -> dict[str, str]:
    return {"html": html, "language": language.code}


def _section(part, one) -> dict[str, Any]:
    return {
        "key": part.key,
        "heading": str(part.heading),
        "url": f"{_people(one.page)}#{part.key}",
        "words": _words(part.html, part.language or one.language) if part.html else None,
        "groups": [
            {
                "heading": str(label),
                "members": [
                    {"name": row.name, "url": unquote(absolute(row.url)) if row.url else None, "note": row.note}
                    for row in members
                ],
            }
            for label, members, _figures in part.groups
        ],
        "out_of_date": part.moved,
        "machine": part.machine,
        "sources": list(part.cited),
    }


def _translated(context, published) -> dict[str, Any] | None:
    if not context["is_translation"]:
        return None
    source, matches = context["source_page"], context["matches"]
    return {
        "language": languages.SOURCE,
        "url": _people(source) if source else None,
        "matches": matches.number if matches else None,
        "current": published.source.number if published.source else None,
        "out_of_date": published.out_of_date,
        "safety": published.safety,
    }


def _change(one: reading.Change) -> dict[str, Any]:
    page = one.page
    return {
        "what": one.what,
        "at": one.at,
        "language": one.language,
        "kind": page.kind if page else None,
        "key": page.key if page else None,
        "edition": one.edition,
        "safety": one.safety,
        "offered": one.offered,
        "public_now": page.withdrawn_at is None if page else None,
        "url": _people(page) if page else None,
        "api": _api(page) if page else None,
        "also_affects": [{"language": other.language, "api": _api(other)} for other in one.translations],
    }


@cache
def _private_key():
    """Made from SECRET_KEY, so that every machine signs with the same; it changes when that does."""
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 -- 7 MB; only machines ask for it

    return ed25519.Ed25519PrivateKey.from_private_bytes(
        hashlib.sha256(f"changes {settings.SECRET_KEY}".encode()).digest()
    )


# How every answer is given: to everybody, with an ETag, counted, and as a problem where it is one


@api.exception_handler(Missing)
def _missing(request, error):
    return _problem(error.status, error.title, error.detail)


@api.exception_handler(ValidationError)
def _invalid(request, error):
    said = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors)
    return _problem(422, "A part of the address is not as it should be.", said)


def _problem(status: int, title: str, detail: str = "") -> HttpResponse:
    said = {"title": title, "status": status, "detail": detail}
    response = JsonResponse(said, status=status, content_type="application/problem+json")
    response["Cache-Control"] = "no-cache"  # what was withdrawn can come back
    return response


def no_such_address(request, rest):
    """Whatever else stands below /api/v1/."""
    raise Http404


def conduct(get_response):
    """The middleware of everything below /api/v1/."""

    def middleware(request):
        if not request.path_info.startswith(PREFIX):
            return get_response(request)
        if getattr(request, "is_copy", False):  # conditions.public.copying asks for itself
            left, seconds = LIMIT, WINDOW
        else:
            left, seconds = protection.left(request, "api", LIMIT, WINDOW)
        if request.method == "OPTIONS":
            response = HttpResponse(status=204)
        elif left < 0:
            response = _problem(429, "These are more requests than one address may make.", f"Wait {seconds} seconds.")
            response["Retry-After"] = str(seconds)
        elif request.method not in {"GET", "HEAD"}:
            response = _problem(405, "This API is only read.", "Use GET.")
            response["Allow"] = "GET, HEAD, OPTIONS"
        else:
            response = _answered(request, get_response)
        response["RateLimit-Policy"] = f'"address";q={LIMIT};w={WINDOW}'
        response["RateLimit"] = f'"address";r={max(left, 0)};t={seconds}'
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
        response["Access-Control-Allow-Headers"] = "If-None-Match"
        response["Access-Control-Expose-Headers"] = "ETag, RateLimit, RateLimit-Policy, Retry-After, Signature-Ed25519"
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        response["X-Robots-Tag"] = "noindex"
        # The path names the language; the browser's wishes change nothing.
        del response["Vary"]
        if request.method == "HEAD":
            response.content = b""
        return response

    return middleware


def _answered(request, get_response):
    asked, request.method = request.method, "GET"
    response = get_response(request)
    request.method = asked
    if response.status_code == 404 and "problem" not in response["Content-Type"]:
        response = _problem(404, "There is nothing at this address.", f"{PREFIX}openapi.json describes what there is.")
    if response.status_code != 200:
        return response
    response["ETag"] = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    response["Cache-Control"] = "no-cache"
    if request.path_info == f"{PREFIX}changes":
        response["Signature-Ed25519"] = base64.b64encode(_private_key().sign(response.content)).decode()
    return get_conditional_response(request, etag=response["ETag"], response=response)


def openapi(request):
    """The description, with what every answer has in common."""
    return JsonResponse(_description(), json_dumps_params={"ensure_ascii": False})


@cache
def _description() -> dict[str, Any]:
    described = api.get_openapi_schema(path_prefix=PREFIX)
    described["info"]["license"] = {"name": "Licence of the content", "url": settings.CONTENT_LICENCE}
    described["servers"] = [{"url": settings.PUBLIC_ADDRESS}]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    limit = {name: {"schema": {"type": "string"}} for name in ("RateLimit", "RateLimit-Policy")}
    for operations in described["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            for status, answer in answers.items():
                if int(status) >= 400:
                    answer["content"] = problem
            answers[200]["headers"] = {"ETag": {"schema": {"type": "string"}}}
            answers[304] = {"description": "As it was: If-None-Match named its ETag."}
            answers[422] = {"description": "A part of the address is not as it should be.", "content": problem}
            answers[429] = {"description": "Too many requests.", "content": problem}
            for answer in answers.values():
                answer["headers"] = {**answer.get("headers", {}), **limit}
    return described
