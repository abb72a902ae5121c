from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from portal.backup import making
from portal.backup.form import Refused


class Command(BaseCommand):
    help = (
        "Back up the portal into one file: database, pictures, and what proves that they are whole (docs/running.md)."
    )

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path, help="Where the file goes: another disk or another machine's.")
        parser.add_argument("--keep", type=int, default=0, help="So many backups stay in the folder; older ones go.")
        parser.add_argument(
            "--with-secret", action="store_true", help="SECRET_KEY as well. Whoever gets the file can then sign for us."
        )

    def handle(self, *args, folder, keep, with_secret, **options):
        if keep < 0:
            raise CommandError("--keep is a number of backups, such as --keep 14.")
        bar = tqdm(unit="B", unit_scale=True, disable=None)
        try:
            made = making.make(folder, keep=keep, with_secret=with_secret, pulse=bar.update)
        except Refused as refused:
            raise CommandError(str(refused)) from refused
        except OSError as error:
            raise CommandError(
                f"No backup was made: {error.strerror or error} ({folder}). Earlier backups are untouched."
            ) from error
        finally:
            bar.close()
        self.stdout.write(f"{made.path}: {made.path.stat().st_size / 1_000_000:.1f} MB, read back and whole.")
        self.stdout.write(made.manifest.said + ".")
        number, seal = made.manifest.audit_end
        self.stdout.write(f"The audit log ends at entry {number}, sealed {seal}.")
        if with_secret:
            self.stdout.write("SECRET_KEY is in it: keep this file as you would keep the key.")
        else:
            self.stdout.write("SECRET_KEY is not in it: keep it elsewhere (--with-secret puts it in).")
        if made.removed:
            self.stdout.write(f"Removed, because {keep} are kept: {', '.join(one.name for one in made.removed)}.")
        if made.missing:
            raise CommandError(
                f"The backup is made, but {len(made.missing)} pictures that pages name are gone or damaged: "
                f"{', '.join(made.missing[:5])}. Look for them in an earlier backup; none was removed."
            )
