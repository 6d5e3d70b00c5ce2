"""What every central store can do, whatever it is made of."""

import dataclasses
from typing import Protocol

SAME = "same"  # the store gave back exactly the item's bytes, or a recoded copy equal in all that it says
ABSENT = "absent"  # the store answers and does not keep the item
DAMAGED = "damaged"  # the store keeps other bytes in the item's place, and sending again repairs that
CONFLICT = "conflict"  # the store keeps other bytes under the item's identity, and nothing may overwrite them
UNFIT = "unfit"  # the item itself cannot be kept there; waiting does not help
UNREACHED = "unreached"  # store or network failed; nothing is known, so the item stays to be sent
SENT = "sent"  # the store said it took the item, which proves nothing yet
REFUSED = "refused"  # the store said it did not take the item


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a store said about one item: one of this file's outcomes, and the reason in words.

    :param waitSeconds: how long the store asks to be left alone (HTTP ``Retry-After``); 0 where it does not say
    :param looksDamaged: of CONFLICT: what the store keeps looks like this item gone wrong, not like another object
    """

    outcome: str
    reason: str = ""
    waitSeconds: float = 0.0
    looksDamaged: bool = False


class CentralStore(Protocol):
    """Where verified copies go. All answers are dictionaries from an item's SHA-256 to an :class:`Answer`.

    The store's own trouble (down, full, slow) becomes an answer, never an exception; ``Cancelled`` raised by
    ``progress`` passes through.
    """

    address: str
    """The store's normal address, its key in the outbox: never a secret."""

    description: str
    """The store in words, fit for a receipt: never a secret."""

    keepsWholeCase: bool
    """Whether every file of a case can be kept, so that the store alone can give the case back."""

    def declines(self, item):
        """Return why this store does not take items of this sort; "" when it takes them."""

    def check(self, items, progress):
        """Read every item back and compare its bytes: SAME, ABSENT, DAMAGED, CONFLICT, UNFIT or UNREACHED."""

    def send(self, items, progress):
        """Send every item; never overwrites other content. SENT, REFUSED, UNFIT or UNREACHED."""

    def keepsElsewhere(self, item):
        """Tell whether the store lists something under the item's identity where it does not belong; it may hide it."""

    def readSeries(self, studyUid, seriesUid):
        """Return the bytes of each object of a small DICOM series, where the store keeps DICOM objects only.

        :raises StoreFailed: the store cannot be asked
        """

    def keepSnapshot(self, caseId, files, record=None):
        """Keep the list of all files of a case (path within the case → SHA-256), where ``keepsWholeCase``.

        :raises StoreFailed: the list could not be kept
        """
