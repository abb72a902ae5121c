import re

import polib
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils.translation import to_locale

from portal import languages


class Command(BaseCommand):
    help = "Collect the interface's words into locale/ for every declared language. Needs gettext's programs."

    def handle(self, *args, **options):
        codes = [language.code for language in languages.translations()]
        call_command(
            "makemessages",
            locale=[to_locale(code) for code in codes],
            no_wrap=True,
            no_obsolete=True,
            add_location="file",
            ignore_patterns=[".venv/*", "var/*", "tests/*"],
            verbosity=0,
        )
        for code in codes:
            path = settings.BASE_DIR / "locale" / to_locale(code) / "LC_MESSAGES" / "django.po"
            # Where Django ships no plural rule, makemessages leaves "nplurals=INTEGER", and then every page is a 500.
            if rule := languages.get(code).plurals:
                text = path.read_text(encoding="utf-8")
                text = re.sub(r"nplurals=INTEGER; plural=EXPRESSION;", rule, text)
                path.write_text(text, encoding="utf-8")
            catalogue = polib.pofile(str(path), wrapwidth=0)
            # A date in the header would make every run a change.
            for name in ("POT-Creation-Date", "PO-Revision-Date", "Last-Translator", "Language-Team"):
                catalogue.metadata.pop(name, None)
            catalogue.metadata |= {"Project-Id-Version": "patient information portal", "Language": to_locale(code)}
            catalogue.header = f"The interface's words in {languages.get(code).english}."
            catalogue.metadata_is_fuzzy = False
            catalogue.save()
            missing = len(catalogue.untranslated_entries()) + len(catalogue.fuzzy_entries())
            self.stdout.write(f"{code}: {len(catalogue)} words and sentences, {missing} to translate")
