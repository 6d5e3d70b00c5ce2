"""The page of the outcome as its user meets it: a CT after the operation compared, figures read, the report saved."""

import json
import shutil

import numpy
import pytest
from PanelPages import Page
from PlanMaking import planOf
from test_Outcome import ACHIEVED_SCREW, SCAN_MOTION, steps, theScans, writeOutcome  # noqa: F401

from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import departures
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Planning.OutcomeScene import OUTCOME_ATTRIBUTE
from PlanningHubLib.Planning.Plan import makePlan
from PlanningHubLib.Segmentation import segmentBone
from StandInHost.User import sceneNodes

DOUBT, GOOD = "#b45309", "#15803d"


@pytest.fixture(scope="module")
def thePlannedFolder(startedHost, theScans, widgetHome, tmp_path_factory):  # noqa: F811
    """Folder of a case with a kept plan; only to be copied."""
    from PlanningHubLib.Session import Session

    folder = tmp_path_factory.mktemp("planned") / "case"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLANNINGHUB_HOME", str(widgetHome))
        patch.setenv("XDG_STATE_HOME", str(widgetHome.parent / "state"))
        importSeries(theScans / "before", folder, side="right")
        with Case.open(folder, writable=True) as case:
            segmentBone(case, Session.start(), closingVoxels=0)
            makePlan(case, Session.start(), planOf(*steps()))
    return folder


@pytest.fixture
def aPage(turnTo, user, thePlannedFolder):
    """The page of the outcome, of a case with a plan."""
    return turnTo("OutcomePanel", folder=shutil.copytree(thePlannedFolder, user.casesFolder / "planned"))


def opened(page):
    return Case.open(page.home.activeFolder())


def compare(page, folder, **values):
    page.enter(folderPathLineEdit=folder, **values)
    return page.click("compareButton")


def figures(page, heading):
    """Return figure → (planned, found, difference) below a heading of the table; the first of two of one name."""
    rows = page.rows("figuresTable")
    found = {}
    for row in rows[rows.index((heading,)) + 1 :]:
        if len(row) == 1:
            break
        found.setdefault(row[0], row[1:])
    return found


def drawn():
    """Return the names of what the scene shows of an outcome."""
    return {node.GetName() for node in sceneNodes() if node.GetAttribute(OUTCOME_ATTRIBUTE)}


def mm(text):
    return float(text.removesuffix(" mm"))


def test_withoutACaseNothingCanBeDone(user, ownSite):
    page = Page(user, user.show("PlanningHub"), "OutcomePanel")
    for name in ("compareButton", "openButton", "saveButton"):
        assert page.whyNot(name) == "Open a case first."
    assert page.ui.figuresCollapsibleButton.isHidden()


def test_withoutAPlanTheButtonSaysSo(turnTo):
    page = turnTo("OutcomePanel", "segmented")
    assert page.whyNot("compareButton") == "Keep a plan first."


def test_outcomeIsComparedShownAndSaved(aPage, theScans, tmp_path, monkeypatch):  # noqa: F811
    import qt

    page = aPage
    assert page.whyNot("compareButton") == "Choose the CT after the operation."
    assert (page.ui.thresholdSpinBox.value, page.ui.metalSpinBox.value, page.ui.worstSpinBox.value) == (300, 2500, 1.0)
    offered = [page.ui.onComboBox.itemText(index) for index in range(page.ui.onComboBox.count)]
    assert offered[0] == "what the first cut cuts" and "lower" in offered and "upper advanced" not in offered
    said = compare(page, theScans / "after", onComboBox="lower")
    assert said == "The outcome is kept; look at its figures and its report."
    outcome = opened(page).require("outcome")
    assert outcome.parameters["on"] == "lower" and opened(page).verify() == []
    assert [row[1:2] + row[3:] for row in page.rows("outcomesTable")] == [("Outcome of test", "current")]
    assert page.color("outcomesTable", 0, 3) == GOOD

    cut = figures(page, "Cut: cut plane")
    assert cut["Direction (R A S)"][0] == "0.14 0.00 0.99"
    assert float(cut["Direction (R A S)"][2].removesuffix("°")) == pytest.approx(4, abs=0.6)
    assert mm(cut["Offset along it"][2]) == pytest.approx(1.5, abs=0.5)
    screw = figures(page, "Trajectory: screw")
    assert screw["Length"][0] == "22.00 mm" and screw["Seen in"][1] == "the metal"
    assert mm(screw["beside the axis"][2]) == pytest.approx(numpy.hypot(1, 1), abs=0.3)
    assert {"along R", "along A", "along S", "Turn"} <= set(figures(page, "Body: upper advanced"))
    assert page.ui.registrationLabel.text.startswith("Registered on lower: 0.")

    assert page.click("showButton").startswith("Beside the plan, in magenta") and page.ui.showButton.checked
    names = {"upper advanced, planned", "upper advanced, found", "cut plane, found", "screw, found"}
    assert drawn() == names
    page.user.host.act(page.home.refresh)
    assert page.ui.showButton.checked and drawn() == names
    page.click("showButton")
    assert not page.ui.showButton.checked and drawn() == set()

    shown = []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda url: shown.append(url.toLocalFile()) or True)
    page.click("openButton")
    assert shown == [str(opened(page).path(outcome, "report.pdf"))]
    for name in ("report.pdf", "outcome.csv"):
        page.user.host.answer(str(tmp_path / name))
        assert page.click("saveButton") == f"Saved: {tmp_path / name}"
        assert (tmp_path / name).read_bytes() == opened(page).path(outcome, name).read_bytes()
    assert [one["destination"] for one in departures(opened(page)) if one["purpose"] == "outcome-report"] == [
        f"file {tmp_path / name}" for name in ("report.pdf", "outcome.csv")
    ]


def test_whatIsRefusedIsSaidAndNothingIsKept(aPage, theScans, tmp_path):  # noqa: F811
    page = aPage
    assert compare(page, theScans / "before").startswith("This is the scan that was planned on.")
    stranger = writeOutcome(tmp_path / "stranger", patientId="SOMEONE-ELSE")
    assert "another patient" in compare(page, stranger)
    (tmp_path / "points.json").write_text("{}")
    assert "cannot be used" in compare(page, theScans / "after", achievedPathLineEdit=tmp_path / "points.json")
    done = page.user.cancelDuring(page.home, 0.3)
    assert compare(page, theScans / "after", achievedPathLineEdit="") == "Cancelled; the case is as it was." and done
    assert opened(page).latest("outcome") is None and page.rows("outcomesTable") == []


def test_pointsOfAFileCountAndWhatIsNotFoundIsSaid(aPage, theScans, tmp_path):  # noqa: F811
    page = aPage
    moved = [(SCAN_MOTION @ [*point, 1])[:3].tolist() for point in ACHIEVED_SCREW]
    (tmp_path / "points.json").write_text(json.dumps({"frame": "RAS", "trajectories": {"screw": moved}}))
    compare(page, theScans / "after", achievedPathLineEdit=tmp_path / "points.json", onComboBox="lower")
    screw = figures(page, "Trajectory: screw")
    assert screw["Seen in"][1] == "points given" and mm(screw["Entry"][2]) == pytest.approx(numpy.hypot(1, 1), abs=0.3)
    # Nothing is as dense as this metal.
    compare(page, theScans / "after", achievedPathLineEdit="", metalSpinBox=3100)
    assert page.rows("figuresTable")[0] == ("screw: not found, there is no metal around the planned axis",)
    assert page.color("figuresTable", 0, 0) == DOUBT
    assert [row[3] for row in page.rows("outcomesTable")] == ["current", "stale"]


def test_staleAndDamagedOutcomesAreSaidSo(aPage, theScans, aSession):  # noqa: F811
    page = aPage
    compare(page, theScans / "after", onComboBox="lower")
    page.click("showButton")
    with Case.open(page.home.activeFolder(), writable=True) as case:
        makePlan(case, aSession, planOf(*steps()[:2]))
    page.user.host.act(page.home.refresh)
    assert [row[3] for row in page.rows("outcomesTable")] == ["stale"] and page.color("outcomesTable", 0, 3) == DOUBT
    assert page.ui.registrationLabel.text.startswith("Stale: the plan has changed since")
    assert page.whyNot("showButton") == "Stale: compare again." and drawn() == set()
    assert figures(page, "Trajectory: screw"), "what it said can still be read"
    with opened(page) as case:
        path = case.path(case.latest("outcome"), "outcome.json")
    path.write_bytes(b"{}")
    page.user.host.act(page.home.refresh)
    assert [row[3] for row in page.rows("outcomesTable")] == ["damaged"] and page.rows("figuresTable") == []
    assert page.whyNot("openButton") == "Its files were changed outside the suite."


def test_archiveIsAskedForTheCtOnly(aPage):
    page = aPage
    page.enter(sourceKindComboBox="Hospital archive (DICOMweb)")
    assert not page.ui.archiveWidget.isHidden() and page.ui.folderPathLineEdit.isHidden()
    assert page.whyNot("compareButton") == "Choose the CT after the operation."
    page.enter(archiveUrlLineEdit="http://127.0.0.1:9/dicom-web", patientLineEdit="P1", archiveSecretLineEdit="token")
    assert page.panel._source()[1][-1] == ("modality", "CT")
    assert "127.0.0.1:9" in page.click("compareButton")
    assert page.ui.archiveSecretLineEdit.text == "" and opened(page).latest("outcome") is None
