"""A package's content made by hand: a source, and bodies and objects around the middle of its slices."""

from types import SimpleNamespace

import numpy as np
import vtk
from SmallSeries import AXIAL, writeSeries
from vtk.util import numpy_support

from ORExportLib.Content import SOLID, Body
from ORExportLib.Dicom.Source import readSource
from PlanningHubLib.Planning.Objects import Line, Plane, Points
from PlanningHubLib.Shapes.Mesh import Mesh

SHAPE = (7, 120, 140)
RADIUS_MM = 18.0
PLANE_NORMAL_LPS = np.array([0.8, 0.6, 0.0])
LPS_RAS = np.array([-1.0, -1.0, 1.0])


def aBall(name, centerLps, radiusMm=RADIUS_MM, **kind):
    """A ball as the plan's solid."""
    source = vtk.vtkSphereSource()
    source.SetCenter(*centerLps)
    source.SetRadius(radiusMm)
    source.SetThetaResolution(96)
    source.SetPhiResolution(96)
    source.Update()
    corners = numpy_support.vtk_to_numpy(source.GetOutput().GetPolys().GetConnectivityArray())
    points = numpy_support.vtk_to_numpy(source.GetOutput().GetPoints().GetData())
    return Body(name, **{"origin": SOLID, "mesh": Mesh.fromArrays(points, corners), **kind})


class SmallContent(SimpleNamespace):
    """What contributors read of :class:`ORExportLib.Content.Content`, with a plan around the middle of the slices."""

    def __init__(self, folder, making, orientation=AXIAL, **series):
        folder.mkdir(exist_ok=True)
        paths, matrix = writeSeries(folder, orientation, SHAPE, **series)
        super().__init__(
            making=making, side="left", intendedUse="planning", views=[], pictures=None, findings=[], segments=(),
            procedure=SimpleNamespace(name="cranioplasty"), paths=paths, matrix=matrix, source=readSource(paths),
        )  # fmt: skip
        self.document = {"steps": [{"do": "cut", "name": "Halves", "by": ["Cut"]}]}
        self.bodies = (
            aBall("Plate", self.place(70, 60, 3), role="implant", modified=True, color=(0.2, 0.4, 0.9)),
            aBall("Skull", self.place(70, 60, 3), 40, origin="segment", opacity=0.35),
            aBall("Mirrored", self.place(30, 60, 3), 9, role="mirror", mirrored=True),
            aBall("Jaw", self.place(118, 90, 3), 6, role="fragment", moved=True, modified=True),
        )
        things = (
            Plane("Cut", self.place(70, 60, 3) * LPS_RAS, self.along(PLANE_NORMAL_LPS) * LPS_RAS, 50.0),
            Plane("Symmetry", self.place(70, 60, 3) * LPS_RAS, np.array([1.0, 0, 0]), 80.0),
            Line("Screw", self.place(100.0, 20.0, 1.0) * LPS_RAS, self.place(103.0, 26.0, 5.0) * LPS_RAS),
            Points("Landmarks", np.array([self.place(20.0, 90.0, 2.2)]) * LPS_RAS),
        )
        self.objects = {thing.name: thing for thing in things}

    def place(self, column, row, number):
        """Return the LPS point of an index."""
        return (self.matrix @ (column, row, number, 1))[:3]

    def along(self, vector):
        """Return an LPS direction of one that is given along columns, rows and slices."""
        turned = self.matrix[:3, :3] / np.linalg.norm(self.matrix[:3, :3], axis=0)
        return turned @ vector


class SmallWriter:
    """Writes as the package's writer does, without records."""

    def __init__(self, folder):
        self.folder = folder
        self.paths = {}
        self.datasets = {}

    def object(self, dataset, name, role):
        self.datasets[role] = dataset
        dataset.save_as(self._path(name, role))

    def bytes(self, data, name, role):
        self._path(name, role).write_bytes(data)

    def _path(self, name, role):
        self.paths[role] = self.folder / name
        self.paths[role].parent.mkdir(parents=True, exist_ok=True)
        return self.paths[role]
