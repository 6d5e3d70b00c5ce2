"""What the status codes of a DICOM archive mean for an item (PS3.4 B.2.3, C.4.3; PS3.7 Annex C)."""

from .CentralStore import REFUSED, SENT, UNREACHED, Answer

SUCCESS = 0x0000
# How long an archive without resources is left alone.
WAIT_SECONDS = 60.0
_STORE_TROUBLE = {
    0x0124: "does not allow it",
    0x0210: "confused two messages",
    0x0211: "does not know the request",
    0x0213: "has no resources left",
}


def sendingAnswer(status):
    """Return the :class:`Answer` for the status of a C-STORE; what it says is a hint, never a proof."""
    code = status.Status
    words = f"status {code:04X}"
    if code == SUCCESS:
        return Answer(SENT, "The archive answered that it took it.")
    if 0xB000 <= code <= 0xBFFF or code in (0x0001, 0x0107, 0x0116):
        return Answer(SENT, f"The archive took it and says that it changed it ({words}).")
    if code == 0x0111:
        return Answer(SENT, f"The archive has an object under this SOP Instance UID already ({words}).")
    if 0xA700 <= code <= 0xA7FF:
        return Answer(UNREACHED, f"The archive has no resources left ({words}).", WAIT_SECONDS)
    if code in _STORE_TROUBLE:
        return Answer(UNREACHED, f"The archive {_STORE_TROUBLE[code]} ({words}).")
    return Answer(REFUSED, f"The archive refused it ({words}).")


def readingTrouble(status):
    """Return the :class:`Answer` for the final status of a C-GET or C-FIND that says nothing about an object."""
    wait = WAIT_SECONDS if 0xA700 <= status.Status <= 0xA7FF else 0.0
    return Answer(UNREACHED, f"The archive could not give it back (status {status.Status:04X}).", wait)
