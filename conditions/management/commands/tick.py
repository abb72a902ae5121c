from django.core.management.base import BaseCommand

from conditions import clock


class Command(BaseCommand):
    help = "Do what is due once: for installations with CLOCK=0, called every minute by a timer of their own."

    def handle(self, *args, **options):
        self.stdout.write(f"{clock.tick()} plans ended.")
