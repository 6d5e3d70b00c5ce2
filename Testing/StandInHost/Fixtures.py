"""Fixtures of the modules' widget tests: a user in front of the four modules, a small head's CT and its cases.

A module's conftest.py imports them by name. The stand-in is stopped after each test file, so that other tests of the
same process find slicer-core as it is.
"""

import shutil
from pathlib import Path

import pytest

from .User import User

PROJECT = Path(__file__).resolve().parents[2]
STAGES = ("imported", "segmented", "printed", "packaged")


@pytest.fixture(scope="session")
def widgetHome(tmp_path_factory):
    """Settings and key of the session's cases."""
    return tmp_path_factory.getbasetemp() / "widgetHome"


@pytest.fixture(scope="session")
def smallHead(tmp_path_factory):
    """Folder of a small head phantom's series; the folder is named as a careless user names it: after the patient."""
    from Phantom.HeadPhantom import makeHeadPhantom, smallShape, writeHeadPhantom

    # Every conftest.py that imports a session fixture has one of its own: what is made is shared through its folder.
    folder = tmp_path_factory.getbasetemp() / "widgetScans" / "Phantom_Head"
    if not folder.exists():
        writeHeadPhantom(folder, makeHeadPhantom(smallShape))
    return folder


@pytest.fixture(scope="session")
def stages(widgetHome, smallHead, tmp_path_factory):
    """Stage → folder of a case that is so far, made by the steps themselves; only to be copied."""
    root = tmp_path_factory.getbasetemp() / "widgetStages"
    if not root.exists():
        _makeStages(root, widgetHome, smallHead)
    return {stage: root / stage for stage in STAGES}


def _makeStages(root, home, series):
    from ORExportLib.Package import makePackage
    from PlanningHubLib import Pictures
    from PlanningHubLib.Case import Case
    from PlanningHubLib.Consent import recordConsent
    from PlanningHubLib.Import import importSeries
    from PlanningHubLib.Segmentation import segmentBone
    from PlanningHubLib.Session import Session
    from PrintPrepLib.Part import makePart

    with pytest.MonkeyPatch.context() as patch, Session.start() as session:
        patch.setenv("PLANNINGHUB_HOME", str(home))
        patch.setenv("XDG_STATE_HOME", str(home.parent / "state"))
        patch.setattr(Pictures, "requireRendering", _refusePictures)
        steps = {"segmented": segmentBone, "printed": makePart, "packaged": makePackage}
        importSeries(series, root / "imported", side="left", procedure="Cranioplasty")
        with Case.open(root / "imported", writable=True) as case:
            recordConsent(case, "treatment", "2026-01-31", "test 1")
        for before, stage in zip(STAGES, STAGES[1:], strict=False):
            shutil.copytree(root / before, root / stage)
            with Case.open(root / stage, writable=True) as case:
                steps[stage](case, session)


def _refusePictures():
    from PlanningHubLib import Pictures

    raise Pictures.PicturesUnavailable("left out to be quick")


@pytest.fixture(scope="module")
def startedHost():
    """The stand-in with the four modules, for one test file."""
    pytest.importorskip("PySide6")
    import slicer

    from .Host import Host

    if hasattr(slicer, "app") and Host._running is None:
        pytest.skip("this is a real Slicer: nothing may play it")
    host = Host.start()
    for name in ("PlanningHub", "PrintPrep", "ORExport", "CentralSync"):
        host.loadModule(PROJECT / name / f"{name}.py")
    yield host
    host.stop()


@pytest.fixture
def host(startedHost, widgetHome, monkeypatch):
    """The stand-in with an empty scene; packages are made without pictures, to be quick."""
    from PlanningHubLib import Pictures

    monkeypatch.setenv("PLANNINGHUB_HOME", str(widgetHome))
    monkeypatch.setenv("XDG_STATE_HOME", str(widgetHome.parent / "state"))
    monkeypatch.setattr(Pictures, "requireRendering", _refusePictures)
    startedHost.closeScene()
    startedHost.forget()
    yield startedHost
    startedHost.closeScene()


@pytest.fixture
def user(host, tmp_path):
    """Somebody who works with the modules; cases are kept in ``tmp_path/cases``."""
    user = User(host, tmp_path / "cases")
    user.show("PlanningHub")
    return user


@pytest.fixture
def aCaseFolder(stages, tmp_path):
    """Copy the case of a stage below the user's cases; returns its folder."""

    def copy(stage, name="case"):
        return Path(shutil.copytree(stages[stage], tmp_path / "cases" / name))

    return copy
