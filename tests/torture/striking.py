"""A process that works and is killed with SIGKILL: at a moment nobody chose, or at its Nth step.

Where a process can die matters more than when: each statement, each commit (before it and after it), each file that is
opened to be written, renamed or removed is a step. The first round of a work is left alone and counts them.
"""

import json
import os
import random
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass, field

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "24"))  # of all kinds of work together
SEED = int(os.environ.get("TORTURE_SEED") or random.SystemRandom().randrange(10**6))
_FILES = {"os.rename", "os.remove", "os.mkdir", "os.truncate", "os.chmod", "fcntl.flock"}


@dataclass
class Told:
    """What a work said before it was killed: what it was about to do, and what it knows was done."""

    will: list = field(default_factory=list)
    did: list = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    ended: bool = False  # nobody killed it

    def open(self) -> list:
        """What may have happened or not: it was begun, and nobody heard that it was done."""
        done = list(map(_name, self.did))
        return [one for one in self.will if _name(one) not in done]


def _name(one):
    return one[0] if isinstance(one, list) else one


class _Steps:
    def __init__(self, last):
        self.count, self.last = 0, last

    def one(self, *_ignored):
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self):
        sys.addaudithook(self._file)
        connection.execute_wrappers.append(self._statement)
        commit = BaseDatabaseWrapper._commit

        def committed(wrapper):
            self.one()
            commit(wrapper)
            self.one()

        BaseDatabaseWrapper._commit = committed

    def _statement(self, execute, sql, params, many, context):
        self.one()
        return execute(sql, params, many, context)

    def _file(self, event, args):
        if event in _FILES or (event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)):
            self.one()


def strike(work, *, at=None, after=None, patience=120) -> Told:
    """Run `work(will, did)` in a process of its own and kill it `at` a step or `after` so many seconds."""
    connections.close_all()
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(work, writing, at)
    os.close(writing)
    told, began = Told(), time.monotonic()
    try:
        told.seconds, lines = _listen(reading, pid, after, patience)
    finally:
        os.close(reading)
        _status = os.waitpid(pid, 0)[1]
    for what, one in map(json.loads, lines):
        if what == "error":
            raise AssertionError(f"The work itself failed:\n{one}")
        if what == "steps":
            told.steps, told.ended = one, True
        else:
            getattr(told, what).append(one)
    told.seconds = time.monotonic() - began
    _wait_for_the_database()
    return told


def _listen(reading, pid, after, patience):
    heard, began = b"", time.monotonic()
    until = began + patience
    alive = True
    while True:
        wait = (until if after is None or not alive else began + after) - time.monotonic()
        if wait <= 0 or not select.select([reading], [], [], max(0, wait))[0]:
            if not alive or after is None:
                raise AssertionError(f"The work did not end within {patience} seconds.")
            os.kill(pid, signal.SIGKILL)
            alive = False
            continue
        more = os.read(reading, 65536)
        if not more:
            break
        heard += more
    # A line that was cut was not said.
    return time.monotonic() - began, heard.decode().split("\n")[:-1]


def _work(work, writing, at):
    """In the child: never returns."""

    def say(what, one=None):
        os.write(writing, (json.dumps([what, one]) + "\n").encode())  # a short one is written whole or not at all

    code = 1
    try:
        steps = _Steps(at)
        connection.ensure_connection()
        steps.watch()
        work(lambda *one: say("will", list(one)), lambda *one: say("did", list(one)))
        say("steps", steps.count)
        code = 0
    except BaseException:
        say("error", traceback.format_exc()[-3000:])
    finally:
        os._exit(code)


def _wait_for_the_database():
    """PostgreSQL ends what a dead client began a moment later; until then the round is not over."""
    if connection.vendor != "postgresql":
        return
    until = time.monotonic() + 20
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND backend_type = 'client backend'"
            )
            if not cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    raise AssertionError("The database did not let go of a dead client.")


def moments(name, rounds, steps, seconds):
    """Where each round is killed: half of them at a step, spread over all of them; half at any time."""
    dice = random.Random(f"{SEED} {name}")
    at_steps = (rounds + 1) // 2
    for number in range(at_steps):
        yield {"at": 1 + int((number + dice.random()) * steps / at_steps)}
    for _number in range(rounds - at_steps):
        yield {"after": dice.uniform(0, seconds)}
