"""The source series as later objects need it: whose it is, its frame of reference, its grid; read, never altered."""

import dataclasses
import datetime

import numpy as np

from PlanningHubLib.Errors import InputRefused

REQUIRED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")
GEOMETRY = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")
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
    """The headers of a series, one per slice in the order of the mask's first axis.

    The first header is whole; the others hold only what tells them apart. None holds pixels.
    """

    headers: tuple

    @property
    def first(self):
        return self.headers[0]

    @property
    def shape(self):
        """(slices, rows, columns)"""
        return len(self.headers), int(self.first.Rows), int(self.first.Columns)

    @property
    def frameOfReferenceUid(self):
        return str(self.first.FrameOfReferenceUID)

    @property
    def ijkToLps(self):
        """4x4 matrix from (column, row, slice) to LPS in mm (DICOM PS3.3 C.7.6.2.1.1)."""
        positions = [np.array(header.ImagePositionPatient, float) for header in self.headers]
        orientation = np.array(self.first.ImageOrientationPatient, float)
        betweenRowsMm, betweenColumnsMm = (float(value) for value in self.first.PixelSpacing)
        matrix = np.eye(4)
        matrix[:3, 0] = orientation[:3] * betweenColumnsMm
        matrix[:3, 1] = orientation[3:] * betweenRowsMm
        matrix[:3, 2] = (positions[-1] - positions[0]) / (len(positions) - 1)
        matrix[:3, 3] = positions[0]
        return matrix


def readSource(paths):
    """Return the :class:`Source` of DICOM files that are sorted by position.

    :raises InputRefused: ``source-unreadable``, ``source-without-identity`` or ``source-single-slice``
    """
    paths = list(paths)
    if len(paths) < 2:
        raise InputRefused("source-single-slice", "A source series needs at least two slices.")
    headers = [_readHeader(path, None if index == 0 else REQUIRED + GEOMETRY) for index, path in enumerate(paths)]
    for path, header in zip(paths, headers, strict=True):
        missing = [keyword for keyword in REQUIRED + GEOMETRY if not header.get(keyword)]
        if missing:
            raise InputRefused(
                "source-without-identity",
                f"The source image lacks {', '.join(missing)}; a DICOM object cannot refer to it.",
                "Export the series again from the archive, with its identifiers.",
                [path],
            )
    _tidy(headers[0])
    return Source(tuple(headers))


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
