import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from CentralSyncLib import Stores, Sync
from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubWidgets.CaseModuleWidget import CaseModuleWidget, fillTable


class CentralSync(ScriptedLoadableModule):
    """A verified copy of the active case in the central store."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Central Sync")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = ["PlanningHub"]
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
Send the active case to the hospital's central store, then read every file back and compare it.
Nothing is sent before you press the button.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer, pydicom and requests.")


@parameterNodeWrapper
class CentralSyncParameterNode:
    """What the user chose; saved with the scene.

    storeAddress - A folder, or dicomweb+https://host/path. It holds no secrets.
    """

    storeAddress: str = ""


class CentralSyncWidget(CaseModuleWidget):
    """Send, and see what is proven to be there."""

    def createLogic(self):
        return CentralSyncLogic()

    def connectActions(self):
        self.ui.sendButton.connect("clicked(bool)", self.onSend)
        self.ui.itemsTable.horizontalHeader().setStretchLastSection(True)
        self._shownContent = None

    def showCase(self, case):
        package = case.latest("package") if case else None
        self.ui.previewLabel.text = (
            _("Goes out: the CT series, segmentation, part and package of case {name}, as they are.").format(
                name=case.name
            )
            if package
            else _("There is nothing to send yet: make the package first.")
        )
        content = package.content if package else None
        if content != self._shownContent:
            self._shownContent = content
            fillTable(self.ui.itemsTable, [])

    def updateActions(self):
        address = self.parameters.storeAddress if self.parameters else ""
        self.ui.sendButton.enabled = bool(self._shownContent and address.strip())

    def onSend(self):
        folder, address = self.activeFolder(), self.parameters.storeAddress.strip()
        result = self.runStep(lambda session, progress: self.logic.sync(folder, address, progress), "")
        if result is None:
            return
        fillTable(self.ui.itemsTable, [(item.name, item.state, item.reason) for item in result.items])
        problem = result.problem()
        if problem:
            self.runner.complain(problem)
        else:
            self.runner.say(
                _("{count} files are in the store, read back and equal.").format(count=result.verified)
            )


class CentralSyncLogic(ScriptedLoadableModuleLogic):
    """Binds the sync step."""

    def getParameterNode(self):
        return CentralSyncParameterNode(super().getParameterNode())

    def sync(self, folder, address, progress):
        """Send the case in a folder to the store at an address; return the result of every item."""
        with Case.open(folder, writable=True) as case:
            return Sync.syncCase(case, Stores.openStore(address), progress=progress)


class CentralSyncTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and sends nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        slicer.util.selectModule("CentralSync")
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(slicer.modules.CentralSyncWidget.ui.sendButton.enabled)
