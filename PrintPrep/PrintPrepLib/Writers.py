"""The files that leave for the printer: binary STL and 3MF, in LPS millimetres."""

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
from PlanningHubLib.Files import writeAside

STL_HEADER_BYTES = 80
STL_RECORD = numpy.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
METADATA_NAMESPACE = "urn:planninghub:part:1"
_ZIP_1980 = struct.pack("<2H", 0, (1 << 5) | 1)
_UUIDS = uuid.uuid5(uuid.NAMESPACE_URL, METADATA_NAMESPACE)


@dataclasses.dataclass(frozen=True)
class PartLabel:
    """What a part's files say about it: no more than the case's pseudonym identifies the patient."""

    name: str
    caseName: str
    partNumber: str
    side: str | None = None
    sourceContent: str = ""


def stlBytes(mesh, label):
    """Return a binary STL; Slicer and other readers find ``SPACE=LPS`` in its header."""
    # A header that begins with "solid" would be taken for a text file.
    header = f"SPACE=LPS UNIT=mm CASE={label.caseName} PART={label.partNumber}".encode("ascii", "replace")
    records = numpy.zeros(len(mesh.triangles), STL_RECORD)
    records["normal"] = mesh.normals()
    records["corners"] = mesh.points[mesh.triangles]
    count = numpy.array([len(records)], "<u4").tobytes()
    return header[:STL_HEADER_BYTES].ljust(STL_HEADER_BYTES) + count + records.tobytes()


def writeStl(path, mesh, label):
    """Write a binary STL.

    :raises InputRefused: ``cannot-write``, ``disk-full``
    """
    writeAside(path, stlBytes(mesh, label))


def threeMfBytes(mesh, label):
    """Return a 3MF package in millimetres; equal meshes and labels give equal bytes.

    :param mesh: a solid, see :func:`PrintPrepLib.Checks.requirePrintable`
    :raises InputRefused: ``cannot-write``
    """
    import lib3mf

    model = lib3mf.Wrapper().CreateModel()
    model.SetUnit(lib3mf.ModelUnit.MilliMeter)
    model.SetBuildUUID(_uuid(label, "build"))
    part = model.AddMeshObject()
    _setGeometry(part, mesh)
    part.SetType(lib3mf.ObjectType.Model)
    part.SetName(label.name)
    part.SetPartNumber(label.partNumber)
    part.SetUUID(_uuid(label, "object"))
    item = model.AddBuildItem(part, _identity(lib3mf))
    item.SetPartNumber(label.partNumber)
    item.SetUUID(_uuid(label, "item"))
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


def writeThreeMf(path, mesh, label):
    """Write a 3MF package.

    :raises InputRefused: ``cannot-write``, ``disk-full``
    """
    writeAside(path, threeMfBytes(mesh, label))


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
    values = {
        "Case": label.caseName,
        "Side": label.side or "not stated",
        "CoordinateSystem": "LPS",
        "SourceContentSha256": label.sourceContent,
    }
    for name, value in values.items():
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
