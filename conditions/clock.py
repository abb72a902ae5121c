"""What happens by itself: plans and mails that are due. Each server process has a clock; the database lets one win."""

import logging
import threading

from django.conf import settings
from django.db import close_old_connections, connection
from django.utils import timezone

from conditions import follow_up, leaflets, telling
from portal.listening import actions as listening
from portal.publishing import actions, notices

SECONDS = 15
logger = logging.getLogger(__name__)
_forgot_on = None  # the day on which this process last deleted what readers said long ago


def tick(now=None) -> int:
    """Do what is due. Returns how many plans ended."""
    ended = actions.carry_out(now, tell=telling.of_plan)
    for kind, key in {(plan.kind, plan.key) for plan in ended if not plan.refusal}:
        follow_up.changed(kind, key)
    notices.deliver(now)
    _forget(timezone.localdate(now))
    leaflets.forget_unread(now)
    return len(ended)


def _forget(today):
    global _forgot_on
    if _forgot_on != today:
        listening.forget(today)
        _forgot_on = today


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
