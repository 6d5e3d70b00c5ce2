"""Where the page of the import takes its images from: archives, files, and the hospital's own."""

import urllib.request

import pytest
from ImportPages import ARCHIVE, checkFile, fill, theCase, verdictOf, zipOf
from VerdictMaking import SHAPE, writeHead

from PlanningHubLib.Errors import UsageError
from PlanningHubLib.SourcesDicomWeb import archiveAddress, parseAddress
from Servers.OrthancServer import OrthancServer, freePort, whyNoOrthanc
from StandInHost.User import importing, message, sceneNodes, tableTexts

pytestmark = pytest.mark.usefixtures("ownTemporaryFolder")


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
