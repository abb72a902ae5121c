"""For a browser that is new while somebody floods the account: a lane of its own, opened by a link in a mail.

The link opens nothing else: password and second factor are asked for as always. Each mail is one lane.
"""

import logging
import secrets
import threading

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.core.mail import EmailMessage
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.signing_in.throttle import account_of

SALT = "portal.signing_in.by_mail"
MINUTES = 30
log = logging.getLogger(__name__)


def send(name: str) -> None:
    """To whoever has this name, if anybody; in the same time for all, so nobody learns who has."""
    person = User.objects.filter(username=name, is_active=True, is_staff=True).exclude(email="").first()
    if person is not None:
        threading.Thread(target=_send, args=(_mail(person),), name="mail for signing in", daemon=True).start()


def read(token: str) -> tuple[str, str] | None:
    """The account, and the name of its browser. None: too old, or not ours."""
    try:
        account, browser = signing.loads(token, salt=SALT, max_age=MINUTES * 60)
    except signing.BadSignature:
        return None
    return account, browser


def _mail(person) -> EmailMessage:
    token = signing.dumps([account_of(person.get_username()), secrets.token_hex(8)], salt=SALT)
    lines = [
        _("Hello {name},").format(name=person.get_full_name() or person.get_username()),
        _(
            "too many wrong passwords were tried with your account, so other browsers have to wait. "
            "Open this address in the browser in which you want to sign in; it need not wait then. "
            "You are asked for your password as always. The address works for {minutes} minutes."
        ).format(minutes=MINUTES),
        settings.PUBLIC_ADDRESS + reverse("admin:sign-in-known", args=[token]),
        _("You did not ask for this? Then somebody else did, and nothing more happened. Nobody reads answers."),
    ]
    return EmailMessage(
        _("Signing in to the desk"),
        "\n\n".join(lines) + "\n",
        to=[person.email],
        headers={"Auto-Submitted": "auto-generated"},  # RFC 3834
    )


def _send(mail):
    try:
        mail.send()
    except Exception as error:
        log.warning("A mail for signing in was not sent: %r", error)
