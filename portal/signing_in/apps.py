from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SigningInConfig(AppConfig):
    name = "portal.signing_in"
    verbose_name = _("Signing in")

    def ready(self):
        from portal.signing_in import sessions  # noqa: F401, PLC0415 -- it connects itself
