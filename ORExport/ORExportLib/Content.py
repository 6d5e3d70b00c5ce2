"""What a package is made of, read from the case once; in LPS mm, as everything that leaves."""

import dataclasses
import functools
from pathlib import Path

import numpy
import vtk

from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.IntendedUse import intendedUse
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Planning.Plan import readObjects, readPlan, readSolid
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Segments import BONE_COLOR
from PlanningHubLib.Shapes.Mesh import Mesh, welded
from PlanningHubLib.Shapes.Surface import segmentSurface
from PlanningHubLib.Volumes import loadSource, readGeometry, seriesPaths

from . import PlanFiles
from .Dicom.SegmentationObject import segmentsOnSource
from .Dicom.Source import readSource
from .Measurements import measurementsOf
from .Views import SEGMENT, defaultViews

SOLID, PIECE = "solid", "piece"
RAS_TO_LPS = numpy.diag([-1.0, -1.0, 1.0, 1.0])
# Site default, no source: what surrounds a plan is seen through.
SURROUNDINGS_OPACITY = 0.35


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """A surface in the package: a segment, a solid of the plan, or a piece of a part.

    :param origin: ``SEGMENT``, ``SOLID`` or ``PIECE``
    :param mesh: :class:`PlanningHubLib.Shapes.Mesh.Mesh` in LPS mm
    :param color: red, green, blue, 0..1; opacity 0..1
    :param codes: of a segment: category, type, modifier and region, each (value, scheme, meaning) or None
    :param stepName: the plan's step that made it
    :param matrixLps: 4×4, from where it was scanned to where the plan moved it; None where it was not moved
    :param part: of a piece: its artefact; ``number`` counts the pieces of one part from 1; ``path`` is its STL file
    """

    name: str
    origin: str
    mesh: Mesh
    color: tuple = BONE_COLOR
    opacity: float = 1.0
    role: str = "anatomy"
    mirrored: bool = False
    modified: bool = False
    moved: bool = False
    codes: tuple | None = None
    stepName: str | None = None
    matrixLps: numpy.ndarray | None = None
    part: object = None
    number: int = 1
    path: Path | None = None


class Content:
    """The case's content of a package. Use it as a context manager: it takes its nodes out of the scene again.

    :param inputs: :class:`ORExportLib.Inputs.Inputs`
    :param making: :class:`ORExportLib.Dicom.DerivedObject.Making`
    :param approvals: those that hold for the inputs
    :param findings: of the gate
    :param views: :class:`ORExportLib.Views.View` list; empty for those of the procedure and the side
    """

    def __init__(self, case, session, inputs, making, approvals=(), findings=(), views=()):
        self.case = case
        self.session = session
        self.inputs = inputs
        self.making = making
        self.approvals = list(approvals)
        self.findings = list(findings)
        # Of :func:`ORExportLib.ViewPictures.viewPictures`, once they are taken.
        self.pictures = None
        self._views = tuple(views)
        self._nodes = []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        removeNodes(self.session.scene, *self._nodes)
        self._nodes = []

    @functools.cached_property
    def views(self):
        """The :class:`ORExportLib.Views.View` tuple of what is shown."""
        return self._views or defaultViews(self)

    @property
    def side(self):
        return self.case.side

    @property
    def intendedUse(self):
        return intendedUse(self.case)

    @functools.cached_property
    def procedure(self):
        """The :class:`PlanningHubLib.Procedures.Procedure` of the case."""
        return findProcedure(self.case.procedure)[0]

    @functools.cached_property
    def geometry(self):
        return readGeometry(self.case, self.inputs.source)

    @functools.cached_property
    def source(self):
        """:class:`ORExportLib.Dicom.Source.Source`"""
        return readSource(self.sourcePaths, self.geometry.headers)

    @property
    def sourcePaths(self):
        """The files of the source, in the slices' order; one of a multi-frame image."""
        return seriesPaths(self.case, self.inputs.source)

    @functools.cached_property
    def volumeNode(self):
        """The source as vtkMRMLScalarVolumeNode, RAS."""
        return self._kept(loadSource(self.case, self.session, self.inputs.source, self.geometry))

    @functools.cached_property
    def segmentationNode(self):
        """vtkMRMLSegmentationNode, RAS."""
        return self._kept(loadSegmentation(self.case, self.session, self.inputs.segmentation))

    def _kept(self, node):
        self._nodes.append(node)
        return node

    @functools.cached_property
    def segments(self):
        """The :class:`ORExportLib.Dicom.SegmentationObject.Segment` list, on the source's grid."""
        return segmentsOnSource(self.segmentationNode, self.source)

    @functools.cached_property
    def _planned(self):
        return readPlan(self.case, self.inputs.plan) if self.inputs.plan else (None, None)

    @property
    def document(self):
        """The plan's document; None without a plan."""
        return self._planned[0]

    @property
    def results(self):
        """What the plan's steps gave, in RAS mm as it was kept; None without a plan."""
        return self._planned[1]

    @functools.cached_property
    def objects(self):
        """Name → what the plan places (:mod:`PlanningHubLib.Planning.Objects`, RAS mm), without solids."""
        plan = self.inputs.plan
        placed = readObjects(self.case, self.session, plan, solids=False) if plan else []
        return {one.name: one for one in placed}

    @functools.cached_property
    def measurements(self):
        """The :class:`ORExportLib.Measurements.Measurement` list: the same numbers for all that show numbers."""
        return measurementsOf(self.document, self.results, self.inputs.segmentation, self.inputs.parts)

    @functools.cached_property
    def bodies(self):
        """Every :class:`Body`: segments, then the plan's solids, then the pieces of the parts."""
        return (*self._segmentBodies(), *self._solidBodies(), *self.pieces)

    @functools.cached_property
    def pieces(self):
        """The :class:`Body` of each piece of each part."""
        return tuple(body for part in self.inputs.parts for body in self._pieceBodies(part))

    def _segmentBodies(self):
        segmentation = self.segmentationNode.GetSegmentation()
        for index, segment in enumerate(self.segments):
            try:
                surface = segmentSurface(self.segmentationNode, segmentation.GetNthSegmentID(index))
            except InputRefused:
                # Too thin for a surface; it is in the segmentation all the same.
                continue
            codes = (segment.category, segment.propertyType, segment.modifier, segment.region)
            yield Body(
                segment.label, SEGMENT, surface.mesh.rasLpsSwapped(), tuple(segment.color),
                SURROUNDINGS_OPACITY if self.inputs.plan else 1.0, codes=codes,
            )  # fmt: skip

    def _solidBodies(self):
        described = self.results["objects"] if self.results else {}
        steps = {name: step["name"] for step in self.results["steps"] for name in step["objects"]} if described else {}
        for name, one in described.items():
            if one["kind"] != "solid":
                continue
            solid = readSolid(self.case, self.session, self.inputs.plan, name)
            yield Body(
                name, SOLID, solid.mesh.rasLpsSwapped(), solid.color, stepName=steps.get(name),
                matrixLps=self.motionLps(name) if solid.moved else None, **solid.flags(),
            )  # fmt: skip

    def motionLps(self, name):
        """Return the 4×4 rigid motion in LPS mm that the plan's steps give a solid; None where no step moves it."""
        moves = {step["name"]: step for step in self.document["steps"] if step["do"] == "move"}
        if name not in moves:
            return None
        matrix = numpy.eye(4)
        for placement in moves[name]["by"]:
            matrix = numpy.asarray(self.objects[placement].matrix, float) @ matrix
        before = self.motionLps(moves[name]["solid"])
        matrix = RAS_TO_LPS @ matrix @ RAS_TO_LPS
        return matrix if before is None else matrix @ before

    def _pieceBodies(self, part):
        described = PlanFiles.partOf(part)
        solid = (self.results or {"objects": {}})["objects"].get(described["object"], {})
        flags = {flag: described[flag] for flag in PlanFiles.FLAGS}
        paths = partFiles(self.case, part, ".stl")
        for number, path in enumerate(paths, 1):
            name = described["object"] if len(paths) == 1 else f"{described['object']} {number}"
            yield Body(
                name, PIECE, readStlLps(path), tuple(solid.get("color", BONE_COLOR)), part=part, number=number,
                path=path, matrixLps=self.motionLps(described["object"]) if described["moved"] and solid else None,
                **flags,
            )  # fmt: skip


def readStlLps(path):
    """Return the mesh of an STL as it is written: LPS mm, equal points welded."""
    reader = vtk.vtkSTLReader()
    reader.SetFileName(str(path))
    reader.Update()
    mesh = Mesh.fromPolyData(reader.GetOutput())
    return Mesh.fromArrays(*welded(mesh.points, mesh.triangles))


def partFiles(case, artefact, suffix, most=None):
    """Return the paths of a part's files of a format, in the order of its pieces.

    :raises GateRefused: ``stale-part`` where there is none, or more than ``most``
    """
    inOrder = [name for piece in artefact.facts.get("pieces", ()) for name in piece["files"]]
    names = [name for name in dict.fromkeys([*inOrder, *sorted(artefact.files)]) if name.lower().endswith(suffix)]
    if not names or len(names) > (most or len(names)):
        raise GateRefused(
            "stale-part", f"The part holds {len(names)} {suffix} files instead of one.", "Make the part again."
        )
    return [case.path(artefact, name) for name in names]
