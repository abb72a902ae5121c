from pathlib import Path

from django.core.management.base import BaseCommand

from conditions.bundle import table
from conditions.management.commands.import_bundle import add_options, take_in
from portal import languages


class Command(BaseCommand):
    help = "Say what a table (CSV, XLSX; docs/bundle.md) would change; with --write, change the working copy."

    def add_arguments(self, parser):
        parser.add_argument("place", type=Path, metavar="FILE.csv|FILE.xlsx")
        parser.add_argument(
            "--language", choices=list(languages.LANGUAGES), default=languages.SOURCE,
            help="Of columns that name no language.",
        )  # fmt: skip
        add_options(parser)

    def handle(self, *args, place, language, **options):
        take_in(self, lambda: table.read(place, language), **options)
