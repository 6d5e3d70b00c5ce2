"""Times from DICOM files to a saved segmentation: ours beside the peers, alternated in one run."""

import concurrent.futures
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy
import SimpleITK
import slicer
import vtk
from scipy import ndimage
from vtk.util import numpy_support

from PlanningHubLib import Masks, Segmentation, Segments
from PlanningHubLib.DicomScan import readHeaders, scanSource
from PlanningHubLib.Segmentation import DEFAULT_THRESHOLD_HU, ijkToRasOf
from PlanningHubLib.Segmenting import Islands, Morphology
from PlanningHubLib.SeriesGeometry import checkSeries
from PlanningHubLib.Session import Session
from PlanningHubLib.Volumes import addVolume, readSlices

from .Timing import compared, imported

TAGS = ("SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def rows(folder, repeats=3):
    """Yield the rows of the import and segmentation steps.

    :param folder: folder of one CT series
    """
    imported("pydicom", "gdcm")
    folder = Path(folder)
    yield from compared({"header scan": lambda: scanSource(folder)}, scanners(folder), repeats)
    geometry = checkSeries(scanSource(folder)[0][0])[0]
    headers = geometry.headers
    yield from compared({"load, exact": lambda: readSlices(headers)}, _loaders(headers), repeats)
    voxelsHu = readSlices(headers)
    yield from compared({"threshold": lambda: _threshold(voxelsHu)}, _thresholds(voxelsHu), repeats)
    mask = _threshold(voxelsHu)
    yield from compared({"largest island": lambda: Masks.largestIsland(mask)}, _islands(mask), repeats)
    island = Masks.largestIsland(mask)
    yield from compared({"closing, 1 voxel": lambda: Masks.closed(island)}, _closings(island), repeats)
    closed = Masks.closed(island)
    yield from compared({"fill holes": lambda: Islands.filled(closed)}, _fillings(closed), repeats)
    yield from compared({"threshold to filled bone": lambda: filledBone(voxelsHu)}, _chains(voxelsHu), repeats)
    radiusMm = 3 * min(geometry.spacingMm)
    ours = {"closing, mm": lambda: Morphology.closed(island, radiusMm, geometry.spacingMm)}
    yield from compared(ours, _ballClosings(island), repeats, "a radius of 3 voxels")
    yield from _saving(voxelsHu, closed, geometry, repeats)


def boneMask(paths):
    """Return the product's bone mask of sorted slices."""
    return Segmentation.boneMask(readSlices(readHeaders(paths)))


def _threshold(voxelsHu):
    return Masks.thresholded(voxelsHu, DEFAULT_THRESHOLD_HU)


def scanners(folder):
    """Return the peers of the header scan: name → function that scans the files below a folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())

    def gdcmScanner():
        import gdcm
        from pydicom.datadict import tag_for_keyword

        scanner = gdcm.Scanner()
        for tag in map(tag_for_keyword, TAGS):
            scanner.AddTag(gdcm.Tag(tag >> 16, tag & 0xFFFF))
        directory = gdcm.Directory()
        directory.Load(str(folder), True)
        assert scanner.Scan(directory.GetFilenames())

    def pydicomTags():
        import pydicom

        return [pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(TAGS)) for path in paths]

    def dcmdump():
        if shutil.which("dcmdump") is None:
            raise ImportError
        options = [part for tag in TAGS for part in ("+P", tag)]
        subprocess.run(["dcmdump", *options, *map(str, paths)], check=True, stdout=subprocess.DEVNULL)

    return {
        "GDCM scanner": gdcmScanner,
        "dcmdump": dcmdump,
        "pydicom, 4 tags": pydicomTags,
        "SimpleITK names": lambda: SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)),
    }


def _loaders(headers):
    paths = [str(header.path) for header in headers]

    def pydicomStack():
        import pydicom

        slices = map(pydicom.dcmread, paths)
        return numpy.stack([one.pixel_array * one.RescaleSlope + one.RescaleIntercept for one in slices])

    return {
        "threads + readinto, unchecked": lambda: bareStored(headers),
        "SimpleITK, sorted": lambda: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(paths)),
        "pydicom stack": pydicomStack,
    }


def bareStored(headers):
    """Read the last bytes of each file as its pixels, added to one intercept: the least that loading has to do."""
    voxels = numpy.empty((len(headers), int(headers[0].rows), int(headers[0].columns)), "<i2")

    def read(header, target):
        with open(header.path, "rb", buffering=0) as file:
            file.seek(-target.nbytes, os.SEEK_END)
            file.readinto(target)
        target += numpy.int16(header.rescaleIntercept)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(read, headers, voxels))
    return voxels


def _image(array):
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(array.shape))
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(array.reshape(-1)))
    return image


def _array(image):
    scalars = image.GetPointData().GetScalars()
    return numpy_support.vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def _thresholds(voxelsHu):
    image, simpleImage = _image(voxelsHu), SimpleITK.GetImageFromArray(voxelsHu)

    def vtkThreshold():
        threshold = vtk.vtkImageThreshold()
        threshold.SetInputData(image)
        threshold.ThresholdByUpper(DEFAULT_THRESHOLD_HU)
        threshold.SetInValue(1)
        threshold.SetOutValue(0)
        threshold.SetOutputScalarTypeToUnsignedChar()
        threshold.Update()
        return _array(threshold.GetOutput())

    return {
        "numpy": lambda: voxelsHu >= DEFAULT_THRESHOLD_HU,
        "SimpleITK": lambda: SimpleITK.BinaryThreshold(simpleImage, DEFAULT_THRESHOLD_HU, 32767),
        "VTK": vtkThreshold,
    }


def _islands(mask):
    simpleMask = SimpleITK.GetImageFromArray(mask)

    def islandMath():
        islands = slicer.vtkITKIslandMath()
        islands.SetInputData(_image(mask))
        islands.SetFullyConnected(False)
        islands.Update()
        return _array(islands.GetOutput()) == 1

    def simpleItk():
        labels = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(simpleMask))
        return SimpleITK.GetArrayViewFromImage(labels) == 1

    def scipyLabels():
        labels, _count = ndimage.label(mask)
        sizes = numpy.bincount(labels.reshape(-1))
        sizes[0] = 0
        return labels == sizes.argmax()

    return {"vtkITKIslandMath": islandMath, "SimpleITK": simpleItk, "scipy": scipyLabels}


def _closings(mask):
    cube = numpy.ones((3, 3, 3), bool)

    def vtkClosing():
        closing = vtk.vtkImageOpenClose3D()
        closing.SetInputData(_image(mask))
        closing.SetKernelSize(3, 3, 3)
        closing.SetOpenValue(0)
        closing.SetCloseValue(1)
        closing.Update()
        return _array(closing.GetOutput())

    return {
        "numpy, axis by axis": lambda: separableClosing(mask),
        "VTK (ellipsoid)": vtkClosing,
        "scipy": lambda: ndimage.binary_closing(mask, cube),
    }


def separableClosing(mask):
    """Return the closing with a cube of three voxels, one byte per voxel, one axis after the other."""
    result = numpy.pad(mask, 1)
    for combine in (numpy.bitwise_or, numpy.bitwise_and):
        for stride in (1, result.shape[2], result.shape[1] * result.shape[2]):
            before = result.reshape(-1)
            after = before.copy()
            combine(after[stride:], before[:-stride], out=after[stride:])
            combine(after[:-stride], before[stride:], out=after[:-stride])
            result = after.reshape(result.shape)
    return result[1:-1, 1:-1, 1:-1]


def filledBone(voxelsHu):
    """Return the product's bone mask: threshold, largest island, closing by a voxel, holes filled."""
    return Islands.filled(Masks.closed(Masks.largestIsland(_threshold(voxelsHu))))


def _fillings(mask):
    return {
        "SimpleITK": lambda: SimpleITK.BinaryFillhole(SimpleITK.GetImageFromArray(mask), False, 1),
        "scipy": lambda: ndimage.binary_fill_holes(mask),
    }


def _chains(voxelsHu):
    """Return whole chains: the fastest peer of each step, and one library for all."""

    def fastest():
        mask = (voxelsHu >= DEFAULT_THRESHOLD_HU).view(numpy.uint8)
        island = _islands(mask)["vtkITKIslandMath"]().view(numpy.uint8)
        return _fillings(separableClosing(island))["SimpleITK"]()

    def stock():
        bone = SimpleITK.BinaryThreshold(SimpleITK.GetImageFromArray(voxelsHu), DEFAULT_THRESHOLD_HU, 32767)
        island = SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(bone)) == 1
        closed = SimpleITK.BinaryMorphologicalClosing(island, [1] * 3, SimpleITK.sitkBox)
        return SimpleITK.BinaryFillhole(closed, False, 1)

    return {"fastest of each step": fastest, "SimpleITK": stock}


def _ballClosings(mask):
    image = SimpleITK.GetImageFromArray(mask)
    return {"SimpleITK ball": lambda: SimpleITK.BinaryMorphologicalClosing(image, [3] * 3, SimpleITK.sitkBall)}


def _saving(voxelsHu, mask, geometry, repeats):
    with tempfile.TemporaryDirectory() as folder, Session.start() as session:
        path = Path(folder) / "bone.seg.nrrd"
        volume = addVolume(session, voxelsHu, geometry.ijkToRas, "bench")
        node = Segments.addSegmentation(session, volume, "bench")

        def add():
            node.GetSegmentation().RemoveAllSegments()
            Segments.addSegment(node, mask, ijkToRasOf(volume), "Bone", Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)

        def save():
            add()
            Segments.saveNode(session, node, path)

        image = SimpleITK.GetImageFromArray(mask)
        peers = {"SimpleITK, NRRD": lambda: SimpleITK.WriteImage(image, str(path.with_name("peer.nrrd")), True)}
        yield from compared({"segmentation node, saved": save}, peers, repeats)
