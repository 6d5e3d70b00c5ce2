"""The page of a part that is made: its figures, what each step took, and its accuracy in the 3D view."""

from slicer.i18n import tr as _

from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import fillTable
from PlanningHubWidgets.Findings import showFindings
from PlanningHubWidgets.GovernancePanel import DOUBT_STYLE
from PrintPrepLib.PartMap import rangeOf
from PrintPrepLib.Proof.DeviationMap import PICTURE

from .PartFigures import budgetRows, figureRows
from .PartPage import PartPage, openFile


class ResultPanel(PartPage):
    """Reads a part's facts, and shows its deviation map."""

    def connectPart(self):
        self.ui.mapButton.connect("clicked(bool)", self.onMap)
        self.ui.pictureButton.connect("clicked(bool)", self.onPicture)

    def showPart(self, case, part):
        ui = self.ui
        warning = warningText(case, part) if part else ""
        ui.stateLabel.text = warning
        ui.stateLabel.styleSheet = DOUBT_STYLE
        ui.stateLabel.visible = bool(warning)
        fillTable(ui.partTable, figureRows(part) if part else [], stretchedColumn=1)
        fillTable(ui.budgetTable, budgetRows(part) if part else [], stretchedColumn=0)
        ui.scaleLabel.text = scaleText(part)
        showFindings(ui.findingsTable, part.facts["findings"] if part else [])
        ui.findingsCollapsibleButton.visible = bool(part and part.facts["findings"])

    def updateActions(self):
        ui, part = self.ui, self.chosen()
        reason = self.noCaseReason(ui.figuresCollapsibleButton, ui.mapCollapsibleButton) or self.noPartReason()
        self.allow(ui.mapButton, reason)
        self.allow(
            ui.pictureButton, reason or ("" if PICTURE in part.files else _("The part has none: make it again."))
        )
        ui.mapButton.checked = bool(part) and self.module.logic.shownMap() == part.id

    def onMap(self, checked=False):
        part, logic, folder = self.chosen(), self.module.logic, self.module.activeFolder()
        if checked:
            text = _("The 3D view shows the part colored by how far it lies off, with its scale.")
            self.module.runStep(lambda session, _progress: logic.showMap(folder, session, part), text)
        else:
            self.module.runStep(lambda session, _progress: logic.clearStage(session), "")

    def onPicture(self):
        case, part = self.module.case, self.chosen()
        openFile(self.module, self.module.runStep(lambda *_given: self.module.logic.wholeFile(case, part, PICTURE), ""))


def scaleText(part):
    """Return what a part's deviation map shows, in words."""
    accuracy = part.facts.get("accuracy") if part else None
    if not accuracy or "maximumMm" not in accuracy:
        return ""
    rangeMm, _toleranceMm = rangeOf(part)
    return _(
        "The map's scale reaches ±{range:.2f} mm; blue lies inside, red outside, gray was changed on purpose."
    ).format(range=rangeMm)
