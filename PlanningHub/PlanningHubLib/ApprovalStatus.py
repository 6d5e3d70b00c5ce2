"""How far the approval of a case is: what it would cover, who signed, how many must still sign, what is locked."""

import dataclasses

from . import Approval
from .Errors import GateRefused
from .Site import Site

OPEN, PENDING, APPROVED, INVALID = "open", "pending", "approved", "invalid"


@dataclasses.dataclass(frozen=True)
class ApprovalStatus:
    """What :func:`approvalStatus` finds.

    :param kind: what is approved: the part, or the plan where there is none
    :param covered: (artefact, state) of the newest of that kind and everything it was made from
    :param lines: one dictionary per approval, voided ones too: id, user, role, when, fingerprint, faults, voided
    :param signatures: how many different people have signed for it as it is now
    :param needed: how many must
    :param word: ``open``; ``pending`` (signed and locked, more must sign); ``approved``; ``invalid`` (locked by an
        approval that does not hold)
    """

    kind: str
    covered: tuple
    lines: tuple
    signatures: int
    needed: int
    word: str

    @property
    def locked(self):
        return self.word != OPEN


def approvalStatus(case, site=None):
    """Return the :class:`ApprovalStatus` of a case; every covered file is read once.

    :raises InputRefused: ``bad-site-file``, ``cannot-read``
    :raises GateRefused: ``site-file-open-to-others``
    """
    site = site or Site.forThisInstallation()
    kind = "part" if case.latest("part") else "plan"
    target = case.latest(kind)
    artefacts = [target, *case.graph.above(target)] if target else []
    covered = list(zip(artefacts, case.states(artefacts), strict=True))
    states = {artefact.folderName: state for artefact, state in covered}

    def stateOf(artefact):
        return states[artefact.folderName] if artefact.folderName in states else case.state(artefact)

    lines, held = [], []
    for approval in case.governance["approvals"]:
        why = Approval.faults(case, approval, site, stateOf)
        lines.append(_line(approval, why))
        if not why and target is not None and approval["statement"]["target"] == target.id:
            held.append(approval)
    rule = site.rule(kind, case.procedure)["signatures"]
    needed = max([1, rule, *(one["statement"]["neededSignatures"] for one in held)])
    signatures = Approval.signers(held) if held else 0
    isLocked = bool(Approval.standing(case.governance))
    word = (APPROVED if signatures >= needed else PENDING if held else INVALID) if isLocked else OPEN
    return ApprovalStatus(kind, tuple(covered), tuple(lines), signatures, needed, word)


def _line(approval, why):
    statement = approval["statement"]
    words = {name: statement[name] for name in ("target", "user", "role", "when")}
    return {
        "id": approval["id"], **words, "fingerprint": approval["fingerprint"], "faults": why,
        "voided": approval["voided"] is not None,
    }  # fmt: skip


def requireApprovable(status):
    """Refuse where nothing can be approved now.

    :raises GateRefused: ``no-part``, ``stale-part``, ``damaged-part`` or the same of the plan
    """
    if not status.covered:
        raise GateRefused(f"no-{status.kind}", "There is no part or plan to approve yet.", "Make the part first.")
    bad = [f"{artefact.title} ({state})" for artefact, state in status.covered if state != "current"]
    if bad:
        word = "damaged" if any(state == "damaged" for _artefact, state in status.covered) else "stale"
        raise GateRefused(f"{word}-{status.kind}", f"Not as it was made: {', '.join(bad)}.", "Make it again first.")
