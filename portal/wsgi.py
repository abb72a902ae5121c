"""The door for the server: granian portal.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()

from django.conf import settings  # noqa: E402

from conditions import clock  # noqa: E402 -- models are there only now
from portal.front import Front  # noqa: E402
from portal.middleware import without_charset  # noqa: E402
from portal.patience import Patient  # noqa: E402

application = Front(Patient(without_charset(application)), most=settings.FRONT_CACHE_MB * 1024 * 1024)

application.watch.start()
clock.start()
