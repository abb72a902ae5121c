"""One translation's form: every part of one object in one language, and nothing else."""

import hashlib
from dataclasses import dataclass

from django import forms
from django.db import models, transaction
from django.utils.translation import gettext as _

from portal.publishing.checking import normal
from portal.translating import segments
from portal.translating.columns import column, exactly
from portal.translating.editor import EditorWidget


@dataclass(frozen=True)
class Unit:
    """One part to translate: which row's field holds it, and what the source edition says there."""

    part: str  # "sections.causes"
    label: str
    row: models.Model
    field: str
    source: str
    rich: bool = False
    hint: str = ""
    optional: bool = False  # may stay empty though the source says something

    def is_missing(self, language: str) -> bool:
        return bool(self.source) and not self.optional and not self.words(language)

    def words(self, language: str) -> str:
        return exactly(self.row, self.field, language)


def fingerprint(units: list[Unit], language: str) -> str:
    """Changes when anybody saves any of these words in this language."""
    said = "\0".join(f"{unit.part}\1{unit.words(language)}" for unit in units)
    return hashlib.sha256(said.encode()).hexdigest()


class TranslationForm(forms.Form):
    """Binds one language's columns. A key that is not one of its parts is not looked at."""

    opened_with = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, units: list[Unit], language, *args, **kwargs):
        self.units, self.language = units, language
        super().__init__(*args, **kwargs)
        self.fields["opened_with"].initial = fingerprint(units, language.code)
        for unit in units:
            model_field = unit.row._meta.get_field(column(unit.field, language.code))
            form_field = model_field.formfield(required=False)
            if unit.rich:
                form_field.widget = EditorWidget(config=form_field.config, preset=form_field.preset)
            elif isinstance(form_field.widget, forms.Textarea):
                form_field.widget.attrs["rows"] = max(2, min(8, len(unit.source) // 70 + 1))
            form_field.widget.attrs |= {"lang": language.tag, "dir": language.direction}
            form_field.widget.attrs.pop("maxlength", None)  # a browser cuts what is pasted and says nothing
            form_field.label, form_field.help_text = unit.label, ""
            form_field.initial = unit.words(language.code)
            self.fields[unit.part] = form_field

    def rows(self):
        """The units with their bound fields, for the template."""
        return [(unit, self[unit.part]) for unit in self.units]

    def clean(self):
        if self.cleaned_data.get("opened_with") != fingerprint(self.units, self.language.code):
            raise forms.ValidationError(
                _(
                    "Somebody else saved this translation while you had it open. Your words are still below and "
                    "nothing is lost. Compare them with the words saved meanwhile, shown under each changed part, and "
                    "save again."
                ),
                code="saved_meanwhile",
            )
        for unit in self.units:
            if words := self.cleaned_data.get(unit.part):
                try:
                    unit.row._meta.get_field(column(unit.field, self.language.code)).run_validators(words)
                except forms.ValidationError as error:
                    self.add_error(unit.part, error)
        return self.cleaned_data

    def saved_meanwhile(self) -> bool:
        return any(error.code == "saved_meanwhile" for error in self.errors.as_data().get("__all__", ()))

    def given(self, unit: Unit) -> str:
        """What this form would save there; as it was sent where that is not allowed."""
        said = self.cleaned_data.get(unit.part, self[unit.part].value())
        return (said or "").strip().replace("\r\n", "\n")

    def differs(self, unit: Unit) -> bool:
        """Whether somebody would see another text than what is saved: white space between blocks is none."""
        given, saved = (segments.split(said, unit.rich) for said in (self.given(unit), unit.words(self.language.code)))
        return given.shape != saved.shape or list(map(normal, given.segments)) != list(map(normal, saved.segments))

    @transaction.atomic
    def save(self) -> list[tuple[Unit, str]]:
        """Write what changed into this language's columns. Returns the units that changed, with their words before."""
        changed, saved = {}, []
        for unit in self.units:
            words = self.given(unit)
            if words != unit.words(self.language.code):
                saved.append((unit, unit.words(self.language.code)))
                changed.setdefault((type(unit.row), unit.row.pk), (unit.row, []))[1].append((unit.field, words))
        for row, fields in changed.values():
            for field, words in fields:
                setattr(row, column(field, self.language.code), words)
            row.save(update_fields=[column(field, self.language.code) for field, _words in fields])
        return saved
