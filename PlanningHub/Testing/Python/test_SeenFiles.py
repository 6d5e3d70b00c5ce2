"""Remembered hashes: a file is read again wherever it may have changed, and once where it has not."""

import os

import pytest
from CaseMaking import commitChain, newCase

from PlanningHubLib import SeenFiles
from PlanningHubLib.Case import Case
from PlanningHubLib.Files import sha256, sha256Bytes
from PlanningHubLib.Steps import stepStates

LONG_AGO = 1_700_000_000


@pytest.fixture
def reads(monkeypatch):
    """Names of the files that were read."""
    found = []
    monkeypatch.setattr(SeenFiles, "sha256", lambda path: found.append(os.path.basename(path)) or sha256(path))
    return found


@pytest.fixture
def aFile(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"one")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_whatDidNotChangeIsReadOnce(aFile, reads):
    seen = SeenFiles.SeenFiles()
    assert [seen.sha256(aFile) for _time in range(3)] == [sha256Bytes(b"one")] * 3 and reads == ["file"]


def replaced(path):
    path.with_name("new").write_bytes(b"two")
    os.utime(path.with_name("new"), (LONG_AGO, LONG_AGO))
    os.replace(path.with_name("new"), path)


def cutOff(path):
    os.truncate(path, 1)
    os.utime(path, (LONG_AGO, LONG_AGO))


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"two"), replaced, cutOff])
def test_aChangeIsSeen(aFile, change):
    seen = SeenFiles.SeenFiles()
    seen.sha256(aFile)
    change(aFile)
    assert seen.sha256(aFile) == sha256(aFile) != sha256Bytes(b"one")


def test_whatWasWrittenJustNowIsReadEveryTime(tmp_path, reads):
    (tmp_path / "file").write_bytes(b"one")
    seen = SeenFiles.SeenFiles()
    for _time in range(2):
        seen.sha256(tmp_path / "file")
    assert reads == ["file", "file"]


def test_theBarSeesDamageAndAStepReadsEverything(tmp_path, reads):
    with newCase(tmp_path / "case") as case:
        made = commitChain(case)
        paths = [case.path(made["part"], name) for name in made["part"].files]
    for path in (tmp_path / "case").rglob("*"):
        os.utime(path, (LONG_AGO, LONG_AGO))
    seen = SeenFiles.SeenFiles()

    def bar():
        shown = Case.open(tmp_path / "case")
        shown.digestOf = seen.sha256
        return stepStates(shown)

    assert set(bar().values()) == {"done"} and len(reads) == 10
    assert set(bar().values()) == {"done"} and len(reads) == 10
    paths[0].write_bytes(b"x" * paths[0].stat().st_size)
    assert (bar()["segmentation"], bar()["part"], bar()["package"]) == ("done", "damaged", "stale")
    paths[0].write_bytes(b"y" * paths[0].stat().st_size)
    os.utime(paths[0], (LONG_AGO, LONG_AGO))
    assert Case.open(tmp_path / "case").state(made["part"]) == "damaged", "whoever opens it for a step reads it"
