"""Scripted modules: loading a <Module>.py by path, its module object and its widget representation."""

import importlib.util
import sys
from pathlib import Path

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from .Errors import StandInError
from .Played import playsCpp, stored
from .QmrmlWidgets import qSlicerWidget


@playsCpp
class qSlicerScriptedLoadableModule(QtCore.QObject):
    """The `parent` of a ScriptedLoadableModule: what a module may say about itself, and nothing else."""

    path = stored(str, "path", "")
    title = stored(str, "title", "")
    categories = stored("QStringList", "categories", [])
    contributors = stored("QStringList", "contributors", [])
    dependencies = stored("QStringList", "dependencies", [])
    associatedNodeTypes = stored("QStringList", "associatedNodeTypes", [])
    helpText = stored(str, "helpText", "")
    acknowledgementText = stored(str, "acknowledgementText", "")
    hidden = stored(bool, "hidden", False)
    index = stored(int, "index", -1)
    icon = stored("QVariant", "icon", QtGui.QIcon)
    widgetRepresentationCreationEnabled = stored(bool, "widgetRepresentationCreationEnabled", True)
    name = stored(str, "name", "")
    _standInSelf = None
    _standInRepresentation = None

    def self(self):
        """The Python object."""
        return self._standInSelf

    def logic(self):
        """None: scripted modules have their logic in the widget."""
        return None

    def widgetRepresentation(self):
        """The widget, made and set up the first time it is asked for."""
        if self._standInRepresentation is None and self.widgetRepresentationCreationEnabled:
            self._standInRepresentation = self.createNewWidgetRepresentation()
        return self._standInRepresentation

    def createNewWidgetRepresentation(self):
        """A new widget, set up; the scene comes after setup, as in Slicer."""
        representation = qSlicerScriptedLoadableModuleWidget()
        representation._standInModule = self
        representation._standInLoad(self.path)
        representation._standInSetup()
        representation.setMRMLScene(slicer.mrmlScene)
        return representation


@playsCpp
class qSlicerScriptedLoadableModuleWidget(qSlicerWidget):
    """The `parent` of a ScriptedLoadableModuleWidget: calls its setup, enter and exit."""

    _standInSelf = None
    _standInModule = None
    _standInEntered = False

    def __init__(self, parent=None):
        super().__init__(parent)
        QtWidgets.QVBoxLayout(self)

    def _standInLoad(self, path):
        name = Path(path).stem
        class_ = getattr(sys.modules[name], name + "Widget")
        self.setObjectName(name + "Widget")
        self._standInSelf = class_(self)
        setattr(slicer.modules, name + "Widget", self._standInSelf)

    def _standInCall(self, method):
        function = getattr(self._standInSelf, method, None)
        if function is not None:
            function()

    def self(self):
        """The Python object."""
        return self._standInSelf

    def module(self):
        """The module of this widget."""
        return self._standInModule

    def _standInSetup(self):
        self._standInCall("setup")

    def enter(self):
        """Calls the Python enter()."""
        self._standInEntered = True
        self._standInCall("enter")

    def exit(self):
        """Calls the Python exit()."""
        self._standInEntered = False
        self._standInCall("exit")

    isEntered = QtCore.Property(bool, lambda self: self._standInEntered)
    moduleName = QtCore.Property(str, lambda self: self._standInModule.name)

    def reload(self):
        """Slot: makes the Python object anew and sets it up."""
        self._standInLoad(self._standInModule.path)
        self._standInSetup()


CLASSES = (qSlicerScriptedLoadableModule, qSlicerScriptedLoadableModuleWidget)


def importModule(path):
    """Runs a module file as Slicer does: its folder on sys.path, the module known by its file name."""
    name = Path(path).stem
    folder = str(Path(path).parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def load(path):
    """Registers the module at `path`, and before it those it depends on; returns its module object."""
    path = Path(path).resolve()
    manager = slicer.app.moduleManager()
    name = path.stem
    if manager.module(name) is not None:
        return manager.module(name)
    source = importModule(path)
    class_ = getattr(source, name, None)
    if class_ is None:
        raise StandInError(f"{path.name} has no class {name}")
    module = qSlicerScriptedLoadableModule()
    module.name, module.path = name, str(path)
    module._standInSelf = class_(module)
    for each in module.dependencies:
        _loadDependency(path, name, each)
    if not hasattr(source, name + "Widget"):
        module.widgetRepresentationCreationEnabled = False
    manager._standInModules[name] = module
    setattr(slicer.modules, name.lower(), module)
    setattr(slicer.modules, name + "Instance", module._standInSelf)
    manager.moduleLoaded.emit(name)
    return module


def _loadDependency(path, name, dependency):
    if slicer.app.moduleManager().module(dependency) is not None:
        return
    sibling = path.parent.parent / dependency / f"{dependency}.py"
    if not sibling.exists():
        raise StandInError(f"{name} depends on the module {dependency}, which is not there")
    load(sibling)


def unload(name):
    """Announces that a module goes away, which calls its widget's cleanup(), and forgets it."""
    manager = slicer.app.moduleManager()
    module = manager.module(name)
    if module is None:
        return
    manager.moduleAboutToBeUnloaded.emit(name)
    del manager._standInModules[name]
    for attribute in (name.lower(), name + "Instance", name + "Widget"):
        if hasattr(slicer.modules, attribute):
            delattr(slicer.modules, attribute)
    if module._standInRepresentation is not None:
        module._standInRepresentation.deleteLater()
    sys.modules.pop(name, None)
