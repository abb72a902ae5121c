"""Content from files at the desk: what came in is looked at first, then taken over or thrown away."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conditions import models
from conditions.bundle import loading, reading, table
from conditions.bundle.form import Bundle, Mistakes
from portal import languages
from portal.publishing import rights
from portal.translating.exchange.work import Unreadable

MOST_BYTES = 20 * 1024 * 1024
MOST_UNPACKED = 60 * 1024 * 1024
SHOWN = 300  # rows of a list

OUTCOMES = {
    "new": gettext_lazy("new words"),
    "updated": gettext_lazy("changed"),
    "unchanged": gettext_lazy("untouched"),
    "kept": gettext_lazy("changed at the desk since, and kept"),
    "refused": gettext_lazy("refused"),
}


class BundleDesk:
    """The view, mounted at /admin/files/ by conditions.desk. Each person has one file at a time."""

    def __init__(self, site):
        self.site = site

    def urls(self):
        return [path("files/", self.site.admin_view(self.files), name="files")]

    def files(self, request):
        if not may_take_in(request.user):
            raise PermissionDenied
        if request.method == "POST":
            try:
                return self._do(request, request.POST.get("do"))
            except (Unreadable, Mistakes) as problem:
                for line in str(problem).splitlines()[:20]:
                    messages.error(request, line)
                return self._back(request)
        arrival, plan, mistakes = models.Arrival.objects.filter(by=request.user).first(), None, []
        if arrival:
            try:
                plan = loading.look(_bundle(arrival), by=request.user)
            except (Unreadable, Mistakes) as problem:  # the working copy moved on since it came
                mistakes = str(problem).splitlines()[:SHOWN]
        context = {
            **self.site.each_context(request),
            "title": _("Content from files"),
            "arrival": arrival,
            "heading": _("{name}: what it would change").format(name=arrival.name) if arrival else "",
            "plan": plan,
            "mistakes": mistakes,
            "counts": [(label, plan.counts.get(what, 0)) for what, label in OUTCOMES.items()] if plan else [],
            "parts": plan.only("new", "updated", "refused")[:SHOWN] if plan else [],
            "kept": plan.only("kept")[:SHOWN] if plan else [],
            "outcomes": OUTCOMES,
            "languages": languages.at_the_desk(),
            "source": languages.SOURCE,
        }
        return render(request, "admin/files.html", context)

    def _do(self, request, what):
        """Raises Unreadable, Mistakes."""
        if what == "in":
            self._take_in(request)
        elif what == "away":
            models.Arrival.objects.filter(by=request.user).delete()
            messages.success(request, _("The file was thrown away. Nothing was changed."))
        elif what == "take":
            self._take(request)
        return self._back(request)

    def _back(self, request):
        return HttpResponseRedirect(reverse("admin:files"))

    def _take_in(self, request):
        """Raises Unreadable, Mistakes."""
        file, language = request.FILES.get("file"), request.POST.get("language", languages.SOURCE)
        if file is None or language not in languages.LANGUAGES:
            raise Unreadable(_("Choose a file first."))
        if file.size > MOST_BYTES:
            raise Unreadable(
                _("This is larger than {size} MB. Upload it in parts.").format(size=MOST_BYTES // 1024 // 1024)
            )
        arrival = models.Arrival(
            by=request.user, name=file.name[:200], language=language, content=file.read(), at=timezone.now()
        )
        _bundle(arrival)
        models.Arrival.objects.update_or_create(
            by=request.user,
            defaults={name: getattr(arrival, name) for name in ("name", "language", "content", "at")},
        )

    @transaction.atomic
    def _take(self, request):
        """Raises Mistakes."""
        arrival = models.Arrival.objects.select_for_update().filter(by=request.user).first()
        if arrival is None or str(arrival.pk) != request.POST.get("arrival"):
            messages.error(request, _("This file was taken over already."))
            return
        if arrival.at.isoformat() != request.POST.get("at"):
            messages.error(request, _("Another file came in meanwhile. Look at it first."))
            return
        chosen = frozenset(request.POST.getlist("overwrite"))
        plan = loading.load(_bundle(arrival), by=request.user, overwrite=chosen)
        arrival.delete()
        count = len(plan.only("new", "updated"))
        said = ngettext("{count} part was taken over.", "{count} parts were taken over.", count)
        messages.success(request, said.format(count=count))


def may_take_in(user) -> bool:
    """Whoever may change a topic; what of a file, is asked of each part."""
    return rights.may_read_unpublished(user) and user.has_perm("conditions.change_topic")


def _bundle(arrival: models.Arrival) -> Bundle:
    """A bundle, or a table: an XLSX file is a zip file as well. Raises Unreadable, Mistakes."""
    data = bytes(arrival.content)
    if reading.is_zip(data) and not arrival.name.casefold().endswith(".xlsx"):
        return reading.unpack(data, MOST_UNPACKED)
    return table.understand(arrival.name, data, arrival.language)
