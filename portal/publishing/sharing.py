"""Addresses of previews that need no account: signed, bound to exact words, and good for some days only."""

import datetime as dt

from django.core import signing
from django.utils import timezone

SALT = "portal.publishing.shared-preview"
DAYS = (1, 7, 30)


def token(changes: dict[str, int], expires: dt.datetime) -> str:
    """`changes`: language -> the change that holds the words."""
    return signing.dumps([changes, int(expires.timestamp())], salt=SALT, compress=True)


def read(token: str) -> tuple[dict[str, int], dt.datetime]:
    """(language -> change, when it expires). Raises signing.BadSignature, also when it has expired."""
    changes, expires = signing.loads(token, salt=SALT)
    expires = dt.datetime.fromtimestamp(expires, dt.UTC)
    if expires < timezone.now():
        raise signing.SignatureExpired("This address has expired.")
    return changes, expires
