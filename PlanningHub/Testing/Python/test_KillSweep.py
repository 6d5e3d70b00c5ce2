"""The process is killed at every write: what is left is the old case or the new one, and it works."""

import os
import shutil
from pathlib import Path

import pytest
from CaseMaking import PATIENT_CODE, commit, newCase, rejections, tree, writeSmallSeries
from KillPoints import killsOf, straceMissing, sweep, sweepSystemCalls
from test_Migration import aFormatOneCase

from PlanningHubLib.Case import Case, isCase
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Import import importSeries

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that can fork a process")


@pytest.fixture
def freshFolder(tmp_path, monkeypatch):
    """Returns a new empty folder with a home of its own at each call."""
    numbers = iter(range(1_000_000))

    def prepare(home=None):
        """:param home: the one that is set already, for a case whose key it has"""
        place = tmp_path / f"place{next(numbers)}"
        place.mkdir()
        if home is None:
            monkeypatch.setenv("PLANNINGHUB_HOME", str(place.with_name(f"{place.name}-home")))
            monkeypatch.setenv("XDG_STATE_HOME", str(place.with_name(f"{place.name}-state")))
        return place

    return prepare


@pytest.fixture
def caseCopy(freshFolder, ownHome):
    """Returns the place of a new copy of a case with a source and a segmentation at each call."""
    original = freshFolder(ownHome)
    with newCase(original / "case", side="left") as case:
        commit(case, "segmentation", b"old mask", [commit(case, "source", b"scan")])

    def prepare():
        place = freshFolder(ownHome)
        shutil.copytree(original / "case", place / "case")
        return place

    return prepare


def createCase(place):
    with Case.create(place / "case", PATIENT_CODE, "left"):
        pass


def commitSecond(place):
    """A new revision, which the tests can tell from the old one, and a first artefact of another kind."""
    with Case.open(place / "case", writable=True) as case:
        made = commit(case, "segmentation", b"new mask" * 1000, [case.require("source")])
        commit(case, "part", b"part", [made])


def assertWhole(place, where):
    """The case opens, verifies, takes a further commit, and nothing lies about that it does not know."""
    case = Case.open(place / "case")
    assert rejections(case.verify()) == [], where
    before = [(one.id, one.revision) for one in case.artefacts]
    with Case.open(place / "case", writable=True) as case:
        assert [(one.id, one.revision) for one in case.artefacts] == before, where
        assertNothingElse(place, case, where)
        commit(case, "plan", b"after the kill")
        assert case.verify() == [], where
        assertNothingElse(place, case, where)
    assert Case.open(place / "case").verify() == [], where
    return before


def assertNothingElse(place, case, where):
    known = {"case", "case/case.json", "case/audit.log"}
    for artefact in case.artefacts:
        for name in artefact.files:
            path = Path("case/artefacts") / artefact.folderName / name
            known |= {path.as_posix(), *(one.as_posix() for one in path.parents)}
    assert set(tree(place)) <= known, where
    assert known - set(tree(place)) <= {"."}, where


def checkCreated(place, where):
    if not (place / "case").exists():
        createCase(place)
    assert isCase(place / "case"), where
    assert assertWhole(place, where) == [], where


OLD = [("source-1", 1), ("segmentation-1", 1)]
STATES = [OLD, [*OLD, ("segmentation-1", 2)], [*OLD, ("segmentation-1", 2), ("part-1", 1)]]


class SeenStates:
    """Checks cases after a kill and keeps which states were met."""

    def __init__(self):
        self.lengths = []

    def check(self, place, where):
        artefacts = assertWhole(place, where)
        assert artefacts in STATES, where
        self.lengths.append(len(artefacts))
        case = Case.open(place / "case")
        newest = max(revision for artefactId, revision in artefacts if artefactId == "segmentation-1")
        content = case.path(case.latest("segmentation"), "below/content.bin").read_bytes()
        assert content == (b"old mask" if newest == 1 else b"new mask" * 1000), where

    def assertEachStateInOrder(self):
        assert set(self.lengths) == {2, 3, 4}


def test_killAtEveryWriteWhileCreating(freshFolder):
    names, kills = sweep(freshFolder, createCase, checkCreated)
    assert kills == killsOf(names) >= 40
    assert {"mkdir", "open", "file.write", "file.flush", "fsync", "replace", "rename", "link"} <= set(names)
    print(kills, "kills")


def test_killAtEveryWriteWhileCommitting(caseCopy):
    seen = SeenStates()
    names, kills = sweep(caseCopy, commitSecond, seen.check)
    assert kills == killsOf(names) == len(seen.lengths) >= 100
    # Once a kill finds the new state, no later one finds an older.
    assert seen.lengths == sorted(seen.lengths)
    seen.assertEachStateInOrder()
    print(kills, "kills")


def test_killAtEveryWriteWhileClearingUpAfterAKill(caseCopy):
    """A writer that clears up what a killed one left is killed itself."""

    def prepare():
        place = caseCopy()
        uncommitted = place / "case" / "artefacts" / "segmentation-1" / "r2"
        for folder in (
            uncommitted,
            uncommitted.with_name(".aside-r3-00"),
            place / "case" / "artefacts/part-1/.aside-r1-0",
        ):
            (folder / "below").mkdir(parents=True)
            (folder / "below" / "content.bin").write_bytes(b"uncommitted")
        (place / "case" / ".aside-00").write_bytes(b"half a case")
        log = place / "case" / "audit.log"
        log.write_bytes(log.read_bytes()[:-70])
        return place

    def check(place, where):
        assert assertWhole(place, where) == OLD, where

    names, kills = sweep(prepare, lambda place: Case.open(place / "case", writable=True).close(), check)
    assert kills == killsOf(names) >= 30
    assert {"unlink", "rmdir", "file.truncate", "file.write", "fsync"} <= set(names)
    print(kills, "kills")


@pytest.mark.slow
def test_killAtEveryWriteWhileImporting(freshFolder, tmp_path, ownHome):
    slices = [path.read_bytes() for path in writeSmallSeries(tmp_path / "ct")]

    def importInto(place):
        importSeries(tmp_path / "ct", place / "case", side="left")

    def check(place, where):
        if not (place / "case").exists():
            importInto(place)
        assert assertWhole(place, where) == [("source-1", 1)], where
        case = Case.open(place / "case")
        source = case.latest("source")
        assert [case.path(source, name).read_bytes() for name in source.files] == slices, where

    importInto(freshFolder(ownHome))
    names, kills = sweep(lambda: freshFolder(ownHome), importInto, check)
    assert kills == killsOf(names) >= 100
    assert names.count("sendfile") >= len(slices) or names.count("file.write") >= len(slices)
    print(kills, "kills")


def test_killAtEveryWriteWhileMigrating(freshFolder, ownHome):
    """A case of an older format is opened for writing for the first time."""

    def prepare():
        place = freshFolder(ownHome)
        aFormatOneCase(place / "case")
        return place

    def check(place, where):
        assert len(assertWhole(place, where)) == 5, where

    names, kills = sweep(prepare, lambda place: Case.open(place / "case", writable=True).close(), check)
    assert kills == killsOf(names) >= 20
    print(kills, "kills")


@pytest.fixture
def strace():
    reason = straceMissing()
    if reason:
        pytest.skip(reason)


def test_killAtEverySystemCallWhileCreating(strace, freshFolder, tmp_path):
    counts, kills = sweepSystemCalls(freshFolder, createCase, checkCreated, tmp_path / "strace.log")
    assert kills == sum(counts.values()) >= 20
    assert {"write", "fsync", "rename", "mkdir"} <= set(counts)
    print(kills, "kills")


def test_killAtEverySystemCallWhileCommitting(strace, caseCopy, tmp_path):
    seen = SeenStates()
    counts, kills = sweepSystemCalls(caseCopy, commitSecond, seen.check, tmp_path / "strace.log")
    assert kills == sum(counts.values()) == len(seen.lengths) >= 40
    seen.assertEachStateInOrder()
    print(kills, "kills")


def test_sweepSeesACaseThatIsWrittenInPlace(caseCopy, monkeypatch):
    """The sweep itself is able to fail."""
    monkeypatch.setattr("PlanningHubLib.Case.writeAside", lambda path, data: path.write_bytes(data))
    with pytest.raises((PlanningError, AssertionError)):
        sweep(caseCopy, commitSecond, SeenStates().check)
