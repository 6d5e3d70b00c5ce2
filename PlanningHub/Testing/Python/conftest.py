"""Fixtures of the shared domain's tests: a home of their own, a session, a small series and a small case."""

import os
import shutil
import subprocess

import pytest
from CaseMaking import FULL_DISK_BYTES, commitChain, newCase, writeSmallSeries
from ImportCalls import aTall, aTemporaryPlace, imported  # noqa: F401
from ImportExactness import aTallSeries  # noqa: F401
from ImportPages import aScan, ownTemporaryFolder  # noqa: F401
from PanelPages import ownSite, turnTo  # noqa: F401
from RealData import dataFolder
from VerdictMaking import DAY

from PlanningHubLib.Import import importSeries
from PlanningHubLib.Session import Session
from StandInHost.Fixtures import aCaseFolder, host, smallHead, stages, startedHost, user, widgetHome  # noqa: F401


@pytest.fixture(autouse=True)
def ownHome(tmp_path_factory, monkeypatch):
    """Every test has settings and a key of its own."""
    home = tmp_path_factory.mktemp("home") / "planninghub"
    monkeypatch.setenv("PLANNINGHUB_HOME", str(home))
    monkeypatch.setenv("XDG_STATE_HOME", str(home.parent / "state"))
    return home


@pytest.fixture(autouse=True)
def sameDay(monkeypatch):
    """The age of a scan does not change from one test run to the next."""
    monkeypatch.setattr("PlanningHubLib.VerdictHeaders.today", lambda: DAY)


@pytest.fixture
def aSession():
    with Session.start() as session:
        yield session


@pytest.fixture
def aCase(tmp_path):
    """An empty case, open for writing."""
    with newCase(tmp_path / "case", side="left", procedure="Cranioplasty") as case:
        yield case


@pytest.fixture
def aChain(aCase):
    """The artefacts of a whole chain in ``aCase``, by kind."""
    return commitChain(aCase)


@pytest.fixture
def aSeries(tmp_path):
    """Folder of a small CT series."""
    writeSmallSeries(tmp_path / "ct")
    return tmp_path / "ct"


@pytest.fixture
def anImportedCase(tmp_path, aSeries):
    """Folder of a case that holds the small series."""
    importSeries(aSeries, tmp_path / "imported", side="right")
    return tmp_path / "imported"


@pytest.fixture
def noPrivileges():
    """The effective user is an ordinary one: root may write anywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def smallDisk(tmp_path):
    """A file system with little room: mounted where that is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={FULL_DISK_BYTES}", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here (needs root)")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def skullFolder():
    """A real CT of a head with a frontal bone defect."""
    return dataFolder("ct_skull_defect")


@pytest.fixture
def abdomenFolder():
    """A real CT in JPEG 2000 whose UIDs were emptied."""
    return dataFolder("ct_abdomen_j2k")
