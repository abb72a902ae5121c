"""Who is told what by e-mail. One digest a day at the most, unless earlier words may harm: then at once."""

from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils.translation import gettext as _

from conditions import models
from portal import languages
from portal.publishing import actions, notices
from portal.publishing.models import Entry, Page, Plan, PlanKind, Remark, RemarkKind, Significance
from portal.translating.columns import column


def of_remark(state, remark: Remark) -> None:
    """A request goes to whom it was made, or to all who may answer it; what was said, to whose words they are."""
    title = state.manuscript.title
    said = f" “{remark.text}”" if remark.text else ""
    if remark.what == RemarkKind.ASKED:
        right = "sign_clinical" if state.language.is_source else "sign_language"
        people = [remark.to] if remark.to else _working_in(state.language.code, f"publishing.{right}")
        words = _("{name} asks for a review of “{title}” ({language}).{said}")
    else:
        people = _whose_words(state)
        words = {
            RemarkKind.CHANGES: _("{name} asks for changes in “{title}” ({language}).{said}"),
            RemarkKind.COMMENT: _("{name} commented on “{title}” ({language}).{said}"),
        }[remark.what]
    text = words.format(name=remark.said_as, title=title, language=_(state.language.english), said=said)
    notices.tell(people, text, _gate(state.manuscript, state.language.code), by=remark.by)


def of_signature(state, sign_off) -> None:
    text = _("{name} signed off “{title}” ({language}). It can be published.").format(
        name=sign_off.signed_as, title=state.manuscript.title, language=_(state.language.english)
    )
    notices.tell(_whose_words(state), text, _gate(state.manuscript, state.language.code), by=sign_off.by)


def of_edition(edition) -> None:
    """Translators learn that the source moved on; not of wording that does not concern them."""
    if edition.language != languages.SOURCE or edition.significance == Significance.WORDING:
        return
    safety = edition.significance == Significance.SAFETY
    note = f" “{edition.change_note}”" if edition.change_note else ""
    words = (
        _("SAFETY: “{title}” changed because the earlier words may harm. The {language} page shows a warning until you "
          "translate the change.{note}")
        if safety
        else _("“{title}” changed; the {language} page should follow.{note}")
    )  # fmt: skip
    for language in _translated(edition.kind, edition.key):
        text = words.format(title=edition.title, language=_(language.english), note=note)
        people = _working_in(language.code)
        notices.tell(people, text, _gate(edition, language.code, "translate"), safety=safety, by=edition.published_by)


def of_withdrawal(page: Page, by) -> None:
    """The source went away and translations stay public: whoever keeps them has to know at once."""
    if page.language != languages.SOURCE:
        return
    for language in _translated(page.kind, page.key):
        text = _(
            "SAFETY: the original of “{title}” was withdrawn; the {language} page is still public. Reason: {reason}"
        )
        text = text.format(title=page.title, language=_(language.english), reason=page.withdrawal_reason)
        notices.tell(_working_in(language.code), text, _gate(page, language.code), safety=True, by=by)


def of_work(entry: Entry, owner, by) -> None:
    if owner:
        text = _("“{title}” ({language}) is yours to work on.").format(
            title=entry.change.title or entry.key, language=_(languages.get(entry.language).english)
        )
        notices.tell([owner], text, _gate(entry, entry.language), by=by)


def of_plan(plan: Plan) -> None:
    """Its owner was not there when it happened, or did not; and others concern what it did."""
    if plan.edition:
        of_edition(plan.edition)
    elif plan.what == PlanKind.WITHDRAW and not plan.refusal:
        of_withdrawal(Page.objects.get(kind=plan.kind, key=plan.key, language=plan.language), plan.by)
    title = plan.change.title if plan.change else plan.key
    if plan.refusal:
        text = _("What you planned did not happen: “{title}” ({language}). {why}")
    elif plan.what == PlanKind.PUBLISH:
        text = _("As you planned, “{title}” ({language}) is public.")
    else:
        text = _("As you planned, “{title}” ({language}) is withdrawn.")
    text = text.format(title=title, language=_(languages.get(plan.language).english), why=plan.refusal)
    urgent = bool(plan.refusal) and plan.significance == Significance.SAFETY
    notices.tell([plan.by], text, _gate(plan, plan.language), safety=urgent)


def _working_in(language: str, *rights: str) -> list:
    """People with the language and these rights. Administrators have every right and are not meant."""
    people = get_user_model().objects
    with_language = people.with_perm(f"conditions.{column('translate', language)}", include_superusers=False)
    for right in rights:
        with_language = with_language.filter(pk__in=people.with_perm(right, include_superusers=False).values("pk"))
    return list(with_language)


def _whose_words(state) -> list:
    owner = state.entry.owner if state.entry else None
    wrote = get_user_model().objects.filter(pk=actions.last_changed_by(state.manuscript))
    return list({person.pk: person for person in [*wrote, *([owner] if owner else [])]}.values())


def _translated(kind: str, key: str) -> list:
    live = Page.objects.filter(kind=kind, key=key, withdrawn_at=None).exclude(language=languages.SOURCE)
    return [languages.get(code) for code in live.values_list("language", flat=True)]


def _gate(about, language: str, view: str = "gate") -> str:
    pk = models.Topic.objects.filter(kind=about.kind, key=about.key).values_list("pk", flat=True).first()
    return reverse(f"admin:conditions_{about.kind}_{view}", args=[pk, language]) if pk else reverse("admin:index")
