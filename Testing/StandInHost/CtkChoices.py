"""ctkComboBox, ctkCheckableComboBox, ctkCheckBox, ctkMessageBox and other small CTK widgets."""

from PySide6 import QtCore, QtGui, QtWidgets

from .Played import playsCpp, stored


@playsCpp
class ctkCheckBox(QtWidgets.QCheckBox):
    """A check box."""


@playsCpp
class ctkPushButton(QtWidgets.QPushButton):
    """A push button."""


@playsCpp
class ctkComboBox(QtWidgets.QComboBox):
    """A combo box that shows a default text while nothing is chosen."""

    defaultText = stored(str, "defaultText", "", "_standInShow")
    defaultIcon = stored("QVariant", "defaultIcon", None)
    forceDefault = stored(bool, "forceDefault", False)
    scrollWheelEffect = stored("QVariant", "scrollWheelEffect", None)

    def _standInShow(self):
        self.setPlaceholderText(self.defaultText)


@playsCpp
class ctkCheckableComboBox(QtWidgets.QComboBox):
    """A combo box whose items carry a check mark."""

    checkedIndexesChanged = QtCore.Signal()

    def __init__(self, parent=None):
        super().__init__(parent)
        self.model().dataChanged.connect(self._standInDataChanged)

    def _standInDataChanged(self, *_arguments):
        self.checkedIndexesChanged.emit()

    def _standInIndexes(self):
        return [self.model().index(row, 0) for row in range(self.count)]

    def checkableModel(self):
        """The model that holds the check marks."""
        return self.model()

    def checkState(self, index):
        """Check state of an item."""
        value = self.model().data(index, QtCore.Qt.ItemDataRole.CheckStateRole)
        return QtCore.Qt.CheckState(value or 0)

    def setCheckState(self, index, state):
        """Sets the check mark of an item."""
        self.model().setData(index, state, QtCore.Qt.ItemDataRole.CheckStateRole)

    def checkedIndexes(self):
        """Indexes of the checked items."""
        return [each for each in self._standInIndexes() if self.checkState(each) == QtCore.Qt.CheckState.Checked]

    def allChecked(self):
        """Whether every item is checked."""
        return len(self.checkedIndexes()) == self.count

    def noneChecked(self):
        """Whether no item is checked."""
        return not self.checkedIndexes()


@playsCpp
class ctkMessageBox(QtWidgets.QMessageBox):
    """A message box that can be told not to be shown again."""

    dontShowAgain = stored(bool, "dontShowAgain", False)
    dontShowAgainVisible = stored(bool, "dontShowAgainVisible", False)
    dontShowAgainSettingsKey = stored(str, "dontShowAgainSettingsKey", "")


@playsCpp
class ctkColorPickerButton(QtWidgets.QPushButton):
    """A button that shows a color and asks for another one."""

    colorChanged = QtCore.Signal(QtGui.QColor)
    color = stored(QtGui.QColor, "color", QtGui.QColor(0, 0, 0), "_standInShow", notify=colorChanged)
    displayColorName = stored(bool, "displayColorName", True, "_standInShow")

    def _standInShow(self):
        swatch = QtGui.QPixmap(14, 14)
        swatch.fill(self.color)
        self.setIcon(QtGui.QIcon(swatch))
        self.setText(self.color.name() if self.displayColorName else "")
        self.colorChanged.emit(self.color)


@playsCpp
class ctkSearchBox(QtWidgets.QLineEdit):
    """A line edit for search words."""

    showSearchIcon = stored(bool, "showSearchIcon", False)


@playsCpp
class ctkFittedTextBrowser(QtWidgets.QTextBrowser):
    """A text browser as high as its text."""

    collapsed = stored(bool, "collapsed", False)
    showDetailsText = stored(str, "showDetailsText", "")
