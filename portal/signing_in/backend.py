"""Whose name and password these are."""

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import OuterRef, Subquery

from portal.signing_in.models import Authenticator


class Backend(ModelBackend):
    """Django's own, but the printed password of the demonstration opens nothing in a portal in earnest."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if password == settings.DEMO_PASSWORD and not settings.DEMO:
            return None
        return super().authenticate(request, username=username, password=password, **kwargs)

    def get_user(self, user_id):
        """With `second_factor`, the number of the account's own or None, in the same query (sessions.py asks)."""
        factor = Authenticator.objects.filter(user=OuterRef("pk"), confirmed=True).order_by("pk").values("pk")[:1]
        user = User.objects.annotate(second_factor=Subquery(factor)).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None
