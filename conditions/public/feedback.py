""" "Did this page answer your question?": asked on the page by GET, told here by POST, kept without who told it."""

from django import forms
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from conditions import labels, presentation
from conditions.public import views
from portal.listening import actions, protection
from portal.listening.models import MOST
from portal.publishing import reading

ANSWERS = {"yes": gettext_lazy("Yes"), "no": gettext_lazy("No")}


class Words(forms.CharField):
    """A browser sends two characters for the end of a line; a reader counts one."""

    def to_python(self, value):
        return super().to_python(value).replace("\r\n", "\n")


class FeedbackForm(forms.Form):
    answer = forms.ChoiceField(
        choices=ANSWERS.items(),
        error_messages=dict.fromkeys(("required", "invalid_choice"), gettext_lazy("Please choose yes or no.")),
    )
    words = Words(
        required=False,
        max_length=MOST,
        error_messages={
            "max_length": gettext_lazy("These words are too long: at most 600 characters fit. Please shorten them.")
        },
    )
    subject = forms.CharField(required=False)  # people do not see it; robots fill in what they find
    stamp = forms.CharField(required=False)

    def clean_subject(self):
        if self.cleaned_data["subject"]:
            raise forms.ValidationError(_("Something was filled in that you cannot see. Please choose “Send” again."))
        return ""


# No cookie says who a reader is, so another site can forge nothing in a reader's name but what it could send itself:
# an anonymous note. The signed stamp in the form takes the token's place.
@csrf_exempt
@never_cache  # a kept form would give two people one stamp
@require_http_methods(["GET", "HEAD", "POST"])
def feedback(request, language, kind, slug):
    page = views.find_page(request, kind, language, slug, "feedback")
    if not isinstance(page, reading.Page):
        if request.method == "POST" and page.status_code == 301:
            page.status_code = 308  # the words move along
        return page
    if request.method != "POST":
        return _show(request, page, FeedbackForm(initial={"answer": request.GET.get("answer")}))
    form = FeedbackForm(request.POST)
    if not form.is_valid():
        return _show(request, page, form, 422)
    said = form.cleaned_data
    try:
        # Yes or no is said in an instant; what is written takes a while.
        quickest = protection.QUICKEST if said["words"] else 0
        is_new = protection.redeem(said["stamp"], f"{page.pk} {said['answer']} {said['words']}", quickest)
    except protection.TooQuick:
        form.add_error(None, _("That was very quick, as if a machine had sent it. Please choose “Send” again."))
        return _show(request, page, form, 422)
    except protection.Worn:
        form.add_error(None, _("This form was open for too long, or was sent before. Please choose “Send” again."))
        return _show(request, page, form, 422)
    if is_new:
        if not protection.within_limits(request):
            form.add_error(None, _("Many answers have come in this hour. Please send yours again in an hour."))
            return _show(request, page, form, 429)
        actions.answer(page, answered=said["answer"] == "yes", words=said["words"])
    return HttpResponseRedirect(_url("feedback-thanks", page))


@require_safe
def thanks(request, language, kind, slug):
    page = views.find_page(request, kind, language, slug, "feedback-thanks")
    if not isinstance(page, reading.Page):
        return page
    return render(request, "public/feedback_thanks.html", _context(page, "feedback-thanks"))


def _show(request, page, form, status=200):
    """The form, with what the reader wrote and a fresh stamp."""
    answer = form["answer"].value()
    query = f"?answer={answer}" if answer in ANSWERS else ""
    context = {
        **_context(page, "feedback", query),
        "form": form,
        "answer": answer,
        "answers": ANSWERS.items(),
        "stamp": protection.stamp(),
        "general_errors": [said for name in ("__all__", "subject", "stamp") for said in form.errors.get(name, ())],
    }
    return render(request, "public/feedback.html", context, status=status)


def _context(page, view, query=""):
    elsewhere = {other.language: _url(view, other) + query for other in reading.elsewhere(page.kind, page.slug)}
    return {
        "page": page,
        "url": presentation.page_url(page),
        "plural": labels.PLURALS[page.kind],
        "noindex": True,
        **views.frame(page.language, elsewhere),
    }


def _url(view, page):
    return reverse(f"public:{view}", args=[page.language, labels.PATHS[page.kind], page.slug])
