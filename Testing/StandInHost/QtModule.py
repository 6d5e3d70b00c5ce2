"""The module `qt`: every class of the Qt libraries in one flat namespace, as Slicer shows them."""

import types

from . import Modals, PythonQtRules
from .UiLoader import QUiLoader

# PySide6 has these, the `qt` of a Slicer module has not: code that used them would work here only.
PYSIDE_ONLY = ("Signal", "Slot", "Property", "ClassInfo", "SignalInstance", "SIGNAL", "SLOT", "QEnum", "QFlag")


def build():
    """A new module object to be registered as `qt`."""
    module = types.ModuleType("qt", "Qt as PythonQt shows it, played by PySide6")
    for library in PythonQtRules.QT_LIBRARIES:
        for name in dir(library):
            if not name.startswith("_") and name not in PYSIDE_ONLY:
                setattr(module, name, getattr(library, name))
    module.QUiLoader = QUiLoader
    module.BoolResult = Modals.BoolResult
    return module
