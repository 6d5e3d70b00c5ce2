"""The eight efforts: what the case's own clock shows, for whom the site knows; the rest stays unknown."""

import json
import types

import pytest
from PapersMaking import statedCase, writePapersSite
from test_Part import aCase, aSession, ownHome  # noqa: F401

from PlanningHubLib.Site import Site
from PrintPrepLib.Papers import Efforts
from PrintPrepLib.Papers.PapersFields import newEntries

NOBODY = types.SimpleNamespace(content="c" * 64)


def logged(folder, *lines):
    """Write an audit log of (minutes after nine, who, action, artefact)."""
    entries = [
        {"when": f"2026-03-01T{9 + minute // 60:02d}:{minute % 60:02d}:00Z", "who": who, "action": action,
         "what": {"artefact": artefact} if artefact else {}}
        for minute, who, action, artefact in lines
    ]  # fmt: skip
    (folder / "audit.log").write_text("\n".join(["torn", *map(json.dumps, entries)]))
    return types.SimpleNamespace(folder=folder)


def commit(minute, who, artefact):
    return minute, who, "artefact-committed", artefact


@pytest.fixture
def aSite():
    writePapersSite()
    return Site.forThisInstallation()


def test_timeBetweenLinesCountsForTheLaterOne(tmp_path, aSite):
    case = logged(
        tmp_path, commit(0, "bela", "source-1"), commit(12, "bela", "segmentation-1"), commit(17, "anna", "plan-1"),
        commit(25, "anna", "plan-1"), (31, "anna", "commented", None), commit(40, "bela", "part-1"),
        commit(90, "bela", "papers-1"), commit(95, "bela", "papers-1"), commit(96, "bela", "package-1"),
    )  # fmt: skip
    assert Efforts.recordedMinutes(case, aSite) == {
        ("segmentation", "other"): 12, ("cad", "clinician"): 8, ("consultation", "clinician"): 6,
        # 12 to 40 minutes; not the pause of 50; the package is no effort of the registry's.
        ("preparation", "other"): 28 + 5,
    }  # fmt: skip


def test_whatNobodyKnowsStaysUnknown(tmp_path, aSite):
    case = logged(tmp_path, commit(0, "zoe", "source-1"), commit(20, "zoe", "segmentation-1"))
    assert Efforts.recordedMinutes(case, aSite) == {("segmentation", None): 20}
    rows = Efforts.efforts(case, aSite, [], NOBODY)
    assert len(rows) == 8 and all(one["unknown"] and one["hours"] is None for one in rows)
    assert Efforts.recordedMinutes(types.SimpleNamespace(folder=tmp_path / "none"), aSite) == {}


def test_automaticSecondsAreNoEffort(tmp_path, aSite):
    case = logged(tmp_path, *(commit(0, "anna", one) for one in ("source-1", "segmentation-1", "plan-1", "part-1")))
    assert all(one["unknown"] for one in Efforts.efforts(case, aSite, [], NOBODY))


def test_whatIsEnteredGoesFirst(tmp_path, aSite):
    case = logged(tmp_path, commit(0, "bela", "source-1"), commit(12, "bela", "segmentation-1"))
    entries = newEntries({"effort-segmentation-other": "2:05"}, NOBODY)
    rows = {(one["activity"], one["people"]): one for one in Efforts.efforts(case, aSite, entries, NOBODY)}
    row = rows["segmentation", "other"]
    assert (row["hours"], row["minutes"], row["source"]) == (2, 5, "entered")
    row = {(one["activity"], one["people"]): one for one in Efforts.efforts(case, aSite, [], NOBODY)}
    assert row["segmentation", "other"]["minutes"] == 12 and row["segmentation", "other"]["source"] == "audit log"


def test_siteSaysWhoIsAClinician(aSite):
    assert (aSite.isClinician("anna"), aSite.isClinician("bela"), aSite.isClinician("zoe")) == (True, False, None)
    writePapersSite(clinicianRoles=["engineer"])
    assert Site.forThisInstallation().isClinician("bela")


def test_everyLineThatTheCaseWritesIsRead(aCase, aSession):  # noqa: F811
    statedCase(aCase, aSession)
    lines = list(Efforts._lines(aCase))
    assert len(lines) == aCase.auditHead["lines"]
    assert {Efforts._activityOf(line) for line in lines} == {
        None, "consultation", "segmentation", "cad", "preparation",
    }  # fmt: skip
