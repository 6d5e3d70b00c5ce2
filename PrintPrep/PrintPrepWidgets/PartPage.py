"""What the pages of a part that is made have in common: which part they are about, the same on all of them."""

import qt
from slicer.i18n import tr as _

from PlanningHubWidgets.GovernancePanel import GovernancePanel
from PrintPrepLib.PartRecords import newestParts, partName, partNumber


class PartPage(GovernancePanel):
    """A page with a ``partComboBox``; a panel overrides :meth:`showPart` and :meth:`connectPart`."""

    def connectActions(self):
        self._parts = []
        self.ui.partComboBox.connect("activated(int)", self._onPart)
        self.connectPart()

    def connectPart(self):
        """Connect the page's own buttons."""
        raise NotImplementedError

    def showPart(self, case, part):
        """Show the part that is chosen, or none (None)."""
        raise NotImplementedError

    def show(self, case):
        self._parts = newestParts(case) if case else []
        combo = self.ui.partComboBox
        combo.clear()
        for one in self._parts:
            combo.addItem(_("{name} ({number})").format(name=partName(one), number=partNumber(one)), one.id)
        wanted = self.module.parameters.partId if self.module.parameters else ""
        combo.currentIndex = max(0, combo.findData(wanted)) if self._parts else -1
        combo.enabled = len(self._parts) > 1
        self.showPart(case, self.chosen())

    def chosen(self):
        """Return the part that is chosen, or None."""
        row = self.ui.partComboBox.currentIndex
        return self._parts[row] if 0 <= row < len(self._parts) else None

    def noPartReason(self):
        """Return why nothing can be done where no part is there."""
        return "" if self.chosen() else _("Make a part first.")

    def _onPart(self, _row):
        self.module.choosePart(self.chosen().id)


def openFile(module, path):
    """Show a file (None for none) with the program that this machine has for it; what fails is said."""
    if path is not None and not qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path))):
        module.runner.complain(_("No program opens {path}; it lies there.").format(path=path))
