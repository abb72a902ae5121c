"""The door for the server: granian portal.wsgi:application."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

application = get_wsgi_application()

from conditions import clock  # noqa: E402 -- models are there only now
from portal.middleware import without_charset  # noqa: E402

application = without_charset(application)

clock.start()
