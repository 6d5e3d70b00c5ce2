"""Times of what grows with a hospital: folders of 20,000 files, lists of 10,000 cases."""

import os
import shutil
from pathlib import Path

from PlanningHubLib.CaseFormat import FILE_NAME
from PlanningHubLib.CaseList import findCases, listCases
from PlanningHubLib.DicomScan import scanSource

from .benchSegment import scanners
from .Timing import compared

FILES, CASES = 20_000, 10_000


def rows(series, run, repeats=3, files=FILES, cases=CASES):
    """Yield the rows of a large folder's scan and of a long case list.

    :param series: folder of one CT series
    :param run: folder whose ``case`` is a case
    """
    many, list_ = Path(run) / "many", Path(run) / "cases"
    copies = linkedCopies(Path(series), many, files)
    peers = {name: scan for name, scan in scanners(many).items() if name in ("GDCM scanner", "pydicom, 4 tags")}
    note = f"{copies} folders of one series, one level deep"
    yield from compared({f"header scan, {files:,} files": lambda: scanSource(many)}, peers, repeats, note)
    shutil.rmtree(many)
    copiedCases(Path(run) / "case", list_, cases)
    # The first listing reads every case; the others what it has kept.
    yield from compared({f"case list, first, {cases:,}": lambda: listCases(list_)}, {}, 1)
    listing = {
        f"case list, {cases:,}": lambda: listCases(list_),
        "found and sorted": lambda: findCases(listCases(list_), "left", "surgeryDate"),
    }
    yield from compared(listing, {}, repeats)
    shutil.rmtree(list_)


def linkedCopies(series, folder, files):
    """Fill a folder with sub-folders of links to a series' files, at least ``files`` in all; return how many."""
    paths = sorted(series.iterdir())
    copies = -(-files // len(paths))
    for number in range(copies):
        place = folder / f"{number:04}"
        place.mkdir(parents=True)
        for path in paths:
            os.link(path, place / path.name)
    return copies


def copiedCases(case, folder, count):
    """Fill a folder with copies of what the list reads of a case."""
    text = (case / FILE_NAME).read_bytes()
    for number in range(count):
        place = folder / f"case-{number:05}"
        place.mkdir(parents=True)
        (place / FILE_NAME).write_bytes(text)
