"""The page that sends the case: what would go where and as whom, and what is proven to be there."""

from slicer.i18n import tr as _

from CentralSyncLib import Overview
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Locking import currentUser
from PlanningHubWidgets.CaseHeader import warningText
from PlanningHubWidgets.CaseModuleWidget import fillTable, sizeText
from PlanningHubWidgets.Panel import Panel

from .StateTexts import stateTexts


class SendPanel(Panel):
    """Sends only what it has shown, and only when its button is pressed."""

    def connectActions(self):
        self._package = None
        # What was sent, and where: its result is shown until either changes.
        self._sent = None
        # Store and user → standing: a keyring is not asked at every letter.
        self._standings = {}
        self.ui.sendButton.connect("clicked(bool)", self.onSend)

    def forget(self):
        self._standings = {}

    def showCase(self, case):
        self._package = case.latest("package") if case else None
        self._standings = {}
        self._showPlan()

    def updateActions(self):
        self.ui.sendButton.enabled = self._showPlan()

    def _showPlan(self):
        """Show what would go where, or what went there; return whether it can be sent."""
        address, ui = self.module.address(), self.ui
        if self._sent and self._sent == (self._package and self._package.content, address):
            return True
        self._sent = None
        ui.whoLabel.text = ""
        warning = warningText(self.module.case, self._package) if self._package else ""
        try:
            normal, destination = Overview.destination(address) if address else ("", "")
            error = None
        except PlanningError as failed:
            normal, destination, error = address, "", failed
        lines = Overview.planLines(self.module.case, normal) if self._package else []
        self._showLines(lines, warning)
        if not self._package:
            ui.previewLabel.text = _("There is nothing to send yet: make the package first.")
        elif not address:
            ui.previewLabel.text = _("Choose the store.")
        elif error:
            if error.code == "secret-in-address":
                # It must not be saved with the scene.
                self.module.parameters.storeAddress = ""
            ui.previewLabel.text = str(error)
        else:
            ui.previewLabel.text = planText(lines, destination)
            return self._showWho(normal)
        return False

    def _showWho(self, address):
        """Say as whom the store is asked; return whether that one may send there."""
        if "://" not in address:
            self.ui.whoLabel.text = _("As {user}, the user of this computer.").format(user=currentUser())
            return True
        if not Overview.isDicomWeb(address):
            title = self.module.logic.callingAet(address)
            self.ui.whoLabel.text = _("As {title}, this workstation's application entity.").format(title=title)
            return True
        entered = self.module.ui.storeUserLineEdit.text.strip()
        try:
            standing = self._standings.get((address, entered)) or self.module.logic.standing(address, entered)
        except PlanningError as error:
            self.ui.whoLabel.text = str(error)
            return True
        self._standings[address, entered] = standing
        self.ui.whoLabel.text = whoText(standing, bool(entered))
        return standing.mayDo("push") is not False

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
        module = self.module
        folder, address, content = module.activeFolder(), module.address(), self._package.content
        login = module.login()
        result = module.runStep(
            lambda session, progress: module.logic.sync(folder, address, progress, login),
            "",
            _("Cancelled; what had not been proven by then is not sent. What the store has already taken stays there."),
        )
        if result is None or module.case is None:
            return
        self._sent = (content, address)
        self._showLines(Overview.resultLines(module.case, result))
        problem = result.problem()
        if problem:
            module.runner.complain(problem)
        else:
            text = _("{count} different files are in the store, read back and equal.")
            said = [text.format(count=result.verified), *(finding.message for finding in result.findings)]
            module.runner.say("\n".join(said))


def planText(lines, destination):
    """Return how much goes where, and that it is not made anonymous."""
    going = [line for line in lines if line.state == Overview.TO_SEND]
    sizes = [line.bytes for line in going]
    return _("Goes to {destination}: {count} files, {size}, as they are, with the patient's name in them.").format(
        destination=destination,
        count=sum(line.files for line in going),
        size=sizeText(None if None in sizes else sum(sizes)),
    )


def whoText(standing, isEntered):
    """Return as whom a store is asked, and what the site says that one is there."""
    if not standing.user:
        return _("Without a user's name: with the token above or a remembered one, where there is one.")
    text = _("As {user}, as entered above.") if isEntered else _("As {user}, whose login is remembered.")
    if standing.roles:
        text += " " + _("Roles there: {roles}.").format(roles=", ".join(standing.roles))
    if standing.mayDo("push") is False:
        text += " " + _("That user may not send to this store.")
    return text.format(user=standing.user)
