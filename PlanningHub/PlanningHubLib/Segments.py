"""Segmentation nodes: making them from masks, reading masks from them, saving and loading them."""

import json

import numpy
import SimpleITK
import slicer
import vtk
from vtk.util import numpy_support

from . import Masks
from .Errors import InputRefused
from .Files import sha256Bytes

TERMINOLOGY_TAG = "TerminologyEntry"
# Slicer's general anatomy list: category Tissue, type Bone (SNOMED CT), no modifiers, no region.
BONE_TERMINOLOGY = (
    "Segmentation category and type - 3D Slicer General Anatomy list"
    "~SCT^85756007^Tissue~SCT^272673000^Bone~^^~Anatomic codes - DICOM master list~^^~^^"
)
BONE_COLOR = (241 / 255, 214 / 255, 145 / 255)


def addSegmentation(session, volumeNode, name):
    """Add an empty segmentation node with the geometry of a volume node."""
    node = session.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    node.CreateDefaultDisplayNodes()
    if volumeNode is not None:
        node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    return node


def addSegment(segmentationNode, mask, ijkToRas, name, terminology, color):
    """Add a segment from a mask on a voxel grid; only the part that is filled is kept.

    :param mask: array (slices, rows, columns), 0 and 1
    :param ijkToRas: vtkMatrix4x4 of the grid, (column, row, slice) to RAS mm
    :returns: the segment's ID
    :raises InputRefused: ``empty-segment``
    """
    extent = Masks.bounds(mask)
    if extent is None:
        raise InputRefused("empty-segment", f"{name} has no voxels.", "Choose other limits.")
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*color)
    segment.SetTag(TERMINOLOGY_TAG, terminology)
    segment.AddRepresentation("Binary labelmap", _orientedImage(mask, extent, ijkToRas))
    segmentation = segmentationNode.GetSegmentation()
    segmentId = segmentation.GenerateUniqueSegmentID(name)
    segmentation.AddSegment(segment, segmentId)
    return segmentId


def _orientedImage(mask, extent, ijkToRas):
    inside = tuple(slice(first, last + 1) for first, last in extent)
    image = slicer.vtkOrientedImageData()
    image.SetExtent([index for pair in reversed(extent) for index in pair])
    voxels = numpy.ascontiguousarray(mask[inside]).reshape(-1)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(voxels, deep=True, array_type=vtk.VTK_UNSIGNED_CHAR))
    image.SetGeometryFromImageToWorldMatrix(ijkToRas)
    return image


def segmentMask(segmentationNode, segmentId):
    """Return a segment's voxels and where they lie.

    :returns: array (slices, rows, columns) of 0 and 1, cropped to what the node keeps, and the vtkMatrix4x4 that maps
        the array's own (column, row, slice) indices to RAS mm
    :raises InputRefused: ``empty-segment``
    """
    image = slicer.vtkOrientedImageData()
    segmentationNode.GetBinaryLabelmapRepresentation(segmentId, image)
    dimensions = image.GetDimensions()
    scalars = image.GetPointData().GetScalars()
    if scalars is None or min(dimensions) < 1:
        raise InputRefused("empty-segment", f"Segment {segmentId} has no voxels.", "Segment again.")
    array = numpy_support.vtk_to_numpy(scalars).reshape(dimensions[::-1])
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    first = image.GetExtent()[::2]
    origin = matrix.MultiplyPoint((*first, 1.0))
    for row in range(3):
        matrix.SetElement(row, 3, origin[row])
    return (array > 0).astype(numpy.uint8), matrix


def placedMask(segmentationNode, segmentId, ijkToRas, shape):
    """Return the filled part of a segment's mask, and where it begins on a voxel grid of its orientation and spacing.

    :param ijkToRas: vtkMatrix4x4 of the grid
    :param shape: (slices, rows, columns) of the grid
    :returns: array (slices, rows, columns) of 0 and 1, and the (slice, row, column) of its first voxel
    :raises InputRefused: ``empty-segment``; ``other-grid``, where the segment's voxels do not lie on the grid
    """
    mask, matrix = segmentMask(segmentationNode, segmentId)
    extent = Masks.bounds(mask)
    if extent is None:
        raise InputRefused("empty-segment", f"Segment {segmentId} has no voxels.", "Segment again.")
    toGrid = vtk.vtkMatrix4x4()
    vtk.vtkMatrix4x4.Invert(ijkToRas, toGrid)
    vtk.vtkMatrix4x4.Multiply4x4(toGrid, matrix, toGrid)
    shift = slicer.util.arrayFromVTKMatrix(toGrid)
    offset = shift[:3, 3].round().astype(int)[::-1] + [first for first, _last in extent]
    mask = mask[tuple(slice(first, last + 1) for first, last in extent)]
    onGrid = numpy.allclose(shift[:3, :3], numpy.eye(3), atol=1e-3)
    onGrid = onGrid and numpy.allclose(shift[:3, 3], shift[:3, 3].round(), atol=1e-2)
    if not onGrid or (offset < 0).any() or (offset + mask.shape > shape).any():
        raise InputRefused("other-grid", f"Segment {segmentId} does not lie on the source's voxels.", "Segment again.")
    return mask, tuple(int(index) for index in offset)


def maskOnGrid(segmentationNode, segmentId, ijkToRas, shape):
    """Return a segment's mask on a whole voxel grid of the same orientation and spacing.

    :param ijkToRas: vtkMatrix4x4 of the grid
    :param shape: (slices, rows, columns)
    :raises InputRefused: ``empty-segment``; ``other-grid``, where the segment's voxels do not lie on the grid
    """
    mask, offset = placedMask(segmentationNode, segmentId, ijkToRas, shape)
    whole = numpy.zeros(shape, numpy.uint8)
    whole[tuple(slice(first, first + count) for first, count in zip(offset, mask.shape, strict=True))] = mask
    return whole


def voxelsSha256(mask, offset=(0, 0, 0)):
    """Return the SHA-256 of a mask's filled voxels and of where they lie, whatever surrounds them.

    :param mask: array (slices, rows, columns) of 0 and 1, not empty
    :param offset: (slice, row, column) of its first voxel on the grid
    """
    extent = Masks.bounds(mask)
    places = [[int(first + start), int(last + start)] for (first, last), start in zip(extent, offset, strict=True)]
    inside = numpy.packbits(mask[tuple(slice(first, last + 1) for first, last in extent)])
    return sha256Bytes(json.dumps(places).encode() + inside.tobytes())


def segmentFacts(mask, segmentId, voxelMl, needsReview=False):
    """Return what a segmentation artefact states of one segment.

    :param mask: array (slices, rows, columns) of 0 and 1 on the scan's whole grid
    """
    voxels = int(numpy.count_nonzero(mask))
    return {
        "segment": segmentId,
        "voxels": voxels,
        "volumeMl": round(voxels * voxelMl, 3),
        "voxelsSha256": voxelsSha256(mask),
        "needsReview": needsReview,
    }


def saveNode(session, node, path):
    """Save a storable node through MRML's own storage.

    :raises InputRefused: ``cannot-write``
    """
    storage = node.CreateDefaultStorageNode()
    session.scene.AddNode(storage)
    try:
        storage.SetFileName(str(path))
        if not storage.WriteData(node):
            raise InputRefused(
                "cannot-write", f"{path} could not be written.", "See whether the disk is full or the folder read-only."
            )
    finally:
        session.scene.RemoveNode(storage)


def readSegmentation(session, path, name):
    """Load a segmentation file through MRML's own storage.

    :returns: vtkMRMLSegmentationNode
    :raises InputRefused: ``cannot-read``
    """
    _requireDecodable(path)
    node = session.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    readNode(session, node, path)
    if node.GetSegmentation().GetNumberOfSegments() == 0:
        session.scene.RemoveNode(node)
        raise InputRefused("cannot-read", f"{path} holds no segment.", "Segment again.", [path])
    node.CreateDefaultDisplayNodes()
    return node


def _requireDecodable(path):
    # MRML's reader lets ITK's exception end the whole process where a file is cut off.
    SimpleITK.ProcessObject.GlobalWarningDisplayOff()
    try:
        SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise InputRefused("cannot-read", f"{path} is not a whole segmentation.", "Segment again.", [path]) from error


def readNode(session, node, path):
    """Fill a storable node from a file through MRML's own storage; an unreadable file's node is removed.

    :raises InputRefused: ``cannot-read``
    """
    storage = node.CreateDefaultStorageNode()
    session.scene.AddNode(storage)
    storage.SetFileName(str(path))
    readable = storage.ReadData(node)
    session.scene.RemoveNode(storage)
    if not readable:
        session.scene.RemoveNode(node)
        raise InputRefused("cannot-read", f"{path} cannot be read.", "Make it again.", [path])
