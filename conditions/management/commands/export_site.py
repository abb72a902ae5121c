import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import django
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from conditions.public.copying import addresses
from portal import static_copy, static_files, static_server

ROUNDS = 3  # while it runs somebody may publish; then what differs is written once more


class Command(BaseCommand):
    help = "Write the whole public site as files, for any web server or none (docs/running.md)."

    def add_arguments(self, parser):
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--for-files", action="store_true", help="Links that work from a disk or a stick, without a server."
        )
        parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="Processes that make pages.")

    def handle(self, *args, folder, for_files, workers, **options):
        if folder.exists() and any(folder.iterdir()) and not (folder / static_copy.OWN).is_dir():
            raise CommandError(f"{folder} is not empty and no copy of this site: name an empty or a new folder.")
        try:
            for _round in range(ROUNDS):
                state = f"{addresses.state()} {'files' if for_files else 'server'}"
                said = self._copy(folder, state, for_files, max(1, workers))
                if state.startswith(addresses.state()):
                    break
                self.stdout.write("Something was published meanwhile: what differs is written once more.")
            else:
                raise CommandError("People publish faster than this copies. It is whole, but not of one moment.")
        except static_copy.Busy:
            raise CommandError(
                f"Another export_site is writing {folder}. Wait for it, or name another folder."
            ) from None
        except OSError as error:
            raise CommandError(f"The copy is not whole: {error}. The same command goes on where it stopped.") from error
        self.stdout.write(said)

    def _copy(self, folder, state, for_files, workers) -> str:
        journal = static_copy.Journal(folder, state)
        if not journal.was_finished:
            static_files.collect()
            call_command("compile_catalogues", verbosity=0)
            static_copy.copy_static(folder)
        every = list(dict.fromkeys(addresses.every()))
        left = [address for address in every if not journal.has(address)]
        one = partial(_copied, folder, relative=for_files, packed=not for_files)
        counted, wrong = Counter(), []
        bar = tqdm(total=len(every), initial=len(every) - len(left), unit=" addresses", disable=None)
        for made in _each(one, left, workers):
            bar.update()
            if isinstance(made, str):
                wrong.append(made)
            else:
                journal.add(made)
                counted["written" if made.written else "as they were"] += 1
        bar.close()
        if not for_files and not journal.was_finished:
            static_server.write(folder, journal.lines(), addresses.answer)
        removed = 0 if wrong else journal.finish()
        journal.close()
        if wrong:
            raise CommandError("The copy is not whole:\n" + "\n".join(wrong))
        told = [f"{len(every)} addresses: {counted['written']} written, {len(every) - counted['written']} as they were"]
        return ", ".join(told + ([f"{removed} removed"] if removed else [])) + f": {folder}"


def _each(one, left, workers):
    if workers == 1 or len(left) < 100:
        yield from map(one, left)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), django.setup) as pool:
        yield from pool.map(one, left, chunksize=16)


def _copied(folder, address, *, relative, packed):
    """Its line, or why there is none."""
    response = addresses.answer(address)
    if response.status_code >= 500:
        return f"{address}: the portal answered {response.status_code}"
    try:
        line = static_copy.write(folder, address, response, relative=relative, packed=packed)
    except static_copy.Unplaceable as error:
        return str(error)
    for picture in static_copy.pictures(response.content):
        if not (folder / picture[1:]).exists():
            static_copy.write(folder, picture, addresses.answer(picture), relative=False, packed=False)
    return line
