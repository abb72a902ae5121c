"""Whether a process lives, and whether it should be sent readers. Answered for any Host: probes use a number."""

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from django.utils.translation import to_locale
from django.views.decorators.http import require_safe

from portal import languages
from portal.operating.requests import ASKED

preparing: set[str] = set()  # what this process still does before readers should be sent to it
_prepared = False  # this release's tables, catalogues and styles were found; they do not go away again


@require_safe
def live(request):
    return _plain("ok")


@require_safe
def ready(request):
    asked = request.META.get(ASKED)
    # Over the database that readers are answered from now: a replica, while it is up to date.
    why = _missing(asked.server.front.source() if asked else None)
    return _plain(f"not ready: {why}", 503) if why else _plain("ready")


def _plain(said: str, status: int = 200) -> HttpResponse:
    response = HttpResponse(f"{said}\n", status=status, content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "no-store"
    response._has_been_logged = True  # a probe asks every second: Django would write down each 503
    return response


def _missing(watch) -> str:
    """What stands in the way, or "". Waits for the database a second at most: for its last answer to the watch."""
    global _prepared
    away = "the database does not answer"
    if watch is not None and (watch.away() or not watch.sure() or watch.away()):
        return away
    try:
        if watch is None:
            connection.ensure_connection()
        if not _prepared:
            if why := _unprepared():
                return why
            _prepared = True
    except DatabaseError:
        return away
    return next(iter(preparing), "")


def _unprepared() -> str:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return "the database is older than this release; run manage.py serve --prepare-only"
    for language in languages.offered():
        compiled = settings.BASE_DIR / "locale" / to_locale(language.code) / "LC_MESSAGES" / "django.mo"
        if not language.is_source and not compiled.exists():
            return "the interface's words are not compiled; run manage.py serve --prepare-only"
    if not settings.DEBUG and getattr(staticfiles_storage, "hashed_files", True) == {}:
        return "the styles are not collected; run manage.py serve --prepare-only"
    return ""
