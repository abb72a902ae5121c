"""Adds a language to a portal of 10,000 objects while readers read. Exit 1 where a table was rebuilt or a read failed."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
OBJECTS = 10_000
WORDS = "Dystonia makes muscles tighten when you do not want them to, and this text is as long as a real one. " * 8
TABLES = (
    "conditions_topic",
    "conditions_condition",
    "conditions_symptom",
    "conditions_treatment",
    "conditions_helpcard",
)


def copy_of_the_project(place: Path):
    files = subprocess.run(
        ["git", "ls-files", "-z", "-c", "-o", "--exclude-standard"], cwd=HERE, capture_output=True, check=True
    ).stdout
    for name in filter(None, files.decode().split("\0")):
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (HERE / name).is_file():
            target.write_bytes((HERE / name).read_bytes())


def where_the_tables_are(connection):
    """What changes when a table is written anew: SQLite's root page, PostgreSQL's file."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, rootpage FROM sqlite_master WHERE type = 'table'")
        else:
            cursor.execute("SELECT relname, relfilenode FROM pg_class WHERE relkind = 'r'")
        return {name: place for name, place in cursor.fetchall() if name in TABLES}


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="portal-bench-") as place:
        place = Path(place)
        copy_of_the_project(place)
        os.chdir(place)
        sys.path.insert(0, str(place))
        for name in [name for name in sys.modules if name.partition(".")[0] in {"portal", "conditions"}]:
            del sys.modules[name]
        os.environ |= {"VAR_DIR": str(place / "var"), "DJANGO_SETTINGS_MODULE": "portal.settings", "CLOCK": "0"}
        import django  # noqa: PLC0415 -- from the copy

        django.setup()
        from django.contrib.auth.models import User  # noqa: PLC0415
        from django.core.management import call_command  # noqa: PLC0415
        from django.db import connection, transaction  # noqa: PLC0415
        from django.test import Client  # noqa: PLC0415

        from conditions import editions, models  # noqa: PLC0415
        from portal.publishing import actions  # noqa: PLC0415

        call_command("compile_catalogues", verbosity=0)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        with transaction.atomic():
            for number in range(OBJECTS):
                models.Symptom(
                    key=f"s-{number}", name_en=f"Symptom {number}", name_es=f"Síntoma {number}", summary_en="In short.",
                    overview_en=f"<p>{WORDS}</p>", overview_es=f"<p>{WORDS}</p>", causes_en=f"<p>{WORDS}</p>",
                ).save()  # fmt: skip
        person = User.objects.create_superuser("bench", password="bench")
        topic = models.Symptom.objects.get(key="s-1")
        topic.citations.create(source=models.Source.objects.create(key="s", title="A source"), sections=["overview"])
        manuscript = editions.manuscript(editions.topic("symptom", key="s-1"), "en")
        actions.sign_off(manuscript, by=person, capacity="clinical")
        actions.publish(manuscript, by=person)
        before = where_the_tables_are(connection)
        reads, stop = [], threading.Event()

        def read():
            client = Client(headers={"host": "127.0.0.1"})
            while not stop.is_set():
                began = time.perf_counter()
                try:
                    status = client.get("/en/symptoms/symptom-1/").status_code
                except Exception as error:
                    status = type(error).__name__
                reads.append((time.perf_counter() - began, status))
            connection.close()

        reader = threading.Thread(target=read)
        reader.start()
        time.sleep(2)
        reads.clear()  # the first ones find nothing ready
        time.sleep(5)
        quiet = list(reads)
        reads.clear()
        connection.close()
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "manage.py", "addlanguage", "ti"], capture_output=True, text=True)
        seconds = time.perf_counter() - began
        stop.set()
        reader.join()
        # The same again, the migration alone: back, and forward with a watch.
        newest = max(path.stem for path in (place / "conditions" / "migrations").glob("0*.py"))
        last = sorted(path.stem for path in (place / "conditions" / "migrations").glob("0*.py"))[-2]
        after = where_the_tables_are(connection)
        alone = ""
        if not done.returncode:
            subprocess.run([sys.executable, "manage.py", "migrate", "conditions", last], capture_output=True)
            program = (
                "import django, time; django.setup(); from django.core.management import call_command; "
                f"b = time.perf_counter(); call_command('migrate', 'conditions', {newest!r}, verbosity=0); "
                "print(f'{time.perf_counter() - b:.2f}')"
            )
            alone = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip()
        failed = [status for _seconds, status in reads if status != 200]
        rebuilt = [table for table in before if before[table] != after.get(table)]
        print(f"\nAdding a language to {OBJECTS} objects on {connection.vendor}:")
        print(f"  the whole command            {seconds:.1f} s (exit {done.returncode})")
        print(f"  of it the database           {alone} s (run once more, alone)")
        print(f"  tables written anew          {', '.join(rebuilt) or 'none'}")
        print(f"  pages read meanwhile         {len(reads)}, of them failed {len(failed)} {failed[:3]}")
        print(f"  the slowest of them          {max(s for s, _ in reads) * 1000:.0f} ms", end="")
        print(f" (before: {max(s for s, _ in quiet) * 1000:.0f} ms)")
        if done.returncode:
            print(done.stdout, done.stderr)
        return int(bool(rebuilt or failed or done.returncode))


if __name__ == "__main__":
    sys.exit(main())
