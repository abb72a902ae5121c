"""What happens by itself: plans and mails that are due. Each server process has a clock; the database lets one win."""

import datetime as dt
import logging
import threading
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import close_old_connections, connection
from django.utils import timezone

from conditions import follow_up, leaflets, telling
from portal import files
from portal.listening import actions as listening
from portal.publishing import actions, notices
from portal.signing_in import throttle

SECONDS = 15
LATELY = dt.timedelta(minutes=15)  # whoever takes a dead process's place looks back so far
logger = logging.getLogger(__name__)
_forgot_in = None  # the hour in which this process last deleted what is kept for a time
_caught_up = False


def tick(now=None) -> int:
    """Do what is due. Returns how many plans ended."""
    ended = actions.carry_out(now, tell=telling.of_plan)
    for kind, key in {(plan.kind, plan.key) for plan in ended if not plan.refusal}:
        follow_up.changed(kind, key)
    _catch_up(now or timezone.now())
    notices.deliver(now)
    _forget(timezone.localtime(now))
    leaflets.forget_unread(now)
    return len(ended)


def _catch_up(now):
    """Once, when a process is new: it may stand in for one that died between a publish and what follows from it."""
    global _caught_up
    if not _caught_up:
        follow_up.catch_up(now - LATELY)
        _caught_up = True


def _forget(now):
    global _forgot_in
    hour = now.replace(minute=0, second=0, microsecond=0)
    if _forgot_in != hour:
        listening.forget(now.date())
        throttle.forget(now)
        files.forget_parts(Path(settings.MEDIA_ROOT))
        Session.get_session_store_class().clear_expired()
        _forgot_in = hour


def start() -> None:
    """Tick from now on, in a thread of this process that ends with it."""
    if settings.CLOCK:
        threading.Thread(target=_run, name="clock", daemon=True).start()


def _run():
    wait = threading.Event().wait
    while True:
        try:
            close_old_connections()
            tick()
        except Exception:  # a database that is away comes back; the clock goes on
            logger.exception("The clock missed a tick and goes on.")
        finally:
            connection.close()
        wait(SECONDS)
