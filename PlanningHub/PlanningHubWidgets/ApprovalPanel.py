"""The page of the approval: what a signature covers, who signed, reopening; and the prescription."""

import qt
import slicer
from slicer.i18n import tr as _

from PlanningHubLib import Approval, Prescription, Signing
from PlanningHubLib.ApprovalStatus import approvalStatus, requireApprovable
from PlanningHubLib.Errors import PlanningError

from .CaseModuleWidget import fillTable
from .GovernancePanel import (
    BAD_COLOR,
    DOUBT_COLOR,
    FADED_COLOR,
    GOOD_COLOR,
    GovernancePanel,
    empty,
    offer,
    siteUsers,
    timeText,
    tint,
)

BIG = "font-weight: bold; font-size: 16px; padding: 8px; color: white; background: {color};"
COLOR_OF_WORD = {"open": FADED_COLOR, "pending": DOUBT_COLOR, "approved": GOOD_COLOR, "invalid": BAD_COLOR}
COLOR_OF_STATE = {"current": GOOD_COLOR, "stale": DOUBT_COLOR, "damaged": BAD_COLOR}


class ApprovalPanel(GovernancePanel):
    """Signs for what is made, reopens it, and states the prescription."""

    def connectActions(self):
        ui = self.ui
        self._status, self._refusal, self._prescription, self._characteristics = None, "", None, []
        self._kinds, self._judged = list(Prescription.CHARACTERISTICS), False
        ui.kindComboBox.addItems([kindText(kind) for kind in self._kinds])
        ui.approveButton.connect("clicked(bool)", self.onApprove)
        ui.makeKeyButton.connect("clicked(bool)", self.onMakeKey)
        ui.reopenButton.connect("clicked(bool)", self.onReopen)
        ui.addButton.connect("clicked(bool)", self.onAdd)
        ui.removeButton.connect("clicked(bool)", self.onRemove)
        ui.stateButton.connect("clicked(bool)", self.onState)
        ui.draftButton.connect("clicked(bool)", self.onDraft)
        for edit in (ui.reasonLineEdit, ui.valueLineEdit):
            edit.connect("textChanged(QString)", self.updateActions)
        ui.userComboBox.connect("currentTextChanged(QString)", self.updateActions)
        ui.characteristicsTable.connect("itemSelectionChanged()", self.updateActions)
        self.module.ui.pagesTabWidget.connect("currentChanged(int)", self.onPageTurned)

    def forget(self):
        ui = self.ui
        empty(ui.passphraseLineEdit, ui.reasonLineEdit, ui.deviceLineEdit, ui.prescriberLineEdit)
        empty(ui.qualificationLineEdit, ui.institutionLineEdit, ui.valueLineEdit, ui.characteristicNoteLineEdit)
        ui.userComboBox.currentText = ""
        self._prescription, self._characteristics = None, []
        self._showCharacteristics()

    # Approval

    def show(self, case):
        self._judged = False
        names, self._noUsers = siteUsers()
        offer(self.ui.userComboBox, names)
        self._showPrescription(case)
        if self.isInFront() or case is None:
            self._judge(case)

    def onPageTurned(self):
        if self.isInFront() and not self._judged:
            self._judge(self.module.case)
            self.updateActions()

    def _judge(self, case):
        """Read every file that an approval covers: not before somebody looks at this page."""
        self._status, self._refusal, self._judged = None, self.noCaseReason(), True
        try:
            if case:
                self._status = approvalStatus(case)
                requireApprovable(self._status)
        except PlanningError as error:
            self._refusal = str(error)
        self._showStatus()

    def _showStatus(self):
        status, ui = self._status, self.ui
        word = status.word if status else "open"
        ui.lockLabel.text = lockText(status) if status else self._refusal
        ui.lockLabel.styleSheet = BIG.format(color=COLOR_OF_WORD[word])
        covered = status.covered if status else ()
        fillTable(ui.coveredTable, [coveredRow(*one) for one in covered])
        for row, (_artefact, state) in enumerate(covered):
            tint(ui.coveredTable, row, 3, COLOR_OF_STATE[state])
        lines = list(reversed(status.lines)) if status else []
        fillTable(ui.signaturesTable, [signatureRow(one) for one in lines], stretchedColumn=3)
        for row, one in enumerate(lines):
            color = FADED_COLOR if one["voided"] else BAD_COLOR if one["faults"] else GOOD_COLOR
            tint(ui.signaturesTable, row, 3, color)
        ui.signaturesLabel.text = neededText(status) if status else ""

    def updateActions(self):
        ui = self.ui
        nobody = "" if ui.userComboBox.currentText.strip() else _("Say who you are.")
        self.allow(ui.approveButton, self._refusal or self._noUsers or nobody)
        self.allow(ui.makeKeyButton, nobody)
        unlocked = "" if self._status and self._status.locked else _("Nothing is approved that could be reopened.")
        unsaid = "" if ui.reasonLineEdit.text.strip() else _("Say why it must change.")
        self.allow(ui.reopenButton, self.noCaseReason() or unlocked or self._noUsers or nobody or unsaid)
        self._updatePrescription()

    def _takePassphrase(self):
        """Return the passphrase; it is gone from the field before anything is done with it."""
        passphrase = self.ui.passphraseLineEdit.text
        empty(self.ui.passphraseLineEdit)
        return passphrase or None

    def onApprove(self):
        user, passphrase = self.ui.userComboBox.currentText.strip(), self._takePassphrase()
        self.change(
            _("Signed by {user}.").format(user=user),
            lambda case: Approval.approve(case, Signing.loadKey(user, passphrase)),
        )

    def onReopen(self):
        ui = self.ui
        user, passphrase, reason = ui.userComboBox.currentText.strip(), self._takePassphrase(), ui.reasonLineEdit.text
        if self.change(
            _("Reopened: the approval is void, and what rests on it is stale."),
            lambda case: Approval.reopen(case, Signing.loadKey(user, passphrase), reason),
        ):
            empty(ui.reasonLineEdit)

    def onMakeKey(self):
        user, passphrase = self.ui.userComboBox.currentText.strip(), self._takePassphrase()
        key = self.module.runStep(lambda _session, _progress: Signing.createKey(user, passphrase), "")
        if key:
            text = _("Have this public key of {user} entered in the site's configuration: {key}. "
                     "Compare its fingerprint by voice: {fingerprint}.")  # fmt: skip
            fingerprint = Signing.shortFingerprint(key.fingerprint)
            self.module.runner.say(text.format(user=user, key=key.publicKey, fingerprint=fingerprint))

    # Prescription

    def _showPrescription(self, case):
        prescription = case.governance["prescription"] if case else None
        if prescription == self._prescription:
            return
        self._prescription, ui = prescription, self.ui
        if prescription:
            who = prescription["prescriber"]
            ui.deviceLineEdit.text, ui.prescriberLineEdit.text = prescription["device"], who["name"]
            ui.qualificationLineEdit.text, ui.institutionLineEdit.text = who["qualification"], who["institution"]
            self._characteristics = list(prescription["characteristics"])
        self._showCharacteristics()

    def _showCharacteristics(self):
        rows = [characteristicRow(one) for one in self._characteristics]
        fillTable(self.ui.characteristicsTable, rows, stretchedColumn=2)
        self.ui.characteristicsTable.setCurrentCell(-1, 0)
        self.ui.prescriptionLabel.text = prescriptionText(self._prescription)

    def _updatePrescription(self):
        ui, closed = self.ui, self.noCaseReason(self.ui.prescriptionCollapsibleButton)
        self.allow(ui.addButton, closed or ("" if ui.valueLineEdit.text.strip() else _("Give a value.")))
        chosen = 0 <= ui.characteristicsTable.currentRow() < len(self._characteristics)
        self.allow(ui.removeButton, closed or ("" if chosen else _("Select a characteristic.")))
        none = "" if self._characteristics else _("Add the design characteristics.")
        locked = _("It is locked with the approval: reopen that.") if self._status and self._status.locked else ""
        self.allow(ui.stateButton, closed or locked or none)
        absent = "" if hasattr(slicer.modules, "orexport") else _("The module OR Export is not installed.")
        unsaved = "" if self._prescription else _("Save the prescription first.")
        self.allow(ui.draftButton, closed or unsaved or absent)

    def onAdd(self):
        ui, kind = self.ui, self._kinds[self.ui.kindComboBox.currentIndex]
        try:
            value = Prescription.readValue(kind, ui.valueLineEdit.text)
        except PlanningError as error:
            self.module.runner.complain(error)
            return
        unit, note = Prescription.CHARACTERISTICS[kind], ui.characteristicNoteLineEdit.text.strip()
        self._characteristics.append({"kind": kind, "value": value, "unit": unit, "note": note})
        empty(ui.valueLineEdit, ui.characteristicNoteLineEdit)
        self._showCharacteristics()
        self.updateActions()

    def onRemove(self):
        self._characteristics.pop(self.ui.characteristicsTable.currentRow())
        self._showCharacteristics()
        self.updateActions()

    def onState(self):
        ui = self.ui
        prescriber = {
            "name": ui.prescriberLineEdit.text,
            "qualification": ui.qualificationLineEdit.text,
            "institution": ui.institutionLineEdit.text,
        }
        self.change(
            _("The prescription is saved; draft its PDF for the prescriber to sign."),
            Prescription.statePrescription,
            ui.deviceLineEdit.text,
            prescriber,
            list(self._characteristics),
        )

    def onDraft(self):
        folder = self.module.activeFolder()
        name = f"{self.module.case.name}-prescription.pdf"
        path = qt.QFileDialog.getSaveFileName(self.widget, _("Draft of the prescription"), name, "PDF (*.pdf)")
        if path:
            logic = slicer.util.getModuleLogic("ORExport")
            done = _("The draft is saved: the prescriber checks and signs it.")
            self.module.runStep(lambda _session, _progress: logic.draftPrescription(folder, path), done)


def lockText(status):
    """Return in big words whether what is made may still be changed."""
    words = {
        "open": _("OPEN: NOT APPROVED"),
        "pending": _("LOCKED: {signatures} OF {needed} SIGNATURES"),
        "approved": _("APPROVED AND LOCKED"),
        "invalid": _("LOCKED, BUT THE APPROVAL DOES NOT HOLD"),
    }
    return words[status.word].format(signatures=status.signatures, needed=status.needed)


def neededText(status):
    """Return how many signatures there are and how many are missing."""
    missing = status.needed - status.signatures
    if missing <= 0:
        return _("Signatures: {count} of {needed}.").format(count=status.signatures, needed=status.needed)
    text = _("Signatures: {count} of {needed}; still needed: {missing}, each from another person.")
    return text.format(count=status.signatures, needed=status.needed, missing=missing)


def coveredRow(artefact, state):
    """Return what an approval covers as a row of the table."""
    states = {"current": _("unchanged"), "stale": _("STALE"), "damaged": _("DAMAGED")}
    content = (artefact.content[:12] + "\u2026", artefact.content)
    return artefact.title, artefact.revision, content, states[state]


def signatureRow(line):
    """Return an approval as a row of the table."""
    state = _("void") if line["voided"] else _("no") if line["faults"] else _("yes")
    detail = "\n".join([*line["faults"], Signing.shortFingerprint(line["fingerprint"])])
    reason = "; ".join(line["faults"])
    return line["user"], line["role"], timeText(line["when"]), (f"{state}: {reason}" if reason else state, detail)


def prescriptionText(prescription):
    """Return which prescription is saved."""
    if prescription is None:
        return _("No prescription is saved yet.")
    when = timeText(prescription["when"])
    return _("Revision {number} of {when}.").format(number=prescription["revision"], when=when)


def kindText(kind):
    """Return what a design characteristic is called."""
    return {
        "plate-thickness": _("plate thickness (mm)"),
        "trajectory": _("trajectory"),
        "screw-number": _("number of screws"),
        "screw-type": _("type of screws"),
        "screw-position": _("position of screws"),
        "material": _("material"),
        "surface": _("surface"),
        "fit": _("fit"),
        "mechanical": _("mechanical property"),
        "dimension": _("dimension (mm)"),
    }.get(kind, kind)


def characteristicRow(one):
    """Return a design characteristic as a row of the table."""
    value = f"{one['value']:g}" if isinstance(one["value"], int | float) else one["value"]
    return kindText(one["kind"]), value, one["note"]
