"""The groups of steps that are timed, in the order of the chain."""

import traceback

from . import benchCommand, benchMany, benchPackage, benchPackageWhole, benchPrint, benchSegment, benchSync
from .Timing import Row


def _commands(series, run, repeats):
    return benchCommand.rows(series, run)


def _segment(series, run, repeats):
    return benchSegment.rows(series, repeats)


def _part(series, run, repeats):
    return benchPrint.rows(benchCommand.artefactFiles(run / "case", "segmentation")[0], repeats)


def _package(series, run, repeats):
    source = benchCommand.artefactFiles(run / "case", "source")
    stl = next(path for path in benchCommand.artefactFiles(run / "case", "part") if path.suffix == ".stl")
    return benchPackage.rows(source, benchSegment.boneMask(source), stl.read_bytes(), repeats)


def _wholePackage(series, run, repeats):
    return benchPackageWhole.rows(run / "case", repeats)


def _sync(series, run, repeats):
    return benchSync.rows(sorted(series.iterdir()), repeats)


def _many(series, run, repeats):
    return benchMany.rows(series, run, repeats)


# The commands come first: the later groups work on the case that they leave.
GROUPS = {
    "commands": _commands, "segment": _segment, "part": _part, "package": _package, "whole package": _wholePackage,
    "sync": _sync, "many": _many,
}  # fmt: skip


def groupRows(group, series, run, repeats):
    """Yield a group's rows; where it fails, those up to there and one that says why."""
    try:
        yield from GROUPS[group](series, run, repeats)
    except Exception as error:
        traceback.print_exc()
        yield Row(group, None, note=f"failed: {type(error).__name__}: {error}", failed=True)


def sendRows(connection, group, series, run, repeats):
    """Send a group's rows from its own process, each as soon as it is known."""
    for row in groupRows(group, series, run, repeats):
        connection.send(row)
