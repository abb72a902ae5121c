from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from portal.backup import bringing_back, form
from portal.backup.form import Refused


class Command(BaseCommand):
    help = (
        "Bring a backup back, into an empty place or with --replace into the place of what is here (docs/running.md)."
    )
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("backup", type=Path, help="The file, or a folder: then the newest in it.")
        parser.add_argument(
            "--replace", action="store_true", help="Even if there is a portal here. It is backed up first."
        )
        parser.add_argument("--dry-run", action="store_true", help="Check every file, say what would happen, stop.")

    def handle(self, *args, backup, replace, dry_run, **options):
        try:
            with form.opened(form.newest(backup)) as found:
                self.stdout.write(f"{found.path}\n{found.manifest.said}.")
                with tqdm(total=found.size, unit="B", unit_scale=True, disable=None) as bar:
                    bringing_back.may(found, replace=replace, pulse=bar.update)
                if dry_run:
                    self.stdout.write("Every file is as it was written, and it can be brought back here (dry run).")
                    return
                done = bringing_back.bring_back(
                    found, safety=Path(settings.VAR_DIR) / "before-restore", tell=self.stdout.write
                )
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(f"Nothing was restored: {error}. The database is as it was.") from error
        self.stdout.write(
            f"It is back: the database, {len(found.manifest.pictures)} pictures ({done.pictures} were not here)."
        )
        self.stdout.write(
            "Nobody is signed in. Accounts, rights and planned publications are those of that day: look at both at the "
            "desk, before anybody works on."
        )
        if done.secret:
            self.stdout.write(done.secret)
        self.stdout.write("On a new machine, run serve --prepare-only now: it makes styles and catalogues.")
        if done.faults:
            raise CommandError(
                "It is back as it was, and verify finds what was wrong already then:\n" + "\n".join(done.faults)
            )
