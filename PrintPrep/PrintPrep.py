from typing import Annotated

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseView import showCaseInScene
from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import CaseModuleWidget, fillTable
from PrintPrepLib import Part, Shape
from PrintPrepLib.Recipe import newRecipe


class PrintPrep(ScriptedLoadableModule):
    """A printable, checked part from the active case."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Print Prep")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = ["PlanningHub"]
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
Make a watertight STL and 3MF of the active case's bone, or of an object of its plan, simplified within a deviation that
you state.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer, manifold3d and lib3mf.")


@parameterNodeWrapper
class PrintPrepParameterNode:
    """What the user chose; saved with the scene.

    maximumDeviationMm - How far simplification may move the surface.
    objectName - Which object of the current plan; empty for the bone as it was segmented.
    """

    objectName: str = ""
    maximumDeviationMm: Annotated[float, WithinRange(0.05, 1.0)] = 0.25


class PrintPrepWidget(CaseModuleWidget):
    """One button and the figures of what it made."""

    def createLogic(self):
        return PrintPrepLogic()

    def connectActions(self):
        self.ui.partButton.connect("clicked(bool)", self.onMakePart)
        self.ui.objectComboBox.connect("activated(int)", self.onObject)

    def showCase(self, case):
        self._offerObjects(Shape.partObjects(case) if case else [])
        part = case.latest("part") if case else None
        warning = warningText(case, part) if part else ""
        rows = figureRows(part) if part else []
        fillTable(self.ui.partTable, [(warning,), *rows] if warning else rows, stretchedColumn=1)

    def updateActions(self):
        self.ui.partButton.enabled = self.case is not None
        if self.parameters is not None:
            row = self.ui.objectComboBox.findText(self.parameters.objectName)
            self.ui.objectComboBox.currentIndex = max(0, row)

    def _offerObjects(self, names):
        """Offer the bone and the planned objects of these names; what was chosen of another case is forgotten."""
        self.ui.objectComboBox.clear()
        self.ui.objectComboBox.addItems([_("Bone, as segmented"), *names])
        if self.parameters is not None and self.parameters.objectName not in names:
            self.parameters.objectName = ""

    def onObject(self, row):
        self.parameters.objectName = self.ui.objectComboBox.currentText if row > 0 else ""

    def onMakePart(self):
        folder, parameters = self.activeFolder(), self.parameters
        maximumDeviationMm, objectName = parameters.maximumDeviationMm, parameters.objectName or None
        self.runStep(
            lambda session, progress: self.logic.makePart(folder, session, maximumDeviationMm, objectName, progress),
            _("The part is made and checked."),
        )


class PrintPrepLogic(ScriptedLoadableModuleLogic):
    """Binds the print step to Slicer's scene."""

    def getParameterNode(self):
        return PrintPrepParameterNode(super().getParameterNode())

    def makePart(self, folder, session, maximumDeviationMm, objectName, progress):
        """Make a part of the case in a folder, of a planned object or (None) of the bone, and show it."""
        with Case.open(folder, writable=True) as case:
            Part.makePart(case, session, newRecipe(objectName, maximumDeviationMm), progress)
            # The part is made: showing it can no longer be cancelled.
            showCaseInScene(case, session)


def figureRows(part):
    """Return (name, value) rows of a part's facts, with units."""
    facts, deviation = part.facts, part.facts["deviation"]
    bound = part.parameters["maximumDeviationMm"]
    if "plannedVolumeMl" in facts:
        volume = _("{part:.1f} ml (planned {planned:.1f} ml)")
    else:
        volume = _("{part:.1f} ml (segmentation {segmentation:.1f} ml)")
    return [
        *objectRows(facts.get("object")),
        (_("Volume"), volume.format(
            part=facts["volumeMl"], planned=facts.get("plannedVolumeMl"),
            segmentation=facts.get("segmentationVolumeMl"))),
        (_("Largest deviation"), _("{largest:.3f} mm (bound {bound:.2f} mm)").format(
            largest=facts["deviationMm"], bound=bound)),
        (_("Mean / 99 % deviation"), _("{mean:.3f} / {p99:.3f} mm").format(
            mean=deviation["meanMm"], p99=deviation["p99Mm"])),
        (_("Triangles"), _("{left:,} of {all:,}").format(left=facts["triangles"], all=facts["surfaceTriangles"])),
        (_("Watertight"), _("yes") if facts["watertight"] else _("NO")),
        *((_("Note: {code}").format(code=finding["code"]), finding["message"]) for finding in facts["findings"]),
        *((_("File"), name) for name in part.files),
    ]  # fmt: skip


def objectRows(described):
    """Return the rows that say what the part is of; parts of older cases do not say it."""
    if described is None:
        return []
    words = {
        "mirrored": _("made from the mirrored side"),
        "modified": _("not as scanned: cut, designed or combined"),
        "moved": _("moved from where it was scanned"),
    }
    said = [text for flag, text in words.items() if described[flag]]
    return [(_("Object"), described["name"]), *((_("Note"), text) for text in said)]


class PrintPrepTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and does nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("PrintPrep")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.ui.partButton.enabled)
