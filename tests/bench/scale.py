"""What 100,000 pages cost: each kind of page, and a publish, asked in turn of a small and of a large portal."""

import os
import statistics
import subprocess
import sys
import time

from tests.bench import places, report

SMALL, LARGE = 1_000, 100_000
ROUNDS = int(os.environ.get("ROUNDS", "15"))
HOST = {"HTTP_HOST": "127.0.0.1:8000"}
CONDITION, SYMPTOM = "condition-100", "symptom-102"

# What is asked: for readers ...
READERS = {
    "a page (cold)": "/en/conditions/torsion-dystonia/",
    "a short page (cold)": f"/en/conditions/{CONDITION}/",
    "a translation (cold)": f"/es/conditions/{CONDITION}/",
    "a Chinese page (cold)": f"/zh-hans/conditions/{CONDITION}/",
    "home": "/en/",
    "home, Arabic": "/ar/",
    "a list": "/en/conditions/",
    "a list, Chinese": "/zh-hans/conditions/",
    "browse": "/en/browse/",
    "about": "/en/about/",
    "feed of changes": "/en/changes.atom",
    "feed of safety": "/es/safety.atom",
}
# ... and at the desk, {pk} of a condition.
DESK = {
    "desk: first page": "/admin/",
    "desk: list": "/admin/conditions/condition/",
    "desk: form": "/admin/conditions/condition/{pk}/change/",
    "desk: gate": "/admin/conditions/condition/{pk}/gate/en/",
    "desk: translator's list": "/admin/languages/es/",
    "desk: languages": "/admin/languages/",
    "desk: translator's form": "/admin/conditions/condition/{pk}/translate/es/",
}


class Asked:
    """A process with one portal, which answers one question at a time."""

    def __init__(self, env):
        command = [sys.executable, "-m", "tests.bench.scale", "--answer"]
        self.process = subprocess.Popen(
            command, cwd=places.ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __call__(self, what: str) -> float:
        """Milliseconds."""
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        try:
            return float(said)
        except ValueError:
            raise RuntimeError(f"{what}: {said}") from None

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


def measure(portals, rounds=ROUNDS) -> dict[str, dict]:
    """what -> milliseconds in the small and in the large portal (medians), and the ratio of both."""
    small, large = Asked(portals(SMALL)), Asked(portals(LARGE))
    try:
        taken = {what: ([], []) for what in [*READERS, *DESK, "a publish"]}
        for turn in range(rounds + 1):
            for what, (few, many) in taken.items():
                for asked, took in [(small, few), (large, many)][:: 1 if turn % 2 else -1]:
                    once = asked(what)
                    if turn:  # the first fills what is filled once
                        took.append(once)
    finally:
        small.stop()
        large.stop()
    return {
        what: {
            "small": statistics.median(few),
            "large": statistics.median(many),
            # Each round's ratio, then their median: what else the machine did meanwhile concerns both.
            "ratio": statistics.median(more / less for less, more in zip(few, many, strict=True)),
        }
        for what, (few, many) in taken.items()
    }


def answer():
    """In the process with the portal."""
    os.environ["FRONT_CACHE_MB"] = "0"
    import django  # noqa: PLC0415 -- after the settings' environment

    django.setup()
    from django.contrib.auth.models import User  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415

    from conditions import models  # noqa: PLC0415

    reader, editor = Client(), Client()
    editor.force_login(User.objects.get(username="administrator"))
    pk = models.Topic.objects.get(key=CONDITION).pk
    publishing = _Publishing()
    for line in sys.stdin:
        what = line.strip()
        try:
            if what == "a publish":
                publishing.prepare()
            begun = time.perf_counter()
            if what == "a publish":
                publishing.publish()
            elif what in READERS:
                _read(reader, READERS[what])
            else:
                _read(editor, DESK[what].format(pk=pk))
            print((time.perf_counter() - begun) * 1000, flush=True)
        except Exception as error:
            print(repr(error)[:2000].replace("\n", " "), flush=True)


def _read(client, address):
    response = client.get(address, **HOST)
    response.getvalue()
    if response.status_code != 200:
        raise RuntimeError(f"{address} answered {response.status_code}")


class _Publishing:
    """The same object again and again, each time with other words."""

    def __init__(self):
        from conditions import editions, models  # noqa: PLC0415
        from tests import make  # noqa: PLC0415

        self.editions, self.by = editions, make.signatory()
        self.object = models.Symptom.objects.get(key=SYMPTOM)

    def prepare(self):
        self.object.overview_en = f"<p>Words of {time.time()}.</p>"
        self.object.save()
        self.manuscript = self.editions.manuscript(self.editions.topic("symptom", pk=self.object.pk), "en")

    def publish(self):
        from portal.publishing import actions  # noqa: PLC0415

        actions.sign_off(self.manuscript, by=self.by, capacity="clinical")
        actions.publish(self.manuscript, by=self.by, significance="follow", change_note="Measured.")


def main():
    for vendor in sys.argv[1:] or ("SQLite", "PostgreSQL"):
        with places.on(vendor) as portals:
            if portals is None:
                print("PostgreSQL: not measured, because no PostgreSQL 15 or newer was found")
                continue
            print(f"{vendor}: milliseconds at {SMALL:,} pages, at {LARGE:,}, ratio")
            costs = measure(portals)
            report.keep("scale", vendor, {"costs": costs})
            for what, row in costs.items():
                print(f"  {what:28} {row['small']:9.1f} {row['large']:9.1f} {row['ratio']:8.2f}")
    report.write()


if __name__ == "__main__":
    answer() if "--answer" in sys.argv else main()
