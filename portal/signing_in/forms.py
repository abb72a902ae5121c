"""What is typed to sign in, and to change the second factor. Every password and code is asked of throttle first."""

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm, AdminPasswordChangeForm
from django.contrib.auth.forms import UsernameField
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.publishing import audit
from portal.signing_in import second_factor, throttle


def _begin(what, name, request) -> throttle.Guess:
    """Raises ValidationError with the code "wait": the same words for an account that is there and one that is not."""
    try:
        return throttle.guess(what, name, request)
    except throttle.Wait as wait:
        said = ngettext(
            "There were too many wrong attempts. Nothing was checked. Try again in {count} minute.",
            "There were too many wrong attempts. Nothing was checked. Try again in {count} minutes.",
            wait.minutes,
        )
        raise ValidationError(said.format(count=wait.minutes), code="wait", params={"seconds": wait.seconds}) from wait


class Slowed(forms.Form):
    @property
    def waits(self) -> int:
        """Seconds until anything is looked at again; 0 where it was."""
        errors = [error for found in self.errors.as_data().values() for error in found if error.code == "wait"]
        return max((error.params["seconds"] for error in errors), default=0)


class SignInForm(Slowed, AdminAuthenticationForm):
    def clean(self):
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if name is None or not password:
            return super().clean()
        guess = _begin("password", name, self.request)
        super().clean()  # raises where it is wrong
        guess.was_right()
        return self.cleaned_data


class _Code(forms.CharField):
    def __init__(self, **more):
        super().__init__(max_length=40, **more)


def _check_code(request, person, code):
    guess = _begin("code", person.get_username(), request)
    if not second_factor.check(person, code):
        audit.note_refused(person.get_username())
        raise ValidationError(_("This code is wrong, or it was used before. Wait for the next one and try again."))
    guess.was_right()


def _check_password(request, password):
    """Of whoever is signed in. A desk that was left open is no place to guess it."""
    guess = _begin("password", request.user.get_username(), request)
    if not request.user.check_password(password):
        audit.note_refused(request.user.get_username())
        raise ValidationError(_("This is not your password."))
    guess.was_right()


class CodeForm(Slowed):
    """After the password. One of the two: the code of the moment, or a recovery code."""

    code = _Code(
        label=_("Code from the app on your phone"),
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}),
    )
    recovery = _Code(
        label=_("One of your recovery codes"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, person, request, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.person, self.request = person, request

    def clean(self):
        code = self.cleaned_data.get("code") or self.cleaned_data.get("recovery")
        if not self.errors and not code:
            raise ValidationError(_("Write a code."))
        if code:
            _check_code(self.request, self.person, code)
        return self.cleaned_data


class PasswordForm(Slowed):
    """Before anything changes: whoever found the desk open does not know this."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, request, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.person, self.request = request.user, request

    def clean_password(self):
        password = self.cleaned_data["password"]
        if settings.DEMO and password == settings.DEMO_PASSWORD:
            raise ValidationError(
                _("Everybody knows the password of this account of the demonstration, so it can have no second factor.")
            )
        _check_password(self.request, password)
        return password


class PasswordAndCodeForm(PasswordForm):
    code = _Code(
        label=_("Code from the app, or a recovery code"),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean(self):
        if not self.errors:
            _check_code(self.request, self.person, self.cleaned_data["code"])
        return self.cleaned_data


class ConfirmForm(Slowed):
    """The first code of a new secret. The secret is on the same page, so there is nothing to guess."""

    code = _Code(
        label=_("Code that the app shows now"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


class OwnPasswordForm(Slowed, AdminPasswordChangeForm):
    def __init__(self, request, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self):
        _check_password(self.request, self.cleaned_data["old_password"])
        return self.cleaned_data["old_password"]


class MailForm(Slowed):
    """Whose browser is to be known. Nothing is said about whether there is such an account."""

    username = UsernameField(label=_("Username"), max_length=150)

    def __init__(self, request, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.request = request

    def clean(self):
        if not self.errors:
            _begin("mail", self.cleaned_data["username"], self.request)
        return self.cleaned_data
