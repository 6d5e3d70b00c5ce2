"""The page that verifies any package, with or without a case."""

from slicer.i18n import tr as _

from PlanningHubLib.Errors import firstRejection
from PlanningHubWidgets.CaseModuleWidget import isChosen
from PlanningHubWidgets.Findings import showFindings
from PlanningHubWidgets.GovernancePanel import BAD_STYLE, DOUBT_STYLE, GOOD_STYLE, PLAIN_STYLE
from PlanningHubWidgets.Panel import Panel
from PlanningHubWidgets.StepRunner import ERROR_STYLE

from .PackagePanel import approvalText


class VerifyPanel(Panel):
    """Says of a folder whether it is the package that was made, and what stands against its use."""

    def connectActions(self):
        self._verifiedFolder = None
        self.ui.verifyButton.connect("clicked(bool)", self.onVerify)
        self._sayNothing()

    def showCase(self, case):
        pass

    def forget(self):
        self.ui.askStoreCheckBox.checked = False

    def updateActions(self):
        parameters = self.module.parameters
        self.ui.verifyButton.enabled = bool(parameters and isChosen(parameters.verifyFolder))
        self.ui.askStoreCheckBox.enabled = bool(parameters and parameters.storeAddress.strip())
        if parameters and parameters.verifyFolder != self._verifiedFolder:
            self._sayNothing()

    def _sayNothing(self):
        self.ui.verifyLabel.text, self.ui.verifyLabel.styleSheet = _("Not verified."), PLAIN_STYLE
        showFindings(self.ui.verifyTable, [])

    def onVerify(self):
        module, folder = self.module, self.module.parameters.verifyFolder
        self._verifiedFolder = folder
        self._sayNothing()
        address = module.parameters.storeAddress if self.ui.askStoreCheckBox.checked else ""
        result = module.runStep(
            lambda session, progress: module.logic.verify(folder, progress, address),
            "",
            _("Cancelled; nothing is proven."),
        )
        if result is not None:
            self._show(*result)

    def _show(self, findings, approved):
        rejection = firstRejection(findings)
        if rejection:
            self.module.runner.say(f"{rejection.message} {rejection.action}", ERROR_STYLE)
            text, style = _("Do not use this package."), BAD_STYLE
        else:
            self.module.runner.say(_("The package is what was recorded."))
            text = "\n".join([_("Every file is there and unchanged."), approvalText(approved)])
            style = GOOD_STYLE if approved else DOUBT_STYLE
        self.ui.verifyLabel.text, self.ui.verifyLabel.styleSheet = text, style
        showFindings(self.ui.verifyTable, [one.asDict() for one in findings])
