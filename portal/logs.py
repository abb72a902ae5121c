"""What is written down about requests: that one failed and why, never its address."""

import logging


class WithoutAddresses(logging.Filter):
    """Django's request log says "Internal Server Error: /en/conditions/...": what somebody reads about."""

    def filter(self, record):
        if record.name.startswith(("django.request", "django.security", "django.server")):
            record.msg, record.args = f"A request failed ({getattr(record, 'status_code', 'no status')})", ()
        return True
