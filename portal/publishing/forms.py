"""What the gate's buttons ask, checked. The browser's own inputs, so that they work without JavaScript."""

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.publishing.actions import Publishing, Refused
from portal.publishing.models import Significance

NOTE_LENGTH = 1000


class Moment(forms.DateTimeField):
    """A date and a time of the installation's time zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value):
        if isinstance(value, str) and len(value) > 40:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class PublishForm(forms.Form):
    significance = forms.ChoiceField(
        label=_("What does the change mean?"),
        choices=Significance.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Say what the change means: wording only, translations should follow, or safety."),
        },
    )
    change_note = forms.CharField(
        label=_("What changed, in plain words for readers"),
        required=False,
        max_length=NOTE_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    review_due_on = forms.DateField(
        label=_("Next review by"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    at = Moment(
        label=_("Publish at"),
        required=False,
        help_text=_("Leave this empty to publish now. Exactly these words will go out, whatever is edited meanwhile."),
    )

    def __init__(self, *args, of_translation=False, **kwargs):
        super().__init__(*args, **kwargs)
        if of_translation:
            # Nothing follows a translation; but what is neither harmful nor wording only (a number was put right) has
            # to be sayable of it as well, because "wording only" would then need a second person.
            follow = Significance.FOLLOW
            significance = self.fields["significance"]
            significance.choices = [
                (value, _("More than wording") if value == follow else label) for value, label in Significance.choices
            ]
            significance.error_messages["required"] = _(
                "Say what the change means: wording only, more than wording, or safety."
            )

    def publishing(self, manuscript) -> Publishing:
        """What was said about this manuscript. Raises Refused with the first mistake."""
        refuse_mistakes(self)
        said = self.cleaned_data
        return Publishing(manuscript, said["significance"], said["change_note"].strip(), said["review_due_on"])


class LaterForm(forms.Form):
    """Withdraw now, or at a moment."""

    reason = forms.CharField(max_length=NOTE_LENGTH, required=False)
    at = Moment(label=_("Withdraw at"), required=False, help_text=_("Leave this empty to withdraw now."))


class CompareForm(forms.Form):
    """Two of: an edition's number, or "words" for the working copy."""

    before = forms.ChoiceField(label=_("From"))
    after = forms.ChoiceField(label=_("To"))

    def __init__(self, editions, *args, **kwargs):
        super().__init__(*args, **kwargs)
        choices = [("words", _("Working copy"))] + [
            (str(edition.number), _("Edition {number}").format(number=edition.number)) for edition in editions
        ]
        for field in self.fields.values():
            field.choices = choices


def refuse_mistakes(form):
    """Raises Refused with the form's mistakes in words."""
    if not form.is_valid():
        said = []
        for name, errors in form.errors.items():
            label = form.fields[name].label if name in form.fields else ""
            said += [f"{label}: {error}" if label and name != "significance" else str(error) for error in errors]
        raise Refused(" ".join(said))
