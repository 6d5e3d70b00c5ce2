"""The part of the segmentation's page that lets a model find structures, here or on the hospital's server."""

import slicer
from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError, firstRejection
from PlanningHubLib.Segmenting.MonaiLabelCheck import checkNetwork
from PlanningHubLib.Site import Site

from .GovernancePanel import BAD_STYLE, GOOD_STYLE


class ModelSection:
    """Offers what the site has; the voxels go to a server only after the user said yes to its address.

    :param panel: the :class:`.SegmentationPanel.SegmentationPanel` whose widgets these are
    """

    def __init__(self, panel):
        self._panel, self._ui = panel, panel.ui
        self._ui.engineComboBox.addItems([_("TotalSegmentator on this machine"), _("Inference server")])
        self._ui.engineComboBox.connect("currentIndexChanged(int)", panel.updateActions)
        self._ui.serverLineEdit.connect("textChanged(QString)", panel.updateActions)
        self._ui.checkButton.connect("clicked(bool)", self.onCheck)
        self._ui.modelButton.connect("clicked(bool)", self.onModel)
        self._ui.allByModelButton.connect("clicked(bool)", self.onAll)

    def show(self):
        """Offer the server that the site has set, where the user has entered none."""
        if not self._ui.serverLineEdit.text:
            try:
                self._ui.serverLineEdit.text = Site.forThisInstallation().inferenceServer
            except PlanningError as error:
                self._say(str(error), BAD_STYLE)

    def forget(self):
        self._ui.serverLineEdit.text = self._ui.modelNameLineEdit.text = ""
        self._say("", "")

    def updateActions(self, closed, unknown):
        """Enable what can be done.

        :param closed: why nothing can, empty where there is a case
        :param unknown: why the selected structure cannot be segmented
        """
        ui, onServer = self._ui, self._onServer()
        for widget in (ui.serverLabel, ui.serverLineEdit, ui.modelNameLabel, ui.modelNameLineEdit, ui.checkButton):
            widget.visible = onServer
        ui.fastCheckBox.visible = not onServer
        lacking = _("Enter the server's address.") if onServer and not self._address() else ""
        self._panel.allow(ui.checkButton, lacking)
        self._panel.allow(ui.modelButton, closed or unknown or lacking)
        self._panel.allow(ui.allByModelButton, closed or lacking)

    def onCheck(self, _checked=False):
        address, model = self._address(), self._modelName()
        with slicer.util.WaitCursor():
            findings = checkNetwork(address, model)
        self._say("\n".join(f"{one.message} {one.action}".strip() for one in findings),
                  BAD_STYLE if firstRejection(findings) else GOOD_STYLE)  # fmt: skip

    def onModel(self, _checked=False):
        self._run([self._panel.module.parameters.structure])

    def onAll(self, _checked=False):
        self._run([])

    def _run(self, names):
        module, address = self._panel.module, self._address() if self._onServer() else ""
        question = _("Send the images of this case, without name and number, to {address}?").format(address=address)
        if address and not slicer.util.confirmOkCancelDisplay(question, parent=self._panel.widget):
            return
        folder, model, isFast = module.activeFolder(), self._modelName(), bool(self._ui.fastCheckBox.checked)
        module.runStep(
            lambda session, progress: module.logic.segmentByModel(
                folder, session, names, address, model, isFast, progress
            ),
            _("The model has answered; what it found counts once it is reviewed."),
        )

    def _onServer(self):
        return self._ui.engineComboBox.currentIndex == 1

    def _address(self):
        return self._ui.serverLineEdit.text.strip()

    def _modelName(self):
        return self._ui.modelNameLineEdit.text.strip() or None

    def _say(self, text, style):
        self._ui.networkLabel.text, self._ui.networkLabel.styleSheet = text, style
        self._ui.networkLabel.visible = bool(text)
