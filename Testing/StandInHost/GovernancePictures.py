"""The pictures of the pages of request, consent, review and approval; part of `grabModules`."""

import datetime
import json
import os
import re
from pathlib import Path

HEIGHTS = {"Request": 850, "Consent": 990, "Review": 830, "Approval": 930}
SIGNERS = {"anna": "surgeon", "bela": "engineer"}
PASSPHRASE = "of a picture only"


def takeGovernancePictures(grabber, copyFolder):
    """Fill the four pages for the case that is open, and write ``PlanningHub<Page>.png``; nothing stays locked.

    :param grabber: of `grabModules`; its case has a part
    :param copyFolder: where the de-identified copy goes
    """
    os.environ["LOGNAME"] = "anna"
    home = grabber.user.show("PlanningHub")
    shown = home.ui.pagesTabWidget.currentIndex
    for page, fill in (("Request", _request), ("Consent", _consent), ("Review", _review), ("Approval", _approval)):
        panel = home.panel(f"{page}Panel")
        home.showPanel(f"{page}Panel")
        fill(grabber.host, home, panel, copyFolder)
        home.runner.say("")
        grabber.grabPage(f"PlanningHub{page}", HEIGHTS[page])
    _reopen(grabber.host, panel)
    home.runner.say("")
    home.ui.pagesTabWidget.currentIndex = shown


def _enter(host, panel, **values):
    for name, value in values.items():
        host.enter(getattr(panel.ui, name), value)


def _request(host, home, panel, _copyFolder):
    surgery = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=6)
    _enter(
        host, panel, anatomyLineEdit="frontal bone", indicationLineEdit="defect after decompression",
        designComboBox="patient-specific", designReasonLineEdit="crosses the midline",
        departmentLineEdit="Neurosurgery", surgeryDateLineEdit=surgery.isoformat(), urgencyComboBox="urgent",
    )  # fmt: skip
    host.click(panel.ui.stateRequestButton)
    for state in ("accepted", "in planning"):
        _enter(host, panel, nextStateComboBox=state)
        host.click(panel.ui.moveButton)
    panel.ui.assigneeComboBox.currentText = "bela"
    host.click(panel.ui.assignButton)


def _consent(host, home, panel, copyFolder):
    from PySide6.QtWidgets import QMessageBox

    for scope, date in (("treatment", "2026-01-29"), ("manufacturer", "2026-01-31"), ("teaching", "2026-01-31")):
        _enter(host, panel, scopeComboBox=scope, givenLineEdit=date, documentLineEdit="version 4")
        host.click(panel.ui.recordButton)
    _enter(host, panel, profileComboBox="treatment partner", recipientLineEdit="A partner", outPathLineEdit=copyFolder)
    host.click(panel.ui.copyButton)
    host.act(panel.ui.consentsTable.setCurrentCell, 1, 0)
    host.answer(QMessageBox.StandardButton.Yes)
    host.click(panel.ui.withdrawButton)


def _review(host, home, panel, _copyFolder):
    from .User import sceneNodes

    part = panel.ui.aboutComboBox.itemText(panel.ui.aboutComboBox.count - 1)
    for text, point in (("Rim too thin here: at least 2 mm.", (31.0, 64.5, 22.0)), ("Good fit at the orbit.", None)):
        if point:
            host.click(panel.ui.placeButton)
            (node,) = (one for one in sceneNodes() if one.GetAttribute("PlanningHub.commentPoint") == "placed")
            host.act(node.AddControlPoint, *point)
        _enter(host, panel, commentTextEdit=text, aboutComboBox=part)
        host.click(panel.ui.addButton)
    _enter(host, panel, reviewersLineEdit="anna, bela")
    host.click(panel.ui.openButton)
    _enter(host, panel, reviewerComboBox="anna", verdictComboBox="changes needed", noteLineEdit="rim, see comment 1")
    host.click(panel.ui.giveButton)
    host.act(panel.ui.commentsTable.setCurrentCell, 1, 0)


def _approval(host, home, panel, _copyFolder):
    keys = {}
    for name in SIGNERS:
        panel.ui.userComboBox.currentText = name
        _enter(host, panel, passphraseLineEdit=PASSPHRASE)
        host.click(panel.ui.makeKeyButton)
        keys[name] = re.search(r"[0-9a-f]{64}", home.ui.messageLabel.text).group()
    _writeSite(keys)
    host.act(home.refresh)
    for kind, value, note in (("plate thickness (mm)", "3.5", "2.0 at the rim"), ("material", "PEEK", "")):
        _enter(host, panel, kindComboBox=kind, valueLineEdit=value, characteristicNoteLineEdit=note)
        host.click(panel.ui.addButton)
    _enter(host, panel, deviceLineEdit="Cranial plate", prescriberLineEdit="A. Prescriber",
           qualificationLineEdit="neurosurgeon", institutionLineEdit="A hospital")  # fmt: skip
    host.click(panel.ui.stateButton)
    _sign(host, panel, "anna", "approveButton")
    _enter(host, panel, userComboBox="bela", passphraseLineEdit=PASSPHRASE)


def _sign(host, panel, name, button):
    _enter(host, panel, userComboBox=name, passphraseLineEdit=PASSPHRASE)
    host.click(getattr(panel.ui, button))


def _writeSite(keys):
    users = [{"name": name, "roles": [role], "publicKey": keys[name]} for name, role in SIGNERS.items()]
    rules = [{"kind": "part", "roles": sorted(SIGNERS.values()), "signatures": 2}]
    values = {"format": "planninghub-site", "version": 1, "users": users, "approvals": rules}
    path = Path(os.environ["PLANNINGHUB_HOME"]) / "site.json"
    path.write_text(json.dumps(values))
    path.chmod(0o644)


def _reopen(host, panel):
    _enter(host, panel, reasonLineEdit="the pictures are taken")
    _sign(host, panel, "anna", "reopenButton")
