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

from ORExportLib import Package, Verify
from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import VerificationFailed, firstRejection
from PlanningHubWidgets.CaseModuleWidget import CaseModuleWidget, fillTable


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
        self.ui.packageTable.horizontalHeader().setStretchLastSection(True)

    def showCase(self, case):
        package = case.latest("package") if case else None
        rows = [(name, record.sha256) for name, record in package.files.items()] if package else []
        fillTable(self.ui.packageTable, rows)

    def updateActions(self):
        parameters = self.parameters
        self.ui.packageButton.enabled = bool(parameters and self.activeFolder() and _isChosen(parameters.outFolder))
        self.ui.verifyButton.enabled = bool(parameters and _isChosen(parameters.verifyFolder))

    def onMakePackage(self):
        folder, outFolder = self.activeFolder(), self.parameters.outFolder
        self.runStep(
            lambda session, progress: self.logic.makePackage(folder, session, outFolder, progress),
            _("The package is saved and was read back. NOT APPROVED: for planning review only."),
        )

    def onVerify(self):
        folder = self.parameters.verifyFolder
        findings = self.runStep(
            lambda session, progress: self.logic.verify(folder, progress), _("The package is what was recorded.")
        )
        if findings is not None:
            texts = [f"{finding.severity}: {finding.message}" for finding in findings]
            self.ui.verifyLabel.text = "\n".join(texts) or _("Every file is there and unchanged.")
        else:
            self.ui.verifyLabel.text = _("Do not use this package.")


class ORExportLogic(ScriptedLoadableModuleLogic):
    """Binds the package step to Slicer's scene."""

    def getParameterNode(self):
        return ORExportParameterNode(super().getParameterNode())

    def makePackage(self, folder, session, outFolder, progress):
        """Make the package of the case in a folder and save a checked copy of it."""
        with Case.open(folder, writable=True) as case:
            package = Package.makePackage(case, session, progress=progress)
            Package.exportPackage(case, package, outFolder)

    def verify(self, folder, progress):
        """Verify a package; return its findings.

        :raises VerificationFailed: with the first rejecting finding
        """
        findings = Verify.verifyPackage(folder, progress)
        bad = firstRejection(findings)
        if bad:
            raise VerificationFailed(bad.code, bad.message, bad.action, bad.files)
        return findings


def _isChosen(path):
    """Tell whether a path parameter holds anything: an empty one reads back as the current folder."""
    return path is not None and str(path) not in ("", ".")


class ORExportTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and does nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        slicer.util.selectModule("ORExport")
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(slicer.modules.ORExportWidget.ui.packageButton.enabled)
