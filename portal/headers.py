"""What every answer tells browsers, whoever made it: pages, errors, redirects, files, what WhiteNoise answers."""

from django.conf import settings

OURS = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'"
NOWHERE = "form-action 'self'; base-uri 'none'"
# Files of ours only; nothing inline, nothing of another host, at the desk as well.
READERS = f"{OURS}; worker-src 'self'; {NOWHERE}"
DESK = f"{OURS}; frame-src 'self'; {NOWHERE}"

# Every feature that Chromium knows of (156); we use none.
_FEATURES = """
    accelerometer autoplay browsing-topics camera captured-surface-control clipboard-read clipboard-write
    compute-pressure cross-origin-isolated deferred-fetch deferred-fetch-minimal display-capture encrypted-media
    fullscreen gamepad geolocation gyroscope hid identity-credentials-get idle-detection keyboard-map local-fonts
    magnetometer microphone midi otp-credentials payment picture-in-picture private-state-token-issuance
    private-state-token-redemption publickey-credentials-create publickey-credentials-get screen-wake-lock serial
    storage-access sync-xhr usb window-management xr-spatial-tracking
"""
NO_FEATURES = ", ".join(f"{name}=()" for name in _FEATURES.split())

BY_CODE = ("/infobutton", "/fhir/")


def may_be_framed(response, by: str):
    """The answer may stand in a frame: by "'self'" or by anyone, "*"."""
    response.may_be_framed = by
    response.xframe_options_exempt = True
    if by == "*":
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def headers(get_response):
    """Outermost, so that what other middleware answers by itself carries them too."""

    def middleware(request):
        response = get_response(request)
        desk = request.path_info.startswith("/admin/")
        frame = getattr(response, "may_be_framed", "'none'")
        say = response.headers.setdefault
        response.headers["Content-Security-Policy"] = f"{DESK if desk else READERS}; frame-ancestors {frame}"
        if frame != "*":
            say("X-Frame-Options", "SAMEORIGIN" if frame == "'self'" else settings.X_FRAME_OPTIONS)
        say("X-Content-Type-Options", "nosniff")
        say("Permissions-Policy", NO_FEATURES)
        say("Cross-Origin-Opener-Policy", settings.SECURE_CROSS_ORIGIN_OPENER_POLICY)
        say("Cross-Origin-Resource-Policy", "same-origin")
        say("Origin-Agent-Cluster", "?1")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            say("Cross-Origin-Embedder-Policy", "require-corp")
        if desk:
            # With no-referrer a browser sends "Origin: null", and every form would fail its CSRF check.
            response.headers["Referrer-Policy"] = "same-origin"
            say("X-Robots-Tag", "noindex")
        else:
            # A health page's address is nobody's business.
            response.headers["Referrer-Policy"] = "no-referrer"
        if request.path_info.startswith(BY_CODE):
            # Errors as well: their addresses may say who is ill, and another site's program has to read them.
            say("Cache-Control", "no-store")
            say("Access-Control-Allow-Origin", "*")
        return response

    return middleware
