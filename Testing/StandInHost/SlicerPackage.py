"""Adds to the package `slicer` what the wheel lacks: app, modules, qMRML widgets and the missing submodules."""

import sys
import types

import slicer
import slicer.util

from . import CtkModule, Modules, Packaging, ParameterNode, QmrmlWidgets, QtModule, UiLoader
from . import ScriptedLoadableModule as BaseClasses

ALIASES = ("vtkITK", "vtkSegmentationCore", "MRMLCore", "MRMLLogic", "MRMLDisplayableManager")


class ModuleNamespace(types.SimpleNamespace):
    """`slicer.modules`: an attribute per loaded module, and its instance and widget."""


def _translationModule():
    module = types.ModuleType("slicer.i18n", "Played by the stand-in host")
    module.tr = lambda text: text
    module.translate = lambda context, text: text
    return module


def _testingModule():
    def exitFailure(message=""):
        raise AssertionError(message)

    module = types.ModuleType("slicer.testing", "Played by the stand-in host")
    module.exitSuccess = lambda: None
    module.exitFailure = exitFailure
    return module


def _aliases():
    found = {}
    for name in ALIASES:
        module = sys.modules.get(f"slicer_core.{name}")
        if module is not None:
            found[name if name.startswith("vtkITK") else name + "Python"] = module
    return found


def submodules():
    """The modules to be registered in sys.modules, by name."""
    return {
        "qt": QtModule.build(),
        "ctk": CtkModule.build(),
        "slicer.ScriptedLoadableModule": BaseClasses,
        "slicer.parameterNodeWrapper": ParameterNode.buildModule(),
        "slicer.i18n": _translationModule(),
        "slicer.packaging": Packaging.buildModule(),
        "slicer.testing": _testingModule(),
        **_aliases(),
    }


def install(application, scene):
    """Registers everything; returns a function that takes it all away again."""
    added = submodules()
    previous = {name: sys.modules.get(name) for name in added}
    sys.modules.update(added)
    attributes = {name.split(".")[1]: module for name, module in added.items() if name.startswith("slicer.")}
    attributes.update({each.__name__: each for each in (*QmrmlWidgets.CLASSES, *Modules.CLASSES)})
    attributes.update(app=application, mrmlScene=scene, modules=ModuleNamespace(), selfTests={})
    for name, value in attributes.items():
        setattr(slicer, name, value)
    UiLoader.registerWidgets((*CtkModule.CLASSES, *QmrmlWidgets.CLASSES))

    def remove():
        for name in attributes:
            delattr(slicer, name)
        for name, module in previous.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module

    return remove
