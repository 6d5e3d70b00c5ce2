"""The sync module as its user meets it: what would go where, sending, proof, and a store that fails."""

import shutil
import socket
import sys

import pytest

from PlanningHubLib.ArchiveAccess import recall
from PlanningHubLib.Case import Case
from Servers.OrthancServer import OrthancServer, whyNoOrthanc
from StandInHost.User import bone, message, sending, tableTexts, tree


@pytest.fixture(autouse=True)
def impatient(user, monkeypatch):
    """Nobody waits here for a store that does not answer."""
    monkeypatch.setattr(sys.modules[type(user.host.widget("CentralSync")).__module__], "PATIENCE_SECONDS", 0.0)


@pytest.fixture
def packaged(user, aCaseFolder):
    """Folder of a case with a package that is open."""
    folder = aCaseFolder("packaged")
    user.open(folder)
    return folder


def enterStore(user, address):
    widget = user.show("CentralSync")
    user.host.enter(widget.ui.storeLineEdit, str(address))
    return widget


def send(user, address):
    widget = enterStore(user, address)
    user.host.click(sending(widget).sendButton)
    return widget


def rows(widget):
    return {row[0]: row[1:] for row in tableTexts(sending(widget).itemsTable) if len(row) > 1}


def reasons(widget):
    return [row[0] for row in tableTexts(sending(widget).itemsTable) if len(row) == 1]


def test_withoutACaseNothingCanBeSent(user, tmp_path):
    widget = enterStore(user, tmp_path / "store")
    assert widget.header.nameLabel.text == "No case is open" and not sending(widget).sendButton.enabled
    page = sending(widget)
    assert "make the package first" in page.previewLabel.text and tableTexts(page.itemsTable) == []


def test_withoutAPackageNothingCanBeSent(user, aCaseFolder, tmp_path):
    user.open(aCaseFolder("printed"))
    widget = enterStore(user, tmp_path / "store")
    assert not sending(widget).sendButton.enabled and "make the package first" in sending(widget).previewLabel.text


def test_whatGoesWhereIsShownBeforeAnythingIsSent(user, packaged, tmp_path):
    widget = user.show("CentralSync")
    assert sending(widget).previewLabel.text == "Choose the store." and not sending(widget).sendButton.enabled
    enterStore(user, tmp_path / "store")
    case = Case.open(packaged)
    paths = [path for kind in ("source", "segmentation", "part", "package")
             for path in case.artefactFolder(case.latest(kind)).rglob("*") if path.is_file()]  # fmt: skip
    megabytes = sum(path.stat().st_size for path in paths) / 1e6
    text = sending(widget).previewLabel.text
    assert str(tmp_path / "store") in text and f"{len(paths)} files, {megabytes:.1f} MB" in text
    assert rows(widget)["CT series"][0] == "60" and {row[2] for row in rows(widget).values()} == {"to send"}
    assert not (tmp_path / "store").exists()


def test_aFolderIsNamedWithItsWholePath(user, packaged, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path / "store") in sending(enterStore(user, "store")).previewLabel.text


def test_aDicomStoreIsSaidToTakeFilesWrapped(user, packaged):
    widget = enterStore(user, "dicomweb+https://pacs.example.org/dicom-web")
    what = [(row[0], row[1], row[3]) for row in tableTexts(sending(widget).itemsTable) if len(row) > 1]
    names = Case.open(packaged).latest("package").files
    objects = sum(name.endswith(".dcm") for name in names)
    assert what == [
        ("CT series", "60", "to send"),
        ("Bone segmentation", "1", "to send"),
        ("Printable part", "5", "to send"),
        ("Operating-room package", str(objects), "to send"),
        ("Operating-room package", str(len(names) - objects), "to send"),
    ]
    assert f"{66 + len(names)} files" in sending(widget).previewLabel.text
    assert reasons(widget) == ["This store keeps DICOM objects only; one carries each of them."] * 3


@pytest.mark.parametrize(
    "address, words",
    [
        ("dicom://host:104", "not of the form dicom://AET@host:port"),
        ("ftp://host/path", "There is no store of the kind ftp://"),
        ("dicomweb+http://pacs.example.org/x", "Plain HTTP to pacs.example.org would show patient data"),
    ],
)
def test_anAddressThatCannotBeIsRefusedAtOnce(user, packaged, address, words):
    widget = enterStore(user, address)
    assert words in sending(widget).previewLabel.text and not sending(widget).sendButton.enabled


def test_aSecretInTheAddressIsRefusedAndNotKept(user, packaged):
    from StandInHost.User import sceneNodes

    widget = enterStore(user, "dicomweb+https://name:word@pacs.example.org/x")
    page = sending(widget)
    assert "holds a user name or a password" in page.previewLabel.text and not page.sendButton.enabled
    assert widget.ui.storeLineEdit.text == "" and not any("word@" in str(node) for node in sceneNodes())


def test_theCaseIsSentAndProven(user, packaged, tmp_path):
    widget = send(user, tmp_path / "store")
    case = Case.open(packaged)
    receipt = case.latest("receipt")
    assert case.verify() == [] and receipt.facts["verified"] > 60
    assert message(widget).endswith("different files are in the store, read back and equal.")
    # The package holds copies of the part's files: sent once, there in both places.
    assert rows(widget)["Operating-room package"][0] == str(len(case.latest("package").files))
    assert {row[2] for row in rows(widget).values()} == {"verified"} and rows(widget)["CT series"][0] == "60"
    kept = {path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()}
    assert {data for name, data in tree(packaged).items() if name.startswith("artefacts/source")} <= kept


def test_theResultIsOnlySaidOfTheStoreItIsAbout(user, packaged, tmp_path):
    widget = send(user, tmp_path / "store")
    enterStore(user, tmp_path / "other")
    assert {row[2] for row in rows(widget).values()} == {"to send"}


def test_aFolderThatCannotBeWrittenLeavesAllWaiting(user, packaged, tmp_path):
    (tmp_path / "occupied").write_text("a file, not a folder")
    before = tree(packaged / "artefacts")
    widget = send(user, tmp_path / "occupied" / "store")
    assert "stay to be sent" in message(widget) and "verified" not in {row[2] for row in rows(widget).values()}
    assert tree(packaged / "artefacts") == before


def test_aStoreThatIsDownLeavesAllWaiting(user, packaged):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    before = tree(packaged / "artefacts")
    widget = send(user, f"dicomweb+http://127.0.0.1:{port}/dicom-web")
    assert "items stay to be sent" in message(widget) and rows(widget)["CT series"][2] == "waiting"
    assert len(reasons(widget)) == len(tableTexts(sending(widget).itemsTable)) / 2, "a reason for each"
    assert tree(packaged / "artefacts") == before and sending(widget).sendButton.enabled


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.8])
def test_cancelledSendingMakesNoReceipt(user, packaged, tmp_path, fraction):
    widget = enterStore(user, tmp_path / "store")
    before = tree(packaged / "artefacts")
    done = user.cancelDuring(widget, fraction)
    user.host.click(sending(widget).sendButton)
    assert done and message(widget).startswith("Cancelled; what had not been proven by then is not sent.")
    # What may have left by then is recorded in the case; its artefacts are as they were.
    assert tree(packaged / "artefacts") == before and Case.open(packaged).verify() == []
    assert {row[2] for row in rows(widget).values()} == {"to send"}
    user.host.click(sending(widget).sendButton)
    assert Case.open(packaged).latest("receipt") is not None


def test_aStalePackageIsNotSent(user, packaged, tmp_path):
    home = user.show("PlanningHub")
    user.host.enter(bone(home).thresholdSliderWidget, 500)
    user.host.click(bone(home).segmentButton)
    widget = send(user, tmp_path / "store")
    assert reasons(widget)[0].startswith("Stale: ") and "is stale" in message(widget)
    assert not (tmp_path / "store").exists()


def test_theStoreComesBackWithTheScene_andGoesWithIt(user, packaged, tmp_path):
    import slicer

    widget = enterStore(user, tmp_path / "store")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    user.host.closeScene()
    assert widget.ui.storeLineEdit.text == "" and not sending(widget).sendButton.enabled
    assert tableTexts(sending(widget).itemsTable) == []
    user.host.act(slicer.util.loadScene, str(tmp_path / "scene.mrb"))
    assert widget.ui.storeLineEdit.text == str(tmp_path / "store") and sending(widget).sendButton.enabled


@pytest.fixture
def guarded(user, widgetHome, tmp_path, monkeypatch):
    """An archive that asks who one is, on a machine that can keep passwords, in settings of this test alone."""
    if whyNoOrthanc():
        pytest.skip(whyNoOrthanc())
    shutil.copytree(widgetHome, tmp_path / "settings")
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "settings"))
    (tmp_path / "passphrase").write_text("a long passphrase")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.setenv("PLANNINGHUB_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    with OrthancServer(user=("anna", "open sesame")) as server:
        yield server


def logIn(user, widget, secret, remembered=False):
    user.host.enter(widget.ui.storeUserLineEdit, "anna")
    user.host.enter(widget.ui.storeSecretLineEdit, secret)
    user.host.enter(widget.ui.storeRememberCheckBox, remembered)
    user.host.click(sending(widget).sendButton)


def test_aStoreThatAsksGetsTheLogin_whichIsRememberedOnRequest(user, packaged, guarded):
    from StandInHost.User import sceneNodes

    base = f"{guarded.url}/dicom-web"
    widget = send(user, guarded.address)
    assert "refuses access" in message(widget) and not widget.ui.loginWidget.isHidden()
    logIn(user, widget, "wrong", remembered=True)
    assert "refuses access" in message(widget) and recall(base) is None
    assert widget.ui.storeSecretLineEdit.text == "" and widget.ui.storeUserLineEdit.text == "anna"
    logIn(user, widget, "open sesame")
    assert message(widget).endswith("read back and equal.") and recall(base) is None
    logIn(user, widget, "open sesame", remembered=True)
    assert recall(base).secret == "open sesame" and widget.ui.storeSecretLineEdit.text == ""
    assert not any("open sesame" in str(node) for node in sceneNodes())
    user.host.enter(widget.ui.storeUserLineEdit, "")
    user.host.click(sending(widget).sendButton)
    assert message(widget).endswith("read back and equal."), "the remembered one was used"


def test_whatWasEnteredForOneStoreIsNotThereForAnother(user, packaged, tmp_path):
    widget = enterStore(user, "dicomweb+https://pacs.example.org/x")
    user.host.enter(widget.ui.storeUserLineEdit, "anna")
    user.host.enter(widget.ui.storeSecretLineEdit, "open sesame")
    enterStore(user, "dicomweb+https://other.example.org/x")
    assert widget.ui.storeSecretLineEdit.text == widget.ui.storeUserLineEdit.text == ""
    user.host.enter(widget.ui.storeSecretLineEdit, "open sesame")
    enterStore(user, tmp_path / "store")
    assert widget.ui.loginWidget.isHidden() and widget.ui.storeSecretLineEdit.text == ""


def test_aMachineThatCannotKeepItSaysSoBeforeAnythingIsSent(user, packaged, monkeypatch):
    monkeypatch.delenv("PLANNINGHUB_PASSPHRASE_FILE", raising=False)
    widget = enterStore(user, "dicomweb+http://127.0.0.1:9/dicom-web")
    before = tree(packaged)
    logIn(user, widget, "open sesame", remembered=True)
    assert "no keyring on this machine" in message(widget) and tree(packaged) == before
