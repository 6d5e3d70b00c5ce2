"""The print step on a case: a part of the right bone, on the right side, or nothing."""

import os
from pathlib import Path

import numpy
import pytest
import slicer
from PartMaking import (
    RAS_TO_LPS,
    asymmetricMask,
    ballMask,
    centroidOfMaskLps,
    obliqueMatrix,
    readByLib3mf,
    readByTrimesh,
)

from PlanningHubLib import Segments
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused
from PlanningHubLib.Segmentation import FILE_NAME
from PlanningHubLib.Session import Session
from PlanningHubLib.Shapes import Surface
from PrintPrepLib import Part
from PrintPrepLib.Recipe import newRecipe

# What every part holds under the same name.
ALWAYS = ("accuracy.png", "accuracy.vtp", "recipe.json")


@pytest.fixture(autouse=True)
def ownHome(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))


@pytest.fixture
def aSession():
    with Session.start() as session:
        yield session


@pytest.fixture
def aCase(tmp_path):
    with Case.create(tmp_path / "case", "5a" * 32, side="left") as case:
        yield case


def addSegmentation(case, session, mask, matrix):
    """Commit a source and a segmentation as the steps before the print step do."""
    with case.staging("source") as stage:
        (stage.folder / "source.bin").write_bytes(b"stands in for a series")
        source = stage.commit()
    vtkMatrix = slicer.util.vtkMatrixFromArray(matrix)
    node = Segments.addSegmentation(session, None, "bone")
    segmentId = Segments.addSegment(node, mask, vtkMatrix, "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
    with case.staging("segmentation") as stage:
        Segments.saveNode(session, node, stage.folder / FILE_NAME)
        stage.commit(parents=[source], facts={"segment": segmentId})
    session.scene.RemoveNode(node)


def filesBelow(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("mirrored", [False, True], ids=["right-handed", "left-handed"])
def test_partLiesWhereTheSegmentationLies(aCase, aSession, mirrored):
    matrix = obliqueMatrix(mirrored=mirrored)
    addSegmentation(aCase, aSession, asymmetricMask(), matrix)
    part = Part.makePart(aCase, aSession, newRecipe(maximumDeviationMm=0.1))
    name = f"{aCase.name}_bone_left_part-1.1"
    assert sorted(part.files) == sorted([f"{name}.3mf", f"{name}.stl", *ALWAYS])
    for extension in ("stl", "3mf"):
        seen = readByTrimesh(aCase.path(part, f"{name}.{extension}").read_bytes(), extension)
        assert seen.is_watertight and seen.is_winding_consistent
        assert seen.center_mass == pytest.approx(centroidOfMaskLps(asymmetricMask(), matrix), abs=0.1)
        assert seen.volume / 1000 == pytest.approx(part.facts["volumeMl"], rel=1e-3)
    assert part.facts["volumeMl"] == pytest.approx(part.facts["segmentationVolumeMl"], rel=0.02)
    assert 0 < part.facts["deviationMm"] <= 0.1
    assert aCase.state(part) == "current"


def test_threeMfNamesItsSegmentation(aCase, aSession):
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    part = Part.makePart(aCase, aSession)
    seen = readByLib3mf(aCase.path(part, f"{aCase.name}_bone_left_part-1.1.3mf").read_bytes())
    assert aCase.latest("segmentation").content in seen["metadata"].values()
    assert seen["partNumber"] == "part-1.1"


def test_sideThatIsNotStatedIsNotInTheName(tmp_path, aSession):
    with Case.create(tmp_path / "other", "5a" * 32) as case:
        addSegmentation(case, aSession, ballMask(), numpy.eye(4))
        assert f"{case.name}_bone_part-1.1.stl" in Part.makePart(case, aSession).files


def test_stepAgainIsANewRevisionOfEqualGeometry(aCase, aSession):
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    first, second = Part.makePart(aCase, aSession), Part.makePart(aCase, aSession)
    assert (first.revision, second.revision) == (1, 2)
    figures = [{**one.facts, "pieces": [{**piece, "files": []} for piece in one.facts["pieces"]]}
               for one in (first, second)]  # fmt: skip
    assert figures[0] == figures[1]
    # The revision is in the names: files of two parts cannot be mixed up.
    assert not (set(first.files) & set(second.files)) - {*ALWAYS}


def test_cancelAtAnyMomentLeavesNothing(aCase, aSession):
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    before, nodes = filesBelow(aCase.folder), aSession.scene.GetNumberOfNodes()
    calls = []

    def cancelAt(number):
        def progress(_fraction, _text):
            calls.append(number)
            if calls.count(number) > number:
                raise Cancelled

        return progress

    for number in (0, 1, 3, 5, 7):
        with pytest.raises(Cancelled):
            Part.makePart(aCase, aSession, progress=cancelAt(number))
        assert filesBelow(aCase.folder) == before
        assert aSession.scene.GetNumberOfNodes() == nodes
    assert aCase.latest("part") is None


def test_progressOnlyRises(aCase, aSession):
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    fractions = []
    Part.makePart(aCase, aSession, progress=lambda fraction, _text: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] and fractions[-1] == 1


def test_caseWithoutSegmentationIsRefused(aCase, aSession):
    with pytest.raises(GateRefused) as refusal:
        Part.makePart(aCase, aSession)
    assert refusal.value.code == "no-segmentation"


def test_segmentationChangedOnDiskIsRefused(aCase, aSession):
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    with open(aCase.path(aCase.latest("segmentation"), FILE_NAME), "ab") as file:
        file.write(b"x")
    with pytest.raises(GateRefused) as refusal:
        Part.makePart(aCase, aSession)
    assert refusal.value.code == "damaged-segmentation"


def test_plateThinnerThanVoxelsIsRefusedByNameAndLeavesNothing(aCase, aSession):
    """A stack of staggered single voxels loses most of its volume in any surface."""
    mask = numpy.zeros((12, 40, 40), numpy.uint8)
    mask[2, ::2, ::2] = mask[3, 1::2, 1::2] = 1
    mask[6:10, 4:30, 4:30] = 1
    addSegmentation(aCase, aSession, mask, numpy.eye(4))
    before = filesBelow(aCase.folder)
    with pytest.raises(InputRefused) as refusal:
        Part.makePart(aCase, aSession)
    assert refusal.value.code == "volume-differs"
    assert filesBelow(aCase.folder) == before


def test_emptySegmentIsRefusedByName(aSession):
    node = Segments.addSegmentation(aSession, None, "bone")
    segmentId = node.GetSegmentation().AddEmptySegment("Bone")
    with pytest.raises(InputRefused) as refusal:
        Surface.segmentSurface(node, segmentId)
    assert refusal.value.code == "empty-segment"


def test_segmentationUnderATransformIsRefusedByName(aSession):
    node = Segments.addSegmentation(aSession, None, "bone")
    matrix = slicer.util.vtkMatrixFromArray(numpy.eye(4))
    segmentId = Segments.addSegment(node, ballMask(), matrix, "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
    transform = aSession.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    node.SetAndObserveTransformNodeID(transform.GetID())
    with pytest.raises(InputRefused) as refusal:
        Surface.segmentSurface(node, segmentId)
    assert refusal.value.code == "moved-segmentation"


def addRealSkull(case, session):
    """Commit the segmentation of a real skull; return its mask and the image."""
    import SimpleITK

    root = Path(os.environ.get("PLANNINGHUB_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")
    folder = root / "ct_skull_defect"
    if not folder.is_dir():
        pytest.skip(f"no ct_skull_defect in {root}; set PLANNINGHUB_TEST_DATA")
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = SimpleITK.ReadImage(names)
    islands = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(image >= 300))
    mask = SimpleITK.GetArrayFromImage(islands == 1)
    matrix = numpy.eye(4)
    matrix[:3, :3] = RAS_TO_LPS @ numpy.diag(image.GetSpacing())
    matrix[:3, 3] = RAS_TO_LPS @ image.GetOrigin()
    addSegmentation(case, session, mask, matrix)
    return mask, image


@pytest.mark.slow
def test_realSkull(aCase, aSession):
    mask, image = addRealSkull(aCase, aSession)
    part = Part.makePart(aCase, aSession)
    expectedMl = mask.sum() * numpy.prod(image.GetSpacing()) / 1000
    assert part.facts["volumeMl"] == pytest.approx(expectedMl, rel=0.005)
    assert part.facts["deviationMm"] <= 0.25
    assert part.facts["triangles"] < part.facts["surfaceTriangles"] / 3
    seen = readByTrimesh(aCase.path(part, f"{aCase.name}_bone_left_part-1.1.stl").read_bytes(), "stl")
    assert seen.is_watertight and seen.is_winding_consistent
    # The lowest and highest voxels, in LPS as DICOM has them.
    indices = numpy.argwhere(mask)[:, ::-1]
    low, high = (ends * image.GetSpacing() + image.GetOrigin() for ends in (indices.min(0), indices.max(0)))
    # Half a voxel, and what smoothing adds where the scan cuts the bone off.
    assert seen.bounds == pytest.approx(numpy.array([low, high]), abs=1.2)
