from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from conditions import editions, models
from conditions.bundle import collecting, writing
from portal import files


class Command(BaseCommand):
    help = "Write the working copy, or some of its objects, as a folder or a zip file (docs/bundle.md)."

    def add_arguments(self, parser):
        parser.add_argument("place", type=Path, metavar="FOLDER|FILE.zip")
        parser.add_argument("objects", nargs="*", metavar="kind/key", help="Only these; without any, everything.")

    @transaction.atomic
    def handle(self, *args, place, objects, **options):
        try:
            bundle = collecting.bundle(map(_one, objects) if objects else collecting.every())
            if place.suffix == ".zip":
                files.write(place, writing.to_zip(bundle))
            elif objects and place.is_dir() and any(place.iterdir()):
                raise FileExistsError(f"{place} is not empty: chosen objects go into a folder of their own")
            else:
                place.mkdir(parents=True, exist_ok=True)
                writing.to_folder(bundle, place)
        except OSError as error:
            raise CommandError(f"Nothing was exported: {error}") from error
        self.stdout.write(f"{len(bundle.topics)} objects, {len(bundle.pictures)} pictures: {place}")


def _one(name: str) -> models.Topic:
    """Raises CommandError."""
    kind, _slash, key = name.partition("/")
    try:
        return editions.topic(kind, key=key)
    except (KeyError, models.Topic.DoesNotExist) as error:
        raise CommandError(f"There is no “{name}”. Name objects as kind/key, such as symptom/tremor.") from error
