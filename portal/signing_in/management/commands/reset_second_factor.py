from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from portal.signing_in import second_factor


class Command(BaseCommand):
    help = "Take the second factor from an account whose phone and recovery codes are lost. Noted in the audit log."

    def add_arguments(self, parser):
        parser.add_argument("name", help="The name that is signed in with.")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be done.")

    def handle(self, *args, name, dry_run, **options):
        person = User.objects.filter(username=name).first()
        if person is None:
            raise CommandError(f"There is no account {name}.")
        if second_factor.of(person) is None:
            self.stdout.write(f"{name} has no second factor. Nothing to do.")
        elif dry_run:
            self.stdout.write(f"The second factor of {name} would be taken away.")
        else:
            second_factor.remove(person)
            self.stdout.write(f"{name} signs in with the password alone now, and was signed out everywhere.")
