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
    """Runs steps on the main thread, where MRML and Qt may be touched, one at a time for all modules together.

    :param ui: a module's widgets: ``progressBar``, ``cancelButton``, ``messageLabel``, ``actionsWidget``
    """

    # While a step lets events through, the user may switch to another module: there is one scene for all of them.
    _current = None

    def __init__(self, ui):
        self._ui = ui
        self._cancelled = False
        ui.progressBar.maximum = 1000
        ui.cancelButton.connect("clicked(bool)", self.cancel)

    @property
    def running(self):
        """Whether a step of this module runs."""
        return StepRunner._current is self

    def run(self, step, doneText, cancelledText=None):
        """Run ``step(session, progress)`` and return its result, or None where it failed or was cancelled.

        The error stands in the module's message place; the case is as it was.
        """
        if StepRunner._current is not None:
            self.say(_("Another step is still running. Wait for it, or cancel it there."), ERROR_STYLE)
            return None
        result, text, style = None, "", ERROR_STYLE
        self._begin()
        try:
            result = step(Session.start(), self._progress)
            text, style = doneText, DONE_STYLE
        except Cancelled:
            text = cancelledText or _("Cancelled; the case is as it was.")
        except PlanningError as error:
            text = str(error)
        except Exception as error:
            logging.exception("A step failed")
            text = _("This is a bug; please report it: {error}").format(error=error)
        finally:
            self._end(text, style)
        return result

    def say(self, text, style=DONE_STYLE):
        """Show a message; empty text hides the place."""
        self._ui.messageLabel.text = text
        self._ui.messageLabel.styleSheet = style
        self._ui.messageLabel.visible = bool(text)

    def complain(self, error):
        """Show an error."""
        self.say(str(error), ERROR_STYLE)

    def cancel(self, _checked=False):
        """Let a running step end at its next report of progress."""
        self._cancelled = True

    def _begin(self):
        StepRunner._current, self._cancelled = self, False
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
        StepRunner._current = None
        self.say(text, style)

    def _progress(self, fraction, text):
        self._ui.progressBar.value = int(1000 * fraction)
        # QProgressBar knows no escape for its %p, %v and %m; a word joiner parts them unseen.
        self._ui.progressBar.format = text.replace("%", "%\u2060")
        slicer.app.processEvents()
        if self._cancelled:
            raise Cancelled
