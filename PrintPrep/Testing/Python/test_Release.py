"""A part is handed out only when it is approved, its traveller is complete and its inspection passed."""

import pytest
from InspectionMaking import bracketMesh, fine, scanned, writeScan
from PapersMaking import TRAVELLER, approve, keyOf, statedCase
from test_Part import aCase, aSession, ownHome  # noqa: F401

from PlanningHubLib import Approval
from PrintPrepLib.Papers import Inspection
from PrintPrepLib.Papers.Papers import makePapers
from PrintPrepLib.Papers.Release import releaseFaults, releaseRows
from PrintPrepLib.Papers.ScanCompare import inspectScan

GOOD = {"extent x": 60.1, "extent y": 40.0, "extent z": 30.0}


@pytest.fixture
def aPart(aCase, aSession):  # noqa: F811
    return statedCase(aCase, aSession)


@pytest.fixture
def aReleasablePart(aCase, aPart):  # noqa: F811
    approve(aCase)
    Inspection.inspectMeasured(aCase, measured=GOOD)
    makePapers(aCase, values=TRAVELLER)
    assert releaseFaults(aCase, aPart) == []
    return aPart


def test_eachThingThatIsMissingIsSaid(aCase, aPart):  # noqa: F811
    faults = releaseFaults(aCase, aPart)
    assert faults == ["part-1.1 is not approved.", "There are no papers.", "The printed part was not inspected."]
    makePapers(aCase, values={key: value for key, value in TRAVELLER.items() if key != "lot"})
    Inspection.inspectMeasured(aCase, measured={"extent x": 60.0})
    approve(aCase)
    assert releaseFaults(aCase, aPart) == [
        "The papers still say that the part is not approved: make them again.",
        "The traveller does not say: Lot of the material.",
        "The inspection by dimensions is not complete.",
    ]  # fmt: skip


def test_whatPassedIsReleasedAndItsPageSaysSo(aCase, aReleasablePart):  # noqa: F811
    rows = dict(releaseRows(aCase, aReleasablePart))
    assert rows["Release"] == "Nothing is left to do." and rows["Papers"] == "papers-1.1, current"
    assert rows["The inspection by dimensions"] == "pass (inspection-1.1)"


def test_failedInspectionKeepsIt(aCase, aReleasablePart):  # noqa: F811
    Inspection.inspectMeasured(aCase, measured={"extent y": 41.0})
    assert releaseFaults(aCase, aReleasablePart) == [
        "The papers are stale: make them again.", "The inspection by dimensions failed.",
    ]  # fmt: skip


def test_scanAndDimensionsMustBothPass(aCase, aReleasablePart, tmp_path):  # noqa: F811
    longer = fine(bracketMesh(61.5), 2.0)
    assert inspectScan(aCase, writeScan(tmp_path / "s.stl", scanned(longer)), "mm").facts["verdict"] == "fail"
    assert "The inspection by scan failed." in releaseFaults(aCase, aReleasablePart)


def test_reopenedApprovalKeepsIt(aCase, aReleasablePart):  # noqa: F811
    Approval.reopen(aCase, keyOf("anna"), "another hole")
    assert "part-1.1 is not approved." in releaseFaults(aCase, aReleasablePart)


def test_changedFilesKeepIt(aCase, aReleasablePart):  # noqa: F811
    for kind, said in (("inspection", "by dimensions was changed"), ("papers", "papers were changed")):
        artefact = aCase.latest(kind)
        path = aCase.path(artefact, f"{kind}.json")
        data = path.read_bytes()
        path.write_bytes(data.replace(b"60", b"61"))
        assert any(said in fault for fault in releaseFaults(aCase, aReleasablePart)), kind
        path.write_bytes(data)
    assert releaseFaults(aCase, aReleasablePart) == []


def test_partThatWasMadeAnewStartsFromTheBeginning(aCase, aSession, aReleasablePart):  # noqa: F811
    Approval.reopen(aCase, keyOf("anna"), "longer")
    part = statedCase(aCase, aSession, bracketMesh(61.0))
    faults = releaseFaults(aCase, part)
    assert "The traveller does not say: Operator." in faults and "The printed part was not inspected." in faults
    assert "part-1.1 is stale: make it again." in releaseFaults(aCase, aReleasablePart)
