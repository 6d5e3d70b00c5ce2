from pathlib import Path
from typing import Annotated

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from PlanningHubLib import ArchiveAccess, Import
from PlanningHubLib.ActiveCase import activeCaseFolder, setActiveCaseFolder
from PlanningHubLib.Case import SIDES, Case
from PlanningHubLib.CaseView import showCaseInScene, shownNode
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Planning import OutcomeScene, OutcomeView, PlanWork
from PlanningHubLib.Planning.Outcome import Wishes, compareOutcome, readAchieved
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.RescanRequest import writeRescanRequest
from PlanningHubLib.Segmentation import DEFAULT_THRESHOLD_HU
from PlanningHubLib.Segmenting import HandEdits, LabelFiles, Preview, StructureSegmentation
from PlanningHubLib.Segmenting.ModelSegmentation import segmentByModel
from PlanningHubLib.SourcesDicomWeb import archiveAddress, parseAddress
from PlanningHubLib.Steps import STEP_KINDS, stepStates
from PlanningHubLib.Thumbnails import verdictThumbnails
from PlanningHubLib.Volumes import readGeometry
from PlanningHubWidgets.ApprovalPanel import ApprovalPanel
from PlanningHubWidgets.CaseHeader import StepBar
from PlanningHubWidgets.CasesPanel import CasesPanel
from PlanningHubWidgets.ConsentPanel import ConsentPanel
from PlanningHubWidgets.ImportPanel import NO_SIDE, ImportPanel
from PlanningHubWidgets.OutcomePanel import OutcomePanel
from PlanningHubWidgets.PagedModuleWidget import PagedModuleWidget
from PlanningHubWidgets.PlanPanel import PlanPanel
from PlanningHubWidgets.RequestPanel import RequestPanel
from PlanningHubWidgets.ReviewPanel import ReviewPanel
from PlanningHubWidgets.SegmentationPanel import SegmentationPanel

PANEL_OF_STEP = {"source": ImportPanel, "segmentation": SegmentationPanel, "plan": PlanPanel}
MODULE_OF_STEP = {"part": "PrintPrep", "package": "ORExport", "receipt": "CentralSync"}


class PlanningHub(ScriptedLoadableModule):
    """Home of the suite: cases, import, segmentation."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Planning Hub")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = []
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
Make a case from a patient's CT, segment the bone, and see at a glance which steps are done, stale or next.<br>
<b>Cases</b>: find a case by words, state or date, and open it.<br>
<b>Import</b>: choose a folder, a file (ZIP, DICOMDIR, DICOM) or the hospital's archive, the procedure and the side;
check the images. The verdict says whether they are good enough to plan on, what was found and what to do; where they
are not, write a re-scan request for the radiographer. Only what was checked is imported.<br>
<b>Segmentation</b>: select a structure of the procedure, preview its method, segment it, and look at the result before
you go on. What the Segment Editor changes is noticed and kept as a new revision; what others made needs a verdict.<br>
<b>Plan</b>: start from the procedure's steps or with none, place cuts and lines in the views, carry the plan out, look
at its figures and findings, and keep it. Each title is a plan of its own.<br>
<b>Request</b>: state what is asked for, and see whether it will be ready in time.<br>
<b>Consent</b>: record and withdraw it, and make de-identified copies.<br>
<b>Review</b>: pin comments to points, and give verdicts.<br>
<b>Approval</b>: sign with your own key. What is approved is locked until somebody reopens it with a reason.<br>
<b>Outcome</b>: compare a CT after the operation with the plan, and read what was found where.<br>
The other modules of the suite act on the case that is open here.<br>
<b>For the data-protection officer</b>: nothing leaves a case without a recorded consent of its scope (by default a new
case records that the one to treatment is kept elsewhere). What has left is listed, copies for others are made by an
allow-list, and each change stands in the audit log.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer. Not for diagnosis; not a cleared medical device.")


@parameterNodeWrapper
class PlanningHubParameterNode:
    """What the user chose; saved with the scene.

    casesFolder - The folder that holds the cases, one folder each.
    sourceFolder - The folder of the CT to import.
    structure - The structure that is worked on.
    thresholdHu - The lowest intensity of its method.
    closing - The closing of its method, in mm, or in voxels where the method says voxels.
    methodsJson - The methods that were changed step by step for the open case.
    """

    casesFolder: Path
    sourceFolder: Path
    side: Annotated[str, Choice([NO_SIDE, *SIDES])] = NO_SIDE
    procedure: str = ""
    structure: str = ""
    thresholdHu: Annotated[float, WithinRange(-1000, 3071)] = DEFAULT_THRESHOLD_HU
    closing: Annotated[float, WithinRange(0, 10)] = 1.0
    methodsJson: str = ""
    planOperation: str = "plane"


class PlanningHubWidget(PagedModuleWidget):
    """The bar of steps, and below it one page per panel."""

    def createLogic(self):
        return PlanningHubLogic()

    def panelClasses(self):
        return (
            (_("Cases"), CasesPanel),
            (_("Import"), ImportPanel),
            (_("Segmentation"), SegmentationPanel),
            (_("Plan"), PlanPanel),
            (_("Request"), RequestPanel),
            (_("Consent"), ConsentPanel),
            (_("Review"), ReviewPanel),
            (_("Approval"), ApprovalPanel),
            (_("Outcome"), OutcomePanel),
        )

    def connectActions(self):
        self.stepBar = StepBar(self.ui.stepsFrame, STEP_KINDS, self.onStep)
        super().connectActions()

    def showCase(self, case):
        self.stepBar.show(stepStates(case) if case else {})
        super().showCase(case)

    def onStep(self, kind):
        if kind in MODULE_OF_STEP:
            slicer.util.selectModule(MODULE_OF_STEP[kind])
        else:
            self.showPanel(PANEL_OF_STEP[kind])


class PlanningHubLogic(ScriptedLoadableModuleLogic):
    """Binds the steps of PlanningHubLib to Slicer's scene."""

    def getParameterNode(self):
        return PlanningHubParameterNode(super().getParameterNode())

    def openCase(self, folder, session, progress):
        """Make the case in a folder the active one and show it."""
        with Case.open(folder) as case:
            showCaseInScene(case, session, progress)
        setActiveCaseFolder(session.scene, folder)

    def checkSource(self, source, procedure, side, progress, login=None):
        """Scan and judge a source; returns the verdict, and series UID → PNG of its series.

        :param source: path, or archive address and pairs of search keys
        :param login: user, password or token, and whether to remember them; None for what is remembered
        """
        credentials = ArchiveAccess.Credentials(*login[:2]) if login else None
        if not isinstance(source, Path):
            source = archiveAddress(source[0], **dict(source[1]))
        verdict = Import.examine(
            source, None, part(progress, 0.0, 0.9), procedure or None, side, credentials=credentials
        )
        try:
            if login and login[2]:
                ArchiveAccess.remember(parseAddress(source)[0], credentials)
            return verdict, verdictThumbnails(verdict, part(progress, 0.9, 1.0))
        except BaseException:
            verdict.opened.close()
            raise

    def rejudge(self, verdict, seriesUid, side, repair, patientId, progress):
        """Judge another series of what was scanned, or with a repair agreed to; returns the verdict."""
        return Import.rejudge(verdict, seriesUid, side, repair, progress, patientId)

    def writeRescanRequest(self, path, verdict, side):
        """Write the page for the radiographer to a new file; returns its path."""
        writeRescanRequest(Path(path), verdict, side)
        return path

    def importVerdict(self, verdict, casesFolder, side, procedure, reference, session, progress):
        """Import what a verdict has chosen into a new case below ``casesFolder``, open it and return its folder."""
        folder = Import.importVerdictIntoNewFolder(
            verdict, casesFolder, side, procedure or None, progress=progress, reference=reference
        )
        # The case is there: from here on nothing can be cancelled.
        self.openCase(folder, session, noProgress)
        return folder

    def reviseCase(self, verdict, folder, side, reference, session, progress):
        """Import what a verdict has chosen as a new revision into the case in a folder; returns the folder."""
        Import.importVerdict(verdict, folder, side, progress=progress, reference=reference)
        self.openCase(folder, session, noProgress)
        return folder

    def forgetImport(self, parameters):
        """Empty what belongs to one patient: no side for the next one, and no path of a scan in a saved scene."""
        parameters.sourceFolder, parameters.procedure = Path(), ""
        parameters.side = NO_SIDE

    def segment(self, folder, session, names, methods, seeds, progress):
        """Segment structures of the case in a folder and show them; names None for what needs nobody."""
        with Case.open(folder, writable=True) as case:
            StructureSegmentation.segmentStructures(case, session, names, seeds, methods, progress=progress)
            self._show(case, session)

    def segmentByModel(self, folder, session, names, address, model, isFast, progress):
        """Let a model find structures of the case in a folder, all that it knows for no names, and show them."""
        with Case.open(folder, writable=True) as case:
            segmentByModel(case, session, names, address, model, isFast, progress=progress)
            self._show(case, session)

    def preview(self, folder, session, name, method, seeds, progress):
        """Show what a method would give for a structure of the case in a folder."""
        with Case.open(folder) as case:
            volume = showCaseInScene(case, session)[0]
            others = StructureSegmentation.masksFor(case, session, volume, name, method)
            Preview.showPreview(case, session, volume, name, method, seeds, others, progress)

    def keepHandEdits(self, folder, session, progress):
        """Keep what was changed by hand in the segmentation of the case in a folder."""
        with Case.open(folder, writable=True) as case:
            node = shownNode(session.scene, case, "segmentation")
            HandEdits.keepHandEdits(case, session, node, progress=progress)
            self._show(case, session)

    def discardHandEdits(self, folder, session, progress):
        """Show the segmentation of the case in a folder as it is kept."""
        with Case.open(folder) as case:
            removeNodes(session.scene, shownNode(session.scene, case, "segmentation"))
            showCaseInScene(case, session, progress)

    def takeMask(self, folder, session, path, labels, progress):
        """Take labels of a file (number → structure) into the segmentation of the case in a folder."""
        with Case.open(folder, writable=True) as case:
            source = case.require("source")
            geometry = readGeometry(case, source)
            masks, provenance, findings = LabelFiles.readLabelFile(
                path, labels, geometry.shape, geometry.ijkToRas, source.facts.get("frameOfReferenceUid")
            )
            StructureSegmentation.segmentStructures(
                case, session, masks=masks, provenance=provenance, findings=findings, progress=progress
            )
            self._show(case, session)

    def _show(self, case, session):
        Preview.removePreview(session.scene)
        showCaseInScene(case, session)

    def startedPlan(self, case, title):
        """Return the draft of a plan with the steps of the case's procedure."""
        return PlanWork.startedForCase(case, title)

    def readPlanFile(self, folder, path):
        """Return the plan in a file, for the case in a folder."""
        return PlanWork.readForCase(folder, Path(path))

    def writePlanFile(self, folder, draft, path):
        """Write a plan of the case in a folder to a file; returns its path."""
        return PlanWork.writeDraft(folder, draft, Path(path))

    def carryOutPlan(self, folder, session, draft, progress):
        """Carry out a plan on the case in a folder and show its objects; returns what came of it."""
        return PlanWork.carryOutForCase(folder, session, draft, progress)

    def keepPlan(self, folder, session, carried, draft, progress):
        """Keep a plan that was carried out in the case in a folder, with what its draft says beside the steps."""
        return PlanWork.keepForCase(folder, session, carried, draft, progress)

    def showVariant(self, folder, session, planId):
        """Show a plan of the case in a folder instead of the one that is shown."""
        PlanWork.showVariant(folder, session, planId)

    def compareOutcome(self, folder, session, source, wishes, seriesUid, achieved, login, progress):
        """Compare a CT after the operation with the plan of the case in a folder; returns the outcome that is kept.

        :param source: as :meth:`checkSource` takes it
        :param wishes: what :class:`PlanningHubLib.Planning.Outcome.Wishes` holds, without the achieved trajectories
        :param achieved: path of the file of those, or None
        :param login: user, and password or token; None for what is remembered
        """
        wishes = Wishes(**wishes, achieved=readAchieved(Path(achieved)) if achieved else {})
        if not isinstance(source, Path):
            source = archiveAddress(source[0], **dict(source[1]))
        credentials = ArchiveAccess.Credentials(*login) if login else None
        with Case.open(folder, writable=True) as case:
            return compareOutcome(case, session, source, wishes, seriesUid, progress=progress, credentials=credentials)

    def showOutcome(self, folder, session, artefact):
        """Show in the views what an outcome of the case in a folder found, beside its plan."""
        with Case.open(folder) as case:
            OutcomeScene.showOutcome(case, session, artefact)

    def saveOutcome(self, folder, artefact, path):
        """Write an outcome's report or table to a file; returns its path."""
        with Case.open(folder, writable=True) as case:
            return OutcomeView.saveCopy(case, artefact, Path(path))


class PlanningHubTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads, shows no case, survives a scene close."""

    def runTest(self):
        self.setUp()
        self.test_noCase()

    def setUp(self):
        slicer.mrmlScene.Clear()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("PlanningHub")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.panel("SegmentationPanel").ui.segmentButton.enabled)
        slicer.mrmlScene.Clear()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
