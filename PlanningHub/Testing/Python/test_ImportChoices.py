"""The import page's choices beyond the folder: files that stay, images that name no patient, archives with a login."""

import base64
import urllib.request

import pydicom
import pytest
from ImportPages import ARCHIVE, GENERAL, checkFile, fill, theCase, verdictOf, zipOf
from VerdictMaking import writeEllipsoid, writeHead

from PlanningHubLib.Volumes import seriesPaths
from Servers.OrthancServer import OrthancServer, whyNoOrthanc
from StandInHost.User import importing, message, sceneNodes


def test_theFilesStayWhereTheyLieOnlyWhenTheUserSaysSo(user, tmp_path):
    aScan = writeHead(tmp_path / "ct")
    home = user.check(aScan, procedure=GENERAL)
    assert not importing(home).referenceCheckBox.checked
    user.host.click(importing(home).referenceCheckBox)
    user.host.click(importing(home).importButton)
    case = theCase(user)
    source = case.require("source")
    assert source.parameters["reference"] and {case.path(source, name).parent for name in source.files} == {aScan}
    assert not list(case.folder.rglob("*.dcm"))


def test_aZipCannotBeReferredTo(user, tmp_path):
    home = checkFile(user, zipOf(writeHead(tmp_path / "head"), tmp_path / "ct"))
    user.host.click(importing(home).referenceCheckBox)
    user.host.click(importing(home).importButton)
    assert "cannot refer to it" in message(home) and list(user.casesFolder.iterdir()) == []


def test_thePatientOfAnonymousImagesIsStatedNeverGuessed(user, tmp_path):
    home = user.check(writeHead(tmp_path / "ct", PatientID="", StudyInstanceUID=""), procedure=GENERAL)
    ui = importing(home)
    assert verdictOf(home) == "REJECT" and not ui.patientIdWidget.isHidden()
    assert not ui.repairCheckBox.isHidden() and not ui.repairCheckBox.enabled, "it waits for the patient ID"
    user.host.enter(ui.patientIdLineEdit, "STATED-1")
    user.host.click(ui.repairCheckBox)
    assert verdictOf(home) == "WARN" and ui.importButton.enabled
    user.host.enter(ui.patientIdLineEdit, "STATED-2")
    assert verdictOf(home) == "REJECT" and not ui.importButton.enabled, "what was judged had another patient ID"
    user.host.click(ui.repairCheckBox)
    user.host.click(ui.importButton)
    case = theCase(user)
    paths = seriesPaths(case, case.require("source"))
    assert {pydicom.dcmread(path).PatientID for path in paths} == {"STATED-2"}
    assert ui.patientIdLineEdit.text == "" and ui.patientIdWidget.isHidden()
    assert not any("STATED" in str(node) for node in sceneNodes())


def test_imagesThatNameTheirPatientAskForNone(user, tmp_path):
    home = user.check(writeEllipsoid(tmp_path / "tilted", tiltDegrees=12.0), procedure=GENERAL)
    assert importing(home).patientIdWidget.isHidden() and importing(home).repairCheckBox.enabled


@pytest.fixture(scope="module")
def aGuardedArchive(tmp_path_factory):
    reason = whyNoOrthanc()
    if reason:
        pytest.skip(reason)
    folder = writeHead(tmp_path_factory.mktemp("guarded"), PatientID="PHANTOM-8")
    with OrthancServer(user=("anna", "long secret")) as server:
        login = base64.b64encode(b"anna:long secret").decode()
        for path in folder.iterdir():
            request = urllib.request.Request(f"{server.url}/instances", path.read_bytes(), method="POST",
                                             headers={"Authorization": f"Basic {login}"})  # fmt: skip
            urllib.request.urlopen(request, timeout=30).close()
        yield server


def test_anArchiveMayAskWhoOneIs(user, aGuardedArchive):
    fields = {"archiveUrlLineEdit": f"{aGuardedArchive.url}/dicom-web", "patientLineEdit": "PHANTOM-8"}
    home = fill(user, ARCHIVE, **fields)
    ui = importing(home)
    user.host.click(ui.checkButton)
    assert "wants to know who asks" in message(home)
    user.host.enter(ui.archiveUserLineEdit, "anna")
    user.host.enter(ui.archiveSecretLineEdit, "wrong secret")
    user.host.click(ui.checkButton)
    assert "does not accept the user name" in message(home) and "secret" not in message(home)
    assert ui.archiveSecretLineEdit.text == "", "a password does not stay on the screen"
    user.host.enter(ui.archiveSecretLineEdit, "long secret")
    user.host.click(ui.checkButton)
    assert verdictOf(home) == "ACCEPT", message(home)
    assert not any("secret" in str(node) for node in sceneNodes())


def test_aPasswordIsRememberedOnlyWhenWanted(user, aGuardedArchive, ownHome, monkeypatch, tmp_path):
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("to encrypt with")
    passphrase.chmod(0o600)
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(passphrase))
    fields = {"archiveUrlLineEdit": f"{aGuardedArchive.url}/dicom-web", "patientLineEdit": "PHANTOM-8",
              "archiveUserLineEdit": "anna", "archiveSecretLineEdit": "long secret"}  # fmt: skip
    home = fill(user, ARCHIVE, **fields)
    user.host.click(importing(home).archiveRememberCheckBox)
    user.host.click(importing(home).checkButton)
    assert verdictOf(home) == "ACCEPT", message(home)
    user.host.enter(importing(home).archiveUserLineEdit, "")
    user.host.click(importing(home).checkButton)
    assert verdictOf(home) == "ACCEPT", message(home)
    assert not any(b"long secret" in path.read_bytes() for path in ownHome.rglob("*") if path.is_file())
