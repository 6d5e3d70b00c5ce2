"""The source's slices with the plan drawn in, as a series of single images in the source's own frame of reference.

Values that nothing was drawn on are the source's. Multi-frame sources become single images too: what shows those shows
these.
"""

import io
import re

import numpy
from slicer.util import arrayFromVolume

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.SliceHeader import CT_IMAGE_STORAGE, MR_CLASSES, MR_IMAGE_STORAGE
from PlanningHubLib.Volumes import BONE_LEVEL_HU, BONE_WINDOW_HU

from ..BurnedText import caseWords, stateWords
from ..Manifest import roleOfPiece
from .DerivedObject import codedItem, newObject, newUid
from .EncapsulatedDocument import addCommonInstanceReference
from .SliceMarks import planMarks
from .SlicePainting import Painter

DERIVED_IMAGE = "derived-image"
ROLES = (DERIVED_IMAGE,)
SERIES_NUMBER = 9005
NOTICE = "Plan drawn in, not the scan"
# Above every window that CT is read in, and within what 12 bits hold from -1024 up; air.
BRIGHT_HU, DARK_HU = 3000, -1000
WINDOWS_HU = ((BONE_WINDOW_HU, BONE_LEVEL_HU, "BONE"), (400, 40, "SOFT TISSUE"))
# What of the source still holds for its copies.
KEPT = (
    "PatientPosition", "PositionReferenceIndicator", "AnatomicRegionSequence", "AcquisitionDate", "AcquisitionTime",
    "AcquisitionDateTime", "AcquisitionNumber", "SliceThickness",
    "SpacingBetweenSlices", "RecognizableVisualFeatures", "LossyImageCompression", "LossyImageCompressionRatio",
    "LossyImageCompressionMethod", "ContrastBolusAgent", "Rows", "Columns",
)  # fmt: skip
# Of these a side must not be said (PS3.16 Annex L), of others it has to be, if only that it is not known.
UNPAIRED = frozenset(
    "ABDOMEN ABDOMENPELVIS BLADDER BRAIN CHEST CHESTABDOMEN CHESTABDPELVIS COCCYX CSPINE CTSPINE FACE HEAD HEADNECK "
    "HEART JAW LIVER LSPINE LSSPINE MAXILLA NECK NECKCHEST PANCREAS PELVIS SKULL SPINE SSPINE STERNUM TLSPINE TSPINE "
    "WHOLEBODY".split()
)
CODE_STRING = re.compile("[A-Z0-9 _]{1,16}")
# What has to be there, if only empty.
TYPE_2_OF_CT = ("KVP", "AcquisitionNumber", "PositionReferenceIndicator", "SliceThickness")
TYPE_2_OF_MR = ("EchoTime", "EchoTrainLength", "PositionReferenceIndicator", "SliceThickness")
KEPT_OF_CT = ("KVP", "ConvolutionKernel", "RescaleType")
KEPT_OF_MR = (
    "ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime",
    "EchoTrainLength", "InversionTime", "MagneticFieldStrength",
)  # fmt: skip


def derivedImages(content, progress):
    """Yield (dataset, number from 1) of each slice with the plan drawn in; nothing where a slice meets none of it.

    :param content: :class:`ORExportLib.Content.Content`
    :raises InputRefused: ``cannot-draw-in``, where the source's values do not fit 16 bits
    """
    progress(0.0, "Plan on the slices")
    marks = planMarks(content)
    if marks:
        words = (stateWords(content.making, content.intendedUse), caseWords(content.making, content.side), NOTICE)
        voxels, window = arrayFromVolume(content.volumeNode), content.volumeNode.GetDisplayNode()
        series = DerivedSeries(
            content.source, content.making, voxels, marks, words, (window.GetWindow(), window.GetLevel())
        )
        for number in range(len(voxels)):
            progress(number / len(voxels), f"Plan on slice {number + 1} of {len(voxels)}")
            yield series.image(number), number + 1


def write(content, writer, progress):
    """Write the series with the plan drawn in."""
    for dataset, number in derivedImages(content, progress):
        writer.object(dataset, f"derived/{number:04}.dcm", roleOfPiece(DERIVED_IMAGE, number))
        # What refers to it later needs no pixels, and there are many of them.
        del dataset.PixelData


class DerivedSeries:
    """A series of a source's slices with marks painted into them.

    :param source: :class:`ORExportLib.Dicom.Source.Source`
    :param voxels: its values (slices, rows, columns): HU, of MR its own
    :param marks: list of :class:`ORExportLib.Dicom.SliceMarks.Mark`
    :param words: lines burned into every slice
    :param window: width and level to show MR in
    """

    def __init__(self, source, making, voxels, marks, words, window):
        self._source = source
        self._voxels = voxels
        self._isMr = source.first.SOPClassUID in MR_CLASSES
        self._isSigned = bool(source.first.get("PixelRepresentation"))
        self._limits = numpy.iinfo("<i2" if self._isSigned else "<u2")
        low, high = voxels.min((1, 2)), voxels.max((1, 2))
        self._requireFit(low, high)
        bright, dark = (high.max(), low.min()) if self._isMr else (BRIGHT_HU, DARK_HU)
        self._painter = Painter(marks, source.shape, words, bright, dark)
        self._template = self._common(making, window)

    def _requireFit(self, low, high):
        slopes, intercepts = numpy.array(self._source.rescales).T
        for values in (low, high):
            stored = numpy.rint((values - intercepts) / slopes)
            if stored.min() < self._limits.min or stored.max() > self._limits.max:
                raise InputRefused(
                    "cannot-draw-in", "The source's values take more than 16 bits; nothing can be drawn into them.",
                    "Leave the series with the plan drawn in out of the package.",
                )  # fmt: skip

    def image(self, number):
        """Return the dataset of a slice, numbered from 0."""
        import pydicom

        dataset = pydicom.Dataset(_elements(self._template))
        dataset.set_original_encoding(*self._template.original_encoding, self._template.original_character_set)
        dataset.file_meta = pydicom.dataset.FileMetaDataset(_elements(self._template.file_meta))
        dataset.preamble = bytes(128)
        dataset.SOPInstanceUID = newUid()
        dataset.file_meta["MediaStorageSOPInstanceUID"] = pydicom.DataElement(0x00020003, "UI", dataset.SOPInstanceUID)
        dataset.InstanceNumber = number + 1
        dataset.ImagePositionPatient = [_decimal(value) for value in self._source.positionsLps[number]]
        slope, intercept = self._source.rescales[number]
        dataset.RescaleSlope, dataset.RescaleIntercept = _decimal(slope), _decimal(intercept)
        header = self._source.headers[0 if self._source.frames else number]
        dataset.SourceImageSequence = [self._reference(header, number)]
        addCommonInstanceReference(dataset, [header])
        stored = self._stored(self._painter.painted(number, self._voxels[number]), slope, intercept)
        dataset.add_new(0x7FE00010, "OW", stored.tobytes())
        return dataset

    def _stored(self, values, slope, intercept):
        """Return what is stored for values, in 16 bits; what is drawn ends where those do."""
        if values.dtype == numpy.int16 and slope == 1 and intercept.is_integer():
            stored = values.astype(numpy.int32) - int(intercept)
        else:
            stored = numpy.rint((values - intercept) / slope)
        return stored.clip(self._limits.min, self._limits.max).astype(self._limits.dtype)

    def _common(self, making, window):
        """Return the dataset of what all images share."""
        source, modality = self._source, "MR" if self._isMr else "CT"
        description = f"Plan drawn in, {making.approvalWord}"
        dataset = newObject(
            source, making, MR_IMAGE_STORAGE if self._isMr else CT_IMAGE_STORAGE, modality, SERIES_NUMBER, description
        )
        for keyword in (*KEPT, *(KEPT_OF_MR if self._isMr else KEPT_OF_CT)):
            if keyword in source.first:
                dataset[keyword] = source.first[keyword]
        _addBodyPart(dataset, source.first)
        for keyword in TYPE_2_OF_MR if self._isMr else TYPE_2_OF_CT:
            if keyword not in dataset:
                setattr(dataset, keyword, None)
        dataset.FrameOfReferenceUID = source.frameOfReferenceUid
        dataset.ImageOrientationPatient = [_decimal(value) for value in source.orientation]
        dataset.PixelSpacing = [_decimal(value) for value in source.pixelSpacingMm]
        dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER" if self._isMr else "AXIAL"]
        dataset.DerivationDescription = f"{NOTICE}: contours, lines and words replace values; case {making.caseName}"
        dataset.BurnedInAnnotation = "YES"
        dataset.ImageComments = f"{making.caseName}: {description}"
        self._describeValues(dataset, window)
        template = _encoded(dataset)
        del template.SOPInstanceUID, template.InstanceNumber
        return template

    def _describeValues(self, dataset, window):
        from pydicom.sr.codedict import codes

        dataset.DerivationCodeSequence = [codedItem(codes.cid7203.PixelByPixelMask)]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelRepresentation = int(self._isSigned)
        windows = ((*window, "WHOLE RANGE"),) if self._isMr else WINDOWS_HU
        dataset.WindowWidth = [_decimal(width) for width, _center, _name in windows]
        dataset.WindowCenter = [_decimal(center) for _width, center, _name in windows]
        dataset.WindowCenterWidthExplanation = [name for _width, _center, name in windows]

    def _reference(self, header, number):
        from pydicom.dataset import Dataset
        from pydicom.sr.codedict import codes

        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
        if self._source.frames:
            item.ReferencedFrameNumber = self._source.frames[number]
        item.SpatialLocationsPreserved = "YES"
        item.PurposeOfReferenceCodeSequence = [codedItem(codes.cid7202.SourceImageForImageProcessingOperation)]
        return item


def _addBodyPart(dataset, header):
    part, side = (str(header.get(keyword) or "").strip() for keyword in ("BodyPartExamined", "Laterality"))
    if CODE_STRING.fullmatch(part):
        dataset.BodyPartExamined = part
    if part not in UNPAIRED:
        dataset.Laterality = side if side in ("L", "R") else None


def _elements(dataset):
    """Return the elements of a dataset in a mapping of their own; of datasets made of one another, all share one."""
    return {tag: dataset.get_item(tag) for tag in dataset.keys()}


def _encoded(dataset):
    """Return a dataset whose values are bytes already: writing it several hundred times is twice as fast."""
    import pydicom

    file = io.BytesIO()
    dataset.save_as(file)
    file.seek(0)
    return pydicom.dcmread(file, force=True)


def _decimal(value):
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)
