"""``python -m Benchmarks``: one table of every step on a large CT, with its memory and the fastest peer's time."""

import argparse
import contextlib
import importlib.metadata
import multiprocessing
import os
import platform
import shutil
import sys
import time
from pathlib import Path

from . import Steps
from .Series import LARGE, SMALL, benchSeries
from .Timing import Row

VERSIONS = ("slicer-core", "vtk", "SimpleITK", "numpy", "scipy", "pydicom", "highdicom", "manifold3d", "lib3mf")
HEAD = f"{'step':<28}{'ours, s':>9}{'MB':>7}  {'peer':<32}{'peer, s':>9}{'ratio':>7}"


def main(arguments=None):
    """Print the table; return 0, or 1 where a step failed."""
    options = _parser().parse_args(arguments)
    folder = Path(options.out) / ("small" if options.small else "large")
    # The bench makes cases: their keys and settings are not the user's.
    os.environ["PLANNINGHUB_HOME"] = str((Path(options.out) / "home").resolve())
    series, origin = benchSeries(folder, SMALL if options.small else LARGE)
    run = folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    print(_introduction(origin, options.repeats), flush=True)
    started, failures = time.monotonic(), 0
    for group in Steps.GROUPS:
        for row in _inOwnProcess(group, series, run, options.repeats):
            print("\n".join(lines(row)), flush=True)
            failures += row.failed
    print(f"{time.monotonic() - started:.0f} s in all. A ratio below 1 means that ours is faster.")
    return 1 if failures else 0


def _parser():
    parser = argparse.ArgumentParser(prog="python -m Benchmarks", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a CT of 256 x 256 x 108, to try it out")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each function that takes less than 10 s")
    parser.add_argument("--out", default="bench-output", help="folder for the series, which is kept")
    return parser


def _inOwnProcess(group, series, run, repeats):
    """Yield a group's rows from a fresh process, so that no group's memory or caches help or hinder another."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=Steps.sendRows, args=(sending, group, series, run, repeats))
    process.start()
    # Else the end of the process would not end the pipe.
    sending.close()
    with contextlib.suppress(EOFError):
        while True:
            yield receiving.recv()
    process.join()
    if process.exitcode:
        yield Row(group, None, note=f"failed: its process ended with {process.exitcode}", failed=True)


def _introduction(origin, repeats):
    versions = ", ".join(f"{name} {_version(name)}" for name in VERSIONS)
    return (
        f"{os.cpu_count()} cores, {platform.machine()} {platform.system()}, Python {platform.python_version()}\n"
        f"{versions}\n"
        f"CT: {origin}\n"
        f"Medians of {repeats} alternated runs (1 where one takes over 10 s), each group of steps in a process of its\n"
        "own, files in the system's cache. MB: highest memory of a command; for a step, what it needs on top of its "
        "input.\n"
        f"\n{HEAD}\n{'-' * len(HEAD)}"
    )


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def lines(row):
    """Return a row as the lines of the table: ours with the fastest peer, the other peers below, then the note."""
    seconds = "-" if row.seconds is None else f"{row.seconds:.3f}"
    memory = "-" if row.peakMb is None else f"{row.peakMb:.0f}"
    first = f"{row.step:<28}{seconds:>9}{memory:>7}  "
    peers = [f"{name:<32}{peer:>9.3f}{row.seconds / peer:>7.2f}" for name, peer in row.peers]
    result = [first + (peers[0] if peers else "")]
    result += [" " * len(first) + peer for peer in peers[1:]]
    return [line.rstrip() for line in result] + ([f"    {row.note}"] if row.note else [])


if __name__ == "__main__":
    sys.exit(main())
