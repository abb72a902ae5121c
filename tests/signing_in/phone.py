"""An app for codes, and one clock for it and the server: no test waits half a minute, or fails at the end of one."""

from types import SimpleNamespace

import pytest
from django_otp.oath import TOTP

_clock = SimpleNamespace(now=1_800_000_000)


@pytest.fixture(autouse=True)
def half_minutes(monkeypatch):
    monkeypatch.setattr("django_otp.plugins.otp_totp.models.time", SimpleNamespace(time=lambda: _clock.now))


def shows(secret: bytes) -> str:
    """The next code: each time half a minute has passed."""
    _clock.now += 30
    app = TOTP(secret)
    app.time = _clock.now
    return f"{app.token():06}"
