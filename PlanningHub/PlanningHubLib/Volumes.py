"""The voxels of a source series as a MRML volume, exactly as the files hold them."""

import numpy
import SimpleITK
import slicer
import vtk
from vtk.util import numpy_support

from .DicomScan import ScannedSeries, readHeaders
from .Errors import InputRefused, VerificationFailed
from .SeriesGeometry import checkSeries
from .StoredPixels import INT16, readStored

BONE_WINDOW_HU, BONE_LEVEL_HU = 1800, 400


def readSlices(headers):
    """Read the slices of :class:`PlanningHubLib.DicomScan.SliceHeader` in the given order, as :func:`readVoxels`."""
    voxels = readStored(headers)
    return readVoxels([header.path for header in headers], _pixelType(headers)) if voxels is None else voxels


def _pixelType(headers):
    """Return the decoder's type that holds all slices exactly where they differ in rescale, else None."""
    rescales = {(header.rescaleSlope, header.rescaleIntercept) for header in headers}
    if len(rescales) == 1:
        return None
    isWhole = all(value.is_integer() for rescale in rescales for value in rescale)
    return SimpleITK.sitkInt32 if isWhole else SimpleITK.sitkFloat64


def readVoxels(paths, pixelType=None):
    """Decode slices in the given order.

    :param pixelType: SimpleITK's number of the type to decode to; by default the first slice decides
    :returns: array (slices, rows, columns) in HU: int16 where that holds all values, else what the decoder chose
    :raises InputRefused: ``cannot-decode``, naming the first bad file
    """
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    if pixelType is not None:
        reader.SetOutputPixelType(pixelType)
    SimpleITK.ProcessObject.GlobalWarningDisplayOff()
    try:
        return _copied(reader.Execute())
    except RuntimeError as error:
        raise _decodeError(paths) from error


def _copied(image):
    # Where stored values and intercept might not fit int16 the decoder takes twice the memory, though they mostly do.
    view = SimpleITK.GetArrayViewFromImage(image)
    fits = view.dtype.kind in "iu" and view.min() >= INT16.min and view.max() <= INT16.max
    return view.astype(numpy.int16 if fits else view.dtype)


def _decodeError(paths):
    for path in paths:
        try:
            SimpleITK.ReadImage(str(path))
        except RuntimeError:
            return InputRefused(
                "cannot-decode", f"The pixels of {path} cannot be decoded.", "Fetch the series again.", [path]
            )
    return InputRefused(
        "cannot-decode", "The slices cannot be read as one volume.", "Fetch the series again.", paths[:1]
    )


def loadSource(case, session, source):
    """Load a case's source series as a volume node.

    :param source: artefact of kind ``source``
    :returns: vtkMRMLScalarVolumeNode in HU with the series' geometry (RAS mm)
    :raises InputRefused: ``cannot-decode``
    :raises VerificationFailed: ``source-changed``, where the files are no longer a uniform volume
    """
    paths = [case.path(source, name) for name in source.files]
    headers = readHeaders(paths)
    geometry, findings = checkSeries(ScannedSeries(source.facts["seriesUid"], headers))
    if geometry is None:
        raise VerificationFailed("source-changed", findings[0].message, findings[0].action, findings[0].files)
    voxels = readSlices(geometry.headers)
    return addVolume(session, voxels, geometry.ijkToRas, case.name)


def addVolume(session, voxels, ijkToRas, name):
    """Add a volume node that shares the array's memory.

    :param voxels: array (slices, rows, columns)
    :param ijkToRas: 4×4, (column, row, slice) to RAS mm
    """
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(voxels.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(numpy.ascontiguousarray(voxels).reshape(-1)))
    node = session.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(numpy.asarray(ijkToRas, dtype=float)))
    showAsBone(node)
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
