"""The source series as later objects need it: whose it is, its frame of reference, its grid; read, never altered."""

import dataclasses
import datetime

import numpy as np

from PlanningHubLib.Errors import InputRefused

REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
RESCALE = ("RescaleSlope", "RescaleIntercept")
EMPTY_IF_ABSENT = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)
# Kinds of pydicom.valuerep, and the time zone.
DATES_AND_TIMES = {
    "PatientBirthDate": "DA",
    "StudyDate": "DA",
    "StudyTime": "TM",
    "AcquisitionDate": "DA",
    "AcquisitionTime": "TM",
    "AcquisitionDateTime": "DT",
    "TimezoneOffsetFromUTC": "offset",
}


@dataclasses.dataclass(frozen=True)
class Source:
    """The images of a series and where its slices are, in the order of the mask's first axis.

    :param headers: one per file: of single slices in the slices' order, or one of a multi-frame image. The first header
        is whole; others hold only what tells them apart. None holds pixels.
    :param positionsLps: array (slices, 3) in mm
    :param orientation: row and column cosines, 6 numbers in LPS
    :param pixelSpacingMm: between rows, between columns
    :param frames: of a multi-frame image, the number of each slice's frame, from 1
    :param rescales: each slice's slope and intercept, from stored values to what they mean
    """

    headers: tuple
    positionsLps: np.ndarray
    orientation: np.ndarray
    pixelSpacingMm: tuple
    frames: tuple | None = None
    rescales: tuple = ()

    @property
    def first(self):
        return self.headers[0]

    @property
    def shape(self):
        """(slices, rows, columns)"""
        return len(self.positionsLps), int(self.first.Rows), int(self.first.Columns)

    @property
    def frameOfReferenceUid(self):
        return str(self.first.FrameOfReferenceUID)

    @property
    def sliceStepMm(self):
        """From one slice to the next: a vector in LPS."""
        return (self.positionsLps[-1] - self.positionsLps[0]) / (len(self.positionsLps) - 1)

    @property
    def ijkToLps(self):
        """4x4 matrix from (column, row, slice) to LPS in mm (DICOM PS3.3 C.7.6.2.1.1)."""
        betweenRowsMm, betweenColumnsMm = self.pixelSpacingMm
        matrix = np.eye(4)
        matrix[:3, 0] = self.orientation[:3] * betweenColumnsMm
        matrix[:3, 1] = self.orientation[3:] * betweenRowsMm
        matrix[:3, 2] = self.sliceStepMm
        matrix[:3, 3] = self.positionsLps[0]
        return matrix


def readSource(paths, slices=None):
    """Return the :class:`Source` of DICOM files that are sorted by position, or of one multi-frame file.

    :param slices: the :class:`PlanningHubLib.SliceHeader.SliceHeader` of the series along its normal, which a
        multi-frame file needs: its frames may be in any order, and some of another volume
    :raises InputRefused: ``source-unreadable``, ``source-without-identity``, ``source-single-slice`` or
        ``source-several-multi-frame``
    """
    paths = list(paths)
    isMultiFrame = bool(slices) and slices[0].frame is not None
    if len(slices if isMultiFrame else paths) < 2:
        raise InputRefused("source-single-slice", "A source series needs at least two slices.")
    if isMultiFrame and len(paths) > 1:
        raise InputRefused(
            "source-several-multi-frame",
            f"The source series is in {len(paths)} multi-frame files; a segmentation can refer to one only.",
            "Export the series as single slices, or as one file.",
            paths,
        )
    required = REQUIRED + (() if isMultiFrame else GEOMETRY)
    headers = [_readHeader(path, None if index == 0 else required + RESCALE) for index, path in enumerate(paths)]
    for path, header in zip(paths, headers, strict=True):
        missing = [keyword for keyword in required if not header.get(keyword)]
        if missing:
            raise InputRefused(
                "source-without-identity",
                f"The source image lacks {', '.join(missing)}; a DICOM object cannot refer to it.",
                "Export the series again from the archive, with its identifiers.",
                [path],
            )
    _tidy(headers[0])
    return _ofFrames(headers[0], slices) if isMultiFrame else _ofSlices(headers)


def _ofSlices(headers):
    return Source(
        tuple(headers),
        np.array([header.ImagePositionPatient for header in headers], float),
        np.array(headers[0].ImageOrientationPatient, float),
        tuple(float(value) for value in headers[0].PixelSpacing),
        rescales=tuple(_rescale(header.get("RescaleSlope"), header.get("RescaleIntercept")) for header in headers),
    )


def _rescale(slope, intercept):
    return 1.0 if slope is None else float(slope), float(intercept or 0)


def _ofFrames(header, slices):
    source = Source(
        (header,),
        np.array([one.positionLps for one in slices], float),
        np.array(slices[0].orientationLps, float),
        tuple(float(value) for value in slices[0].pixelSpacingMm),
        tuple(one.frame + 1 for one in slices),
        tuple(_rescale(one.rescaleSlope, one.rescaleIntercept) for one in slices),
    )
    _placeFrames(source, slices[0].sliceThicknessMm)
    return source


def _placeFrames(source, sliceThicknessMm):
    """Give the in-memory header functional groups of one form: archives put geometry into shared or per-frame ones."""
    from pydicom.dataset import Dataset

    header, measures, orientation, shared = source.first, Dataset(), Dataset(), Dataset()
    stepMm = float(np.linalg.norm(source.sliceStepMm))
    measures.PixelSpacing = [_decimal(value) for value in source.pixelSpacingMm]
    measures.SliceThickness, measures.SpacingBetweenSlices = _decimal(sliceThicknessMm or stepMm), _decimal(stepMm)
    orientation.ImageOrientationPatient = [_decimal(value) for value in source.orientation]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    header.SharedFunctionalGroupsSequence = [shared]
    # Objects refer to frames by their place: frames of other volumes must lie where no slice of this one does.
    elsewhere = source.positionsLps[-1] + source.sliceStepMm
    positions = dict(zip(source.frames, source.positionsLps, strict=True))
    header.PerFrameFunctionalGroupsSequence = [
        _placed(positions.get(number, elsewhere)) for number in range(1, int(header.NumberOfFrames) + 1)
    ]


def _placed(positionLps):
    from pydicom.dataset import Dataset

    group, position = Dataset(), Dataset()
    position.ImagePositionPatient = [_decimal(value) for value in positionLps]
    group.PlanePositionSequence = [position]
    return group


def _decimal(value):
    """Return a number as a decimal string's 16 characters can hold it."""
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)


def _readHeader(path, keywords):
    import pydicom

    try:
        # The import takes files without preamble too, where they make sense.
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=keywords and list(keywords), force=True)
    except (OSError, pydicom.errors.InvalidDicomError) as error:
        raise InputRefused(
            "source-unreadable", f"The source image cannot be read: {error}.", "Import the series again.", [path]
        ) from error


def _tidy(header):
    """Give the in-memory header every type 2 attribute, and empty the values that DICOM does not allow."""
    for keyword in EMPTY_IF_ABSENT:
        if keyword not in header:
            setattr(header, keyword, None)
    if header.PatientSex not in ("M", "F", "O"):
        header.PatientSex = None
    for keyword, form in DATES_AND_TIMES.items():
        if header.get(keyword) and not _isReadable(form, header[keyword].value):
            setattr(header, keyword, None)


def _isReadable(form, value):
    from pydicom import valuerep

    try:
        if form == "offset":
            datetime.datetime.strptime(str(value).strip(), "%z")
        else:
            getattr(valuerep, form)(value)
    except (ValueError, TypeError):
        return False
    return True
