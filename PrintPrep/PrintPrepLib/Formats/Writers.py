"""One solid as a file for the printer: STL or 3MF, in LPS millimetres."""

from PlanningHubLib.Files import writeAside

from .WritersStl import PartLabel, stlBytes
from .WritersThreeMf import Body, packageBytes

__all__ = ["PartLabel", "stlBytes", "threeMfBytes", "writeStl", "writeThreeMf"]


def writeStl(path, mesh, label):
    """Write a binary STL.

    :raises InputRefused: ``cannot-write``, ``disk-full``
    """
    writeAside(path, stlBytes(mesh, label))


def threeMfBytes(mesh, label):
    """Return a 3MF package of one solid, as :func:`PrintPrepLib.Formats.WritersThreeMf.packageBytes` makes it."""
    return packageBytes([Body(mesh, label.name, label.partNumber)], label)


def writeThreeMf(path, mesh, label):
    """Write a 3MF package of one solid.

    :raises InputRefused: ``cannot-write``, ``disk-full``
    """
    writeAside(path, threeMfBytes(mesh, label))
