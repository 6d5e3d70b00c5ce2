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

from CentralSyncLib import Access, Overview, Sync
from CentralSyncLib.Outbox.Entries import NEEDS_PAYLOAD
from CentralSyncLib.Outbox.Health import healthOf
from CentralSyncLib.Outbox.Opening import isOutbox, workstationFolder
from CentralSyncLib.Outbox.Outbox import Outbox
from CentralSyncLib.Outbox.Running import runQueue
from CentralSyncLib.QueueOverview import queueLines
from CentralSyncLib.Records import Browse, NewerStudies
from CentralSyncLib.Records.Kept import openCases
from CentralSyncLib.Records.Restore import restoreCase
from CentralSyncLib.Server import Roles
from CentralSyncLib.Stores import Addresses
from CentralSyncLib.Stores.Settings import storeSettings
from CentralSyncLib.Upkeep.Asking import askStore
from CentralSyncLib.Upkeep.Scrub import scrub
from CentralSyncWidgets.OutboxPanel import OutboxPanel
from CentralSyncWidgets.RestorePanel import RestorePanel
from CentralSyncWidgets.SendPanel import SendPanel
from CentralSyncWidgets.StorePanel import StorePanel
from PlanningHubLib import ArchiveAccess
from PlanningHubLib.ActiveCase import activeCaseFolder
from PlanningHubLib.Case import Case
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Site import Site
from PlanningHubWidgets.PagedModuleWidget import PagedModuleWidget

# Somebody waits in front of it.
PATIENCE_SECONDS = 10.0


class CentralSync(ScriptedLoadableModule):
    """A verified copy of the active case in the central store."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Central Sync")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Surgical Planning")]
        self.parent.dependencies = ["PlanningHub"]
        self.parent.contributors = ["Planning Hub developers"]
        self.parent.helpText = _("""
<b>Send</b>: bring the active case into the hospital's central store; every file is read back and compared.
Nothing is sent before you press the button.<br>
<b>Queue</b>: what this workstation still has to send, and why it waits.<br>
<b>Store</b>: how the store is, and whether it still has what was sent.<br>
<b>Restore</b>: search the store, and give a case back from it.
""")
        self.parent.acknowledgementText = _("Built on 3D Slicer, pydicom, highdicom and requests.")


@parameterNodeWrapper
class CentralSyncParameterNode:
    """What the user chose; saved with the scene.

    storeAddress - A folder, an address such as dicomweb+https://host/path, or a name. It holds no secrets.
    restoreFolder - Where a case is given back.
    """

    restoreFolder: Path
    storeAddress: str = ""


class CentralSyncWidget(PagedModuleWidget):
    """One store, and four pages about it."""

    # The store that the login in the fields was entered for.
    _loginAddress = ""

    def createLogic(self):
        return CentralSyncLogic()

    def panelClasses(self):
        return (
            (_("Send"), SendPanel), (_("Queue"), OutboxPanel), (_("Store"), StorePanel), (_("Restore"), RestorePanel),
        )  # fmt: skip

    def connectActions(self):
        super().connectActions()
        self.ui.pagesTabWidget.connect("currentChanged(int)", self._onPage)
        self.ui.storeUserLineEdit.connect("editingFinished()", self.updateActions)

    def _onPage(self, _index):
        # A page looks at the queue only when it comes in front.
        self.showCase(self.case)
        self.updateActions()

    def updateActions(self):
        self._showLogin(self.address())
        super().updateActions()

    def forget(self):
        self._showLogin("")
        super().forget()

    def address(self):
        """Return the store as it was entered, or empty text."""
        return self.parameters.storeAddress.strip() if self.parameters else ""

    def isInFront(self, panel):
        """Tell whether a page is the one that the user sees."""
        return self.panels[self.ui.pagesTabWidget.currentIndex] is panel

    def login(self):
        """Return user, password or token, and whether to remember them; the secret does not stay in its field.

        None where nothing was entered: then what is remembered is used.
        """
        ui = self.ui
        login = ui.storeUserLineEdit.text, ui.storeSecretLineEdit.text, ui.storeRememberCheckBox.checked
        ui.storeSecretLineEdit.text = ""
        return login if Overview.isDicomWeb(self.address()) and any(login[:2]) else None

    def _showLogin(self, address):
        """Offer a login where the store may ask for one; what was entered for another store must not go to this one."""
        self.ui.loginWidget.visible = Overview.isDicomWeb(address)
        if address != self._loginAddress:
            self._loginAddress = address
            # What was said of one store is not true of another.
            self.runner.say("")
            self.ui.storeUserLineEdit.text = self.ui.storeSecretLineEdit.text = ""
            self.ui.storeRememberCheckBox.checked = False


class CentralSyncLogic(ScriptedLoadableModuleLogic):
    """Binds the steps of CentralSyncLib; the outbox is only made when something is sent."""

    def getParameterNode(self):
        return CentralSyncParameterNode(super().getParameterNode())

    def newerStudies(self, address, patientId, after):
        """Return the studies of a patient that a store holds and that are not older than a day; OR Export asks."""
        return NewerStudies.newerStudies(address, patientId, after)

    def standing(self, address, user):
        """Return as whom one comes to a store: :class:`CentralSyncLib.Access.Standing`.

        :param user: as entered; empty for whose login is remembered
        """
        if not user:
            return Access.standing(address)
        roles = Roles.rolesOf(user, Site.forThisInstallation())
        return Access.Standing(user, None if roles is None else tuple(roles))

    def callingAet(self, address):
        """Return as which application entity a store of plain DICOM is called."""
        return storeSettings(address).callingAet

    def sync(self, folder, address, progress, login=None):
        """Send the case in a folder to the store at an address; return the result of every item.

        :param login: user, password or token, and whether to remember what worked; None for what is remembered
        """
        credentials = _credentials(login)
        if login and login[2]:
            ArchiveAccess.requireKeeping()
        with Case.open(folder, writable=True) as case:
            store = Addresses.openStore(address, credentials)
            result = Sync.syncCase(case, store, progress=progress, patienceSeconds=PATIENCE_SECONDS)
        if login and login[2] and result.complete:
            ArchiveAccess.remember(Addresses.dicomWebBase(address), credentials)
        return result

    # The queue

    def queue(self):
        """Return the lines of what waits, and the health of every store that was ever sent to; both may be empty."""
        if not isOutbox(workstationFolder()):
            return [], []
        with Outbox.forThisWorkstation() as outbox:
            lines = queueLines(outbox.entries(states=NEEDS_PAYLOAD))
            return lines, [healthOf(outbox, store) for store in outbox.stores()]

    def runQueue(self, progress):
        """Send and prove all that waits; return state and entry of what waited, and what has to be said."""
        with Outbox.forThisWorkstation() as outbox:
            return runQueue(outbox, outbox.stores(), PATIENCE_SECONDS, progress)

    def pauseQueue(self, isPaused):
        """Let nothing be sent by this workstation, or go on."""
        with Outbox.forThisWorkstation() as outbox:
            outbox.pause() if isPaused else outbox.resume()

    def retry(self, ids):
        """Put entries back into the queue; return those that wait now."""
        with Outbox.forThisWorkstation() as outbox:
            return outbox.retry(ids)

    def withdraw(self, ids):
        """Take entries out of the queue; return those that are out now."""
        with Outbox.forThisWorkstation() as outbox:
            return outbox.withdraw(ids, "Withdrawn by a person.")

    # The store

    def ask(self, address, progress, login=None):
        """Return the newest entry that was verified at a store, and what it says of it now."""
        with Outbox.forThisWorkstation() as outbox:
            return askStore(Addresses.openStore(address, _credentials(login)), outbox, progress)

    def scrub(self, address, onlyDue, progress, login=None):
        """Verify again what a store should keep; return the report."""
        credentials = _credentials(login)
        Access.require(address, "scrub", credentials)
        store = Addresses.openStore(address, credentials)
        with Outbox.forThisWorkstation() as outbox:
            return scrub(
                outbox, store, storeSettings(address).scrubDays, onlyDue, patienceSeconds=PATIENCE_SECONDS,
                progress=progress,
            )  # fmt: skip

    # Restoring

    def browse(self, address, patient, procedure, since, until, kind, progress, login=None):
        """Return the cases that a store keeps, and findings on records that cannot be read."""
        credentials = _credentials(login)
        Access.require(address, "search", credentials)
        cases = openCases(address, credentials)
        return Browse.browse(cases, patient, procedure, since or None, until or None, kind or None, progress)

    def restore(self, address, caseId, folder, readOnly, session, progress, login=None):
        """Give a case back from a store into a new folder, and open it; return what was proven."""
        credentials = _credentials(login)
        Access.require(address, "restore", credentials)
        restored = restoreCase(openCases(address, credentials), caseId, folder, readOnly=readOnly, progress=progress)
        # The case is there: from here on nothing can be cancelled.
        slicer.util.getModuleLogic("PlanningHub").openCase(folder, session, noProgress)
        return restored


def _credentials(login):
    return ArchiveAccess.Credentials(*login[:2]) if login else None




class CentralSyncTest(ScriptedLoadableModuleTest):
    """The module's own test inside Slicer: loads and sends nothing without a case."""

    def runTest(self):
        slicer.mrmlScene.Clear()
        self.test_noCase()

    def test_noCase(self):
        widget = slicer.util.getModuleWidget("CentralSync")
        widget.refresh()
        self.assertEqual(activeCaseFolder(slicer.mrmlScene), "")
        self.assertFalse(widget.panel("SendPanel").ui.sendButton.enabled)
