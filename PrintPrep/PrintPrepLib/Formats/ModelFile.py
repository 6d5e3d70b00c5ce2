"""A model file as what a part is made of: STL, OBJ, PLY, 3MF or VTP, whose unit and frame somebody stated."""

import dataclasses
from pathlib import Path

import numpy
import vtk

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import sha256Bytes
from PlanningHubLib.Shapes.Mesh import Mesh, welded

MM_PER_UNIT = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "inch": 25.4}
READERS = {".stl": "vtkSTLReader", ".obj": "vtkOBJReader", ".ply": "vtkPLYReader", ".vtp": "vtkXMLPolyDataReader"}
THREE_MF = ".3mf"
SUFFIXES = (*READERS, THREE_MF)
# 3MF core 3.2: the units a model may be in; lib3mf counts them in this order.
_MM_PER_3MF_UNIT = (0.001, 1.0, 10.0, 25.4, 304.8, 1000.0)


@dataclasses.dataclass(frozen=True, eq=False)
class ModelFile:
    """A model file: its name, bytes and hash, and its triangles in LPS mm."""

    name: str
    data: bytes
    sha256: str
    mesh: Mesh

    @property
    def keptName(self):
        """The name under which a part keeps the file; no reader takes it for the part itself."""
        return f"{self.name}.original"


def readModelFile(path, unit, frame, sha256=None):
    """Return a :class:`ModelFile`.

    :param unit: a key of ``MM_PER_UNIT``; None for a 3MF, which says it itself
    :param frame: ``LPS`` or ``RAS``
    :param sha256: what the file has to be, where a recipe was made with it before
    :raises InputRefused: ``cannot-read``, ``model-differs``, ``no-unit``, ``frame-differs``, ``other-kind-of-file``
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputRefused("other-kind-of-file", f"{path.name} is no {', '.join(SUFFIXES)}.", "Convert it.", [path])
    if (unit is None) is not (suffix == THREE_MF):
        says = "has its unit in itself" if suffix == THREE_MF else "does not say its unit"
        raise InputRefused("no-unit", f"{path.name} {says}.", "State the unit of other files than 3MF only.", [path])
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    found = sha256Bytes(data)
    if sha256 not in (None, found):
        raise InputRefused("model-differs", f"{path.name} is not the file of the recipe.", "Look for it.", [path])
    other = {"LPS": b"SPACE=RAS", "RAS": b"SPACE=LPS"}[frame]
    if other in data[:400]:
        text = f"{path.name} says that it is {other[-3:].decode()}, the recipe says {frame}."
        raise InputRefused("frame-differs", text, "Find out which is right.", [path])
    mesh = _threeMfMesh(path) if suffix == THREE_MF else _scaled(_vtkMesh(path, suffix), MM_PER_UNIT[unit])
    if len(mesh.triangles) == 0:
        raise InputRefused("cannot-read", f"{path.name} holds no triangles.", "Check the file.", [path])
    return ModelFile(path.name, data, found, mesh.rasLpsSwapped() if frame == "RAS" else mesh)


def _scaled(mesh, factor):
    return Mesh.fromArrays(mesh.points * factor, mesh.triangles)


def _vtkMesh(path, suffix):
    reader = getattr(vtk, READERS[suffix])()
    reader.SetFileName(str(path))
    triangles = vtk.vtkTriangleFilter()
    triangles.SetInputConnection(reader.GetOutputPort())
    triangles.PassLinesOff()
    triangles.PassVertsOff()
    # What is wrong with the file is said by name below, not on the user's terminal.
    for one in (reader, triangles):
        one.AddObserver(vtk.vtkCommand.ErrorEvent, lambda _caller, _event: None)
    triangles.Update()
    if reader.GetErrorCode():
        return Mesh.fromArrays(numpy.zeros((0, 3)), numpy.zeros((0, 3)))
    mesh = Mesh.fromPolyData(triangles.GetOutput())
    return Mesh.fromArrays(*welded(mesh.points, mesh.triangles))


def _threeMfMesh(path):
    import lib3mf

    model = lib3mf.Wrapper().CreateModel()
    try:
        model.QueryReader("3mf").ReadFromFile(str(path))
    except lib3mf.ELib3MFException as error:
        raise InputRefused("cannot-read", f"{path.name} is no readable 3MF: {error}.", "", [path]) from error
    points, triangles, count = [], [], 0
    items = model.GetBuildItems()
    while items.MoveNext():
        item = items.GetCurrent()
        thing = item.GetObjectResource()
        if not thing.IsMeshObject():
            raise InputRefused("cannot-read", f"{path.name} is made of components.", "Convert it.", [path])
        matrix = numpy.array([list(row) for row in item.GetObjectTransform().Fields])
        own = numpy.array([list(point.Coordinates) for point in thing.GetVertices()]).reshape(-1, 3)
        points.append(own @ matrix[:3] + matrix[3])
        triangles.append(numpy.array([list(one.Indices) for one in thing.GetTriangleIndices()]).reshape(-1, 3) + count)
        count += len(own)
    if not points:
        return Mesh.fromArrays(numpy.zeros((0, 3)), numpy.zeros((0, 3)))
    factor = _MM_PER_3MF_UNIT[int(model.GetUnit())]
    return Mesh.fromArrays(numpy.concatenate(points) * factor, numpy.concatenate(triangles))
