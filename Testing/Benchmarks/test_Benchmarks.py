"""The benchmark's table has every step, what it compares is the same work, and its numbers are numbers."""

from types import SimpleNamespace

import numpy
import pytest
import SimpleITK

from Benchmarks import (
    Series,
    Steps,
    __main__,
    benchCommand,
    benchMany,
    benchPackage,
    benchPackageWhole,
    benchPrint,
    benchSegment,
    benchSync,
)
from Benchmarks.Timing import Row, compared
from ORExportLib import ViewPictures
from ORExportLib.Dicom.ModelFiles import stlBytes
from Phantom.DicomSeries import writeSeries
from Phantom.HeadPhantom import makeHeadPhantom
from PlanningHubLib import Masks, Segments
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseList import listCases
from PlanningHubLib.DicomScan import scanSource
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Pictures import PicturesUnavailable
from PlanningHubLib.Segmentation import ijkToRasOf, segmentBone
from PlanningHubLib.SeriesGeometry import checkSeries
from PlanningHubLib.Session import Session
from PlanningHubLib.Shapes import Surface
from PlanningHubLib.Volumes import addVolume, readSlices

SEGMENT_STEPS = [
    "header scan", "load, exact", "threshold", "largest island", "closing, 1 voxel", "fill holes",
    "threshold to filled bone", "closing, mm", "segmentation node, saved",
]  # fmt: skip
PACKAGE_STEPS = ["SEG", "Encapsulated STL"]
PART_STEPS = [
    "segmentation to files", "surface", "smooth", "mask to smooth surface, LPS", "simplify", "deviation check",
    "watertight check", "self-intersections", "boolean, box", "engraved letters", "STL", "3MF",
]  # fmt: skip
COMMAND_STEPS = [f"planninghub {name}" for name in ("import", "segment", "print", "package", "sync")]


@pytest.fixture(scope="module")
def aPhantom():
    return makeHeadPhantom((24, 48, 48))


@pytest.fixture(scope="module")
def aSeries(aPhantom, tmp_path_factory):
    """Folder of a small head phantom, written smaller than a head with so few voxels is."""
    folder = tmp_path_factory.mktemp("series")
    writeSeries(folder, aPhantom.voxelsHu, numpy.minimum(aPhantom.spacingMm, 3.0), aPhantom.originLps)
    return folder


def ball():
    """A ball of 9 voxels' radius as a mask."""
    return (sum(numpy.square(axis - 12) for axis in numpy.ogrid[:25, :25, :25]) <= 81).astype(numpy.uint8)


def stlOf(phantom):
    """The phantom's bone as an STL in LPS mm."""
    matrix = numpy.diag([*numpy.minimum(phantom.spacingMm, 3.0), 1.0])
    matrix[:3, 3] = phantom.originLps
    return stlBytes(Surface.maskSurface(phantom.boneMask, matrix).mesh, "bench")


def assertRows(rows, steps):
    assert [row.step for row in rows] == steps
    assert all(row.seconds > 0 and not row.failed for row in rows)
    assert all(peer > 0 and row.ratio > 0 for row in rows for _name, peer in row.peers)


@pytest.mark.slow
def test_segmentStepsAreTimedBesideTheirPeers(aSeries):
    rows = list(benchSegment.rows(aSeries, repeats=1))
    assertRows(rows, SEGMENT_STEPS)
    assert all(row.peers for row in rows)


@pytest.mark.slow
def test_partStepsAreTimed(tmp_path):
    with Session.start() as session:
        volume = addVolume(session, ball().astype(numpy.int16), numpy.diag([-1.0, -1.0, 1.0, 1.0]), "ball")
        node = Segments.addSegmentation(session, volume, "ball")
        Segments.addSegment(node, ball(), ijkToRasOf(volume), "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
        Segments.saveNode(session, node, tmp_path / "ball.seg.nrrd")
    assertRows(list(benchPrint.rows(tmp_path / "ball.seg.nrrd", repeats=1)), PART_STEPS)


def test_packageStepsAreTimed(aPhantom, aSeries):
    headers = checkSeries(scanSource(aSeries)[0][0])[0].headers
    mask = aPhantom.boneMask.astype(numpy.uint8)
    assertRows(list(benchPackage.rows([header.path for header in headers], mask, b"stl", repeats=1)), PACKAGE_STEPS)


def test_wholePackageIsTimedBesideTheBareCalls(aPhantom, aSeries, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(ViewPictures, "SIZE", (480, 360))
    importSeries(aSeries, tmp_path / "case", side="left")
    with Session.start() as session, Case.open(tmp_path / "case", writable=True) as case:
        segmentation = segmentBone(case, session, closingVoxels=0)
        with case.staging("part") as stage:
            (stage.folder / f"{case.name}.stl").write_bytes(stlOf(aPhantom))
            (stage.folder / f"{case.name}.3mf").write_bytes(b"stands in for a 3MF")
            parameters, facts = {"maximumDeviationMm": 0.25}, {"volumeMl": 1.0, "triangles": 4}
            stage.commit(parents=[segmentation], parameters=parameters, facts=facts)
    rows = list(benchPackageWhole.rows(tmp_path / "case"))
    assertRows(rows, ["whole package", "whole package, processors"])
    contents = "SegmentationObject", "DerivedImages", "SecondaryCapture", "Navigation", "verify"
    assert all(f"{name} " in rows[1].note for name in contents)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case", "home"]
    with Case.open(tmp_path / "case") as case:
        assert not any(one.kind in ("plan", "package") for one in case.artefacts)


def test_withoutPicturesThePackageIsNotCompared(tmp_path, monkeypatch):
    def refuse():
        raise PicturesUnavailable("no OpenGL here")

    monkeypatch.setattr(benchPackageWhole, "requireRendering", refuse)
    (row,) = benchPackageWhole.rows(tmp_path / "case")
    assert row.seconds is None and "no OpenGL here" in "\n".join(__main__.lines(row))


def test_anotherPackageIsNoPeer():
    ours, bare = (SimpleNamespace(sopClasses=classes) for classes in ("SEG", "SEG STL"))
    with pytest.raises(RuntimeError, match="other objects"):
        next(benchPackageWhole._rows(ours, bare))


@pytest.mark.slow
def test_commandsAreTimedAsUsersRunThem(aSeries, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    row = next(benchCommand.rows(aSeries, tmp_path))
    assertRows([row], COMMAND_STEPS[:1])
    assert row.peakMb > 10
    assert len(benchCommand.artefactFiles(tmp_path / "case", "source")) == 24


def test_largeFoldersAndLongListsAreTimed(aSeries, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    importSeries(aSeries, tmp_path / "case", side="left")
    rows = list(benchMany.rows(aSeries, tmp_path, repeats=1, files=100, cases=20))
    assertRows(rows, ["header scan, 100 files", "case list, first, 20", "case list, 20", "found and sorted"])
    assert rows[0].peers and sorted(path.name for path in tmp_path.iterdir()) == ["case", "home"]


def test_copiesForTheLongListAreCases(aSeries, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    importSeries(aSeries, tmp_path / "case", side="left")
    benchMany.copiedCases(tmp_path / "case", tmp_path / "cases", 5)
    assert {case.side for case in listCases(tmp_path / "cases")} == {"left"}
    assert benchMany.linkedCopies(aSeries, tmp_path / "many", 100) == 5
    assert scanSource(tmp_path / "many")[0][0].count == 120


def test_withoutOrthancThePushSaysWhy(monkeypatch):
    monkeypatch.setattr(benchSync, "whyNoOrthanc", lambda: "Orthanc is not installed")
    (row,) = benchSync.rows([])
    assert row.seconds is None and "Orthanc is not installed" in "\n".join(__main__.lines(row))


def test_peersDoTheSameWork(aPhantom, aSeries):
    geometry = checkSeries(scanSource(aSeries)[0][0])[0]
    voxelsHu = readSlices(geometry.headers)
    assert numpy.array_equal(voxelsHu, aPhantom.voxelsHu)
    for name, load in benchSegment._loaders(geometry.headers).items():
        assert numpy.array_equal(load(), voxelsHu), name
    mask = Masks.thresholded(voxelsHu, 300)
    for name, threshold in benchSegment._thresholds(voxelsHu).items():
        result = threshold()
        assert numpy.array_equal(Masks.thresholded(voxelsHu, 300), numpy.asarray(result) > 0) or name == "SimpleITK"
    island = Masks.largestIsland(mask)
    for name, islands in benchSegment._islands(mask).items():
        assert numpy.array_equal(islands(), island), name
    assert numpy.array_equal(benchSegment.separableClosing(island), Masks.closed(island))
    for name, chain in benchSegment._chains(voxelsHu).items():
        result = chain()
        array = SimpleITK.GetArrayFromImage(result) if isinstance(result, SimpleITK.Image) else result
        # SimpleITK's closing sees no more than the grid: only its border may differ.
        assert numpy.array_equal(array[1:-1] > 0, benchSegment.filledBone(voxelsHu)[1:-1] > 0), name


def test_missingPeersAreLeftOutWithANote():
    def absent():
        raise ImportError

    (row,) = compared({"step": lambda: None}, {"peer": lambda: None, "other": absent}, repeats=2)
    assert [name for name, _seconds in row.peers] == ["peer"] and row.note == "not installed: other"


def test_failureIsARowAndNotTheEnd(monkeypatch, tmp_path, capsys):
    def failing(series, run, repeats):
        yield Row("first", 1.0)
        raise RuntimeError("broken")

    monkeypatch.setitem(Steps.GROUPS, "part", failing)
    rows = list(Steps.groupRows("part", tmp_path, tmp_path, 1))
    assert [row.failed for row in rows] == [False, True] and "broken" in rows[1].note


def test_tableShowsOursPeersAndRatio():
    lines = __main__.lines(Row("closing", 1.0, 12.3, (("fast", 0.5), ("slow", 4.0)), "a note"))
    assert lines[0].split() == ["closing", "1.000", "12", "fast", "0.500", "2.00"]
    assert lines[1].split() == ["slow", "4.000", "0.25"]
    assert lines[2].strip() == "a note"


def test_seriesIsMadeOnceAndShuffled(tmp_path, monkeypatch):
    monkeypatch.setattr(Series, "skullFolder", lambda: None)
    folder, origin = Series.benchSeries(tmp_path / "ct", (12, 32, 32))
    headers = checkSeries(scanSource(folder)[0][0])[0].headers
    names = [header.path.name for header in headers]
    assert len(names) == 12 and names != sorted(names) and "phantom" in origin
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert Series.benchSeries(tmp_path / "ct", (12, 32, 32)) == (folder, origin)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_everyGroupIsInTheTable():
    assert list(Steps.GROUPS) == ["commands", "segment", "part", "package", "whole package", "sync", "many"]
