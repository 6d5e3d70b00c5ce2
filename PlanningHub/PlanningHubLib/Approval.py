"""The approvals of a case: who signed for which contents, whether that still holds, locking and reopening.

An approval is a statement with the hash of every file it covers, signed with the user's own key
(:mod:`PlanningHubLib.Signing`). It is judged anew every time it is used.
"""

from . import Signing
from .Errors import GateRefused, UsageError
from .IntendedUse import requireTreatment
from .Locking import utcNow
from .PartsTogether import partsTogether
from .Segmenting.SegmentReview import requireReviewed
from .Site import Site

KINDS = ("segmentation", "plan", "part")
APPROVES, VOIDS = "approves", "voids"


def approve(case, key, kind=None, role=None, site=None):
    """Sign for the newest artefact of a kind and everything it was made from; return the approval.

    A part is signed for together with the current parts of the same plan: a package holds them all.

    :param case: open for writing
    :param key: :class:`PlanningHubLib.Signing.UserKey` of the one who approves
    :param kind: one of ``KINDS``; by default the part, or the plan where there is no part
    :raises GateRefused: ``no-``, ``stale-``, ``damaged-<kind>``, ``not-a-user``, ``key-differs``, ``role-missing``,
        ``already-approved``, ``not-reviewed``, ``not-for-treatment``
    """
    requireTreatment(case)
    site = site or Site.forThisInstallation()
    kind = kind or ("part" if case.latest("part") else "plan")
    if kind not in KINDS:
        raise UsageError("unknown-kind", f"A {kind} is not approved.", f"Choose one of {', '.join(KINDS)}.")
    target = case.require(kind)
    covered = _covered(case, target)
    for one in covered:
        case.requireCurrent(one)
        requireReviewed(case, one)
    role = site.requireApprover(key, kind, case.procedure, role)
    governance = case.governance
    _requireNew(case, governance, key, target)
    statement = {
        "statement": APPROVES,
        "id": f"approval-{len(governance['approvals']) + 1}",
        "case": _caseValues(case),
        "target": target.id,
        "artefacts": [artefactValues(one) for one in sorted(covered, key=lambda one: one.id)],
        "user": key.user,
        "role": role,
        "neededSignatures": site.rule(kind, case.procedure)["signatures"],
        "when": utcNow(),
    }
    approval = {"id": statement["id"], **key.sign(statement), "voided": None}
    governance["approvals"].append(approval)
    what = {"approval": approval["id"], "user": key.user, "role": role, "key": key.fingerprint,
            "content": {one["id"]: one["content"] for one in statement["artefacts"]}}  # fmt: skip
    case.changeGovernance(governance, "approved", what)
    return approval


def _covered(case, target):
    together = partsTogether(case)[0] if target.kind == "part" else [target]
    covered = {one.id: one for part in together for one in (part, *case.graph.above(part))}
    return list(covered.values())


def _caseValues(case):
    return {"id": case.caseId, "code": case.name, "side": case.side, "procedure": case.procedure}


def artefactValues(artefact):
    """Return what a statement says of an artefact: its content, and the hash of every file."""
    return {
        "id": artefact.id,
        "kind": artefact.kind,
        "revision": artefact.revision,
        "content": artefact.content,
        "files": {name: record.sha256 for name, record in artefact.files.items()},
    }


def _requireNew(case, governance, key, target):
    for approval in standing(governance):
        statement = approval["statement"]
        if target.id == statement["target"] and not _contentFaults(case, statement, case.state):
            if key.user == statement["user"] or key.fingerprint == approval["fingerprint"]:
                raise GateRefused(
                    "already-approved",
                    f"{statement['user']} has signed for {target.title} ({target.id}) already.",
                    "Where two must sign, another person signs, with another key.",
                )


def standing(governance):
    """Return the approvals that were not voided."""
    return [one for one in governance["approvals"] if one["voided"] is None]


def faults(case, approval, site, stateOf=None):
    """Return in words why an approval does not hold now; empty when it does.

    :param stateOf: artefact -> its state, for a caller who has just read the files; else they are hashed anew
    """
    if approval["voided"] is not None:
        statement = approval["voided"]["statement"]
        return [f"reopened by {statement.get('user')}: {statement.get('reason')}"]
    if not Signing.isTrue(approval):
        return ["its signature is false"]
    statement = approval["statement"]
    found = site.faultsOf(approval, case.procedure)
    if statement.get("statement") != APPROVES or statement.get("case") != _caseValues(case):
        found.append("it is for another case, side or procedure")
    return found + _contentFaults(case, statement, stateOf or case.state)


def _contentFaults(case, statement, stateOf):
    found = []
    for values in statement["artefacts"]:
        artefact = case.graph.current(values["id"])
        if artefact is None or artefactValues(artefact) != values or stateOf(artefact) != "current":
            found.append(f"{values['id']} is not what was approved")
    return found


def holding(case, artefacts, site=None):
    """Return the approvals that hold and together allow these artefacts to be called approved; empty if they do not.

    Each must cover every one of the artefacts, and as many different users with different keys must have signed as the
    site's rule asks for.

    :param artefacts: what a package is made from
    """
    # Without any approval nothing is read: no site, no keys.
    candidates = standing(case.governance)
    if not candidates:
        return []
    site = site or Site.forThisInstallation()
    wanted = {(one.id, one.content) for one in artefacts}
    held = []
    for approval in candidates:
        covered = {(one["id"], one["content"]) for one in approval["statement"]["artefacts"]}
        if wanted <= covered and not faults(case, approval, site):
            held.append(approval)
    # What the site asks for now, and what it asked for when they signed, whichever is more.
    rules = [site.rule(_kindOf(one), case.procedure)["signatures"] for one in held]
    needed = max([1, *rules, *(one["statement"]["neededSignatures"] for one in held)])
    return held if signers(held) >= needed else []


def _kindOf(approval):
    statement = approval["statement"]
    return next(one["kind"] for one in statement["artefacts"] if one["id"] == statement["target"])


def signers(approvals):
    """Return how many different people signed: as many as there are both different names and different keys."""
    return min(len({one["statement"]["user"] for one in approvals}), len({one["fingerprint"] for one in approvals}))


def requireHolding(case, artefacts, site=None):
    """Return :func:`holding`, or refuse and say why.

    :raises GateRefused: ``not-approved``
    """
    site = site or Site.forThisInstallation()
    held = holding(case, artefacts, site)
    if not held:
        reasons = [f"{one['id']}: {fault}" for one in case.governance["approvals"] for fault in faults(case, one, site)]
        why = "; ".join(reasons[-4:]) or "not enough people have signed for what it is made from"
        raise GateRefused("not-approved", f"Case {case.name} is not approved: {why}.", "Have it approved first.")
    return held


def requireUnlocked(case, artefactId):
    """
    :raises GateRefused: ``approved-locked`` where a standing approval covers the artefact
    """
    for approval in standing(case.governance):
        covers = [one["id"] for one in approval["statement"]["artefacts"]]
        if artefactId in covers:
            statement = approval["statement"]
            raise GateRefused(
                "approved-locked",
                f"{artefactId} was approved by {statement['user']} on {statement['when']} and is locked.",
                "To change it, reopen the approval (page Approval, or command approve).",
            )


def reopen(case, key, reason, site=None):
    """Void every standing approval of the case, signed by someone who may approve; what rests on it becomes stale.

    :returns: the ids of the approvals that were voided
    :raises UsageError: ``no-reason``
    :raises GateRefused: ``nothing-approved``, ``not-a-user``, ``key-differs``, ``role-missing``
    """
    if not reason.strip():
        raise UsageError("no-reason", "Reopening needs a reason.", "Say why what was approved must change.")
    site = site or Site.forThisInstallation()
    governance = case.governance
    approvals = standing(governance)
    if not approvals:
        raise GateRefused("nothing-approved", "No approval stands that could be reopened.", "")
    for approval in approvals:
        role = site.requireApprover(key, _kindOf(approval), case.procedure)
        statement = {"statement": VOIDS, "id": approval["id"], "case": _caseValues(case), "user": key.user,
                     "role": role, "reason": reason.strip(), "when": utcNow()}  # fmt: skip
        approval["voided"] = key.sign(statement)
    ids = [one["id"] for one in approvals]
    case.changeGovernance(governance, "reopened", {"approvals": ids, "user": key.user, "reason": reason.strip()})
    return ids


def restsOnVoid(case, artefact):
    """Tell whether an artefact, or one it was made from, was made as approved under an approval that was voided."""
    voided = {one["id"] for one in case.governance["approvals"] if one["voided"] is not None}
    chain = [artefact, *case.graph.above(artefact)] if voided else []
    return any(voided.intersection(one.facts.get("approvals", ())) for one in chain)


def approvalLines(case, site=None):
    """Return each approval as ``status`` shows it: id, target, user, role, when, fingerprint, holds, why not."""
    lines = []
    for approval in case.governance["approvals"]:
        site = site or Site.forThisInstallation()
        statement, why = approval["statement"], faults(case, approval, site)
        lines.append({
            "id": approval["id"], "target": statement["target"], "user": statement["user"], "role": statement["role"],
            "when": statement["when"], "fingerprint": approval["fingerprint"], "holds": not why, "faults": why,
        })  # fmt: skip
    return lines
