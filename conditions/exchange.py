"""Translations as files: what goes out of the working copy to translators' own tools, and what comes back into it.

Nothing here publishes. What comes back is trusted for its words and for nothing else: it is matched by object, part and
the source that the file echoes, cleaned, checked, shown first, and taken over in one transaction.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from conditions import editions, glossary, models, richtext, translatable
from portal import languages
from portal.publishing import actions, checking
from portal.publishing.compare import Run, words
from portal.publishing.models import Entry, How, Page
from portal.translating import checks, memory, segments
from portal.translating.columns import column
from portal.translating.exchange.work import Returned, Segment, Work
from portal.translating.forms import Unit
from portal.translating.models import Parcel, Remembered

AT_ONCE = 500  # so many objects go into one file
LONGEST_TITLE = 200  # characters, the column's own limit


@dataclass(frozen=True)
class Piece:
    """One segment of a part as it stands in the working copy."""

    source: str
    target: str  # its words today; "" where none can be found for it
    how: str  # same, moved, changed, new (segments.Aligned), or "" where nothing was ever compared


def pieces(unit: Unit, language: str, compared: checking.Checks) -> list[Piece]:
    """The source of today, segment by segment, with the translation that belongs to each."""
    own, check = unit.words(language), compared.of(unit.part)
    if own and check and not compared.is_current(unit.part, unit.source):
        aligned = segments.align(check.says(unit.part), unit.source, own, unit.rich)
        return [Piece(one.now, one.target, one.how) for one in aligned if one.how != "gone"]
    pairs = segments.paired(unit.source, own, unit.rich) if own else []
    if pairs:
        return [Piece(source, target, "same" if check else "") for source, target in pairs]
    return [Piece(source, "", "new") for source in segments.split(unit.source, unit.rich).segments]


def _units(topic, source_edition) -> list[Unit]:
    wanted = translatable.parts(source_edition)
    return [unit for unit in translatable.units(topic, source_edition) if unit.part in wanted]


def work(topic, language: str) -> Work | None:
    """One object as a translator's tool takes it, or None where there is no source edition to translate from."""
    source_edition = editions.current_source_edition(topic)
    if source_edition is None:
        return None
    compared = checking.checks(topic.kind, topic.key, [language])[language]
    page = Page.objects.filter(kind=topic.kind, key=topic.key, language=language, withdrawn_at=None).first()
    entry = Entry.objects.filter(kind=topic.kind, key=topic.key, language=language).select_related("change").first()
    is_public = bool(page and entry and page.edition.digest == entry.change.digest)
    found = []
    for unit in _units(topic, source_edition):
        check = compared.of(unit.part)
        for number, piece in enumerate(pieces(unit, language, compared)):
            before = None
            if piece.how == "changed":
                aligned = segments.align(check.says(unit.part), unit.source, unit.words(language), unit.rich)
                before = next(((one.before, one.target) for one in aligned if one.now == piece.source), None)
            state = (
                "missing" if not piece.target
                else "out-of-date" if piece.how == "changed"
                else "machine" if check and check.how == How.MACHINE
                else "reviewed" if is_public and piece.how == "same"
                else "translated"
            )  # fmt: skip
            found.append(
                Segment(
                    unit.part,
                    number,
                    piece.source,
                    piece.target,
                    state,
                    before,
                    unit.rich,
                    LONGEST_TITLE if unit.part == "name" else None,
                    unit.label,
                )
            )
    address = reverse(f"admin:conditions_{topic.kind}_translate", args=[topic.pk, language])
    return Work(
        topic.kind,
        topic.key,
        source_edition.title,
        source_edition.number,
        languages.get(languages.SOURCE).tag,
        languages.get(language).tag,
        tuple(found),
        address,
    )


# What comes back


@dataclass
class Outcome:
    """What becomes of one segment that came back: taken, untouched, parked, refused, unknown."""

    returned: Returned
    what: str
    why: str = ""
    label: str = ""
    before: str = ""  # the words it would replace
    words: str = ""  # as it would be taken over
    runs: list[Run] = field(default_factory=list)  # parked: the source it was made from, and today's
    warnings: list[str] = field(default_factory=list)
    place: int = 0  # its number among today's segments of the part


@dataclass
class Plan:
    """What a parcel would change. Made anew each time it is looked at; taking it over makes it once more."""

    outcomes: list[Outcome]
    parts: dict[tuple, str] = field(default_factory=dict)  # (kind, key, part) -> the new words
    compared: dict[tuple, list[str]] = field(default_factory=dict)  # (kind, key) -> parts that match today's source
    partly: list[tuple] = field(default_factory=list)  # (kind, key, label, there, needed): too little to write

    @property
    def to_compare(self) -> list[tuple[str, str]]:
        """(key, label) of the parts that will count as compared once the file is taken over."""
        labels = {(one.returned.kind, one.returned.key, one.returned.part): one.label for one in self.outcomes}
        return [(key, labels[kind, key, part]) for (kind, key), parts in self.compared.items() for part in parts]

    @property
    def counts(self) -> Counter:
        return Counter(outcome.what for outcome in self.outcomes)

    def only(self, what: str) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.what == what]

    def refusals(self) -> list[tuple[str, int, list[Outcome]]]:
        """(reason, how many parts, what came for them): each reason once, however much it is about."""
        by_reason: dict[str, list[Outcome]] = {}
        for outcome in (*self.only("refused"), *self.only("unknown")):
            by_reason.setdefault(outcome.why, []).append(outcome)
        return [
            (why, len({(one.returned.kind, one.returned.key, one.returned.part) for one in outcomes}), outcomes)
            for why, outcomes in by_reason.items()
        ]


def keep(name: str, returned: list[Returned], language: str, *, by) -> Parcel:
    """The file as it came, to be looked at before anything is taken over."""
    return Parcel.objects.create(
        language=language, name=name[:200], returned=[asdict(one) for one in returned], by=by, at=timezone.now()
    )


def look(parcel: Parcel) -> Plan:
    """What taking this file over would do today. Writes nothing."""
    plan = Plan([])
    came: dict[tuple, list[Returned]] = {}
    for row in parcel.returned:
        one = Returned(**row)
        came.setdefault((one.kind, one.key), []).append(one)
    terms = glossary.agreed(parcel.language)
    for (kind, key), rows in came.items():
        _look_at_object(plan, kind, key, rows, parcel.language, terms)
    return plan


def _look_at_object(plan, kind, key, rows, language, terms):
    try:
        topic = editions.topic(kind, key=key)
        source_edition = editions.current_source_edition(topic)
    except (KeyError, models.Topic.DoesNotExist):
        source_edition = None
    if source_edition is None:
        why = _("This page is not here, or nobody has published its source.")
        plan.outcomes += [Outcome(one, "unknown", why) for one in rows]
        return
    units = {unit.part: unit for unit in _units(topic, source_edition)}
    compared = checking.checks(kind, key, [language])[language]
    by_part: dict[str, list[Returned]] = {}
    for one in rows:
        by_part.setdefault(one.part, []).append(one)
    for part, of_part in by_part.items():
        unit = units.get(part)
        if unit is None:
            why = _("This part is not in the source any more.")
            plan.outcomes += [Outcome(one, "unknown", why) for one in of_part]
        else:
            _look_at_part(plan, unit, kind, key, of_part, language, compared, terms)


def _look_at_part(plan, unit, kind, key, rows, language, compared, terms):
    now = pieces(unit, language, compared)
    texts = [_text(piece.source) for piece in now]
    taken: dict[int, str] = {}
    for one in rows:
        place = one.number if one.number < len(texts) and texts[one.number] == _text(one.source) else None
        if place is None:
            place = next((at for at, said in enumerate(texts) if said == _text(one.source) and at not in taken), None)
        outcome = _outcome(one, unit, kind, now, place, language, terms)
        plan.outcomes.append(outcome)
        if outcome.what == "taken":
            taken[outcome.place] = outcome.words
    if not taken:
        return
    whole = [taken.get(at, piece.target) for at, piece in enumerate(now)]
    if not all(whole):
        plan.partly.append((kind, key, unit.label, sum(map(bool, whole)), len(whole)))
        return
    plan.parts[kind, key, unit.part] = segments.split(unit.source, unit.rich).with_words(whole)
    if all(at in taken or piece.how in {"same", "moved"} for at, piece in enumerate(now)):
        plan.compared.setdefault((kind, key), []).append(unit.part)


def _outcome(one, unit, kind, now, place, language, terms) -> Outcome:
    said = one.target.replace("\x00", "").strip()
    made = Outcome(one, "untouched", label=unit.label, place=place or 0)
    if not said or (_text(said) == _text(one.source) and len(_text(said).split()) > 1):
        return made
    if one.target_tag and one.target_tag.lower() != languages.get(language).tag.lower():
        made.what, made.why = "refused", _("It is in another language than this list.")
        return made
    if place is None:
        made.what = "parked"
        made.why = _("It was made from other words than the source has today.")
        closest = min(one.number, len(now) - 1)
        made.runs = words(one.source, now[closest].source) if now else []
        made.words = said
        return made
    piece = now[place]
    made.before = piece.target
    if _text(said) == _text(piece.target) and _tags(said) == _tags(piece.target):
        return made
    clean = _inner(richtext.clean(f"<p>{said}</p>")) if unit.rich else said
    if unit.rich and _tags(clean) != _tags(piece.source):
        made.what, made.why = "refused", _("Its tags or links are not those of the source.")
        return made
    if unit.part == "name" and len(clean) > LONGEST_TITLE:
        made.what, made.why = "refused", _("It is longer than {most} characters.").format(most=LONGEST_TITLE)
        return made
    found = checks.check(piece.source, clean, language, terms, is_title=unit.part == "name")
    if any(finding.is_dose for finding in found) and (kind == "treatment" or unit.part.startswith("help_cards")):
        made.what, made.why = "refused", " ".join(finding.message for finding in found if finding.is_dose)
        return made
    made.what, made.words, made.warnings = "taken", clean, [finding.message for finding in found]
    return made


def _text(segment: str) -> str:
    return checking.normal(segments.plain(segment))


def _tags(segment: str) -> Counter:
    """Inline tags, with where links lead: the same on both sides, in whatever order the language needs."""
    return Counter(re.findall(r'<(?:strong|em|br|a\s+href="[^"]*")\s*/?>', segment))


def _inner(html: str) -> str:
    return re.sub(r"^<p>|</p>$", "", html)


def take(parcel: Parcel, *, by) -> Plan:
    """Write what can be taken over, all of it or nothing. What was made from an older source goes into the memory."""
    language = parcel.language
    with transaction.atomic():
        if not Parcel.objects.filter(pk=parcel.pk, taken_at=None).update(taken_at=timezone.now()):
            raise actions.Refused(_("This file was taken over already."))
        plan = look(parcel)
        written: dict[tuple, dict[str, str]] = {}
        for (kind, key, part), said in plan.parts.items():
            written.setdefault((kind, key), {})[part] = said
        for (kind, key), said in written.items():
            topic = editions.topic(kind, key=key)
            source_edition = editions.current_source_edition(topic)
            for unit in _units(topic, source_edition):
                if unit.part in said:
                    setattr(unit.row, column(unit.field, language), said[unit.part])
                    unit.row.save(update_fields=[column(unit.field, language)])
            compared = plan.compared.get((kind, key), [])
            actions.check(language, compared, source_edition, by=by, how=How.IMPORT)
            editions.refresh(editions.topic(kind, key=key), by=by, changed=[language])
        _park(plan, language)
    return plan


def _park(plan: Plan, language: str):
    """Nothing that somebody translated is lost: the memory offers it beside the part, with where it is from."""
    short = {(kind, key, label) for kind, key, label, _there, _needed in plan.partly}
    parked: dict[tuple, list] = {}
    for outcome in plan.outcomes:
        one = outcome.returned
        if outcome.what == "parked" or (outcome.what == "taken" and (one.kind, one.key, outcome.label) in short):
            said = richtext.clean(f"<p>{outcome.words}</p>")
            parked.setdefault((one.kind, one.key), []).append((one.part, one.source, _inner(said)))
    for (kind, key), pairs in parked.items():
        memory.keep(language, kind, key, pairs, Remembered.Origin.FILE)


def works(objects: Iterable[tuple[str, str]], language: str) -> list[Work]:
    """These objects, (kind, key), as far as there is a source edition of them."""
    found = []
    for kind, key in objects:
        made = work(editions.topic(kind, key=key), language)
        if made is not None and made.segments:
            found.append(made)
    return found
