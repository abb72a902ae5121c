from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class ConditionsConfig(AppConfig):
    name = "conditions"
    verbose_name = _("Conditions, symptoms, treatments")


class DeskConfig(AdminConfig):
    """The stock admin with a first page of our own."""

    default_site = "conditions.desk.Desk"
