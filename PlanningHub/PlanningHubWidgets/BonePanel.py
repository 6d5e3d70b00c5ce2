"""The page of the bone's segmentation."""

from slicer.i18n import tr as _

from .Panel import Panel


class BonePanel(Panel):
    """Segments the bone of the active case."""

    def connectActions(self):
        self.ui.segmentButton.connect("clicked(bool)", self.onSegment)

    def showCase(self, case):
        segmentation = case.latest("segmentation") if case else None
        self.ui.segmentationLabel.text = (
            _("Bone: {volume:.1f} ml at {threshold:.0f} HU and above.").format(
                volume=segmentation.facts["volumeMl"], threshold=segmentation.parameters["thresholdHu"]
            )
            if segmentation
            else _("No segmentation yet.")
        )

    def updateActions(self):
        self.ui.segmentButton.enabled = self.module.case is not None

    def onSegment(self):
        module = self.module
        parameters, folder = module.parameters, module.activeFolder()
        module.runStep(
            lambda session, progress: module.logic.segment(
                folder, session, parameters.thresholdHu, parameters.closingVoxels, progress
            ),
            _("The bone is segmented."),
        )
