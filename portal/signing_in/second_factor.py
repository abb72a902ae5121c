"""A code from a person's phone, asked for after the password. The only writer of it, and of recovery codes.

django-otp keeps the devices, checks codes and refuses one that was used; how often somebody may guess, throttle says.
"""

import io
import secrets

import segno
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_static.models import StaticDevice

from portal.publishing import audit, notices
from portal.signing_in.models import Authenticator

TAKEN = gettext_lazy(
    "The second factor was taken from your account. Set it up again, and ask why if you did not want it."
)
RECOVERY_CODES = 10
LENGTH = 10  # letters of a recovery code, 50 bits
LETTERS = "abcdefghijklmnopqrstuvwxyz234567"


def of(person) -> Authenticator | None:
    return _all(person).filter(confirmed=True).order_by("pk").first()


def codes_left(person) -> int:
    return sum(device.token_set.count() for device in StaticDevice.objects.filter(user=person))


def begin(person) -> Authenticator:
    """A new secret for this person. It counts only when a code from it was seen."""
    with transaction.atomic():
        _hold(person)
        _all(person).filter(confirmed=False).delete()
        return Authenticator.objects.create(user=person, confirmed=False, name="authenticator")


def begun(person, pk) -> Authenticator | None:
    return _all(person).filter(pk=pk, confirmed=False).first()


def confirm(device: Authenticator, code: str) -> list[str] | None:
    """From now on this account is asked for codes. Returns its recovery codes, once; None where the code is wrong."""
    person = device.user
    with transaction.atomic():
        held = [one for one in _hold(person) if one.pk == device.pk and not one.confirmed]
        if not held or not held[0].verify_token(_letters(code)):
            return None
        device = held[0]
        _all(person).exclude(pk=device.pk).delete()
        device.confirmed = True
        device.save(update_fields=["confirmed"])
        codes = _new_codes(person)
        _note(person, by=person, done="set up")
        return codes


def new_codes(person) -> list[str]:
    """Ten others; those of before open nothing any more."""
    with transaction.atomic():
        _hold(person)
        codes = _new_codes(person)
        _note(person, by=person, done="recovery codes made anew")
        return codes


def check(person, code: str) -> bool:
    """A code of the moment or a recovery code, each good for one time."""
    code = _letters(code)
    with transaction.atomic():
        device = next((one for one in _hold(person) if one.confirmed), None)
        if device is None:
            return False
        if len(code) != LENGTH:
            return len(code) == device.digits and device.verify_token(code)
        for codes in StaticDevice.objects.filter(user=person):
            if codes.verify_token(_kept(person, code)):
                _note(person, by=person, done="recovery code used", left=codes_left(person))
                return True
    return False


def remove(person, *, by=None) -> bool:
    """Ask no more codes of this account. By somebody else or a command, it is a reset. False: there was none."""
    with transaction.atomic():
        had = any(device.confirmed for device in _hold(person))
        _all(person).delete()
        StaticDevice.objects.filter(user=person).delete()
        if had:
            if by != person:
                notices.tell([person], TAKEN, "/admin/second-factor/", by=by)
            _note(person, by=by, done="removed" if by == person else "reset")
        return had


def secret(device: Authenticator) -> str:
    """To be typed into an app, in groups of four."""
    said = device.config_url.partition("secret=")[2].partition("&")[0]
    return " ".join(said[at : at + 4] for at in range(0, len(said), 4))


def drawn(device: Authenticator) -> str:
    """To be read by an app's camera, as SVG: black on white in a dark theme as well."""
    out = io.BytesIO()
    segno.make(device.config_url, error="m").save(
        out, kind="svg", border=4, light="#fff", xmldecl=False, svgns=True, omitsize=True, svgclass="desk-qr"
    )
    return out.getvalue().decode()


def is_required() -> bool:
    """Of everybody, before anything else at the desk. In a demonstration everybody has the same accounts."""
    return settings.SECOND_FACTOR == "required" and not settings.DEMO


def _all(person):
    return Authenticator.objects.filter(user=person)


def _hold(person):
    """One at a time for each person. Before the end of the audit log, always."""
    return list(_all(person).select_for_update().order_by("pk"))


def _new_codes(person):
    StaticDevice.objects.filter(user=person).delete()
    device = StaticDevice.objects.create(user=person, name="recovery codes")
    codes = ["".join(secrets.choice(LETTERS) for _ in range(LENGTH)) for _ in range(RECOVERY_CODES)]
    for code in codes:
        device.token_set.create(token=_kept(person, code))
    return [f"{code[:5]}-{code[5:]}" for code in codes]


def _kept(person, code):
    """What the database holds instead of a recovery code: 64 bits that say nothing without SECRET_KEY."""
    return salted_hmac("portal.signing_in.recovery", f"{person.pk} {code}", algorithm="sha256").hexdigest()[:16]


def _letters(code):
    """As it was meant: without spaces and dashes, and the digits 0 and 1, which no recovery code has, as letters."""
    letters = "".join(letter for letter in code.lower() if letter.isalnum())
    return letters.translate({ord("0"): "o", ord("1"): "l"}) if len(letters) == LENGTH else letters


def _note(person, *, by, **detail):
    audit.note("second factor", by=by, about=f"account {person.get_username()}", now=timezone.now(), **detail)
