"""The gate in the admin: per language what is missing, what changed, who signed, and the buttons."""

from dataclasses import dataclass, field

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, override

from portal import languages
from portal.publishing import actions, audit, compare, floor, models, people, reading  # noqa: F401 -- people registers
from portal.publishing.manuscript import Manuscript

admin.site.site_header = "Patient information: the desk"
admin.site.site_title = "The desk"
admin.site.index_title = "What do you want to work on?"


@dataclass(frozen=True)
class State:
    """One object in one language: everything the desk says about it, derived anew each time."""

    language: languages.Language
    manuscript: Manuscript
    page: models.Page | None
    sign_offs: tuple[models.SignOff, ...]
    source_page: models.Page | None
    urls: dict[str, str] = field(default_factory=dict)

    @property
    def is_live(self) -> bool:
        return bool(self.page and not self.page.withdrawn_at)

    @property
    def source_edition(self) -> models.Edition | None:
        live = self.source_page and not self.source_page.withdrawn_at
        return self.source_page.edition if live else None

    @property
    def changed(self) -> bool:
        return bool(self.page and self.page.edition.digest != self.manuscript.digest)

    @property
    def signed(self) -> tuple[models.SignOff, ...]:
        return tuple(s for s in self.sign_offs if s.digest == self.manuscript.digest)

    @property
    def out_of_date(self) -> bool:
        if self.language.is_source or not self.is_live:
            return False
        under = [s for s in self.sign_offs if s.digest == self.page.edition.digest]
        matches = reading.matching(self.page.edition, under, self.source_edition)
        return reading.has_moved_on(self.source_page, matches)

    @property
    def problems(self):
        return self.manuscript.problems

    def sentence(self) -> str:
        """The state in words."""
        if self.page is None:
            return _("not published")
        if self.page.withdrawn_at:
            return _("withdrawn")
        number = self.page.edition.number
        if self.changed:
            return _("edition {number} is public; the working copy has changed since").format(number=number)
        if self.out_of_date:
            return _("edition {number} is public; the source has changed since").format(number=number)
        return _("edition {number} is public").format(number=number)

    def missing(self) -> str:
        count = len(self.problems)
        return ngettext("{count} problem", "{count} problems", count).format(count=count) if count else _("complete")


class GateAdmin(admin.ModelAdmin):
    """Mixed into the admin of anything that is published. The subclass says how a manuscript is made and shown."""

    change_form_template = "admin/gate/change_form.html"

    def manuscripts(self, obj, in_languages) -> dict[str, Manuscript]:
        raise NotImplementedError("say how this object's manuscripts are made")

    def preview_context(self, manuscript: Manuscript) -> dict:
        raise NotImplementedError("say what the public template needs to show this manuscript")

    def part_label(self, obj, part: str) -> str:
        return part

    def may_work_in(self, user, language: str) -> bool:
        """Whether this person signs and publishes in this language."""
        return True

    # States

    def states(self, obj, in_languages=None) -> list[State]:
        wanted = list(in_languages or languages.offered())
        made = self.manuscripts(obj, [language.code for language in wanted])
        identity = next(iter(made.values()))
        of_object = {"kind": identity.kind, "key": identity.key}
        pages = {
            p.language: p for p in models.Page.objects.filter(**of_object).select_related("edition__translated_from")
        }
        sign_offs = {}
        for sign_off in models.SignOff.objects.filter(**of_object).select_related("source_edition").order_by("at"):
            sign_offs.setdefault(sign_off.language, []).append(sign_off)
        return [
            State(
                language,
                made[language.code],
                pages.get(language.code),
                tuple(sign_offs.get(language.code, ())),
                pages.get(languages.SOURCE),
                self.addresses(obj, language),
            )
            for language in wanted
        ]

    def addresses(self, obj, language) -> dict[str, str]:
        return {
            "gate": reverse(self._named("gate"), args=[obj.pk, language.code]),
            "preview": reverse(self._named("preview"), args=[obj.pk, language.code]),
        }

    def _named(self, view):
        return f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{view}"

    # Addresses

    def get_urls(self):
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/gate/<str:language>/", wrap(self.gate_view), name=self._named("gate").split(":")[1]),
            path(
                "<int:pk>/preview/<str:language>/", wrap(self.preview_view), name=self._named("preview").split(":")[1]
            ),
            *super().get_urls(),
        ]

    def _object(self, request, pk, language):
        if language not in languages.LANGUAGES:
            raise Http404
        obj = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        return obj, languages.get(language)

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        extra_context = dict(extra_context or {})
        obj = self.get_object(request, object_id) if object_id and request.method == "GET" else None
        if obj and self.has_view_permission(request, obj):
            states = self.states(obj)
            extra_context["states"] = states
            extra_context["source_state"] = next(state for state in states if state.language.is_source)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def has_delete_permission(self, request, obj=None):
        """What was ever published is withdrawn, never deleted."""
        if obj is not None and self.ever_published(obj):
            return False
        return super().has_delete_permission(request, obj)

    def ever_published(self, obj) -> bool:
        raise NotImplementedError("say whether this object has an edition")

    def preview_view(self, request, pk, language):
        """The public template, at an address of the desk, with the unsigned words."""
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        with override(language.code):
            context = {
                **self.preview_context(state.manuscript),
                "state": state,
                "language": language,
                "noindex": True,
                "back": reverse(self._named("gate"), args=[obj.pk, language.code]),
                "preview_languages": [
                    (other, reverse(self._named("preview"), args=[obj.pk, other.code])) for other in languages.offered()
                ],
            }
            return render(request, "public/preview.html", context)

    def gate_view(self, request, pk, language):
        obj, language = self._object(request, pk, language)
        state = self.states(obj, [language])[0]
        said = {}
        if request.method == "POST":
            said = request.POST
            if not self.may_work_in(request.user, language.code):
                raise PermissionDenied
            try:
                messages.success(request, self._do(request, state))
                return HttpResponseRedirect(request.path)
            except actions.Refused as refusal:
                messages.error(request, str(refusal))
                state = self.states(obj, [language])[0]
        user = request.user
        mine = self.may_work_in(user, language.code)
        context = {
            **self.admin_site.each_context(request),
            "title": _("{name} in {language}").format(name=obj, language=_(language.english)),
            "opts": self.opts,
            "original": obj,
            "state": state,
            "said": said,
            "change_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[obj.pk]),
            "differences": self._differences(obj, state),
            "editions": self._editions(state),
            "significances": models.Significance.choices,
            "floor": self._floor(obj, state),
            "may_sign": mine
            and user.has_perm("publishing.sign_clinical" if language.is_source else "publishing.sign_language"),
            "may_publish": mine and user.has_perm("publishing.publish_edition"),
        }
        return render(request, "admin/gate/gate.html", context, status=409 if said else 200)

    def _differences(self, obj, state):
        if not (state.page and state.changed):
            return []
        found = compare.differences(state.page.edition.content, state.manuscript.content)
        if state.page.edition.slug != state.manuscript.slug:
            found.insert(0, ("slug", state.page.edition.slug, state.manuscript.slug))
        return [(self.part_label(obj, part), compare.words(before, after)) for part, before, after in found]

    def _floor(self, obj, state) -> list[str]:
        if not (state.page and state.changed):
            return []
        words = state.manuscript
        found = floor.reasons(state.page.edition.content, words.content, words.language, words.sensitive)
        return list(dict.fromkeys(reason.sentence(self.part_label(obj, reason.part)) for reason in found))

    def _editions(self, state):
        if not state.page:
            return []
        return models.Edition.objects.filter(
            kind=state.page.kind, key=state.page.key, language=state.page.language
        ).order_by("-number")

    def _do(self, request, state) -> str:
        """One button. Returns what happened, in words. Raises Refused, PermissionDenied."""
        said = {name: value.replace("\x00", "") for name, value in request.POST.items()}
        doing = said.get("do")
        if doing in {"sign", "publish"} and said.get("digest") != state.manuscript.digest:
            raise actions.Refused(
                _("The words changed while this page was open. Nothing was signed or published. Read them again.")
            )
        if doing == "sign":
            source = None if state.language.is_source else state.source_edition
            if source and said.get("source_edition") != str(source.number):
                raise actions.Refused(
                    _("The source changed while this page was open. Nothing was signed. Compare the translation again.")
                )
            capacity = models.Capacity.CLINICAL if state.language.is_source else models.Capacity.LANGUAGE
            actions.sign_off(state.manuscript, by=request.user, capacity=capacity, source_edition=source)
            return _("You signed off exactly these words.")
        if doing == "publish":
            edition = actions.publish(
                state.manuscript,
                by=request.user,
                significance=said.get("significance", ""),
                change_note=said.get("change_note", ""),
            )
            return _("Edition {number} is public.").format(number=edition.number)
        if state.page and doing == "withdraw":
            actions.withdraw(state.page, by=request.user, reason=said.get("reason", ""))
            return _("The page is withdrawn. You can restore an edition below at any time.")
        if state.page and doing == "restore":
            number = said.get("edition", "")
            edition = next((e for e in self._editions(state) if str(e.number) == number), None)
            if edition is None:
                raise actions.Refused(_("Choose the edition whose words should be public again."))
            actions.restore(state.page, edition, by=request.user, reason=said.get("reason", ""))
            return _("The page shows the words of edition {number} again.").format(number=edition.number)
        raise actions.Refused(_("That button is not known here. Nothing was changed."))


class RecordAdmin(admin.ModelAdmin):
    """Something to look at, never to change."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(models.Edition)
class EditionAdmin(RecordAdmin):
    list_display = ("title", "kind", "language", "number", "published_at", "published_by", "significance")
    list_filter = ("language", "kind", "significance")
    search_fields = ("key", "title")
    date_hierarchy = "published_at"
    list_select_related = ("published_by",)


@admin.register(models.SignOff)
class SignOffAdmin(RecordAdmin):
    list_display = ("key", "kind", "language", "capacity", "signed_as", "at")
    list_filter = ("capacity", "language", "kind")
    search_fields = ("key", "signed_as")


class WhatFilter(admin.SimpleListFilter):
    title = gettext_lazy("what")
    parameter_name = "what"

    def lookups(self, request, model_admin):
        return audit.WHAT.items()

    def queryset(self, request, queryset):
        return queryset.filter(what=self.value()) if self.value() else queryset


@admin.register(models.AuditEntry)
class AuditEntryAdmin(RecordAdmin):
    list_display = ("at", "who", "said", "about", "details")
    list_filter = (WhatFilter, "at", ("by", admin.RelatedOnlyFieldListFilter))
    search_fields = ("about", "by_name")
    date_hierarchy = "at"
    ordering = ("-number",)
    fields = ("number", "at", "who", "said", "about", "details", "previous_seal", "seal")
    actions = ("export",)

    @admin.display(description=gettext_lazy("who"), ordering="by_name")
    def who(self, entry):
        return entry.by_name or _("nobody signed in")

    @admin.display(description=gettext_lazy("what"), ordering="what")
    def said(self, entry):
        return audit.WHAT.get(entry.what, entry.what)

    @admin.display(description=gettext_lazy("details"))
    def details(self, entry):
        return audit.details(entry)

    @admin.action(permissions=["view"], description=gettext_lazy("Save the chosen entries as a table (CSV)"))
    def export(self, request, queryset):
        table = audit.table(queryset.select_related("by").order_by("number"))
        return HttpResponse(
            table,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="audit-log.csv"'},
        )
