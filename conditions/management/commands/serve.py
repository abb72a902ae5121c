import os
import socket

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from conditions import leaflets
from conditions.management.commands.demo import ACCOUNTS, PASSWORD, retire_accounts
from portal import languages, serving, static_files


class Command(BaseCommand):
    help = "Bring everything up to date (database, starter content, catalogues, static files), then serve."
    requires_system_checks = ()

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--prepare-only", action="store_true", help="Bring everything up to date and stop.")

    def handle(self, *args, port, prepare_only, **options):
        if not 1 <= port <= 65535:
            raise CommandError(f"{port} is no port. Write one between 1 and 65535, such as PORT=8010.")
        if not prepare_only:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise CommandError(
                        f"Port {port} is taken ({error.strerror}). Try: make run PORT={port + 10}"
                    ) from error
        call_command("compile_catalogues", verbosity=0)
        call_command("migrate", verbosity=0)
        call_command("load_starter", stdout=self.stdout)
        if settings.DEMO:
            call_command("demo", stdout=self.stdout)
        elif closed := retire_accounts():
            self.stdout.write(f"Closed, because DEMO is off: the demonstration accounts {', '.join(closed)}.")
        call_command("refresh_desk", stdout=self.stdout)
        call_command("reindex", stdout=self.stdout)
        static_files.collect()
        if prepare_only:
            return
        self.tell(f"http://127.0.0.1:{port}")
        self.stdout.flush()
        # Our own server, with fixed arguments.
        server = serving.command("--port", port)
        os.execv(server[0], server)  # nosec B606 # noqa: S606 -- see above

    def tell(self, address):
        lines = ["", f"  For readers       {address}/"]
        for language in languages.offered():
            lines.append(f"                    {address}/{language.code}/  {language.name}")
        lines.append(f"  The desk          {address}/admin/")
        if settings.DEMO:
            lines.append(f"  Demo accounts     {', '.join(ACCOUNTS)}")
            lines.append(f"                    password of each: {PASSWORD}")
        else:
            lines.append("  Make yourself an account:  .venv/bin/python manage.py createsuperuser")
        without, packages = leaflets.missing()
        if without:
            names = ", ".join(language.english for language in without)
            lines.append(f"  No PDF leaflets   in {names}; for them: sudo apt-get install {' '.join(packages)}")
        lines += ["", "  Stop with Ctrl-C.", ""]
        self.stdout.write("\n".join(lines))
