"""Plays slicer.parameterNodeWrapper: typed attributes on a vtkMRMLScriptedModuleNode, bound to widgets."""

import types
import typing
import weakref

import slicer
import vtk
from PySide6 import QtWidgets

from . import ParameterRules
from .Observing import WeakCall
from .ParameterConnectors import Connector, connectorOf
from .ParameterRules import Default, firstOf, splitAnnotations
from .ParameterText import formOf

_RESERVED = (
    "allParameters",
    "default",
    "isCached",
    "dataType",
    "getValue",
    "setValue",
    "connectGui",
    "connectParametersToGui",
    "disconnectGui",
    "StartModify",
    "EndModify",
    "AddObserver",
    "RemoveObserver",
    "Modified",
)


class _Parameter:
    def __init__(self, name, annotated, default):
        self.name = name
        self.annotated = annotated
        self.form = formOf(annotated)
        self.default = default if default is not None else Default(generator=lambda: self.form.default)


class _Value:
    """One parameter of one node; keeps what it read until the node is modified."""

    def __init__(self, parameter, node, prefix):
        self.parameter = parameter
        self.node = node
        self.name = f"{prefix or ''}{parameter.name}"
        if not parameter.form.isIn(node, self.name):
            parameter.form.write(node, self.name, parameter.default.value)
        self._kept = None
        if parameter.form.cached:
            self._keep()
            tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, WeakCall(self, "_keep"))
            weakref.finalize(self, node.RemoveObserver, tag)

    def _restored(self):
        if not self.parameter.form.isIn(self.node, self.name):
            self.parameter.form.write(self.node, self.name, self.parameter.default.value)
        return self.parameter.form.read(self.node, self.name)

    def _keep(self):
        self._kept = self._restored()

    def read(self):
        return self._kept if self.parameter.form.cached else self._restored()

    def write(self, value):
        with slicer.util.NodeModify(self.node):
            self.parameter.form.write(self.node, self.name, value)
            if self.parameter.form.cached:
                self._keep()


class _Wrapper:
    """What the decorator adds to a class."""

    def __init__(self, parameterNode, prefix=None):
        self.parameterNode = parameterNode
        self._values = {name: _Value(each, parameterNode, prefix) for name, each in self.allParameters.items()}
        self._guis = {}
        self._nextTag = 0
        self._isShowing = False

    def _value(self, name):
        if name not in self._values:
            raise ValueError(f"Cannot find a param with the given name: {name}, only {list(self._values)}")
        return self._values[name]

    def getValue(self, name):
        """Value of the parameter with this name."""
        return self._value(name).read()

    def setValue(self, name, value):
        """Writes the parameter with this name."""
        self._value(name).write(value)

    def default(self, name):
        """The Default of a parameter."""
        return self._value(name).parameter.default

    def isCached(self, name):
        """Whether reads come from memory."""
        return self._value(name).parameter.form.cached

    def connectGui(self, gui):
        """Binds every widget with a SlicerParameterName, in a widget or a childWidgetVariables object."""
        widgets = gui.findChildren(QtWidgets.QWidget) if isinstance(gui, QtWidgets.QWidget) else gui.__dict__.values()
        named = {each.property("SlicerParameterName"): each for each in widgets}
        return self.connectParametersToGui({name: each for name, each in named.items() if name})

    def connectParametersToGui(self, mapping):
        """Binds parameters to widgets by name; returns the tag for disconnectGui."""
        for name in mapping:
            self._value(name)
        connectors = {
            name: each if isinstance(each, Connector) else connectorOf(each, self._value(name).parameter.annotated)
            for name, each in mapping.items()
        }
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._writer(name, connector))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, WeakCall(self, "_show"))
        tag = self._nextTag
        self._nextTag += 1
        self._guis[tag] = (connectors, observer)
        return tag

    def disconnectGui(self, tag):
        """Undoes connectGui."""
        connectors, observer = self._guis.pop(tag, ({}, None))
        for connector in connectors.values():
            connector.onChanged(None)
        if observer is not None:
            self.RemoveObserver(observer)

    def _writer(self, name, connector):
        def write():
            if not self._isShowing:
                self.setValue(name, connector.read())

        return write

    def _show(self):
        if self._isShowing:
            return
        self._isShowing = True
        try:
            with slicer.util.NodeModify(self):
                for connectors, _observer in list(self._guis.values()):
                    for name, connector in connectors.items():
                        connector.write(self.getValue(name))
        finally:
            self._isShowing = False

    def StartModify(self):
        """Holds back ModifiedEvent."""
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified):
        """Lets ModifiedEvent through again."""
        self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event, callback, priority=0.0):
        """Observes the node."""
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag):
        """Ends an observation."""
        self.parameterNode.RemoveObserver(tag)

    def Modified(self):
        """Invokes ModifiedEvent."""
        self.parameterNode.Modified()


def _attributeFor(name):
    return property(lambda self: self._values[name].read(), lambda self, value: self._values[name].write(value))


def parameterNodeWrapper(classtype=None):
    """Class decorator: each annotated attribute becomes a parameter of the node given to the constructor."""
    return _wrap if classtype is None else _wrap(classtype)


def _wrap(class_):
    for name in _RESERVED:
        if hasattr(class_, name) or name in class_.__dict__.get("__annotations__", {}):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
    parameters = {}
    for name, annotated in typing.get_type_hints(class_, include_extras=True).items():
        default = firstOf(splitAnnotations(annotated)[1], Default)
        if hasattr(class_, name):
            default = Default(getattr(class_, name))
        parameters[name] = _Parameter(name, annotated, default)
        setattr(class_, name, _attributeFor(name))
    for name, each in vars(_Wrapper).items():
        if name == "__init__" or not name.startswith("__"):
            setattr(class_, name, each)
    class_.allParameters = parameters
    class_.dataType = staticmethod(lambda name: parameters[name].annotated)
    class_._is_parameter_node_wrapper = True
    return class_


def isParameterNodeWrapper(classOrObject):
    """Whether a class, or an object, is a parameter node wrapper."""
    return getattr(classOrObject, "_is_parameter_node_wrapper", False)


def buildModule():
    """A new module object to be registered as `slicer.parameterNodeWrapper`."""
    module = types.ModuleType("slicer.parameterNodeWrapper", "Played by the stand-in host")
    for name in ParameterRules.__all__:
        setattr(module, name, getattr(ParameterRules, name))
    module.parameterNodeWrapper = parameterNodeWrapper
    module.isParameterNodeWrapper = isParameterNodeWrapper
    module.SlicerParameterNamePropertyName = "SlicerParameterName"
    module.__all__ = [each for each in vars(module) if not each.startswith("_")]
    return module
