"""A replica of the database for readers: used while it has all that the primary is known to have said.

Why no answer is older for it: docs/decisions.md, 72.
"""

import logging
import time

from portal import databases
from portal.front import FRESH, STAY_UP, Watch
from portal.publishing import reading

logger = logging.getLogger(__name__)

BEHIND = 1.0  # seconds; who is behind for longer is told of in the log


class Follower(Watch):
    """The watch over the replica."""

    SAYS_AWAY = "The replica does not answer. Readers are answered from the primary."
    SAYS_BACK = "The replica answers again."

    def __init__(self, primary: Watch):
        super().__init__(databases.REPLICA)
        self.primary = primary
        self.behind = False  # for longer than BEHIND, or away
        self._reached: reading.Act | None = None  # an end of the primary's log that is known to have come here
        self._all_at = time.monotonic()
        primary.on_change.append(self._wanted.set)

    def has_all(self) -> bool:
        """Whether readers may be answered from it now."""
        reached, primary, now = self._reached, self.primary, time.monotonic()
        if reached is None or reached != primary.act or self.away() or now - self.looked_at > FRESH:
            return False
        # Nobody knows what a primary that is away for long has withdrawn elsewhere.
        return now - primary.looked_at <= (STAY_UP if primary.away() else FRESH)

    def doubt(self) -> bool:
        self._reached = None  # until its next look
        return True

    def look(self):
        super().look()
        if self._reached is not None and self._reached == self.primary.act and not self.failing:
            self._all_at = time.monotonic()
            if self.behind:
                logger.error("The replica has caught up. Readers are answered from it.")
            self.behind = False
        elif not self.behind and time.monotonic() - self._all_at > BEHIND:
            logger.error("The replica is behind. Readers are answered from the primary.")
            self.behind = True

    def _read(self):
        known = self.primary.act
        found = super()._read()
        with databases.reading_from(self.database):
            self._reached = known if known is not None and reading.came_after(known, found[0]) else None
        return found
