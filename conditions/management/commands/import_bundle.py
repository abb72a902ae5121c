import sys
from pathlib import Path

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from conditions.bundle import loading, reading
from conditions.bundle.form import Bundle, Mistakes
from portal.translating.exchange.work import Unreadable


class Command(BaseCommand):
    help = (
        "Say what a bundle (docs/bundle.md) would change in the working copy; with --write, change it. Never publishes."
    )

    def add_arguments(self, parser):
        parser.add_argument("place", type=Path, metavar="FOLDER|FILE.zip")
        add_options(parser)

    def handle(self, *args, place, **options):
        take_in(self, lambda: reading.read(place), **options)


def add_options(parser):
    parser.add_argument("--write", action="store_true", help="Write it. Without this nothing is changed.")
    parser.add_argument("--by", metavar="NAME", help="The account whose change it is, and whose rights count.")
    parser.add_argument(
        "--overwrite", action="append", default=[], metavar="kind/key", help="Even where somebody changed it since."
    )
    parser.add_argument(
        "--in-batches", type=int, default=0, metavar="N",
        help="So many objects in one transaction, for very many: what was interrupted goes on where it stopped.",
    )  # fmt: skip


def take_in(command, read, *, write, by, overwrite, in_batches, **command_options):
    """Shared with import_table: `read` gives the bundle. Raises CommandError."""
    try:
        bundle: Bundle = read()
        options = {"by": _person(by) if by else None, "overwrite": frozenset(overwrite)}
        if not write:
            plan = loading.look(bundle, **options)
        elif in_batches > 0:
            plan = loading.in_batches(bundle, in_batches, tell=_progress, **options)
        else:
            plan = loading.load(bundle, **options)
    except (Mistakes, Unreadable, OSError) as error:
        raise CommandError(f"Nothing was changed.\n{error}") from error
    for part in plan.parts:
        if part.what != "unchanged" and command_options["verbosity"]:
            command.stdout.write(f"{part.what:9} {part.place}{f': {part.why}' if part.why else ''}")
    told = ", ".join(f"{count} {what}" for what, count in sorted(plan.counts.items())) or "nothing in it"
    command.stdout.write(f"{'Written' if write else 'Nothing was changed; --write would leave'}: {told}.")
    if plan.only("kept"):
        command.stdout.write("What is kept is taken from the files with --overwrite kind/key.")


def _progress(done: int, of: int):
    print(f"{done} of {of} objects", file=sys.stderr, flush=True)


def _person(name: str):
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no account “{name}”.")
    return user
