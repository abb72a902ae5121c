"""What a reader's question leaves behind is put down afterwards, by a thread of its own: nobody waits for a writer."""

import logging
import threading
import time
from collections import deque
from contextlib import suppress

from django.db import DatabaseError, InterfaceError, connection, transaction

from portal import databases
from portal.listening import actions

PAUSE = 1.0  # seconds between two times of writing
MOST = 500  # searches that wait; of more the oldest are forgotten

logger = logging.getLogger(__name__)


class Later:
    def __init__(self):
        self._waiting = deque(maxlen=MOST)
        self._something = threading.Event()
        self._running = False

    def start(self) -> None:
        """From now on a thread of this process writes. A process that dies takes a second of searches with it."""
        self._running = True
        threading.Thread(target=self._run, name="later", daemon=True).start()

    def searched_in_vain(self, words: str, language: str) -> None:
        """Never raises: a reader's answer does not depend on it."""
        self._waiting.append((words, language))
        self._something.set()
        if not self._running:
            self.put_down()

    def put_down(self) -> None:
        try:
            with databases.writing(), transaction.atomic(), suppress(IndexError):  # until none is left
                while True:
                    actions.searched_in_vain(*self._waiting.popleft())
        except (DatabaseError, InterfaceError):  # away, or held by somebody for long: these are forgotten
            logger.debug("Searches could not be put down.", exc_info=True)

    def _run(self):
        while True:
            self._something.wait()
            self._something.clear()
            self.put_down()
            connection.close()
            time.sleep(PAUSE)


later = Later()
