"""A folder of 20,000 files: progress, cancel, and memory that does not grow with what is in the files."""

import os
import subprocess
import sys

import numpy
import pytest
from CaseMaking import childEnvironment

from Phantom.DicomSeries import writeSeries
from PlanningHubLib.Errors import Cancelled
from PlanningHubLib.Import import importSeries

COUNT, SLICES = 20_000, 40
# One header of a volume's slice takes about 1 kB, whatever its file holds.
MOST_MIB = 50

SCAN = """
import sys
from PlanningHubLib.DicomScan import scanSource

def residentMib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024

scanSource(sys.argv[1] + "/0")
before = residentMib()
series, findings = scanSource(sys.argv[1])
print(sum(one.count for one in series), residentMib() - before)
"""


@pytest.fixture(scope="module")
def aLargeFolder(tmp_path_factory):
    root = tmp_path_factory.mktemp("many")
    writeSeries(root / "0", numpy.zeros((SLICES, 64, 64), numpy.int16), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    files = sorted((root / "0").iterdir())
    for copy in range(1, COUNT // SLICES):
        (root / str(copy)).mkdir()
        for path in files:
            os.link(path, root / str(copy) / path.name)
    return root


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory is read from /proc")
def test_memoryStaysSmall(aLargeFolder):
    done = subprocess.run(
        [sys.executable, "-c", SCAN, str(aLargeFolder)],
        capture_output=True, encoding="utf-8", env=childEnvironment(), check=True,
    )  # fmt: skip
    count, grownMib = map(float, done.stdout.split())
    assert count == COUNT and grownMib < MOST_MIB


def test_progressAndCancel(aLargeFolder, tmp_path):
    fractions = []

    def progress(fraction, text):
        fractions.append(fraction)
        if len(fractions) > 5000:
            assert "of 20000 files" in text
            raise Cancelled()

    with pytest.raises(Cancelled):
        importSeries(aLargeFolder, tmp_path / "case", side="left", progress=progress)
    assert fractions == sorted(fractions) and list(tmp_path.iterdir()) == []
