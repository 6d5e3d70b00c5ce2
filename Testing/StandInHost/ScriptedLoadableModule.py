"""Plays slicer.ScriptedLoadableModule: the base classes of module, widget, logic and self-test."""

import importlib
import logging
import unittest
from pathlib import Path

import slicer

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleWidget",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
]


def _withoutSuffix(instance, suffix):
    name = type(instance).__name__
    return name.removesuffix(suffix)


class ScriptedLoadableModule:
    """Describes the module to the application through `parent`."""

    def __init__(self, parent):
        super().__init__()
        import qt

        self.parent = parent
        self.moduleName = type(self).__name__
        parent.title = ""
        parent.categories = []
        parent.dependencies = []
        parent.contributors = ["(not given)"]
        parent.helpText = parent.acknowledgementText = ""
        icons = Path(parent.path).parent / "Resources" / "Icons"
        icon = next(
            (
                icons / (self.moduleName + each)
                for each in (".svg", ".png")
                if (icons / (self.moduleName + each)).is_file()
            ),
            None,
        )
        if icon is not None:
            parent.icon = qt.QIcon(str(icon))
        if not hasattr(slicer, "selfTests"):
            slicer.selfTests = {}
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, fileName):
        """Absolute path of a file in the module's Resources folder."""
        return str(Path(self.parent.path).parent / "Resources" / fileName)

    def getDefaultModuleDocumentationLink(self, docPage=None):
        """A sentence with a link to the online documentation."""
        address = (
            slicer.app.documentationBaseUrl + docPage if docPage else slicer.app.moduleDocumentationUrl(self.moduleName)
        )
        return f'<p>For more information see the <a href="{address}">online documentation</a>.</p>'

    def runTest(self, msec=100, **arguments):
        """Runs the self-test class `<Module>Test`."""
        source = importlib.import_module(type(self).__module__)
        class_ = getattr(source, self.moduleName + "Test", None)
        assert class_ is not None, f"Test case class not found: {self.moduleName}Test"
        test = class_()
        test.messageDelay = msec
        test.runTest(**arguments)


class ScriptedLoadableModuleWidget:
    """The module's panel; `parent` is the widget representation, or made here where none is given."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = _withoutSuffix(self, "Widget")
        self.developerMode = slicer.util.settingsValue("Developer/DeveloperMode", False, slicer.util.toBool)
        self.parent = parent if parent is not None else self._ownParent()
        self.layout = self.parent.layout()
        if parent is None:
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def _ownParent(self):
        import qt

        widget = slicer.qMRMLWidget()
        widget.setLayout(qt.QVBoxLayout())
        widget.setMRMLScene(slicer.mrmlScene)
        return widget

    def _onModuleAboutToBeUnloaded(self, moduleName):
        if moduleName != self.moduleName:
            return
        self.cleanup()
        slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, fileName):
        """Absolute path of a file in the module's Resources folder."""
        return str(Path(slicer.util.modulePath(self.moduleName)).parent / "Resources" / fileName)

    def setup(self):
        """Builds the panel; in developer mode a real Slicer adds its "Reload & Test" section here."""

    def cleanup(self):
        """Called when the module goes away."""

    def onReload(self):
        """Reloads the module's source and makes its widget anew."""
        slicer.util.reloadScriptedModule(self.moduleName)


class ScriptedLoadableModuleLogic:
    """The module's logic; keeps its parameter node."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = _withoutSuffix(self, "Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self):
        """This module's vtkMRMLScriptedModuleNode in the scene, added where there is none."""
        if self.isSingletonParameterNode:
            node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            if node is not None:
                node.SetAttribute("ModuleName", self.moduleName)
        else:
            node = next(iter(self.getAllParameterNodes()), None)
        return node if node is not None else slicer.mrmlScene.AddNode(self.createParameterNode())

    def getAllParameterNodes(self):
        """Every parameter node of this module."""
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [each for each in nodes if each.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self):
        """A new parameter node, not yet in the scene."""
        if slicer.mrmlScene is None:
            return None
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base of a module's self-test; runs every method whose name contains 'test'."""

    def __init__(self, *arguments, **named):
        self.moduleTestNames = []
        super().__init__(*arguments, **named)
        self.enableScreenshots = False
        self.screenshotScaleFactor = 1.0
        if not self.moduleTestNames:
            self.moduleTestNames = [each for each in dir(self) if "test" in each and callable(getattr(self, each))]

    def delayDisplay(self, message, requestedDelay=None, msec=None):
        """Logs the message and lets events through; nobody watches, so nothing waits."""
        logging.info(message)
        slicer.app.processEvents()

    def takeScreenshot(self, name, description, type=-1):
        """Only shows the message: there are no views."""
        self.delayDisplay(description)

    def runTest(self):
        """Runs the self-test methods one after the other."""
        self.setUpClass()
        for name in self.moduleTestNames:
            self.setUp()
            logging.info("Running %s", name)
            getattr(self, name)()
            self.tearDown()
        self.tearDownClass()
