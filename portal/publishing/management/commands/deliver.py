from django.core.management.base import BaseCommand

from portal.publishing import notices


class Command(BaseCommand):
    help = "Send the notices that wait, once. Where the clock runs it does this by itself."

    def handle(self, *args, **options):
        self.stdout.write(f"Mails sent: {notices.deliver()}.")
