"""The artefacts that a package is made from, each checked and made from the other."""

import dataclasses

from PlanningHubLib.Errors import GateRefused
from PlanningHubLib.Modality import requireHu
from PlanningHubLib.PartsTogether import partsTogether, planOf
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Source, segmentation, plan (None where the parts were made from segments only), and one or more parts."""

    source: object
    segmentation: object
    plan: object
    parts: tuple

    @property
    def artefacts(self):
        return [one for one in (self.source, self.segmentation, self.plan, *self.parts) if one]


def requireInputs(case):
    """Return the :class:`Inputs` of a case.

    The parts are the one made last and the current ones that belong to the same plan, be it the newest variant or not.

    :raises GateRefused: ``no-…``, ``stale-…``, ``damaged-…``
    :raises InputRefused: ``not-hu``, where the case is planned on MR
    """
    source, segmentation = case.require("source"), case.require("segmentation")
    case.require("part")
    parts = tuple(case.requireCurrent(one) for one in partsTogether(case)[0])
    planId = planOf(case, parts[-1])
    plan = case.requireCurrent(case.graph.current(planId)) if planId else None
    inputs = Inputs(source, segmentation, plan, parts)
    requireHu(inputs.source)
    requireReviewed(case, inputs.segmentation)
    _requireChain(inputs)
    return inputs


def _requireChain(inputs):
    pairs = [(inputs.source, inputs.segmentation)]
    pairs += [(inputs.segmentation, inputs.plan)] if inputs.plan else []
    pairs += [(inputs.plan or inputs.segmentation, one) for one in inputs.parts]
    for parent, child in pairs:
        if parent.link not in child.parents:
            raise GateRefused(
                f"stale-{child.kind}",
                f"{child.title} ({child.id}) was not made from the current {parent.kind}.",
                f"Make the {child.kind} again.",
            )
