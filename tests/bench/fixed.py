"""The least that a WSGI application can do: the same bytes for everybody. What our server could reach at most."""

import os
from pathlib import Path

BODY = Path(os.environ["FIXED_BODY"]).read_bytes()
HEADERS = [("Content-Type", "text/html"), ("Content-Encoding", "gzip"), ("Content-Length", str(len(BODY)))]


def application(environ, start_response):
    start_response("200 OK", HEADERS)
    return [BODY]
