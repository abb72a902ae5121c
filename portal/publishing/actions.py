"""The only writers of what is published: sign_off, publish, withdraw, restore."""

import datetime as dt

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from portal import languages
from portal.publishing import audit, floor, reading, seals
from portal.publishing.folding import fold
from portal.publishing.manuscript import Manuscript
from portal.publishing.models import Address, Capacity, Edition, Page, PageHistory, Significance, SignOff


class Refused(Exception):
    """The gate stays shut. The message says why, in words for the person who asked."""


class Incomplete(Refused):
    """The words have problems."""


class Unsigned(Refused):
    """Nobody with the needed capacity has signed exactly these words."""


class SecondPerson(Refused):
    """The change is more than wording by the machine's floor, and only one person has signed it."""


class AddressTaken(Refused):
    """Another object has, or once had, this address."""


@transaction.atomic
def sign_off(manuscript: Manuscript, *, by, capacity: str, source_edition: Edition | None = None, now=None) -> SignOff:
    """`by` stands by exactly these words; a translation is signed beside the source edition it was read against.

    Signing the same words twice on one day gives the first sign-off. Raises Incomplete, Refused, PermissionDenied.
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
    sign_off, created = SignOff.objects.get_or_create(
        kind=manuscript.kind,
        key=manuscript.key,
        language=manuscript.language,
        digest=manuscript.digest,
        capacity=capacity,
        source_edition=source_edition,
        by=by,
        on=now.astimezone(dt.UTC).date(),
        defaults={"signed_as": by.get_full_name() or by.get_username(), "at": now},
    )
    if created:
        audit.note("signed", by=by, about=audit.subject(manuscript), capacity=capacity, digest=manuscript.digest)
    return sign_off


def publish(
    manuscript: Manuscript, *, by, significance: str = Significance.FOLLOW, change_note: str = "", now=None
) -> Edition:
    """Make the next edition of these words and point the page at it, in one transaction.

    The words the page already shows give the edition that is there. Raises Incomplete, Unsigned, SecondPerson,
    AddressTaken, PermissionDenied.
    """
    if not by.has_perm("publishing.publish_edition"):
        raise PermissionDenied
    if significance not in Significance.values:
        raise Refused(_("Say what the change means: wording only, translations should follow, or safety."))
    _refuse_problems(manuscript)
    meaning = {"significance": significance, "change_note": change_note.strip()}
    try:
        with transaction.atomic():
            return _publish(manuscript, by, now, meaning)
    except IntegrityError:
        # A first edition has no page to lock, so two at once meet at the database's rules. The loser looks again,
        # and now finds the winner's page to lock.
        with transaction.atomic():
            return _publish(manuscript, by, now, meaning)


def _publish(manuscript, by, now, meaning) -> Edition:
    of_this_page = {"kind": manuscript.kind, "key": manuscript.key, "language": manuscript.language}
    # Locked without a join: PostgreSQL would drop a row whose edition changed while we waited for the lock.
    page = Page.objects.select_for_update().filter(**of_this_page).first()
    if page and not page.withdrawn_at and page.edition.digest == manuscript.digest:
        page.findable = _findable(manuscript.title, *manuscript.other_names)
        page.save(update_fields=["findable"])
        return page.edition
    now = _moment(page, now)
    signature = _signature_for(manuscript)
    if page and meaning["significance"] == Significance.WORDING:
        _check_floor(page.edition, manuscript)
    last = Edition.objects.filter(**of_this_page).order_by("-number").only("number", "seal").first()
    edition = Edition(
        **of_this_page,
        **meaning,
        number=last.number + 1 if last else 1,
        slug=manuscript.slug,
        title=manuscript.title,
        summary=manuscript.summary,
        content=manuscript.content,
        digest=manuscript.digest,
        names=reading.names(manuscript.links, manuscript.language),
        translated_from=signature.source_edition,
        review_due_on=(now + dt.timedelta(days=settings.REVIEW_INTERVAL_DAYS)).date(),
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
    _point(page, edition, now=now, by=by)
    audit.note("published", by=by, about=audit.subject(edition), **meaning)
    return edition


def withdraw(page: Page, *, by, reason: str, now=None) -> Page:
    """Take a page away. Its address answers 410 with the reason; its editions stay.

    Raises Refused, PermissionDenied.
    """
    reason = _check_reason(by, reason)
    with transaction.atomic():
        page = Page.objects.select_for_update().get(pk=page.pk)
        now = _moment(page, now)
        if page.withdrawn_at:
            raise Refused(_("This page is withdrawn already."))
        page.withdrawn_at = now
        page.withdrawal_reason = reason
        page.save(update_fields=["withdrawn_at", "withdrawal_reason"])
        PageHistory.objects.create(page=page, edition=None, at=now, by=by, reason=reason)
        audit.note("withdrawn", by=by, about=audit.subject(page.edition), reason=reason)
    return page


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
    page.edition, page.withdrawn_at, page.withdrawal_reason = edition, None, ""
    page.save()
    address, _created = Address.objects.get_or_create(
        kind=page.kind, language=page.language, slug=page.slug, defaults={"page": page}
    )
    if address.page_id != page.pk:
        raise AddressTaken(_("The address “{slug}” belongs to another page. Choose another.").format(slug=page.slug))
    PageHistory.objects.create(page=page, edition=edition, at=now, by=by, reason=reason)


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
