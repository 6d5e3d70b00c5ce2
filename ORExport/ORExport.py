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

from ORExportLib import Manifest, Package, Verify
from ORExportLib.CopyDocuments import copyDocuments
from ORExportLib.Pages import PrescriptionPdf
from PlanningHubLib import Consent
from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import firstRejection
from PlanningHubLib.Files import requireFree
from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import CaseModuleWidget, fillTable, isChosen, sizeText
from PlanningHubWidgets.GovernancePanel import BAD_COLOR, GOOD_COLOR
from PlanningHubWidgets.StepRunner import ERROR_STYLE


class ORExport(ScriptedLoadableModule):
    """A package that the operating room can use without special software."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("OR Export")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = ["PlanningHub"]
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
Make a package of DICOM objects, plain model files and a one-page PDF from the active case, and verify any package.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer, pydicom, highdicom and ReportLab.")


@parameterNodeWrapper
class ORExportParameterNode:
    """What the user chose; saved with the scene.

    outFolder - Where the package is saved.
    verifyFolder - The package to verify.
    """

    outFolder: Path
    verifyFolder: Path


class ORExportWidget(CaseModuleWidget):
    """Make a package; verify one."""

    def createLogic(self):
        return ORExportLogic()

    def connectActions(self):
        self.ui.packageButton.connect("clicked(bool)", self.onMakePackage)
        self.ui.verifyButton.connect("clicked(bool)", self.onVerify)
        self._verifiedFolder = None

    def showCase(self, case):
        package = case.latest("package") if case else None
        files = package.files.items() if package else []
        rows = [(name, sizeText(one.bytes), (one.sha256[:12] + "\u2026", one.sha256)) for name, one in files]
        warning = warningText(case, package) if package else ""
        fillTable(self.ui.packageTable, [(warning,), *rows] if warning else rows)
        isApproved = bool(package) and package.facts["approved"]
        self.ui.approvalLabel.text = approvalText(isApproved) if package else ""
        self.ui.approvalLabel.styleSheet = f"color: {GOOD_COLOR if isApproved else BAD_COLOR}; font-weight: bold;"
        self.ui.approvalLabel.visible = package is not None

    def updateActions(self):
        parameters = self.parameters
        self.ui.packageButton.enabled = bool(parameters and self.case and isChosen(parameters.outFolder))
        self.ui.verifyButton.enabled = bool(parameters and isChosen(parameters.verifyFolder))
        if parameters and parameters.verifyFolder != self._verifiedFolder:
            self.ui.verifyLabel.text = _("Not verified.")

    def onMakePackage(self):
        folder, outFolder = self.activeFolder(), self.parameters.outFolder
        done = _("The package is saved and was read back.")
        findings = self.runStep(
            lambda session, progress: self.logic.makePackage(folder, session, outFolder, progress), done
        )
        if findings:
            self.runner.say("\n".join([done, *(finding.message for finding in findings)]))

    def onVerify(self):
        folder = self.parameters.verifyFolder
        self._verifiedFolder = folder
        self.ui.verifyLabel.text = _("Not verified.")
        result = self.runStep(
            lambda session, progress: self.logic.verify(folder, progress), "", _("Cancelled; nothing is proven.")
        )
        if result is not None:
            self._showFindings(*result)

    def _showFindings(self, findings, approved):
        lines = [f"{finding.severity}: {finding.message}" for finding in findings]
        rejection = firstRejection(findings)
        if rejection:
            self.runner.say(f"{rejection.message} {rejection.action}", ERROR_STYLE)
            lines.insert(0, _("Do not use this package."))
        else:
            self.runner.say(_("The package is what was recorded."))
            lines = [_("Every file is there and unchanged."), *lines, approvalText(approved)]
        self.ui.verifyLabel.text = "\n".join(lines)


class ORExportLogic(ScriptedLoadableModuleLogic):
    """Binds the package step to Slicer's scene."""

    def getParameterNode(self):
        return ORExportParameterNode(super().getParameterNode())

    def makePackage(self, folder, session, outFolder, progress):
        """Make the package of the case in a folder and save a checked copy; return what to say of its consent."""
        requireFree(outFolder)
        with Case.open(folder, writable=True) as case:
            package = Package.makePackage(case, session, progress=progress)
            Package.exportPackage(case, package, outFolder)
            return Consent.treatmentFindings(case)

    def draftPrescription(self, folder, path):
        """Write the drafted PDF of the prescription of the case in a folder; the planning hub's button calls it."""
        with Case.open(folder, writable=True) as case:
            PrescriptionPdf.exportPrescription(case, path)

    def copyDocuments(self):
        """Return what draws the documents of a de-identified copy; the planning hub's button asks for it."""
        return copyDocuments()

    def verify(self, folder, progress):
        """Verify a package; return its findings and, where none rejects it, whether its manifest says approved."""
        findings = Verify.verifyPackage(folder, progress)
        approved = firstRejection(findings) is None and Manifest.readManifest(folder)["approved"]
        return findings, approved


def approvalText(approved):
    """Return what a package's approval means for its use."""
    return _("Approved.") if approved else _("NOT APPROVED: for planning review only.")


class ORExportTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and does nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("ORExport")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.ui.packageButton.enabled)
