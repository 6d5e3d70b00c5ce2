"""Surfaces of a copy, written anew: the triangles of an STL, a 3MF or a PLY, and no word of what stood beside them."""

import io
import math
import re
import struct
import xml.etree.ElementTree as ElementTree
import zipfile

import numpy

from .Errors import InputRefused

HEADER_BYTES, RECORD_BYTES = 80, 50
RECORD = numpy.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
PLY_FACE = numpy.dtype([("count", "u1"), ("corners", "<u4", 3)])
PLY_HEADER = (
    "ply\nformat binary_little_endian 1.0\ncomment SPACE={}\nelement vertex {}\nproperty float x\nproperty float y\n"
    "property float z\nelement face {}\nproperty list uchar int vertex_indices\nend_header\n"
)
PLY_PLAIN = (
    r"ply\nformat binary_little_endian 1\.0\nelement vertex (\d{1,9})\nproperty float x\nproperty float y\n"
    r"property float z\nelement face (\d{1,9})\nproperty list uchar int vertex_indices"
)
CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
MODEL_PART = "3D/3dmodel.model"
LARGEST_MODEL_BYTES = 1 << 30
UNITS = ("micron", "millimeter", "centimeter", "inch", "foot", "meter")
CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
RELATIONSHIPS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Target="/3D/3dmodel.model" Id="rel0" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def isBinaryStl(data):
    """Tell whether bytes are a binary STL, to the last byte but for one of padding."""
    if len(data) < HEADER_BYTES + 4:
        return False
    length = HEADER_BYTES + 4 + RECORD_BYTES * struct.unpack_from("<I", data, HEADER_BYTES)[0]
    return length <= len(data) <= length + 1


def rewrittenStl(data):
    """Return a binary STL with the same triangles: a header of our own, attribute bytes zero, nothing after the end.

    :raises InputRefused: ``surface-not-supported``
    """
    if not isBinaryStl(data):
        raise _notSupported("It is not a binary STL.")
    frame = next((name for name in (b"LPS", b"RAS") if b"SPACE=" + name in data[:HEADER_BYTES]), None)
    header = b"SPACE=" + frame + b" UNIT=mm" if frame else b"binary STL"
    records = stlRecords(data).copy()
    records["attribute"] = 0
    return header.ljust(HEADER_BYTES) + struct.pack("<I", len(records)) + records.tobytes()


def stlRecords(data):
    """Return the triangles of a binary STL as a structured array (``normal``, ``corners``, ``attribute``)."""
    return numpy.frombuffer(data, RECORD, struct.unpack_from("<I", data, HEADER_BYTES)[0], HEADER_BYTES + 4)


def rewrittenThreeMf(data):
    """Return a 3MF with the same meshes and placements (3MF core 1.2.3), and no metadata, names, textures or pictures.

    :raises InputRefused: ``surface-not-supported``
    """
    root = _modelOf(data)
    unit = root.get("unit", "millimeter")
    if unit not in UNITS:
        raise _notSupported("Its unit is not known.")
    objects = [_object(element) for element in root.iterfind(f"{{{CORE}}}resources/{{{CORE}}}object")]
    items = [_item(element) for element in root.iterfind(f"{{{CORE}}}build/{{{CORE}}}item")]
    if not objects or not items:
        raise _notSupported("There is no mesh in it.")
    model = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<model unit="{unit}" xml:lang="en-US" xmlns="{CORE}">'
        f"<resources>{''.join(objects)}</resources><build>{''.join(items)}</build></model>"
    )
    return _packed({"[Content_Types].xml": CONTENT_TYPES, "_rels/.rels": RELATIONSHIPS, MODEL_PART: model})


def threeMfPoints(data):
    """Return the points of all meshes of a 3MF that :func:`rewrittenThreeMf` wrote, array (n, 3) in its unit."""
    vertices = _modelOf(data).iter(f"{{{CORE}}}vertex")
    return numpy.array([[float(vertex.get(axis)) for axis in "xyz"] for vertex in vertices])


def rewrittenPly(data):
    """Return a binary PLY of triangles with the same points and corners, and a header of our own.

    :raises InputRefused: ``surface-not-supported``
    """
    frame, points, faces = _plyParts(data)
    return PLY_HEADER.format(frame, len(points), len(faces)).encode() + points.tobytes() + faces.tobytes()


def plyPoints(data):
    """Return the points of a PLY that :func:`rewrittenPly` wrote in LPS mm, array (n, 3)."""
    frame, points, _faces = _plyParts(data)
    return points.astype(float) * ((-1, -1, 1) if frame == "RAS" else (1, 1, 1))


def _plyParts(data):
    """Return frame, points (n, 3) and faces of a PLY as the suite writes it."""
    head, mark, body = data.partition(b"end_header\n")
    lines = head.decode("latin-1").splitlines()
    frame = next((name for name in ("LPS", "RAS") if f"comment SPACE={name}" in lines), None)
    plain = "\n".join(line for line in lines if not line.startswith(("comment", "obj_info")))
    match = re.fullmatch(PLY_PLAIN, plain)
    if not (mark and frame and match):
        raise _notSupported("It is not a PLY of triangles in LPS or RAS.")
    vertices, triangles = (int(text) for text in match.groups())
    if len(body) < 12 * vertices + PLY_FACE.itemsize * triangles:
        raise _notSupported("Triangles are missing.")
    faces = numpy.frombuffer(body, PLY_FACE, triangles, 12 * vertices)
    if triangles and not ((faces["count"] == 3).all() and (faces["corners"] < vertices).all()):
        raise _notSupported("It holds more than triangles.")
    return frame, numpy.frombuffer(body, "<f4", 3 * vertices).reshape(-1, 3), faces


def _modelOf(data):
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = archive.getinfo(MODEL_PART)
            if entry.file_size > LARGEST_MODEL_BYTES:
                raise _notSupported("It is larger than a gigabyte.")
            with archive.open(entry) as file:
                content = file.read(LARGEST_MODEL_BYTES + 1)
        # Expat bounds entity expansion itself, and no 3MF has a document type.
        if b"<!DOCTYPE" in content[:4096] or len(content) > LARGEST_MODEL_BYTES:
            raise _notSupported("Its model is not plain.")
        return ElementTree.fromstring(content)
    except (KeyError, zipfile.BadZipFile, ElementTree.ParseError, OSError, RuntimeError, ValueError) as error:
        raise _notSupported("It is not a readable 3MF.") from error


def _object(element):
    mesh = element.find(f"{{{CORE}}}mesh")
    if mesh is None or element.find(f"{{{CORE}}}components") is not None:
        raise _notSupported("It holds objects that are not plain meshes.")
    vertices = "".join(
        '<vertex x="{}" y="{}" z="{}"/>'.format(*(_number(vertex.get(axis)) for axis in "xyz"))
        for vertex in mesh.iterfind(f"{{{CORE}}}vertices/{{{CORE}}}vertex")
    )
    triangles = "".join(
        '<triangle v1="{}" v2="{}" v3="{}"/>'.format(*(_count(triangle.get(corner)) for corner in ("v1", "v2", "v3")))
        for triangle in mesh.iterfind(f"{{{CORE}}}triangles/{{{CORE}}}triangle")
    )
    return (
        f'<object id="{_count(element.get("id"))}" type="model"><mesh><vertices>{vertices}</vertices>'
        f"<triangles>{triangles}</triangles></mesh></object>"
    )


def _item(element):
    transform = element.get("transform")
    numbers = [_number(text) for text in transform.split()] if transform else []
    if len(numbers) not in (0, 12):
        raise _notSupported("A placement in it cannot be understood.")
    placed = f' transform="{" ".join(numbers)}"' if numbers else ""
    return f'<item objectid="{_count(element.get("objectid"))}"{placed}/>'


def _number(text):
    """Return the text of a number, only where it is one: it is copied as it stands, to the last digit."""
    try:
        isFinite = math.isfinite(float(text))
    except (TypeError, ValueError):
        isFinite = False
    if not isFinite or len(text) > 32 or "_" in text or not text.isascii():
        raise _notSupported("A coordinate in it cannot be understood.")
    return text.strip()


def _count(text):
    if not (text and text.isascii() and text.isdigit() and len(text) <= 10):
        raise _notSupported("An index in it cannot be understood.")
    return text


def _packed(parts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            # A fixed date: the first that a zip archive can hold.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _notSupported(reason):
    return InputRefused("surface-not-supported", f"A surface cannot be written anew. {reason}", "It is left out.")
