"""3MF packages in LPS millimetres: units, names, colors and metadata, one object for each body."""

import ctypes
import dataclasses
import io
import struct
import tempfile
import uuid
import zipfile
from pathlib import Path

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Objects import BONE_COLOR
from PlanningHubLib.Shapes.Mesh import Mesh

METADATA_NAMESPACE = "urn:planninghub:part:1"
_ZIP_1980 = struct.pack("<2H", 0, (1 << 5) | 1)
_UUIDS = uuid.uuid5(uuid.NAMESPACE_URL, METADATA_NAMESPACE)


@dataclasses.dataclass(frozen=True, eq=False)
class Body:
    """A solid of a file of several.

    :param mesh: LPS mm, a solid, see :func:`PlanningHubLib.Shapes.Checks.requirePrintable`
    :param color: red, green, blue from 0 to 1
    """

    mesh: Mesh
    name: str
    partNumber: str
    color: tuple = BONE_COLOR


def packageBytes(bodies, label):
    """Return a 3MF package in millimetres; equal bodies and labels give equal bytes.

    :param bodies: list of :class:`Body`
    :param label: :class:`PrintPrepLib.Formats.WritersStl.PartLabel` of what they are together
    :raises InputRefused: ``cannot-write``
    """
    import lib3mf

    model = lib3mf.Wrapper().CreateModel()
    model.SetUnit(lib3mf.ModelUnit.MilliMeter)
    model.SetBuildUUID(_uuid(label, "build"))
    materials = model.AddBaseMaterialGroup()
    for body in bodies:
        part = model.AddMeshObject()
        _setGeometry(part, body.mesh)
        part.SetType(lib3mf.ObjectType.Model)
        part.SetName(body.name)
        part.SetPartNumber(body.partNumber)
        part.SetUUID(_uuid(label, f"object {body.name}"))
        color = lib3mf.Color(*(round(255 * one) for one in body.color), 255)
        part.SetObjectLevelProperty(materials.GetResourceID(), materials.AddMaterial(body.name, color))
        item = model.AddBuildItem(part, _identity(lib3mf))
        item.SetPartNumber(body.partNumber)
        item.SetUUID(_uuid(label, f"item {body.name}"))
    _addMetadata(model.GetMetaDataGroup(), label)
    return _withoutDates(_packageBytes(model))


def _packageBytes(model):
    import lib3mf

    writer = model.QueryWriter("3mf")
    writer.SetStrictModeActive(True)
    # Tenths of a micrometre.
    writer.SetDecimalPrecision(4)
    # Writing to a buffer would make the package twice.
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        path = Path(folder) / "part.3mf"
        try:
            writer.WriteToFile(str(path))
        except lib3mf.ELib3MFException as error:
            raise InputRefused(
                "cannot-write", f"lib3mf cannot write the 3MF: {error}.", "See whether the temporary folder is full."
            ) from error
        return path.read_bytes()


def _setGeometry(part, mesh):
    """Hand the arrays to lib3mf's C function; its Python one would make an object of each point and triangle."""
    import lib3mf

    points = numpy.ascontiguousarray(mesh.points, numpy.float32)
    triangles = numpy.ascontiguousarray(mesh.triangles, numpy.uint32)
    wrapper = part._wrapper
    result = wrapper.lib.lib3mf_meshobject_setgeometry(
        part._handle,
        ctypes.c_uint64(len(points)),
        points.ctypes.data_as(ctypes.POINTER(lib3mf.Position)),
        ctypes.c_uint64(len(triangles)),
        triangles.ctypes.data_as(ctypes.POINTER(lib3mf.Triangle)),
    )
    wrapper.checkError(part, result)


def _identity(lib3mf):
    transform = lib3mf.Transform()
    for row in range(4):
        for column in range(3):
            transform.Fields[row][column] = float(row == column)
    return transform


def _uuid(label, what):
    return str(uuid.uuid5(_UUIDS, f"{label.caseName}/{label.partNumber}/{label.sourceContent}/{what}"))


def _addMetadata(group, label):
    group.AddMetaData("", "Title", label.name, "xs:string", True)
    group.AddMetaData("", "Application", "Planning Hub", "xs:string", True)
    for name, value in label.lines():
        group.AddMetaData(METADATA_NAMESPACE, name, value, "xs:string", True)


def _withoutDates(package):
    """Return the zip package with one fixed date for its files, so that equal parts are equal bytes."""
    result = bytearray(package)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        entries, central = archive.infolist(), archive.start_dir
    for entry in entries:
        # Time and date in the local header and in the central directory (PKWARE APPNOTE 4.3.7 and 4.3.12).
        result[entry.header_offset + 10 : entry.header_offset + 14] = _ZIP_1980
        result[central + 12 : central + 16] = _ZIP_1980
        sizes = struct.unpack_from("<3H", package, central + 28)
        central += 46 + sum(sizes)
    return bytes(result)
