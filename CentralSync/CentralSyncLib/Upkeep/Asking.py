"""Whether a store answers, and still has what was proven last: the smallest question that says something."""

import dataclasses

from PlanningHubLib.Progress import noProgress

from ..Outbox.Entries import VERIFIED
from ..Outbox.Exchange import looked
from .LocalCopies import LocalCopies
from .Selection import keptOf


def askStore(store, outbox, progress=noProgress):
    """Return the register's newest verified entry and the store's :class:`Answer` on it; None, None without any."""
    newest = outbox.newest(store.address, VERIFIED)
    if newest is None:
        return None, None
    kept, copies = keptOf(newest), LocalCopies()
    item = dataclasses.replace(kept.item, opener=lambda: copies.open(kept))
    return newest, looked(store, [item], progress)[item.sha256]
