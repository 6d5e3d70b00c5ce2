"""States in a user's words."""

from slicer.i18n import tr as _

from CentralSyncLib import Overview, Results
from CentralSyncLib.Outbox import Entries


def stateTexts():
    """Return state → how it is called."""
    return {
        Overview.TO_SEND: _("to send"),
        Results.VERIFIED: _("verified"),
        Results.FAILED: _("FAILED"),
        Results.QUEUED: _("waiting"),
        Results.NOT_SENT: _("not sent"),
        Entries.SENDING: _("being sent"),
        Entries.SENT: _("sent, not yet proven"),
        Entries.DEAD_LETTER: _("GIVEN UP"),
        Entries.WITHDRAWN: _("withdrawn"),
    }
