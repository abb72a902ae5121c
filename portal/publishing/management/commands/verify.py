from django.core.management.base import BaseCommand, CommandError

from portal.publishing import seals
from portal.publishing.models import Edition


class Command(BaseCommand):
    help = "Prove that no edition was altered, dropped or inserted by hand. Exits with 1 and says where, if one was."

    def handle(self, *args, **options):
        found = list(seals.faults())
        for fault in found:
            self.stderr.write(fault)
        if found:
            raise CommandError(f"{len(found)} faults in {Edition.objects.count()} editions.")
        self.stdout.write(f"{Edition.objects.count()} editions, each as it was published.")
