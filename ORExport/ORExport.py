import functools
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

from ORExportLib import Gate, Manifest, Package, Verify, Views, ViewsInScene
from ORExportLib.CopyDocuments import copyDocuments
from ORExportLib.Export import exportPackage
from ORExportLib.Inputs import requireInputs
from ORExportLib.Pages import PrescriptionPdf
from ORExportWidgets.PackagePanel import PackagePanel
from ORExportWidgets.VerifyPanel import VerifyPanel
from ORExportWidgets.ViewsPanel import ViewsPanel
from PlanningHubLib import Consent
from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused, UsageError, firstRejection
from PlanningHubLib.Files import requireFree
from PlanningHubWidgets.PagedModuleWidget import PagedModuleWidget


class ORExport(ScriptedLoadableModule):
    """A package that the operating room can use without special software."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("OR Export")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = ["PlanningHub"]
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
<b>Package</b>: see what the gate says of the active case, choose what is in its package, and save it.<br>
<b>Views</b>: take the views that were agreed on from the 3D view.<br>
<b>Verify</b>: see whether any package is what was made, and what stands against its use.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer, pydicom, highdicom and ReportLab.")


@parameterNodeWrapper
class ORExportParameterNode:
    """What the user chose; saved with the scene.

    outFolder - Where the package is saved.
    verifyFolder - The package to verify.
    storeAddress - The archive that is asked for newer examinations. It holds no secrets.
    leaveOut - Names of contents that are not wanted, with commas between.
    """

    outFolder: Path
    verifyFolder: Path
    storeAddress: str = ""
    leaveOut: str = ""


class ORExportWidget(PagedModuleWidget):
    """A page that makes the package, one for its views, and one that verifies any package."""

    def createLogic(self):
        return ORExportLogic()

    def panelClasses(self):
        return ((_("Package"), PackagePanel), (_("Views"), ViewsPanel), (_("Verify"), VerifyPanel))


class ORExportLogic(ScriptedLoadableModuleLogic):
    """Binds the package step to Slicer's scene."""

    def getParameterNode(self):
        return ORExportParameterNode(super().getParameterNode())

    def gateFindings(self, case, storeAddress=""):
        """Return what the gate says of a case now."""
        return Gate.glance(case, requireInputs, self.newerStudies(storeAddress))

    def makePackage(
        self, folder, session, outFolder, progress, leaveOut=(), requireApproved=False, storeAddress="",
    ):  # fmt: skip
        """Make the package of the case in a folder and save a checked copy; return what to say of its consent."""
        requireFree(outFolder)
        with Case.open(folder, writable=True) as case:
            package = Package.makePackage(
                case, session, progress=progress, requireApproved=requireApproved, leaveOut=leaveOut,
                views=Views.caseViews(case), newerStudies=self.newerStudies(storeAddress),
            )  # fmt: skip
            exportPackage(case, package, outFolder)
            return Consent.treatmentFindings(case)

    def newerStudies(self, storeAddress):
        """Return the function that asks a store for newer examinations of a patient; None without a store.

        :raises UsageError: ``no-central-sync``
        """
        if not storeAddress.strip():
            return None
        if not hasattr(slicer.modules, "centralsync"):
            raise UsageError(
                "no-central-sync", _("The module Central Sync is not installed, so no archive can be asked."), ""
            )
        return functools.partial(slicer.util.getModuleLogic("CentralSync").newerStudies, storeAddress)

    def draftPrescription(self, folder, path):
        """Write the drafted PDF of the prescription of the case in a folder; the planning hub's button calls it."""
        with Case.open(folder, writable=True) as case:
            PrescriptionPdf.exportPrescription(case, path)

    def copyDocuments(self):
        """Return what draws the documents of a de-identified copy; the planning hub's button asks for it."""
        return copyDocuments()

    def verify(self, folder, progress, storeAddress=""):
        """Verify a package; return its findings and, where none rejects it, whether its manifest says approved."""
        findings = Verify.verifyPackage(folder, progress, self.newerStudies(storeAddress))
        approved = firstRejection(findings) is None and Manifest.readManifest(folder)["approved"]
        return findings, approved

    # Views

    def activeCamera(self):
        """Return the camera of the 3D view that is in front.

        :raises InputRefused: ``no-camera``
        """
        layoutManager = slicer.app.layoutManager()
        viewNode = layoutManager.activeMRMLThreeDViewNode() if layoutManager else None
        if viewNode is not None:
            return slicer.modules.cameras.logic().GetViewActiveCameraNode(viewNode)
        camera = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLCameraNode")
        if camera is None:
            raise InputRefused("no-camera", _("There is no 3D view."), _("Choose a layout with a 3D view."))
        return camera

    def takeView(self, case, name, stepName, caption):
        """Return what the 3D view shows as a view of a case."""
        visible = ViewsInScene.visibleNames(case, slicer.mrmlScene)
        return Views.viewOfCamera(self.activeCamera(), name, visible, stepName, caption)

    def showView(self, case, view):
        """Let the 3D view show a view of a case."""
        ViewsInScene.showView(view, case, slicer.mrmlScene, self.activeCamera())

    def keepViews(self, folder, views):
        """Keep views in the case in a folder as its agreed ones; return the artefact."""
        with Case.open(folder, writable=True) as case:
            return Views.keepViews(case, views)


class ORExportTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and does nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("ORExport")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.panel("PackagePanel").ui.packageButton.enabled)
