"""Asks a portal of 10,000 English, Chinese and Spanish pages each: how fast, and how often right. Passes or fails nothing."""

import os
import random
import tempfile
import time
from itertools import islice, repeat

PAGES = 10_000
COMMON = ["disease", "syndrome", "muscle", "pain", "dys", "cancer treatment", "what are the side effects of baclofen"]


def main():
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as place:
        os.environ |= {"VAR_DIR": place, "DJANGO_SETTINGS_MODULE": "portal.settings", "CLOCK": "0"}
        import django  # noqa: PLC0415 -- after the settings' environment

        django.setup()
        from django.core.management import call_command  # noqa: PLC0415
        from django.db import connection  # noqa: PLC0415

        from portal.publishing import search  # noqa: PLC0415
        from tests import many  # noqa: PLC0415

        call_command("migrate", verbosity=0)
        dice = random.Random(5)
        texts = [" ".join(text) for text in many.load("medquad-400.json.gz")]
        topics = many.medquad()
        # To 10,000: synonyms as topics of their own, under a word that keeps them apart from the real ones.
        more = [(f"{synonym} unlike", ()) for _name, synonyms in topics for synonym in synonyms]
        hpo = many.hpo()
        begun = time.perf_counter()
        english = many.pages("en", [*topics, *more[: PAGES - len(topics)]], texts)
        spanish = many.pages("es", hpo["es"][:PAGES], texts, start=20_000)
        chinese = many.pages(
            "zh-hans", hpo["zh-hans"][:PAGES], ("肌肉收缩使身体扭转。治疗可以缓解。" * 20,), start=40_000
        )
        others = {one: hpo[one][:PAGES] for one in ("fr", "ja", "pt-br")}
        for n, (language, names) in enumerate(others.items()):
            many.pages(language, names, start=60_000 + n * 20_000)
        count = len(english) + len(spanish) + len(chinese) + sum(map(len, others.values()))
        search.reckon()
        print(f"search on {connection.vendor}: {count} pages indexed in {time.perf_counter() - begun:.0f} s")

        def ask(what, questions, right=None, function=search.find):
            took, hits, asked = [], 0, 0
            for words, language, *title in questions:
                begun = time.perf_counter()
                found = function(words, language)
                took.append((time.perf_counter() - begun) * 1000)
                asked += 1
                hits += bool(right and right([page.title for page in found.pages], *title))
            took.sort()
            share = f", right {hits / asked:.1%}" if right else ""
            print(
                f"  {what}: {asked} asked, p50 {took[asked // 2]:.1f} ms, p99 {took[int(asked * 0.99)]:.1f} ms{share}"
            )

        def among_five(titles, title):
            return title in titles[:5]

        def first(titles, title):
            return titles[:1] == [title]

        synonyms = [(synonym, "en", name) for name, all_of_it in topics for synonym in all_of_it]
        ask("by synonym, in the first 5", synonyms, among_five)
        slips = ((many.slip(words, dice), language, name) for words, language, name in synonyms)
        ask("with a slip, in the first 5", [one for one in slips if one[0]], among_five)
        for language, names in {"es": hpo["es"][:PAGES], "zh-hans": hpo["zh-hans"][:PAGES], **others}.items():
            ask(
                f"own name first, {language}",
                [(name, language, name) for name, _none in dice.sample(names, 2000)],
                first,
            )
        pairs = [name[at : at + 2] for name, _none in hpo["zh-hans"][:PAGES:20] if (at := len(name) // 2 - 1) >= 0]
        ask("two Chinese characters", zip(pairs, repeat("zh-hans")))
        ask("common words", zip(COMMON * 40, repeat("en")))
        begun = [name[: dice.randint(2, 8)] for name, _more in islice(topics, 500)]
        ask("suggestions", zip(begun, repeat("en")), function=search.suggest)


if __name__ == "__main__":
    main()
