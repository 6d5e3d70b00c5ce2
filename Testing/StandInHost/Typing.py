"""Edits a field as a user would, with the signals that follow."""

from PySide6 import QtWidgets

from .CtkPaths import ctkDirectoryButton, ctkPathLineEdit
from .Errors import StandInError
from .QmrmlNodeComboBox import qMRMLNodeComboBox


def enterValue(widget, value):
    """Text, path, number, check mark, item of a combo box, row of a list or node, whatever the widget takes."""
    if isinstance(widget, qMRMLNodeComboBox):
        _chooseNode(widget, value)
    elif isinstance(widget, ctkPathLineEdit):
        widget.setCurrentPath(str(value))
    elif isinstance(widget, ctkDirectoryButton):
        widget.directory = str(value)
    elif isinstance(widget, QtWidgets.QComboBox):
        _chooseItem(widget, value)
    elif isinstance(widget, QtWidgets.QLineEdit):
        widget.setText(value)
        widget.textEdited.emit(value)
        widget.editingFinished.emit()
    elif isinstance(widget, QtWidgets.QAbstractButton) and widget.isCheckable():
        if widget.isChecked() != value:
            widget.click()
    elif isinstance(widget, (QtWidgets.QListWidget,)):
        widget.setCurrentRow(value)
    elif hasattr(widget, "setPlainText"):
        widget.setPlainText(value)
    elif hasattr(widget, "setValue"):
        widget.setValue(value)
    else:
        raise StandInError(f"a user cannot enter a value into a {type(widget).__name__}")


def _chooseNode(widget, node):
    listed = [widget.nodeFromIndex(index) for index in range(widget.nodeCount())]
    if node is None and not widget.noneEnabled:
        raise StandInError(f"'{widget.objectName}' does not offer None")
    if node is not None and node not in listed:
        raise StandInError(f"'{widget.objectName}' does not list the node '{node.GetName()}'")
    widget.setCurrentNode(node)
    widget.nodeActivated.emit(node)


def _chooseItem(widget, text):
    index = widget.findText(str(text))
    if index < 0 and widget.isEditable():
        widget.setEditText(str(text))
        return
    if index < 0:
        raise StandInError(f"'{widget.objectName}' has no item '{text}'")
    widget.setCurrentIndex(index)
    widget.activated.emit(index)
