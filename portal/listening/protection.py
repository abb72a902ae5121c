"""Against robots, without a cookie, another company's puzzle, or a list of addresses. The memory is this process's."""

import datetime as dt
import hashlib
import hmac
import ipaddress
import secrets
import time

from django.conf import settings
from django.core import signing
from django.core.cache.backends.locmem import LocMemCache

SALT = "portal.listening.stamp"
QUICKEST, LONGEST = 3, 24 * 60 * 60  # seconds between opening a form and sending it
HOUR = 60 * 60
PER_ADDRESS, IN_ALL = 5, 300  # accepted in an hour
MINUTE = 60
BY_CODE = 3000  # in a minute: a whole hospital asks from one address

# Made here and not in the settings: what is derived from an address must never reach a cache that is shared or kept.
_memory = LocMemCache("listening", {"OPTIONS": {"MAX_ENTRIES": 20_000}})
_secret = (dt.date.min, b"")


class TooQuick(Exception):
    """Nobody reads a form and fills it in so fast."""


class Worn(Exception):
    """The stamp is too old, not ours, or was used for something else."""


def stamp(at: float | None = None) -> str:
    """For a form: when it was opened, signed, and good for one time."""
    return signing.dumps([at or time.time(), secrets.token_hex(8)], salt=SALT)


def redeem(stamp: str, said: str, quickest: float = QUICKEST) -> bool:
    """Use up a stamp. False: it was used for exactly this already, a second click. Raises TooQuick, Worn."""
    try:
        opened, nonce = signing.loads(stamp, salt=SALT)
    except signing.BadSignature:
        raise Worn from None
    age = time.time() - opened
    if age < quickest:
        raise TooQuick
    if age > LONGEST:
        raise Worn
    digest = hashlib.sha256(said.encode(errors="replace")).hexdigest()
    if _memory.add(f"stamp:{nonce}", digest, LONGEST):
        return True
    if _memory.get(f"stamp:{nonce}") != digest:
        raise Worn
    return False


def within_limits(request) -> bool:
    """Count one more. False: too many in this hour, from this address or in all."""
    return _count(f"from:{_disguised(network(request))}") <= PER_ADDRESS and _count("in-all") <= IN_ALL


def left(request, what: str, most: int, seconds: int) -> tuple[int, int]:
    """Count one more. (What is left to this address in this window, below 0: too many; seconds until the next one)."""
    window, passed = divmod(int(time.time()), seconds)
    used = _count(f"{what}:{window}:{_disguised(network(request))}", seconds)
    return most - used, seconds - passed


def by_code(request) -> int:
    """Count one more question of a record system. Seconds to wait where it was too many, else 0."""
    remaining, seconds = left(request, "by-code", BY_CODE, MINUTE)
    return seconds if remaining < 0 else 0


def _count(key: str, seconds: int = HOUR) -> int:
    _memory.add(key, 0, seconds)
    try:
        return _memory.incr(key)
    except ValueError:  # its hour ended between the two lines
        return 1


def _disguised(address: str) -> str:
    """With a secret that nobody knows and that is gone tomorrow, or when the process ends."""
    global _secret
    today = dt.datetime.now(dt.UTC).date()
    if _secret[0] != today:
        _secret = (today, secrets.token_bytes(32))
    return hmac.new(_secret[1], address.encode(), hashlib.sha256).hexdigest()


def network(request) -> str:
    """Where it comes from: a household's whole network in IPv6. Only our own proxy is believed, and its last word."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:100]
    if parsed.version == 4 or parsed.ipv4_mapped:
        return str(getattr(parsed, "ipv4_mapped", None) or parsed)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
