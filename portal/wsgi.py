"""The door for the server: granian portal.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()

from django.conf import settings  # noqa: E402

from conditions import clock, start_up  # noqa: E402 -- models are there only now
from portal.cdn import Behind, Purger  # noqa: E402
from portal.front import Front  # noqa: E402
from portal.middleware import without_charset  # noqa: E402
from portal.replica import Follower  # noqa: E402

application = Front(without_charset(application), most=settings.FRONT_CACHE_MB * 1024 * 1024)

watch = application.watch
if settings.REPLICA_URL:
    application.replica = Follower(watch)
    application.replica.start()
if settings.CDN_PURGE:
    how = {"method": settings.CDN_PURGE_METHOD, "headers": settings.CDN_PURGE_HEADERS, "body": settings.CDN_PURGE_BODY}
    application = Behind(application, [Purger(address, **how) for address in settings.CDN_PURGE])
    application.start()
watch.start()
clock.start()
start_up.start()
