"""Small steps around every request: its language, its compression, who acts at the desk."""

import re

from django.http import HttpResponseRedirect
from django.middleware.gzip import GZipMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers

from portal import front, languages
from portal.publishing import audit
from portal.translating import interface


def language_of_the_address(get_response):
    """The first part of the path decides; only the desk and the bare address ask the browser. No cookie, ever."""

    def middleware(request):
        first, _, rest = request.path_info.lstrip("/").partition("/")
        from_browser = False
        if first in languages.LANGUAGES and languages.get(first).offered:
            code = first
        elif first and (code := languages.canonical(first)) and _looks_like_a_language(first):
            # /PT-BR/ or /zh-cn/: one address for each language.
            query = request.META.get("QUERY_STRING")
            return HttpResponseRedirect(f"/{code}/{rest}" + (f"?{query}" if query else ""))
        else:
            code = languages.negotiate(request.headers.get("Accept-Language", ""))
            from_browser = True
        if front.AWAY not in request.META:
            interface.ensure(code)
        with translation.override(code):
            request.LANGUAGE_CODE = code
            response = get_response(request)
        if from_browser:
            patch_vary_headers(response, ["Accept-Language"])
        response.headers.setdefault("Content-Language", languages.get(code).tag)
        return response

    return middleware


def _looks_like_a_language(segment: str) -> bool:
    """Only spellings of a whole declared code redirect; "/essay/" is an ordinary 404."""
    code = segment.lower().replace("_", "-")
    return code in languages.ALIASES or code in languages.LANGUAGES


def asked_again_unless_said(get_response):
    """Around everything: a cache that is not told how long an answer stays true must not guess (RFC 9111, 4.2.2).

    What stands behind a question mark may say what somebody looks for, and the desk is nobody's: not for shared caches.
    """

    def middleware(request):
        response = get_response(request)
        own = request.META.get("QUERY_STRING") or request.path_info.startswith(("/admin/", "/preview/"))
        response.headers.setdefault("Cache-Control", "private, no-cache" if own else "no-cache")
        return response

    return middleware


class CompressWords(GZipMiddleware):
    """Pages are sent compressed; pictures and leaflets are already. Forms' tokens are masked anew in each answer."""

    def process_response(self, request, response):
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/") or "json" in kind or "xml" in kind:
            return super().process_response(request, response)
        return response


def without_charset(application):
    """Around the whole application: requests are UTF-8, whatever charset they name.

    Some of Python's are no text at all (base64), and Django reads the address in it before any middleware is asked.
    """

    def inner(environ, start_response):
        environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
        return application(environ, start_response)

    return inner


_CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)


def acting(get_response):
    """At the desk, the audit log knows who acts. A reader's request is never looked at."""

    def middleware(request):
        if not request.path_info.startswith("/admin/"):
            return get_response(request)
        with audit.acting(request):
            return get_response(request)

    return middleware
