"""How long somebody stays signed in: eight idle hours, until the browser closes, and no longer than the factor."""

import time

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpResponseRedirect
from django.urls import reverse

from portal.signing_in import second_factor

FACTOR = "second_factor"  # in the session: the number of the authenticator that it was opened with
SEEN = "seen"
WRITTEN_AGAIN = 10 * 60  # seconds: idle time is counted by the last write, and not every page writes
ALLOWED_WITHOUT = (
    "second-factor",
    "login",
    "sign-in-code",
    "logout",
    "jsi18n",
    "password_change",
    "password_change_done",
)


@receiver(user_logged_in)
def signed_in(request, **kwargs):
    request.session[SEEN] = int(time.time())


def holds(get_response):
    """At the desk: a factor that was set up, removed or reset since ends the sessions opened without regard to it."""

    def middleware(request):
        if request.path_info.startswith("/admin/") and request.user.is_authenticated:
            if request.session.get(FACTOR) != request.user.second_factor:
                logout(request)
            elif request.user.second_factor is None and second_factor.is_required() and not _allowed(request):
                return HttpResponseRedirect(reverse("admin:second-factor"))
            elif time.time() - request.session.get(SEEN, 0) > WRITTEN_AGAIN:
                request.session[SEEN] = int(time.time())
        return get_response(request)

    return middleware


def _allowed(request):
    return request.path_info in {reverse(f"admin:{name}") for name in ALLOWED_WITHOUT}
