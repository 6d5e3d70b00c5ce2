"""The part of the segmentation's page that shows the scan in 3D with one click, before anything is segmented."""

from slicer.i18n import tr as _

from PlanningHubLib.CaseView import shownNode
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Session import Session
from PlanningHubLib.VolumeRendering import hideVolume, isVolumeShown, looksFor, showVolume


class VolumeSection:
    """A button that shows the scan or hides it, and the look that it has.

    :param panel: the :class:`.SegmentationPanel.SegmentationPanel` whose widgets these are
    """

    def __init__(self, panel):
        self._panel, self._ui, self._looks = panel, panel.ui, ()
        self._ui.volumeButton.connect("clicked(bool)", self.onVolume)
        self._ui.lookComboBox.connect("activated(int)", self.onLook)

    def show(self, case, procedureFault):
        """Offer the looks that fit the case's scan."""
        source = case.latest("source") if case else None
        procedure = findProcedure(case.procedure)[0].name if case and not procedureFault else ""
        looks = looksFor(source.facts.get("modality", "CT"), procedure) if source else ()
        if looks != self._looks:
            self._looks = looks
            self._ui.lookComboBox.clear()
            self._ui.lookComboBox.addItems([lookTexts()[look] for look in looks])
        self._ui.volumeButton.checked = isVolumeShown(Session.start(), self._volume())

    def updateActions(self, closed):
        """
        :param closed: why nothing can be done, empty where there is a case
        """
        unshown = closed or ("" if self._volume() else _("The scan is not in the scene."))
        self._panel.allow(self._ui.volumeButton, unshown)
        self._panel.allow(self._ui.lookComboBox, unshown)

    def onVolume(self, isWanted):
        session, volume = Session.start(), self._volume()
        if isWanted:
            showVolume(session, volume, self._looks[self._ui.lookComboBox.currentIndex])
        else:
            hideVolume(session, volume)

    def onLook(self, _index):
        if self._ui.volumeButton.checked:
            self.onVolume(True)

    def _volume(self):
        case = self._panel.module.case
        return shownNode(Session.start().scene, case, "source") if case else None


def lookTexts():
    """Return look → what it is called."""
    return {
        "bone": _("Bone"),
        "vessels": _("Vessels with contrast"),
        "skin": _("Skin"),
        "window": _("As in the slices"),
    }
