"""Two tables: how many guesses came by which lane, and (django-otp's own) the apps that make codes."""

from django.db import models
from django.utils.crypto import salted_hmac
from django_otp.plugins.otp_totp.models import TOTPDevice


class Lane(models.Model):
    """Wrong guesses that came one way, and until when this way is closed. Written by throttle.py, gone after hours.

    The key tells neither name nor address: somebody may have typed a password where the name belongs.
    """

    key = models.CharField(max_length=64, unique=True)
    level = models.FloatField(default=0)  # wrong guesses, less those that time has forgiven
    at = models.DateTimeField(db_index=True)
    until = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self):
        return self.key[:8]


class Authenticator(TOTPDevice):
    """An app that makes codes (TOTP, RFC 6238). Its secret is not in the database: it needs SECRET_KEY as well."""

    class Meta:
        proxy = True
        default_permissions = ()

    @property
    def bin_key(self) -> bytes:
        return salted_hmac("portal.signing_in.authenticator", self.key, algorithm="sha256").digest()[:20]
