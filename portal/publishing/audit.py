"""The audit log: who did what, when. `note` writes it, nothing changes it, `faults` proves that nobody did."""

import csv
import datetime as dt
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.publishing.models import AuditEnd, AuditEntry
from portal.publishing.questions import Question

WHAT = {
    "signed": _("signed off"),
    "published": _("published"),
    "withdrawn": _("withdrawn"),
    "restored": _("restored"),
    "carried": _("translations carried along"),
    "interface": _("words of the interface changed"),
    "language": _("language opened, offered or closed"),
    "role changed": _("role or right changed"),
    "account made": _("account made"),
    "account changed": _("account changed"),
    "account deleted": _("account deleted"),
    "second factor": _("second factor set up, used or taken away"),
    "sign-in refused": _("sign-in refused"),
    "brought back": _("brought back from a backup"),
}

# How many refused log-ins are written down: one a minute for a name, so many a minute for all names together.
# The rest is counted. A flood of them costs at most some megabytes a day.
REFUSED_A_MINUTE = 20

_SEALED = ("number", "at", "by_id", "by_name", "what", "about", "detail", "previous_seal")
_request = ContextVar("request at the desk", default=None)
_waiting = ContextVar("notes to be written at the end", default=None)


@contextmanager
def acting(request):
    """While this lasts, whoever is signed in here is the one who acts."""
    token = _request.set(request)
    try:
        yield
    finally:
        _request.reset(token)


def person_acting():
    """The person at the desk; None for the clock, a command, and before anybody has signed in."""
    user = getattr(_request.get(), "user", None)
    return user if user is not None and user.is_authenticated else None


@contextmanager
def last():
    """Notes made inside are written at its end, when every other lock is had. Use it inside the transaction."""
    if (outer := _waiting.get()) is not None:  # that one writes them, but not those of what is rolled back here
        before = len(outer)
        try:
            yield
        except BaseException:
            del outer[before:]
            raise
        return
    waiting = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    for what, by, about, now, detail in waiting:  # not where something was raised
        _write(_end(), what, by, about, now, detail)


def note(what: str, *, by, about: str, now: dt.datetime | None = None, **detail) -> AuditEntry | None:
    """Write one entry, in the caller's transaction: what is rolled back was never done and is not noted.

    Writers queue for the end of the log, from here to their commit. So note last, after every other lock is had, or
    inside `last`.
    """
    now = now or timezone.now()
    if (waiting := _waiting.get()) is not None:
        waiting.append((what, by, about, now, detail))
        return None
    with transaction.atomic():
        return _write(_end(), what, by, about, now, detail)


def note_refused(name: str, *, now: dt.datetime | None = None):
    """Somebody could not sign in under this name. Never a password, never from where: nobody is watched."""
    now = now or timezone.now()
    about = f"account {_printable(name)}"
    with transaction.atomic():
        end = _end()
        lately = AuditEntry.objects.filter(what="sign-in refused", at__gt=now - dt.timedelta(minutes=1))
        if lately.filter(about=about).exists() or lately.count() >= REFUSED_A_MINUTE:
            end.left_out += 1
            end.save(update_fields=["left_out"])
            return
        detail = {"more since the last one written down": end.left_out} if end.left_out else {}
        end.left_out = 0
        _write(end, "sign-in refused", None, about, now, detail)


def subject(of) -> str:
    """What an entry about a manuscript or an edition is about: "{kind}/{key}/es, edition 4"."""
    number = getattr(of, "number", None)
    return f"{of.kind}/{of.key}/{of.language}" + (f", edition {number}" if number else "")


def seal_of(entry: AuditEntry) -> str:
    """SHA-256 over everything an entry says, as 64 hex digits."""
    said = {name: getattr(entry, name) for name in _SEALED}
    said["at"] = said["at"].astimezone(dt.UTC)
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()


def details(entry: AuditEntry) -> str:
    """What else was noted, on one line."""
    return "; ".join(
        f"{name}: {', '.join(map(str, said)) if isinstance(said, list) else said}"
        for name, said in entry.detail.items()
        if said not in ("", [])
    )


def table(entries: Iterable[AuditEntry]) -> str:
    """CSV for a spreadsheet. Nothing in it is a formula: names and reasons are other people's words."""
    file = io.StringIO("\ufeff", newline="")  # the mark tells spreadsheets that it is UTF-8
    file.seek(0, io.SEEK_END)
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(("number", "at", "by", "account", "what", "about", "details", "seal"))
    for entry in entries:
        account = entry.by.get_username() if entry.by else ""
        cells = (entry.by_name, account, entry.what, entry.about, details(entry))
        writer.writerow((entry.number, entry.at.isoformat(), *map(_no_formula, cells), entry.seal))
    return file.getvalue()


def _no_formula(text: str) -> str:
    """An apostrophe before what a spreadsheet would run (OWASP, CSV injection)."""
    first = text.lstrip()[:1] or text[:1]
    return f"'{text}" if first and first in "=+-@＝＋－＠" or text[:1] in {"\t", "\r", "\n"} else text


def end() -> tuple[int, str]:
    """The number and seal of the newest entry. Kept elsewhere, they show that a log was not made anew."""
    found = _where_it_ends.ask()
    return found[0] if found else (0, "")


_where_it_ends = Question(lambda: AuditEnd.objects.order_by("pk").values_list("number", "seal")[:1])


def faults() -> Iterator[str]:
    """Every sign that the log was altered by hand, in words.

    Whoever rewrites every entry and the end as well leaves no trace here: compare `end` with one written down before.
    """
    number, seal = 0, ""
    last, last_seal = end()
    for entry in AuditEntry.objects.order_by("number").iterator(chunk_size=500):
        name = f"audit log, entry {entry.number}"
        if entry.number != number + 1:
            yield f"{name}: what was noted before it is missing."
        elif entry.previous_seal != seal:
            yield f"{name}: it does not follow the entry before it."
        if entry.seal != seal_of(entry):
            yield f"{name}: it was altered after it was written."
        if entry.number == last and entry.seal != last_seal:
            yield f"{name}: it is not the one that was written last."
        number, seal = entry.number, entry.seal
    # Somebody may have written meanwhile, so the end is asked again.
    if not last <= number <= end()[0]:
        yield f"audit log, after entry {number}: it does not end where it ended, at entry {last}."


def _end() -> AuditEnd:
    """The end of the log, locked until the transaction is over. SQLite locks everything anyway."""
    return AuditEnd.objects.select_for_update().get_or_create(pk=1)[0]


def _write(end, what, by, about, now, detail):
    if what not in WHAT:
        raise ValueError(f"“{what}” is not in audit.WHAT.")
    entry = AuditEntry(
        number=end.number + 1,
        at=now,
        by=by,
        by_name=_clean(by.get_full_name() or by.get_username())[:200] if by else "",
        what=what,
        about=_clean(about),
        detail=_clean(detail),
        previous_seal=end.seal,
    )
    entry.seal = seal_of(entry)
    entry.save()
    end.number, end.seal = entry.number, entry.seal
    end.save()
    return entry


def _clean(value):
    """Only what both databases give back as it was: PostgreSQL refuses a NUL and half a character."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return {str(name): _clean(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one) for one in value]
    return str(value).replace("\x00", "").encode(errors="replace").decode()


def _printable(name) -> str:
    """A name somebody typed: no control characters, no change of direction, at most 150 characters."""
    return "".join(character for character in str(name) if character.isprintable())[:150]
