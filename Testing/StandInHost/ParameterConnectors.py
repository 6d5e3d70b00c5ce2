"""Which widget shows which type of parameter, and how: the same exact widget classes that Slicer accepts."""

import enum
import math
import pathlib

from PySide6 import QtWidgets

from . import CtkChoices, CtkPaths, CtkValues, QmrmlWidgets
from .ParameterRules import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
    firstOf,
    nodeTypes,
    splitAnnotations,
)

_SLIDERS = (CtkValues.ctkSliderWidget, QmrmlWidgets.qMRMLSliderWidget)
_REALS = (
    QtWidgets.QDoubleSpinBox,
    CtkValues.ctkDoubleSlider,
    CtkValues.ctkDoubleSpinBox,
    QmrmlWidgets.qMRMLSpinBox,
    *_SLIDERS,
)
_COMBO_BOXES = (QtWidgets.QComboBox, CtkChoices.ctkComboBox)


class Connector:
    """Shows a value in a widget and hears of its changes."""

    def __init__(self, widget, signal, read, write):
        self.widget = widget
        self.read = read
        self.write = write
        self._signal = signal
        self._callback = None

    def _changed(self, *_arguments):
        if self._callback is not None:
            self._callback()

    def onChanged(self, callback):
        """Calls `callback` on each change; None ends that."""
        if self._signal is not None and self._callback is None and callback is not None:
            self._signal.connect(self._changed)
        elif self._signal is not None and self._callback is not None and callback is None:
            self._signal.disconnect(self._changed)
        self._callback = callback


def _attribute(widget, signal, name, convert=lambda value: value):
    def write(value):
        if getattr(widget, name) != value:
            setattr(widget, name, value)

    return Connector(widget, signal, lambda: convert(getattr(widget, name)), write)


def _limits(annotations):
    both = firstOf(annotations, WithinRange)
    if both is not None:
        return both.minimum, both.maximum
    low, high = firstOf(annotations, Minimum), firstOf(annotations, Maximum)
    return low.minimum if low else None, high.maximum if high else None


def _number(widget, type_, annotations):
    isWhole = type(widget) in (QtWidgets.QSlider, QtWidgets.QSpinBox)
    if not (isWhole and type_ is int) and not (type(widget) in _REALS and type_ in (int, float)):
        return None
    low, high = _limits(annotations)
    if type(widget) in (*_SLIDERS, QtWidgets.QSlider) and None in (low, high):
        raise RuntimeError("Cannot connect a slider to a number without limits: annotate it with WithinRange.")
    decimals, step = firstOf(annotations, Decimals), firstOf(annotations, SingleStep)
    if not isWhole and type(widget) is not CtkValues.ctkDoubleSlider and (type_ is int or decimals):
        widget.decimals = 0 if type_ is int else decimals.value
    if step is not None:
        widget.singleStep = step.value
    least, most = (-(2**31), 2**31 - 1) if isWhole else (-math.inf, math.inf)
    widget.minimum, widget.maximum = low if low is not None else least, high if high is not None else most
    return _attribute(widget, widget.valueChanged, "value", type_)


def _choice(widget, type_, annotations):
    if type(widget) not in _COMBO_BOXES:
        return None
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        values = list(type_)
        label = getattr(type_, "label", lambda each: each.name)
    elif type_ in (int, float, str, bool):
        if firstOf(annotations, Choice) is None:
            raise RuntimeError("A combo box needs a parameter annotated with Choice.")
        values, label = list(firstOf(annotations, Choice).choices), str
    else:
        return None
    kept = widget.currentIndex
    widget.clear()
    for each in values:
        widget.addItem(label(each))
    widget.currentIndex = max(kept, 0)

    def write(value):
        widget.currentIndex = values.index(value)

    return Connector(widget, widget.currentIndexChanged, lambda: values[widget.currentIndex], write)


def _node(widget, annotated):
    kinds = nodeTypes(annotated)
    if type(widget) is not QmrmlWidgets.qMRMLNodeComboBox or not kinds:
        return None
    widget.nodeTypes = [each().GetClassName() for each in kinds]
    return Connector(widget, widget.currentNodeChanged, widget.currentNode, widget.setCurrentNode)


def _truth(widget, type_):
    if type_ is not bool:
        return None
    if type(widget) in (QtWidgets.QCheckBox, CtkChoices.ctkCheckBox):
        return _attribute(widget, widget.stateChanged, "checked")
    if type(widget) is QtWidgets.QPushButton:
        widget.checkable = True
        return _attribute(widget, widget.toggled, "checked")
    return None


def _text(widget, type_):
    if type_ is not str:
        return None
    if type(widget) is QtWidgets.QLineEdit:
        return _attribute(widget, widget.textChanged, "text")
    if type(widget) is QtWidgets.QLabel:
        return _attribute(widget, None, "text")
    if type(widget) is QtWidgets.QTextEdit:
        return Connector(widget, widget.textChanged, widget.toPlainText, widget.setPlainText)
    return None


def _path(widget, type_):
    if not (isinstance(type_, type) and issubclass(type_, pathlib.PurePath)):
        return None
    if type(widget) is CtkPaths.ctkPathLineEdit:
        signal, name = widget.currentPathChanged, "currentPath"
    elif type(widget) is CtkPaths.ctkDirectoryButton:
        signal, name = widget.directoryChanged, "directory"
    else:
        return None
    return Connector(
        widget, signal, lambda: type_(getattr(widget, name)), lambda value: setattr(widget, name, str(value))
    )


def connectorOf(widget, annotated):
    """The connector of a widget to an annotated type; raises RuntimeError where Slicer has none."""
    type_, annotations = splitAnnotations(annotated)
    connector = (
        _node(widget, annotated)
        or _truth(widget, type_)
        or _number(widget, type_, annotations)
        or _choice(widget, type_, annotations)
        or _text(widget, type_)
        or _path(widget, type_)
    )
    if connector is None:
        raise RuntimeError(f"Unable to create GUI connector from datatype '{type_}' to widget type '{type(widget)}'.")
    return connector


__all__ = ["Connector", "connectorOf"]
