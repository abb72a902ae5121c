from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PublishingConfig(AppConfig):
    name = "portal.publishing"
    verbose_name = _("Publishing")

    def ready(self):
        from portal.publishing import account_changes  # noqa: F401, PLC0415 -- connects; needs the models to be there
