"""Loads a .ui file as literally as Slicer does: unknown classes, properties and connections are errors.

Qt's own loader builds the tree; the properties of the played classes and all connections are set here, because Qt
does not know a vtkMRMLScene*.
"""

import xml.etree.ElementTree as ElementTree

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import PythonQtRules
from .Errors import StandInError

_widgetClasses = {}


def registerWidgets(classes):
    """Makes played widget classes known by name to every loader, as Designer plugins do in Slicer."""
    for class_ in classes:
        _widgetClasses[class_.__name__] = class_


class _TreeBuilder(QtUiTools.QUiLoader):
    def __init__(self):
        super().__init__()
        self.unknown = []

    def createWidget(self, className, parent=None, name=""):
        class_ = _widgetClasses.get(className)
        if class_ is not None:
            widget = class_(parent)
            widget.setObjectName(name)
            return widget
        if className not in self.availableWidgets() and className != "Line":
            self.unknown.append(className)
        return super().createWidget(className, parent, name)


class QUiLoader:
    """`qt.QUiLoader` of the stand-in."""

    def load(self, source, parent=None):
        """Widget built from an open QIODevice; raises StandInError for what a real Slicer would not find."""
        document = ElementTree.fromstring(bytes(source.readAll().data()))
        connections = _takeConnections(document)
        properties = _takePlayedProperties(document)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(document))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        builder = _TreeBuilder()
        with PythonQtRules.ignoringNewAttributes():
            widget = builder.load(buffer, parent)
        if builder.unknown or widget is None:
            raise StandInError(f".ui file: unknown widget class {builder.unknown or builder.errorString()}")
        _checkProperties(document, widget)
        for objectName, element in properties:
            _setProperty(_named(widget, objectName), element)
        for element in connections:
            _connect(widget, element)
        return widget


def _takeConnections(document):
    found = document.findall("./connections/connection")
    for each in document.findall("connections"):
        document.remove(each)
    return found


def _takePlayedProperties(document):
    """Removes from the document, and returns, the properties that the played classes themselves declare."""
    taken = []
    for element in document.iter("widget"):
        class_ = _widgetClasses.get(element.get("class"))
        if class_ is None:
            continue
        for each in element.findall("property"):
            if isinstance(getattr(class_, each.get("name"), None), QtCore.Property):
                element.remove(each)
                taken.append((element.get("name"), each))
    return taken


def _named(widget, name):
    if widget.objectName == name:
        return widget
    found = widget.findChild(QtCore.QObject, name)
    if found is None:
        raise StandInError(f".ui file: no object is called '{name}'")
    return found


def _checkProperties(document, root):
    for element in document.iter("widget"):
        if element.get("class") == "Line":
            continue
        widget = _named(root, element.get("name"))
        for each in element.findall("property"):
            name = each.get("name")
            if each.get("stdset") != "0" and widget.metaObject().indexOfProperty(name) < 0:
                raise StandInError(f".ui file: {element.get('class')} '{element.get('name')}' has no property '{name}'")


def _setProperty(widget, element):
    value = element[0]
    text = value.text or ""
    if value.tag == "bool":
        converted = text == "true"
    elif value.tag in ("number", "double"):
        converted = float(text) if value.tag == "double" else int(text)
    elif value.tag == "stringlist":
        converted = [each.text or "" for each in value.findall("string")]
    elif value.tag in ("enum", "set"):
        converted = _enumerator(widget, text)
    elif value.tag in ("string", "cstring"):
        converted = text
    else:
        raise StandInError(f".ui file: the stand-in does not read <{value.tag}> of property '{element.get('name')}'")
    setattr(widget, element.get("name"), converted)


def _enumerator(widget, text):
    result = None
    for part in text.split("|"):
        owner, _, name = part.strip().rpartition("::")
        scope = type(widget) if owner.split("::")[0] in ("", type(widget).__name__) else None
        scope = scope or getattr(QtCore, owner.split("::")[0], None) or getattr(QtWidgets, owner.split("::")[0])
        found = getattr(scope, name)
        result = found if result is None else result | found
    return result


def _connect(root, element):
    sender = _named(root, element.findtext("sender"))
    receiver = _named(root, element.findtext("receiver"))
    slot = element.findtext("slot")
    name = slot.split("(")[0]
    if not callable(getattr(receiver, name, None)):
        raise StandInError(f".ui file: {type(receiver).__name__} '{receiver.objectName}' has no slot '{slot}'")
    try:
        PythonQtRules.connect(sender, element.findtext("signal"), receiver, slot)
    except AttributeError as error:
        raise StandInError(f".ui file: {error}") from error
