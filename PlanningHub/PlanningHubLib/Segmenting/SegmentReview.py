"""The review of single segments, and the gate for what a program or somebody else made.

A verdict is about the voxels that the reviewer saw: when they change, it no longer counts.
"""

from ..Errors import GateRefused, UsageError
from ..Locking import currentUser, utcNow
from ..Review import VERDICTS


def reviewSegments(case, names, verdict, comment="", user=None):
    """Record what a person says of segments of the case's current segmentation; earlier verdicts stay in the record.

    :param case: open for writing
    :param names: structures; None for all
    :param verdict: ``accepted`` or ``changes``
    :returns: the names
    :raises UsageError: ``unknown-verdict``, ``no-such-structure``, ``no-comment`` for changes without saying which
    :raises GateRefused: ``no-segmentation``, ``stale-segmentation``, ``damaged-segmentation``
    """
    if verdict not in VERDICTS:
        raise UsageError("unknown-verdict", f"{verdict!r} is no verdict.", f"Use one of {', '.join(VERDICTS)}.")
    if verdict == "changes" and not comment.strip():
        raise UsageError("no-comment", "What has to change is not said.", "Write a comment.")
    segmentation = case.require("segmentation")
    facts = structuresOf(segmentation)
    names = list(facts) if names is None else list(names)
    for name in names:
        if name not in facts:
            known = ", ".join(facts) or "none that can be reviewed; segment again"
            raise UsageError("no-such-structure", f"The segmentation has no {name}.", f"It has: {known}.")
    governance = case.governance
    for name in names:
        governance["segmentReviews"].append({
            "artefact": {"id": segmentation.id, "content": segmentation.content}, "segment": name,
            "voxelsSha256": facts[name]["voxelsSha256"], "verdict": verdict, "comment": comment.strip(),
            "who": user or currentUser(), "when": utcNow(),
        })  # fmt: skip
    what = {"artefact": segmentation.id, "content": segmentation.content, "segments": names, "verdict": verdict}
    case.changeGovernance(governance, "segments-reviewed", what, user)
    return names


def structuresOf(segmentation):
    """Return structure → facts of a segmentation artefact; empty for one of an older suite, and for other kinds."""
    return segmentation.facts.get("structures", {}) if segmentation and segmentation.kind == "segmentation" else {}


def lastVerdict(case, segmentation, name):
    """Return the last review of a segment as its voxels are now, or None."""
    voxels = structuresOf(segmentation)[name]["voxelsSha256"]
    reviews = case.governance["segmentReviews"]
    return next((one for one in reversed(reviews) if one["segment"] == name and one["voxelsSha256"] == voxels), None)


def reviewFaults(case, segmentation):
    """Return in words why a segmentation does not count yet; empty when it does."""
    faults = []
    for name, facts in structuresOf(segmentation).items():
        given = lastVerdict(case, segmentation, name)
        if given and given["verdict"] == "changes":
            faults.append(f"{given['who']} asked for changes to {name}: {given['comment']}")
        elif given is None and facts["needsReview"]:
            faults.append(f"nobody has reviewed {name}, which was made elsewhere or by a program that may be wrong")
    return faults


def requireReviewed(case, segmentation):
    """Refuse a segmentation with segments that need a review and have none, or of which changes are asked for.

    :raises GateRefused: ``not-reviewed``
    """
    faults = reviewFaults(case, segmentation)
    if faults:
        raise GateRefused(
            "not-reviewed",
            f"The segmentation does not count yet: {'; '.join(faults)}.",
            "Look at each segment, and review it.",
        )
