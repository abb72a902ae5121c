from django.core.management.base import BaseCommand, CommandError

from portal.publishing import audit, seals
from portal.publishing.models import Edition


class Command(BaseCommand):
    help = (
        "Prove that no edition and no entry of the audit log was altered, dropped or inserted by hand. "
        "Exits with 1 and says where, if one was."
    )

    def handle(self, *args, **options):
        found = [*seals.faults(), *audit.faults()]
        number, seal = audit.end()
        for fault in found:
            self.stderr.write(fault)
        if found:
            raise CommandError(
                f"{len(found)} faults in {Edition.objects.count()} editions and {number} entries of the audit log."
            )
        self.stdout.write(f"{Edition.objects.count()} editions, each as it was published.")
        self.stdout.write(f"{number} entries of the audit log, each as it was written; the last is sealed {seal}.")
