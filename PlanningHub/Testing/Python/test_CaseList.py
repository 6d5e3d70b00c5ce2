"""The case list: right after every change, searched, filtered, sorted; damage and a broken index hide no case."""

import json

import pytest
from CaseMaking import commitChain, newCase

from PlanningHubLib import Consent, Request
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseFormat import FILE_NAME
from PlanningHubLib.CaseList import findCases, leadTime, listCases

PLANS = {
    "a": ("left", "Cranioplasty", "elective", "2026-05-02"),
    "b": ("right", "Osteotomy", "emergency", "2026-05-01"),
    "c": ("left", "Osteotomy", "urgent", None),
}


@pytest.fixture
def aRoot(tmp_path):
    root = tmp_path / "cases"
    root.mkdir()
    for name, (side, procedure, urgency, date) in PLANS.items():
        with newCase(root / name, side=side, procedure=procedure) as case:
            Request.stateRequest(
                case, anatomy="skull", design="standard", urgency=urgency, surgeryDate=date, department=f"ward {name}"
            )
    with newCase(root / "d") as case:
        commitChain(case)
    (root / "no case").mkdir()
    return root


def names(cases):
    return [case.folder.name for case in cases]


def test_listsEveryCaseWithItsFacts(aRoot):
    cases = listCases(aRoot)
    assert names(cases) == ["a", "b", "c", "d"]
    assert (cases[1].side, cases[1].procedure, cases[1].state) == ("right", "Osteotomy", "requested")
    assert cases[3].nextKind is None and cases[3].request is None
    assert listCases(aRoot) == cases and listCases(aRoot / "absent") == []


def test_everyChangeIsSeenAtOnce(aRoot, monkeypatch):
    before = listCases(aRoot)
    with Case.open(aRoot / "a", writable=True) as case:
        Consent.recordConsent(case, "treatment", "2026-01-31", "v1")
        Request.moveTo(case, "accepted")
    after = listCases(aRoot)
    assert (after[0].state, after[0].consents) == ("accepted", ("treatment",)) and after[1:] == before[1:]
    (aRoot / "b" / FILE_NAME).unlink()
    assert names(listCases(aRoot)) == ["a", "c", "d"]


def test_onlyWhatChangedIsReadAgain(aRoot, monkeypatch):
    from PlanningHubLib import CaseList

    listCases(aRoot)
    read = []
    facts = CaseList._facts
    monkeypatch.setattr(CaseList, "_facts", lambda folder: read.append(folder.name) or facts(folder))
    listCases(aRoot)
    assert read == []
    with CaseList.Case.open(aRoot / "c", writable=True) as case:
        Request.moveTo(case, "rejected")
    listCases(aRoot)
    assert read == ["c"]


def test_aCallerWhoKeepsTheListSeesEveryChange(aRoot, ownHome):
    kept = {}
    first = listCases(aRoot, kept=kept)
    (index,) = ownHome.glob("case-list-*.json")
    index.unlink()
    again = listCases(aRoot, kept=kept)
    assert all(one is other for one, other in zip(first, again, strict=True)) and not index.exists()
    with Case.open(aRoot / "a", writable=True) as case:
        Request.moveTo(case, "accepted")
    changed = listCases(aRoot, kept=kept)
    assert changed[0].state == "accepted" and changed[1] is first[1]
    (aRoot / "b" / FILE_NAME).unlink()
    assert names(listCases(aRoot, kept=kept)) == ["a", "c", "d"]
    with newCase(aRoot / "e"):
        pass
    assert names(listCases(aRoot, kept=kept)) == ["a", "c", "d", "e"] == names(listCases(aRoot))


def test_damagedCaseIsListedWithTheReason(aRoot):
    listCases(aRoot)
    path = aRoot / "a" / FILE_NAME
    path.write_text(path.read_text().replace('"side": "left"', '"side": "right"'))
    assert listCases(aRoot)[0].name == "[case-changed-outside]"


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format": 1}', b"\xff", b'{"format": "1 0", "cases": {"a": 1}}'])
def test_brokenIndexIsMadeAnew(aRoot, ownHome, content):
    cases = listCases(aRoot)
    (index,) = ownHome.glob("case-list-*.json")
    assert index.stat().st_mode & 0o777 == 0o600
    index.write_bytes(content)
    assert listCases(aRoot) == cases
    assert json.loads(index.read_bytes())["cases"]


def test_searchFilterAndSort(aRoot):
    cases = listCases(aRoot)
    assert names(findCases(cases, "osteo LEFT")) == ["c"]
    assert names(findCases(cases, "WARD", department="ward b")) == ["b"]
    assert names(findCases(cases, side="left", sortBy="surgeryDate")) == ["a", "c"]
    assert names(findCases(cases, sortBy="urgency")) == ["b", "c", "a", "d"]
    assert names(findCases(cases, sortBy="surgeryDate", descending=True))[:2] == ["a", "b"]
    assert findCases(cases, "nobody") == [] and names(findCases(cases, state="requested", sortBy="urgency")) == [
        "b", "c", "a",
    ]  # fmt: skip
    with pytest.raises(KeyError):
        findCases(cases, sortBy="price")


def test_leadTimeComesFromTheListedCases(aRoot):
    cases = listCases(aRoot)
    assert leadTime(cases[0], cases).verdict in ("in-time", "too-late")
    assert leadTime(cases[2], cases).verdict == "no-surgery-date"
    assert leadTime(cases[3], cases).verdict == "no-estimate"
