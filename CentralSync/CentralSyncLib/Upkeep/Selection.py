"""What a scrub looks at: what this workstation's register says a store has, and what the receipts of cases say."""

import dataclasses
import datetime
import json
from pathlib import Path

from PlanningHubLib.Case import Case
from PlanningHubLib.CaseFormat import FILE_NAME as CASE_FILE

from ..Items import Item, itemOf
from ..Outbox.Outbox import FAILED, VERIFIED
from ..Outbox.StandIns import StandIns
from ..Records.CaseRecord import ITEM_NAME as RECORD_NAME

# How every reason begins that a scrub writes.
MARK = "Scrub:"
# What each sync with news sends anew.
RECORDS = (CASE_FILE, RECORD_NAME)


@dataclasses.dataclass(frozen=True)
class Kept:
    """One object that a store should keep.

    :param item: without content; the local copy is found when it is needed
    :param entry: the register's entry; None for what only a receipt names
    """

    item: Item
    caseId: str
    caseFolder: str
    name: str
    entry: object = None
    contentSha256: str = ""


def registered(outbox, address):
    """Return a :class:`Kept` for all that the store should keep: what is verified, and what was and no longer is."""
    entries = outbox.entries(store=address)
    standIns = StandIns(entries)
    failed = [one for one in entries if one.state == FAILED and standIns.stateOf(one) != VERIFIED]
    newest = {(one.caseId, one.name): one.id for one in entries if one.state == VERIFIED and one.name in RECORDS}
    # Nobody can make an older record again; the newest says all that the case holds.
    lost = [one for one in failed if newest.get((one.caseId, one.name), 0) < one.id and _wasVerified(outbox, one)]
    return [keptOf(one) for one in [*(one for one in entries if one.state == VERIFIED), *lost]]


def _wasVerified(outbox, entry):
    return any(one["from_"] == VERIFIED for one in outbox.history(entry.id))


def isDue(kept, now, days, since=None):
    """Whether something is to be looked at now: missed before, or last verified ``days`` days ago.

    :param now: aware time; ``since`` the start of an interrupted scrub: what was verified after it is not due again
    """
    if kept.entry is None or kept.entry.state != VERIFIED:
        return True
    last = timeOf(kept.entry.changed)
    if since is not None and last >= since:
        return False
    # A clock that was put back must not put off a scrub for years.
    return last > now or now - last >= datetime.timedelta(days=days)


def nextDue(outbox, address, now, days):
    """Return when something will be due next, as UTC ISO text; "" where nothing is registered."""
    times = [timeOf(entry.changed) for entry in outbox.entries(store=address, states=[VERIFIED])]
    return textOf(max(now, min(times) + datetime.timedelta(days=days))) if times else ""


def fromReceipts(folder, store, known):
    """Return a :class:`Kept` for what the receipts of a case name at a store and the register does not know.

    :param known: SHA-256 of what the register knows
    :raises InputRefused: ``not-a-case`` and the like
    """
    with Case.open(folder) as case:
        named = {one["sha256"]: one for receipt in _receiptsOf(case, store) for one in receipt["items"]}
        paths = {
            record.sha256: case.path(artefact, name)
            for artefact in case.artefacts
            for name, record in artefact.files.items()
        }
        return [_ofReceipt(one, paths.get(sha256), case) for sha256, one in named.items() if sha256 not in known]


def _receiptsOf(case, store):
    for artefact in case.artefacts:
        if artefact.kind == "receipt" and artefact.parameters.get("store") == store:
            yield json.loads(case.path(artefact, "receipt.json").read_text(encoding="utf-8"))


def _ofReceipt(one, path, case):
    sha256, name = one["sha256"], one["name"]
    item = Item(sha256, None, name, sopInstanceUid=one["sopInstanceUid"])
    if path is not None and Path(path).is_file():
        # Series and study stand in the file alone; what else it holds is hashed before anything is sent.
        item = dataclasses.replace(itemOf(path, name, sha256), path=None)
    return Kept(item, case.caseId, str(case.folder), name)


def keptOf(entry):
    """Return the :class:`Kept` of an entry of the outbox."""
    item = Item(
        entry.sha256, None, entry.name, entry.kind, entry.sopInstanceUid, entry.seriesUid, entry.studyUid, entry.bytes
    )
    return Kept(item, entry.caseId, entry.caseFolder, entry.name, entry, entry.contentSha256)


def timeOf(text):
    """Return the aware time of UTC ISO text."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(datetime.UTC)


def textOf(time):
    """Return a time in UTC as ISO text to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
