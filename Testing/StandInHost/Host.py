"""The stand-in host as tests use it: start it, load modules by path, click, choose, look."""

import contextlib
import ctypes
import logging
import os
import sys
from pathlib import Path

from .Errors import StandInError, UnansweredModal


class Host:
    """One per process: `Host.start()`. An error a user would not have been shown is raised by the action itself."""

    _running = None

    def __init__(self):
        self.qtWarnings = []
        self._uncaught = []
        self._session = None
        self._application = None
        self._removeFromSlicer = None

    @classmethod
    def start(cls):
        """The running host, started where there is none yet."""
        if cls._running is None:
            host = cls()
            host._start()
            cls._running = host
        return cls._running

    def _start(self):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from PySide6 import QtCore, QtWidgets

        from . import PythonQtRules

        _keepConstants()
        # Before any class derives from a Qt class.
        PythonQtRules.apply()
        from . import Application, Modals, SlicerPackage
        from .Core import buildCore

        Modals.apply()
        self._modals = Modals.modals
        self._session = buildCore()
        QtCore.qInstallMessageHandler(self._onQtMessage)
        self._application = QtWidgets.QApplication.instance() or Application.qSlicerApplication(["Slicer"])
        if not isinstance(self._application, Application.qSlicerApplication):
            raise StandInError("another Qt application runs in this process")
        self._application._standInStart(self._session)
        Application.useSlicerLook(self._application)
        self._removeFromSlicer = SlicerPackage.install(self._application, self._session.scene)
        self._mainWindow = Application.qSlicerMainWindow()
        self._previousHook = sys.excepthook
        sys.excepthook = self._onUncaught

    def _onUncaught(self, kind, exception, trace):
        # Qt and VTK only report what a slot or an observer raises; a real Slicer writes it to its console.
        self._uncaught.append(exception)
        self._previousHook(kind, exception, trace)

    def _onQtMessage(self, _kind, _context, text):
        # What the offscreen platform cannot do is no news.
        if not text.startswith("This plugin does not support"):
            self.qtWarnings.append(text)
            logging.getLogger("Qt").warning(text)

    def stop(self):
        """Unloads the modules and takes the stand-in out of `slicer`; the Qt application stays for a next start."""
        from PySide6.QtCore import qInstallMessageHandler

        from . import Modules

        with self._reporting():
            for name in reversed(self._application.moduleManager().modulesNames()):
                Modules.unload(name)
            self._mainWindow.delete()
            self.processEvents()
        self._modals.clear()
        sys.excepthook = self._previousHook
        qInstallMessageHandler(None)
        self._removeFromSlicer()
        self._session.close()
        self._application._standInStop()
        Host._running = None

    @contextlib.contextmanager
    def _reporting(self):
        self._uncaught.clear()
        yield
        uncaught, self._uncaught = list(self._uncaught), []
        shown = self._modals.shownExceptions
        cursorWasLeft = self._restoreCursor()
        for exception in uncaught:
            if isinstance(exception, UnansweredModal) or not any(exception is each for each in shown):
                raise exception
        if cursorWasLeft:
            raise StandInError("the module left the wait cursor on")

    def _restoreCursor(self):
        wasLeft = self._application.overrideCursor() is not None
        while self._application.overrideCursor() is not None:
            self._application.restoreOverrideCursor()
        return wasLeft

    # modules

    def loadModule(self, path):
        """Loads a <Module>.py, and those it depends on, selects it and returns its Python widget."""
        from . import Modules

        with self._reporting():
            module = Modules.load(path)
            self._mainWindow.moduleSelector().selectModule(module.name)
        return self.widget(module.name)

    def widget(self, name):
        """The Python widget of a loaded module."""
        import slicer

        return slicer.util.getModuleWidget(name)

    def selectModule(self, name):
        """What choosing a module in the selector does: exit() of the shown one, enter() of this one."""
        import slicer

        with self._reporting():
            slicer.util.selectModule(name)
        return self.widget(name)

    def reloadModule(self, name):
        """What the developer's Reload button does (enter() is not called again); returns the new Python widget."""
        import slicer

        with self._reporting():
            slicer.util.reloadScriptedModule(name)
            self.processEvents()
        return self.widget(name)

    def closeScene(self):
        """What File / Close Scene does."""
        import slicer

        with self._reporting():
            slicer.mrmlScene.Clear(0)
            self.processEvents()

    def processEvents(self):
        """Lets queued events, timers that are due and deferred deletions happen."""
        from PySide6 import QtCore

        self._application.processEvents()
        self._application.sendPostedEvents(None, QtCore.QEvent.Type.DeferredDelete.value)

    def waitFor(self, condition, seconds=30):
        """Processes events until `condition()` is true; raises TimeoutError."""
        import time

        end = time.monotonic() + seconds
        with self._reporting():
            while not condition():
                if time.monotonic() > end:
                    raise TimeoutError("the condition did not come true")
                self.processEvents()
                time.sleep(0.002)

    # the user's hands

    def find(self, widget, objectName):
        """The QObject with this name in a module's panel (the Python widget) or below any QWidget."""
        from PySide6 import QtCore

        root = getattr(widget, "parent", None) if not isinstance(widget, QtCore.QObject) else widget
        found = root.findChildren(QtCore.QObject, objectName)
        if not found:
            raise StandInError(f"no widget is called '{objectName}'")
        return found[-1]

    def click(self, button):
        """Clicks a button, or raises when a user could not."""
        if not button.isEnabled():
            raise StandInError(f"button '{button.text}' is disabled")
        with self._reporting():
            button.click()
            self.processEvents()

    def act(self, function, *arguments):
        """Calls a function as an event handler would, for example `host.act(listWidget.setCurrentRow, 2)`."""
        with self._reporting():
            result = function(*arguments)
            self.processEvents()
        return result

    def enter(self, widget, value):
        """Edits a field as a user would: text, path, number, check mark, item of a combo box or node."""
        from .Typing import enterValue

        if not widget.isEnabled():
            raise StandInError(f"'{widget.objectName}' is disabled")
        with self._reporting():
            enterValue(widget, value)
            self.processEvents()

    def answer(self, value):
        """Queues the answer to the next modal dialog: a button, a path, a text, or a function of the dialog."""
        self._modals.answers.append(value)

    # what the user sees

    @property
    def errors(self):
        """Texts of the error messages shown, in order."""
        return [text for kind, text in self._modals.messages if kind == "error"]

    @property
    def messages(self):
        """(kind, text) of every message shown; kinds are error, warning, question and information."""
        return list(self._modals.messages)

    def forget(self):
        """Forgets queued answers and recorded messages."""
        self._modals.clear()

    def grab(self, widget, path, size=(420, 900)):
        """Writes a PNG picture of a module's panel (the Python widget) or of any QWidget; size in pixels."""
        from PySide6 import QtWidgets

        target = widget if isinstance(widget, QtWidgets.QWidget) else widget.parent
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._reporting():
            self._mainWindow.resize(*size)
            self._mainWindow.show()
            self.processEvents()
            target.resize(*size)
            target.ensurePolished()
            self.processEvents()
            picture = target.grab()
            self._mainWindow.hide()
        if not picture.save(str(path), "PNG"):
            raise StandInError(f"cannot write {path}")
        return path


def _keepConstants():
    """Make None, True and False immortal where Python does not: PySide6 6.12 returns them without a reference.

    After some ten thousand calls a Python before 3.12 would free them, which ends the process.
    """
    if sys.version_info < (3, 12):
        for constant in (None, True, False):
            ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40
