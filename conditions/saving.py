"""Two people in one form. What each of them changed is kept; where both changed the same words, the second is asked.

Every field carries beside it what the person saw when the form was opened (Django's `show_hidden_initial`). From the
three values (seen, stored now, wanted) follows everything: a field nobody touched here keeps what is stored; a field
that is stored as it was seen takes the new words; a field that both changed is a conflict, which is a validation error.
So nothing of the form is saved, and it comes back with every word in it.
"""

import html
import re
from contextlib import suppress

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import connection
from django.forms.formsets import DELETION_FIELD_NAME, INITIAL_FORM_COUNT, TOTAL_FORM_COUNT
from django.template.loader import render_to_string
from django.utils.functional import cached_property
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django_prose_editor.fields import ProseEditorFormField

from conditions import models, richtext
from portal.publishing import compare
from portal.translating.admin import OF_A_TRANSLATION, name_of

MEANWHILE = "saved_meanwhile"


class OneHiddenInput(forms.HiddenInput):
    """Several values in one hidden input, so that "none" is said too (Django's would then send nothing at all)."""

    def format_value(self, value):
        return ",".join(map(str, value or ()))

    def value_from_datadict(self, data, files, name):
        return [value for value in data.get(name, "").split(",") if value]


def _is_several(field) -> bool:
    return isinstance(field, (forms.MultipleChoiceField, forms.ModelMultipleChoiceField))


def _alike(field, value):
    """A value as a thing to compare, whether it comes from the database or from a browser."""
    value = field.prepare_value(value)
    if _is_several(field):
        return frozenset(map(str, value or ()))
    if isinstance(field, forms.FileField):
        return str(value or "")
    if not isinstance(field, forms.ModelChoiceField):
        with suppress(ValidationError):  # then it is compared as it was typed
            value = field.to_python(value)
    if isinstance(field, ProseEditorFormField):
        return richtext.alike(value)
    if isinstance(value, str):
        return "\n".join(line.rstrip() for line in value.strip().splitlines())
    return value if isinstance(value, bool) else "" if value is None else str(value)


def _in_words(field, value) -> str:
    """A field's value as `compare.words` reads it."""
    if isinstance(field, ProseEditorFormField):
        return value or ""
    if isinstance(field, forms.BooleanField):
        value = _("yes") if field.to_python(value) else _("no")
    elif isinstance(field, forms.FileField):
        value = _("a picture") if value else ""
    elif isinstance(field, forms.ModelChoiceField):
        try:
            value = field.to_python(value)
        except ValidationError:
            value = ""  # it is gone, or was never there to choose
    elif isinstance(field, forms.ChoiceField):
        value = dict(field.choices).get(value, "") if value else ""
    return html.escape("" if value is None else str(value))


def _difference(field, before, after) -> str:
    before, after = _in_words(field, before), _in_words(field, after)
    runs = compare.words(before, after)
    if 2 * sum(len(run.text.strip()) for run in runs if run.how == "=") < len(compare.plain(after)):
        # Mostly new words: one after the other reads better than a word from each in turn.
        said = (compare.Run("-", compare.plain(before)), compare.Run("+", compare.plain(after)))
        runs = [run for run in said if run.text]
    return render_to_string("admin/saving/runs.html", {"runs": runs})


class CarefulForm(forms.ModelForm):
    """Knows of every field what the person saw, what is stored now, and what the person wants."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.came_back = False  # a row that somebody else deleted, and this person wrote in
        self.kept = []  # fields in which somebody else's words stay
        self.watched = [] if self.instance._state.adding else list(self.fields)
        for name, field in self.fields.items():
            field.show_hidden_initial = name in self.watched
            if _is_several(field):
                field.hidden_widget = OneHiddenInput

    def _raw_seen(self, name):
        return (
            self.fields[name].hidden_widget().value_from_datadict(self.data, self.files, self[name].html_initial_name)
        )

    def _raw_stored(self, name):
        return self.get_initial_for_field(self.fields[name], name)

    def seen(self, name):
        return _alike(self.fields[name], self._raw_seen(name))

    def stored(self, name):
        return _alike(self.fields[name], self._raw_stored(name))

    def wanted(self, name):
        field, data = self.fields[name], self[name].data
        if isinstance(field, forms.FileField):
            return self.seen(name) if data is None else data  # no file chosen: the one there is stays
        return _alike(field, data)

    def was_touched(self) -> bool:
        """Of a row that is no longer stored: whether this person wrote in it."""
        return any(self.seen(n) != self.wanted(n) for n in self.fields if self[n].html_initial_name in self.data)

    @cached_property
    def changed_data(self):
        """What this person changed: compared with what they saw, not with what somebody saved meanwhile."""
        if not self.watched:
            return super().changed_data
        return [name for name in self.watched if self.seen(name) != self.wanted(name)]

    @property
    def changed_columns(self) -> list[str]:
        own = {field.name for field in self.instance._meta.concrete_fields if not field.primary_key}
        return [name for name in self.changed_data if name in own]

    @property
    def changed_meanwhile(self) -> list[str]:
        return [name for name in self.watched if self.seen(name) != self.stored(name)]

    def label(self, name) -> str:
        label = str(self.fields[name].label or name)
        return label[:1].upper() + label[1:]

    def clean(self):
        super().clean()
        changed = self.changed_data
        if self.came_back:
            self.add_error(
                None,
                ValidationError(
                    _(
                        "Somebody else deleted this row while you were writing in it. Your words are still here. Save "
                        "again to add the row anew with them, or take it away."
                    ),
                    code=MEANWHILE,
                ),
            )
        if self.cleaned_data.get(DELETION_FIELD_NAME):
            return self.cleaned_data  # the formset asks about these
        for name in self.changed_meanwhile:
            field, stored = self.fields[name], self._raw_stored(name)
            if name not in changed:
                self.kept.append(name)
                self._errors.pop(name, None)  # what is stored now is not this person's mistake
                self.cleaned_data[name] = self._as_cleaned(field, stored)
            elif _is_several(field):
                if name not in self.errors:
                    self._take_both(name)
            elif self.wanted(name) != self.stored(name):
                self._ask(name)
        return self.cleaned_data

    def _as_cleaned(self, field, stored):
        if isinstance(field, forms.FileField):
            return stored
        if isinstance(field, forms.ModelMultipleChoiceField):
            return field.queryset.filter(pk__in=field.prepare_value(stored))
        try:
            return field.to_python(field.prepare_value(stored))
        except ValidationError:
            return stored

    def _take_both(self, name):
        """Several values are a set: what each person put in is in, what each took out is out."""
        field, seen, wanted = self.fields[name], self.seen(name), self.wanted(name)
        both = self.stored(name) - (seen - wanted) | (wanted - seen)
        self.kept.append(name)
        if isinstance(field, forms.ModelMultipleChoiceField):
            self.cleaned_data[name] = field.queryset.filter(pk__in=both)
        else:
            self.cleaned_data[name] = [value for value, _label in field.choices if str(value) in both]

    def _ask(self, name):
        field, stored = self.fields[name], self._raw_stored(name)
        theirs = render_to_string(
            "admin/saving/theirs.html", {"difference": _difference(field, self._raw_seen(name), stored)}
        )
        self.add_error(name, ValidationError(theirs, code=MEANWHILE))
        self._put(self[name].html_initial_name, name, stored, hidden=True)  # now it is seen

    def show_what_is_stored(self):
        """Before the form comes back: where somebody else's words stay, they are shown."""
        for name in self.kept:
            field, stored = self.fields[name], self._raw_stored(name)
            shown = self.cleaned_data[name] if _is_several(field) and name in self.cleaned_data else stored
            self._put(self[name].html_initial_name, name, stored, hidden=True)
            if not isinstance(field, forms.FileField):
                self._put(self[name].html_name, name, shown)

    def _put(self, html_name, name, value, hidden=False):
        """As if the browser had sent this value."""
        field = self.fields[name]
        value = field.prepare_value(value)
        self.data = self.data.copy()
        if hidden:
            self.data[html_name] = field.hidden_widget().format_value(value) or ""
        elif _is_several(field):
            self.data.setlist(html_name, [str(one) for one in value or ()])
        elif isinstance(field, forms.BooleanField):
            self.data.setlist(html_name, ["on"] if value else [])
        else:
            self.data[html_name] = "" if value is None else str(value)


class CarefulRows(forms.BaseInlineFormSet):
    """Rows that somebody else may have added, changed or deleted since the form was opened."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gone = self.new_meanwhile = 0
        self.came_back = set()
        if self.is_bound and self.instance.pk:
            self._compare_with_what_is_there()

    def _compare_with_what_is_there(self):
        there = {str(row.pk): row for row in self.get_queryset()}
        asked = f"{{}}-{self.model._meta.pk.name}"
        count = min(self.initial_form_count(), self.total_form_count())
        posted = [self.data.get(asked.format(self.add_prefix(index)), "") for index in range(count)]
        # In the form's order, and without what it does not show: the admin pairs forms and rows by position.
        self._queryset = [there[pk] for pk in posted if pk in there]
        self.new_meanwhile = len(there.keys() - set(posted))
        missing = [index for index, pk in enumerate(posted) if pk not in there]
        if missing:
            self._renumber(missing, count)

    def _renumber(self, missing, initial):
        """A row that is gone leaves the form; if this person wrote in it, its words come back as a new row."""
        total = self.total_form_count()
        stay = [index for index in range(initial) if index not in missing]
        written = [index for index in missing if self._was_written_in(index)]
        order = [*stay, *range(initial, total), *written]
        new_index = {old: new for new, old in enumerate(order)}
        self.came_back = {new_index[index] for index in written}
        self.gone = len(missing) - len(written)
        self.data = self._renamed(self.data, new_index, written)
        self.files = self._renamed(self.files, new_index, written) if self.files else self.files
        self.data[f"{self.prefix}-{INITIAL_FORM_COUNT}"] = str(len(stay))
        self.data[f"{self.prefix}-{TOTAL_FORM_COUNT}"] = str(len(order))
        self.__dict__.pop("management_form", None)  # read again

    def _was_written_in(self, index):
        prefix = self.add_prefix(index)
        if self.data.get(f"{prefix}-{DELETION_FIELD_NAME}"):
            return False  # both took it away
        kwargs = {**self.get_form_kwargs(index), "prefix": prefix, "instance": self.model()}
        return self.form(self.data, self.files, **kwargs).was_touched()

    def _renamed(self, sent, new_index, written):
        ours = re.compile(rf"(initial-)?{re.escape(self.prefix)}-(\d+)-(.+)\Z")
        renamed = sent.copy()
        for key in sent:
            if ours.match(key):
                del renamed[key]
        for key in sent:
            if not (match := ours.match(key)):
                continue
            was_hidden, old, name = match[1] or "", int(match[2]), match[3]
            if old in new_index and not (old in written and (was_hidden or name == self.model._meta.pk.name)):
                renamed.setlist(f"{was_hidden}{self.prefix}-{new_index[old]}-{name}", sent.getlist(key))
        return renamed

    def add_fields(self, form, index):
        super().add_fields(form, index)
        # The row's number and its parent say which row it is; nobody writes in them.
        form.watched = [name for name in form.watched if name not in {self.fk.name, self.model._meta.pk.name}]
        form.came_back = index in self.came_back

    def clean(self):
        super().clean()
        going = [form for form in self.initial_forms if form.cleaned_data.get(DELETION_FIELD_NAME)]
        for form in self.forms:
            if form not in going and form.is_valid() and form.has_changed():
                self._refuse_what_is_there_already(form, going)
        problems = [self._ask_before_deleting(form) for form in going if form.changed_meanwhile]
        if problems:
            raise ValidationError(problems)

    def _refuse_what_is_there_already(self, form, going):
        """Django leaves these constraints to the database where the parent is not a field of the form."""
        away = [row.instance.pk for row in going]
        for constraint in self.model._meta.total_unique_constraints:
            names = [self.model._meta.get_field(name).attname for name in constraint.fields]
            same = self.model._base_manager.filter(**{name: getattr(form.instance, name) for name in names})
            if other := same.exclude(pk__in=[*away, form.instance.pk or 0]).first():
                form.add_error(None, self._already_there(form, other))

    def _already_there(self, form, other):
        theirs = self.form(instance=other, **self.get_form_kwargs(None))
        words = [
            (theirs.label(name), _difference(theirs.fields[name], "", theirs._raw_stored(name)))
            for name in theirs.fields
            if isinstance(theirs.fields[name], forms.CharField) and theirs.stored(name)
        ]
        return ValidationError(render_to_string("admin/saving/there.html", {"other": other, "words": words}))

    def _ask_before_deleting(self, form):
        changes = [
            (form.label(name), _difference(form.fields[name], form._raw_seen(name), form._raw_stored(name)))
            for name in form.changed_meanwhile
        ]
        form.kept = list(form.changed_meanwhile)
        return ValidationError(
            render_to_string("admin/saving/deleting.html", {"row": form.instance, "changes": changes}), code=MEANWHILE
        )


def _errors(form, formsets):
    parts = [form, *(row for formset in formsets for row in formset.forms if row not in formset.deleted_forms)]
    found = [error for part in parts for errors in part.errors.as_data().values() for error in errors]
    return found + [error for formset in formsets for error in formset.non_form_errors().as_data()]


def _mistakes(form, formsets) -> list[tuple[str, str, str]]:
    """What keeps the form from being saved: the place in the page, what it is called there, and what is wrong."""
    found = _mistakes_of(form, "")
    for formset in formsets:
        kind = formset.model._meta.verbose_name
        kind = kind[:1].upper() + kind[1:]
        found += [(f"{formset.prefix}-group", kind, said) for said in formset.non_form_errors()]
        for number, row in enumerate(formset.forms, start=1):
            if row not in formset.deleted_forms:
                found += _mistakes_of(row, f"{kind} {number}", f"{row.prefix}")
    return found


def _mistakes_of(form, called, place="") -> list[tuple[str, str, str]]:
    found = []
    for name, errors in form.errors.as_data().items():
        at, what = place, called
        if name in form.fields:
            # An editor hides its field, and several boxes have no place of their own: then where it is said.
            bound, field = form[name], form.fields[name]
            several = isinstance(field, ProseEditorFormField) or not bound.id_for_label
            at = f"{bound.auto_id}_error" if several else bound.id_for_label
            what = f"{called}: {form.label(name)}" if called else form.label(name)
        found += [(at, what, said) for error in errors if error.code != MEANWHILE for said in error.messages]
    return found


def kept(form, formsets) -> list[str]:
    """What somebody else saved while this form was open and stays as they left it, in words."""
    found = [form.label(name) for name in form.kept]
    for formset in formsets:
        for row in formset.forms:
            found += [f"{row.instance}: {row.label(name)}" for name in row.kept]
        kind = formset.model._meta.verbose_name
        if formset.new_meanwhile:
            found.append(_("{kind} (added)").format(kind=kind))
        if formset.gone:
            found.append(_("{kind} (deleted)").format(kind=kind))
    return found


def _entries(obj):
    """Who saved this in the source language and when, as the admin's own log tells it."""
    return (
        LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(obj), object_id=str(obj.pk))
        .exclude(change_message__in=("", "[]"))  # saved without a change
        .exclude(change_message__contains=OF_A_TRANSLATION)
        .order_by("-pk")
    )


def _entries_since(obj, seen) -> list[LogEntry]:
    """What was saved after the newest entry that was there when the form was opened; oldest first."""
    entries = _entries(obj).select_related("user")
    entries = entries.filter(pk__gt=int(seen))[:20] if str(seen).isdecimal() else entries[:1]
    return list(reversed(entries))


def _people(entries, user) -> str:
    names = dict.fromkeys(_("You, in another window,") if e.user == user else name_of(e.user) for e in entries)
    return get_text_list(list(names), _("and")) or _("Somebody")


class CarefulAdmin(admin.ModelAdmin):
    """Mixed into the admin of a topic; its inlines take `CarefulForm` and `CarefulRows` as well."""

    form = CarefulForm
    change_form_template = "admin/saving/change_form.html"

    def get_object(self, request, object_id, from_field=None):
        if request.method == "POST" and connection.in_atomic_block and str(object_id).isdecimal():
            # Two saves at once: the second waits here, before it reads what it will compare with. No key is locked:
            # other topics may go on naming this one. (On SQLite the transaction itself is the lock.)
            list(models.Topic.objects.select_for_update(no_key=True).filter(pk=object_id).values_list("pk"))
        elif str(object_id).isdecimal():
            # Before the words are read: a save in between is rather told once too often than never.
            request.newest_entry = self._newest_entry(self.model(pk=int(object_id)))
        return super().get_object(request, object_id, from_field)

    def _newest_entry(self, obj) -> int:
        return _entries(obj).values_list("pk", flat=True).first() or 0

    def save_model(self, request, obj, form, change):
        """Only what this person changed: a translator or another clinician may have saved since the form was opened."""
        obj.save(update_fields=form.changed_columns) if change else obj.save()

    def save_formset(self, request, form, formset, change):
        formset.save(commit=False)
        for row in formset.deleted_objects:
            row.delete()
        for row_form in formset.initial_forms:
            if row_form.instance in [row for row, _fields in formset.changed_objects]:
                row_form.instance.save(update_fields=row_form.changed_columns)
        for row in formset.new_objects:
            row.save()
        formset.save_m2m()

    def save_related(self, request, form, formsets, change):
        super().save_related(request, form, formsets, change)
        if change and (parts := kept(form, formsets)):
            parts = get_text_list([_("“{part}”").format(part=part) for part in parts], _("and"))
            people = _people(_entries_since(form.instance, request.POST.get("newest_entry")), request.user)
            messages.success(
                request,
                _("{people} saved {parts} while you were writing. That is kept, and so is what you wrote.").format(
                    people=people, parts=parts
                ),
            )

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        form = context["adminform"].form
        status = 200
        if form.is_bound:
            formsets = [row.formset for row in context["inline_admin_formsets"]]
            context["mistakes"] = _mistakes(form, formsets)
        if change and form.is_bound:
            status = self._tell(request, context, form, formsets, obj)
        elif change:
            context["newest_entry"] = getattr(request, "newest_entry", 0)
        response = super().render_change_form(request, context, add, change, form_url, obj)
        response.status_code = status
        return response

    def _tell(self, request, context, form, formsets, obj) -> int:
        """The form comes back: who saved meanwhile, and what of theirs is shown in it now. Returns the status."""
        errors = _errors(form, formsets)
        asked = [error for error in errors if error.code == MEANWHILE]
        parts = kept(form, formsets)
        context["newest_entry"] = request.POST.get("newest_entry", "")
        if asked or parts:
            entries = _entries_since(obj, context["newest_entry"])
            context |= {
                "meanwhile": entries,
                "asked": asked,
                "kept": parts,
                "people": _people(entries, request.user),
                "pictures_to_choose_again": bool(request.FILES),
                "newest_entry": self._newest_entry(obj),
            }
            for part in (form, *(row for formset in formsets for row in formset.forms)):
                part.show_what_is_stored()
        if len(asked) == len(errors):
            context["errors"] = []  # nobody made a mistake: no "correct the errors below"
        return 409 if asked else 200
