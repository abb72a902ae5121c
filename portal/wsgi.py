"""The door for the server: granian portal.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

from portal import logs

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

logs.catch_everything()
application = get_wsgi_application()

from django.conf import settings  # noqa: E402

from conditions import clock  # noqa: E402 -- models are there only now
from portal.middleware import without_charset  # noqa: E402
from portal.operating.requests import Counted  # noqa: E402
from portal.operating.systemd import say_ready  # noqa: E402

application = Counted(without_charset(application), most=settings.FRONT_CACHE_MB * 1024 * 1024)
application.start()
clock.start()
say_ready()
