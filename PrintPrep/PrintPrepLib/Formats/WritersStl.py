"""What a part's files say about it, and binary STL in LPS millimetres."""

import dataclasses

import numpy

STL_HEADER_BYTES = 80
STL_RECORD = numpy.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


@dataclasses.dataclass(frozen=True)
class PartLabel:
    """What a part's files say about it: no more than the case's pseudonym identifies the patient."""

    name: str
    caseName: str
    partNumber: str
    side: str | None = None
    sourceContent: str = ""

    def ofPiece(self, word):
        """Return the label of one of the part's pieces, by the word that tells it from the others."""
        return dataclasses.replace(self, name=f"{self.name}_{word}")

    def lines(self):
        """Return (name, value) pairs for formats that hold any text: names of ASCII letters."""
        return (
            ("Case", self.caseName),
            ("Part", self.partNumber),
            ("Side", self.side or "not stated"),
            ("CoordinateSystem", "LPS"),
            ("SourceContentSha256", self.sourceContent),
        )


def stlBytes(mesh, label):
    """Return a binary STL; Slicer and other readers find ``SPACE=LPS`` in its header."""
    # A header that begins with "solid" would be taken for a text file.
    header = f"SPACE=LPS UNIT=mm CASE={label.caseName} PART={label.partNumber}".encode("ascii", "replace")
    records = numpy.zeros(len(mesh.triangles), STL_RECORD)
    records["normal"] = mesh.normals()
    records["corners"] = mesh.points[mesh.triangles]
    count = numpy.array([len(records)], "<u4").tobytes()
    return header[:STL_HEADER_BYTES].ljust(STL_HEADER_BYTES) + count + records.tobytes()
