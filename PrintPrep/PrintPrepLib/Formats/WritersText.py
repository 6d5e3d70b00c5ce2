"""PLY and OBJ in LPS millimetres; what they are is said in comments, as both know neither unit nor frame."""

import io

import numpy

_PLY_FACE = numpy.dtype([("count", "u1"), ("corners", "<i4", 3)])


def plyBytes(mesh, label):
    """Return a binary PLY of one piece; Slicer and other readers find ``SPACE=LPS`` in its comments."""
    comments = [f"comment {name}={value}" for name, value in (("SPACE", "LPS"), ("UNIT", "mm"), *label.lines())]
    header = [
        "ply", "format binary_little_endian 1.0", *map(_ascii, comments),
        f"element vertex {len(mesh.points)}", "property float x", "property float y", "property float z",
        f"element face {len(mesh.triangles)}", "property list uchar int vertex_indices", "end_header", "",
    ]  # fmt: skip
    faces = numpy.zeros(len(mesh.triangles), _PLY_FACE)
    faces["count"], faces["corners"] = 3, mesh.triangles
    return "\n".join(header).encode("ascii") + mesh.points.astype("<f4").tobytes() + faces.tobytes()


def objBytes(bodies, label):
    """Return an OBJ with an object for each body; its colors are in the ``.mtl`` file of the same name.

    :param bodies: list of :class:`PrintPrepLib.Formats.WritersThreeMf.Body`
    """
    text = io.StringIO()
    text.write("# SPACE=LPS UNIT=mm\n")
    text.writelines(f"# {name}={_ascii(value)}\n" for name, value in label.lines())
    text.write(f"mtllib {label.name}.mtl\n")
    first = 1
    for number, body in enumerate(bodies, 1):
        text.write(f"o {body.name}\nusemtl color{number}\n")
        # Nine digits keep single precision whole.
        numpy.savetxt(text, body.mesh.points, "v %.9g %.9g %.9g")
        numpy.savetxt(text, body.mesh.triangles + first, "f %d %d %d")
        first += len(body.mesh.points)
    return text.getvalue().encode("ascii")


def mtlBytes(bodies, label):
    """Return the colors of :func:`objBytes`, red, green and blue from 0 to 1."""
    lines = [f"# colors of {label.name}.obj"]
    for number, body in enumerate(bodies, 1):
        lines += [f"newmtl color{number}", "Kd {:.4f} {:.4f} {:.4f}".format(*body.color)]
    return ("\n".join(lines) + "\n").encode("ascii")


def _ascii(text):
    return text.encode("ascii", "replace").decode()
