"""Running one step from a widget: progress with cancel, and errors in one place."""

import logging

import qt
import slicer
from slicer.i18n import tr as _

from PlanningHubLib.Errors import Cancelled, PlanningError
from PlanningHubLib.Session import Session

ERROR_STYLE = "color: #a01010; background: #fdecea; padding: 6px; border: 1px solid #d9a0a0;"
DONE_STYLE = "color: #14532d; background: #eaf6ec; padding: 6px; border: 1px solid #a3c9a8;"


class StepRunner:
    """Runs steps one at a time on the main thread, where MRML and Qt may be touched.

    :param ui: a module's widgets: ``progressBar``, ``cancelButton``, ``messageLabel``, ``actionsWidget``
    """

    def __init__(self, ui):
        self._ui = ui
        self._cancelled = False
        self.running = False
        ui.progressBar.maximum = 1000
        ui.cancelButton.connect("clicked(bool)", self._onCancel)

    def run(self, step, doneText):
        """Run ``step(session, progress)`` and return its result, or None where it failed or was cancelled.

        The error stands in the module's message place; the case is as it was.
        """
        if self.running:
            return None
        self._begin()
        try:
            result = step(Session.start(), self._progress)
        except Cancelled:
            self._end(_("Cancelled; the case is as it was."), ERROR_STYLE)
        except PlanningError as error:
            self._end(str(error), ERROR_STYLE)
        except Exception as error:
            logging.exception("A step failed")
            self._end(_("This is a bug; please report it: {error}").format(error=error), ERROR_STYLE)
        else:
            self._end(doneText, DONE_STYLE)
            return result
        return None

    def say(self, text, style=DONE_STYLE):
        """Show a message; empty text hides the place."""
        self._ui.messageLabel.text = text
        self._ui.messageLabel.styleSheet = style
        self._ui.messageLabel.visible = bool(text)

    def complain(self, error):
        """Show an error."""
        self.say(str(error), ERROR_STYLE)

    def _begin(self):
        self.running, self._cancelled = True, False
        self.say("")
        self._ui.actionsWidget.enabled = False
        self._ui.progressBar.value = 0
        self._ui.progressBar.visible = True
        self._ui.cancelButton.visible = True
        qt.QApplication.setOverrideCursor(qt.Qt.BusyCursor)

    def _end(self, text, style):
        qt.QApplication.restoreOverrideCursor()
        self._ui.progressBar.visible = False
        self._ui.cancelButton.visible = False
        self._ui.actionsWidget.enabled = True
        self.running = False
        self.say(text, style)

    def _progress(self, fraction, text):
        self._ui.progressBar.value = int(1000 * fraction)
        self._ui.progressBar.format = text.replace("%", "%%")
        slicer.app.processEvents()
        if self._cancelled:
            raise Cancelled

    def _onCancel(self):
        self._cancelled = True
