"""What a part has to prove before it is written: its accuracy, its walls, and that it can be cleaned."""

from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Progress import part as share

from . import Accuracy
from .Channels import measuredChannels
from .WallThickness import measuredWalls


def provePart(work, tolerance=None, progress=noProgress):
    """Measure a finished part; its facts ``accuracy``, ``walls`` and ``channels`` and its findings go to the work.

    :param work: :class:`PrintPrepLib.PartWork.PartWork` with its pieces; its budget is completed
    :param tolerance: :class:`PrintPrepLib.Tolerance.Tolerance` or None
    :returns: :class:`PrintPrepLib.Accuracy.Proof`, for the map
    :raises GateRefused: ``out-of-tolerance``
    """
    proof = Accuracy.prove(work, tolerance, share(progress, 0.0, 0.6))
    proof.require()
    profile = work.profile
    limits = (profile.minimumWallMm, profile.minimumFeatureMm) if profile else (None, None)
    walls, ofWalls = measuredWalls(proof.mesh, *limits, share(progress, 0.6, 0.8))
    channels, ofChannels = measuredChannels(work.pieces, share(progress, 0.8, 1.0))
    work.facts.update(accuracy=proof.facts, walls=walls, channels=channels)
    work.findings += [*proof.findings, *ofWalls, *ofChannels]
    return proof
