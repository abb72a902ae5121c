"""The translator's own page: source beside target, one language, nothing else."""

import json

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from js_asset import Media

from portal import languages
from portal.publishing import compare, rights
from portal.publishing.models import Edition
from portal.translating import checks
from portal.translating.columns import column
from portal.translating.forms import AgreedTerm, TranslationForm, Unit, fingerprint

# How an entry of the admin's log says that it is about a translation (json.dumps writes it so).
OF_A_TRANSLATION = '"name": "translation"'


def name_of(user) -> str:
    return user.get_full_name() or user.get_username()


def may_translate(user, app_label: str, language: str) -> bool:
    """Whether this person works in this language. The right stands beside the model that holds the columns."""
    return user.has_perm(f"{app_label}.{column('translate', language)}")


class TranslatingAdmin(admin.ModelAdmin):
    """Mixed into the admin of anything with translations. The subclass names the parts."""

    def units(self, obj, source_edition: Edition | None) -> list[Unit]:
        raise NotImplementedError("say which parts of this object are translated")

    def source_edition(self, obj) -> Edition | None:
        raise NotImplementedError("say which source edition translators work from")

    def matched_edition(self, obj, language: str) -> Edition | None:
        """The source edition that the public translation was compared with, if there is one."""

    def terms(self, units: list[Unit], language: str) -> list[AgreedTerm]:
        """The glossary's terms that the source names, with what was agreed for them in this language."""
        return []

    def translated(self, obj, language: str, by) -> None:
        """After somebody saved words in this language."""

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}_translate"
        return [
            path("<int:pk>/translate/<str:language>/", self.admin_site.admin_view(self.translate_view), name=name),
            *super().get_urls(),
        ]

    def translate_url(self, obj, language: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_translate", args=[obj.pk, str(language)])

    def _log_message(self, language, labels) -> list[dict]:
        return [{"changed": {"name": "translation", "object": language.english, "fields": labels}}]

    def _last_saved(self, obj, language) -> LogEntry | None:
        told = json.dumps(self._log_message(language, [])).partition(', "fields"')[0]
        entries = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(obj),
            object_id=str(obj.pk),
            change_message__contains=told.lstrip("["),
        )
        return entries.select_related("user").order_by("-pk").first()

    def _opened_beside(self, request, obj, source_edition) -> Edition | None:
        """The source edition this form was opened with, where another one was published since."""
        said = request.POST.get("source_edition", "")
        if not source_edition or not said.isdecimal() or len(said) > 9 or int(said) == source_edition.number:
            return None
        return Edition.objects.filter(
            kind=source_edition.kind, key=source_edition.key, language=languages.SOURCE, number=int(said)
        ).first()

    def _moved(self, obj, units, before: Edition | None, now: Edition | None) -> dict[str, list[compare.Run]]:
        """part -> what the source says differently there since that edition, word by word."""
        if before is None or now is None or before.digest == now.digest:
            return {}
        old = {unit.part: unit.source for unit in self.units(obj, before)}
        return {
            unit.part: compare.words(old.get(unit.part, ""), unit.source)
            for unit in units
            if old.get(unit.part, "") != unit.source and not (unit.optional and unit.part == "slug")
        }

    def translate_view(self, request, pk, language):
        if language not in languages.LANGUAGES or language == languages.SOURCE:
            raise Http404
        obj = get_object_or_404(self.get_queryset(request), pk=pk)
        if not (
            rights.may_read_unpublished(request.user) and may_translate(request.user, self.opts.app_label, language)
        ):
            raise PermissionDenied
        target = languages.get(language)
        source_edition = self.source_edition(obj)
        units = self.units(obj, source_edition)
        form = TranslationForm(units, target, request.POST or None)
        # What the translator had before their eyes, if it is not today's source any more.
        opened_beside = self._opened_beside(request, obj, source_edition)
        if request.method == "POST" and form.is_valid() and not opened_beside:
            with transaction.atomic():
                count = len(saved := form.save())
                self.translated(obj, language, request.user)
                if saved:
                    self.log_change(request, obj, self._log_message(target, saved))
            messages.success(
                request,
                ngettext("{count} part was saved.", "{count} parts were saved.", count).format(count=count)
                if count
                else _("Nothing had changed, so nothing was saved."),
            )
            return HttpResponseRedirect(request.path)
        saved_meanwhile = form.is_bound and form.saved_meanwhile()
        compared_with = opened_beside or self.matched_edition(obj, language)
        moved = self._moved(obj, units, compared_with, source_edition)
        context = {
            **self.admin_site.each_context(request),
            "title": _("{name}: translate into {language}").format(name=obj, language=_(target.english)),
            "opts": self.opts,
            "original": obj,
            "form": form,
            "saved_meanwhile": saved_meanwhile,
            "last_saved": self._last_saved(obj, target) if saved_meanwhile else None,
            "fresh_fingerprint": fingerprint(units, language),
            "rows": [
                (
                    unit,
                    field,
                    unit.words(language),
                    unit.is_missing(language),
                    moved.get(unit.part),
                    checks.check(unit.source, unit.words(language), language) if unit.part != "slug" else (),
                )
                for unit, field in form.rows()
            ],
            "moved": len(moved),
            "compared_with": compared_with,
            "opened_beside": opened_beside,
            "target": target,
            "source": languages.get(languages.SOURCE),
            "source_edition": source_edition,
            "terms": self.terms(units, language),
            "empty": sum(unit.is_missing(language) for unit in units),
            "media": Media.from_media(self.media + form.media, nonce=request.csp_nonce),
            "change_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk]),
            "gate_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_gate", args=[obj.pk, language]),
            "preview_url": reverse(
                f"admin:{self.opts.app_label}_{self.opts.model_name}_preview", args=[obj.pk, language]
            ),
        }
        return render(
            request, "admin/translating/translate.html", context, status=409 if form.errors or opened_beside else 200
        )
