"""The segmentation step: bone by threshold, the largest island of it, closed."""

import slicer
import vtk

from . import Masks, Segments
from .Errors import InputRefused
from .Modality import requireHu
from .Nodes import removeNodes
from .Progress import noProgress
from .Repair import repairFacts
from .Software import versions
from .Volumes import loadSource, voxelVolumeMl

FILE_NAME = "segmentation.seg.nrrd"
SEGMENT_NAME = "Bone"
# Compact bone starts well above; 300 HU keeps thin cancellous bone and leaves contrast-free soft tissue out.
DEFAULT_THRESHOLD_HU = 300
MAXIMUM_THRESHOLD_HU = 3000


def boneMask(voxelsHu, thresholdHu=DEFAULT_THRESHOLD_HU, closingVoxels=1, progress=noProgress):
    """Return the mask of the largest bone: threshold, largest island, closing.

    :param voxelsHu: array (slices, rows, columns)
    :raises InputRefused: ``no-bone``, ``bad-threshold``
    """
    if not -1000 < thresholdHu < MAXIMUM_THRESHOLD_HU:
        raise InputRefused(
            "bad-threshold", f"{thresholdHu} HU is no threshold for bone.", "Choose one between 150 and 1500 HU."
        )
    progress(0.1, "Threshold")
    mask = Masks.thresholded(voxelsHu, thresholdHu)
    if not mask.any():
        raise InputRefused("no-bone", f"No voxel reaches {thresholdHu} HU.", "Lower the threshold or check the series.")
    progress(0.2, "Largest island")
    mask = Masks.largestIsland(mask)
    progress(0.7, "Closing")
    return Masks.closed(mask, closingVoxels) if closingVoxels else mask


def segmentBone(case, session, thresholdHu=DEFAULT_THRESHOLD_HU, closingVoxels=1, user=None, progress=noProgress):
    """Segment the bone of a case's source series and keep it as the case's segmentation.

    :param thresholdHu: lowest bone intensity
    :param closingVoxels: radius of the closing, in voxels; 0 for none
    :returns: artefact of kind ``segmentation``; its facts hold ``volumeMl``, ``voxels`` and ``structures``
    :raises GateRefused: ``no-source``, ``stale-source``, ``damaged-source``
    :raises InputRefused: ``no-bone``, ``bad-threshold``, ``cannot-decode``, ``not-hu`` for MR
    """
    source = case.require("source")
    requireHu(source)
    progress(0.05, "Loading the series")
    volume = loadSource(case, session, source)
    node = None
    try:
        mask = boneMask(slicer.util.arrayFromVolume(volume), thresholdHu, closingVoxels, progress)
        node = Segments.addSegmentation(session, volume, f"{case.name} bone")
        matrix = ijkToRasOf(volume)
        segmentId = Segments.addSegment(
            node, mask, matrix, SEGMENT_NAME, Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR
        )
        progress(0.9, "Saving")
        facts = Segments.segmentFacts(mask, segmentId, voxelVolumeMl(volume))
        with case.staging("segmentation", user=user) as stage:
            Segments.saveNode(session, node, stage.folder / FILE_NAME)
            return stage.commit(
                parents=[source],
                parameters={"method": "threshold", "thresholdHu": thresholdHu, "closingVoxels": closingVoxels},
                facts={
                    **{key: facts[key] for key in ("segment", "voxels", "volumeMl")},
                    "structures": {SEGMENT_NAME: facts},
                    **repairFacts(source),
                },
                software=versions("slicer-core", "numpy", "SimpleITK"),
                title="Bone segmentation",
            )
    finally:
        removeNodes(session.scene, volume, node)


def loadSegmentation(case, session, segmentation):
    """Load a case's segmentation.

    :param segmentation: artefact of kind ``segmentation``
    :returns: vtkMRMLSegmentationNode
    :raises InputRefused: ``cannot-read``
    """
    return Segments.readSegmentation(session, case.path(segmentation, FILE_NAME), f"{case.name} bone")


def ijkToRasOf(volumeNode):
    """Return a volume node's vtkMatrix4x4 from voxel indices to RAS mm."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    return matrix
