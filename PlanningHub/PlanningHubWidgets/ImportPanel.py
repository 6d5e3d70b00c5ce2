"""The page of the import."""

from slicer.i18n import tr as _

from .CaseModuleWidget import isChosen
from .Panel import Panel

NO_SIDE = "choose a side"


class ImportPanel(Panel):
    """Makes a new case from a CT."""

    def connectActions(self):
        self.ui.importButton.connect("clicked(bool)", self.onImport)

    def showCase(self, case):
        pass

    def updateActions(self):
        parameters = self.module.parameters
        ready = parameters is not None and isChosen(parameters.casesFolder) and isChosen(parameters.sourceFolder)
        self.ui.importButton.enabled = ready and parameters.side != NO_SIDE

    def onImport(self):
        parameters, logic = self.module.parameters, self.module.logic
        folder = self.module.runStep(
            lambda session, progress: logic.importCase(
                parameters.sourceFolder,
                parameters.casesFolder,
                parameters.side,
                parameters.procedure,
                parameters.seriesUid,
                session,
                progress,
            ),
            _("The series was checked and is now a case."),
        )
        if folder:
            logic.forgetImport(parameters)
