"""What a part's files say about it, and binary STL in LPS millimetres."""

import dataclasses

from PlanningHubLib.Shapes import Stl


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
    return Stl.stlBytes(mesh, f"CASE={label.caseName} PART={label.partNumber}")
