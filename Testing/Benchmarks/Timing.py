"""Timing our function and its peers in turns, with the memory that each took."""

import contextlib
import dataclasses
import gc
import importlib
import statistics
import time
from pathlib import Path

# What takes longer is run once.
SLOW_SECONDS = 10.0
_STATUS = Path("/proc/self/status")
_RESET_PEAK = Path("/proc/self/clear_refs")


@dataclasses.dataclass(frozen=True)
class Row:
    """One step of the table: median seconds, highest memory while it ran in MB (None where not measured), peers.

    :param peers: (name, median seconds) of each peer that could be run, fastest first
    :param note: what a reader has to know
    """

    step: str
    seconds: float | None
    peakMb: float | None = None
    peers: tuple = ()
    note: str = ""
    failed: bool = False

    @property
    def ratio(self):
        """Our time as a multiple of the fastest peer's, or None without one."""
        return self.seconds / self.peers[0][1] if self.peers and self.seconds else None


def imported(*modules):
    """Import what steps and peers import when they run, so that the first run does not pay for it."""
    for module in modules:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)


def timed(function):
    """Run a function; return its seconds and the memory in MB that was needed on top, its result included."""
    gc.collect()
    before = _startPeak()
    start = time.perf_counter()
    result = function()
    seconds = time.perf_counter() - start
    del result
    return seconds, None if before is None else max(0.0, _memoryMb("VmHWM") - before)


def compared(ours, peers, repeats=3, note="", measure=timed):
    """Time our functions and the peers' in turns and return a row for each of ours, all with the same peers.

    :param ours: step → function without arguments
    :param peers: name → function without arguments; one that raises ImportError is not installed and left out
    :param measure: what runs a function and returns (seconds, MB or None)
    """
    runs, missing = {}, []
    for _repeat in range(repeats):
        for name, function in {**ours, **peers}.items():
            if name in missing or runs.get(name, [(0, 0)])[0][0] > SLOW_SECONDS:
                continue
            try:
                runs.setdefault(name, []).append(measure(function))
            except ImportError:
                runs.pop(name)
                missing.append(name)
    medians = {name: statistics.median(seconds for seconds, _peak in times) for name, times in runs.items()}
    ranked = tuple(sorted(((name, medians[name]) for name in peers if name in medians), key=lambda peer: peer[1]))
    notes = "; ".join([note] * bool(note) + [f"not installed: {name}" for name in missing])
    return [Row(step, medians[step], _peak(runs[step]), ranked, notes) for step in ours]


def _peak(runs):
    # The first run pays for what is loaded and kept.
    peaks = [peak for _seconds, peak in runs[1:] or runs if peak is not None]
    return max(peaks, default=None)


def _startPeak():
    """Make the process's highest memory start anew; return the present one in MB (None where this is unknown)."""
    with contextlib.suppress(OSError):
        _RESET_PEAK.write_text("5")
        return _memoryMb("VmRSS")
    return None


def _memoryMb(key):
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key + ":"))
    return int(line.split()[1]) / 1000
