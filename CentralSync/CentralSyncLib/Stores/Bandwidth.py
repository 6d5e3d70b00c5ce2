"""A limit on what is sent per second, over all connections to one store."""

import threading
import time

# As much may leave at once after a pause; a chunk that is larger leaves too, and what follows waits for it.
BURST_SECONDS = 0.5
POLL_SECONDS = 0.2


class Bandwidth:
    """A token bucket: each byte costs a token, and tokens come back at the allowed rate. Safe for several threads.

    :param bytesPerSecond: the rate, or None for no limit
    :param timer: has ``monotonic()`` and ``sleep(seconds)``
    """

    def __init__(self, bytesPerSecond, timer=time):
        self._rate, self._timer = bytesPerSecond, timer
        self._lock = threading.Lock()
        self._tokens = (bytesPerSecond or 0) * BURST_SECONDS
        self._filled = timer.monotonic()

    def take(self, count, whileWaiting=lambda: None):
        """Wait until so many bytes may leave.

        :param whileWaiting: called again and again; may raise
        """
        if not self._rate:
            return
        with self._lock:
            now = self._timer.monotonic()
            burst = self._rate * BURST_SECONDS
            self._tokens = min(burst, self._tokens + (now - self._filled) * self._rate) - count
            self._filled = now
            # Below zero: others have borrowed already, and this one waits until its own bytes are paid.
            wait = -self._tokens / self._rate
        while wait > 0:
            whileWaiting()
            self._timer.sleep(min(wait, POLL_SECONDS))
            wait -= POLL_SECONDS
