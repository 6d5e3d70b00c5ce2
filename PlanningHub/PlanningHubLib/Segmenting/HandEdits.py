"""What a hand changed in the segmentation that a scene shows, and keeping it as a new revision."""

import dataclasses

import slicer

from ..CaseView import shownNode
from ..Errors import GateRefused, InputRefused
from ..Nodes import removeNodes
from ..Progress import noProgress
from ..Segmentation import ijkToRasOf, loadSegmentation
from ..Volumes import loadSource, readGeometry
from .StructureNodes import digests, structuresIn, withHistory
from .StructureSegmentation import keep

BINARY_LABELMAP = "Binary labelmap"


@dataclasses.dataclass(frozen=True)
class Edits:
    """The names of the segments that a node holds otherwise than the case's segmentation does."""

    changed: tuple = ()
    added: tuple = ()
    removed: tuple = ()

    def __bool__(self):
        return bool(self.changed or self.added or self.removed)

    @property
    def names(self):
        return [*self.changed, *self.added, *self.removed]


def handEdits(case, session, node, shape, ijkToRas):
    """Compare a scene's segmentation node with the case's segmentation, segment by segment, by their voxels.

    :param node: vtkMRMLSegmentationNode that shows the case's newest segmentation
    :param shape: (slices, rows, columns) of the scan
    :param ijkToRas: 4×4 of the scan
    :returns: :class:`Edits`
    :raises InputRefused: ``other-grid``, ``name-taken``
    """
    if node.GetParentTransformNode() is not None:
        raise InputRefused("other-grid", "The segmentation was moved by a transform.", "Take the transform off it.")
    before = _digestsOf(case, session, case.latest("segmentation"), shape, ijkToRas)
    # A segment that was emptied is as good as taken away.
    after = {name: digest for name, digest in digests(node, shape, ijkToRas).items() if digest}
    return Edits(
        tuple(name for name in before if name in after and after[name] != before[name]),
        tuple(name for name in after if name not in before),
        tuple(name for name in before if name not in after),
    )


class EditsNoticed:
    """Tells what a hand changed in a scene, and looks at the voxels only where their image was touched since."""

    def __init__(self):
        self._stamp, self._edits = None, Edits()

    def look(self, case, session):
        """Return the :class:`Edits` of the nodes that show a case; none where it is not shown.

        :raises InputRefused: ``other-grid``, ``name-taken``
        """
        volume, node = (shownNode(session.scene, case, kind) for kind in ("source", "segmentation"))
        # A scene that was saved without its data has nodes without segments.
        if node is None or node.GetSegmentation().GetNumberOfSegments() == 0:
            self._stamp, self._edits = None, Edits()
            return self._edits
        stamp = _stamp(node)
        if stamp != self._stamp:
            self._edits = handEdits(case, session, node, *_grid(case, volume))
            self._stamp = stamp
        return self._edits


def _grid(case, volume):
    """Return (slices, rows, columns) and 4×4 to RAS mm of a case's scan, from its node where that has its voxels."""
    if volume is None or volume.GetImageData() is None:
        geometry = readGeometry(case, case.latest("source"))
        return geometry.shape, geometry.ijkToRas
    return volume.GetImageData().GetDimensions()[::-1], slicer.util.arrayFromVTKMatrix(ijkToRasOf(volume))


def _stamp(node):
    """Return what changes whenever a segment is touched, painted or renamed."""
    segmentation = node.GetSegmentation()
    ids = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    segments = [segmentation.GetSegment(segmentId) for segmentId in ids]
    images = [segment.GetRepresentation(BINARY_LABELMAP) for segment in segments]
    times = [(image.GetMTime(), image.GetPointData().GetScalars().GetMTime()) if image else None for image in images]
    names = [segment.GetName() for segment in segments]
    values = [segment.GetLabelValue() for segment in segments]
    return node.GetID(), node.GetTransformNodeID(), tuple(zip(ids, names, values, times, strict=True))


def _digestsOf(case, session, segmentation, shape, ijkToRas):
    if "structures" in segmentation.facts:
        return {name: facts["voxelsSha256"] for name, facts in segmentation.facts["structures"].items()}
    node = loadSegmentation(case, session, segmentation)
    try:
        return digests(node, shape, ijkToRas)
    finally:
        removeNodes(session.scene, node)


def keepHandEdits(case, session, node, user=None, progress=noProgress):
    """Keep what a hand changed as a new revision of the case's segmentation; what was made from the old one is stale.

    :param case: open for writing
    :param node: vtkMRMLSegmentationNode that shows the case's newest segmentation
    :returns: artefact of kind ``segmentation``; its parameters name the segments that were changed, added and removed
    :raises GateRefused: ``no-source``, ..., ``no-segmentation``, ..., ``nothing-changed``
    :raises InputRefused: ``other-grid``, ``name-taken``, ``empty-segment`` where nothing is left
    """
    source, segmentation = case.require("source"), case.require("segmentation")
    geometry = readGeometry(case, source)
    progress(0.1, "Comparing the segments")
    edits = handEdits(case, session, node, geometry.shape, geometry.ijkToRas)
    if not edits:
        raise GateRefused("nothing-changed", "No segment was changed.", "Change one in the Segment Editor first.")
    progress(0.4, "Loading the series")
    volume = loadSource(case, session, source, geometry)
    try:
        matrix = slicer.util.arrayFromVTKMatrix(ijkToRasOf(volume))
        found = structuresIn(node, geometry.shape, matrix)
        structures = [_withHand(one, segmentation, edits) for one in found]
        if not structures:
            raise InputRefused("empty-segment", "No segment has voxels any more.", "Undo, or segment again.")
        progress(0.8, "Saving")
        changes = dataclasses.asdict(edits)
        return keep(case, session, source, volume, structures, [], "hand", user, edits=changes)
    finally:
        removeNodes(session.scene, volume)


def _withHand(structure, segmentation, edits):
    """Return a structure with how it was made, the hand's part in it included."""
    made = withHistory(structure, segmentation)
    link = {"id": segmentation.id, "content": segmentation.content}
    if structure.name in edits.changed:
        return dataclasses.replace(made, parameters={"origin": "hand", "from": link, "before": made.parameters})
    if structure.name in edits.added:
        return dataclasses.replace(made, parameters={"origin": "hand", "from": link})
    return made
