"""The door for the server: granian portal.wsgi:application."""

import os
import sys

from django.core.wsgi import get_wsgi_application

from portal import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

# Seconds for which a thread that makes a page may keep the interpreter from those that answer from memory; Python's own
# is 0.005.
sys.setswitchinterval(0.0005)
logs.catch_everything()
application = django = get_wsgi_application()

from django.conf import settings  # noqa: E402

from conditions import clock, start_up  # noqa: E402 -- models are there only now
from portal.cdn import Behind, Purger  # noqa: E402
from portal.front import Front  # noqa: E402
from portal.listening.later import later  # noqa: E402
from portal.middleware import without_charset  # noqa: E402
from portal.operating.requests import Counting  # noqa: E402
from portal.operating.systemd import say_ready  # noqa: E402
from portal.patience import Patient  # noqa: E402
from portal.replica import Follower  # noqa: E402

counting = Counting(Patient(without_charset(application)))
application = front = Front(counting.made, most=settings.FRONT_CACHE_MB * 1024 * 1024)
if settings.REPLICA_URL:
    front.replica = Follower(front.watch)
    front.replica.start()
if settings.CDN_PURGE:
    how = {"method": settings.CDN_PURGE_METHOD, "headers": settings.CDN_PURGE_HEADERS, "body": settings.CDN_PURGE_BODY}
    application = Behind(front, [Purger(address, **how) for address in settings.CDN_PURGE])
    application.start()
application = counting.around(application, front)
front.watch.start()
clock.start()
later.start()
start_up.start(django)
say_ready()
