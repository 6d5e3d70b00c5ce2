"""The choice of a copy on a page of a part of which the build has several."""

from slicer.i18n import tr as _

from PrintPrepLib.Papers.Copies import copiesOf


class CopyChoice:
    """Fills ``copyComboBox``; it is not shown where one is made.

    :param page: the :class:`.PartPage.PartPage` that it stands on
    :param allText: how all of them at once are called; empty where one has to be chosen
    """

    def __init__(self, page, allText=""):
        self._page, self._allText, self._copies, self._partId = page, allText, [None], None
        page.ui.copyComboBox.connect("activated(int)", self._onChosen)

    def show(self, case, part):
        """Offer the copies of a part; what is chosen stays while it is the same part."""
        combo, row = self._page.ui.copyComboBox, self._page.ui.copyComboBox.currentIndex
        isSame = part is not None and part.id == self._partId
        self._partId, self._copies = (part.id, copiesOf(case, part)) if part else (None, [None])
        combo.clear()
        texts = [_("copy {copy} of {count}").format(copy=copy, count=len(self._copies)) for copy in self._copies]
        combo.addItems([*([self._allText] if self._allText else []), *texts])
        combo.currentIndex = row if isSame and 0 <= row < combo.count else 0
        for widget in (combo, self._page.ui.copyLabel):
            widget.visible = self.isSeveral()

    def isSeveral(self):
        """Tell whether the build has several copies."""
        return self._copies != [None]

    def chosen(self):
        """Return the number of the copy that is chosen; None where one is made, or all are meant."""
        if not self.isSeveral():
            return None
        choices = [*([None] if self._allText else []), *self._copies]
        return choices[max(self._page.ui.copyComboBox.currentIndex, 0)]

    def meant(self):
        """Return the numbers of the copies that are meant."""
        return self._copies if self.chosen() is None else [self.chosen()]

    def _onChosen(self, _row):
        self._page.module.refresh(keepMessage=True)
