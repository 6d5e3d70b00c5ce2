"""Binary STL in LPS millimetres, its frame in the header, where Slicer and others look for it."""

import numpy

HEADER_BYTES = 80
RECORD = numpy.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def stlBytes(mesh, words):
    """Return a binary STL of an LPS mesh.

    :param words: what else its header says, in the order of its importance: what does not fit is left out
    """
    # A header that begins with "solid" would be taken for a text file.
    header = f"SPACE=LPS UNIT=mm {words}".encode("ascii", "replace")
    records = numpy.zeros(len(mesh.triangles), RECORD)
    records["normal"] = mesh.normals()
    records["corners"] = mesh.points[mesh.triangles]
    count = numpy.array([len(records)], "<u4").tobytes()
    return header[:HEADER_BYTES].ljust(HEADER_BYTES) + count + records.tobytes()
