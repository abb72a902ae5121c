from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from conditions.bundle.form import Mistakes
from conditions.starter import loading


class Command(BaseCommand):
    help = "Load the starter content into the working copy. Never overwrites what an editor changed; never publishes."

    def add_arguments(self, parser):
        parser.add_argument("--dry-run", action="store_true", help="Say what would happen and change nothing.")

    def handle(self, *args, dry_run, **options):
        try:
            with transaction.atomic():
                happened = loading.load()
                transaction.set_rollback(dry_run)
        except Mistakes as mistakes:
            raise CommandError(f"The starter content has mistakes; nothing was loaded.\n{mistakes}") from mistakes
        told = ", ".join(f"{count} {what}" for what, count in sorted(happened.items())) or "nothing to do"
        self.stdout.write(f"Starter content{' (dry run, nothing changed)' if dry_run else ''}: {told}.")
