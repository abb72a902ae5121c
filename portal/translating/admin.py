"""The translator's own page: source beside target, one language, nothing else."""

import html
import json
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import Http404, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal import languages
from portal.publishing import actions, checking, rights
from portal.publishing.models import Edition, How, Remark
from portal.translating import checks, machine, memory, segments
from portal.translating.columns import column
from portal.translating.doors import Closed, told
from portal.translating.forms import TranslationForm, Unit, fingerprint

# How an entry of the admin's log says that it is about a translation (json.dumps writes it so).
OF_A_TRANSLATION = '"name": "translation"'
# Parts that are no translation of the source's words: each language has its own.
OWN_WORDS = {"slug", "also_known_as", "misspellings", "avoid"}
LOOKED_UP = 40  # so many segments of one form are looked up in the memory


def name_of(user) -> str:
    return user.get_full_name() or user.get_username()


def may_translate(user, app_label: str, language: str) -> bool:
    """Whether this person works in this language. The right stands beside the model that holds the columns."""
    return user.has_perm(f"{app_label}.{column('translate', language)}")


@dataclass
class Row:
    """One part on the translator's page."""

    unit: Unit
    field: object  # the bound field
    saved: str  # what the working copy says
    is_missing: bool
    check: checking.Check | None = None  # when it was last compared with the source
    is_current: bool = True  # nothing has moved since
    moved: list[segments.Aligned] = field(default_factory=list)  # what has, segment by segment
    findings: list[checks.Finding] = field(default_factory=list)
    matches: list[tuple[str, list[memory.Match]]] = field(default_factory=list)  # segment, what the memory has for it
    remarks: list[Remark] = field(default_factory=list)
    saved_meanwhile: bool = False  # somebody else saved the form, and other words than these stand here now

    @property
    def is_translation(self) -> bool:
        return bool(self.unit.source) and self.unit.part not in OWN_WORDS

    @property
    def is_machine(self) -> bool:
        return self.check is not None and self.check.how == How.MACHINE

    @property
    def to_do(self) -> bool:
        return self.is_missing or (self.is_translation and (not self.is_current or self.is_machine))

    @property
    def asks_to_compare(self) -> bool:
        return self.is_translation and not (self.check and self.is_current and not self.is_machine)

    @property
    def how(self) -> str:
        return How(self.check.how).label if self.check else ""


class TranslatingAdmin(admin.ModelAdmin):
    """Mixed into the admin of anything with translations. The subclass names the parts."""

    def units(self, obj, source_edition: Edition | None) -> list[Unit]:
        raise NotImplementedError("say which parts of this object are translated")

    def source_edition(self, obj) -> Edition | None:
        raise NotImplementedError("say which source edition translators work from")

    def terms(self, units: list[Unit], language: str) -> list[checks.AgreedTerm]:
        """The glossary's terms that the source names, with what was agreed for them in this language."""
        return []

    def remarks(self, obj, language: str) -> list[Remark]:
        """What was said about these words, and about the source's of today."""
        return []

    def ask_author(self, obj, part: str, text: str, by) -> None:
        """A translator's question about the source's words. Raises Refused."""

    def translated(self, obj, language: str, by) -> None:
        """After somebody saved words in this language."""

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        translate, check = (self.admin_site.admin_view(told(view)) for view in (self.translate_view, self.check_view))
        return [
            path("<int:pk>/translate/<str:language>/", translate, name=f"{name}_translate"),
            path("<int:pk>/translate/<str:language>/check/", check, name=f"{name}_translate_check"),
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

    def _opened_beside(self, request, source_edition) -> Edition | None:
        """The source edition this form was opened with, where another one was published since."""
        said = request.POST.get("source_edition", "")
        if not source_edition or not said.isdecimal() or len(said) > 9 or int(said) == source_edition.number:
            return None
        return Edition.objects.filter(
            kind=source_edition.kind, key=source_edition.key, language=languages.SOURCE, number=int(said)
        ).first()

    def _door(self, request, pk, language):
        """The object and the language, for whoever may translate into it."""
        if language not in languages.LANGUAGES or language == languages.SOURCE:
            raise Http404
        if languages.get(language) not in languages.at_the_desk():
            raise Closed(languages.get(language), 404)
        obj = get_object_or_404(self.get_queryset(request), pk=pk)
        if not (
            rights.may_read_unpublished(request.user) and may_translate(request.user, self.opts.app_label, language)
        ):
            raise Closed(languages.get(language))
        return obj, languages.get(language)

    def translate_view(self, request, pk, language):
        obj, target = self._door(request, pk, language)
        source_edition = self.source_edition(obj)
        units = self.units(obj, source_edition)
        do = request.POST.get("do", "save") if request.method == "POST" else ""
        if do in {"question", "machine"}:
            return self._other_button(request, do, obj, target, units, source_edition)
        form = TranslationForm(units, target, request.POST or None)
        # What the translator had before their eyes, if it is not today's source any more.
        opened_beside = self._opened_beside(request, source_edition)
        as_json = request.headers.get("Accept") == "application/json"
        if request.method == "POST" and form.is_valid() and not opened_beside:
            saved, compared = self._save(request, obj, target, form, source_edition, everything=do == "compared")
            if as_json:
                return self._told_as_json(obj, target, source_edition, saved)
            messages.success(request, _what_was_saved(saved, compared))
            return HttpResponseRedirect(request.path)
        if as_json:
            why = _("Edition {number} of the source was published while you were writing.")
            errors = [*form.non_field_errors(), *(said for part in form.fields for said in form.errors.get(part, ()))]
            said = why.format(number=source_edition.number) if opened_beside else " ".join(map(str, errors))
            return JsonResponse({"problem": said}, status=409)
        return render(
            request,
            "admin/translating/translate.html",
            self._context(request, obj, target, source_edition, units, form, opened_beside),
            status=409 if form.errors or opened_beside else 200,
        )

    def _save(self, request, obj, target, form, source_edition, *, everything: bool):
        """Words, and which of them say what the source says. Returns (what changed, the parts that were compared)."""
        posted, language = request.POST, target.code
        with transaction.atomic():
            saved = form.save()
            here = {unit.part for unit in form.units if unit.source and unit.part not in OWN_WORDS} & {
                unit.part for unit in form.units if unit.words(language)
            }
            compared = {*posted.getlist("compared")} & here
            if source_edition:
                known = checking.checks(source_edition.kind, source_edition.key, [language])[language]
                if everything:  # "I compared the rest as well": never what has moved since, that is one by one
                    compared |= {part for part in here if known.of(part) is None}
                # Words where there were none are made from the source that stood beside them.
                begun = {unit.part for unit, before in saved if not before} & here
                changed = {unit.part for unit, _before in saved} & here
                taken = {part: posted.get(f"origin-{part}") for part in changed - compared}
                by_machine = {part for part, how in taken.items() if how == How.MACHINE}
                by_memory = {part for part, how in taken.items() if how == How.MEMORY} & begun
                for parts, how in (
                    (by_machine, How.MACHINE),
                    (by_memory, How.MEMORY),
                    (compared | (begun - by_machine - by_memory), How.PERSON),
                ):
                    actions.check(language, parts, source_edition, by=request.user, how=how)
            if saved or compared:
                self.translated(obj, language, request.user)
            if saved:
                self.log_change(request, obj, self._log_message(target, [unit.label for unit, _before in saved]))
        return saved, compared

    def _told_as_json(self, obj, target, source_edition, saved):
        units = self.units(obj, source_edition)
        return JsonResponse(
            {
                "said": _what_was_saved(saved, ()),
                "opened_with": fingerprint(units, target.code),
                "empty": sum(unit.is_missing(target.code) for unit in units),
            }
        )

    def _other_button(self, request, do, obj, target, units, source_edition):
        """Ask the author, or let the machine write drafts of what is empty. Neither touches words that are there."""
        try:
            if do == "question":
                self.ask_author(obj, request.POST.get("part", ""), request.POST.get("text", "")[:2000], request.user)
                messages.success(request, _("Your question stands beside the source's words, and its author is told."))
            else:
                count = self._draft(request, obj, target, units, source_edition)
                messages.success(
                    request,
                    ngettext(
                        "The machine wrote {count} part. Compare it with the source before it is signed.",
                        "The machine wrote {count} parts. Compare them with the source before they are signed.",
                        count,
                    ).format(count=count),
                )
        except (actions.Refused, machine.Unavailable) as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(request.path)

    def _draft(self, request, obj, target, units, source_edition) -> int:
        """Raises Refused, Unavailable."""
        maker = machine.machine()
        if maker is None or source_edition is None:
            raise actions.Refused(_("No translation machine is set up here."))
        empty = [unit for unit in units if unit.is_missing(target.code) and unit.part not in OWN_WORDS]
        if not empty:
            raise actions.Refused(_("No part is empty, so the machine has nothing to do."))
        asked = [unit.source if unit.rich else html.escape(unit.source, quote=False) for unit in empty]
        drafts = maker.translate(asked, languages.SOURCE, target.code)
        drafts = [said if unit.rich else html.unescape(said) for unit, said in zip(empty, drafts, strict=True)]
        with transaction.atomic():
            for unit, draft in zip(empty, drafts, strict=True):
                setattr(unit.row, column(unit.field, target.code), draft.strip())
                unit.row.save(update_fields=[column(unit.field, target.code)])
            parts = [unit.part for unit, draft in zip(empty, drafts, strict=True) if draft.strip()]
            actions.check(target.code, parts, source_edition, by=request.user, how=How.MACHINE)
            self.translated(obj, target.code, request.user)
            self.log_change(request, obj, self._log_message(target, [unit.label for unit in empty]))
        return len(parts)

    def check_view(self, request, pk, language):
        """What a machine sees in one part's words while they are typed. Nothing is saved."""
        obj, target = self._door(request, pk, language)
        source_edition = self.source_edition(obj)
        units = {unit.part: unit for unit in self.units(obj, source_edition)}
        unit = units.get(request.POST.get("part", ""))
        if request.method != "POST" or unit is None:
            raise Http404
        words, terms = request.POST.get("words", "")[:100_000], self.terms([unit], language)
        found = self._findings(unit, words, target, terms, self._known(source_edition, target))
        return JsonResponse({"findings": [one.message for one in found]})

    def _findings(self, unit, words, target, terms, known):
        if unit.part in OWN_WORDS:
            return []
        check = known.of(unit.part)
        made_from = check.says(unit.part) if check and not known.is_current(unit.part, unit.source) else ""
        is_title = unit.part == "name"
        return checks.check(unit.source, words, target.code, terms, is_title=is_title, made_from=made_from)

    def _known(self, source_edition, target) -> checking.Checks:
        if source_edition is None:
            return checking.Checks()
        return checking.checks(source_edition.kind, source_edition.key, [target.code])[target.code]

    def _rows(self, obj, target, source_edition, form, terms) -> list[Row]:
        known = self._known(source_edition, target)
        said = self.remarks(obj, target.code)
        in_conflict = form.is_bound and form.saved_meanwhile()
        remembered, looked_up, rows = memory.Memory(target.code), 0, []
        for unit, bound in form.rows():
            words = unit.words(target.code)
            row = Row(unit, bound, words, unit.is_missing(target.code))
            row.saved_meanwhile = in_conflict and form.differs(unit)
            row.remarks = [remark for remark in said if remark.part and unit.part.startswith(remark.part)]
            if row.is_translation:
                row.check = known.of(unit.part) if words else None
                row.is_current = not words or known.is_current(unit.part, unit.source)
                row.findings = self._findings(unit, words, target, terms, known)
                pieces = [(piece, None) for piece in segments.split(unit.source, unit.rich).segments]
                if row.check and not row.is_current:
                    aligned = segments.align(row.check.says(unit.part), unit.source, words, unit.rich)
                    row.moved = [one for one in aligned if not one.stays]
                    pieces = [(one.now, one) for one in row.moved if one.now]
                if row.to_do:
                    for piece, _moved in pieces[: max(0, LOOKED_UP - looked_up)]:
                        looked_up += 1
                        if found := remembered.like(piece):
                            row.matches.append((piece, found))
            rows.append(row)
        return rows

    def _context(self, request, obj, target, source_edition, units, form, opened_beside):
        saved_meanwhile = form.is_bound and form.saved_meanwhile()
        terms = self.terms(units, target.code)
        rows = self._rows(obj, target, source_edition, form, terms)
        opened_words = {unit.part: unit.source for unit in self.units(obj, opened_beside)} if opened_beside else {}
        if opened_beside:
            for row in rows:
                before = opened_words.get(row.unit.part, "")
                if row.is_translation and checking.normal(before) != checking.normal(row.unit.source):
                    aligned = segments.align(before, row.unit.source, row.saved, row.unit.rich)
                    row.moved, row.is_current = [one for one in aligned if not one.stays], False
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        maker = machine.machine()
        return {
            **self.admin_site.each_context(request),
            "title": _("{name}: translate into {language}").format(name=obj, language=_(target.english)),
            "opts": self.opts,
            "original": obj,
            "form": form,
            "saved_meanwhile": saved_meanwhile,
            "last_saved": self._last_saved(obj, target) if saved_meanwhile else None,
            "fresh_fingerprint": fingerprint(units, target.code),
            "rows": rows,
            "to_do": sum(row.to_do for row in rows),
            "first_to_do": next((row.unit.part for row in rows if row.to_do), ""),
            "moved": sum(bool(row.check) and not row.is_current for row in rows),
            "never_compared": sum(row.is_translation and bool(row.saved) and row.check is None for row in rows),
            "posted_compared": request.POST.getlist("compared"),
            "opened_beside": opened_beside,
            "target": target,
            "source": languages.get(languages.SOURCE),
            "source_edition": source_edition,
            "terms": terms,
            "empty": sum(row.is_missing for row in rows),
            "machine": maker.name if maker else "",
            "media": self.media + form.media,
            "change_url": reverse(f"{name}_change", args=[obj.pk]),
            "check_url": reverse(f"{name}_translate_check", args=[obj.pk, target.code]),
            "list_url": reverse("admin:language", args=[target.code]),
            "gate_url": reverse(f"{name}_gate", args=[obj.pk, target.code]),
            "preview_url": reverse(f"{name}_preview", args=[obj.pk, target.code]),
            "four_eyes": settings.FOUR_EYES,
        }


def _what_was_saved(saved, compared) -> str:
    count, also = len(saved), len(compared)
    said = (
        ngettext("{count} part was saved.", "{count} parts were saved.", count).format(count=count)
        if count
        else ("" if also else _("Everything is saved already."))  # it may have been saved while it was typed
    )
    if also:
        said += " " + ngettext(
            "{count} part is marked as compared with the source.",
            "{count} parts are marked as compared with the source.",
            also,
        ).format(count=also)
    return said.strip()
