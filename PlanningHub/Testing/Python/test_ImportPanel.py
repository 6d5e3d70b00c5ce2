"""The page of the import: verdict, series, repair and re-scan request as the user meets them."""

import json

import Judges
import numpy
import pytest
from CaseMaking import newCase
from ImportPages import GENERAL, theCase, verdictOf
from VerdictMaking import ELLIPSOID_ML, SHAPE, headVoxels, writeEllipsoid, writeHead

from Phantom.Faults import damagedCopy
from PlanningHubLib.Procedures import procedureTitles
from PlanningHubLib.Session import Session
from PlanningHubLib.Volumes import loadSource
from StandInHost.User import bone, importing, message, tableTexts, tree

pytestmark = pytest.mark.usefixtures("ownTemporaryFolder")


@pytest.fixture
def twoSeries(tmp_path):
    """An examination of two volumes; the second is coarser."""
    writeHead(tmp_path / "study" / "fine", SeriesDescription="Fine", SeriesInstanceUID="1.2.3.1")
    writeHead(tmp_path / "study" / "coarse", headVoxels()[::2], (0.5, 0.5, 2.0), SeriesDescription="Coarse",
              SeriesInstanceUID="1.2.3.2")  # fmt: skip
    return tmp_path / "study"


@pytest.fixture
def aTiltedScan(tmp_path):
    return writeEllipsoid(tmp_path / "tilted", tiltDegrees=12.0)


def select(user, home, row):
    user.host.act(importing(home).seriesTable.setCurrentCell, row, 0)


def test_aGoodScanIsAcceptedAndBecomesACase(user, aScan):
    home = user.check(aScan, procedure=GENERAL)
    assert verdictOf(home) == "ACCEPT" and importing(home).findingsTable.isHidden()
    assert list(user.casesFolder.iterdir()) == [], "a check stores nothing"
    user.host.click(importing(home).importButton)
    case = theCase(user)
    assert (case.side, case.procedure, case.latest("source").facts["verdict"]) == ("left", "general", "accept")
    assert verdictOf(home) == "" and not importing(home).importButton.enabled


def test_titlesAreShownAndNamesAreKept(user, aScan):
    home = user.fillImport(aScan, procedure="Mandible reconstruction")
    assert home.parameters.procedure == "mandible"
    user.host.enter(importing(home).procedureComboBox, "something of our own")
    assert home.parameters.procedure == "something of our own"
    home.parameters.procedure = "spine"
    assert importing(home).procedureComboBox.currentText == "Spine"
    shown = {importing(home).procedureComboBox.itemText(row) for row in range(importing(home).procedureComboBox.count)}
    assert shown == set(procedureTitles().values()) and len(shown) >= 9


def test_aSitesBrokenProcedureHidesNoOther(ownHome):
    (ownHome / "procedures").mkdir(parents=True)
    (ownHome / "procedures" / "knee.json").write_text("{")
    assert procedureTitles()["knee"] == "knee" and procedureTitles()["spine"] == "Spine"


def test_aWarningIsReadAndTheCaseIsMade(user, aScan):
    home = user.check(aScan)
    assert verdictOf(home) == "WARN"
    assert [row[0] for row in tableTexts(importing(home).findingsTable)] == ["Look", "Look"]
    assert "48 mm" in tableTexts(importing(home).findingsTable)[0][1]
    user.host.click(importing(home).importButton)
    codes = [one["code"] for one in theCase(user).latest("source").facts["findings"]]
    assert codes == ["coverage", "field-of-view"]


@pytest.mark.parametrize(
    "fault, words",
    [
        ("twoPatients", "patient"),
        ("missingSlice", "missing"),
        ("truncatedSlice", "cut off"),
        ("zeroSpacing", "spacing"),
    ],
)
def test_whatMustNotBePlannedOnIsRejectedInWords(user, smallHead, tmp_path, fault, words):
    home = user.check(damagedCopy(fault, smallHead, tmp_path / "damaged"))
    assert verdictOf(home) == "REJECT" and importing(home).repairCheckBox.isHidden()
    first = tableTexts(importing(home).findingsTable)[0]
    assert first[0] == "Stop" and words in first[1] and first[2]
    assert not importing(home).importButton.enabled and not importing(home).reviseButton.enabled
    assert list(user.casesFolder.iterdir()) == []


def test_theSideInTheImagesIsHeldAgainstTheRequest(user, tmp_path):
    scan = writeHead(tmp_path / "right", Laterality="R")
    assert verdictOf(user.check(scan, "left", GENERAL)) == "REJECT"
    assert verdictOf(user.check(scan, "right", GENERAL)) == "ACCEPT"


def test_amongSeveralSeriesNoneIsGuessed(user, twoSeries):
    home = user.check(twoSeries, procedure=GENERAL)
    assert verdictOf(home) == "CHOOSE A SERIES" and not importing(home).importButton.enabled
    table = importing(home).seriesTable
    assert table.currentRow() == -1
    assert [row[0].split("\n")[0] for row in tableTexts(table)] == ["1. Fine", "2. Coarse"]
    assert "112 × 96, 48 slices" in tableTexts(table)[0][0] and "0.50 × 0.50 × 2.00 mm" in tableTexts(table)[1][0]
    select(user, home, 1)
    assert verdictOf(home) == "WARN" and table.currentRow() == 1
    user.host.click(importing(home).importButton)
    facts = theCase(user).latest("source").facts
    assert facts["seriesUid"] == "1.2.3.2" and facts["shape"][0] == SHAPE[0] // 2


def test_seriesAreShownAsTheyLook(user, twoSeries):
    import qt

    home = user.check(twoSeries, procedure=GENERAL)
    image = importing(home).seriesTable.item(0, 0).icon().pixmap(qt.QSize(56, 56)).toImage()
    # The head's shell of bone is bright, the air around it black.
    grays = [qt.QColor(image.pixel(column, 28)).red() for column in range(56)]
    assert grays[0] < 20 and max(grays) > 200 and grays[28] < 200


def test_aSeriesThatCannotBeShownIsListedAllTheSame(user, tmp_path):
    home = user.check(writeHead(tmp_path / "ct", Rows=None), procedure=GENERAL)
    assert verdictOf(home) == "REJECT" and importing(home).seriesTable.rowCount == 1
    assert importing(home).seriesTable.item(0, 0).icon().isNull()


def test_anotherSeriesIsJudgedWithoutReadingAllHeadersAgain(user, twoSeries, monkeypatch):
    home = user.check(twoSeries, procedure=GENERAL)
    monkeypatch.setattr("PlanningHubLib.Import.scanOpened", None)
    select(user, home, 1)
    select(user, home, 0)
    assert verdictOf(home) == "ACCEPT"


def test_aRefusedSeriesIsListedWithTheReason(user, tmp_path):
    writeHead(tmp_path / "study" / "volume", SeriesInstanceUID="1.2.3.1")
    writeHead(tmp_path / "study" / "scout", SeriesInstanceUID="1.2.3.2", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    home = user.check(tmp_path / "study", procedure=GENERAL)
    assert verdictOf(home) == "ACCEPT" and importing(home).seriesTable.currentRow() == 0
    assert "localizer" in tableTexts(importing(home).seriesTable)[1][1]
    select(user, home, 1)
    assert verdictOf(home) == "REJECT" and not importing(home).importButton.enabled


def test_aTiltIsRepairedOnlyWhenTheUserAgrees(user, aTiltedScan):
    home = user.check(aTiltedScan, procedure=GENERAL)
    repair = importing(home).repairCheckBox
    assert verdictOf(home) == "REJECT" and not repair.isHidden() and not repair.checked
    user.host.enter(repair, True)
    assert verdictOf(home) == "WARN" and repair.checked and importing(home).importButton.enabled
    user.host.enter(repair, False)
    assert verdictOf(home) == "REJECT" and not importing(home).importButton.enabled
    user.host.enter(repair, True)
    user.host.click(importing(home).importButton)
    case = theCase(user)
    source = case.latest("source")
    assert source.facts["repair"]["tiltDegrees"] == pytest.approx(12, abs=0.1)
    with Session.start() as session:
        node = loadSource(case, session, source)
        from slicer.util import arrayFromVolume

        volumeMl = (arrayFromVolume(node) > 540).sum() * numpy.prod(node.GetSpacing()) / 1000
    assert volumeMl == pytest.approx(ELLIPSOID_ML, rel=0.01)
    # Agreed once is not agreed for the next patient.
    assert not importing(user.check(aTiltedScan, procedure=GENERAL)).repairCheckBox.checked


def test_aRescanRequestIsWrittenWhateverTheVerdict(user, aTiltedScan, tmp_path):
    home = user.check(aTiltedScan)
    user.host.answer(tmp_path / "request.pdf")
    user.host.click(importing(home).rescanButton)
    text = " ".join(Judges.run("pdftotext", "-layout", tmp_path / "request.pdf", "-").split())
    assert "REJECT" in text and "LEFT" in text and "tilted by 12.0 degrees" in text and "PHANTOM-1" not in text
    before = tree(tmp_path)
    user.host.answer("")
    user.host.click(importing(home).rescanButton)
    user.host.answer(tmp_path / "request.pdf")
    user.host.click(importing(home).rescanButton)
    assert "exists" in message(home) and tree(tmp_path) == before


def test_theOpenCaseGetsANewRevisionOfItsImages(user, aScan, tmp_path):
    home = user.check(aScan, procedure=GENERAL)
    assert not importing(home).reviseButton.enabled
    user.host.click(importing(home).importButton)
    user.host.click(bone(home).segmentButton)
    again = writeHead(tmp_path / "again", headVoxels(seed=5), SeriesInstanceUID="1.2.3.9")
    user.check(again, procedure=GENERAL)
    user.host.click(importing(home).reviseButton)
    source = theCase(user).latest("source")
    assert (source.revision, source.facts["seriesUid"]) == (2, "1.2.3.9")
    assert home.stepBar.buttons["segmentation"].text[0] == "\u26a0"
    other = writeHead(tmp_path / "other", PatientID="SOMEBODY-ELSE")
    user.check(other, procedure=GENERAL)
    user.host.click(importing(home).reviseButton)
    assert "another patient" in message(home) and theCase(user).latest("source").revision == 2
    # Still as checked: a new case can be made of it.
    user.host.click(importing(home).importButton)
    assert len(list(user.casesFolder.iterdir())) == 2


def test_aCaseWithoutImagesIsNoObstacle(user, aScan, tmp_path):
    with newCase(tmp_path / "cases" / "empty", side="left"):
        pass
    home = user.open(tmp_path / "cases" / "empty")
    user.check(aScan, procedure=GENERAL)
    user.host.click(importing(home).reviseButton)
    assert "another patient" in message(home)
    assert json.loads((tmp_path / "cases" / "empty" / "case.json").read_text())["artefacts"] == []
