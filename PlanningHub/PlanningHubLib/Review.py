"""Comments pinned to points of an artefact, and rounds of review."""

import math

from .Errors import GateRefused, UsageError
from .Locking import currentUser, utcNow

VERDICTS = ("accepted", "changes")
REVIEWED_KINDS = ("source", "segmentation", "plan", "part")


def reviewable(case):
    """Return what can be reviewed and commented on: the newest artefact of each kind, those that are stale left out."""
    newest = filter(None, map(case.latest, REVIEWED_KINDS))
    return [one for one in newest if not case.graph.isStale(one)]


def comment(case, text, pointRasMm=None, artefact=None, user=None):
    """Add a comment, pinned to a point of an artefact as it is now where they are given; return it.

    :param case: open for writing
    :param pointRasMm: three finite numbers, mm, RAS
    :raises UsageError: ``empty-comment``, ``bad-point``
    """
    if not text.strip():
        raise UsageError("empty-comment", "The comment is empty.", "Say something.")
    if pointRasMm is not None:
        pointRasMm = [float(value) for value in pointRasMm]
        if len(pointRasMm) != 3 or not all(map(math.isfinite, pointRasMm)) or artefact is None:
            raise UsageError("bad-point", "A point is three numbers in mm, on an artefact.", "Give R, A and S.")
    governance = case.governance
    made = {
        "id": f"comment-{len(governance['comments']) + 1}",
        "who": user or currentUser(),
        "when": utcNow(),
        "text": text.strip(),
        "pointRasMm": pointRasMm,
        "artefact": {"id": artefact.id, "content": artefact.content} if artefact else None,
        "resolved": None,
    }
    governance["comments"].append(made)
    case.changeGovernance(governance, "commented", {"comment": made["id"], "artefact": made["artefact"]}, user)
    return made


def resolve(case, commentId, user=None):
    """Mark a comment as resolved.

    :raises UsageError: ``no-such-comment``
    """
    governance = case.governance
    found = next((one for one in governance["comments"] if one["id"] == commentId and not one["resolved"]), None)
    if found is None:
        raise UsageError("no-such-comment", f"There is no open comment {commentId}.", "")
    found["resolved"] = {"who": user or currentUser(), "when": utcNow()}
    case.changeGovernance(governance, "comment-resolved", {"comment": commentId}, user)


def isOutdated(case, made):
    """Tell whether what a comment is pinned to has another content by now: the point may lie elsewhere."""
    link = made["artefact"]
    current = case.graph.current(link["id"]) if link else None
    return link is not None and (current is None or current.content != link["content"])


def openReview(case, artefacts, reviewers, user=None):
    """Open a round of review of artefacts as they are now; return it.

    :raises UsageError: ``no-reviewers``
    :raises GateRefused: ``review-open`` where the last round is not closed
    """
    governance = case.governance
    if not reviewers or not artefacts:
        raise UsageError("no-reviewers", "A review needs reviewers and something to review.", "Name them.")
    if governance["reviews"] and governance["reviews"][-1]["closed"] is None:
        raise GateRefused("review-open", "The last round of review is still open.", "Close it first.")
    made = {
        "number": len(governance["reviews"]) + 1,
        "artefacts": [{"id": one.id, "content": one.content} for one in artefacts],
        "reviewers": list(reviewers),
        "openedBy": user or currentUser(),
        "opened": utcNow(),
        "closed": None,
    }
    governance["reviews"].append(made)
    case.changeGovernance(governance, "review-opened", {"round": made["number"], "artefacts": made["artefacts"]}, user)
    return made


def giveVerdict(case, reviewer, verdict, note="", user=None):
    """Record what a reviewer says in the open round; an earlier verdict of the same reviewer is superseded, and stays.

    :raises UsageError: ``unknown-verdict``
    :raises GateRefused: ``no-review``, ``not-a-reviewer``
    """
    governance = case.governance
    review = _openRound(governance, verdict)
    if reviewer not in review["reviewers"]:
        names = ", ".join(review["reviewers"])
        raise GateRefused("not-a-reviewer", f"{reviewer or 'Nobody'} is not asked in this round.", f"It asks {names}.")
    given = {"reviewer": reviewer, "verdict": verdict, "note": note, "who": user or currentUser(), "when": utcNow()}
    review.setdefault("verdicts", []).append(given)
    what = {"round": review["number"], "reviewer": reviewer, "verdict": verdict}
    case.changeGovernance(governance, "review-verdict", what, user)


def verdicts(review):
    """Return reviewer -> the last verdict given in a round, None where there is none yet."""
    last = {one["reviewer"]: one for one in review.get("verdicts", ())}
    return {reviewer: last.get(reviewer) for reviewer in review["reviewers"]}


def _openRound(governance, verdict):
    if verdict not in VERDICTS:
        raise UsageError("unknown-verdict", f"{verdict!r} is no verdict.", f"Use one of {', '.join(VERDICTS)}.")
    if not governance["reviews"] or governance["reviews"][-1]["closed"]:
        raise GateRefused("no-review", "No round of review is open.", "Open one first.")
    return governance["reviews"][-1]


def closeReview(case, verdict, note="", user=None):
    """Close the open round with a verdict. A verdict is no approval: that is signed.

    :raises UsageError: ``unknown-verdict``
    :raises GateRefused: ``no-review``; ``comments-open``, ``review-outdated``, ``reviewer-disagrees`` for accepting
        what has open comments, has changed, or is not accepted by a reviewer who gave a verdict
    """
    governance = case.governance
    review = _openRound(governance, verdict)
    if verdict == "accepted":
        _requireAcceptable(case, governance, review)
    review["closed"] = {"who": user or currentUser(), "when": utcNow(), "verdict": verdict, "note": note}
    case.changeGovernance(governance, "review-closed", {"round": review["number"], "verdict": verdict}, user)


def _requireAcceptable(case, governance, review):
    opened = [one["id"] for one in governance["comments"] if not one["resolved"]]
    if opened:
        raise GateRefused("comments-open", f"Comments are open: {', '.join(opened)}.", "Resolve them first.")
    for link in review["artefacts"]:
        current = case.graph.current(link["id"])
        if current is None or current.content != link["content"]:
            raise GateRefused("review-outdated", f"{link['id']} has changed since the review began.", "Review anew.")
    against = [name for name, given in verdicts(review).items() if given and given["verdict"] != "accepted"]
    if against:
        names = ", ".join(against)
        raise GateRefused("reviewer-disagrees", f"Changes were asked for by {names}.", "Ask again, or close it so.")
