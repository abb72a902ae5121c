from django.conf import settings
from django.contrib.auth.models import Group, Permission, User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from conditions.starter import loading
from portal import languages
from portal.translating.columns import column

# One account per role. The password is printed by `make run`; an account that exists keeps its own.
PASSWORD = settings.DEMO_PASSWORD
ACCOUNTS = {
    "author": ("Aisha", "Author (demo)", ["Authors"]),
    "clinician": ("Clara", "Clinician (demo)", ["Authors", "Clinical reviewers", "Publishers"]),
    "reviewer": ("Rafael", "Reviewer (demo)", ["Clinical reviewers"]),
    "translator": ("Tomás", "Translator (demo)", ["Translators"]),
    "language-reviewer": ("Lin", "Language reviewer (demo)", ["Language reviewers"]),
    "publisher": ("Petra", "Publisher (demo)", ["Publishers"]),
    "administrator": ("Ada", "Administrator (demo)", []),
}
WORK_IN_LANGUAGES = {"translator", "language-reviewer", "publisher"}


def retire_accounts() -> list[str]:
    """Close the accounts of a demonstration that still have its printed password. Returns their names."""
    open_ = User.objects.filter(username__in=ACCOUNTS, is_active=True)
    closed = [user for user in open_ if user.check_password(PASSWORD)]
    for user in closed:  # one by one: an update of many tells the audit log nothing
        user.is_active = False
        user.save(update_fields=["is_active"])
    return [user.username for user in closed]


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
            user.set_password(settings.DEMO_PASSWORD)
            user.is_staff = True
            user.is_superuser = name == "administrator"
            user.save()
            user.groups.set(Group.objects.filter(name__in=groups))
            if name in WORK_IN_LANGUAGES:
                wanted = [column("translate", language.code) for language in languages.translations()]
                if name == "publisher":
                    wanted.append(column("translate", languages.SOURCE))
                user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
        return user
