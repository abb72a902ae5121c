"""How guessing is made slow, on all machines together, without shutting out whose account it is.

A guess comes by lanes. A browser in which this account signed in before has a lane of its own (OWASP, "device
cookies"), so a flood from elsewhere does not slow it. All others share a lane of this account from this network, one
of this account from everywhere, and one of this network for every name. Each lane lets some guesses pass, then one
after a minute, after 2, 4, 8 and at last every 15 minutes, and it forgives with time. It never closes for good.
"""

import datetime as dt
import math
import unicodedata
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from portal.listening.protection import network
from portal.signing_in import browsers
from portal.signing_in.models import Lane

MINUTE, HOUR = 60, 3600
LONGEST = 15 * MINUTE
FORGOTTEN = dt.timedelta(hours=6)


@dataclass(frozen=True)
class Rule:
    free: int  # wrong guesses before anybody waits
    forgives: int  # one of them after so many seconds


# What is guessed: the lanes it comes by. The shared ones forgive faster than one network, waiting, can fill them.
RULES = {
    "password": {
        "browser": Rule(10, HOUR),
        "place": Rule(5, HOUR),
        "account": Rule(20, 3 * MINUTE),
        "network": Rule(100, 20),
    },
    # Whoever gets here knows the password, and there are only a million codes.
    "code": {"browser": Rule(5, HOUR), "place": Rule(5, HOUR), "account": Rule(10, 10 * MINUTE)},
    # No guess, but mail that anybody can have sent to somebody.
    "mail": {"browser": Rule(2, HOUR), "place": Rule(2, HOUR), "account": Rule(5, 10 * MINUTE)},
}
OWN = {"browser", "place"}  # nobody else's: a right guess clears them


class Wait(Exception):
    """Nothing was looked at. Come back after so many seconds."""

    def __init__(self, seconds: float):
        self.seconds = math.ceil(seconds)
        super().__init__(f"{self.seconds} seconds")

    @property
    def minutes(self) -> int:
        return math.ceil(self.seconds / MINUTE)


class Guess:
    """One that may be looked at. It counts as wrong from the start, so many at once are many. Say if it was right."""

    def __init__(self, lanes: dict[str, str], at: dt.datetime):
        self._lanes, self._at = lanes, at

    def was_right(self) -> None:
        with transaction.atomic():
            for lane in _locked(self._lanes):
                own = self._lanes[lane.key] in OWN
                lane.level = 0 if own else max(0, lane.level - 1)
                if own or lane.at == self._at:  # else another guess closed it, and that one may be wrong
                    lane.until = lane.at
                lane.save()


def guess(what: str, name: str, request, *, now: dt.datetime | None = None) -> Guess:
    """Somebody guesses the password or the code of an account, there or not. Raises Wait."""
    now = now or timezone.now()
    lanes = _lanes(what, name, request, now)
    with transaction.atomic():
        found = list(_locked(lanes, now))
        # An open lane has no end beyond its last guess, which another machine's clock may put after our "now".
        closed = [lane.until for lane in found if lane.until > max(lane.at, now)]
        if closed:
            raise Wait((max(closed) - now).total_seconds())  # nothing is counted: waiting does not grow by asking
        for lane in found:
            _count(lane, RULES[what][lanes[lane.key]], now)
    return Guess(lanes, now)


def forget(now: dt.datetime | None = None) -> None:
    """Delete lanes by which nobody came for hours."""
    Lane.objects.filter(at__lt=(now or timezone.now()) - FORGOTTEN).delete()


def _count(lane, rule, now):
    passed = max(0.0, (now - lane.at).total_seconds())
    lane.level = max(0.0, lane.level - passed / rule.forgives) + 1
    lane.at = lane.until = now
    beyond = round(lane.level) - rule.free
    if beyond >= 0:
        lane.until += dt.timedelta(seconds=min(MINUTE * 2 ** min(beyond, 10), LONGEST))
    lane.save()


def _lanes(what, name, request, now) -> dict[str, str]:
    account = account_of(name)
    if browser := browsers.known(request, account):
        return {_key(what, "browser", account, browser): "browser"}
    # Another disguise every day, the same on every machine.
    place = salted_hmac(f"portal.signing_in.network {now:%Y-%m-%d}", network(request)).hexdigest()
    keys = {"place": (account, place), "account": (account,), "network": (place,)}
    return {_key(what, lane, *keys[lane]): lane for lane in RULES[what] if lane != "browser"}


def _key(*parts: str) -> str:
    return salted_hmac("portal.signing_in.lane", "\0".join(parts), algorithm="sha256").hexdigest()


def account_of(name: str) -> str:
    """One account, however its name is spelt."""
    return unicodedata.normalize("NFKC", name).casefold()


def _locked(lanes, now=None):
    """These rows, made where they are missing, locked in one order, so that two guesses never wait for each other."""
    keys = sorted(lanes)
    if now:
        made = [Lane(key=key, at=now, until=now) for key in keys]
        # Writes nothing new where there is one, but holds it: the clock cannot take it away meanwhile.
        Lane.objects.bulk_create(made, update_conflicts=True, unique_fields=["key"], update_fields=["key"])
    return Lane.objects.select_for_update().filter(key__in=keys).order_by("key")
