from django.core.management.base import BaseCommand
from django.db import transaction

from portal.publishing import actions, search
from portal.publishing.models import SearchEntry


class Command(BaseCommand):
    help = "Make search and lists find every live page: those they do not know yet, or with --all every one anew."

    def add_arguments(self, parser):
        parser.add_argument("--all", action="store_true", help="Forget the index first.")

    def handle(self, *args, all, **options):
        if all:
            with transaction.atomic():
                SearchEntry.objects.all().delete()
                count = search.reindex()
        else:
            count = search.reindex()
        actions.put_under_letters()
        self.stdout.write(f"The search: {count} pages looked at.")
