"""Old wording is found by content, not by place; what changed is never taken for what stayed."""

import gzip
import json
import random
from pathlib import Path

import pytest

from portal.translating import segments

DATA = Path(__file__).parents[1] / "data"


def test_a_text_is_its_segments_and_what_stands_between():
    said = "<h3>When</h3><p>Take <strong>5 mg</strong>.</p><ul><li><p>One</p></li>\n<li>Two</li></ul>"
    split = segments.split(said)
    assert split.segments == ("When", "Take <strong>5 mg</strong>.", "One", "Two")
    assert split.with_words(list(split.segments)) == said
    assert split.with_words(["a", "b", "c", "d"]) == "<h3>a</h3><p>b</p><ul><li><p>c</p></li>\n<li>d</li></ul>"
    with pytest.raises(ValueError, match="4 segments are needed, 1"):
        split.with_words(["a"])
    assert segments.split("One\nTwo", rich=False).segments == ("One\nTwo",)
    assert segments.split("").segments == ()


def test_only_texts_built_alike_are_paired():
    assert segments.paired("<p>A</p><p>B</p>", "<p>x</p> <p>y</p>") == [("A", "x"), ("B", "y")]
    assert segments.paired("<p>A</p><p>B</p>", "<p>x</p>") == []
    assert segments.paired("<p>A</p>", "<ul><li>x</li></ul>") == []


def test_each_segment_finds_its_old_wording():
    before = "<p>First.</p><p>Take 10 mg in the morning.</p><ul><li>Gone.</li><li>Stays here.</li><li>So does this.</li></ul>"
    now = "<p>New at the top.</p><p>Take 5 mg in the morning.</p><ul><li>Stays here.</li><li>So does this.</li></ul><p>First.</p>"
    target = (
        "<p>Uno.</p><p>Tome 10 mg por la mañana.</p><ul><li>Fuera.</li><li>Se queda.</li><li>Esto también.</li></ul>"
    )
    found = {one.now or one.before: (one.how, one.target) for one in segments.align(before, now, target)}
    assert found == {
        "New at the top.": ("new", ""),
        "Take 5 mg in the morning.": ("changed", "Tome 10 mg por la mañana."),
        "Stays here.": ("same", "Se queda."),
        "So does this.": ("same", "Esto también."),
        "First.": ("moved", "Uno."),
        "Gone.": ("gone", "Fuera."),
    }


@pytest.mark.parametrize(("before", "now"), [("You can take it.", "You cannot take it."), ("10 mg", "100 mg")])
def test_alike_is_never_the_same(before, now):
    (one,) = segments.align(f"<p>{before}</p>", f"<p>{now}</p>", "<p>x</p>")
    assert (one.how, one.target, one.stays) == ("changed", "x", False)


def _edit(chance: random.Random, lines: list[str]) -> list[str]:
    """One to three edits, as editors make them. Each makes a text that was not there before."""
    lines = list(lines)
    for _time in range(chance.randint(1, 3)):
        place = chance.randrange(len(lines))
        words = lines[place].split()
        how = chance.choice(["number", "word", "not", "gone", "new", "moved", "rewritten"])
        if how == "gone" and len(lines) > 3:
            del lines[place]
        elif how == "new":
            lines.insert(place, f"An added sentence, number {chance.randrange(10**6)}.")
        elif how == "moved":
            lines.insert(chance.randrange(len(lines)), lines.pop(place))
        elif how == "not":
            lines[place] = " ".join([*words[:2], "not", *words[2:]])
        elif how == "rewritten":
            chance.shuffle(words)
            lines[place] = " ".join(words) + f" ({chance.randrange(10**6)})"
        else:
            at = chance.randrange(len(words))
            words[at] = str(chance.randrange(10**6)) if how == "number" else words[at] + "x"
            lines[place] = " ".join(words)
    return lines


def test_on_real_texts_unchanged_segments_keep_their_translation_and_no_changed_one_is_missed(capsys):
    """400 answers of MedQuAD (public, NIH), cut into sentences as paragraphs; edits by script, seeded."""
    texts = json.loads(gzip.decompress((DATA / "medquad-400.json.gz").read_bytes()))
    chance = random.Random(20261123)
    kept = unchanged = missed = changed = found_old = of_changed = 0
    for lines in texts:
        edited = _edit(chance, lines)
        before, now, target = (
            "".join(f"<p>{say(line)}</p>" for line in some)
            for say, some in ((str, lines), (str, edited), (lambda line: line[::-1], lines))
        )
        then = set(lines)
        for one in segments.align(before, now, target):
            if one.how == "gone":
                continue
            if one.now in then:
                unchanged += 1
                kept += one.stays and one.target == one.now[::-1]
            else:
                changed += 1
                missed += one.stays
                if one.how == "changed":
                    of_changed += 1
                    found_old += one.target == one.before[::-1]
    with capsys.disabled():
        print(
            f"\nsegments of {len(texts)} real texts: {kept} of {unchanged} unchanged ones keep their translation "
            f"({100 * kept / unchanged:.2f} %); {missed} of {changed} changed ones missed; "
            f"an old wording was found for {found_old} of {changed}"
        )
    assert len(texts) == 400 and changed > 500
    assert kept / unchanged >= 0.95
    assert missed == 0
    assert found_old == of_changed
