from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseView import showCaseInScene
from PlanningHubLib.Files import writeAside
from PlanningHubWidgets.PagedModuleWidget import PagedModuleWidget
from PlanningHubWidgets.StepForm import pointOf
from PrintPrepLib import Part, PartMap, PartQueue, PlateView, Recipe, RecipeDraft
from PrintPrepLib.Papers import Inspection, Papers, ScanCompare
from PrintPrepLib.Papers.Dimensions import readDimensions
from PrintPrepLib.PartRecords import wholePath
from PrintPrepLib.Production import Build
from PrintPrepLib.SceneStage import clearStage
from PrintPrepWidgets.BuildPanel import BuildPanel
from PrintPrepWidgets.InspectionPanel import InspectionPanel
from PrintPrepWidgets.PapersPanel import PapersPanel
from PrintPrepWidgets.PartPanel import PartPanel
from PrintPrepWidgets.QueuePanel import QueuePanel
from PrintPrepWidgets.ResultPanel import ResultPanel


class PrintPrep(ScriptedLoadableModule):
    """A printable, checked part from the active case."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Print Prep")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = ["PlanningHub"]
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
<b>Part</b>: choose what is made, how exact, by which process, of what material and for what. The verdict says at every
change whether it may be made, and by whose word.<br>
<b>Result</b>: read the figures of the part, and see in the 3D view how far it lies off.<br>
<b>Queue</b>: let several parts be made one after the other.<br>
<b>Build</b>: lay parts on the plates of a printer.<br>
<b>Papers</b>: make the papers, enter what is known after printing, and see what is left to do
before the part may be handed out.<br>
<b>Inspection</b>: enter what was read on the printed part, or compare a scan of it.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer, manifold3d and lib3mf.")


@parameterNodeWrapper
class PrintPrepParameterNode:
    """What the user chose; saved with the scene.

    recipeJson - The recipe that is being put together for the open case, as PrintPrepLib.RecipeDraft keeps it.
    queueJson - The parts of the open case that wait, as PrintPrepLib.PartQueue keeps them.
    partId - The part that the other pages are about.
    """

    recipeJson: str = ""
    queueJson: str = ""
    partId: str = ""


class PrintPrepWidget(PagedModuleWidget):
    """One page for the part that is to be made, and one for each thing that is done with those that are made."""

    def createLogic(self):
        return PrintPrepLogic()

    def panelClasses(self):
        return (
            (_("Part"), PartPanel),
            (_("Result"), ResultPanel),
            (_("Queue"), QueuePanel),
            (_("Build"), BuildPanel),
            (_("Papers"), PapersPanel),
            (_("Inspection"), InspectionPanel),
        )

    def choosePart(self, partId):
        """Let all pages be about one part."""
        self.parameters.partId = partId
        self.refresh(keepMessage=True)

    def showPart(self, part):
        """Turn to the result of a part that was just made."""
        self.choosePart(part.id)
        self.showPanel(ResultPanel)


class PrintPrepLogic(ScriptedLoadableModuleLogic):
    """Binds the steps of PrintPrepLib to Slicer's scene."""

    def getParameterNode(self):
        return PrintPrepParameterNode(super().getParameterNode())

    def makePart(self, folder, session, recipe, progress):
        """Make a part of the case in a folder, show it, and return its artefact."""
        with Case.open(folder, writable=True) as case:
            part = Part.makePart(case, session, recipe, progress)
            # The part is made: showing it can no longer be cancelled.
            self._show(case, session)
            return part

    def makeAll(self, folder, session, entries, tell, progress):
        """Make the parts of a queue that wait; returns how many were made and how many failed."""
        with Case.open(folder, writable=True) as case:
            counts = PartQueue.makeAll(case, session, entries, tell, progress)
            self._show(case, session)
            return counts

    def makeBuild(self, folder, session, copies, profileName, direction, slicing, progress):
        """Lay parts of the case in a folder on plates; returns the build.

        :param copies: ID of each part → how often it is made
        :param direction: what points up, three numbers in LPS as they are typed; empty for the best
        """
        upLps = pointOf(direction, _("Upwards")) if direction.strip() else None
        with Case.open(folder, writable=True) as case:
            build = Build.makeBuild(case, session, list(copies), profileName, upLps, slicing, progress, copies=copies)
        clearStage(session.scene)
        return build

    def makePapers(self, folder, partId, values, progress):
        """Make the papers of a part of the case in a folder, with what is entered; returns them."""
        with Case.open(folder, writable=True) as case:
            return Papers.makePapers(case, partId, values, progress)

    def inspectMeasured(self, folder, partId, copy, path, measured, toleranceMm, instrument):
        """Keep what was read on a printed part, or a copy of it; ``path`` is a file of other dimensions, or None."""
        dimensions = readDimensions(path) if path else None
        with Case.open(folder, writable=True) as case:
            return Inspection.inspectMeasured(case, partId, dimensions, measured, toleranceMm, instrument, copy=copy)

    def inspectScan(self, folder, partId, copy, path, unit, toleranceMm, progress):
        """Compare a scan of a printed part, and keep what it shows."""
        with Case.open(folder, writable=True) as case:
            return ScanCompare.inspectScan(case, path, unit, partId, toleranceMm, progress, copy=copy)

    def _show(self, case, session):
        clearStage(session.scene)
        showCaseInScene(case, session)

    def readRecipe(self, path):
        """Return the recipe of a file."""
        return Recipe.readRecipe(Path(path))

    def saveRecipe(self, draft, path):
        """Write a draft into a file, complete and checked; returns its path."""
        writeAside(Path(path), Recipe.recipeBytes(RecipeDraft.recipeOf(draft)))
        return path

    def showMap(self, folder, session, part):
        """Show how far a part lies off."""
        with Case.open(folder) as case:
            return PartMap.showMap(case, session.scene, part)

    def shownMap(self):
        """Return the ID of the part whose map is shown, empty text where none is."""
        return PartMap.shownMap(slicer.mrmlScene)

    def showPlate(self, folder, session, build, number):
        """Show a plate of a build with the parts on it, and let the 3D views look at it."""
        with Case.open(folder) as case:
            PlateView.showPlate(case, session.scene, build, number)
        self._lookAtAll()

    def shownPlate(self):
        """Return the name of the plate that is shown, empty text where none is."""
        return PlateView.shownPlate(slicer.mrmlScene)

    def clearStage(self, session):
        """Show the case as it is shown without map and plate."""
        wasPlate = PlateView.shownPlate(session.scene)
        clearStage(session.scene)
        if wasPlate:
            self._lookAtAll()

    def _lookAtAll(self):
        # A Slicer without a main window has no views.
        views = slicer.app.layoutManager()
        if views is not None:
            views.resetThreeDViews()

    def wholeFile(self, case, artefact, name):
        """Return the path of a file of an artefact that was not changed outside the suite."""
        return wholePath(case, artefact, name)


class PrintPrepTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and does nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("PrintPrep")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.panel("PartPanel").ui.partButton.enabled)
