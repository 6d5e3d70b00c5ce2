"""The pages of queue, store and restore as their user meets them."""

import shutil
import sys

import pytest

from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from StandInHost.Page import Page
from StandInHost.User import message, sending


@pytest.fixture(autouse=True)
def impatient(user, widgetHome, tmp_path, monkeypatch):
    """Nobody waits here for a store that does not answer, and each test has an outbox of its own."""
    monkeypatch.setattr(sys.modules[type(user.host.widget("CentralSync")).__module__], "PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("PLANNINGHUB_OUTBOX", str(tmp_path / "outbox"))


@pytest.fixture
def packaged(user, aCaseFolder):
    folder = aCaseFolder("packaged")
    user.open(folder)
    return folder


@pytest.fixture
def page(user):
    """Turn to a page of the module, by the name of its panel; with a store, when one is given."""

    def turn(name, store=None):
        widget = user.show("CentralSync")
        if store is not None:
            user.host.enter(widget.ui.storeLineEdit, str(store))
        return Page(user, widget, name)

    return turn


def send(user, page, store):
    shown = page("SendPanel", store)
    return shown.click("sendButton")


@pytest.fixture
def synced(user, packaged, page, tmp_path):
    """The store's folder, with the case in it."""
    assert send(user, page, tmp_path / "store").endswith("read back and equal.")
    return tmp_path / "store"


def objectOf(store, sha256):
    return store / "objects" / sha256[:2] / sha256[2:]


def partOf(folder):
    with Case.open(folder) as case:
        part = case.latest("part")
        return next(record.sha256 for name, record in part.files.items() if name.endswith(".stl"))


# As whom


def test_thePreviewSaysAsWhom(user, packaged, page, tmp_path):
    shown = page("SendPanel", tmp_path / "store")
    assert "the user of this computer" in shown.ui.whoLabel.text
    page("SendPanel", "dicomweb+https://pacs.example.org/x")
    assert "Without a user's name" in shown.ui.whoLabel.text
    user.host.enter(shown.home.ui.storeUserLineEdit, "anna")
    assert "As anna, as entered above." in shown.ui.whoLabel.text and shown.ui.sendButton.enabled


def test_anArchiveOfPlainDicomIsCalledAsTheWorkstation(packaged, page):
    shown = page("SendPanel", "dicom://PACS@127.0.0.1:104")
    assert shown.ui.whoLabel.text == "As PLANNINGHUB, this workstation's application entity."
    assert "dicom://PACS@127.0.0.1:104" in shown.ui.previewLabel.text and shown.home.ui.loginWidget.isHidden()


# Queue


def test_anUntouchedWorkstationHasNoQueue_andMakesNone(page, tmp_path):
    shown = page("OutboxPanel")
    assert "Nothing was ever queued" in shown.ui.queueLabel.text and shown.rows("queueTable") == []
    assert not shown.ui.runButton.enabled and not (tmp_path / "outbox").exists()


def test_whatWaitsIsShownWithItsReason_andGoesOnWhenTheStoreIsBack(user, packaged, page, tmp_path):
    share = tmp_path / "share"
    send(user, page, share / "store")
    shown = page("OutboxPanel")
    assert "objects wait to be sent" in shown.ui.queueLabel.text
    rows = {row[0]: row[1:] for row in shown.rows("queueTable")}
    assert rows["source-1"] == (packaged.name, "60", "waiting")
    assert "is not there" in shown.ui.reasonLabel.text and str(share / "store") in shown.ui.reasonLabel.text
    assert "are not in their store yet" in shown.click("runButton")
    share.mkdir()
    shown.click("retryButton")
    for row in range(len(shown.rows("queueTable"))):
        shown.select("queueTable", row)
        shown.click("retryButton")
    assert "Nothing waits any more" in shown.click("runButton")
    assert shown.rows("queueTable") == [] and "nothing needs a person" in shown.ui.queueLabel.text
    assert Case.open(packaged).latest("receipt") is not None


def test_aPausedQueueSaysSo_andSendsNothing(user, packaged, page, tmp_path):
    send(user, page, tmp_path / "share" / "store")
    (tmp_path / "share").mkdir()
    shown = page("OutboxPanel")
    assert "Nothing is sent" in shown.click("pauseButton") and shown.ui.queueLabel.text.startswith("PAUSED")
    assert shown.ui.pauseButton.text == "Go on" and not shown.ui.runButton.enabled
    shown.click("pauseButton")
    assert shown.ui.pauseButton.text == "Pause" and shown.ui.runButton.enabled
    assert not (tmp_path / "share" / "store").exists()


def test_whatIsWithdrawnIsNotSent(user, packaged, page, tmp_path):
    send(user, page, tmp_path / "share" / "store")
    shown = page("OutboxPanel")
    names = [row[0] for row in shown.rows("queueTable")]
    shown.select("queueTable", names.index("source-1"))
    assert shown.click("withdrawButton") == "60 objects are out of the queue; they are not sent."
    assert "source-1" not in [row[0] for row in shown.rows("queueTable")]


# Store


def test_withoutAStoreOrWithAnUnknownOneNothingCanBeAsked(page, tmp_path):
    shown = page("StorePanel")
    assert shown.ui.healthLabel.text == "Choose the store." and not shown.ui.scrubButton.enabled
    page("StorePanel", tmp_path / "never")
    assert "has never sent anything" in shown.ui.healthLabel.text and not shown.ui.askButton.enabled
    assert shown.ui.reportLabel.isHidden() and shown.ui.saveButton.isHidden()


def test_theHealthOfAStoreIsSaid_andTheStoreIsAskedOnlyWhenWanted(user, synced, page):
    shown = page("StorePanel")
    assert "are proven to be there" in shown.ui.healthLabel.text
    assert f'planninghub scrub --store "{synced}" --due' in shown.ui.scheduleLabel.text
    assert shown.click("askButton") == "The store answers, and still has what was proven last."
    shutil.rmtree(synced / "objects")
    assert "does not have" in shown.click("askButton")


def test_aScrubRepairsAndReports(user, synced, page, packaged, tmp_path):
    shown = page("StorePanel")
    assert shown.click("scrubButton") == "All is in the store, read back and equal."
    objectOf(synced, partOf(packaged)).unlink()
    assert shown.click("scrubButton").startswith("Repaired: all is in the store again")
    assert "repaired 1" in shown.ui.reportLabel.text and "LOST 0" in shown.ui.reportLabel.text
    (finding,) = shown.rows("findingsTable")
    assert finding[0] == "Look" and "no longer in the store" in finding[1]
    user.host.answer(str(tmp_path / "report.txt"))
    assert shown.click("saveButton") == "The report is saved."
    assert "store-object-missing" in (tmp_path / "report.txt").read_text()
    assert objectOf(synced, partOf(packaged)).is_file()


def test_aLossIsLoud(user, synced, page, packaged):
    objectOf(synced, partOf(packaged)).unlink()
    shutil.rmtree(packaged)
    shown = page("StorePanel")
    assert shown.click("scrubButton").startswith("LOST: 1 object gone from the store")
    assert shown.rows("findingsTable")[0][0] == "Stop"


def test_aReportIsOnlySaidOfTheStoreItIsAbout(user, synced, page, tmp_path):
    shown = page("StorePanel")
    shown.click("scrubButton")
    assert not shown.ui.reportLabel.isHidden()
    page("StorePanel", tmp_path / "other")
    assert shown.ui.reportLabel.isHidden() and shown.rows("findingsTable") == []


# Restore


def test_aCaseIsFoundAndGivenBack_onlyToLookAt(user, synced, page, packaged, tmp_path):
    import slicer

    shown = page("RestorePanel")
    assert not shown.ui.restoreButton.enabled
    shown.click("searchButton")
    (row,) = shown.rows("casesTable")
    with Case.open(packaged) as case:
        name = case.name
    assert row[:3] == (name, "Cranioplasty", "LEFT") and shown.ui.casesLabel.text == "Cases found: 1."
    shown.select("casesTable", 0)
    assert shown.ui.caseLabel.text == "Nothing in it was approved."
    assert not shown.ui.restoreButton.enabled, "not without a folder"
    shown.enter(restorePathLineEdit=tmp_path / "back")
    assert "The case is back" in shown.click("restoreButton")
    assert activeCaseFolder(slicer.mrmlScene) == str(tmp_path / "back")
    with Case.open(tmp_path / "back") as case:
        assert case.name == name and not [one for one in case.verify() if one.severity == "reject"]
    assert not (tmp_path / "back" / "case.json").stat().st_mode & 0o222
    assert shown.home.header.nameLabel.text == name


def test_whatIsNotThereIsNotFound_andABadDateIsSaid(user, synced, page):
    shown = page("RestorePanel")
    shown.enter(procedureLineEdit="Liver")
    shown.click("searchButton")
    assert shown.rows("casesTable") == [] and shown.ui.casesLabel.text == "Cases found: 0."
    shown.enter(sinceLineEdit="yesterday")
    assert "is not a date" in shown.click("searchButton")


def test_aCaseIsSearchedByWhatItHas(user, synced, page):
    shown = page("RestorePanel")
    for kind, found in (("package", 1), ("outcome", 0)):
        shown.ui.kindComboBox.setCurrentIndex(shown.ui.kindComboBox.findData(kind))
        shown.click("searchButton")
        assert len(shown.rows("casesTable")) == found


def test_theCasesOfOneStoreAreNotOfferedForAnother(user, synced, page, tmp_path):
    shown = page("RestorePanel")
    shown.click("searchButton")
    assert len(shown.rows("casesTable")) == 1
    page("RestorePanel", tmp_path / "other")
    assert shown.rows("casesTable") == [] and not shown.ui.restoreButton.enabled


def test_aFolderThatIsNotEmptyIsRefused(user, synced, page, packaged):
    shown = page("RestorePanel")
    shown.click("searchButton")
    shown.select("casesTable", 0)
    shown.enter(restorePathLineEdit=packaged)
    assert "not an empty folder" in shown.click("restoreButton")


def test_theRoleDecidesAtTheStore(user, packaged, page, widgetHome, tmp_path, monkeypatch):
    from CentralSyncLib.Access import Standing

    monkeypatch.setattr("CentralSyncLib.Access.standing", lambda *_asked, **_named: Standing("anna", ("teacher",)))
    shown = page("SendPanel", "dicomweb+https://pacs.example.org/x")
    assert "may not send to this store" in shown.ui.whoLabel.text and not shown.ui.sendButton.enabled
    assert message(shown.home) == "" and sending(shown.home) is shown.ui
