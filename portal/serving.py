"""The server, in one way everywhere: python -m portal.serving --port 8000 (and granian's options).

Its flags are chosen so that a slow client holds nothing (decision 73), and a worker that dies is replaced.
"""

import logging
import sys
import time
from pathlib import Path

from granian import cli
from granian.server import Server

FLAGS = (
    "--interface", "wsgi", "--no-ws", "--log-level", "warning",
    # Two processes, because one may die; more threads than that, because pages are made one after another (decision 75)
    # and whoever waits for that must not keep those from being answered whose page is in memory.
    "--workers", "2", "--blocking-threads", "8",
    "--respawn-failed-workers",
    # Milliseconds for a request's headers, and so long a connection may stay open between two requests.
    "--http1-header-read-timeout", "10000",
    # Connections that one worker holds at once; one that waits costs it a few kilobytes and no thread.
    "--backlog", "2048", "--backpressure", "2048",
    # Seconds for what is under way when the server is stopped.
    "--workers-kill-timeout", "30",
)  # fmt: skip
DEATHS, WITHIN = 30, 60  # so many workers may die in so many seconds; more, and something is wrong that a new one keeps


def command(*options) -> list[str]:
    """To be executed in the portal's folder; the last of two options of one name counts."""
    return [sys.executable, "-m", "portal.serving", *map(str, options)]


class Lasting(Server):
    """Granian ends when a worker dies twice within six seconds. That may be two accidents; thirty are not."""

    def _respawn_workers(self, workers, *args, **options):
        super()._respawn_workers(workers, *args, **options)
        now = time.monotonic()
        self.deaths = [at for at in getattr(self, "deaths", ()) if now - at < WITHIN] + [now] * len(workers)
        if len(self.deaths) < DEATHS:
            self.respawned_wrks.clear()


if __name__ == "__main__":
    cli.Server = Lasting
    # It warns of more threads than twice the cores; most of ours wait.
    logging.getLogger("_granian").addFilter(lambda record: "Python threads" not in str(record.msg))
    sys.argv = [str(Path(sys.executable).with_name("granian")), *FLAGS, *sys.argv[1:], "portal.wsgi:application"]
    cli.entrypoint()
