"""The closed shells of a mesh: separate pieces, and cavities inside them."""

import numpy

from .Mesh import signedVolumesMm3, sumsByOwner
from .MeshLoops import labelled

# A ball of this volume is 1.2 mm thick: nothing that could be printed, held or emptied.
SPECK_MM3 = 1.0


def shellLabels(mesh):
    """Return how many shells there are and each triangle's shell (m,)."""
    labels = numpy.empty(len(mesh.triangles), numpy.int32)
    count = labelled(mesh.triangles, numpy.arange(len(mesh.points), dtype=numpy.int32), labels)
    return count, labels


def shellVolumesMm3(mesh):
    """Return each shell's volume and each triangle's shell; a cavity's volume is negative."""
    count, labels = shellLabels(mesh)
    return sumsByOwner(labels, signedVolumesMm3(mesh), count), labels


def withoutSpecks(mesh, speckMm3=SPECK_MM3):
    """Return the mesh without the shells (pieces and cavities) below a volume, and the volumes of these in mm³."""
    isSpeck, volumesMm3 = speckTriangles(mesh, speckMm3)
    return (mesh.kept(~isSpeck) if len(volumesMm3) else mesh), volumesMm3


def speckTriangles(mesh, speckMm3=SPECK_MM3):
    """Return which triangles (m,) belong to shells below a volume, and the volumes of these shells in mm³."""
    volumesMm3, labels = shellVolumesMm3(mesh)
    isSpeck = numpy.abs(volumesMm3) < speckMm3
    return isSpeck[labels], volumesMm3[isSpeck]
