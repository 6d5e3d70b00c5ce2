"""Surfaces as the bytes of STL, OBJ and MTL files, in LPS mm as the meshes are."""

import re

import numpy

STL_TRIANGLE = [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")]
HEADER_BYTES = 80


def stlBytes(mesh, label):
    """Return a binary STL, which says in its header that it is LPS.

    :param label: words for the header; what is beyond its 80 bytes or not ASCII is lost
    """
    triangles = numpy.zeros(len(mesh.triangles), STL_TRIANGLE)
    triangles["normal"] = mesh.normals()
    triangles["corners"] = mesh.points[mesh.triangles]
    header = f"SPACE=LPS UNIT=mm {label}".encode("ascii", "replace")[:HEADER_BYTES]
    return header.ljust(HEADER_BYTES) + numpy.uint32(len(triangles)).tobytes() + triangles.tobytes()


def objBytes(named, materialFile, comments=()):
    """Return one OBJ with an object and a material for each mesh: the form that viewers read.

    :param named: list of (name, mesh); each name is that of its material
    :param materialFile: name of the MTL file
    :param comments: lines without control characters
    """
    parts = [f"# {line}\n" for line in ("SPACE=LPS", "UNIT=mm", *comments)]
    parts.append(f"mtllib {materialFile}\n")
    before = 1
    for name, mesh in named:
        parts.append(f"o {name}\nusemtl {name}\n")
        parts.append(("v %.4f %.4f %.4f\n" * len(mesh.points)) % tuple(mesh.points.reshape(-1).tolist()))
        corners = (mesh.triangles.astype(numpy.int64) + before).reshape(-1)
        parts.append(("f %d %d %d\n" * len(mesh.triangles)) % tuple(corners.tolist()))
        before += len(mesh.points)
    return "".join(parts).encode()


def mtlBytes(materials):
    """Return an MTL.

    :param materials: list of (name, color, opacity), all from 0 to 1
    """
    parts = []
    for name, color, opacity in materials:
        red, green, blue = (f"{value:.4f}" for value in color)
        # Readers differ in which of the two they know.
        transparency = f"d {opacity:.3f}\nTr {1 - opacity:.3f}"
        parts.append(
            f"newmtl {name}\nKa {red} {green} {blue}\nKd {red} {green} {blue}\nKs 0.1 0.1 0.1\n"
            f"Ns 20\n{transparency}\nillum 2\n"
        )
    return "".join(parts).encode()


def plainNames(names):
    """Return names as every OBJ reader takes them: ASCII without spaces, each once."""
    found = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("_") or "object"
        numbered = (plain, *(f"{plain}_{number}" for number in range(2, len(names) + 2)))
        found.append(next(one for one in numbered if one not in found))
    return found
