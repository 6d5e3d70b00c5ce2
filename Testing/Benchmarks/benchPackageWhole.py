"""Time of the whole operating-room package beside the sum of the bare library calls that write the same objects."""

import contextlib
import dataclasses
import datetime
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from ORExportLib import Package
from ORExportLib.Content import Content
from ORExportLib.Dicom.DerivedObject import Making
from ORExportLib.Inputs import requireInputs
from ORExportLib.Manifest import FILE_NAME, readManifest
from PlanningHubLib.Case import Case
from PlanningHubLib.Pictures import PicturesUnavailable, requireRendering
from PlanningHubLib.Session import Session

from .BarePackage import BarePackage, givenOf
from .PlannedCase import planThePart
from .Shares import Shares, cpuSeconds
from .Timing import SLOW_SECONDS, Row, imported

PEER = "sum of bare library calls"
IN_THE_SUM = (
    "in the sum, each once: SimpleITK load, headers and segmentation; vtkFlyingEdges3D + vtkWindowedSinc; "
    "fast-simplification to our counts; highdicom SEG, SR, KOS, SC; pydicom STL, OBJ, MTL, PDF, derived CT; VTK "
    "pictures of the simplified bone; reportlab; trimesh GLB; usd-core; Slicer's scene as mrb; vtkSTLWriter; the "
    "viewer's page; SHA-256. Not in it: hashing the case, gate, distances of simplified surfaces, reading and hashing "
    "the written package again"
)
IMPORTED = (
    "highdicom", "pydicom.sr.codedict", "reportlab.platypus", "trimesh", "pxr.UsdUtils", "fast_simplification", "igl",
    "segno", "PIL.ImageCms",
)  # fmt: skip
GATHERED = ("source", "volumeNode", "segmentationNode", "segments", "bodies", "measurements")


@dataclasses.dataclass(frozen=True)
class Taken:
    """What one run took: seconds of the clock, of the processors, and these by their share; SOP Classes it wrote."""

    seconds: float
    cpu: float
    shares: Shares
    sopClasses: Counter


def rows(caseFolder, repeats=1):
    """Yield a row of the clock's seconds and one of the processors', which other work on the machine alters less.

    :param caseFolder: of a case with source, segmentation and part, which is left as it is
    """
    try:
        requireRendering()
    except PicturesUnavailable as error:
        yield Row("whole package", None, note=f"not timed: {error}")
        return
    imported(*IMPORTED)
    with tempfile.TemporaryDirectory(dir=Path(caseFolder).parent) as folder, Session.start() as session:
        planned = Path(folder) / "case"
        shutil.copytree(caseFolder, planned)
        with Case.open(planned, writable=True) as case:
            planThePart(case, session)
            given = _given(case, session)
            runs = []
            while len(runs) < repeats and not (runs and runs[0][0].seconds > SLOW_SECONDS):
                runs.append((_ours(case, session), _bare(given, session, Path(folder) / f"bare-{len(runs)}")))
    yield from _rows(*_middle(runs))


def _middle(runs):
    """Return the run whose ratio is the median."""
    return sorted(runs, key=lambda run: run[0].cpu / run[1].cpu)[len(runs) // 2]


def _rows(ours, bare):
    if ours.sopClasses != bare.sopClasses:
        raise RuntimeError(f"The peer writes other objects: {bare.sopClasses} instead of {ours.sopClasses}.")
    yield Row("whole package", ours.seconds, None, ((PEER, bare.seconds),), IN_THE_SUM)
    note = f"ours: {ours.shares.text(ours.cpu)}\n    bare: {bare.shares.text(bare.cpu)}"
    yield Row("whole package, processors", ours.cpu, None, ((PEER, bare.cpu),), note)


def _given(case, session):
    making = Making(case.name, datetime.datetime.now(datetime.UTC), {"Planning Hub": "bench"})
    with Content(case, session, requireInputs(case), making) as content:
        return givenOf(content)


def _taken(shares, function, sopClassesOf):
    cpu, start = cpuSeconds(), time.perf_counter()
    result = function()
    return Taken(time.perf_counter() - start, cpuSeconds() - cpu, shares, Counter(sopClassesOf(result)))


def _ours(case, session):
    shares = Shares()
    with _counting(shares):
        return _taken(shares, lambda: Package.makePackage(case, session), lambda made: _sopClasses(case, made))


def _sopClasses(case, package):
    files = readManifest(case.path(package, FILE_NAME).parent)["files"]
    return [one["sopClassUid"] for one in files if "sopClassUid" in one]


def _bare(given, session, folder):
    shares = Shares()
    try:
        return _taken(shares, BarePackage(given, session, folder, shares).write, lambda made: made)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _counting(shares):
    """Count the package's parts; what all of them need is gathered first, so that no part pays for the others."""

    def gather(content, _writer, _progress):
        for name in GATHERED:
            with shares.of(name):
                getattr(content, name)

    contributors = [(SimpleNamespace(write=gather), 1, None)]
    for module, share, name in Package.CONTRIBUTORS:
        counted = shares.counted(module.__name__.rpartition(".")[2], module.write)
        contributors.append((SimpleNamespace(write=counted), share, name))
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(Package, "CONTRIBUTORS", tuple(contributors)))
        for place, name, word in ((Package, "requireInputs", "inputs"), (Package.Verify, "requireWhole", "verify")):
            stack.enter_context(mock.patch.object(place, name, shares.counted(word, getattr(place, name))))
        yield
