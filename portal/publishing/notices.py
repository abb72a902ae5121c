"""Notices by mail. `tell` puts them down, in the caller's transaction; `deliver` sends them, and only it does."""

import datetime as dt
import logging
from collections.abc import Iterable
from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone, translation
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.publishing import audit
from portal.publishing.models import Notice

log = logging.getLogger(__name__)

ONE_MAIL_EVERY = dt.timedelta(days=1)
# After an attempt nobody tries again for this long: neither a second deliverer meanwhile, nor we after a failure.
NEXT_ATTEMPT_AFTER = dt.timedelta(minutes=5)


def tell(people: Iterable, text, path: str, *, by=None, about: str = "", safety: bool = False, now=None):
    """Each of these people will read this sentence in a mail, with a link to this address of the desk.

    Whoever did it (`by`, else the person at the desk) is not told, nor who has no e-mail address or may not sign in.
    The same sentence that still waits is not put down twice. A lazy `text` is said in the source language.
    """
    if not path.startswith("/"):
        raise ValueError(f"{path} is not an address of the desk: it begins with a stroke.")
    now, by = now or timezone.now(), by or audit.person_acting()
    with translation.override(settings.LANGUAGE_CODE):
        text = Truncator(" ".join(str(text).split())).chars(500)
    # In one order, so that two who tell the same people wait for each other and never both.
    to = sorted({person.pk for person in people if person.is_active and person.email and person != by})
    rows = [Notice(to_id=pk, text=text, path=path, about=about, safety=safety, made_at=now) for pk in to]
    with transaction.atomic():
        Notice.objects.bulk_create(rows, ignore_conflicts=True)
        if safety:  # one that waited already may have been put down without hurry
            Notice.objects.filter(to__in=to, text=text, path=path, sent_at=None, safety=False).update(safety=True)


def deliver(now: dt.datetime | None = None) -> int:
    """Send what waits: one mail a day and person at most, but at once when safety is in it. Returns how many mails.

    A notice counts as sent when the back end took the mail. Should we fall over between the two, it is sent again.
    """
    now = now or timezone.now()
    sent = 0
    for pk in _due(now).order_by("pk").values_list("pk", flat=True):
        person, waiting = _claim(pk, now)
        if not waiting:
            continue
        try:
            _mail(person, waiting).send()
        except Exception as error:
            log.warning("The mail to account %s was not sent: %r", person.pk, error)
            if isinstance(error, OSError) and not isinstance(error, SMTPException):
                break  # nobody is there: the others would wait for the same silence. Their turn comes next time.
            continue
        Notice.objects.filter(pk__in=[notice.pk for notice in waiting]).update(sent_at=now)
        sent += 1
    return sent


def _due(now):
    """The people who get a mail now."""
    waits = Q(notices__sent_at=None)
    return (
        get_user_model()
        .objects.filter(is_active=True)
        .exclude(email="")
        .annotate(
            waiting=Count("notices", filter=waits),
            urgent=Count("notices", filter=waits & Q(notices__safety=True)),
            tried=Max("notices__tried_at", filter=waits),
            last=Max("notices__sent_at"),
        )
        .filter(waiting__gt=0)
        .filter(Q(tried=None) | Q(tried__lte=now - NEXT_ATTEMPT_AFTER))
        .filter(Q(urgent__gt=0) | Q(last=None) | Q(last__lte=now - ONE_MAIL_EVERY))
    )


@transaction.atomic
def _claim(pk, now):
    """This person's waiting notices are ours to send; no lock is held while the mail server takes its time."""
    person = get_user_model().objects.select_for_update(skip_locked=True, no_key=True).filter(pk=pk).first()
    # Asked again under the lock: another deliverer may have been here meanwhile.
    if person is None or not _due(now).filter(pk=pk).exists():
        return person, []
    waiting = list(Notice.objects.filter(to=pk, sent_at=None).order_by("-safety", "made_at", "pk"))
    Notice.objects.filter(pk__in=[notice.pk for notice in waiting]).update(tried_at=now)
    return person, waiting


def _mail(person, waiting) -> EmailMessage:
    with translation.override(settings.LANGUAGE_CODE):
        count = len(waiting)
        subject = ngettext("{count} notice from the desk", "{count} notices from the desk", count).format(count=count)
        if any(notice.safety for notice in waiting):
            subject = _("Safety: {subject}").format(subject=subject)
        lines = [_("Hello {name},").format(name=person.get_full_name() or person.get_username())]
        lines += [f"- {notice.text}\n  {settings.PUBLIC_ADDRESS}{notice.path}" for notice in waiting]
        lines.append(
            _("The desk writes to you at most once a day, and at once when safety is concerned. Nobody reads answers.")
        )
    # Out-of-office programs do not answer what says it was written by a machine (RFC 3834).
    return EmailMessage(
        subject, "\n\n".join(lines) + "\n", to=[person.email], headers={"Auto-Submitted": "auto-generated"}
    )
