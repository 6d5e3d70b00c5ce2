"""The pages of request, consent and review as their users meet them."""

import datetime
import json
import shutil
from pathlib import Path

import pytest
from PanelPages import POINT, Page, fillRequest, governance, place

from PlanningHubLib import Consent
from PlanningHubLib.Case import Case
from StandInHost.User import message, packing, sceneNodes, tree


def inDays(days):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)).date().isoformat()


@pytest.mark.parametrize("name, buttons", [
    ("RequestPanel", ("stateRequestButton", "moveButton", "assignButton")),
    ("ConsentPanel", ("recordButton", "elsewhereButton", "withdrawButton", "copyButton", "reidentifyButton")),
    ("ReviewPanel", ("addButton", "resolveButton", "placeButton", "openButton", "giveButton", "closeButton")),
    ("ApprovalPanel", ("approveButton", "reopenButton", "addButton", "removeButton", "stateButton", "draftButton")),
])  # fmt: skip
def test_withoutACaseEveryButtonSaysWhy(user, name, buttons):
    page = Page(user, user.show("PlanningHub"), name)
    assert {page.whyNot(button) for button in buttons} == {"Open a case first."}


# Request


def test_aRequestIsStatedAndMovedFromStateToState(turnTo):
    page = turnTo("RequestPanel")
    assert page.ui.sideLabel.text == "LEFT" and not page.ui.procedureComboBox.enabled
    assert page.whyNot("moveButton") == "Save a request first."
    assert "does not say: anatomy, design" in page.click("stateRequestButton")
    fillRequest(page, surgeryDateLineEdit="31.1.2027", urgencyComboBox="urgent")
    assert "is not a date" in page.click("stateRequestButton") and governance(page)["request"] is None
    assert page.ui.anatomyLineEdit.text == "frontal bone", "what was entered stays, to be corrected"
    page.enter(surgeryDateLineEdit=inDays(60))
    assert page.click("stateRequestButton") == "The request is saved."
    request = governance(page)["request"]
    assert (request["side"], request["procedure"], request["urgency"]) == ("left", "Cranioplasty", "urgent")
    assert request["designReason"] == "across the midline"
    page.enter(nextStateComboBox="accepted", moveNoteLineEdit="by phone")
    assert page.click("moveButton") == "The request is accepted now."
    page.enter(nextStateComboBox="in planning")
    page.click("moveButton")
    assert [row[0] for row in page.rows("clockTable")] == ["in planning", "accepted", "requested"]
    assert page.rows("clockTable")[0][2] == "0.0" and page.ui.stateLabel.text == "in planning"
    assert [one["note"] for one in governance(page)["request"]["states"]] == ["", "by phone", ""]
    page.ui.assigneeComboBox.currentText = "anna"
    page.click("assignButton")
    assert governance(page)["request"]["assignedTo"] == "anna"


@pytest.mark.parametrize("date, words, color", [
    (inDays(1), "TOO LATE: ready about", "#a01010"), (inDays(60), "In time: ready about", "#14532d"),
    ("", "No surgery date is stated.", "#374151"),
])  # fmt: skip
def test_theLeadTimeIsSaidInWords(turnTo, date, words, color):
    page = turnTo("RequestPanel")
    fillRequest(page, surgeryDateLineEdit=date)
    page.click("stateRequestButton")
    assert words in page.ui.leadTimeLabel.text and color in page.ui.leadTimeLabel.styleSheet
    assert not page.ui.leadTimeLabel.isHidden()


def test_anUrgentRequestIsOnTheFastTrackOfItsProcedure(turnTo):
    page = turnTo("RequestPanel")
    fillRequest(page, surgeryDateLineEdit=inDays(5), urgencyComboBox="emergency")
    page.click("stateRequestButton")
    assert "FAST TRACK: a new plan leaves out Size of the plate" in page.ui.leadTimeLabel.text


def test_noEstimateSaysWhy(turnTo):
    page = turnTo("RequestPanel")
    fillRequest(page)
    page.click("stateRequestButton")
    page.enter(nextStateComboBox="rejected")
    page.click("moveButton")
    assert page.ui.leadTimeLabel.text.startswith("No estimate. The request is rejected: nobody can say")


def test_theNextPatientsFormIsEmpty(turnTo, aCaseFolder):
    first = turnTo("RequestPanel")
    fillRequest(first)
    first.enter(departmentLineEdit="Neurosurgery")
    first.user.host.enter(first.home.panel("ReviewPanel").ui.commentTextEdit, "too thin")
    first.user.host.enter(first.home.panel("ApprovalPanel").ui.passphraseLineEdit, "secret words")
    second = turnTo("RequestPanel", folder=aCaseFolder("segmented", "second"))
    assert second.ui.anatomyLineEdit.text == second.ui.departmentLineEdit.text == ""
    assert second.ui.designComboBox.currentText == "choose"
    assert second.home.panel("ReviewPanel").ui.commentTextEdit.plainText == ""
    assert second.home.panel("ApprovalPanel").ui.passphraseLineEdit.text == ""


# Consent


def recordConsent(page, scope, date="2026-01-31", document="version 4"):
    page.enter(scopeComboBox=scope, givenLineEdit=date, documentLineEdit=document)
    return page.click("recordButton")


def withdraw(page, row, answer="Yes"):
    from PySide6.QtWidgets import QMessageBox

    page.select("consentsTable", row)
    page.user.host.answer(getattr(QMessageBox.StandardButton, answer))
    return page.click("withdrawButton")


def test_consentIsRecordedAndWithdrawn_thenNothingLeaves(turnTo, tmp_path):
    page = turnTo("ConsentPanel", "printed")
    user, folder = page.user, page.home.activeFolder()
    assert "is not a date" in recordConsent(page, "manufacturer", "yesterday")
    assert "which document" in recordConsent(page, "manufacturer", document=" ")
    assert recordConsent(page, "manufacturer") == "The consent is recorded."
    assert page.rows("consentsTable")[0] == ("manufacturer", "2026-01-31", "version 4", "yes")
    assert page.ui.departuresLabel.text == "Nothing has left this case."
    export = user.show("ORExport")
    user.host.enter(packing(export).outPathLineEdit, tmp_path / "package")
    user.host.click(packing(export).packageButton)
    assert message(export) == "The package is saved and was read back."
    page = Page(user, user.show("PlanningHub"), "ConsentPanel")
    (left,) = page.rows("departuresTable")
    assert left[1] == "treatment" and str(tmp_path / "package") in left[2] and left[3] == "no receipt"
    withdraw(page, 1, "No")
    assert governance(page)["consents"][0]["withdrawn"] is None
    page.enter(withdrawReasonLineEdit="patient's wish")
    assert withdraw(page, 1) == "Withdrawn. What has already left under this scope: 1, listed below."
    assert page.rows("consentsTable")[1][3].startswith("withdrawn 2") and page.color("consentsTable", 1, 3) == "#a01010"
    assert "under a consent that has been withdrawn" in page.ui.departuresLabel.text
    export = user.show("ORExport")
    user.host.enter(packing(export).outPathLineEdit, tmp_path / "second")
    user.host.click(packing(export).packageButton)
    assert "no consent of scope treatment: it was withdrawn on" in message(export)
    assert not (tmp_path / "second").exists() and Case.open(folder).verify() == []


def test_theConsentToTreatmentThatIsKeptElsewhereIsSaid(turnTo, tmp_path, ownSite):
    with Case.create(tmp_path / "cases" / "bare", "5a" * 32):
        pass
    page = turnTo("ConsentPanel", folder=tmp_path / "cases" / "bare")
    label = page.ui.treatmentLabel
    assert "none is recorded" in label.text and "#a01010" in label.styleSheet
    assert page.click("elsewhereButton") == "Recorded as kept elsewhere."
    assert "no document was seen here" in label.text and not label.isHidden() and "#a01010" not in label.styleSheet
    assert page.rows("consentsTable") == [("treatment", "", "not seen here", "kept elsewhere")]
    assert page.color("consentsTable", 0, 3) == "#b45309"
    assert page.whyNot("elsewhereButton") == "Consent to treatment is recorded."
    recordConsent(page, "treatment")
    assert label.text == "" and label.isHidden()
    withdraw(page, 0)
    assert "no consent of scope treatment: it was withdrawn" in label.text and "#a01010" in label.styleSheet
    assert "only a document signed since" in page.whyNot("elsewhereButton")


def test_aCopyNeedsItsConsent_canBeCancelled_andShowsWhatWasFound(turnTo, tmp_path):
    page = turnTo("ConsentPanel")
    page.enter(profileComboBox="research", outPathLineEdit=tmp_path / "copy", recipientLineEdit="University")
    assert page.whyNot("copyButton") == "Consent of scope research is missing."
    page.enter(profileComboBox="treatment partner")
    recordConsent(page, "manufacturer")
    before = tree(page.home.activeFolder())
    page.user.cancelDuring(page.home, 0.2)
    assert page.click("copyButton") == "Cancelled; the case is as it was."
    assert not (tmp_path / "copy").exists() and tree(page.home.activeFolder()) == before
    page.click("copyButton")
    report = json.loads((tmp_path / "copy" / "report.json").read_text())
    assert report["profile"] == "treatment-partner" and report["pseudonym"] in page.ui.copyLabel.text
    assert all(one["message"] in page.ui.copyLabel.text for one in report["findings"])
    (left,) = page.rows("departuresTable")
    assert left[1] == "manufacturer" and left[2].startswith("University, folder ")
    page.enter(outPathLineEdit=tmp_path / "second")
    assert page.ui.copyButton.enabled
    withdraw(page, 0)
    assert page.whyNot("copyButton") == "Consent of scope manufacturer is missing."
    assert page.color("departuresTable", 0, 1) == "#a01010"


def auditOf(page):
    lines = [json.loads(line) for line in (Path(page.home.activeFolder()) / "audit.log").read_text().splitlines()]
    return [one["what"] for one in lines if one["action"] == "reidentified"]


def test_aPseudonymIsResolvedWithAReason_andEveryAttemptIsAudited(turnTo, tmp_path):
    from PySide6.QtWidgets import QMessageBox

    page = turnTo("ConsentPanel")
    recordConsent(page, "manufacturer")
    page.enter(profileComboBox="treatment partner", outPathLineEdit=tmp_path / "copy", recipientLineEdit="A workshop")
    page.click("copyButton")
    pseudonym = json.loads((tmp_path / "copy" / "report.json").read_text())["pseudonym"]
    assert page.ui.pseudonymLineEdit.text == pseudonym and page.ui.pseudonymRecipientLineEdit.text == "A workshop"
    assert page.whyNot("reidentifyButton") == "Enter the pseudonym, and why you ask."
    page.enter(reidentifyReasonLineEdit="incidental finding", pseudonymRecipientLineEdit="Another")
    page.user.host.answer(QMessageBox.StandardButton.No)
    page.click("reidentifyButton")
    assert auditOf(page) == [] and page.ui.reidentifyLabel.text == ""
    page.user.host.answer(QMessageBox.StandardButton.Yes)
    assert "is not of this case's patient for this recipient" in page.click("reidentifyButton")
    assert page.ui.reidentifyLabel.text == ""
    page.enter(pseudonymRecipientLineEdit="A workshop")
    page.user.host.answer(QMessageBox.StandardButton.Yes)
    page.click("reidentifyButton")
    assert "is patient PHANTOM-1 of case PH-" in page.ui.reidentifyLabel.text
    wanted = [(False, "incidental finding"), (True, "incidental finding")]
    assert [(one["matched"], one["reason"]) for one in auditOf(page)] == wanted
    governance(page)
    other = turnTo("ConsentPanel", folder=shutil.copytree(page.home.activeFolder(), tmp_path / "cases" / "second"))
    assert other.ui.reidentifyLabel.text == other.ui.pseudonymLineEdit.text == "", "not seen by the next user"


def test_withoutTheKeyNothingIsToldAndNoKeyIsMade(turnTo, tmp_path, monkeypatch):
    from PySide6.QtWidgets import QMessageBox

    page = turnTo("ConsentPanel")
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "elsewhere"))
    page.enter(pseudonymLineEdit="DX-00000000-0000", reidentifyReasonLineEdit="asked")
    page.user.host.answer(QMessageBox.StandardButton.Yes)
    assert "Only the installation that made the copy can tell" in page.click("reidentifyButton")
    assert auditOf(page) == [] and not list((tmp_path / "elsewhere").glob("*key*"))


def test_aRefusedCopyIsNamed(turnTo, tmp_path):
    page = turnTo("ConsentPanel")
    recordConsent(page, "research")
    page.enter(profileComboBox="research", outPathLineEdit=tmp_path / "copy")
    assert "face" in page.click("copyButton") and not (tmp_path / "copy").exists()
    assert page.ui.copyLabel.text == "" and Consent.departures(Case.open(page.home.activeFolder())) == []


# Review


def shownPoints():
    nodes = [one for one in sceneNodes() if one.GetAttribute("PlanningHub.commentPoint") == "shown"]
    return [(one.GetNthControlPointLabel(0), one.GetNthControlPointPosition(0)) for one in nodes]


def test_commentsArePinnedToPointsAndShownThere(turnTo):
    page = turnTo("ReviewPanel", "printed")
    assert page.whyNot("addButton") == "Write the comment." and not page.ui.pinCheckBox.enabled
    place(page)
    assert page.ui.pinCheckBox.checked and page.ui.pinCheckBox.text == "R 12.5  A -30.2  S 41.0 mm"
    page.enter(commentTextEdit="too thin at the rim")
    part = Case.open(page.home.activeFolder()).latest("part")
    assert page.ui.aboutComboBox.currentText == f"{part.title}, revision 1"
    page.enter(aboutComboBox="the whole case")
    assert page.whyNot("addButton") == "Choose what the point is on."
    page.enter(aboutComboBox=f"{part.title}, revision 1")
    assert page.click("addButton") == "The comment is added."
    page.enter(commentTextEdit="looks fine otherwise")
    page.click("addButton")
    first, second = governance(page)["comments"]
    assert first["pointRasMm"] == pytest.approx(POINT) and first["artefact"]["content"] == part.content
    assert second["pointRasMm"] is None and page.ui.commentTextEdit.plainText == ""
    texts = [("2", "looks fine otherwise"), ("1", "too thin at the rim")]
    assert [row[:2] for row in page.rows("commentsTable")] == texts
    assert shownPoints() == []
    page.select("commentsTable", 1)
    assert shownPoints() == [("comment-1", pytest.approx(POINT))] and "part-1" in page.ui.commentLabel.text
    assert page.click("resolveButton") == "The comment is resolved."
    assert page.rows("commentsTable")[1][3] == "resolved" and len(shownPoints()) == 1
    page.select("commentsTable", 0)
    assert shownPoints() == []


def test_aRoundOfReviewEndsInAVerdict(turnTo):
    page = turnTo("ReviewPanel", "printed")
    assert page.whyNot("openButton") == "Name the reviewers." and page.whyNot("closeButton") == "No round is open."
    page.enter(reviewersLineEdit="anna, bela,anna")
    page.click("openButton")
    assert page.rows("verdictsTable") == [("anna", "none yet", ""), ("bela", "none yet", "")]
    assert page.whyNot("openButton") == "Close the open round first."
    page.enter(reviewerComboBox="bela", verdictComboBox="changes needed", noteLineEdit="thicker")
    page.click("giveButton")
    assert page.rows("verdictsTable")[1] == ("bela", "changes needed", "thicker")
    page.enter(closeComboBox="accepted")
    assert "Changes were asked for by bela" in page.click("closeButton")
    page.enter(closeComboBox="changes needed")
    page.click("closeButton")
    assert page.ui.roundLabel.text.startswith("Round 1: changes needed")
    assert governance(page)["reviews"][0]["closed"]["verdict"] == "changes"
