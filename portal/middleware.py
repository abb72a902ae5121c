"""Small steps around every request: its language, the headers that keep readers unwatched, who acts at the desk."""

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


ADMIN_POLICY = {
    "default-src": ["'none'"],
    # The hash is of the one <style> that the editor (tiptap, in django-prose-editor 0.28.0) puts into the page.
    "style-src": ["'self'", "'sha256-PlumsSlvJ7vvWzjqibGAYKq92O3y/4JTxWWsWJvyUYA='"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "frame-src": ["'self'"],
}


def without_charset(application):
    """Around the whole application: requests are UTF-8, whatever charset they name.

    Some of Python's are no text at all (base64), and Django reads the address in it before any middleware is asked.
    """

    def inner(environ, start_response):
        environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
        return application(environ, start_response)

    return inner


_CHARSET = re.compile(r";\s*charset=[^;]*", re.IGNORECASE)
BY_CODE = ("/infobutton", "/fhir/")


def headers(get_response):
    """Permissions, referrer and content policy. The desk needs its own script and a referrer for its forms."""

    def middleware(request):
        response = get_response(request)
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), geolocation=(), microphone=(), browsing-topics=()"
        )
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path_info.startswith(BY_CODE):
            # Errors as well: their addresses may say who is ill, and another site's program has to read them.
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers.setdefault("Access-Control-Allow-Origin", "*")
        if request.path_info.startswith("/admin/"):
            # With no-referrer a browser sends "Origin: null", and every form would fail its CSRF check.
            response.headers["Referrer-Policy"] = "same-origin"
            response.headers.setdefault("X-Robots-Tag", "noindex")
            # The editor's import map is inline; js_asset puts the request's nonce on it.
            script = ["'self'"] + ([f"'nonce-{request.csp_nonce}'"] if getattr(request, "csp_nonce", None) else [])
            response._csp_update = {**ADMIN_POLICY, "script-src": script}
        return response

    return middleware


def acting(get_response):
    """At the desk, the audit log knows who acts. A reader's request is never looked at."""

    def middleware(request):
        if not request.path_info.startswith("/admin/"):
            return get_response(request)
        with audit.acting(request):
            return get_response(request)

    return middleware
