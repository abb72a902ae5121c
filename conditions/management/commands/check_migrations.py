from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from portal import migrating


class Command(BaseCommand):
    help = "Refuse migrations that the release before could not live with while both run (docs/running.md, Upgrading)."
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--pending", action="store_true", help="Those that this database does not have yet.")

    def handle(self, *args, pending, **options):
        loader = MigrationLoader(connection if pending else None)
        names = migrating.pending(loader) if pending else migrating.after_the_rule(loader)
        if pending and not loader.applied_migrations:
            self.stdout.write("The database is empty: no release runs on it.")
            return
        for app, name in names:
            if app not in migrating.OURS:
                self.stdout.write(f"{app}.{name} is of another package: look at what it does before both releases run.")
        ours = [key for key in names if key[0] in migrating.OURS]
        if found := list(migrating.refusals(loader, ours)):
            raise CommandError(
                "\n".join(found)
                + "\nChange them, or stop the old release before they are applied. One that both can live with "
                "all the same says so in its file: # both releases: why."
            )
        self.stdout.write(f"{len(ours)} migrations, each of which the release before can live with.")
