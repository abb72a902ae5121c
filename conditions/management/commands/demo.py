from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from conditions.starter import loading
from portal import languages
from portal.translating.columns import column

# One account per role. The password is printed by `make run`; an account that exists keeps its own.
PASSWORD = "only-for-the-demo"  # noqa: S105 -- a demonstration's password, printed on purpose
ACCOUNTS = {
    "clinician": ("Clara", "Clinician (demo)", ["Clinicians"]),
    "translator": ("Tomás", "Translator (demo)", ["Translators"]),
    "publisher": ("Petra", "Publisher (demo)", ["Publishers"]),
    "administrator": ("Ada", "Administrator (demo)", []),
}


class Command(BaseCommand):
    help = "Make the demonstration accounts and publish the starter content as a demonstration. Needs DEMO=1."

    def handle(self, *args, **options):
        if not settings.DEMO:
            raise CommandError(
                "This portal is not a demonstration (DEMO is off). No account was made, nothing published."
            )
        with transaction.atomic():
            accounts = {name: self.account(name, *rest) for name, rest in ACCOUNTS.items()}
        happened = loading.publish_demonstration(accounts["administrator"])
        told = ", ".join(f"{count} {what}" for what, count in sorted(happened.items()))
        self.stdout.write(f"Demonstration pages: {told}.")

    def account(self, name, first, last, groups):
        user, created = User.objects.get_or_create(username=name, defaults={"first_name": first, "last_name": last})
        if created:
            user.set_password(PASSWORD)
            user.is_staff = True
            user.is_superuser = name == "administrator"
            user.save()
            user.groups.set(Group.objects.filter(name__in=groups))
            if name in {"translator", "publisher"}:
                wanted = [column("translate", language.code) for language in languages.translations()]
                user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
        return user
