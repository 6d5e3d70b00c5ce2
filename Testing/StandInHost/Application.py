"""slicer.app and the main window: paths, settings, cursors, events and the module selector."""

import tempfile
from pathlib import Path

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .Errors import StandInError
from .InputOutput import InputOutputManager
from .Played import playsCpp, stored


@playsCpp
class CommandOptions(QtCore.QObject):
    """slicer.app.commandOptions(): what the application was started with."""

    testingEnabled = stored(bool, "testingEnabled", False)
    noMainWindow = stored(bool, "noMainWindow", False)
    runPythonAndExit = stored(bool, "runPythonAndExit", False)
    noSplash = stored(bool, "noSplash", True)


@playsCpp
class qSlicerModuleFactoryManager(QtCore.QObject):
    """Knows which modules are loaded."""

    modulesLoaded = QtCore.Signal("QStringList")

    def loadedModuleNames(self):
        """Names of the loaded modules, in the order they were loaded."""
        return tuple(self._standInModules)

    def isLoaded(self, name):
        """Whether a module is loaded."""
        return name in self._standInModules


@playsCpp
class qSlicerModuleManager(QtCore.QObject):
    """Gives modules by name."""

    moduleLoaded = QtCore.Signal(str)
    moduleAboutToBeUnloaded = QtCore.Signal(str)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInModules = {}
        self._standInFactory = qSlicerModuleFactoryManager(self)
        self._standInFactory._standInModules = self._standInModules

    def module(self, name):
        """The loaded module with this name, or None."""
        return self._standInModules.get(name)

    def modulesNames(self):
        """Names of the loaded modules."""
        return tuple(self._standInModules)

    def factoryManager(self):
        """The factory manager."""
        return self._standInFactory


@playsCpp
class qSlicerModuleSelectorToolBar(QtWidgets.QToolBar):
    """The selector in the main window's tool bar."""

    moduleSelected = QtCore.Signal(str)
    _standInSelected = ""

    def _standInRead(self):
        return self._standInSelected

    def selectModule(self, name):
        """Slot: leaves the shown module, enters the other one."""
        if name and slicer.app.moduleManager().module(name) is None:
            raise StandInError(f"no module '{name}' is loaded")
        self._standInSelected = name
        self.moduleSelected.emit(name)

    selectedModule = QtCore.Property(str, _standInRead, selectModule, notify=moduleSelected)


@playsCpp
class qSlicerMainWindow(QtWidgets.QMainWindow):
    """The main window: module selector and module panel; it has no views."""

    def __init__(self):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._standInSelector = qSlicerModuleSelectorToolBar(self)
        self._standInPanel = QtWidgets.QStackedWidget(self)
        self.addToolBar(self._standInSelector)
        # Pictures of a panel are as large as they were asked for.
        self._standInSelector.hide()
        self.setCentralWidget(self._standInPanel)
        self._standInShown = None
        self._standInSelector.moduleSelected.connect(self._standInShow)

    def moduleSelector(self):
        """The module selector."""
        return self._standInSelector

    def _standInShow(self, name):
        module = slicer.app.moduleManager().module(name) if name else None
        representation = module.widgetRepresentation() if module is not None else None
        if representation is self._standInShown:
            return
        if self._standInShown is not None:
            self._standInShown.exit()
        self._standInShown = representation
        if representation is not None:
            representation.layout().setContentsMargins(0, 0, 0, 0)
            self._standInPanel.addWidget(representation)
            self._standInPanel.setCurrentWidget(representation)
            representation.enter()


@playsCpp
class qSlicerApplication(QtWidgets.QApplication):
    """`slicer.app`."""

    startupCompleted = QtCore.Signal()
    slicerHome = stored(str, "slicerHome", "")
    temporaryPath = stored(str, "temporaryPath", "")
    defaultScenePath = stored(str, "defaultScenePath", "")
    extensionsInstallPath = stored(str, "extensionsInstallPath", "")
    slicerUserSettingsFilePath = stored(str, "slicerUserSettingsFilePath", "")
    majorVersion = stored(int, "majorVersion", 5)
    minorVersion = stored(int, "minorVersion", 12)
    revision = stored(str, "revision", "stand-in")
    repositoryRevision = stored(str, "repositoryRevision", "stand-in")
    releaseType = stored(str, "releaseType", "Experimental")
    platform = stored(str, "platform", "linux-amd64")
    arch = stored(str, "arch", "amd64")
    os = stored(str, "os", "linux")
    documentationBaseUrl = stored(str, "documentationBaseUrl", "https://slicer.readthedocs.io/en/latest/")
    _standInSession = None

    def _standInStart(self, session):
        self._standInSession = session
        self._standInFolder = tempfile.TemporaryDirectory(prefix="standin-")
        folder = Path(self._standInFolder.name)
        self.temporaryPath = self.slicerHome = str(folder)
        # Reading a .mrb unpacks it below the cache folder, which the application sets.
        session.scene.GetCacheManager().SetRemoteCacheDirectory(str(folder))
        session.scene.GetDataIOManager().SetCacheManager(session.scene.GetCacheManager())
        self.slicerUserSettingsFilePath = str(folder / "Slicer.ini")
        QtCore.QSettings.setDefaultFormat(QtCore.QSettings.Format.IniFormat)
        for scope in (QtCore.QSettings.Scope.UserScope, QtCore.QSettings.Scope.SystemScope):
            QtCore.QSettings.setPath(QtCore.QSettings.Format.IniFormat, scope, str(folder / scope.name))
        self.applicationName, self.organizationName = "Slicer", "StandIn"
        self.applicationVersion = "5.12.0-standin"
        self._standInOptions = CommandOptions(self)
        self._standInModules = qSlicerModuleManager(self)
        self._standInIo = InputOutputManager(session)

    def applicationLogic(self):
        """The application logic."""
        return self._standInSession.applicationLogic

    def mrmlScene(self):
        """The scene."""
        return self._standInSession.scene

    def moduleLogic(self, name):
        """C++ logic of a module."""
        return self._standInSession.applicationLogic.GetModuleLogic(name)

    def moduleManager(self):
        """The module manager."""
        return self._standInModules

    def coreIOManager(self):
        """The manager of readers and writers."""
        return self._standInIo

    def ioManager(self):
        """The manager of readers and writers."""
        return self._standInIo

    def commandOptions(self):
        """What the application was started with."""
        return self._standInOptions

    def testingEnabled(self):
        """Whether Slicer was started with --testing; dialogs are then skipped by slicer.util."""
        return self._standInOptions.testingEnabled

    def layoutManager(self):
        """None: as in a Slicer without a main window, there are no views."""
        return None

    def settings(self):
        """The settings; they live in a temporary file of this process."""
        return QtCore.QSettings(self)

    def userSettings(self):
        """The settings; they live in a temporary file of this process."""
        return QtCore.QSettings(self)

    def revisionUserSettings(self):
        """The settings; they live in a temporary file of this process."""
        return QtCore.QSettings(self)

    def translate(self, context, text):
        """The text: no translation is installed."""
        return text

    def moduleDocumentationUrl(self, moduleName):
        """Where the documentation of a module is."""
        return f"{self.documentationBaseUrl}user_guide/modules/{moduleName.lower()}.html"

    def startupEnvironment(self):
        """Environment the application was started in."""
        return QtCore.QProcessEnvironment.systemEnvironment()

    def restart(self):
        """Refused: a test must not restart anything."""
        raise StandInError("the module asked Slicer to restart")

    def _standInStop(self):
        self._standInFolder.cleanup()


def useSlicerLook(application):
    """Fusion style, light palette and a font that is really there, so that pictures resemble Slicer."""
    application.setStyle("Fusion")
    palette = QtGui.QPalette()
    role = QtGui.QPalette.ColorRole
    for each, color in (
        (role.Window, "#f0f0f0"),
        (role.Base, "#ffffff"),
        (role.AlternateBase, "#f7f7f7"),
        (role.Button, "#e8e8e8"),
        (role.WindowText, "#202020"),
        (role.Text, "#202020"),
        (role.ButtonText, "#202020"),
        (role.Highlight, "#3b7dbd"),
        (role.HighlightedText, "#ffffff"),
        (role.ToolTipBase, "#ffffdc"),
        (role.ToolTipText, "#202020"),
        (role.PlaceholderText, "#808080"),
        (role.Link, "#1a5fb4"),
    ):
        palette.setColor(each, QtGui.QColor(color))
    group = QtGui.QPalette.ColorGroup.Disabled
    for each in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group, each, QtGui.QColor("#a0a0a0"))
    application.setPalette(palette)
    families = QtGui.QFontDatabase.families()
    if not families:
        raise StandInError("no font is installed: pictures would show boxes (Debian: fonts-dejavu-core)")
    wanted = [each for each in ("DejaVu Sans", "Liberation Sans", "Noto Sans") if each in families]
    application.setFont(QtGui.QFont((wanted or families)[0], 9))
