"""What is answered while the database is known to be away: what needs none, and "try again shortly"."""

from conditions.public import views
from portal import front

# A worker is alive without a database; these files and this choice need none either.
_WITHOUT = ("/health/", "/metrics", "/media/", "/kept-worker.js", "/favicon.ico", "/robots.txt")


def while_the_database_is_away(get_response):
    """Nobody waits for what will not come: whoever looks after the pages knows already (portal.front)."""

    def middleware(request):
        path = request.path_info
        if front.AWAY in request.META and path != "/" and not path.startswith(_WITHOUT):
            return views.try_again_shortly(request)
        return get_response(request)

    return middleware
