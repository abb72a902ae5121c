from pathlib import Path

import polib
from django.conf import settings
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Compile the interface's words (locale/*/LC_MESSAGES/*.po) without needing gettext's programs."
    requires_system_checks = ()

    def handle(self, *args, **options):
        for folder in settings.LOCALE_PATHS:
            for po in sorted(Path(folder).glob("*/LC_MESSAGES/*.po")):
                mo = po.with_suffix(".mo")
                if mo.exists() and mo.stat().st_mtime >= po.stat().st_mtime:
                    continue
                polib.pofile(str(po)).save_as_mofile(str(mo))
                if options["verbosity"] > 0:
                    self.stdout.write(f"compiled {po.relative_to(folder)}")
