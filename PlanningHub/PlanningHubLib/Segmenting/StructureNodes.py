"""The structures that a segmentation node holds, as masks on the voxels of a scan, and back."""

import dataclasses

import numpy
import slicer
import vtk

from .. import Segments
from ..Errors import InputRefused
from ..Nodes import removeNodes


@dataclasses.dataclass(frozen=True, eq=False)
class Structure:
    """A structure that was segmented.

    :param mask: array (slices, rows, columns) of 0 and 1, on the scan's whole grid
    :param terminology: Slicer's terminology entry
    :param color: red, green, blue from 0 to 1
    :param parameters: how it was made; all that is needed to make it again
    :param needsReview: whether a person has to look at it before it counts
    :param figures: what its method measured
    """

    name: str
    mask: numpy.ndarray
    terminology: str
    color: tuple
    parameters: dict = dataclasses.field(default_factory=dict)
    needsReview: bool = False
    figures: dict = dataclasses.field(default_factory=dict)


def segmentNames(node):
    """Return segment ID → name of a vtkMRMLSegmentationNode.

    :raises InputRefused: ``name-taken``, where two segments have one name
    """
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    names = {segmentId: segmentation.GetSegment(segmentId).GetName() for segmentId in ids}
    twice = [name for name in names.values() if list(names.values()).count(name) > 1]
    if twice:
        raise InputRefused("name-taken", f"Two segments are called {twice[0]}.", "Give each a name of its own.")
    return names


def digests(node, shape, ijkToRas):
    """Return segment name → SHA-256 of its voxels (None for an empty one), whatever node holds them.

    :param shape: (slices, rows, columns) of the scan
    :param ijkToRas: 4×4 of the scan
    :raises InputRefused: ``other-grid``, ``name-taken``
    """
    matrix = slicer.util.vtkMatrixFromArray(ijkToRas)
    found = {}
    for segmentId, name in segmentNames(node).items():
        try:
            found[name] = Segments.voxelsSha256(*Segments.placedMask(node, segmentId, matrix, shape))
        except InputRefused as error:
            if error.code != "empty-segment":
                raise
            found[name] = None
    return found


def structuresIn(node, shape, ijkToRas):
    """Return the :class:`Structure` list of a node, which does not know how they were made; empty ones are left out."""
    matrix = slicer.util.vtkMatrixFromArray(ijkToRas)
    found = []
    for segmentId, name in segmentNames(node).items():
        segment = node.GetSegmentation().GetSegment(segmentId)
        tag = vtk.reference("")
        segment.GetTag(Segments.TERMINOLOGY_TAG, tag)
        try:
            mask = Segments.maskOnGrid(node, segmentId, matrix, shape)
        except InputRefused as error:
            if error.code != "empty-segment":
                raise
            continue
        found.append(Structure(name, mask, tag.get(), tuple(segment.GetColor())))
    return found


def saveStructures(session, volumeNode, structures, path, name):
    """Write structures as a segmentation file, one segment each, in their order.

    :returns: structure name → segment ID
    :raises InputRefused: ``empty-segment``, ``cannot-write``
    """
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    node = Segments.addSegmentation(session, volumeNode, name)
    try:
        ids = {
            one.name: Segments.addSegment(node, one.mask, matrix, one.name, one.terminology, one.color)
            for one in structures
        }
        Segments.saveNode(session, node, path)
        return ids
    finally:
        removeNodes(session.scene, node)


def withHistory(structure, segmentation):
    """Return a structure of a segmentation artefact's node with what the artefact says of it."""
    facts = segmentation.facts.get("structures", {}).get(structure.name, {})
    return dataclasses.replace(
        structure,
        parameters=parametersOf(segmentation, structure.name),
        needsReview=facts.get("needsReview", False),
        figures=facts.get("figures", {}),
    )


def parametersOf(segmentation, name):
    """Return how a structure of a segmentation artefact was made."""
    own = segmentation.parameters.get("structures", {}).get(name)
    if own is None:
        # An artefact of the bone alone says it for the whole.
        own = {"origin": "method", **segmentation.parameters}
    return own
