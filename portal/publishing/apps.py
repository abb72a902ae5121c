from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from portal import languages


class PublishingConfig(AppConfig):
    name = "portal.publishing"
    verbose_name = _("Publishing")

    def ready(self):
        from portal.publishing import account_changes, reading  # noqa: F401, PLC0415 -- the first connects itself

        languages.follow(reading.decided_languages)
