"""The cookie of a browser in which an account has signed in before. It opens nothing: it is a lane of its own."""

import secrets

from django.conf import settings
from django.core import signing
from django.utils.crypto import salted_hmac

SALT = "portal.signing_in.browsers"
DAYS = 180
MOST = 10  # accounts on a computer that many use; the one longest away is forgotten


def cookie() -> str:
    return "__Secure-known" if settings.SESSION_COOKIE_SECURE else "known"


def known(request, account: str) -> str:
    """This browser's own name with this account, or "" where it never signed in here."""
    return dict(_read(request)).get(_disguised(account), "")


def remember(request, response, account: str, browser: str = "") -> None:
    """This account has just signed in here. A new name each time: whatever slowed the old one is over."""
    who = _disguised(account)
    others = [entry for entry in _read(request) if entry[0] != who]
    response.set_cookie(
        cookie(),
        signing.dumps([[who, browser or secrets.token_hex(8)], *others][:MOST], salt=SALT),
        max_age=DAYS * 24 * 60 * 60,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _read(request) -> list[list[str]]:
    try:
        return signing.loads(request.COOKIES.get(cookie(), ""), salt=SALT, max_age=DAYS * 24 * 60 * 60)
    except signing.BadSignature:
        return []


def _disguised(account: str) -> str:
    """Whoever looks into the browser's cookies reads no name."""
    return salted_hmac("portal.signing_in.account", account, algorithm="sha256").hexdigest()[:24]
