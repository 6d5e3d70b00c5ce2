"""How long to wait before a store is asked again, and whether it may be asked now."""

import random
import time

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 300.0
# What a store asks for counts up to here: nobody notices one that asks for a year.
MOST_ASKED_SECONDS = 3600.0


def backoffSeconds(failures, asked=0.0, chance=random.random):
    """Return how many seconds to wait after so many failures in a row.

    Exponential with full jitter, so that workstations that failed together do not come back together; never less than
    the store asks for.

    :param asked: seconds that the store asks for (``Answer.waitSeconds``)
    """
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(max(failures, 1) - 1, 30))
    return max(min(asked, MOST_ASKED_SECONDS), longest * chance())


class Breaker:
    """Keeps a store that failed from being asked until its time has come; a store that keeps failing waits longer.

    :param timer: has ``time()``
    """

    def __init__(self, timer=time, chance=random.random):
        self._timer, self._chance = timer, chance
        self._failures = 0
        self.retryAt = 0.0
        self.reason = ""

    @property
    def isOpen(self):
        return self._failures > 0 and self.secondsLeft > 0

    @property
    def secondsLeft(self):
        """Seconds until the store may be asked; after a clock that jumped back never more than a wait can be."""
        left = self.retryAt - self._timer.time()
        return left if 0 < left <= MOST_ASKED_SECONDS else 0.0

    def failed(self, reason, asked=0.0):
        self._failures += 1
        self.reason = reason
        self.retryAt = self._timer.time() + backoffSeconds(self._failures, asked, self._chance)

    def succeeded(self):
        self._failures, self.reason, self.retryAt = 0, "", 0.0
