"""The offset of a real skull keeps the tolerance of 0.5 mm on the voxels that a whole skull gets."""

import sys
from pathlib import Path

import numpy
import pytest
import SimpleITK
from StepMaking import carriedOut, workOf

from PlanningHubLib.Shapes import Surface
from PrintPrepLib.Proof import Accuracy
from PrintPrepLib.Proof.Tolerance import Tolerance
from PrintPrepLib.Simplification import Simplify
from PrintPrepLib.Steps import Offsetting

TOLERANCE = Tolerance(0.5, "the test")
# Of the whole skull and the offset on both sides of it, by which the grid's voxel is chosen; mm.
SKULL_MM = (142.0, 200.0, 158.0)


@pytest.fixture(scope="module")
def aFace(request):
    """The lower front of the skull, thin walls and teeth: its fine surface, and the part simplified to 0.25 mm."""
    sys.path.insert(0, str(Path(__file__).parents[3] / "PlanningHub" / "Testing" / "Python"))
    request.addfinalizer(lambda: sys.path.pop(0))
    from RealData import dataFolder

    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(dataFolder("ct_skull_defect")))
    image = SimpleITK.ReadImage(names)
    bone = (image >= 300)[78:148, 32:102, 0:30]
    mask = SimpleITK.GetArrayFromImage(SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(bone)) == 1)
    fine = Surface.maskSurface(mask, numpy.diag([*image.GetSpacing(), 1.0])).mesh
    return fine, Simplify.simplified(fine, 0.25).mesh


def moved(aFace, offsetMm, monkeypatch):
    """Return the work after an offset on the whole skull's voxels."""
    fine, simple = aFace
    voxelMm = (numpy.prod(SKULL_MM) / Offsetting.MOST_VOXELS) ** (1 / 3)
    assert voxelMm > 2 * Offsetting.FINEST_MM, "coarser than a small part's"
    monkeypatch.setattr(Offsetting, "FINEST_MM", voxelMm)
    work = workOf(simple)
    work.surface = fine
    carriedOut(work, "offset", offsetMm=offsetMm)
    assert work.facts["offset"]["voxelMm"] == pytest.approx(voxelMm, abs=0.001)
    return work


@pytest.mark.slow
def test_offsetOfARealSkullIsWithinItsTolerance(aFace, monkeypatch):
    work = moved(aFace, 1.0, monkeypatch)
    facts = Accuracy.prove(work, TOLERANCE).facts
    assert facts["verdict"] == "within" and facts["maximumMm"] <= 0.5 and facts["measuredPercent"] > 90
    work.offsetMm = 1.6
    assert Accuracy.prove(work, TOLERANCE).facts["verdict"] != "within", "0.6 mm more was asked for"
