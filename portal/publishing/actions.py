"""The only writers of what is published, and of what leads there.

On the way: remember, remark, assign, check. At the gate: sign_off, publish, publish_together, withdraw,
withdraw_everywhere, restore. For later: plan_publishing, plan_withdrawal, cancel, carry_out.
Languages: decide_language, count_words.
"""

import datetime as dt
import logging
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from portal import languages
from portal.publishing import audit, checking, floor, letters, reading, rights, seals, search
from portal.publishing.folding import fold
from portal.publishing.manuscript import Manuscript
from portal.publishing.models import (
    Address,
    Capacity,
    Change,
    Checked,
    Edition,
    Entry,
    How,
    LanguageState,
    Page,
    PageHistory,
    Plan,
    PlanKind,
    Remark,
    RemarkKind,
    Significance,
    SignOff,
)

logger = logging.getLogger(__name__)


class Refused(Exception):
    """The gate stays shut. The message says why, in words for the person who asked."""


class Incomplete(Refused):
    """The words have problems."""


class Unsigned(Refused):
    """Nobody with the needed capacity has signed exactly these words."""


class SecondPerson(Refused):
    """The change is more than wording by the machine's floor, and only one person has signed it."""


class FourEyes(Refused):
    """Who last changed the words cannot be the one who signs them."""


class AddressTaken(Refused):
    """Another object has, or once had, this address."""


# On the way


def remember(manuscript: Manuscript, *, by=None, now=None) -> Change:
    """What the working copy says now: a new change where it says something new. `by` None: a program changed it.

    The desk calls it after every save; it is how a history, four eyes and every list of work know the newest words.
    """
    try:
        with transaction.atomic():
            return _remember(manuscript, by, now)
    except IntegrityError:  # two people met at the first words of an object; the loser looks again
        with transaction.atomic():
            return _remember(manuscript, by, now)


def _remember(manuscript, by, now) -> Change:
    of_object = _identity(manuscript)
    entry = Entry.objects.select_for_update().filter(**of_object).first()
    last = entry.change if entry else None
    problems = [problem.where for problem in manuscript.problems]  # not their words: each reader has a language
    beside = {
        "links": [list(link) for link in manuscript.links],
        "other_names": list(manuscript.other_names),
        "sensitive": list(manuscript.sensitive),
    }
    same_words = last is not None and last.digest == manuscript.digest
    if same_words and (last.problems, last.beside, last.title) == (problems, beside, manuscript.title):
        return last
    change = Change.objects.create(
        **of_object,
        slug=manuscript.slug,
        title=manuscript.title,
        summary=manuscript.summary,
        content=manuscript.content,
        digest=manuscript.digest,
        problems=problems,
        beside=beside,
        by=None if same_words else by,  # a problem that came or went is nobody's change of words
        at=now or timezone.now(),
    )
    if entry:
        entry.change = change
        entry.save(update_fields=["change"])
    else:
        Entry.objects.create(**of_object, change=change)
    return change


def last_changed_by(manuscript: Manuscript) -> int | None:
    """The person who last changed exactly these words; where only a program did since, who changed any before it."""
    changes = Change.objects.filter(**_identity(manuscript), by__isnull=False).order_by("-pk")
    of_these_words = changes.filter(digest=manuscript.digest).values_list("by", flat=True).first()
    return of_these_words or changes.values_list("by", flat=True).first()


def remark(manuscript: Manuscript, what: str, *, by, text: str = "", part: str = "", to=None, now=None) -> Remark:
    """Ask for a review, ask for changes, or comment on a part of exactly these words.

    Raises Refused, PermissionDenied.
    """
    text = text.strip()
    if not rights.may_read_unpublished(by):
        raise PermissionDenied
    if what == RemarkKind.CHANGES:
        _check_may_sign(by, Capacity.CLINICAL if manuscript.language == languages.SOURCE else Capacity.LANGUAGE)
    if what not in RemarkKind.values:
        raise Refused(_("That button is not known here. Nothing was changed."))
    if what in {RemarkKind.CHANGES, RemarkKind.COMMENT} and not text:
        raise Refused(_("Write what you would like to be changed or to be thought about."))
    if to is not None and not rights.may_read_unpublished(to):
        raise Refused(_("That person cannot see words that are not published. Ask somebody else."))
    if what == RemarkKind.ASKED:
        _refuse_problems(manuscript)
    with transaction.atomic():
        _remember(manuscript, None, now)
        return Remark.objects.create(
            **_identity(manuscript),
            digest=manuscript.digest,
            what=what,
            part=part,
            text=text,
            to=to,
            by=by,
            said_as=_name_of(by),
            at=now or timezone.now(),
        )


def entry_of(manuscript: Manuscript) -> Entry:
    """The desk's entry for these words, made where there was none."""
    remember(manuscript)
    return Entry.objects.get(**_identity(manuscript))


def assign(entries: Iterable[Entry], *, by, owner, due_on=None) -> int:
    """Say whose work these are, and until when; nobody (None) is an answer. Raises PermissionDenied, Refused."""
    if not by.has_perm("publishing.assign_entry") and owner != by:
        raise PermissionDenied
    if owner is not None and not rights.may_read_unpublished(owner):
        raise Refused(_("That person cannot see words that are not published. Ask somebody else."))
    return Entry.objects.filter(pk__in=[entry.pk for entry in entries]).update(owner=owner, due_on=due_on)


def check(
    language: str, parts: Iterable[str], source_edition: Edition, *, by, how: str = How.PERSON, now=None
) -> Checked | None:
    """These parts of the translation say what this source edition says: `by` compared them, or a machine made them.

    Raises Refused where the edition is not of the source language or `how` is not known.
    """
    parts = sorted(set(parts))
    if source_edition.language != languages.SOURCE or language == languages.SOURCE:
        raise Refused(_("A translation is compared with an edition of the source language."))
    if how not in How.values:
        raise Refused(_("That button is not known here. Nothing was changed."))
    if not parts:
        return None
    return Checked.objects.create(
        kind=source_edition.kind,
        key=source_edition.key,
        language=language,
        source_edition=source_edition,
        parts=parts,
        how=how,
        by=by,
        at=now or timezone.now(),
    )


def decide_language(code: str, state: str, *, by, now=None) -> LanguageState:
    """Open a planned language for translators, offer it to readers, or take it back. Its words stay, whatever is said.

    Raises PermissionDenied, Refused.
    """
    if not by.has_perm("publishing.lead_translations"):
        raise PermissionDenied
    language = languages.LANGUAGES.get(code)
    if language is None or state not in LanguageState.State.values:
        raise Refused(_("That language is not declared here. Ask whoever looks after the server to add it."))
    if language.is_source:
        raise Refused(_("The source language is always offered: every translation is made from it."))
    with transaction.atomic(), audit.last():
        # As the database says now: what this process remembers may be a second old, and every change must be noted.
        decided = LanguageState.objects.select_for_update().filter(code=code).first()
        before = decided.state if decided else language.begins
        row, _created = LanguageState.objects.update_or_create(
            code=code, defaults={"state": state, "at": now or timezone.now(), "by": by}
        )
        if state != before:
            audit.note("language", by=by, about=f"{language.english} ({code})", before=before, after=state)
    languages.ask_again()
    transaction.on_commit(languages.ask_again)
    return row


def count_words(code: str, *, by, changed: int, now=None) -> None:
    """So many of the interface's words in this language were changed: logged, and every process hears of it."""
    state = languages.get(code).state
    row, _created = LanguageState.objects.get_or_create(
        code=code, defaults={"state": state, "at": now or timezone.now(), "by": by}
    )
    LanguageState.objects.filter(pk=row.pk).update(words=F("words") + 1)
    audit.note("interface", by=by, about=f"{languages.get(code).english} ({code})", changed=changed)
    languages.ask_again()
    transaction.on_commit(languages.ask_again)


# At the gate


def sign_off(manuscript: Manuscript, *, by, capacity: str, source_edition: Edition | None = None, now=None) -> SignOff:
    """`by` stands by exactly these words; a translation is signed beside the source edition it was read against.

    Signing the same words twice on one day gives the first sign-off. Raises Incomplete, FourEyes, Refused,
    PermissionDenied.
    """
    now = now or timezone.now()
    _refuse_problems(manuscript)
    _check_may_sign(by, capacity)
    is_translation = manuscript.language != languages.SOURCE
    if is_translation:
        if capacity == Capacity.CLINICAL:
            raise Refused(
                _("A clinical sign-off belongs to the source language; sign a translation as language reviewer.")
            )
        if source_edition is None:
            raise Refused(_("A translation is signed beside a published source edition, and there is none yet."))
        if (source_edition.kind, source_edition.key, source_edition.language) != (
            manuscript.kind,
            manuscript.key,
            languages.SOURCE,
        ):
            raise Refused(_("That source edition belongs to another page."))
    elif capacity == Capacity.LANGUAGE or source_edition is not None:
        raise Refused(_("The source language is signed off by a clinical reviewer."))
    with transaction.atomic():
        # The entry is locked meanwhile: an edit that comes at the same moment is before or after, never in between.
        _remember(manuscript, None, now)
        own_words = capacity != Capacity.DEMONSTRATION and last_changed_by(manuscript) == by.pk
        if own_words and settings.FOUR_EYES:
            raise FourEyes(
                _("You changed these words last, so somebody else has to sign them off: two pairs of eyes see more.")
            )
        sign_off, created = SignOff.objects.get_or_create(
            **_identity(manuscript),
            digest=manuscript.digest,
            capacity=capacity,
            source_edition=source_edition,
            by=by,
            on=now.astimezone(dt.UTC).date(),
            defaults={"signed_as": _name_of(by), "at": now, "own_words": own_words},
        )
        if created:
            audit.note("signed", by=by, about=audit.subject(manuscript), capacity=capacity, digest=manuscript.digest)
    return sign_off


@dataclass(frozen=True)
class Publishing:
    """One manuscript to be published, and what its publisher says about it."""

    manuscript: Manuscript
    significance: str = Significance.FOLLOW
    change_note: str = ""
    review_due_on: dt.date | None = None  # None: the interval of its kind

    def __post_init__(self):
        if self.significance not in Significance.values:
            raise Refused(_("Say what the change means: wording only, translations should follow, or safety."))


def publish(
    manuscript: Manuscript,
    *,
    by,
    significance: str = Significance.FOLLOW,
    change_note: str = "",
    review_due_on: dt.date | None = None,
    now=None,
) -> Edition:
    """Make the next edition of these words and point the page at it, in one transaction.

    The words the page already shows give the edition that is there. Raises Incomplete, Unsigned, SecondPerson,
    AddressTaken, Refused, PermissionDenied.
    """
    one = Publishing(manuscript, significance, change_note.strip(), review_due_on)
    return publish_together([one], by=by, now=now)[0]


def publish_together(several: Iterable[Publishing], *, by, now=None) -> list[Edition]:
    """Publish all of these or none: a campaign, a guideline's change. Raises as publish does; then nothing happened."""
    if not by.has_perm("publishing.publish_edition"):
        raise PermissionDenied
    # Everybody locks pages in one order, so that two publishers wait for each other instead of for ever.
    asked = list(several)
    several = sorted(asked, key=lambda one: tuple(_identity(one.manuscript).values()))
    for one in several:
        _refuse_problems(one.manuscript)
        _check_review_date(one.review_due_on, now)
    try:
        with transaction.atomic(), audit.last():
            made = {id(one): _publish_named(one, by, now, len(several) > 1) for one in several}
    except IntegrityError:
        # A first edition has no page to lock, so two at once meet at the database's rules. The loser looks again,
        # and now finds the winner's page to lock.
        with transaction.atomic(), audit.last():
            made = {id(one): _publish_named(one, by, now, len(several) > 1) for one in several}
    return [made[id(one)] for one in asked]


def _publish_named(one, by, now, is_one_of_several) -> Edition:
    """A refusal of one of several says which."""
    try:
        return _publish(one, by, now)
    except Refused as refusal:
        if not is_one_of_several:
            raise
        named = f"{one.manuscript.title} ({languages.get(one.manuscript.language).name}): {refusal}"
        raise type(refusal)(named) from refusal


def _publish(one: Publishing, by, now) -> Edition:
    manuscript = one.manuscript
    of_this_page = _identity(manuscript)
    # Locked without a join: PostgreSQL would drop a row whose edition changed while we waited for the lock.
    page = Page.objects.select_for_update().filter(**of_this_page).first()
    if page and not page.withdrawn_at and page.edition.digest == manuscript.digest:
        page.findable = _findable(manuscript.title, *manuscript.other_names)
        page.save(update_fields=["findable"])
        search.index(page, page.edition)
        return page.edition
    now = _moment(page, now)
    signature = _signature_for(manuscript)
    if page and one.significance == Significance.WORDING:
        _check_floor(page.edition, manuscript)
    last = Edition.objects.filter(**of_this_page).order_by("-number").only("number", "seal").first()
    edition = Edition(
        **of_this_page,
        significance=one.significance,
        change_note=one.change_note,
        number=last.number + 1 if last else 1,
        slug=manuscript.slug,
        title=manuscript.title,
        summary=manuscript.summary,
        content=manuscript.content,
        digest=manuscript.digest,
        names=reading.names(manuscript.links, manuscript.language),
        translated_from=signature.source_edition,
        review_due_on=one.review_due_on or now.date() + reading.review_interval(manuscript.kind),
        published_at=now,
        published_by=by,
        previous_seal=last.seal if last else "",
    )
    edition.seal = seals.seal_of(edition)
    edition.save()
    page = page or Page(**of_this_page)
    if edition.significance != Significance.WORDING:
        page.last_follow = edition.number
    if edition.significance == Significance.SAFETY:
        page.last_safety = edition.number
    page.findable = _findable(manuscript.title, *manuscript.other_names)
    if page.edition_id and edition.significance == Significance.WORDING and manuscript.language == languages.SOURCE:
        _carry_along(page.edition, edition, by=by, now=now)
    _point(page, edition, now=now, by=by)
    audit.note(
        "published",
        by=by,
        about=audit.subject(edition),
        significance=edition.significance,
        change_note=edition.change_note,
    )
    return edition


def _carry_along(before: Edition, edition: Edition, *, by, now):
    """Wording only: what was a translation of the edition before is one of this edition. Logged, never silent."""
    old, new = checking.words_of(before), checking.words_of(edition)
    moved = [part for part, said in new.items() if checking.normal(old.get(part, "")) != checking.normal(said)]
    carried = {}
    for language, checks in checking.checks(edition.kind, edition.key).items():
        parts = [part for part in moved if part in old and checks.is_current(part, old[part])]
        if check(language, parts, edition, by=by, how=How.CARRIED, now=now):
            carried[language] = parts
    if carried:
        audit.note("carried", by=by, about=audit.subject(edition), parts=carried)


def withdraw(page: Page, *, by, reason: str, now=None) -> Page:
    """Take a page away. Its address answers 410 with the reason; its editions stay.

    Raises Refused, PermissionDenied.
    """
    reason = _check_reason(by, reason)
    with transaction.atomic():
        page = Page.objects.select_for_update().get(pk=page.pk)
        if page.withdrawn_at:
            raise Refused(_("This page is withdrawn already."))
        return _withdraw(page, by, reason, now)


def _withdraw(page, by, reason, now, said=""):
    now = _moment(page, now)
    page.withdrawn_at = now
    page.withdrawal_reason = reason
    page.save(update_fields=["withdrawn_at", "withdrawal_reason"])
    search.drop(page)
    PageHistory.objects.create(page=page, edition=None, at=now, by=by, reason=reason or said)
    audit.note("withdrawn", by=by, about=audit.subject(page.edition), reason=reason or said)
    return page


def withdraw_everywhere(kind: str, key: str, *, by, reasons: dict[str, str], now=None) -> list[Page]:
    """Take an object's pages away in every language, all or none. `reasons` are words for readers, per language.

    Colleagues find the source language's reason beside every page; a language without words of its own shows its
    readers none, because a reason in another language would stand under a wrong name. Raises as withdraw does.
    """
    said = _check_reason(by, reasons.get(languages.SOURCE, ""))
    with transaction.atomic(), audit.last():
        pages = list(
            Page.objects.select_for_update().filter(kind=kind, key=key, withdrawn_at=None).order_by("language")
        )
        if not pages:
            raise Refused(_("No page of this object is public, so there is nothing to withdraw."))
        for page in pages:
            _withdraw(page, by, reasons.get(page.language, "").strip(), now, said=said)
    return pages


def restore(page: Page, edition: Edition, *, by, reason: str, now=None) -> Page:
    """Point the page at an earlier edition's words again. Raises Refused, AddressTaken, PermissionDenied."""
    reason = _check_reason(by, reason)
    if (edition.kind, edition.key, edition.language) != (page.kind, page.key, page.language):
        raise Refused(_("That edition belongs to another page."))
    with transaction.atomic():
        page = Page.objects.select_for_update().get(pk=page.pk)
        if not page.withdrawn_at and page.edition_id == edition.pk:
            raise Refused(_("The page shows this edition already."))
        page.findable = _findable(edition.title, *page.findable.split("\n"))
        _point(page, edition, now=_moment(page, now), by=by, reason=reason)
        audit.note("restored", by=by, about=audit.subject(edition), reason=reason)
    return page


# For later


def plan_publishing(several: Iterable[Publishing], *, by, at: dt.datetime, now=None) -> list[Plan]:
    """Publish exactly these words at that moment, all or none. Raises as publish does.

    They must be signed already, so that nothing waits in vain.
    """
    now = now or timezone.now()
    if not by.has_perm("publishing.publish_edition"):
        raise PermissionDenied
    _check_moment(at, now)
    several = list(several)
    mark = secrets.token_hex(8) if len(several) > 1 else ""
    plans = []
    with transaction.atomic():
        for one in several:
            _refuse_problems(one.manuscript)
            _check_review_date(one.review_due_on, now)
            _signature_for(one.manuscript)
            page = Page.objects.filter(**_identity(one.manuscript)).select_related("edition").first()
            if page and one.significance == Significance.WORDING:
                _check_floor(page.edition, one.manuscript)
            plans.append(
                Plan.objects.create(
                    **_identity(one.manuscript),
                    what=PlanKind.PUBLISH,
                    change=_remember(one.manuscript, None, now),
                    over=page.edition if page else None,
                    significance=one.significance,
                    note=one.change_note,
                    review_due_on=one.review_due_on,
                    together=mark,
                    at=at,
                    by=by,
                    made_at=now,
                )
            )
    return plans


def plan_withdrawal(page: Page, *, by, at: dt.datetime, reason: str, now=None) -> Plan:
    """Take the page away at that moment, whatever edition it shows then. Raises Refused, PermissionDenied."""
    now = now or timezone.now()
    reason = _check_reason(by, reason)
    _check_moment(at, now)
    return Plan.objects.create(
        kind=page.kind, key=page.key, language=page.language,
        what=PlanKind.WITHDRAW, note=reason, at=at, by=by, made_at=now,
    )  # fmt: skip


def cancel(plan: Plan, *, by, now=None) -> list[Plan]:
    """Call a plan off, with all that should have happened together with it. Raises Refused, PermissionDenied."""
    if not by.has_perm("publishing.publish_edition"):
        raise PermissionDenied
    with transaction.atomic():
        plans = _together(plan)
        if not plans:
            raise Refused(_("This plan has happened or was called off meanwhile."))
        for one in plans:
            one.ended_at, one.cancelled_by = now or timezone.now(), by
            one.save(update_fields=["ended_at", "cancelled_by"])
    return plans


def carry_out(now=None, *, tell=lambda plan: None) -> list[Plan]:
    """Do every plan whose moment has come, each once, however many clocks run. Returns the plans that ended.

    What cannot be done ends with its reason, and is not tried again: its owner decides. `tell` is called with each
    plan that ended, in its transaction.
    """
    now = now or timezone.now()
    ended = []
    for pk in Plan.objects.filter(ended_at=None, at__lte=now).order_by("at", "pk").values_list("pk", flat=True):
        try:
            ended += _carry_out(pk, now, tell)
        except Exception:  # one plan's accident (a lost connection, a race) keeps no other waiting; it is tried again
            logger.exception("A plan could not be carried out and will be tried again.")
    return ended


def _carry_out(pk, now, tell) -> list[Plan]:
    with transaction.atomic(), audit.last():
        plan = Plan.objects.filter(pk=pk).first()
        plans = _together(plan) if plan else []
        if not plans:
            return []  # another clock was faster
        try:
            with transaction.atomic(), audit.last():
                _do(plans, now)
        except (Refused, PermissionDenied) as refusal:
            for one in plans:
                one.edition = None
                one.refusal = str(refusal) or _("Whoever planned this has no right to publish any more.")
        for one in plans:
            one.ended_at = now
            one.save(update_fields=["ended_at", "edition", "refusal"])
            tell(one)
    return plans


def _together(plan) -> list[Plan]:
    """The open plans that share this one's fate, locked in one order."""
    mine = {"together": plan.together} if plan.together else {"pk": plan.pk}
    plans = Plan.objects.select_for_update().filter(ended_at=None, **mine)
    return list(plans.order_by("kind", "key", "language", "pk"))


def _do(plans, now):
    for plan in plans:
        by = plan.by
        if not by.is_active or not by.has_perm("publishing.publish_edition"):
            raise PermissionDenied
        page = Page.objects.select_for_update().filter(kind=plan.kind, key=plan.key, language=plan.language).first()
        if plan.what == PlanKind.WITHDRAW:
            if page and not page.withdrawn_at:
                _withdraw(page, by, plan.note, now)
            continue
        shown = page.edition_id if page else None
        if page and page.withdrawn_at and plan.made_at < page.withdrawn_at:
            raise Refused(_("The page was withdrawn after this was planned. Publish by hand if it should come back."))
        if shown != plan.over_id and page.edition.digest != plan.change.digest:
            raise Refused(
                _("Edition {number} was published after this was planned. Compare, and plan it anew.").format(
                    number=page.edition.number
                )
            )
        one = Publishing(plan.change.manuscript, plan.significance, plan.note, plan.review_due_on)
        plan.edition = _publish(one, by, now)


def _identity(manuscript) -> dict[str, str]:
    return {"kind": manuscript.kind, "key": manuscript.key, "language": manuscript.language}


def _name_of(user) -> str:
    return user.get_full_name() or user.get_username()


def _check_moment(at, now):
    if at <= now:
        raise Refused(_("That moment has passed. Choose a later one, or publish now."))
    if at > now + dt.timedelta(days=2 * 366):
        raise Refused(_("That is more than two years away. Choose an earlier moment."))


def _check_review_date(day, now):
    today = (now or timezone.now()).date()
    if day is not None and not today < day <= today + dt.timedelta(days=3 * 366):
        raise Refused(_("Choose a date for the next review between tomorrow and three years from now."))


def _moment(page, now) -> dt.datetime:
    """The moment of a change: after the lock was had, and after whatever happened to the page before."""
    now = now or timezone.now()
    last = PageHistory.objects.filter(page=page).order_by("-at").first() if page else None
    return max(now, last.at + dt.timedelta(microseconds=1)) if last else now


def _findable(*names) -> str:
    return "\n".join(dict.fromkeys(folded for name in names if (folded := fold(name))))


def _point(page, edition, *, now, by, reason=""):
    """The page shows this edition from now on. Keeps the old address, claims the new one."""
    page.slug, page.title, page.summary = edition.slug, edition.title, edition.summary
    page.letter, page.place = letters.letter(page.title, page.language), letters.place(page.title, page.language)
    page.edition, page.withdrawn_at, page.withdrawal_reason = edition, None, ""
    page.save()
    search.index(page, edition)
    address, _created = Address.objects.get_or_create(
        kind=page.kind, language=page.language, slug=page.slug, defaults={"page": page}
    )
    if address.page_id != page.pk:
        raise AddressTaken(_("The address “{slug}” belongs to another page. Choose another.").format(slug=page.slug))
    PageHistory.objects.create(page=page, edition=edition, at=now, by=by, reason=reason)
    entry = Entry.objects.filter(kind=page.kind, key=page.key, language=page.language).select_related("change").first()
    if entry:
        shown = entry.change_id if entry.change.digest == edition.digest else 0
        Entry.objects.filter(pk=entry.pk).update(shown=shown)


def put_under_letters() -> int:
    """Pages to their places in the lists, where a release before this one published beside it. Returns how many."""
    moved = 0
    for page in Page.objects.only("language", "title", "letter", "place").order_by("pk").iterator(chunk_size=1_000):
        of = page.title, page.language
        now = letters.letter(*of), letters.place(*of)
        if (page.letter, bytes(page.place)) != now:
            # Not where the title has changed again meanwhile: whoever did that has written its place as well.
            same = Page.objects.filter(pk=page.pk, title=page.title)
            moved += same.update(letter=now[0], place=now[1])
    return moved


def _refuse_problems(manuscript):
    if manuscript.problems:
        raise Incomplete(" ".join(str(problem) for problem in manuscript.problems))


def _check_may_sign(by, capacity):
    allowed = {
        Capacity.CLINICAL: by.has_perm("publishing.sign_clinical"),
        Capacity.LANGUAGE: by.has_perm("publishing.sign_language"),
        Capacity.DEMONSTRATION: settings.DEMO and by.has_perm("publishing.publish_edition"),
    }
    if not allowed.get(capacity):
        raise PermissionDenied


def _check_reason(by, reason):
    if not by.has_perm("publishing.publish_edition"):
        raise PermissionDenied
    if not (reason := reason.strip()):
        raise Refused(_("Give a reason in plain words: readers and colleagues will see it."))
    return reason


def _check_floor(edition, manuscript):
    """ "Wording only" of a change that looks like more needs two people's signatures."""
    found = floor.reasons(edition.content, manuscript.content, manuscript.language, manuscript.sensitive)
    if found and len(signatories(manuscript)) < 2:
        raise SecondPerson(
            _(
                "“Wording only” needs a second person to sign off these words: the change touches a number, a unit, a "
                "“not”, an age, a sex, pregnancy, or advice on when to act. Say what it means, or ask somebody else "
                "to sign."
            )
        )


def signatories(manuscript) -> set[int]:
    """The people who signed exactly these words, a demonstration aside."""
    signed = SignOff.objects.filter(
        kind=manuscript.kind, key=manuscript.key, language=manuscript.language, digest=manuscript.digest
    )
    return set(signed.exclude(capacity=Capacity.DEMONSTRATION).values_list("by", flat=True))


def _signature_for(manuscript) -> SignOff:
    """The latest sign-off that lets these words out. Raises Unsigned."""
    needed = Capacity.CLINICAL if manuscript.language == languages.SOURCE else Capacity.LANGUAGE
    capacities = [needed, Capacity.DEMONSTRATION] if settings.DEMO else [needed]
    signatures = SignOff.objects.filter(
        kind=manuscript.kind,
        key=manuscript.key,
        language=manuscript.language,
        digest=manuscript.digest,
        capacity__in=capacities,
    ).select_related("source_edition")
    signature = max(signatures, key=lambda s: (s.capacity == needed, s.at), default=None)
    if signature is None:
        raise Unsigned(
            _("A clinical reviewer has to sign off exactly these words first.")
            if needed == Capacity.CLINICAL
            else _("A language reviewer has to sign off exactly these words first.")
        )
    return signature
