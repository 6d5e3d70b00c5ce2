"""Clocks for tests of what waits: time goes only when somebody sleeps."""


class LeapingClock:
    """Has ``time``, ``monotonic`` and ``sleep`` as the module ``time``; a sleep leaps by ``leap`` seconds at least."""

    def __init__(self, leap=0.0):
        self.now = 1_800_000_000.0
        self.leap = leap

    def time(self):
        return self.now

    monotonic = time

    def sleep(self, seconds):
        assert seconds > 0
        self.now += max(seconds, self.leap)
