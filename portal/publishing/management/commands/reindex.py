from django.core.management.base import BaseCommand
from django.db import transaction

from portal.publishing import actions, search
from portal.publishing.models import SearchEntry


class Command(BaseCommand):
    help = "Make the search find every live page: those it does not know yet, or with --all every one anew."

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="Forget the index first.")

    def handle(self, *args, all, **options):
        with transaction.atomic():
            if all:
                SearchEntry.objects.all().delete()
            count = search.reindex()
            actions.put_under_letters()
        self.stdout.write(f"The search: {count} pages looked at.")
