"""Small cases and series for the tests, and what lies in a folder."""

import contextlib
import json
import os
import sys
from pathlib import Path

import numpy

from Phantom.DicomSeries import writeSeries
from PlanningHubLib.Case import Case

PATIENT_CODE = "5a" * 32
OTHER_CODE = "a5" * 32
SPACING_MM = (0.8, 0.6, 1.5)
ORIGIN_LPS = (-31.0, 22.5, -410.25)
FULL_DISK_BYTES = 600_000
BONE_HU, SOFT_HU, AIR_HU = 900, 40, -1000
# Fault of Phantom.Faults → the code that it is refused with.
FAULT_CODES = {
    "twoPatients": "two-patients",
    "missingSlice": "missing-slice",
    "truncatedSlice": "truncated-slice",
    "duplicateSlice": "duplicate-slice",
    "nonUniformSpacing": "non-uniform-spacing",
    "gantryTilt": "gantry-tilt",
    "twoFramesOfReference": "two-frames-of-reference",
    "twoPixelSpacings": "two-pixel-spacings",
    "twoOrientations": "two-orientations",
    "noPosition": "no-position",
    "nonUnitOrientation": "bad-orientation",
    "zeroSpacing": "zero-spacing",
    "singleSlice": "single-slice",
    "noRescale": "no-rescale",
    "textFile": "no-dicom",
    "emptyFolder": "no-dicom",
}


def asymmetricVoxels(shape=(6, 20, 24)):
    """Soft tissue in air with a bone that no mirror image or turn maps onto itself; array (slices, rows, columns)."""
    voxels = numpy.full(shape, AIR_HU, numpy.int16)
    voxels[:, 2:-2, 2:-2] = SOFT_HU
    voxels[1:5, 4:14, 5:8] = BONE_HU
    voxels[1:3, 4:6, 5:17] = BONE_HU
    voxels[4, 10:14, 5:11] = BONE_HU
    return voxels


def writeSmallSeries(folder, voxels=None, **series):
    """Write a small CT series with shuffled file names; return its paths in order of position."""
    voxels = asymmetricVoxels() if voxels is None else voxels
    return writeSeries(Path(folder), voxels, SPACING_MM, ORIGIN_LPS, **series)


def writeSite(home, **settings):
    """Write a site configuration without users."""
    home.mkdir(parents=True, exist_ok=True)
    values = {"format": "planninghub-site", "version": 1, "users": [], "approvals": [], **settings}
    (home / "site.json").write_text(json.dumps(values))
    (home / "site.json").chmod(0o644)


def commit(case, kind, content=b"first", parents=(), name="content.bin", **facts):
    """Commit an artefact of one file in a folder and one beside it; return the artefact."""
    with case.staging(kind) as stage:
        (stage.folder / "below").mkdir()
        (stage.folder / "below" / name).write_bytes(content)
        (stage.folder / "note.txt").write_text(kind)
        return stage.commit(parents=parents, facts=facts, parameters={"of": kind}, software={"Tests": "1"})


def commitChain(case, content=b"first"):
    """Commit source, segmentation, part, package and receipt, each made from the one before; return them by kind."""
    made, parents = {}, []
    for kind in ("source", "segmentation", "part", "package", "receipt"):
        made[kind] = commit(case, kind, kind.encode() + content, parents)
        parents = [made[kind]]
    return made


@contextlib.contextmanager
def newCase(folder, **facts):
    with Case.create(folder, PATIENT_CODE, **facts) as case:
        yield case


def tree(folder, ignoring=(".lock", ".holder")):
    """Return what lies below a folder: relative path → bytes of a file, None for a folder."""
    folder = Path(folder)
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.name not in ignoring
    }


def childEnvironment(**changes):
    """Return the environment for a child process that imports what this one can."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **changes}


def rejections(findings):
    """Return the codes of the rejecting findings."""
    return [finding.code for finding in findings if finding.severity == "reject"]
