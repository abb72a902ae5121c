"""Real corpora through the import and the gate: objects and pages a second, sizes, failures. Passes or fails nothing.

CORPUS=folder   medquad.jsonl.gz, hpo-terms.jsonl.gz, orpha-phenotypes.jsonl.gz; without it, the samples in tests/data
OBJECTS=500     so many of each corpus are imported ("all": every one)
PUBLISH=100     so many of each are signed and published, in every language they have that readers may choose
PLACE=folder    keeps the SQLite database there: an interrupted run goes on where it stopped

MedQuAD: A. Ben Abacha, D. Demner-Fushman, 2019; CC BY 4.0. HPO and its translations: HPO licence. Orphanet through HPO
annotations: CC BY 4.0. What a corpus does not say and a page must (help cards, some sections) is filled with a sentence
that says so: the figures are of the machine, not of the medicine.
"""

import gzip
import html
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SECTIONS = {  # of MedQuAD -> ours
    "information": "overview", "causes": "causes", "genetic changes": "causes", "inheritance": "causes",
    "susceptibility": "triggers", "exams and tests": "diagnosis", "symptoms": "diagnosis", "stages": "diagnosis",
    "treatment": "treatment_intro", "considerations": "living_with", "complications": "outlook", "outlook": "outlook",
    "frequency": "outlook", "prevention": "prevention",
}  # fmt: skip
NEEDED = ("overview", "diagnosis", "treatment_intro", "outlook")
FREQUENCIES = {
    "HP:0040280": "obligate", "HP:0040281": "very-frequent", "HP:0040282": "frequent", "HP:0040283": "occasional",
    "HP:0040284": "very-rare", "HP:0040285": "excluded",
}  # fmt: skip
OURS = {"en": "en", "es": "es", "fr": "fr", "zh": "zh-hans", "pt": "pt-br", "de": "de"}
NOTHING = "<p>The corpus says nothing about this.</p>"
HELP = [{"key": "test", "urgency": "emergency"}]


def lines(name):
    with gzip.open(Path(os.environ["CORPUS"]) / name, "rt", encoding="utf-8") as opened:
        yield from map(json.loads, opened)


def samples():
    """(MedQuAD, HPO, Orphanet) in the form of the corpora, from the samples in the repository."""
    from tests import many  # noqa: PLC0415 -- after the settings

    texts = many.load("medquad-400.json.gz")
    topics = [
        {"id": f"sample-{n}", "url": "https://www.nih.gov/", "name": name, "synonyms": synonyms,
         "sections": [{"type": "information", "answer": " ".join(texts[n % len(texts)])}]}
        for n, (name, synonyms) in enumerate(many.medquad())
    ]  # fmt: skip
    labels = many.load("hpo-names.json.gz")
    terms = [
        {
            "id": id_,
            "en": f"Term {id_}",
            **{code: labels[code][n] for code in ("es", "fr", "zh", "pt") if labels[code][n]},
        }
        for n, id_ in enumerate(labels["ids"])
    ]
    return topics, terms, []


class Names:
    """Slugs that no other object of the kind and language has."""

    def __init__(self, slug_from):
        self.slug_from, self.taken = slug_from, set()

    def slug(self, kind, language, name, key):
        slug = self.slug_from(name) or key
        if (kind, language, slug) in self.taken:
            slug = f"{slug[:150].rstrip('-')}-{key}"
        self.taken.add((kind, language, slug))
        return slug


def bundle_of(topics, terms, diseases):
    """All three as one bundle, the terms that the first diseases name first; and what did not fit, counted."""
    from conditions.bundle.form import Bundle, BundleTopic  # noqa: PLC0415
    from portal.addresses import slug_from  # noqa: PLC0415

    names, failed, made = Names(slug_from), Counter(), []
    sources = {
        key: {"title": title, "publisher": publisher}
        for key, title, publisher in (
            ("hpo", "Human Phenotype Ontology", "HPO"), ("orphanet", "Orphanet, through HPO annotations", "Orphanet"),
            ("medquad", "MedQuAD", "NIH"),
        )
    }  # fmt: skip
    known = {term["id"] for term in terms}
    for term in terms:
        key, words = f"hpo-{term['id'][3:]}", {}
        for code, name in term.items():
            if code == "id":
                continue
            if code not in OURS:
                failed[f"HPO labels in {code}, which is no declared language"] += 1
                continue
            language, name = OURS[code], name[:200]
            words[language] = {
                "name": name, "slug": names.slug("symptom", language, name, key), "summary": name,
                "sections": {"overview": f"<p>{html.escape(name)}</p>"},
            }  # fmt: skip
        shape = {"codes": [{"system": "hpo", "code": term["id"], "verified": True}], "citations": [{"source": "hpo"}]}
        made.append(BundleTopic("symptom", key, shape, words))
    for number, topic in enumerate(topics):  # its identifiers are not unique
        key, sections = f"medquad-{number}", {}
        for section in topic["sections"]:
            if ours := SECTIONS.get(section["type"]):
                said = " ".join((section["answer"] or "").split())
                sections[ours] = sections.get(ours, "") + (f"<p>{html.escape(said, quote=False)}</p>" if said else "")
            else:
                failed[f"MedQuAD sections “{section['type']}”, which a page has not"] += 1
        failed["MedQuAD sections filled because a page needs them"] += sum(not sections.get(one) for one in NEEDED)
        made.append(
            _condition(key, topic["name"], names, sections, {"citations": [{"source": "medquad"}]}, topic["synonyms"])
        )
    for disease in diseases:
        rows = {
            row["hpo"]: FREQUENCIES.get(row["frequency"], "") for row in disease["phenotypes"] if row["hpo"] in known
        }
        failed["Orphanet links to a term that is not in the share or said twice"] += len(disease["phenotypes"]) - len(
            rows
        )
        shape = {
            "codes": [{"system": "orpha", "code": disease["id"].removeprefix("ORPHA:"), "verified": True}],
            "symptoms": [{"key": f"hpo-{id_[3:]}", "frequency": frequency} for id_, frequency in rows.items()],
            "citations": [{"source": "orphanet"}],
        }
        made.append(_condition(f"orpha-{shape['codes'][0]['code']}", disease["name"], names, {}, shape, ()))
    return Bundle(made, sources), +failed


def _condition(key, name, names, sections, shape, synonyms):
    from conditions.bundle.form import BundleTopic  # noqa: PLC0415

    words = {
        "name": name[:200], "slug": names.slug("condition", "en", name[:200], key), "summary": name,
        "also_known_as": list(synonyms), "sections": {**dict.fromkeys(NEEDED, NOTHING), **{k: v for k, v in sections.items() if v}},
        "help_cards": {"test": {"when_to_act": NOTHING, "what_to_do": NOTHING}},
    }  # fmt: skip
    return BundleTopic("condition", key, {**shape, "help_cards": HELP}, {"en": words})


def progress(what):
    last = [0.0]

    def tell(done, of):
        if done == of or time.monotonic() - last[0] > 10:
            last[0] = time.monotonic()
            print(f"    {what}: {done} of {of}", file=sys.stderr, flush=True)

    return tell


def publish(chosen, failed):
    """Signed by a reviewer and published: the source, then its translations together. What is public is passed over."""
    from conditions import editions, translatable  # noqa: PLC0415
    from portal import languages  # noqa: PLC0415
    from portal.publishing import actions  # noqa: PLC0415
    from portal.publishing.models import Capacity, Page  # noqa: PLC0415
    from tests import make  # noqa: PLC0415

    def signed_and_published(topic, spoken, by):
        """In one transaction for all of `spoken`. Returns how many pages. Raises actions.Refused."""
        source = editions.current_source_edition(topic)
        capacity = Capacity.LANGUAGE if source else Capacity.CLINICAL
        parts = translatable.parts(source) if source else ()
        for language in spoken if source else ():
            actions.check(language, parts, source, by=by)
        words = editions.manuscripts(topic, spoken).values()
        for manuscript in words:
            actions.sign_off(manuscript, by=by, capacity=capacity, source_edition=source)
        together = [actions.Publishing(manuscript, significance="follow") for manuscript in words]
        return len(actions.publish_together(together, by=by))

    by = make.signatory()
    public = set(Page.objects.values_list("kind", "key", "language"))
    offered = [language.code for language in languages.offered()]
    tell, count = progress("published"), 0
    for number, one in enumerate(chosen, 1):
        left = [code for code in offered if code in one.words and (one.kind, one.key, code) not in public]
        topic = editions.topic(one.kind, key=one.key) if left else None
        groups = [[code for code in left if code == "en"], [code for code in left if code != "en"]]
        for spoken in groups:
            try:
                count += signed_and_published(topic, spoken, by) if spoken else 0
            except actions.Refused as refusal:
                if len(spoken) > 1:
                    groups += [[code] for code in spoken]  # one of them; the others can go out
                else:
                    failed[f"not published: {str(refusal)[:90]}"] += 1
        tell(number, len(chosen))
    return count


def main():
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as place:
        os.environ |= {
            "VAR_DIR": os.environ.get("PLACE") or place,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "CLOCK": "0",
        }
        import django  # noqa: PLC0415 -- after the settings' environment

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415
        from django.db import connection  # noqa: PLC0415

        from conditions import models  # noqa: PLC0415
        from conditions.bundle import collecting, loading, reading, writing  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        most = None if os.environ.get("OBJECTS") == "all" else int(os.environ.get("OBJECTS", "500"))
        share = int(os.environ.get("PUBLISH", "100"))
        if os.environ.get("CORPUS"):
            files = ("medquad.jsonl.gz", "hpo-terms.jsonl.gz", "orpha-phenotypes.jsonl.gz")
            topics, terms, diseases = (list(lines(name)) for name in files)
        else:
            print("corpora: CORPUS names no folder, so the samples in tests/data are taken; Orphanet is not run")
            topics, terms, diseases = samples()
        topics, diseases = topics[:most], diseases[:most]
        rank = {}
        for disease in sorted(diseases, key=lambda disease: len(disease["phenotypes"])):
            for row in disease["phenotypes"]:
                rank.setdefault(row["hpo"], len(rank))
        terms = sorted(terms, key=lambda term: rank.get(term["id"], len(rank)))[: most and max(most, len(rank))]
        bundle, failed = bundle_of(topics, terms, diseases)
        rows = sum(len(one.shape.get("symptoms", ())) for one in bundle.topics)
        words = sum(len(one.words) for one in bundle.topics)
        print(
            f"corpora on {connection.vendor}: {len(topics)} MedQuAD, {len(terms)} HPO, {len(diseases)} Orphanet; "
            f"{len(bundle.topics)} objects, {words} of them and their translations, {rows} symptom links"
        )

        def timed(what, count, unit, function):
            begun = time.perf_counter()
            result = function()
            took = time.perf_counter() - begun
            count = result if count is None else count
            print(f"  {what}: {count} {unit} in {took:.0f} s, {count / max(took, 0.001):.0f} a second", flush=True)
            return result

        reading.checked(bundle)
        many = len(bundle.topics)
        plan = timed("imported", many, "objects", lambda: loading.in_batches(bundle, 200, tell=progress("imported")))
        print(f"    {dict(plan.counts)}")
        plan = timed("looked at again", many, "objects", lambda: loading.look(bundle))
        print(f"    {dict(plan.counts)}")
        sample = list(collecting.every()) if many < 5000 else None
        if sample:
            data = timed("exported as zip", many, "objects", lambda: writing.to_zip(collecting.bundle(sample)))
            print(f"    {len(data) / 1e6:.1f} MB")
        by_corpus = {
            "HPO": [one for one in bundle.topics if one.kind == "symptom"][:share],
            "MedQuAD": [one for one in bundle.topics if one.key.startswith("medquad-")][:share],
        }
        public = {one.key for one in by_corpus["HPO"]}
        by_corpus["Orphanet"] = [
            one for one in bundle.topics
            if one.key.startswith("orpha-") and {row["key"] for row in one.shape["symptoms"]} <= public
        ][:share]  # fmt: skip
        for name, chosen in by_corpus.items():
            if chosen:
                timed(f"published, {name}", None, "pages", lambda chosen=chosen: publish(chosen, failed))
        print(
            f"  in the working copy: {models.Topic.objects.count()} objects, {models.ConditionSymptom.objects.count()} links"
        )
        for why, count in failed.most_common():
            print(f"    {count}: {why}")


if __name__ == "__main__":
    main()
