"""Thousands of findable pages from real names, for the relevance test and the benchmark.

medquad-names.json.gz: names and synonyms of the 3,419 topics of MedQuAD (A. Ben Abacha, D. Demner-Fushman, 2019;
CC BY 4.0). hpo-names.json.gz: the labels of 19,934 terms of the Human Phenotype Ontology in es, fr, ja, zh, pt (HPO
licence). medquad-400.json.gz: texts of 400 topics.
"""

import gzip
import json
import random
from pathlib import Path

from django.contrib.auth import get_user_model
from django.utils import timezone

from portal.publishing import search
from portal.publishing.folding import fold
from portal.publishing.models import Edition, Page

DATA = Path(__file__).parent / "data"


def load(name):
    return json.loads(gzip.decompress((DATA / name).read_bytes()))


def medquad():
    """[(name, synonyms)]"""
    return [(name, synonyms) for name, synonyms in load("medquad-names.json.gz")]


def hpo():
    """{language: [(name, ())]}"""
    labels = load("hpo-names.json.gz")
    codes = {"es": "es", "fr": "fr", "ja": "ja", "zh": "zh-hans", "pt": "pt-br"}
    return {codes[language]: [(name, ()) for name in labels[language] if name] for language in codes}


def pages(language, names, texts=("",), start=0):
    """A live page for each (name, synonyms), all showing one empty edition. Returns them in the same order."""
    edition = Edition.objects.create(
        kind="condition", key=f"many-{language}-{start}", language=language, number=1, slug="many", title="", summary="",
        content={}, digest="0" * 64, names={}, significance="follow", published_at=timezone.now(),
        review_due_on=timezone.localdate(), seal="0" * 64,
        published_by=get_user_model().objects.get_or_create(username="loader")[0],
    )  # fmt: skip
    made = Page.objects.bulk_create(
        [
            Page(
                kind="condition", key=f"many-{start + n}", language=language, slug=f"many-{start + n}", title=name[:300],
                summary="", edition=edition, findable="\n".join(dict.fromkeys(fold(one) for one in (name, *synonyms))),
            )
            for n, (name, synonyms) in enumerate(names)
        ],
        batch_size=500,
    )  # fmt: skip
    rows = [(page, page.findable.split("\n"), texts[n % len(texts)]) for n, page in enumerate(made)]
    for begin in range(0, len(rows), 500):
        search.put(rows[begin : begin + 500])
    search.learn(language, {word for page in made for word in page.findable.split() if len(word) > 3})
    return made


def slip(words, dice=random):
    """The words with one slip of the keyboard in one of at least five letters: left out, doubled, exchanged, beside."""
    split = words.split(" ")
    long = [i for i, word in enumerate(split) if len(word) >= 5 and word.isalpha()]
    if not long:
        return None
    where = dice.choice(long)
    word = split[where]
    at = dice.randrange(1, len(word))
    beside = {"a": "s", "b": "v", "c": "x", "d": "f", "e": "r", "f": "g", "g": "h", "h": "j", "i": "o", "j": "k",
              "k": "l", "l": "k", "m": "n", "n": "m", "o": "p", "p": "o", "q": "w", "r": "t", "s": "a", "t": "y",
              "u": "i", "v": "b", "w": "e", "x": "c", "y": "u", "z": "x"}  # fmt: skip
    split[where] = dice.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at - 1] + word[at:],
            word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
            word[:at] + beside.get(word[at].lower(), "e") + word[at + 1 :],
        )
    )
    return " ".join(split) if split[where] != word else slip(words, dice)
