"""The import page as its user meets it: every kind of source, the verdict, and that what was shown is imported."""

import json
import shutil
import tempfile
import urllib.request
from pathlib import Path

import Judges
import numpy
import pydicom
import pytest
from CaseMaking import newCase
from VerdictMaking import ELLIPSOID_ML, SHAPE, headVoxels, writeEllipsoid, writeHead

from Phantom.Faults import damagedCopy
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Procedures import procedureTitles
from PlanningHubLib.Session import Session
from PlanningHubLib.SourcesDicomWeb import archiveAddress, parseAddress
from PlanningHubLib.Volumes import loadSource
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from StandInHost.User import bone, importing, message, sceneNodes, tableTexts, tree

FILE, ARCHIVE = "File: ZIP, DICOMDIR or DICOM", "Hospital archive (DICOMweb)"
GENERAL = "General planning"


@pytest.fixture(autouse=True)
def ownTemporaryFolder(tmp_path, monkeypatch):
    """What is unpacked lands where the tests see it."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def aScan(tmp_path):
    """A scan that is good enough for general planning."""
    return writeHead(tmp_path / "ct")


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


def verdictOf(home):
    """The word that is shown, empty where no verdict is."""
    ui = importing(home)
    return "" if ui.resultWidget.isHidden() else ui.verdictLabel.text.split("</b>")[0].split(">")[-1]


def theCase(user):
    (folder,) = user.casesFolder.iterdir()
    case = Case.open(folder)
    assert case.verify() == []
    return case


def fill(user, kind, **fields):
    home = user.show("PlanningHub")
    user.host.enter(importing(home).sourceKindComboBox, kind)
    for name, value in fields.items():
        user.host.enter(getattr(importing(home), name), value)
    user.host.enter(importing(home).procedureComboBox, GENERAL)
    user.host.enter(importing(home).sideComboBox, "left")
    return home


def checkFile(user, path):
    home = fill(user, FILE, filePathLineEdit=path)
    user.host.click(importing(home).checkButton)
    return home


def zipOf(folder, path):
    return Path(shutil.make_archive(str(path), "zip", folder))


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


def test_aZipIsUnpackedForTheCheckAndRemovedAfterTheImport(user, aScan, tmp_path, ownTemporaryFolder):
    home = checkFile(user, zipOf(aScan, tmp_path / "examination"))
    assert verdictOf(home) == "ACCEPT" and len(list(ownTemporaryFolder.rglob("*.dcm"))) == SHAPE[0]
    user.host.click(importing(home).importButton)
    assert theCase(user).latest("source").facts["shape"] == list(SHAPE)
    assert list(ownTemporaryFolder.iterdir()) == [] and importing(home).filePathLineEdit.currentPath == ""


def test_aDicomdirAndASingleFileAreTaken(user, aScan, tmp_path):
    from pydicom.fileset import FileSet

    medium = FileSet()
    for path in aScan.iterdir():
        medium.add(path)
    medium.write(tmp_path / "medium")
    home = checkFile(user, tmp_path / "medium" / "DICOMDIR")
    assert verdictOf(home) == "ACCEPT"
    home = checkFile(user, next(aScan.iterdir()))
    assert verdictOf(home) == "REJECT" and "1 slice" in tableTexts(importing(home).findingsTable)[0][1]


@pytest.fixture(scope="module")
def anArchive(tmp_path_factory):
    """A real Orthanc that holds one scan."""
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    folder = writeHead(tmp_path_factory.mktemp("archived"), PatientID="PHANTOM-7")
    with OrthancServer() as server:
        for path in folder.iterdir():
            request = urllib.request.Request(f"{server.url}/instances", path.read_bytes(), method="POST")
            urllib.request.urlopen(request, timeout=30).close()
        yield server


def test_theHospitalsArchiveIsSearchedAndWhatWasRetrievedIsRemoved(user, anArchive, ownTemporaryFolder):
    fields = {"archiveUrlLineEdit": f"{anArchive.url}/dicom-web", "patientLineEdit": "PHANTOM-7"}
    home = fill(user, ARCHIVE, **fields)
    user.host.click(importing(home).checkButton)
    assert verdictOf(home) == "ACCEPT", message(home)
    assert list(ownTemporaryFolder.iterdir()) != []
    user.host.click(importing(home).importButton)
    assert theCase(user).latest("source").facts["shape"] == list(SHAPE)
    assert list(ownTemporaryFolder.iterdir()) == []
    # The archive's address stays for the next patient; nothing of the patient does.
    assert importing(home).archiveUrlLineEdit.text == fields["archiveUrlLineEdit"]
    assert importing(home).patientLineEdit.text == ""
    assert not any("PHANTOM-7" in str(node) for node in sceneNodes())


def test_anArchiveThatDoesNotAnswerIsNamed(user):
    url = f"http://127.0.0.1:{freePort()}/dicom-web"
    home = fill(user, ARCHIVE, archiveUrlLineEdit=url, patientLineEdit="1")
    user.host.click(importing(home).checkButton)
    assert message(home) != "" and "bug" not in message(home) and verdictOf(home) == ""
    user.host.enter(importing(home).archiveUrlLineEdit, "http://archive.example/dicom-web")
    user.host.click(importing(home).checkButton)
    assert "Plain HTTP" in message(home)


def test_archiveAddressQuotesWhatAPatientIdMayHold():
    address = archiveAddress("https://archive.example/dicom-web/", patient=" a&b=c d+é#/ ", date="2026-01-31",
                             modality="", accession=None)  # fmt: skip
    assert parseAddress(address) == (
        "https://archive.example/dicom-web", {"patient": "a&b=c d+é#/", "date": "20260131"})  # fmt: skip
    for base, keys in (("https://archive.example/?x=1", {"patient": "1"}), ("https://archive.example/#a", {}),
                       ("", {"patient": "1"}), ("https://archive.example", {"date": "2026-01-31"}),
                       ("https://me:secret@archive.example", {"patient": "1"})):  # fmt: skip
        with pytest.raises(UsageError) as refused:
            archiveAddress(base, **keys)
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        ("sideComboBox", "right"),
        ("procedureComboBox", "Spine"),
        ("filePathLineEdit", "elsewhere.zip"),
        ("sourceKindComboBox", "Folder"),
    ],
)
def test_aChangeVoidsTheCheckAndRemovesWhatWasUnpacked(user, aScan, tmp_path, ownTemporaryFolder, change):
    home = checkFile(user, zipOf(aScan, tmp_path / "examination"))
    assert importing(home).importButton.enabled
    user.host.enter(getattr(importing(home), change[0]), change[1])
    assert verdictOf(home) == "" and not importing(home).importButton.enabled
    assert list(ownTemporaryFolder.iterdir()) == []


def test_aClosedSceneVoidsTheCheck(user, aScan, tmp_path, ownTemporaryFolder):
    home = checkFile(user, zipOf(aScan, tmp_path / "examination"))
    user.host.closeScene()
    assert verdictOf(home) == "" and list(ownTemporaryFolder.iterdir()) == []
    assert importing(home).filePathLineEdit.currentPath == "" and not importing(home).importButton.enabled


def test_aReloadedModuleLeavesNothingUnpacked(user, aScan, tmp_path, ownTemporaryFolder):
    checkFile(user, zipOf(aScan, tmp_path / "examination"))
    home = user.host.reloadModule("PlanningHub")
    assert list(ownTemporaryFolder.iterdir()) == [] and verdictOf(home) == ""


def test_goingToAnotherModuleAndBackKeepsTheCheck(user, aScan):
    home = user.check(aScan, procedure=GENERAL)
    user.show("PrintPrep")
    user.show("PlanningHub")
    assert verdictOf(home) == "ACCEPT" and importing(home).importButton.enabled


def test_whatChangedAfterTheCheckIsNotImported(user, aScan):
    home = user.check(aScan, procedure=GENERAL)
    path = sorted(aScan.iterdir())[20]
    image = pydicom.dcmread(path)
    image.PatientID = "SOMEBODY-ELSE"
    image.save_as(path)
    user.host.click(importing(home).importButton)
    assert "changed since they were checked" in message(home) and list(user.casesFolder.iterdir()) == []


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.6, 0.85])
def test_aCancelledCheckLeavesNothing(user, aScan, tmp_path, ownTemporaryFolder, fraction):
    path = zipOf(aScan, tmp_path / "examination")
    home = user.show("PlanningHub")
    done = user.cancelDuring(home, fraction)
    checkFile(user, path)
    assert done and message(home) == "Cancelled; nothing was stored."
    assert verdictOf(home) == "" and list(ownTemporaryFolder.iterdir()) == []
    user.host.click(importing(home).checkButton)
    assert verdictOf(home) == "ACCEPT"


def test_aCancelledImportKeepsTheCheck(user, aScan):
    home = user.check(aScan, procedure=GENERAL)
    done = user.cancelDuring(home, 0.5)
    user.host.click(importing(home).importButton)
    assert done and message(home).startswith("Cancelled") and list(user.casesFolder.iterdir()) == []
    user.host.click(importing(home).importButton)
    assert theCase(user).side == "left"


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
