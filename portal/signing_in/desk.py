"""Signing in, the code after it, and the page of one's own second factor. Mixed into the desk."""

import time
from functools import wraps

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordChangeView, RedirectURLMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.crypto import constant_time_compare
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from portal.signing_in import browsers, by_mail, second_factor, throttle
from portal.signing_in.forms import (
    CodeForm,
    ConfirmForm,
    MailForm,
    OwnPasswordForm,
    PasswordAndCodeForm,
    PasswordForm,
    SignInForm,
)
from portal.signing_in.sessions import FACTOR

PENDING = "password_was_right"  # in the session: who still owes a code
BEGUN = "second_factor_begun"
PATIENCE = 10 * 60  # seconds
NOT_SAVED = "not-saved"  # in the sign-in page's address: a form led here, and was not carried out


def _slowed(response, form):
    """The answer says when to come back in its headers as well."""
    if form.waits:
        response.status_code = 429
        response.headers["Retry-After"] = str(form.waits)
    return response


def _let_in(request, person, to, device=None):
    login(request, person)
    if device is not None:
        request.session[FACTOR] = device.pk
    response = HttpResponseRedirect(to)
    browsers.remember(request, response, throttle.account_of(person.get_username()))
    return response


class SignIn(LoginView):
    """Name and password."""

    authentication_form = SignInForm
    template_name = "admin/login.html"
    next_page = "admin:index"

    def form_valid(self, form):
        person, to = form.get_user(), self.get_success_url()
        if second_factor.of(person) is None:
            return _let_in(self.request, person, to)
        self.request.session.flush()  # another key: whoever knew the one of before learns nothing
        self.request.session[PENDING] = [person.pk, person.get_session_auth_hash(), person.backend, time.time()]
        return HttpResponseRedirect(reverse("admin:sign-in-code", query={"next": to}))

    def form_invalid(self, form):
        return _slowed(super().form_invalid(form), form)


class Code(RedirectURLMixin, FormView):
    """The code of whoever gave the right password some minutes ago."""

    form_class = CodeForm
    template_name = "admin/signing_in/code.html"
    next_page = "admin:index"
    site = None

    def dispatch(self, request, *args, **kwargs):
        self.person = self._who_owes(request)
        if self.person is None:
            request.session.pop(PENDING, None)
            return HttpResponseRedirect(reverse("admin:login", query={"next": self.get_success_url()}))
        return super().dispatch(request, *args, **kwargs)

    def _who_owes(self, request):
        pk, password, backend, at = request.session.get(PENDING, [0, "", "", 0])
        person = User.objects.filter(pk=pk, is_active=True).first()
        if person is None or time.time() - at > PATIENCE:
            return None
        if not constant_time_compare(password, person.get_session_auth_hash()):
            return None  # the password changed meanwhile
        person.backend = backend
        return person

    def get_form_kwargs(self):
        return {"person": self.person, "request": self.request, **super().get_form_kwargs()}

    def get_context_data(self, **kwargs):
        context = {"title": _("Your second factor"), "next": self.get_redirect_url()}
        return super().get_context_data(**self.site.each_context(self.request), **context, **kwargs)

    def form_valid(self, form):
        self.request.session.pop(PENDING)
        return _let_in(self.request, self.person, self.get_success_url(), second_factor.of(self.person))

    def form_invalid(self, form):
        return _slowed(super().form_invalid(form), form)


class ByMail(FormView):
    form_class = MailForm
    template_name = "admin/signing_in/by_mail.html"
    title = gettext_lazy("A way for this browser")
    site = None

    def get_form_kwargs(self):
        return {"request": self.request, **super().get_form_kwargs()}

    def get_context_data(self, **kwargs):
        return super().get_context_data(**self.site.each_context(self.request), title=self.title, **kwargs)

    def form_valid(self, form):
        by_mail.send(form.cleaned_data["username"])
        return self.render_to_response(self.get_context_data(form=form, sent=True))  # one form: one count

    def form_invalid(self, form):
        return _slowed(super().form_invalid(form), form)


class OwnPassword(PasswordChangeView):
    form_class = OwnPasswordForm

    def get_form_kwargs(self):
        return {"request": self.request, **super().get_form_kwargs()}

    def form_invalid(self, form):
        return _slowed(super().form_invalid(form), form)


class SigningIn:
    """For an AdminSite."""

    def get_urls(self):
        return [
            path("login/code/", self.code, name="sign-in-code"),
            path("login/by-mail/", self.by_mail, name="sign-in-by-mail"),
            path("login/known/<str:token>/", self.known, name="sign-in-known"),
            path("second-factor/", self.admin_view(self.second_factor), name="second-factor"),
            path("auth/user/<int:pk>/second-factor/", self.admin_view(self.reset), name="second-factor-of"),
            *super().get_urls(),
        ]

    def admin_view(self, view, cacheable=False):
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def told(request, *args, **kwargs):
            response = inner(request, *args, **kwargs)
            if request.method == "POST" and response.headers.get("Location", "").startswith(
                reverse("admin:login") + "?"
            ):
                response.headers["Location"] += f"&{NOT_SAVED}=1"
            return response

        return told

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request, extra_context=None):
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            "was_not_saved": NOT_SAVED in request.GET,
            **(extra_context or {}),
        }
        if "next" not in request.GET and "next" not in request.POST:
            context["next"] = reverse("admin:index")
        return SignIn.as_view(extra_context=context)(request)

    @method_decorator(never_cache)
    @login_not_required
    def code(self, request):
        return Code.as_view(site=self)(request)

    @method_decorator(never_cache)
    @login_not_required
    def by_mail(self, request):
        return ByMail.as_view(site=self)(request)

    @method_decorator(never_cache)
    @login_not_required
    def known(self, request, token):
        """From a mail. It changes this browser's cookie and nothing else, so a link may do it."""
        read = by_mail.read(token)
        context = {**self.each_context(request), "title": ByMail.title, "known": read, "too_old": not read}
        response = render(request, ByMail.template_name, context, status=200 if read else 410)
        if read:
            browsers.remember(request, response, *read)
        return response

    def password_change(self, request, extra_context=None):
        context = {**self.each_context(request), **(extra_context or {})}
        return OwnPassword.as_view(success_url=reverse("admin:password_change_done"), extra_context=context)(request)

    def second_factor(self, request):
        """Set up, new recovery codes, remove: each after the password, and after a code where there is one."""
        person, device = request.user, second_factor.of(request.user)
        what = request.POST.get("what", "")
        data = request.POST if request.method == "POST" else None
        begun = second_factor.begun(person, request.session.get(BEGUN, 0))
        forms = {"begin": PasswordForm, "codes": PasswordAndCodeForm, "remove": PasswordAndCodeForm}
        form = None
        if what == "confirm" and begun:
            form = ConfirmForm(data)
            if form.is_valid():
                if codes := second_factor.confirm(begun, form.cleaned_data["code"]):
                    return self._codes(request, codes, second_factor.of(person))
                form.add_error("code", _("This is not the code that the app shows now. Check the clock of your phone."))
        elif what in forms and bool(device) == (what != "begin"):
            form = forms[what](request, data)
            if form.is_valid():
                if what == "codes":
                    return self._codes(request, second_factor.new_codes(person), device)
                if what == "begin":
                    request.session[BEGUN] = second_factor.begin(person).pk
                else:
                    second_factor.remove(person, by=person)
                    request.session.pop(FACTOR, None)
                    messages.success(request, _("You sign in with your password alone now."))
                return HttpResponseRedirect(request.get_full_path())
        context = {
            **self.each_context(request),
            "title": _("Your second factor"),
            "device": device,
            "begun": begun,
            "drawn": second_factor.drawn(begun) if begun else "",
            "secret": second_factor.secret(begun) if begun else "",
            "codes_left": second_factor.codes_left(person) if device else 0,
            "required": second_factor.is_required(),
            "begin": form if what == "begin" else PasswordForm(request),
            "confirm": form if what == "confirm" and form else ConfirmForm(),
            "codes": form if what == "codes" else PasswordAndCodeForm(request, auto_id="id_codes_%s"),
            "remove": form if what == "remove" else PasswordAndCodeForm(request, auto_id="id_remove_%s"),
        }
        response = render(request, "admin/signing_in/second_factor.html", context)
        return _slowed(response, form) if form is not None else response

    def _codes(self, request, codes, device):
        request.session.pop(BEGUN, None)
        request.session[FACTOR] = device.pk
        request.session.cycle_key()
        context = {**self.each_context(request), "title": _("Your recovery codes"), "recovery_codes": codes}
        return render(request, "admin/signing_in/recovery_codes.html", context)

    def reset(self, request, pk):
        """An administrator takes away what somebody has lost. Nobody their own: that takes a code."""
        person = get_object_or_404(User, pk=pk)
        if person.pk == request.user.pk or not self.get_model_admin(User).has_change_permission(request, person):
            raise PermissionDenied
        if request.method == "POST":
            if second_factor.remove(person, by=request.user):
                messages.success(request, _("The second factor is taken away, and the person was signed out."))
            return HttpResponseRedirect(reverse("admin:auth_user_change", args=[pk]))
        context = {
            **self.each_context(request),
            "title": _("Second factor of {name}").format(name=person.get_username()),
            "person": person,
            "device": second_factor.of(person),
        }
        return render(request, "admin/signing_in/reset.html", context)
