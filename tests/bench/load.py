"""Load on a server, from one process: as fast as so many readers can, or at a rate that waits for nobody.

At a rate, a request's time is counted from the moment it was to be sent: a server that stands still is not spared the
requests it would have kept waiting (no coordinated omission). wrk has no such mode, and wrk2 is in no distribution.
"""

import random
import re
import selectors
import socket
import time
from collections import deque
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


@dataclass
class Result:
    rate: float  # answers a second
    seconds: list[float]  # each answer's time, sorted
    kinds: dict[str, list[float]]  # the same by kind of request
    wrong: int  # answers that were no 200

    def percentile(self, share: float) -> float:
        """In milliseconds."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * share))] * 1000 if self.seconds else 0.0


class _Line:
    """One reader's connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.got, self.wanted, self.kind, self.since = b"", None, "", 0.0

    def ask(self, kind, path, since):
        self.kind, self.since, self.got, self.wanted = kind, since, b"", None
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\n\r\n".encode("latin-1")
        )

    def hear(self) -> int | None:
        """The status, once all of the answer is here."""
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("the server closed a connection in the middle")
        self.got += piece
        if self.wanted is None:
            end = self.got.find(b"\r\n\r\n")
            if end < 0:
                return None
            self.wanted = end + 4 + int(_LENGTH.search(self.got, 0, end + 2)[1])
        return int(self.got[9:12]) if len(self.got) >= self.wanted else None


def as_fast_as_possible(port: int, requests, seconds: float, readers: int = 16) -> Result:
    """`requests` gives (kind, path) for ever. Each reader asks again when answered."""
    return _run(port, requests, seconds, readers, None)


def at_rate(port: int, requests, seconds: float, rate: float, readers: int = 64) -> Result:
    """Requests arrive by chance, so many a second on average, whether or not earlier ones were answered."""
    return _run(port, requests, seconds, readers, rate)


def _run(port, requests, seconds, readers, rate):
    dice = random.Random(7)
    lines = [_Line(port) for _n in range(readers)]
    idle, waiting, kinds, wrong = deque(lines), deque(), {}, 0
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line.socket, selectors.EVENT_READ, line)
        begun = now = time.perf_counter()
        end, due = begun + seconds, begun
        while now < end or len(idle) < readers or waiting:
            if rate is None:
                while idle and now < end:
                    idle.popleft().ask(*next(requests), now)
            else:
                while due <= now and due < end:
                    waiting.append((*next(requests), due))
                    due += dice.expovariate(rate)
                while waiting and idle:
                    idle.popleft().ask(*waiting.popleft())
            pause = max(0.0, min(due, end) - now) if rate is not None and now < end else 0.2
            for key, _mask in selector.select(pause):
                line = key.data
                if (status := line.hear()) is not None:
                    kinds.setdefault(line.kind, []).append(time.perf_counter() - line.since)
                    wrong += status != 200
                    idle.append(line)
            now = time.perf_counter()
    for line in lines:
        line.socket.close()
    every = sorted(taken for of_kind in kinds.values() for taken in of_kind)
    kinds = {kind: sorted(taken) for kind, taken in kinds.items()}
    return Result(len(every) / (now - begun), every, kinds, wrong)
