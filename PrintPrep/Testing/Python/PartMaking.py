"""Small masks, meshes and outside judges for the tests of the print step."""

import io
import re
import subprocess
import zipfile

import numpy

from PlanningHubLib.Shapes import Surface
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Formats import Writers

LABEL = Writers.PartLabel("PH-TEST-1_bone_left_part", "PH-TEST-1", "part-1.1", "left", "ab" * 32)
RAS_TO_LPS = numpy.diag([-1.0, -1.0, 1.0])


def ballMask(radius=12, size=32):
    z, y, x = numpy.mgrid[:size, :size, :size] - (size - 1) / 2
    return (x * x + y * y + z * z <= radius * radius).astype(numpy.uint8)


def ballMesh(radius=12):
    return Surface.maskSurface(ballMask(radius), numpy.eye(4)).mesh


def asymmetricMask():
    """Three arms of different lengths along column, row and slice: no mirror image or turn of it is itself."""
    mask = numpy.zeros((30, 34, 40), numpy.uint8)
    mask[4:10, 4:10, 4:34] = 1
    mask[4:10, 4:26, 4:10] = 1
    mask[4:20, 4:10, 4:10] = 1
    return mask


def centroidOfMaskRas(mask, ijkToRas):
    indices = numpy.argwhere(mask)[:, ::-1]
    return ijkToRas[:3, :3] @ indices.mean(0) + ijkToRas[:3, 3]


def centroidOfMaskLps(mask, ijkToRas):
    return RAS_TO_LPS @ centroidOfMaskRas(mask, ijkToRas)


def obliqueMatrix(spacingMm=(0.7, 0.8, 1.1), mirrored=False):
    """Turned about all axes, far from the origin; where mirrored, left-handed."""
    a, b = 0.5, 0.3
    aboutX = numpy.array([[1, 0, 0], [0, numpy.cos(a), -numpy.sin(a)], [0, numpy.sin(a), numpy.cos(a)]])
    aboutZ = numpy.array([[numpy.cos(b), -numpy.sin(b), 0], [numpy.sin(b), numpy.cos(b), 0], [0, 0, 1]])
    matrix = numpy.eye(4)
    matrix[:3, :3] = aboutZ @ aboutX @ numpy.diag([1, 1, -1 if mirrored else 1]) * numpy.array(spacingMm)
    matrix[:3, 3] = (37.0, -81.0, 420.0)
    return matrix


def boxMesh(low=(0, 0, 0), high=(1, 1, 1)):
    """A box of 12 triangles, normals outwards."""
    corners = numpy.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    triangles = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return Mesh.fromArrays(numpy.array(low) + corners * (numpy.array(high) - numpy.array(low)), triangles)


def joined(*meshes):
    starts = numpy.cumsum([0] + [len(mesh.points) for mesh in meshes])
    return Mesh.fromArrays(
        numpy.concatenate([mesh.points for mesh in meshes]),
        numpy.concatenate([mesh.triangles + start for mesh, start in zip(meshes, starts[:-1], strict=True)]),
    )


def withoutOneTriangle(mesh):
    return Mesh(mesh.points, mesh.triangles[1:])


def withOneFlipped(mesh):
    triangles = mesh.triangles.copy()
    triangles[0] = triangles[0][::-1]
    return Mesh(mesh.points, triangles)


def readByTrimesh(data, fileType):
    import trimesh

    loaded = trimesh.load(io.BytesIO(data), file_type=fileType)
    return loaded.to_geometry() if hasattr(loaded, "to_geometry") else loaded


def strictWarnings(data):
    """Return how many warnings lib3mf's strict reader has; it raises where it cannot read at all."""
    return _strictlyRead(data)[1].GetWarningCount()


def readByLib3mf(data):
    """Return the model's only mesh object as points and triangles, its unit, names and metadata."""
    import lib3mf

    model, _reader = _strictlyRead(data)
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    objects = model.GetMeshObjects()
    assert objects.Count() == 1 and objects.MoveNext()
    part = objects.GetCurrentMeshObject()
    points = numpy.array([list(point.Coordinates) for point in part.GetVertices()])
    triangles = numpy.array([list(triangle.Indices) for triangle in part.GetTriangleIndices()])
    group = model.GetMetaDataGroup()
    entries = [group.GetMetaData(index) for index in range(group.GetMetaDataCount())]
    return {
        "points": points,
        "triangles": triangles,
        "name": part.GetName(),
        "partNumber": part.GetPartNumber(),
        "closed": part.IsManifoldAndOriented(),
        "metadata": {entry.GetName(): entry.GetValue() for entry in entries},
    }


def _strictlyRead(data):
    import lib3mf

    model = lib3mf.Wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromBuffer(list(data))
    return model, reader


def editedModelXml(data, old, new):
    """Return a 3MF whose model part has its XML changed."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(result, "w") as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith(".model"):
                assert old in content
                content = content.replace(old, new, 1)
            target.writestr(entry.filename, content)
    return result.getvalue()


def manifoldStatus(mesh):
    import manifold3d

    triangles = mesh.triangles.astype(numpy.uint32)
    return manifold3d.Manifold(manifold3d.Mesh(numpy.ascontiguousarray(mesh.points), triangles)).status().name


def admeshFaults(path):
    """Return the faults that admesh finds in an STL: disconnected, backwards and degenerate facets, edges fixed."""
    text = subprocess.run(["admesh", str(path)], capture_output=True, text=True, check=True).stdout
    first = {
        name: int(value)
        for name, value in re.findall(
            r"(Total disconnected facets|Degenerate facets|Backwards edges|Facets reversed|Edges fixed)\s*:\s*(\d+)",
            text,
        )
    }
    assert len(first) == 5, text
    return sum(first.values())
