from django.core.management.base import BaseCommand

from conditions import link_check


class Command(BaseCommand):
    help = "Ask every source's web address whether it is still there, and note the answer for the desk."

    def handle(self, *args, **options):
        broken = 0
        for source, result in link_check.check_all():
            if result not in {link_check.OK, link_check.MOVED}:
                broken += 1
                self.stdout.write(f"{result}: {source.address} ({source.key})")
        self.stdout.write(f"{broken} of the addresses did not answer as they should.")
