"""Segments as a DICOM Segmentation (binary) on the grid of the images they were made from."""

import dataclasses

import numpy as np
import vtk
from slicer.util import vtkMatrixFromArray

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Segments import maskOnGrid

from .DerivedObject import commonArguments, complete, identityAsItIs, longString

SERIES_NUMBER = 9001
ROLE = "segmentation-dicom"
ROLES = (ROLE,)
TERMINOLOGY_TAG = "TerminologyEntry"
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclasses.dataclass(frozen=True)
class Segment:
    """One segment on the source's grid.

    :param mask: array [slice, row, column], zero outside
    :param category: (value, scheme, meaning) of Segmented Property Category
    :param propertyType: the same of Segmented Property Type
    :param region: the same of Anatomic Region, or None
    :param color: red, green, blue, 0..1
    :param modifier: as category, of Segmented Property Type Modifier, such as left; or None
    """

    label: str
    mask: np.ndarray
    category: tuple
    propertyType: tuple
    region: tuple | None
    color: tuple
    modifier: tuple | None = None


@dataclasses.dataclass(frozen=True)
class Algorithm:
    """What segmented: name, version, and whether a person had a hand in it."""

    name: str
    version: str
    automatic: bool = False


def write(content, writer, progress):
    """Write the segmentation of a :class:`ORExportLib.Content.Content`."""
    progress(0.0, "DICOM segmentation")
    made = content.inputs.segmentation
    algorithm = Algorithm(
        f"Planning Hub {made.parameters.get('method', 'unknown method')}", made.software["Planning Hub"]
    )
    dataset = buildSegmentation(content.source, content.making, content.segments, algorithm)
    writer.object(dataset, "segmentation.dcm", ROLE)


def segmentsOnSource(segmentationNode, source):
    """Return the :class:`Segment` list of a vtkMRMLSegmentationNode whose labelmaps lie on the source's voxels.

    :raises InputRefused: ``other-grid``, ``empty-segment`` or ``segment-not-coded``
    """
    if segmentationNode.GetParentTransformNode() is not None:
        raise _otherGrid("has been moved by a transform")
    segmentation = segmentationNode.GetSegmentation()
    return [
        _segment(segmentationNode, segmentation.GetNthSegmentID(index), source)
        for index in range(segmentation.GetNumberOfSegments())
    ]


def _segment(segmentationNode, segmentId, source):
    segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
    mask = maskOnGrid(segmentationNode, segmentId, vtkMatrixFromArray(RAS_TO_LPS @ source.ijkToLps), source.shape)
    tag = vtk.mutable("")
    segment.GetTag(TERMINOLOGY_TAG, tag)
    category, propertyType, modifier, region = parseTerminology(str(tag), segment.GetName())
    return Segment(segment.GetName(), mask, category, propertyType, region, segment.GetColor(), modifier)


def parseTerminology(entry, label):
    """Return category, type, modifier and region, each (value, scheme, meaning), of Slicer's terminology entry text.

    Modifier and region are None where the entry has none.

    :raises InputRefused: ``segment-not-coded``
    """
    fields = entry.split("~")
    codes = [_code(fields[index]) if index < len(fields) else None for index in (1, 2, 3, 5)]
    if codes[0] is None or codes[1] is None:
        raise InputRefused(
            "segment-not-coded",
            f'The segment "{label}" has no terminology code.',
            "Choose what the segment is in Segment Editor or run the segmentation step again.",
        )
    return codes


def _code(text):
    parts = text.split("^")
    return (parts[1], parts[0], parts[2]) if len(parts) == 3 and all(parts) else None


def _otherGrid(reason):
    return InputRefused("other-grid", f"The segmentation {reason}.", "Segment on the imported series itself.")


def buildSegmentation(source, making, segments, algorithm):
    """Return the DICOM SEG dataset of segments: BINARY, same frame of reference, one frame per slice that is not empty.

    :param segments: non-empty list of :class:`Segment` whose masks have the source's shape
    :raises InputRefused: ``other-grid`` when a mask has another shape
    """
    import highdicom

    if any(segment.mask.shape != source.shape for segment in segments):
        raise _otherGrid("is not of the size of its source")
    with identityAsItIs():
        dataset = highdicom.seg.Segmentation(
            source_images=source.headers,
            pixel_array=_pixels(segments),
            segmentation_type="BINARY",
            segment_descriptions=[
                _description(number, segment, algorithm) for number, segment in enumerate(segments, start=1)
            ],
            content_label="SEGMENTATION",
            content_description=longString(f"{making.caseName} segmentation, {making.approvalWord}"),
            omit_empty_frames=True,
            **_places(source),
            **commonArguments(source, making, SERIES_NUMBER, "Segmentation"),
        )
    complete(dataset, source, making)
    return dataset


def _places(source):
    """Where the mask's planes are: as the images, or as frames of one image whose order is its own."""
    if source.frames is None:
        return {}
    from highdicom import PlanePositionSequence

    frames = source.first.PerFrameFunctionalGroupsSequence
    positions = [frames[number - 1].PlanePositionSequence[0].ImagePositionPatient for number in source.frames]
    return {"plane_positions": [PlanePositionSequence("PATIENT", position) for position in positions]}


def _pixels(segments):
    if len(segments) == 1:
        return (segments[0].mask != 0).view(np.uint8)
    return np.stack([segment.mask != 0 for segment in segments], axis=-1).view(np.uint8)


def _description(number, segment, algorithm):
    import highdicom
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    description = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=longString(segment.label),
        segmented_property_category=Code(*segment.category),
        segmented_property_type=Code(*segment.propertyType),
        anatomic_regions=[Code(*segment.region)] if segment.region else None,
        algorithm_type="AUTOMATIC" if algorithm.automatic else "SEMIAUTOMATIC",
        algorithm_identification=highdicom.AlgorithmIdentificationSequence(
            name=longString(algorithm.name),
            family=codes.cid7162.MorphologicalOperations,
            version=longString(algorithm.version),
        ),
        display_color=highdicom.color.CIELabColor.from_rgb(*(255 * value for value in segment.color)),
    )
    if segment.modifier:
        propertyType = description.SegmentedPropertyTypeCodeSequence[0]
        propertyType.SegmentedPropertyTypeModifierCodeSequence = [highdicom.sr.CodedConcept(*segment.modifier)]
    return description
