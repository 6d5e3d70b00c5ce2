"""Several requests at a time, with progress and cancel on the caller's own thread."""

import concurrent.futures
import contextlib
import queue
import threading

from .CentralStore import UNREACHED, Answer

POLL_SECONDS = 0.2
# Nothing that is tried again right away would end otherwise.
CERTAIN = ("store-unreachable", "store-untrusted", "association-refused")


class Stopped(Exception):
    """Somebody cancelled; what still runs gives up."""


class Breaker:
    """Stops asking a store that has failed several times in a row, so that a dead store costs a minute, not an hour."""

    def __init__(self, limit=3):
        self._limit = limit
        self._failures = 0
        self._stopped = threading.Event()
        self.reason = ""
        self.waitSeconds = 0.0

    @property
    def isOpen(self):
        return self._failures >= self._limit

    def failed(self, reason, certain=False, waitSeconds=0.0):
        """Count a failure; a ``certain`` one (nobody listens) counts for all.

        :param waitSeconds: how long the store asks to be left alone
        """
        self.reason = reason
        self.waitSeconds = max(self.waitSeconds, waitSeconds)
        self._failures += self._limit if certain else 1

    def succeeded(self):
        if not self.isOpen:
            self._failures = 0

    def stop(self):
        self._stopped.set()

    def raiseIfStopped(self):
        if self._stopped.is_set():
            raise Stopped()


def tripped(breaker, error):
    """Count a store's failure; return the :class:`Answer` for what it concerned."""
    waitSeconds = getattr(error, "waitSeconds", 0.0)
    # A store that asks to be left alone is left alone.
    breaker.failed(str(error), waitSeconds > 0 or error.code in CERTAIN, waitSeconds)
    return Answer(UNREACHED, str(error), waitSeconds)


def runAll(jobs, work, connections, progress, text, breaker=None):
    """Return ``[work(job), ...]`` in the order of the jobs, ``connections`` at a time.

    ``progress`` is called here, also while nothing moves; when it raises (``Cancelled``) nothing further is started,
    what runs is told through ``breaker.stop`` and not waited for, and the exception passes through.
    """
    jobs = list(jobs)
    executor = concurrent.futures.ThreadPoolExecutor(max_workers=connections)
    try:
        progress(0.0, text)
        futures = [executor.submit(work, job) for job in jobs]
        ended = queue.SimpleQueue()
        for future in futures:
            # Each tells its end once: to wait for all that are left, again and again, is quadratic.
            future.add_done_callback(ended.put)
        left = len(futures)
        while left:
            with contextlib.suppress(queue.Empty):
                ended.get(timeout=POLL_SECONDS).result()
                left -= 1
            progress(1 - left / len(jobs), text)
        return [future.result() for future in futures]
    except BaseException:
        if breaker:
            breaker.stop()
        raise
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
