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
from PrintPrepLib import Part


class PrintPrep(ScriptedLoadableModule):
    """A printable, checked part from the active case."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Print Prep")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = ["PlanningHub"]
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
Make a watertight STL and 3MF of the active case's bone, simplified within a deviation that you state.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer, manifold3d and lib3mf.")


@parameterNodeWrapper
class PrintPrepParameterNode:
    """What the user chose; saved with the scene.

    maximumDeviationMm - How far simplification may move the surface.
    """

    maximumDeviationMm: Annotated[float, WithinRange(0.05, 1.0)] = 0.25


class PrintPrepWidget(CaseModuleWidget):
    """One button and the figures of what it made."""

    def createLogic(self):
        return PrintPrepLogic()

    def connectActions(self):
        self.ui.partButton.connect("clicked(bool)", self.onMakePart)

    def showCase(self, case):
        part = case.latest("part") if case else None
        warning = warningText(case, part) if part else ""
        rows = figureRows(part) if part else []
        fillTable(self.ui.partTable, [(warning,), *rows] if warning else rows, stretchedColumn=1)

    def updateActions(self):
        self.ui.partButton.enabled = self.case is not None

    def onMakePart(self):
        folder, maximumDeviationMm = self.activeFolder(), self.parameters.maximumDeviationMm
        self.runStep(
            lambda session, progress: self.logic.makePart(folder, session, maximumDeviationMm, progress),
            _("The part is made and checked."),
        )


class PrintPrepLogic(ScriptedLoadableModuleLogic):
    """Binds the print step to Slicer's scene."""

    def getParameterNode(self):
        return PrintPrepParameterNode(super().getParameterNode())

    def makePart(self, folder, session, maximumDeviationMm, progress):
        """Make the part of the case in a folder and show it."""
        with Case.open(folder, writable=True) as case:
            Part.makePart(case, session, maximumDeviationMm, progress=progress)
            # The part is made: showing it can no longer be cancelled.
            showCaseInScene(case, session)


def figureRows(part):
    """Return (name, value) rows of a part's facts, with units."""
    facts, deviation = part.facts, part.facts["deviation"]
    bound = part.parameters["maximumDeviationMm"]
    return [
        (_("Volume"), _("{part:.1f} ml (segmentation {segmentation:.1f} ml)").format(
            part=facts["volumeMl"], segmentation=facts["segmentationVolumeMl"])),
        (_("Largest deviation"), _("{largest:.3f} mm (bound {bound:.2f} mm)").format(
            largest=facts["deviationMm"], bound=bound)),
        (_("Mean / 99 % deviation"), _("{mean:.3f} / {p99:.3f} mm").format(
            mean=deviation["meanMm"], p99=deviation["p99Mm"])),
        (_("Triangles"), _("{left:,} of {all:,}").format(left=facts["triangles"], all=facts["surfaceTriangles"])),
        (_("Watertight"), _("yes") if facts["watertight"] else _("NO")),
        *((_("Note: {code}").format(code=finding["code"]), finding["message"]) for finding in facts["findings"]),
        *((_("File"), name) for name in part.files),
    ]  # fmt: skip


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
