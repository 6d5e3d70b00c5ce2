"""A making, a source and an algorithm for the tests of the package's files."""

import contextlib
import datetime
import os
from pathlib import Path

import pytest
from SmallSeries import addPart, writeSeries

from ORExportLib.Dicom.DerivedObject import Making
from ORExportLib.Dicom.SegmentationObject import Algorithm
from ORExportLib.Dicom.Source import readSource
from ORExportLib.Package import exportPackage, makePackage
from PlanningHubLib import Pictures, VerdictHeaders
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Session import Session
from StandInHost.Fixtures import aCaseFolder, host, smallHead, stages, startedHost, user, widgetHome  # noqa: F401


@pytest.fixture(autouse=True)
def dayAfterTheScan(monkeypatch):
    """The small series' own time: what is tested here is not their age."""
    monkeypatch.setattr(VerdictHeaders, "today", lambda: datetime.date(2024, 1, 3))


@pytest.fixture
def aMaking():
    return Making("PH-TEST2345-0001", datetime.datetime.now(datetime.UTC), {"Planning Hub": "0.1.0"})


@pytest.fixture
def anAlgorithm():
    return Algorithm("Planning Hub threshold", "0.1.0")


@pytest.fixture
def sourcePaths(tmp_path):
    folder = tmp_path / "ct"
    folder.mkdir()
    return writeSeries(folder)[0]


@pytest.fixture
def aSource(sourcePaths):
    return readSource(sourcePaths)


@pytest.fixture
def skullPaths():
    folder = Path(os.environ.get("PLANNINGHUB_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")
    paths = sorted((folder / "ct_skull_defect").glob("*.dcm"))
    if not paths:
        pytest.skip(f"no ct_skull_defect in {folder}")
    return paths


@pytest.fixture
def aSession():
    with Session.start() as session:
        yield session


@pytest.fixture
def withoutPictures(monkeypatch):
    """Make packages as on a machine without OpenGL, which is quicker."""

    def refuse():
        raise Pictures.PicturesUnavailable("no OpenGL here")

    monkeypatch.setattr(Pictures, "requireRendering", refuse)


@contextlib.contextmanager
def readyCase(folder, session):
    """A case of a small series whose bone is the asymmetric mask, with segmentation and part, open for writing."""
    (folder / "series").mkdir()
    writeSeries(folder / "series")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANNINGHUB_HOME", str(folder / "home"))
        importSeries(folder / "series", folder / "case", side="left", procedure="Cranioplasty")
        with Case.open(folder / "case", writable=True) as case:
            recordConsent(case, "treatment", "2026-01-31", "test 1")
            segmentBone(case, session, closingVoxels=0)
            addPart(case)
            yield case


@pytest.fixture(scope="session")
def makeReadyCase():
    return readyCase


@pytest.fixture
def aReadyCase(tmp_path, aSession):
    with readyCase(tmp_path, aSession) as case:
        yield case


@pytest.fixture(scope="session")
def packageOnce(tmp_path_factory):
    """A package with pictures, its case's name and the case's slices; not to be changed."""
    folder = tmp_path_factory.mktemp("once")
    with Session.start() as session, readyCase(folder, session) as case:
        package = makePackage(case, session)
        exportPackage(case, package, folder / "package")
        source = case.require("source")
        return folder / "package", case.name, [case.path(source, name) for name in source.files]
