"""Lists of the desk: filters by state, language, owner and due date; and what is done to several at once."""

import datetime as dt
import json

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.formats import localize
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal import languages
from portal.publishing import actions, audit, desk, models, rights
from portal.publishing.forms import NOTE_LENGTH, refuse_mistakes

AT_ONCE = 200  # more objects than this are not handled in one go: nobody can read them


def language_of(request) -> str:
    """The language a list is about: the source's unless its filter says another."""
    asked = request.GET.get("in", "")
    return asked if asked in languages.LANGUAGES else languages.SOURCE


class LanguageFilter(admin.SimpleListFilter):
    title = gettext_lazy("language")
    parameter_name = "in"

    def lookups(self, request, model_admin):
        return [(language.code, _(language.english)) for language in languages.at_the_desk() if not language.is_source]

    def choices(self, changelist):
        everything, *others = super().choices(changelist)
        return [{**everything, "display": _(languages.get(languages.SOURCE).english)}, *others]

    def queryset(self, request, queryset):
        return queryset  # it says what the other columns and filters are about


class EntryFilter(admin.SimpleListFilter):
    """By something the desk knows of an object in the list's language."""

    def entries(self, request):
        raise NotImplementedError

    def queryset(self, request, queryset):
        if self.value() not in {str(value) for value, _label in self.lookup_choices}:
            return queryset  # an address somebody typed: as if nothing was chosen
        kind = queryset.model.KIND
        found = self.entries(request).filter(kind=kind, language=language_of(request))
        return queryset.filter(key__in=found.values("key"))


class StateFilter(EntryFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [*desk.State.choices, ("out-of-date", _("public, and the source has changed since"))]

    def queryset(self, request, queryset):
        if self.value() == "out-of-date":
            return queryset.filter(key__in=desk.out_of_date([language_of(request)]).values("key"))
        return super().queryset(request, queryset)

    def entries(self, request):
        return desk.entries().filter(state=self.value())


class OwnerFilter(EntryFilter):
    title = gettext_lazy("owner")
    parameter_name = "owner"

    def lookups(self, request, model_admin):
        owners = get_user_model().objects.filter(pk__in=models.Entry.objects.values("owner")).order_by("username")
        return [
            ("me", _("me")),
            ("nobody", _("nobody")),
            *((str(owner.pk), owner.get_full_name() or owner.username) for owner in owners if owner != request.user),
        ]

    def entries(self, request):
        owner = self.value()
        if owner == "nobody":
            return models.Entry.objects.filter(owner=None)
        return models.Entry.objects.filter(owner=request.user if owner == "me" else owner)


class DueFilter(EntryFilter):
    title = gettext_lazy("due")
    parameter_name = "due"

    def lookups(self, request, model_admin):
        return [
            ("late", _("work that is late")),
            ("week", _("work due in the next 7 days")),
            ("review-late", _("review overdue")),
            ("review-soon", _("review due in the next 60 days")),
        ]

    def queryset(self, request, queryset):
        today = timezone.localdate()
        before = {"review-late": today, "review-soon": today + dt.timedelta(days=60)}.get(self.value())
        if before:
            return queryset.filter(key__in=desk.reviews_due(before).values("key"))
        return super().queryset(request, queryset)

    def entries(self, request):
        today = timezone.localdate()
        until = today if self.value() == "late" else today + dt.timedelta(days=8)
        since = dt.date.min if self.value() == "late" else today
        return models.Entry.objects.filter(due_on__lt=until, due_on__gte=since)


class WithEntries(ChangeList):
    """A page of a list, with what the desk knows about the objects on it: two queries, however long the list."""

    def get_results(self, request):
        super().get_results(request)
        kind, language = self.model.KIND, language_of(request)
        keys = [obj.key for obj in self.result_list]
        entries = desk.with_plans(desk.entries()).filter(kind=kind, language=language, key__in=keys)
        entries = {entry.key: entry for entry in entries}
        public = {}
        live = models.Page.objects.filter(kind=kind, key__in=keys, withdrawn_at=None)
        for key, code in live.values_list("key", "language"):
            public.setdefault(key, set()).add(code)
        for obj in self.result_list:
            obj.entry, obj.public_in = entries.get(obj.key), public.get(obj.key, set())


class ListAdmin(admin.ModelAdmin):
    """Mixed into the admin of anything with entries: its list, and what is done to several at once."""

    list_filter = (LanguageFilter, StateFilter, OwnerFilter, DueFilter)
    list_display = ("shown_name", "state", "owner", "due", "public_in")
    list_display_links = ("shown_name",)
    list_per_page = 50
    actions = ("ask_for_review", "assign_work", "export_words")

    def get_changelist(self, request, **kwargs):
        return WithEntries

    @admin.display(description=gettext_lazy("name"))
    def shown_name(self, obj):
        return str(obj)

    @admin.display(description=gettext_lazy("state"))
    def state(self, obj):
        value = obj.entry.state if obj.entry else desk.State.NEW
        said = desk.State(value).label
        if value == desk.State.SIGNED and obj.entry.planned_at:
            planned = _("Planned")
            said = f"{planned}: {localize(timezone.localtime(obj.entry.planned_at).date())}"
        return format_html('<span class="desk-state desk-state-{}">{}</span>', value, said)

    @admin.display(description=gettext_lazy("owner"))
    def owner(self, obj):
        owner = obj.entry.owner if obj.entry else None
        return (owner.get_full_name() or owner.username) if owner else "–"

    @admin.display(description=gettext_lazy("due"))
    def due(self, obj):
        return obj.entry.due_on if obj.entry else None

    @admin.display(description=gettext_lazy("public in"))
    def public_in(self, obj):
        there = [language for language in languages.offered() if language.code in obj.public_in]
        if len(there) == len(languages.offered()):
            return _("every language")
        return ", ".join(language.name for language in there) or _("nowhere yet")

    # Several at once

    @admin.action(description=gettext_lazy("Ask for a review"))
    def ask_for_review(self, request, queryset):
        return self._several(request, queryset, "ask_for_review", _("Ask for a review"), AskForm)

    @admin.action(description=gettext_lazy("Assign"))
    def assign_work(self, request, queryset):
        return self._several(request, queryset, "assign_work", _("Assign"), AssignForm)

    @admin.action(description=gettext_lazy("Export the words (JSON)"))
    def export_words(self, request, queryset):
        """The words of the working copy in the list's language, with their state. For reading elsewhere."""
        if not rights.may_read_unpublished(request.user):
            raise PermissionDenied
        language = language_of(request)
        made = [self.manuscripts(obj, [language])[language] for obj in queryset[:AT_ONCE]]
        said = [
            {
                "kind": one.kind,
                "key": one.key,
                "language": one.language,
                "slug": one.slug,
                "digest": one.digest,
                "problems": [str(problem) for problem in one.problems],
                "content": one.content,
            }
            for one in made
        ]
        response = HttpResponse(
            json.dumps(said, ensure_ascii=False, indent=2) + "\n", content_type="application/json; charset=utf-8"
        )
        response["Content-Disposition"] = f'attachment; filename="words-{language}.json"'
        return response

    def _several(self, request, queryset, name, title, form_class):
        """First a page that asks, then what was asked for: for all, or for none."""
        if not rights.may_read_unpublished(request.user):
            raise PermissionDenied
        language = language_of(request)
        chosen = list(queryset[: AT_ONCE + 1])
        if len(chosen) > AT_ONCE:
            messages.error(request, _("Choose at most {count} at once.").format(count=AT_ONCE))
            return None
        made = [(obj, self.states(obj, [languages.get(language)])[0]) for obj in chosen]
        asked = request.POST.get("apply") == name
        form = form_class(request.POST if asked else None, people=self._people(language, form_class))
        if asked:
            try:
                digests = dict(zip(request.POST.getlist("of"), request.POST.getlist("digest"), strict=False))
                if any(digests.get(str(obj.pk)) != state.manuscript.digest for obj, state in made):
                    raise actions.Refused(
                        _("Some words changed while this page was open. Nothing was done. Look again.")
                    )
                refuse_mistakes(form)
                with transaction.atomic(), audit.last():
                    result = form.do([state for _obj, state in made], request.user)
                    for (_obj, state), one in zip(made, result, strict=True):
                        self.happened(form.button, state, request.user, one)
                count = len(made)
                messages.success(request, ngettext("Done for {count}.", "Done for {count}.", count).format(count=count))
                return HttpResponseRedirect(request.get_full_path())
            except actions.Refused as refusal:
                messages.error(request, _("{why} Nothing was done.").format(why=refusal))
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "made": made,
            "form": form,
            "action": name,
            "language": languages.get(language),
        }
        return render(request, "admin/gate/several.html", context, status=409 if asked else 200)

    def _people(self, language, form_class):
        if form_class is AskForm:
            return self._reviewers(language)
        people = get_user_model().objects.with_perm("publishing.read_unpublished").order_by("last_name", "username")
        return [person for person in people if person.is_staff]


class SeveralForm(forms.Form):
    def __init__(self, *args, people=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.people = {str(person.pk): person for person in people}
        names = [(pk, person.get_full_name() or person.username) for pk, person in self.people.items()]
        for name in {"to", "owner"} & self.fields.keys():
            self.fields[name].choices = [*self.fields[name].choices, *names]


class AskForm(SeveralForm):
    button = "ask"
    to = forms.ChoiceField(
        label=gettext_lazy("Whom"), required=False, choices=[("", gettext_lazy("anybody who may sign"))]
    )
    text = forms.CharField(
        label=gettext_lazy("Note"), required=False, max_length=NOTE_LENGTH, widget=forms.Textarea(attrs={"rows": 2})
    )

    def do(self, states, by):
        to = self.people.get(self.cleaned_data["to"])
        text = self.cleaned_data["text"]
        return [actions.remark(state.manuscript, models.RemarkKind.ASKED, by=by, text=text, to=to) for state in states]


class AssignForm(SeveralForm):
    button = "assign"
    owner = forms.ChoiceField(
        label=gettext_lazy("Whose work"), required=False, choices=[("", gettext_lazy("nobody’s"))]
    )
    due_on = forms.DateField(
        label=gettext_lazy("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def do(self, states, by):
        owner = self.people.get(self.cleaned_data["owner"])
        entries = [actions.entry_of(state.manuscript) for state in states]
        actions.assign(entries, by=by, owner=owner, due_on=self.cleaned_data["due_on"])
        return [(entry, owner) for entry in entries]
