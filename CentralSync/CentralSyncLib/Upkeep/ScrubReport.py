"""What a scrub came to: counts, everything that was wrong, findings with what to do, and the report as text."""

import dataclasses
import json

from PlanningHubLib import Files
from PlanningHubLib.Errors import Finding, StoreFailed, VerificationFailed

from ..Stores.CentralStore import ABSENT, CONFLICT, DAMAGED

FORMAT, VERSION = "planninghub-scrub", 1
# What became of something that was wrong.
REPAIRED = "repaired"  # sent again from the local copy, and verified
REPLACED = "replaced"  # the store's copy is corrupt and stays; a verified one stands beside it
WAITING = "waiting"  # queued to be sent again
UNREPAIRED = "unrepaired"  # sending it again did not help
LOST = "lost"  # no local copy is left
FOUND = {ABSENT: "missing", DAMAGED: "rotten", CONFLICT: "other content"}
SHOWN = 20


@dataclasses.dataclass(frozen=True)
class Missed:
    """One object that the store should keep and does not: what was found, and what became of it.

    :param answer: :class:`CentralSyncLib.Stores.CentralStore.Answer`
    """

    item: object
    name: str
    answer: object
    state: str
    reason: str

    def asDict(self):
        return {
            "sha256": self.item.sha256,
            "sop_instance_uid": self.item.sopInstanceUid,
            "name": self.name,
            "found": FOUND[self.answer.outcome],
            "state": self.state,
            "reason": self.reason,
        }


@dataclasses.dataclass(frozen=True)
class ScrubReport:
    """The outcome of one scrub.

    :param registered: how many objects the store should keep, ``checked`` how many it answered for, ``whole`` how many
        of these were equal
    :param resumedFrom: when the interrupted scrub began that this one went on with, or ""
    :param unreached: why the store could not be asked on, or ""
    :param gone: UIDs of studies (IDs of cases) of which nothing was left; ``recycled`` of those that the store threw
        away while it was repaired; ``listsGone`` IDs of cases without a list
    :param nextDue: UTC as ISO text, or ""
    """

    store: str
    started: str
    seconds: float
    resumedFrom: str
    registered: int
    checked: int
    whole: int
    unfit: tuple
    bytesRead: int
    unreached: str
    missed: tuple
    gone: tuple
    recycled: tuple
    rolledBack: bool
    listsGone: tuple
    nextDue: str

    def count(self, state):
        """Return how many of what was wrong are in a state."""
        return sum(one.state == state for one in self.missed)

    @property
    def findings(self):
        """What has to be said, the worst first."""
        bad = [*self._lost(), *self._unrepaired(), *self._recycled(), *self._lists()]
        return [*bad, *self._unreached(), *self._waiting(), *self._corrupt(), *self._missing(), *self._unfit()]

    @property
    def exitCode(self):
        """0 all well, or repaired and verified; 5 the store cannot be asked or something waits; 6 something is lost."""
        if self.count(LOST) or self.count(UNREPAIRED) or self.listsGone or self.recycled:
            return VerificationFailed.exitCode
        return StoreFailed.exitCode if self.unreached or self.count(WAITING) else 0

    def asDict(self):
        """The report as ``planninghub scrub --json`` prints it; it names no patient."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "store": self.store,
            "started": self.started,
            "seconds": round(self.seconds, 3),
            "resumed_from": self.resumedFrom,
            "registered": self.registered,
            "checked": self.checked,
            "verified": self.whole + self.count(REPAIRED) + self.count(REPLACED),
            "repaired": self.count(REPAIRED),
            "replaced": self.count(REPLACED),
            "waiting": self.count(WAITING),
            "unrepaired": self.count(UNREPAIRED),
            "lost": self.count(LOST),
            "bytes_read": self.bytesRead,
            "items": [one.asDict() for one in self.missed],
            "studies_gone": list(self.gone),
            "studies_recycled": list(self.recycled),
            "next_due": self.nextDue,
            "findings": [finding.asDict() for finding in self.findings],
        }

    def text(self):
        """The report for a person."""
        values = self.asDict()
        lines = [
            f"Scrub of {self.store}",
            f"Started {self.started}, {self.seconds:.1f} s"
            + (f", going on with the one of {self.resumedFrom}" if self.resumedFrom else ""),
            f"Checked {self.checked} of {self.registered} objects, {self.bytesRead / 1e6:.1f} MB read back: "
            f"{self.whole} as they were sent",
            f"Repaired {values['repaired']}, replaced {values['replaced']}, waiting {values['waiting']}, "
            f"unrepaired {values['unrepaired']}, LOST {values['lost']}",
            f"Next due: {self.nextDue or 'nothing is registered for this store'}",
        ]
        lines += [f"{one.severity} {one.code}: {one.message} {one.action}".rstrip() for one in self.findings]
        lines += [f"  {FOUND[one.answer.outcome]}, {one.state}: {one.name} {one.reason}" for one in self.missed[:SHOWN]]
        if len(self.missed) > SHOWN:
            lines.append(f"  and {len(self.missed) - SHOWN} more")
        return "\n".join(lines)

    def write(self, path):
        """Write the report: JSON where the name ends in .json, else text.

        :raises InputRefused: ``cannot-write``, ``disk-full``
        """
        text = json.dumps(self.asDict(), indent=1) if str(path).lower().endswith(".json") else self.text() + "\n"
        Files.writeAside(path, text.encode())

    def _named(self, *states):
        return [one for one in self.missed if one.state in states]

    def _lost(self):
        lost = self._named(LOST)
        if lost:
            yield Finding(
                "no-local-copy",
                "reject",
                f"LOST: {_objects(lost)} gone from the store, and nothing here to send again.",
                "Look for the case on other workstations and in backups; have the store's own backup looked at. To "
                "accept the loss, withdraw the entries from the queue. A case's record is made anew by the next sync.",
                tuple(one.name for one in lost),
            )

    def _unrepaired(self):
        unrepaired = self._named(UNREPAIRED)
        if unrepaired:
            yield Finding(
                "not-repaired",
                "reject",
                f"{_objects(unrepaired)} wrong in the store, and sending again did not help. "
                f"{unrepaired[0].name}: {unrepaired[0].reason}",
                "Look at the queue; call who runs the store.",
                tuple(one.name for one in unrepaired),
            )

    def _recycled(self):
        if self.recycled:
            yield Finding(
                "store-recycles",
                "reject",
                f"While it was repaired, the store threw away others ({_count(self.recycled, 'study', 'studies')}): "
                "its quota makes room by deleting the oldest patients.",
                "Have the quota switched off and space added, then scrub again. Keep the cases until then.",
                self.recycled,
            )

    def _lists(self):
        if self.listsGone:
            yield Finding(
                "store-list-missing",
                "reject",
                f"The store has no readable list of files of {_count(self.listsGone, 'case', 'cases')}.",
                "Sync again what is named here: without the list it cannot be restored.",
                self.listsGone,
            )

    def _unreached(self):
        if self.unreached:
            yield Finding(
                "scrub-unfinished", "reject", f"The store could not be asked on: {self.unreached}", "Scrub again later."
            )

    def _unfit(self):
        if self.unfit:
            yield Finding(
                "not-looked-for",
                "warn",
                f"{_objects(self.unfit)} of a receipt could not be looked for: nothing here says of which study.",
                "Scrub on the workstation that sent them.",
                self.unfit,
            )

    def _waiting(self):
        waiting = self._named(WAITING)
        if waiting:
            yield Finding(
                "scrub-waiting",
                "reject",
                f"{_objects(waiting)} not in the store, waiting in the queue. {waiting[0].reason}".strip(),
                "Run the queue again.",
                tuple(one.name for one in waiting),
            )

    def _corrupt(self):
        corrupt = [one for one in self.missed if one.answer.outcome in (CONFLICT, DAMAGED)]
        if corrupt:
            yield Finding(
                "store-copy-corrupt",
                "warn",
                f"{_objects(corrupt)} in the store no longer what had been verified.",
                "Have the store's disks checked.",
                tuple(one.name for one in corrupt),
            )

    def _missing(self):
        absent = [one for one in self.missed if one.answer.outcome == ABSENT]
        if absent:
            yield Finding(
                "store-object-missing",
                "warn",
                f"{_objects(absent)} that had been verified, no longer in the store.",
                "Ask who runs the store what happened.",
                tuple(one.name for one in absent),
            )
        if self.gone:
            yield Finding(
                "store-study-gone",
                "warn",
                f"The store had nothing left of {_count(self.gone, 'study or case', 'studies or cases')}: deleted, "
                "or recycled by a quota.",
                "Have the store's quota switched off, and look who may delete.",
                self.gone,
            )
        if self.rolledBack:
            yield Finding(
                "store-rolled-back",
                "warn",
                "All that was missing had been sent after all that is there: an older copy of the store seems to have "
                "been put back.",
                "Scrub on every workstation that sends to this store.",
            )


def _count(found, one, several):
    return f"{len(found)} {one if len(found) == 1 else several}"


def _objects(found):
    return _count(found, "object", "objects")
