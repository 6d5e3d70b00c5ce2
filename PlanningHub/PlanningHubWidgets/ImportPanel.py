"""The page of the import: choose images, have them checked, read the verdict, import exactly what was checked."""

import dataclasses
from pathlib import Path

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Procedures import procedureTitles

from .CaseModuleWidget import isChosen
from .Panel import Panel
from .VerdictView import VerdictView

NO_SIDE = "choose a side"
FOLDER, FILE, ARCHIVE = range(3)
ARCHIVE_SETTING = "PlanningHub/archiveUrl"


@dataclasses.dataclass(frozen=True)
class ImportInputs:
    """What is checked. ``source`` is a path, or a tuple of archive address and search keys."""

    source: object
    procedure: str
    side: str


class ImportPanel(Panel):
    """Makes a case, or a new revision of the open case's images, of what was checked."""

    def connectActions(self):
        self._checked, self._verdict = None, None
        self._view = VerdictView(self.ui)
        self._listProcedures()
        self.ui.archiveUrlLineEdit.text = qt.QSettings().value(ARCHIVE_SETTING, "") or ""
        self.ui.sourceKindComboBox.connect("currentIndexChanged(int)", self.onInput)
        self.ui.filePathLineEdit.connect("currentPathChanged(QString)", self.onInput)
        for edit in (*self._archiveEdits().values(), self.ui.archiveUrlLineEdit):
            edit.connect("textChanged(QString)", self.onInput)
        self.ui.procedureComboBox.connect("editTextChanged(QString)", self.onProcedure)
        self.ui.checkButton.connect("clicked(bool)", self.onCheck)
        self.ui.seriesTable.connect("itemSelectionChanged()", self.onSeries)
        self.ui.repairCheckBox.connect("toggled(bool)", self.onRepair)
        self.ui.patientIdLineEdit.connect("textChanged(QString)", self.onPatientId)
        self.ui.rescanButton.connect("clicked(bool)", self.onRescanRequest)
        self.ui.importButton.connect("clicked(bool)", self.onImport)
        self.ui.reviseButton.connect("clicked(bool)", self.onRevise)

    def _listProcedures(self):
        combo = self.ui.procedureComboBox
        for name, title in sorted(procedureTitles().items(), key=lambda item: item[1]):
            combo.addItem(title, name)
        combo.lineEdit().placeholderText = _("choose or write, for example cranioplasty")
        combo.setCurrentIndex(-1)

    def showCase(self, case):
        pass

    def updateActions(self):
        kind = self.ui.sourceKindComboBox.currentIndex
        self.ui.pathLabel.visible = kind != ARCHIVE
        self.ui.pathLabel.text = _("File:") if kind == FILE else _("Folder:")
        self.ui.sourcePathLineEdit.visible = kind == FOLDER
        self.ui.filePathLineEdit.visible = kind == FILE
        self.ui.archiveWidget.visible = kind == ARCHIVE
        self.ui.referenceCheckBox.visible = kind != ARCHIVE
        self._showProcedure()
        inputs = self._inputs()
        if self._checked is not None and inputs != self._checked:
            self.void()
        acceptable = self._verdict is not None and self._verdict.word != "reject"
        parameters = self.module.parameters
        self.ui.checkButton.enabled = inputs is not None
        self.ui.importButton.enabled = acceptable and parameters is not None and isChosen(parameters.casesFolder)
        self.ui.reviseButton.enabled = acceptable and self.module.case is not None

    # What is to be checked

    def _inputs(self):
        """Return what is entered, None while something is missing."""
        parameters = self.module.parameters
        if parameters is None or parameters.side == NO_SIDE:
            return None
        kind = self.ui.sourceKindComboBox.currentIndex
        if kind == ARCHIVE:
            keys = {key: edit.text for key, edit in self._archiveEdits().items()}
            source = (self.ui.archiveUrlLineEdit.text, tuple(keys.items())) if any(keys.values()) else None
        else:
            path = parameters.sourceFolder if kind == FOLDER else Path(self.ui.filePathLineEdit.currentPath)
            source = path if isChosen(path) else None
        return ImportInputs(source, parameters.procedure, parameters.side) if source else None

    def _archiveEdits(self):
        ui = self.ui
        return {
            "patient": ui.patientLineEdit,
            "accession": ui.accessionLineEdit,
            "date": ui.dateLineEdit,
            "modality": ui.modalityLineEdit,
            "study": ui.studyLineEdit,
        }

    def onInput(self, _changed=None):
        self.module.updateActions()

    def onProcedure(self, text):
        # No connector binds an editable combo box; titles are shown, names are kept.
        combo = self.ui.procedureComboBox
        row = combo.findText(text, qt.Qt.MatchFixedString)
        if self.module.parameters is not None:
            self.module.parameters.procedure = combo.itemData(row) if row >= 0 else text

    def _showProcedure(self):
        if self.module.parameters is None:
            return
        combo, wanted = self.ui.procedureComboBox, self.module.parameters.procedure
        row = combo.findText(combo.currentText, qt.Qt.MatchFixedString)
        if (combo.itemData(row) if row >= 0 else combo.currentText) != wanted:
            row = combo.findData(wanted)
            combo.setEditText(combo.itemText(row) if row >= 0 else wanted)

    # The check

    def onCheck(self):
        self.void()
        inputs, logic, login = self._inputs(), self.module.logic, self._login()
        result = self.module.runStep(
            lambda session, progress: logic.checkSource(inputs.source, inputs.procedure, inputs.side, progress, login),
            _("The images were checked; nothing is stored yet."),
            _("Cancelled; nothing was stored."),
        )
        if result is None:
            return
        if not isinstance(inputs.source, Path):
            qt.QSettings().setValue(ARCHIVE_SETTING, inputs.source[0])
        self._verdict, pictures = result
        self._checked = inputs
        self._view.show(self._verdict, pictures)
        # The scene may have been closed, or something else chosen, while the step let events through.
        self.module.updateActions()

    def _login(self):
        """Return user, password or token, and whether to remember them; the secret does not stay in its field."""
        ui = self.ui
        login = ui.archiveUserLineEdit.text, ui.archiveSecretLineEdit.text, ui.archiveRememberCheckBox.checked
        ui.archiveSecretLineEdit.text = ""
        return login if ui.sourceKindComboBox.currentIndex == ARCHIVE and any(login[:2]) else None

    def void(self):
        """Forget the check, and remove what was unpacked for it."""
        if self._verdict is not None:
            self._verdict.opened.close()
        self._checked, self._verdict = None, None
        self._view.clear()

    def forget(self):
        self.void()
        self._clearSource()
        self.ui.sourceKindComboBox.setCurrentIndex(FOLDER)

    def onSeries(self):
        uid = self._view.selectedUid()
        if uid is not None and self._verdict is not None:
            self._rejudge(uid, repair=False)

    def onRepair(self, agreed):
        self._rejudge(self._verdict.chosen.uid, agreed)

    def onPatientId(self, _text=None):
        if self.ui.repairCheckBox.checked and self._verdict is not None:
            # What was repaired for another patient ID is not what would be imported.
            self._rejudge(self._verdict.chosen.uid, repair=False)
        self._view.updateRepair()

    def _rejudge(self, uid, repair):
        verdict, side, logic = self._verdict, self._checked.side, self.module.logic
        patientId = self.ui.patientIdLineEdit.text.strip() if repair else None
        judged = self.module.runStep(
            lambda session, progress: logic.rejudge(verdict, uid, side, repair, patientId or None, progress),
            _("The series was judged."),
        )
        if self._verdict is not None:
            self._verdict = judged or verdict
            self._view.show(self._verdict)
        self.module.updateActions()

    def onRescanRequest(self):
        path = qt.QFileDialog.getSaveFileName(
            self.widget, _("Re-scan request"), "rescan-request.pdf", _("PDF") + " (*.pdf)"
        )
        if not path:
            return
        verdict, side, logic = self._verdict, self._checked.side, self.module.logic
        self.module.runStep(
            lambda session, progress: logic.writeRescanRequest(path, verdict, side),
            _("The re-scan request is written: {path}").format(path=path),
        )

    # The import

    def onImport(self):
        checked, verdict, logic = self._checked, self._verdict, self.module.logic
        casesFolder, reference = self.module.parameters.casesFolder, self._isReferenced()
        self._finish(
            lambda session, progress: logic.importVerdict(
                verdict, casesFolder, checked.side, checked.procedure, reference, session, progress
            ),
            _("The series was checked and is now a case."),
        )

    def onRevise(self):
        checked, verdict, logic = self._checked, self._verdict, self.module.logic
        folder, reference = self.module.activeFolder(), self._isReferenced()
        self._finish(
            lambda session, progress: logic.reviseCase(verdict, folder, checked.side, reference, session, progress),
            _("The series is the new revision of the open case's images."),
        )

    def _isReferenced(self):
        return self.ui.referenceCheckBox.checked and self.ui.sourceKindComboBox.currentIndex != ARCHIVE

    def _finish(self, step, doneText):
        if self.module.runStep(step, doneText):
            self.void()
            self._clearSource()
            if self.module.parameters is not None:
                self.module.logic.forgetImport(self.module.parameters)

    def _clearSource(self):
        """Empty what names a patient or a scan; the archive's address names neither."""
        self.ui.filePathLineEdit.currentPath = ""
        for edit in (*self._archiveEdits().values(), self.ui.archiveUserLineEdit, self.ui.archiveSecretLineEdit):
            edit.text = ""
        for box in (self.ui.referenceCheckBox, self.ui.archiveRememberCheckBox):
            box.checked = False
