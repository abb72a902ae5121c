import ast
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import polib
from babel.core import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.plural import to_gettext
from django.conf import locale as django_locale
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import to_locale

from portal import languages
from portal.translating.columns import column

# Languages that CLDR files under another name.
KNOWN = {"prs": ("دری", "Dari", "fa-AF")}
# CLDR gives Haitian Creole the rule of French, with a form for millions; its nouns do not change after a number.
RULES = {"ht": "nplurals=2; plural=(n != 1);"}
CODE = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?")
PLURALS = re.compile(r"nplurals=[1-6]; ?plural=[-n0-9 ()?:=!<>%&|+*]+;?")


@dataclass
class Plan:
    code: str
    name: str
    english: str
    direction: str
    cldr: str
    plurals: str
    plurals_of_django: bool

    @property
    def locale(self) -> str:
        return to_locale(self.code)


class Command(BaseCommand):
    help = (
        "Add a language that languages.toml does not declare: its columns, catalogue and rules, in one step, or not at "
        "all. It changes files of this copy of the portal (languages.toml, a migration, locale/): commit them. "
        "Translators begin when a translation lead presses “Begin” at the desk."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("code", help="As it will stand in addresses: pt-br, zh-hant, sr-latn, ti, prs, ht, ckb")
        parser.add_argument("--name", help="its name in the language itself")
        parser.add_argument("--english", help="its name in English")
        parser.add_argument("--direction", choices=["ltr", "rtl"])
        parser.add_argument("--plurals", help='gettext\'s plural rule: "nplurals=2; plural=(n != 1);"')
        parser.add_argument("--cldr", help="whose dates it writes, where CLDR does not know it: fa-AF")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
        parser.add_argument("--verify", action="store_true", help="Only try whether a declared language works.")

    def handle(self, *args, code, dry_run, verify, **options):
        if verify:
            return self.verify(code)
        plan = self.plan(code, options)
        self.stdout.write(f"{plan.code}: {plan.english}, in itself {plan.name}; {plan.direction}; {plan.plurals}")
        self.stdout.write(f"Dates: as in {plan.cldr}.")
        self.stdout.write(self.fonts(plan))
        if dry_run:
            self.stdout.write("Nothing was changed (--dry-run).")
            return None
        undo = []
        try:
            for step in (self.declare, self.make_migration, self.make_catalogue, self.migrate, self.try_it):
                self.stdout.write(step(plan, undo))
                self.stdout.flush()
        except (Exception, KeyboardInterrupt) as error:
            self.stderr.write(f"{error or type(error).__name__}")
            failed = False
            for back in reversed(undo):
                try:
                    back()
                except Exception as second:
                    failed = True
                    self.stderr.write(f"And this could not be undone: {second}")
            raise CommandError(
                "The language was not added. "
                + ("See above what is left to undo by hand." if failed else "Everything that was done is undone.")
            ) from error
        self.stdout.write(
            f"{plan.english} is planned now. Restart the servers, commit the new files, and let a translation lead "
            "begin it at the desk, under Languages."
        )
        return None

    # What there is to know about it

    def plan(self, code, options) -> Plan:
        if not CODE.fullmatch(code):
            raise CommandError(
                f"“{code}” is no language code. Write it in small letters: language, then script, then region, such as "
                "ti, sr-latn, pt-br."
            )
        if code in languages.LANGUAGES:
            raise CommandError(f"{languages.get(code).english} ({code}) is declared already.")
        taken = {column("name", one): one for one in languages.LANGUAGES}
        if other := taken.get(column("name", code)):
            raise CommandError(f"“{code}” would share its columns with “{other}”.")
        known = KNOWN.get(code)
        cldr = options["cldr"] or (known[2] if known else code)
        try:
            locale = Locale.parse(cldr, sep="-")
        except (UnknownLocaleError, ValueError):
            if options["cldr"]:
                raise CommandError(f"CLDR knows no “{cldr}” either. Name one it knows, such as --cldr en-GB.") from None
            raise CommandError(
                f"CLDR knows nothing of “{code}”: say what it should be with --name, --english, --direction, "
                "--plurals, and whose dates it writes with --cldr (such as --cldr en-GB)."
            ) from None
        primary = code.partition("-")[0]
        if options["cldr"] is None and not known and locale.language != primary:
            raise CommandError(
                f"Write “{code.replace(primary, locale.language, 1)}”: it is the shorter code for “{code}”."
            )
        own = options["cldr"] is None and not known  # what CLDR says is about this language and no other
        info = django_locale.LANG_INFO.get(code, {})
        name = options["name"] or (known[0] if known else info.get("name_local")) or (own and locale.get_display_name())
        english = (
            options["english"] or (known[1] if known else info.get("name")) or (own and locale.get_display_name("en"))
        )
        direction = options["direction"] or (locale.text_direction if own or known else None)
        plurals, of_django = options["plurals"], False
        if not plurals and (path := self._of_django(code)):
            plurals, of_django = polib.pofile(str(path)).metadata.get("Plural-Forms"), True
        if not plurals and (own or known):
            # "e" is the exponent of numbers written as 1c6. gettext has no such thing, nor have we.
            plurals = RULES.get(code) or re.sub(r"\be\b", "0", to_gettext(locale.plural_form))
        lacking = [
            option
            for option, value in (
                ("--name", name), ("--english", english), ("--direction", direction), ("--plurals", plurals),
            )
            if not value
        ]  # fmt: skip
        if lacking:
            raise CommandError(f"Nothing is known of “{code}” there: say it with {', '.join(lacking)}.")
        if not PLURALS.fullmatch(plurals):
            raise CommandError(f"“{plurals}” is no plural rule. Write it as gettext does: nplurals=2; plural=(n != 1);")
        for said in (name, english):
            if any(unicodedata.category(one).startswith("C") for one in said) or len(said) > 60 or '"' in said:
                raise CommandError(f"“{said}” cannot be a name of a language.")
        return Plan(code, name[:1].upper() + name[1:], english, direction, cldr, plurals.rstrip(";") + ";", of_django)

    def _of_django(self, code) -> Path | None:
        path = Path(django_locale.__file__).parent / to_locale(code) / "LC_MESSAGES" / "django.po"
        return path if path.exists() else None

    def fonts(self, plan) -> str:
        """Whether this machine could show it; readers' devices have their own fonts, so this is only said."""
        if (fc_list := shutil.which("fc-list")) is None:
            return "Fonts: not looked at, because fc-list is not installed here."
        primary = plan.code.partition("-")[0]
        asked = [fc_list, f":lang={primary}", "family"]
        found = subprocess.run(asked, capture_output=True, text=True).stdout  # nosec B603 # noqa: S603 -- a checked code
        if found.strip():
            return f"Fonts: this machine has {len(found.splitlines())} for it."
        return "Fonts: this machine has none that says it knows this language. Screenshots and print may show boxes."

    # The steps. Each says what it did, and leaves behind how to undo it.

    def declare(self, plan, undo) -> str:
        path = settings.BASE_DIR / "portal" / "languages.toml"
        before = path.read_bytes()
        undo.append(lambda: path.write_bytes(before))
        rows = [
            f"[languages.{plan.code}]",
            f'name = "{plan.name}"',
            *([f'cldr = "{plan.cldr}"'] if plan.cldr != plan.code else []),
            f'english = "{plan.english}"',
            f'direction = "{plan.direction}"',
            *([] if plan.plurals_of_django else [f'plurals = "{plan.plurals}"']),
            'state = "planned"',
        ]
        path.write_bytes(before.rstrip(b"\n") + b"\n\n" + "\n".join(rows).encode() + b"\n")
        return f"declared in {path.relative_to(settings.BASE_DIR)}"

    def make_migration(self, plan, undo) -> str:
        folder = settings.BASE_DIR / "conditions" / "migrations"
        there = set(folder.glob("*.py"))
        self.last_migration = max(path.stem for path in there if path.stem[:4].isdigit())

        def remove():
            for path in set(folder.glob("*.py")) - there:
                path.unlink()

        undo.append(remove)
        self._manage("makemigrations", "conditions", "--name", f"language_{plan.code.replace('-', '_')}")
        new = set(folder.glob("*.py")) - there
        if len(new) != 1:
            raise CommandError(f"One new migration was expected, {len(new)} were made. Are there model changes?")
        path = new.pop()
        suffix = column("x", plan.code).removeprefix("x")
        for operation, name in self._operations(path):
            if operation != "AlterModelOptions" and not (operation == "AddField" and name.endswith(suffix)):
                raise CommandError(
                    f"The migration would do more than add this language ({operation} {name}). Migrate the other "
                    "changes of the models first."
                )
        return f"made {path.relative_to(settings.BASE_DIR)}: columns only, each empty"

    def _operations(self, path):
        """(operation, name) of each line of a migration, read and not run."""
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                where = node.func.value
                if isinstance(where, ast.Name) and where.id == "migrations":
                    named = {word.arg: word.value for word in node.keywords}
                    name = named.get("name")
                    yield node.func.attr, name.value if isinstance(name, ast.Constant) else ""

    def make_catalogue(self, plan, undo) -> str:
        model = next(one for one in languages.translations())
        folder = settings.BASE_DIR / "locale" / plan.locale
        if folder.exists():
            raise CommandError(f"{folder} is there already. Move it away first.")
        undo.append(lambda: shutil.rmtree(folder, ignore_errors=True))
        catalogue = polib.pofile(
            str(settings.BASE_DIR / "locale" / to_locale(model.code) / "LC_MESSAGES" / "django.po"), wrapwidth=0
        )
        count = int(re.search(r"nplurals=(\d)", plan.plurals)[1])
        for entry in catalogue:
            entry.msgstr, entry.flags = "", [flag for flag in entry.flags if flag != "fuzzy"]
            if entry.msgid_plural:
                entry.msgstr_plural = dict.fromkeys(range(count), "")
        catalogue.header = f"The interface's words in {plan.english}."
        catalogue.metadata |= {"Language": plan.locale, "Plural-Forms": plan.plurals}
        (folder / "LC_MESSAGES").mkdir(parents=True)
        catalogue.save(str(folder / "LC_MESSAGES" / "django.po"))
        catalogue.save_as_mofile(str(folder / "LC_MESSAGES" / "django.mo"))
        return f"made locale/{plan.locale}: {len(catalogue)} words and sentences to translate"

    def migrate(self, plan, undo) -> str:
        undo.append(lambda: self._manage("migrate", "conditions", self.last_migration))
        self._manage("migrate", "conditions")
        return "the database has its columns"

    def try_it(self, plan, undo) -> str:
        return self._manage("addlanguage", plan.code, "--verify").strip()

    def _manage(self, *command) -> str:
        """In a process of its own: this one knows the languages of before."""
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(  # nosec B603 # noqa: S603 -- our own program, fixed words and a checked code
            [sys.executable, str(settings.BASE_DIR / "manage.py"), *command],
            capture_output=True, text=True, env=environment, cwd=settings.BASE_DIR,
        )  # fmt: skip
        if done.returncode:
            raise CommandError(f"{' '.join(command)} failed: {done.stderr.strip()[-800:]}")
        return done.stdout

    def verify(self, code):
        """That the language activates, counts, writes a date, and lets an object be made while it is active."""
        from conditions.models import Symptom  # noqa: PLC0415 -- only here the models must be there

        if code not in languages.LANGUAGES:
            raise CommandError(f"{code} is not declared.")
        language = languages.get(code)
        with translation.override(code), transaction.atomic():
            counted = {translation.ngettext("{count} problem", "{count} problems", n) for n in (0, 1, 2, 5, 11, 100)}
            if not counted or translation.get_language_bidi() != (language.direction == "rtl"):
                raise CommandError("Its direction or its plural rule does not work.")
            date = format_date(timezone.localdate(), "long", Locale.parse(language.cldr, sep="-"))
            symptom = Symptom(key="a-language-is-tried")
            setattr(symptom, column("name", code), language.name)
            symptom.save()
            transaction.set_rollback(True)
        self.stdout.write(f"tried: it is spoken, counts, and writes today as {date}")
