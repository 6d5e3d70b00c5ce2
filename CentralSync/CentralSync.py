import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
)

from CentralSyncLib import Overview, Results, Sync
from CentralSyncLib.Records import NewerStudies
from CentralSyncLib.Stores import Addresses
from PlanningHubLib import ArchiveAccess
from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import CaseModuleWidget, fillTable, sizeText


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

    _package = None
    # What was sent, and where: its result is shown until either changes.
    _sent = None
    # The store that the login in the fields was entered for.
    _loginAddress = ""

    def createLogic(self):
        return CentralSyncLogic()

    def connectActions(self):
        self.ui.sendButton.connect("clicked(bool)", self.onSend)

    def showCase(self, case):
        self._package = case.latest("package") if case else None
        self._showPlan()

    def updateActions(self):
        self._showLogin(self._address())
        self.ui.sendButton.enabled = self._showPlan()

    def forget(self):
        self._showLogin("")

    def _showLogin(self, address):
        """Offer a login where the store may ask for one; what was entered for another store must not go to this one."""
        self.ui.loginWidget.visible = Overview.isDicomWeb(address)
        if address != self._loginAddress:
            self._loginAddress = address
            self.ui.storeUserLineEdit.text = self.ui.storeSecretLineEdit.text = ""
            self.ui.storeRememberCheckBox.checked = False

    def _login(self):
        """Return user, password or token, and whether to remember them; the secret does not stay in its field."""
        ui = self.ui
        login = ui.storeUserLineEdit.text, ui.storeSecretLineEdit.text, ui.storeRememberCheckBox.checked
        ui.storeSecretLineEdit.text = ""
        return login if Overview.isDicomWeb(self._address()) and any(login[:2]) else None

    def _address(self):
        return self.parameters.storeAddress.strip() if self.parameters else ""

    def _showPlan(self):
        """Show what would go where, or what went there; return whether it can be sent."""
        address = self._address()
        if self._sent and self._sent == (self._package and self._package.content, address):
            return True
        self._sent = None
        lines = Overview.planLines(self.case, address) if self._package else []
        warning = warningText(self.case, self._package) if self._package else ""
        self._showLines(lines, warning)
        if not self._package:
            self.ui.previewLabel.text = _("There is nothing to send yet: make the package first.")
            return False
        if not address:
            self.ui.previewLabel.text = _("Choose the store.")
            return False
        try:
            self.ui.previewLabel.text = planText(lines, Overview.destination(address))
        except PlanningError as error:
            if error.code == "secret-in-address":
                # It must not be saved with the scene.
                self.parameters.storeAddress = ""
            self.ui.previewLabel.text = str(error)
            return False
        return True

    def _showLines(self, lines, warning=""):
        states = stateTexts()
        rows = [(warning,)] if warning else []
        for line in lines:
            what = line.what or _("Record, older revisions")
            size = sizeText(line.bytes) if line.what else ""
            rows.append((what, line.files, size, states[line.state]))
            if line.reason:
                rows.append((line.reason,))
        fillTable(self.ui.itemsTable, rows)

    def onSend(self):
        folder, address, content = self.activeFolder(), self._address(), self._package.content
        login = self._login()
        result = self.runStep(
            lambda session, progress: self.logic.sync(folder, address, progress, login),
            "",
            _("Cancelled; the case is as it was. What the store has already taken stays there."),
        )
        if result is None or self.case is None:
            return
        self._sent = (content, address)
        self._showLines(Overview.resultLines(self.case, result))
        problem = result.problem()
        if problem:
            self.runner.complain(problem)
        else:
            text = _("{count} different files are in the store, read back and equal.")
            said = [text.format(count=result.verified), *(finding.message for finding in result.findings)]
            self.runner.say("\n".join(said))


def planText(lines, destination):
    """Return how much goes where, and that it is not made anonymous."""
    going = [line for line in lines if line.state == Overview.TO_SEND]
    sizes = [line.bytes for line in going]
    return _("Goes to {destination}: {count} files, {size}, as they are, with the patient's name in them.").format(
        destination=destination,
        count=sum(line.files for line in going),
        size=sizeText(None if None in sizes else sum(sizes)),
    )


def stateTexts():
    """Return state → how it is called."""
    return {
        Overview.TO_SEND: _("to send"),
        Results.VERIFIED: _("verified"),
        Results.FAILED: _("FAILED"),
        Results.QUEUED: _("waiting"),
        Results.NOT_SENT: _("not sent"),
    }


class CentralSyncLogic(ScriptedLoadableModuleLogic):
    """Binds the sync step."""

    def getParameterNode(self):
        return CentralSyncParameterNode(super().getParameterNode())

    def newerStudies(self, address, patientId, after):
        """Return the studies of a patient that a store holds and that are not older than a day; OR Export asks."""
        return NewerStudies.newerStudies(address, patientId, after)

    def sync(self, folder, address, progress, login=None):
        """Send the case in a folder to the store at an address; return the result of every item.

        :param login: user, password or token, and whether to remember what worked; None for what is remembered
        """
        credentials = ArchiveAccess.Credentials(*login[:2]) if login else None
        if login and login[2]:
            ArchiveAccess.requireKeeping()
        with Case.open(folder, writable=True) as case:
            result = Sync.syncCase(case, Addresses.openStore(address, credentials), progress=progress)
        if login and login[2] and result.complete:
            ArchiveAccess.remember(Addresses.dicomWebBase(address), credentials)
        return result


class CentralSyncTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and sends nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("CentralSync")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.ui.sendButton.enabled)
