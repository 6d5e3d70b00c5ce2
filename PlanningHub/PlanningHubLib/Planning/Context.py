"""What a step of a plan works on: the objects made so far, the case's segments, and the grid of its scan."""

import dataclasses

import numpy
import slicer

from .. import Segments
from ..Errors import InputRefused
from ..Segmentation import loadSegmentation
from ..Segmenting.SegmentReview import requireReviewed
from ..Shapes import Surface
from ..Volumes import readGeometry
from .Objects import Curve, Line, Placement, Plane, Points, Solid

KIND_OF_CLASS = {
    Solid: "solid", Plane: "plane", Line: "line", Points: "points", Curve: "curve", Placement: "placement",
}  # fmt: skip


@dataclasses.dataclass(frozen=True, eq=False)
class VoxelMask:
    """A segment's voxels: array (slices, rows, columns) of 0 and 1, and 4×4 from (column, row, slice) to RAS mm."""

    mask: numpy.ndarray
    ijkToRas: numpy.ndarray

    @property
    def spacingMm(self):
        """The size of a voxel along column, row and slice."""
        return numpy.linalg.norm(self.ijkToRas[:3, :3], axis=0)


class Context:
    """The objects of a plan while its steps are carried out.

    A name means an object of the plan, or else a segment of the case's segmentation, whose closed surface is made when
    it is first asked for.

    :param shape: (slices, rows, columns) of the scan
    :param ijkToRas: 4×4 of the scan, (column, row, slice) to RAS mm
    :param segmentationNode: vtkMRMLSegmentationNode of the case
    :param procedure: :class:`PlanningHubLib.Procedures.Procedure`, for its risk structures and landmarks; or None
    :param madeFrom: content of the case's segmentation
    """

    def __init__(self, shape, ijkToRas, segmentationNode=None, side=None, procedure=None, madeFrom=None):
        self.shape = tuple(shape)
        self.ijkToRas = numpy.asarray(ijkToRas, float)
        self.side = side
        self.procedure = procedure
        self.madeFrom = madeFrom
        self.objects = {}
        self._segmentationNode = segmentationNode
        self._surfaces = {}

    @classmethod
    def ofCase(cls, case, session, procedure=None):
        """Return the context of a case's current source and segmentation; its node goes with :meth:`close`.

        :raises GateRefused: ``no-…``, ``stale-…``, ``damaged-…`` for source and segmentation; ``not-reviewed``
        """
        source, segmentation = case.require("source"), case.require("segmentation")
        requireReviewed(case, segmentation)
        geometry = readGeometry(case, source)
        node = loadSegmentation(case, session, segmentation)
        return cls(geometry.shape, geometry.ijkToRas, node, case.side, procedure, segmentation.content)

    @property
    def segmentNames(self):
        """The names of the case's segments, in their order."""
        if self._segmentationNode is None:
            return []
        segmentation = self._segmentationNode.GetSegmentation()
        return [segmentation.GetNthSegment(index).GetName() for index in range(segmentation.GetNumberOfSegments())]

    def add(self, thing):
        """Take in what a step made.

        :raises InputRefused: ``name-taken``
        """
        if thing.name in self.objects or thing.name in self.segmentNames:
            raise InputRefused("name-taken", f"There is a {thing.name} already.", "Choose another name for the step.")
        self.objects[thing.name] = thing

    def get(self, name, *classes):
        """Return the object of a name, of one of the classes of :mod:`PlanningHubLib.Planning.Objects`.

        :raises InputRefused: ``no-such-object``, ``other-kind-of-object``, ``empty-segment``, ...
        """
        thing = self.objects.get(name)
        if thing is None and name in self.segmentNames:
            thing = self._segmentSurface(name)
        if thing is None:
            known = ", ".join([*self.segmentNames, *self.objects]) or "nothing yet"
            raise InputRefused("no-such-object", f"The plan has no {name}.", f"It has: {known}.")
        if classes and not isinstance(thing, classes):
            wanted = " or ".join(KIND_OF_CLASS[one] for one in classes)
            raise InputRefused("other-kind-of-object", f"{name} is no {wanted}.", "Choose another object.")
        return thing

    def solid(self, name):
        """Return the :class:`Solid` of a name."""
        return self.get(name, Solid)

    def plane(self, name):
        """Return the :class:`Plane` of a name."""
        return self.get(name, Plane)

    def mask(self, name):
        """Return the :class:`VoxelMask` of a segment, on the whole grid of the scan.

        :raises InputRefused: ``no-such-object``, ``empty-segment``, ``other-grid``
        """
        segmentId = self._segmentId(name)
        matrix = slicer.util.vtkMatrixFromArray(self.ijkToRas)
        return VoxelMask(Segments.maskOnGrid(self._segmentationNode, segmentId, matrix, self.shape), self.ijkToRas)

    def isInsideScan(self, points):
        """Tell for points (n, 3) RAS mm whether each lies in the scanned volume; its border voxels count whole."""
        homogeneous = numpy.c_[numpy.asarray(points, float).reshape(-1, 3), numpy.ones(len(points))]
        indices = (numpy.linalg.inv(self.ijkToRas) @ homogeneous.T).T[:, :3]
        sizes = numpy.array(self.shape[::-1])
        return ((indices >= -0.5) & (indices <= sizes - 0.5)).all(1)

    def _segmentId(self, name):
        if name not in self.segmentNames:
            known = ", ".join(self.segmentNames) or "none"
            raise InputRefused("no-such-object", f"The segmentation has no {name}.", f"Its segments: {known}.")
        segmentation = self._segmentationNode.GetSegmentation()
        return segmentation.GetNthSegmentID(self.segmentNames.index(name))

    def _segmentSurface(self, name):
        if name not in self._surfaces:
            segmentId = self._segmentId(name)
            mesh = Surface.segmentSurface(self._segmentationNode, segmentId).mesh
            color = self._segmentationNode.GetSegmentation().GetSegment(segmentId).GetColor()
            self._surfaces[name] = Solid(name, mesh, color=tuple(color))
        return self._surfaces[name]

    def close(self, scene):
        """Take the segmentation's node out of a scene."""
        from ..Nodes import removeNodes

        removeNodes(scene, self._segmentationNode)
        self._segmentationNode = None
