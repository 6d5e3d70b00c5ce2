"""The page of approval and prescription as its users meet it; and what a saved scene holds of all the pages."""

import json
import stat

import pytest
from Judges import run
from PanelPages import Page, fillRequest, governance, place

from PlanningHubLib.Case import Case
from PlanningHubLib.Signing import loadKey
from StandInHost.User import message, sceneNodes, tree

PASSPHRASES = {"anna": "correct horse", "bela": "battery staple"}
RULES = [{"kind": "part", "roles": ["surgeon", "engineer"], "signatures": 2}]


@pytest.fixture
def twoSigners(turnTo, ownSite):
    """The approval page of a printed case, and keys of anna and bela that the site knows."""
    page = turnTo("ApprovalPanel", "printed")
    assert "No user is entered in" in page.whyNot("approveButton") and "site.json" in page.whyNot("approveButton")
    for name, passphrase in PASSPHRASES.items():
        page.ui.userComboBox.currentText = name
        page.enter(passphraseLineEdit=passphrase)
        assert f"this public key of {name}" in page.click("makeKeyButton")
        assert page.ui.passphraseLineEdit.text == ""
    writeSite(ownSite)
    page.user.host.act(page.home.refresh)
    return page


def writeSite(home):
    keys = [loadKey(name, passphrase) for name, passphrase in PASSPHRASES.items()]
    roles = {"anna": ["surgeon"], "bela": ["engineer"]}
    users = [{"name": key.user, "roles": roles[key.user], "publicKey": key.publicKey} for key in keys]
    values = {"format": "planninghub-site", "version": 1, "users": users, "approvals": RULES}
    (home / "site.json").write_text(json.dumps(values))
    (home / "site.json").chmod(0o644)


def sign(page, name, passphrase=None, button="approveButton"):
    page.enter(userComboBox=name, passphraseLineEdit=passphrase or PASSPHRASES[name])
    text = page.click(button)
    assert page.ui.passphraseLineEdit.text == ""
    return text


def test_keysAreFilesOfTheirOwnersOnly(twoSigners, ownSite):
    modes = [stat.S_IMODE(path.stat().st_mode) for path in ownSite.glob("signing-key-*")]
    assert modes == [0o600] * 2
    twoSigners.enter(passphraseLineEdit="another one", userComboBox="anna")
    assert "has a signing key here already" in twoSigners.click("makeKeyButton")


def test_aSiteFileThatCannotBeTrustedIsNamed(twoSigners, ownSite):
    page = twoSigners
    for damage, words in ((lambda path: path.chmod(0o666), "can be changed by other users"),
                          (lambda path: path.write_text("{"), "is not a site configuration")):  # fmt: skip
        writeSite(ownSite)
        damage(ownSite / "site.json")
        page.user.host.act(page.home.refresh)
        assert words in page.whyNot("approveButton") and words in page.ui.lockLabel.text
    assert page.home.header.nameLabel.text == Case.open(page.home.activeFolder()).name


def test_twoPeopleApprove_thePartIsLocked_reopeningVoidsIt(twoSigners):
    page = twoSigners
    assert page.ui.lockLabel.text == "OPEN: NOT APPROVED"
    assert [row[3] for row in page.rows("coveredTable")] == ["unchanged"] * 3
    assert "still needed: 2" in page.ui.signaturesLabel.text
    before = tree(page.home.activeFolder())
    assert "The passphrase does not open" in sign(page, "anna", "wrong horse")
    assert tree(page.home.activeFolder()) == before
    assert sign(page, "anna") == "Signed by anna."
    assert page.ui.lockLabel.text == "LOCKED: 1 OF 2 SIGNATURES" and "still needed: 1" in page.ui.signaturesLabel.text
    assert "has signed for" in sign(page, "anna")
    assert page.whyNot("stateButton") == "It is locked with the approval: reopen that."
    assert sign(page, "bela") == "Signed by bela." and page.ui.lockLabel.text == "APPROVED AND LOCKED"
    segmenting = page.home.panel("SegmentationPanel").ui
    page.user.host.click(segmenting.segmentButton)
    assert "was approved by anna" in message(page.home) and "locked" in message(page.home)
    assert page.whyNot("reopenButton") == "Say why it must change."
    page.enter(reasonLineEdit="screw moved")
    assert "the approval is void" in sign(page, "anna", button="reopenButton")
    assert page.ui.lockLabel.text == "OPEN: NOT APPROVED" and page.ui.reasonLineEdit.text == ""
    assert [row[3] for row in page.rows("signaturesTable")] == ["void: reopened by anna: screw moved"] * 2
    assert [one["voided"] is None for one in governance(page)["approvals"]] == [False, False]


def test_whatIsDamagedIsSeenAndNotSigned(twoSigners):
    page = twoSigners
    case = Case.open(page.home.activeFolder())
    stl = next(case.artefactFolder(case.latest("part")).rglob("*.stl"))
    stl.write_bytes(stl.read_bytes()[:-1] + b"x")
    page.user.host.act(page.home.refresh)
    assert page.rows("coveredTable")[0][3] == "DAMAGED" and page.color("coveredTable", 0, 3) == "#a01010"
    assert "damaged" in page.whyNot("approveButton")


def test_whatIsStaleIsSeenAndNotSigned(twoSigners):
    page = twoSigners
    segmenting = page.home.panel("SegmentationPanel").ui
    page.home.showPanel("SegmentationPanel")
    page.user.host.enter(segmenting.thresholdSliderWidget, 500)
    page.user.host.click(segmenting.segmentButton)
    page.home.showPanel("ApprovalPanel")
    assert [row[3] for row in page.rows("coveredTable")] == ["STALE", "unchanged", "unchanged"]
    assert page.color("coveredTable", 0, 3) == "#b45309" and "stale" in page.whyNot("approveButton")


def test_thePrescriptionIsSavedAndDrafted(turnTo, tmp_path):
    page = turnTo("ApprovalPanel", "printed")
    assert page.whyNot("stateButton") == "Add the design characteristics."
    page.enter(kindComboBox="plate thickness (mm)", valueLineEdit="thin")
    assert "needs a positive number in mm" in page.click("addButton")
    page.enter(valueLineEdit="3,5", characteristicNoteLineEdit="everywhere")
    page.click("addButton")
    page.enter(kindComboBox="material", valueLineEdit="PEEK")
    page.click("addButton")
    page.enter(kindComboBox="surface", valueLineEdit="smooth")
    page.click("addButton")
    page.select("characteristicsTable", 2)
    page.click("removeButton")
    rows = [("plate thickness (mm)", "3.5", "everywhere"), ("material", "PEEK", "")]
    assert page.rows("characteristicsTable") == rows
    assert "does not say: name" in page.click("stateButton") and governance(page)["prescription"] is None
    page.enter(deviceLineEdit="Cranial plate", prescriberLineEdit="A. Prescriber", qualificationLineEdit="neurosurgeon")
    page.enter(institutionLineEdit="A hospital")
    assert page.whyNot("draftButton") == "Save the prescription first."
    assert "is saved" in page.click("stateButton") and page.ui.prescriptionLabel.text.startswith("Revision 1 of")
    page.user.host.answer(tmp_path / "draft.pdf")
    assert page.click("draftButton") == "The draft is saved: the prescriber checks and signs it."
    text = run("pdftotext", "-layout", tmp_path / "draft.pdf", "-")
    assert all(words in text for words in ("DRAFT", "LEFT", "Cranial plate", "3.5 mm", "PEEK", "A. Prescriber"))
    page.user.host.answer("")
    page.click("draftButton")


def test_neitherPassphraseNorCommentNorNameIsSavedWithTheScene(twoSigners, tmp_path):
    import slicer

    page, secrets = twoSigners, ["correct horse", "too thin", "across the midline", "A. Prescriber", "University"]
    page.enter(passphraseLineEdit="correct horse", prescriberLineEdit="A. Prescriber")
    review = Page(page.user, page.home, "ReviewPanel")
    place(review)
    review.enter(commentTextEdit="too thin", aboutComboBox=review.ui.aboutComboBox.itemText(1))
    review.click("addButton")
    review.select("commentsTable", 0)
    review.enter(commentTextEdit="too thin again")
    fillRequest(Page(page.user, page.home, "RequestPanel"))
    Page(page.user, page.home, "ConsentPanel").enter(recipientLineEdit="University")
    (tmp_path / "saved").mkdir()
    assert slicer.util.saveScene(str(tmp_path / "saved" / "scene.mrml"))
    saved = b"".join(path.read_bytes() for path in (tmp_path / "saved").rglob("*") if path.is_file())
    assert b"PlanningHubActiveCase" in saved and [one for one in secrets if one.encode() in saved] == []
    assert b"comment-1" not in saved
    page.user.host.closeScene()
    assert page.ui.passphraseLineEdit.text == page.ui.prescriberLineEdit.text == ""
    assert review.ui.commentTextEdit.plainText == ""


def test_thePassphraseIsInNoNodeOfTheScene(twoSigners):
    sign(twoSigners, "anna")
    assert not any("correct horse" in str(node) for node in sceneNodes())
