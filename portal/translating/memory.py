"""The translation memory: what was published in a language, segment by segment, and what is like it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import timezone
from rapidfuzz import fuzz, process

from portal.publishing.checking import normal, words_of
from portal.publishing.models import Edition
from portal.translating import segments
from portal.translating.models import Remembered

ALIKE = 70  # per cent: below that, looking takes longer than writing
NEWEST = 20_000  # so many of a language are searched for what is alike; 10 ms (rapidfuzz)


@dataclass(frozen=True)
class Match:
    source: str
    target: str
    percent: int
    origin: str
    of: str  # "condition/torsion-dystonia"


def _hash(said: str) -> str:
    return hashlib.sha256(normal(segments.plain(said)).encode()).hexdigest()


def learn(translation: Edition, source: Edition, wanted: Iterable[str]) -> int:
    """Keep the pairs of these parts of a published translation and its source edition. Returns how many were new."""
    wanted = set(wanted)
    said, own = words_of(source), words_of(translation)
    pairs = [
        (part, one, other)
        for part in said.keys() & own.keys()
        if part in wanted
        for one, other in segments.paired(said[part], own[part], rich="<" in said[part])
    ]
    return keep(translation.language, translation.kind, translation.key, pairs, Remembered.Origin.PUBLISHED)


def keep(language: str, kind: str, key: str, pairs: Iterable[tuple[str, str, str]], origin: str) -> int:
    """(part, source, target) of one object into the memory; what is there already stays as it is."""
    rows = {}
    for part, source, target in pairs:
        if source.strip() and target.strip():
            row = Remembered(
                language=language,
                source=source,
                target=target,
                source_hash=_hash(source),
                target_hash=_hash(target),
                origin=origin,
                kind=kind,
                key=key,
                part=part,
                at=timezone.now(),
            )
            rows[row.source_hash, row.target_hash] = row
    before = Remembered.objects.filter(language=language, source_hash__in={one for one, _other in rows})
    known = set(before.values_list("source_hash", "target_hash"))
    new = [row for pair, row in rows.items() if pair not in known]
    Remembered.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)


class Memory:
    """One language's memory, read once for a whole form."""

    def __init__(self, language: str):
        self.language = language
        self._sources: dict[int, str] | None = None

    def like(self, source: str, limit: int = 3) -> list[Match]:
        """What was said before for this, or for something like it; the same words first. Published before parked."""
        same = Remembered.objects.filter(language=self.language, source_hash=_hash(source))
        found = [self._match(row, 100) for row in same.order_by("-origin", "-pk")[:limit]]
        if found:
            return found
        if self._sources is None:
            newest = Remembered.objects.filter(language=self.language).order_by("-pk")[:NEWEST]
            self._sources = {pk: normal(segments.plain(said)) for pk, said in newest.values_list("pk", "source")}
        wanted = normal(segments.plain(source))
        near = process.extract(wanted, self._sources, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=limit)
        rows = Remembered.objects.in_bulk([pk for _said, _score, pk in near])
        # Alike is not the same: rounding must never show 100.
        return [self._match(rows[pk], min(99, int(score))) for _said, score, pk in near if pk in rows]

    def _match(self, row, percent):
        return Match(row.source, row.target, percent, row.get_origin_display(), f"{row.kind}/{row.key}")
