"""ctkPathLineEdit and ctkDirectoryButton: choosing a file or a folder."""

import enum

from PySide6 import QtCore, QtWidgets

from .Modals import modals
from .Played import playsCpp, stored


class PathFilter(enum.IntFlag):
    """Kinds of entries a ctkPathLineEdit accepts."""

    Dirs = 0x001
    Files = 0x002
    Drives = 0x004
    NoSymLinks = 0x008
    AllEntries = 0x007
    Readable = 0x010
    Writable = 0x020
    Executable = 0x040
    Hidden = 0x100
    NoDotAndDotDot = 0x1000
    NoDot = 0x2000
    NoDotDot = 0x4000


class PathOption(enum.IntFlag):
    """Options of the file dialog behind the browse button."""

    ShowDirsOnly = 0x01
    DontResolveSymlinks = 0x02
    DontConfirmOverwrite = 0x04
    DontUseSheet = 0x08
    DontUseNativeDialog = 0x10
    ReadOnly = 0x20
    HideNameFilterDetails = 0x40


class _Enumerators:
    """Shows enumerators on the class, as C++ does: ctkPathLineEdit.Dirs."""

    Filter = PathFilter
    Option = PathOption


for _each in (*PathFilter, PathFilter.AllEntries, *PathOption):
    setattr(_Enumerators, _each.name, _each)


@playsCpp
class ctkPathLineEdit(_Enumerators, QtWidgets.QWidget):
    """An editable path with its history and a browse button."""

    currentPathChanged = QtCore.Signal(str)
    validInputChanged = QtCore.Signal(bool)

    label = stored(str, "label", "")
    filters = stored("QVariant", "filters", PathFilter.AllEntries)
    options = stored("QVariant", "options", PathOption(0))
    settingKey = stored(str, "settingKey", "")
    nameFilters = stored("QStringList", "nameFilters", [])
    minimumContentsLength = stored(int, "minimumContentsLength", 0)
    showBrowseButton = stored(bool, "showBrowseButton", True, "_standInUpdateButtons")
    showHistoryButton = stored(bool, "showHistoryButton", True, "_standInUpdateButtons")

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInBox = QtWidgets.QComboBox(self)
        self._standInBox.setEditable(True)
        self._standInBox.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
        self._standInBox.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        self._standInButton = QtWidgets.QToolButton(self)
        self._standInButton.setText("...")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._standInBox)
        layout.addWidget(self._standInButton)
        self._standInBox.editTextChanged.connect(self._standInTextChanged)
        self._standInButton.clicked.connect(self.browse)

    def _standInUpdateButtons(self):
        self._standInButton.setVisible(self.showBrowseButton)

    def _standInTextChanged(self, text):
        self.currentPathChanged.emit(text)

    def _standInPath(self):
        return self._standInBox.currentText

    def setCurrentPath(self, path):
        """Slot: shows the path; currentPathChanged follows when it is another one."""
        if path != self._standInBox.currentText:
            self._standInBox.setEditText(path)

    currentPath = QtCore.Property(str, _standInPath, setCurrentPath)

    def comboBox(self):
        """The inner combo box."""
        return self._standInBox

    def browse(self):
        """Slot: asks for a file or, where filters say Dirs only, for a folder."""
        answer = str(modals.take("ctkPathLineEdit browse", self.label))
        if answer:
            self.setCurrentPath(answer)

    def retrieveHistory(self):
        """Slot: fills the history from the settings."""
        if not self.settingKey:
            return
        self._standInBox.clear()
        for path in QtCore.QSettings().value(self.settingKey, []) or []:
            self._standInBox.addItem(path)

    def addCurrentPathToHistory(self):
        """Slot: puts the current path first in the history kept under settingKey."""
        path = self.currentPath
        if not self.settingKey or not path:
            return
        settings = QtCore.QSettings()
        known = [each for each in settings.value(self.settingKey, []) or [] if each != path]
        settings.setValue(self.settingKey, [path, *known][:5])


@playsCpp
class ctkDirectoryButton(QtWidgets.QWidget):
    """A button that shows a folder and asks for another one."""

    directoryChanged = QtCore.Signal(str)
    directorySelected = QtCore.Signal(str)

    caption = stored(str, "caption", "")
    text = stored(str, "text", "", "_standInShow")
    options = stored("QVariant", "options", PathOption.ShowDirsOnly)
    elideMode = stored("QVariant", "elideMode", QtCore.Qt.TextElideMode.ElideMiddle)
    acceptMode = stored("QVariant", "acceptMode", QtWidgets.QFileDialog.AcceptMode.AcceptOpen)

    def __init__(self, directoryOrParent=None, parent=None):
        given = isinstance(directoryOrParent, str)
        super().__init__(parent if given else directoryOrParent)
        self._standInDirectory = QtCore.QDir(directoryOrParent if given else ".").absolutePath()
        self._standInButton = QtWidgets.QPushButton(self)
        self._standInButton.setIcon(self.style().standardIcon(QtWidgets.QStyle.StandardPixmap.SP_DirIcon))
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._standInButton)
        self._standInButton.clicked.connect(self.browse)
        self._standInShow()

    def _standInShow(self):
        self._standInButton.setText(self.text or self._standInDirectory)

    def _standInRead(self):
        return self._standInDirectory

    def _standInWrite(self, path):
        absolute = QtCore.QDir(path).absolutePath()
        changed = absolute != self._standInDirectory
        self._standInDirectory = absolute
        self._standInShow()
        self.directorySelected.emit(absolute)
        if changed:
            self.directoryChanged.emit(absolute)

    directory = QtCore.Property(str, _standInRead, _standInWrite, notify=directoryChanged)

    def browse(self):
        """Slot: asks for a folder; returns it, or an empty string when the user cancels."""
        answer = str(modals.take("ctkDirectoryButton browse", self.caption))
        if answer:
            self.directory = answer
        return answer
