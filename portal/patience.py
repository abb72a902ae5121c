"""A slow client holds no thread while it takes an answer: whatever it is, it is handed over whole.

Granian gives a streamed answer a thread until its last byte was taken, and a process has few. What a client *sends*
slowly does hold one: a proxy takes requests in before it passes them on (docs/running.md).
"""

MOST = 64 * 1024 * 1024  # bytes of a request; what may be uploaded at the desk is smaller (20 MB, and a form around it)
WHOLE = 32 * 1024 * 1024  # answers up to this size are handed over whole; larger ones there are none


class Patient:
    """The WSGI application around Django's, behind the front."""

    def __init__(self, application):
        self.application = application

    def __call__(self, environ, start_response):
        said = environ.get("CONTENT_LENGTH") or "0"
        if said.isascii() and said.isdigit() and int(said) > MOST:
            start_response("413 Content Too Large", [("Content-Type", "text/plain"), ("Connection", "close")])
            return _Whole([b"This is larger than what can be uploaded here.\n"])
        return _handed_over(self.application(environ, start_response))


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
