"""A slow client holds no reader up. An answer, whatever it is, is handed over whole; requests are taken in by few.

Granian gives a streamed answer a thread until its last byte was taken, and a process has few. What a client *sends*
slowly does hold one, and granian knows no limit for it: so only `AT_ONCE` threads of a process ever wait for one, and
the others answer readers. In earnest a proxy takes requests in before it passes them on (docs/running.md).
"""

import io
import tempfile
import threading

from django.conf import settings

MOST = 64 * 1024 * 1024  # bytes of a request; what may be uploaded at the desk is smaller (20 MB, and a form around it)
AT_ONCE = 5  # requests with a body that a process takes in at the same time: three threads of eight are for readers
IN_MEMORY = 1024 * 1024  # bytes of a request; more of it is put on the disk meanwhile
WHOLE = 32 * 1024 * 1024  # answers up to this size are handed over whole; larger ones there are none


class Patient:
    """The WSGI application around Django's, behind the front."""

    def __init__(self, application):
        self.application = application
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def __call__(self, environ, start_response):
        said = environ.get("CONTENT_LENGTH") or ""
        size = int(said) if said.isascii() and said.isdigit() and len(said) < 20 else 0
        if size > MOST:
            return _refused(
                start_response, "413 Content Too Large", b"This is larger than what can be uploaded here.\n"
            )
        if not size:  # Django takes nothing of a body whose length is not said
            return _handed_over(self.application(environ, start_response))
        if size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE and not environ.get("CONTENT_TYPE", "").startswith("multipart/"):
            # Django refuses it by its length, in words; so nothing of it is waited for.
            return _handed_over(self.application({**environ, "wsgi.input": io.BytesIO()}, start_response))
        if not self._turns.acquire(blocking=False):
            return _refused(start_response, "503 Service Unavailable", b"Nothing was saved. Please send it again.\n")
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as taken_in:
            try:
                whole = _take_in(environ["wsgi.input"], taken_in) == size
            finally:
                self._turns.release()
            if not whole:
                return _refused(start_response, "400 Bad Request", b"A part of what was sent did not arrive.\n")
            taken_in.seek(0)
            return _handed_over(self.application({**environ, "wsgi.input": taken_in}, start_response))


def _refused(start_response, status, words):
    headers = [("Content-Type", "text/plain"), ("Cache-Control", "no-store"), ("Connection", "close")]
    if status.startswith("503"):
        headers.append(("Retry-After", "10"))  # seconds
    start_response(status, headers)
    return _Whole([words])


def _take_in(sent, taken_in) -> int:
    size = 0
    while piece := sent.read(64 * 1024):
        size += len(piece)
        taken_in.write(piece)
    return size


class _Whole(list):
    """An answer that is in memory: nothing is left to be closed."""

    def close(self):
        pass


def _handed_over(response):
    whole, size = [], 0
    for part in (parts := iter(response)):
        whole.append(part)
        size += len(part)
        if size > WHOLE:
            return _Rest(whole, parts, response)
    response.close()
    return _Whole([b"".join(whole)])


class _Rest:
    """The beginning of a very large answer, and what is still to come."""

    def __init__(self, begun, parts, response):
        self.begun, self.parts, self.response = begun, parts, response

    def __iter__(self):
        yield from self.begun
        yield from self.parts

    def close(self):
        self.response.close()
