"""Paragraphs, list items and headings: what a translator looks at. Finds the old wording; never says that it holds.

The authority on what is out of date is the part (portal.publishing.checking); a segment only shows where to look.
"""

import html
import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from rapidfuzz import fuzz, process

from portal.publishing.checking import normal
from portal.publishing.compare import Run, words

_BLOCK = re.compile(r"(</?(?:p|ul|ol|li|h3)>)")
ALIKE = 50  # of 100: less than that is a new sentence rather than a changed one


@dataclass(frozen=True)
class Split:
    """A text as segments and what stands between them. `"".join` of both in turn is the text again."""

    segments: tuple[str, ...]
    between: tuple[str, ...]  # one more than segments

    @property
    def shape(self) -> tuple[str, ...]:
        return tuple(re.sub(r"\s+", "", gap) for gap in self.between)

    def with_words(self, segments: list[str]) -> str:
        """The same structure around other words. Raises ValueError where there are more or fewer of them."""
        if len(segments) != len(self.segments):
            raise ValueError(f"{len(self.segments)} segments are needed, {len(segments)} were given.")
        pairs = zip(self.between, (*segments, ""), strict=True)
        return "".join(gap + segment for gap, segment in pairs)


def split(said: str, rich: bool = True) -> Split:
    """The segments of a text: of rich text each paragraph, list item and heading; of plain text the whole."""
    if not said.strip():
        return Split((), (said,))
    if not rich:
        return Split((said,), ("", ""))
    segments, between, gap = [], [], ""
    for piece in _BLOCK.split(said):
        if _BLOCK.fullmatch(piece) or not piece.strip():
            gap += piece
        else:
            lead, body, tail = re.fullmatch(r"(\s*)(.*?)(\s*)", piece, re.DOTALL).groups()
            between.append(gap + lead)
            segments.append(body)
            gap = tail
    return Split(tuple(segments), (*between, gap))


def paired(source: str, target: str, rich: bool = True) -> list[tuple[str, str]]:
    """(source, translation) of every segment, where both sides are built alike; else nothing: nobody guesses."""
    one, other = split(source, rich), split(target, rich)
    if not one.segments or one.shape != other.shape:
        return []
    return list(zip(one.segments, other.segments, strict=True))


@dataclass(frozen=True)
class Aligned:
    """One segment of the source of today, and what it was when it was translated."""

    now: str  # "" where the source took it away
    before: str  # "" where it is new
    target: str  # its old translation; "" where none can be found
    how: str  # same, moved, changed, new, gone

    @property
    def stays(self) -> bool:
        return self.how in {"same", "moved"}

    @property
    def runs(self) -> list[Run]:
        """What changed in the source, word by word."""
        return words(self.before, self.now)


def align(before: str, now: str, target: str, rich: bool = True) -> list[Aligned]:
    """The source of today, segment by segment, with the old translation of each; what is gone stands at the end.

    First whatever stayed in its order, then what moved unchanged, then the likeliest old wording of what is left.
    """
    old, new = split(before, rich).segments, split(now, rich).segments
    translations = dict(enumerate(said for _source, said in paired(before, target, rich)))
    keys_old, keys_new = [normal(one) for one in old], [normal(one) for one in new]
    found: dict[int, tuple[int, str]] = {}  # place today -> (place then, how)
    for block in SequenceMatcher(None, keys_old, keys_new, autojunk=False).get_matching_blocks():
        for step in range(block.size):
            found[block.b + step] = (block.a + step, "same")
    left = [place for place in range(len(old)) if place not in {then for then, _how in found.values()}]
    for place in range(len(new)):
        if place not in found and (then := next((t for t in left if keys_old[t] == keys_new[place]), None)) is not None:
            found[place] = (then, "moved")
            left.remove(then)
    likely = sorted(
        (
            (-score, place, then)
            for place in range(len(new))
            if place not in found
            for _said, score, then in process.extract(
                keys_new[place], {then: keys_old[then] for then in left}, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=3
            )
        )
    )
    for _score, place, then in likely:
        if place not in found and then in left:
            found[place] = (then, "changed")
            left.remove(then)
    aligned = [
        Aligned(said, old[found[place][0]], translations.get(found[place][0], ""), found[place][1])
        if place in found
        else Aligned(said, "", "", "new")
        for place, said in enumerate(new)
    ]
    return aligned + [Aligned("", old[then], translations.get(then, ""), "gone") for then in left]


def plain(segment: str) -> str:
    """A segment without its inline tags, for people and for comparing."""
    return html.unescape(re.sub(r"<[^<>]+>", "", re.sub(r"<br\s*/?>", "\n", segment)))
