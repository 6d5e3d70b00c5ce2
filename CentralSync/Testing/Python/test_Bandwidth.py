"""The limit on what is sent per second."""

import pytest

from CentralSyncLib.Stores.Bandwidth import BURST_SECONDS, Bandwidth


class Timer:
    """A clock that goes only when somebody sleeps."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def test_moreThanTheRateWaits_andABurstDoesNot():
    timer = Timer()
    bandwidth = Bandwidth(1000, timer)
    bandwidth.take(int(1000 * BURST_SECONDS))
    assert timer.now == 1000.0
    for _chunk in range(20):
        bandwidth.take(1000)
    assert timer.now == pytest.approx(1020.0)


def test_whatWasNotUsedIsNotSavedUp():
    timer = Timer()
    bandwidth = Bandwidth(1000, timer)
    timer.now += 3600
    bandwidth.take(5000)
    assert timer.now == pytest.approx(1000 + 3600 + 5 - BURST_SECONDS)


def test_withoutALimitNothingWaits():
    timer = Timer()
    Bandwidth(None, timer).take(1 << 40)
    assert timer.now == 1000.0


def test_whoCancelsDoesNotWait():
    def cancelled():
        raise InterruptedError()

    timer = Timer()
    with pytest.raises(InterruptedError):
        Bandwidth(10, timer).take(10_000, cancelled)
    assert timer.now == 1000.0
