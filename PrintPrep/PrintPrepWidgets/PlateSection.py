"""The part of the build page that pages through a build's plates: picture, file, and the plate in the 3D view."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PrintPrepLib.PartRecords import wholePath
from PrintPrepLib.PlateView import plateName

from .PartPage import openFile

WIDTH_PIXELS = 420


class PlateSection:
    """Shows the plate that is selected in a table.

    ``number`` is the plate's, from 1 on.

    :param panel: the :class:`.BuildPanel.BuildPanel` whose widgets these are
    """

    def __init__(self, panel):
        self._panel, self._ui, self._build, self._plates, self.number = panel, panel.ui, None, [], 1
        ui = self._ui
        for button, function in (
            (ui.previousButton, lambda: self.turn(-1)), (ui.nextButton, lambda: self.turn(1)),
            (ui.plateButton, lambda: self._open("file")), (ui.pictureButton, lambda: self._open("picture")),
        ):  # fmt: skip
            button.connect("clicked(bool)", lambda _checked=False, function=function: function())
        ui.showPlateButton.connect("clicked(bool)", self.onShow)
        ui.platesTable.connect("itemSelectionChanged()", self._onSelected)

    def show(self, build, plates):
        """Show a plate of a build (None: none is there): the one that was looked at, or of another build the first.

        :param plates: as ``build.json`` holds them
        """
        isSame = self._build is not None and build is not None and self._build.content == build.content
        self.number = min(self.number, max(len(plates), 1)) if isSame else 1
        self._build, self._plates = build, plates
        if plates:
            self._ui.platesTable.setCurrentCell(self.number - 1, 0)
        self._showPicture()

    def turn(self, by):
        """Go on by so many plates."""
        self._ui.platesTable.setCurrentCell(self.number - 1 + by, 0)

    def _onSelected(self):
        row = self._ui.platesTable.currentRow()
        if row < 0 or row + 1 == self.number:
            return
        self.number = row + 1
        self._showPicture()
        if self._module.logic.shownPlate():
            self.onShow(True)
        self._panel.updateActions()

    def _showPicture(self):
        label, pixmap = self._ui.plateLabel, qt.QPixmap()
        data, words = self._picture()
        if data and pixmap.loadFromData(qt.QByteArray(data)):
            picture = pixmap.scaledToWidth(WIDTH_PIXELS, qt.Qt.SmoothTransformation)
            label.setPixmap(picture)
            # A label that wraps words asks for no height of its own.
            label.setMinimumHeight(picture.height())
        else:
            label.text = words
            label.setMinimumHeight(0)
        label.visible = bool(self._plates)

    def _picture(self):
        """Return the bytes of the plate's picture, and what is said where there is none."""
        name = self._plates[self.number - 1].get("picture") if self.number <= len(self._plates) else None
        if not name:
            return b"", _("No picture is kept of this plate: make the build again.")
        try:
            return wholePath(self._module.case, self._build, name).read_bytes(), ""
        except (PlanningError, OSError) as error:
            return b"", str(error)

    def updateActions(self, closed):
        """Enable what can be done.

        :param closed: why nothing can, empty where a case is open
        """
        ui, count = self._ui, len(self._plates)
        allow, none = self._panel.allow, closed or ("" if count else _("Make the build first."))
        allow(ui.plateButton, none)
        allow(ui.showPlateButton, none)
        allow(ui.previousButton, none or ("" if self.number > 1 else _("This is the first plate.")))
        allow(ui.nextButton, none or ("" if self.number < count else _("This is the last plate.")))
        hasPicture = count >= self.number and "picture" in self._plates[self.number - 1]
        allow(ui.pictureButton, none or ("" if hasPicture else _("No picture is kept of this plate.")))
        shown = self._module.logic.shownPlate()
        ui.showPlateButton.checked = bool(count) and shown == plateName(self._build, self.number)

    @property
    def _module(self):
        return self._panel.module

    # What the user does

    def onShow(self, checked=False):
        module, build, number = self._module, self._build, self.number
        folder, logic = module.activeFolder(), module.logic
        if checked:
            text = _("The 3D view shows plate {number} with the parts on it.").format(number=number)
            module.runStep(lambda session, _progress: logic.showPlate(folder, session, build, number), text)
        else:
            module.runStep(lambda session, _progress: logic.clearStage(session), "")

    def _open(self, what):
        module, build, name = self._module, self._build, self._plates[self.number - 1][what]
        case = module.case
        openFile(module, module.runStep(lambda *_given: module.logic.wholeFile(case, build, name), ""))
