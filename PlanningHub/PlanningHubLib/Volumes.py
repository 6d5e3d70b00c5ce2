"""The voxels of a source series as a MRML volume, exactly as the files hold them."""

import numpy
import slicer
import vtk
from vtk.util import numpy_support

from .DicomScan import readHeaders
from .Errors import VerificationFailed
from .Frames import chosenHeaders
from .Modality import MR, planningModality
from .References import SCANNED_FOLDER, requireInPlace
from .SeriesGeometry import checkSeries
from .SliceHeader import ScannedSeries
from .SlicesDecoded import decodeSlices
from .StoredPixels import readStored

REPAIRED_FOLDER = "repaired"
BONE_WINDOW_HU, BONE_LEVEL_HU = 1800, 400


def readSlices(headers):
    """Read slices in the given order: plain ones straight from their files, others by decoding processes.

    :param headers: list of :class:`PlanningHubLib.SliceHeader.SliceHeader`, all of one size
    :returns: array (slices, rows, columns) in HU, of MR in the values that its rescale gives: int16 where that holds
        all values, else int32 or float64
    :raises InputRefused: ``cannot-decode``, ``hostile-file``, naming the file
    """
    voxels = readStored(headers)
    return decodeSlices(headers) if voxels is None else voxels


def seriesPaths(case, source):
    """Return the files of the series that a source artefact stands for, along the slices' normal.

    They are the scanner's own, or the repaired series beside them: what is planned on is one series, never both.

    :raises GateRefused: ``source-moved``, ``source-changed-outside``, where the case refers to files that lie elsewhere
    """
    requireInPlace(case, source)
    folder = REPAIRED_FOLDER if source.facts.get("repair") else SCANNED_FOLDER
    return [case.path(source, name) for name in source.files if name.startswith(f"{folder}/")]


def readGeometry(case, source):
    """Return the :class:`PlanningHubLib.SeriesGeometry.VolumeGeometry` of a source, its headers along the normal.

    :raises GateRefused: as :func:`seriesPaths`
    :raises VerificationFailed: ``source-changed``, where the files are no longer a uniform volume
    """
    headers = chosenHeaders(case, source, readHeaders(seriesPaths(case, source)))
    geometry, findings = checkSeries(ScannedSeries(source.facts["seriesUid"], headers))
    if geometry is None:
        raise VerificationFailed("source-changed", findings[0].message, findings[0].action, findings[0].files)
    return geometry


def loadSource(case, session, source, geometry=None):
    """Load a case's source series as a volume node.

    :param source: artefact of kind ``source``
    :param geometry: what :func:`readGeometry` returned, where it is known already
    :returns: vtkMRMLScalarVolumeNode in HU (of MR without unit) with the series' geometry (RAS mm)
    :raises InputRefused: ``cannot-decode``, ``hostile-file``
    :raises GateRefused, VerificationFailed: as :func:`readGeometry`
    """
    geometry = geometry or readGeometry(case, source)
    voxels = readSlices(geometry.headers)
    window = (wideWindow(voxels),) if planningModality(source) == MR else ()
    return addVolume(session, voxels, geometry.ijkToRas, case.name, *window)


def wideWindow(voxels):
    """Return window and level that show all but the darkest and the brightest hundredth of what is not background."""
    sample = voxels[:: max(1, len(voxels) // 32), ::2, ::2]
    seen = sample[sample > sample.min()]
    low, high = numpy.percentile(seen, (1, 99)) if seen.size else (0.0, 1.0)
    return max(1.0, float(high - low)), float(low + high) / 2


def addVolume(session, voxels, ijkToRas, name, windowLevel=(BONE_WINDOW_HU, BONE_LEVEL_HU)):
    """Add a volume node that shares the array's memory.

    :param voxels: array (slices, rows, columns)
    :param ijkToRas: 4×4, (column, row, slice) to RAS mm
    :param windowLevel: how it is shown
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(voxels.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(numpy.ascontiguousarray(voxels).reshape(-1)))
    node = session.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(numpy.asarray(ijkToRas, dtype=float)))
    showAsBone(node, *windowLevel)
    node.SetAndObserveImageData(image)
    return node


def showAsBone(volumeNode, windowHu=BONE_WINDOW_HU, levelHu=BONE_LEVEL_HU):
    """Give a volume node its display nodes and a bone window.

    Best before it gets its voxels: the automatic window would first count all of them, seconds for a large CT.
    """
    volumeNode.CreateDefaultDisplayNodes()
    volumeNode.GetDisplayNode().SetAutoWindowLevel(False)
    volumeNode.GetDisplayNode().SetWindowLevel(windowHu, levelHu)


def voxelVolumeMl(volumeNode):
    """Return the volume of one voxel in ml."""
    return float(numpy.prod(volumeNode.GetSpacing())) / 1000.0
