"""The limit on what is sent per second."""

import pytest
from Clocks import LeapingClock

from CentralSyncLib.Stores.Bandwidth import BURST_SECONDS, Bandwidth


def test_moreThanTheRateWaits_andABurstDoesNot():
    timer = LeapingClock()
    begin = timer.now
    bandwidth = Bandwidth(1000, timer)
    bandwidth.take(int(1000 * BURST_SECONDS))
    assert timer.now == begin
    for _chunk in range(20):
        bandwidth.take(1000)
    assert timer.now == pytest.approx(begin + 20)


def test_whatWasNotUsedIsNotSavedUp():
    timer = LeapingClock()
    bandwidth = Bandwidth(1000, timer)
    timer.now += 3600
    begin = timer.now
    bandwidth.take(5000)
    assert timer.now == pytest.approx(begin + 5 - BURST_SECONDS)


def test_withoutALimitNothingWaits():
    timer = LeapingClock()
    begin = timer.now
    Bandwidth(None, timer).take(1 << 40)
    assert timer.now == begin


def test_whoCancelsDoesNotWait():
    def cancelled():
        raise InterruptedError()

    timer = LeapingClock()
    begin = timer.now
    with pytest.raises(InterruptedError):
        Bandwidth(10, timer).take(10_000, cancelled)
    assert timer.now == begin
