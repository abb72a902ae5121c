"""A way of their own for operators' addresses: probes name a machine by its number, and come without TLS."""

from django.urls import Resolver404, resolve

OURS = ("/health/", "/metrics")


def for_operators(get_response):
    """Around everything that looks at Host, language, session or database."""

    def middleware(request):
        if request.path_info.startswith(OURS):
            try:
                found = resolve(request.path_info)
            except Resolver404:
                return get_response(request)
            return found.func(request, *found.args, **found.kwargs)
        return get_response(request)

    return middleware
