"""The bone that a guide or implant fits, as the plan's step names it, to tell which of its faces look at that bone."""

import dataclasses

import numpy

from PlanningHubLib import Segments
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Solids import signedDistancesMm
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Shapes.Mesh import Mesh


@dataclasses.dataclass(frozen=True, eq=False)
class MaskBone:
    """Bone as voxels: array (slices, rows, columns), and its 4×4 to LPS mm."""

    mask: numpy.ndarray
    ijkToLps: numpy.ndarray

    @property
    def middleLps(self):
        """The middle of its voxels."""
        middle = numpy.argwhere(self.mask[::4, ::4, ::4]).mean(0) * 4
        return self.ijkToLps[:3, :3] @ middle[::-1] + self.ijkToLps[:3, 3]

    def contains(self, points):
        """Tell of points (n, 3) LPS mm which lie in it."""
        toIjk = numpy.linalg.inv(self.ijkToLps)
        index = numpy.rint(points @ toIjk[:3, :3].T + toIjk[:3, 3]).astype(int)[:, ::-1]
        found = ((index >= 0) & (index < self.mask.shape)).all(1)
        found[found] = self.mask[tuple(index[found].T)] > 0
        return found


@dataclasses.dataclass(frozen=True, eq=False)
class SolidBone:
    """Bone as a solid of the plan, such as one that was cut; its mesh in LPS mm."""

    mesh: Mesh

    @property
    def middleLps(self):
        """The middle of its surface's points."""
        return self.mesh.points.mean(0).astype(float)

    def contains(self, points):
        """Tell of points (n, 3) LPS mm which lie in it."""
        return signedDistancesMm(self.mesh, points) < 0


def bonesOf(case, session, artefact):
    """Return the bones that a part's bed was made on; empty where no step of its plan names any.

    :param artefact: the part, whose plan is current
    """
    plan = next((one for one in case.graph.above(artefact) if one.kind == "plan"), None)
    if plan is None:
        return []
    document, results = Plan.readPlan(case, plan)
    names = boneNames(document, results, artefact.facts["object"]["name"])
    solids = [name for name in names if name in plan.facts["solids"]]
    masks = [name for name in names if name not in solids]
    found = [SolidBone(Plan.readSolid(case, session, plan, name).mesh.rasLpsSwapped()) for name in solids]
    return [*found, *(_segments(case, session, masks) if masks else [])]


def boneNames(document, results, name):
    """Return the names of the bones that the step of an object was carried out on.

    Where that step names none, such as one that joins solids, those of the steps that its objects come from.

    :param document: of the plan, and its ``results``, as :func:`PlanningHubLib.Planning.Plan.readPlan` returns them
    """
    makers = {thing: step["name"] for step in results["steps"] for thing in step["objects"]}
    steps = {step["name"]: step for step in document["steps"]}
    found, asked, seen = [], [name], set()
    while asked:
        maker = makers.get(asked.pop())
        if maker is None or maker in seen:
            continue
        seen.add(maker)
        if steps[maker].get("bone"):
            found.append(steps[maker]["bone"])
        else:
            asked += [one for one in _texts(steps[maker]) if one in makers]
    return sorted(set(found))


def _texts(step):
    """Return all texts that a step's parameters hold, alone or in lists."""
    values = [value if isinstance(value, list) else [value] for value in step.values()]
    return [one for value in values for one in value if isinstance(one, str)]


def _segments(case, session, names):
    node = loadSegmentation(case, session, case.require("segmentation"))
    try:
        segmentation = node.GetSegmentation()
        return [_segment(node, segmentation.GetSegmentIdBySegmentName(name)) for name in names]
    finally:
        removeNodes(session.scene, node)


def _segment(node, segmentId):
    mask, matrix = Segments.segmentMask(node, segmentId)
    toRas = numpy.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])
    return MaskBone(mask, numpy.diag([-1.0, -1.0, 1.0, 1.0]) @ toRas)
