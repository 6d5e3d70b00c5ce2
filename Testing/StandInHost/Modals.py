"""Modal dialogs without a user: each takes the next answer a test has queued, an unanswered one raises.

Message boxes with a single button only tell something: they are recorded and closed. A question needs an answer.
"""

import sys
from collections import deque

from PySide6 import QtWidgets

from .Errors import UnansweredModal

_SINGLE_BUTTONS = (
    QtWidgets.QMessageBox.StandardButton.NoButton,
    QtWidgets.QMessageBox.StandardButton.Ok,
    QtWidgets.QMessageBox.StandardButton.Close,
)


class Modals:
    """The queue of answers and the record of what was shown."""

    def __init__(self):
        self.answers = deque()
        self.messages = []
        self.shownExceptions = []

    def clear(self):
        """Forgets queued answers and recorded messages."""
        self.answers.clear()
        self.messages.clear()
        self.shownExceptions.clear()

    def take(self, kind, text):
        """Next queued answer; raises UnansweredModal when the test queued none."""
        if not self.answers:
            raise UnansweredModal(f"{kind} '{text}' waits for an answer: queue one with host.answer(value)")
        return self.answers.popleft()

    def record(self, kind, text):
        """Notes a message shown to the user, and the exception it tells about, if any."""
        self.messages.append((kind, text))
        exception = sys.exc_info()[1]
        if exception is not None and kind == "error":
            self.shownExceptions.append(exception)


modals = Modals()

_KINDS = {
    QtWidgets.QMessageBox.Icon.Critical: "error",
    QtWidgets.QMessageBox.Icon.Warning: "warning",
    QtWidgets.QMessageBox.Icon.Question: "question",
    QtWidgets.QMessageBox.Icon.Information: "information",
}


def _runMessageBox(box):
    kind = _KINDS.get(box.icon, "information")
    modals.record(kind, box.text)
    box.hide()
    if box.standardButtons in _SINGLE_BUTTONS and not _ownButtons(box):
        return box.standardButtons
    answer = modals.take("message box", box.text)
    if isinstance(answer, str):
        return _pressNamedButton(box, answer)
    return answer


def _ownButtons(box):
    """Buttons the module added itself; the one that shows details is Qt's and decides nothing."""
    details = QtWidgets.QMessageBox.ButtonRole.ActionRole
    none = QtWidgets.QMessageBox.StandardButton.NoButton
    return [each for each in box.buttons() if box.standardButton(each) == none and box.buttonRole(each) != details]


def _pressNamedButton(box, text):
    for button in box.buttons():
        if button.text.replace("&", "") == text:
            button.click()
            return box.standardButton(button)
    raise UnansweredModal(f"message box '{box.text}' has no button '{text}'")


def _runDialog(dialog, *_arguments):
    """A dialog's exec_(): the answer is a function that drives the dialog, or the code it returns."""
    if isinstance(dialog, QtWidgets.QMessageBox):
        return _runMessageBox(dialog)
    answer = modals.take(type(dialog).__name__, dialog.windowTitle)
    if not callable(answer):
        return answer
    dialog.show()
    try:
        answer(dialog)
    finally:
        dialog.hide()
    return dialog.result()


def _runMenu(menu, *_arguments):
    answer = modals.take("menu", menu.title)
    for action in menu.actions():
        if action.text.replace("&", "") == answer:
            action.trigger()
            return action
    raise UnansweredModal(f"menu '{menu.title}' has no action '{answer}'")


def _fileQuestion(kind, several=False):
    def ask(parent=None, caption="", *_others):
        answer = modals.take(kind, caption)
        return tuple(str(each) for each in answer) if several else str(answer)

    return staticmethod(ask)


def _inputQuestion(kind):
    def ask(parent=None, title="", label="", *others):
        answer = modals.take(kind, label)
        for each in others:
            if isinstance(each, BoolResult):
                each._value = answer is not None
        return answer

    return staticmethod(ask)


def _messageFunction(icon, standardButtons):
    def show(parent, title, text, buttons=standardButtons, *_others):
        box = QtWidgets.QMessageBox(parent)
        box.setIcon(icon)
        box.setText(text)
        box.setStandardButtons(buttons)
        return _runMessageBox(box)

    return staticmethod(show)


class BoolResult:
    """PythonQt's stand-in for a `bool*` argument: truth value after the call."""

    def __init__(self):
        self._value = False

    def __bool__(self):
        return self._value


def apply():
    """Routes every way to open a modal dialog to the queue of answers."""
    box = QtWidgets.QMessageBox
    for class_ in (QtWidgets.QDialog, box, QtWidgets.QFileDialog, QtWidgets.QInputDialog, QtWidgets.QProgressDialog):
        class_.exec_ = _runDialog
        class_.exec = _runDialog
    QtWidgets.QMenu.exec_ = _runMenu
    QtWidgets.QMenu.exec = _runMenu
    for name in ("getOpenFileName", "getSaveFileName", "getExistingDirectory"):
        setattr(QtWidgets.QFileDialog, name, _fileQuestion(name))
    QtWidgets.QFileDialog.getOpenFileNames = _fileQuestion("getOpenFileNames", several=True)
    for name in ("getText", "getInt", "getDouble", "getItem", "getMultiLineText"):
        setattr(QtWidgets.QInputDialog, name, _inputQuestion(name))
    button = box.StandardButton
    box.critical = _messageFunction(box.Icon.Critical, button.Ok)
    box.warning = _messageFunction(box.Icon.Warning, button.Ok)
    box.information = _messageFunction(box.Icon.Information, button.Ok)
    box.question = _messageFunction(box.Icon.Question, button.Yes | button.No)
