"""Reading the headers of a folder of DICOM files, without their pixels, grouped by series."""

import dataclasses
import os
import struct
import warnings
from pathlib import Path

import numpy

from .Errors import Finding, InputRefused
from .Progress import noProgress

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
PIXEL_DATA_TAG = (0x7FE0, 0x0010)
UNDEFINED_LENGTH = 0xFFFFFFFF
FRAGMENT_TAG, FRAGMENTS_END_TAG = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)
DEFLATED = "1.2.840.10008.1.2.1.99"

# Attribute keyword -> field of SliceHeader.
TEXT_FIELDS = {
    "SOPClassUID": "sopClassUid",
    "SOPInstanceUID": "sopInstanceUid",
    "StudyInstanceUID": "studyUid",
    "SeriesInstanceUID": "seriesUid",
    "FrameOfReferenceUID": "frameOfReferenceUid",
    "Modality": "modality",
    "PatientID": "patientId",
    "IssuerOfPatientID": "patientIdIssuer",
    "PatientName": "patientName",
    "PatientBirthDate": "patientBirthDate",
    "ConvolutionKernel": "convolutionKernel",
    "Manufacturer": "manufacturer",
    "PhotometricInterpretation": "photometricInterpretation",
}
NUMBER_FIELDS = {
    "Rows": "rows",
    "Columns": "columns",
    "BitsAllocated": "bitsAllocated",
    "BitsStored": "bitsStored",
    "HighBit": "highBit",
    "PixelRepresentation": "pixelRepresentation",
    "SamplesPerPixel": "samplesPerPixel",
    "RescaleSlope": "rescaleSlope",
    "RescaleIntercept": "rescaleIntercept",
    "SliceThickness": "sliceThicknessMm",
}
VECTOR_FIELDS = {
    "ImagePositionPatient": ("positionLps", 3),
    "ImageOrientationPatient": ("orientationLps", 6),
    "PixelSpacing": ("pixelSpacingMm", 2),
}


@dataclasses.dataclass
class SliceHeader:
    """What one file's header says. Vectors are numpy arrays in mm and LPS, None where the file does not say.

    ``pixelOffset`` is where in the file uncompressed pixels begin, None where they are not found as the header says.
    """

    path: Path
    transferSyntaxUid: str
    imageType: tuple
    missingPixelBytes: int = 0
    pixelOffset: int | None = None
    sopClassUid: str = ""
    sopInstanceUid: str = ""
    studyUid: str = ""
    seriesUid: str = ""
    frameOfReferenceUid: str = ""
    modality: str = ""
    patientId: str = ""
    patientIdIssuer: str = ""
    patientName: str = ""
    patientBirthDate: str = ""
    convolutionKernel: str = ""
    manufacturer: str = ""
    photometricInterpretation: str = ""
    rows: float | None = None
    columns: float | None = None
    bitsAllocated: float | None = None
    bitsStored: float | None = None
    highBit: float | None = None
    pixelRepresentation: float | None = None
    samplesPerPixel: float | None = None
    rescaleSlope: float | None = None
    rescaleIntercept: float | None = None
    sliceThicknessMm: float | None = None
    positionLps: numpy.ndarray | None = None
    orientationLps: numpy.ndarray | None = None
    pixelSpacingMm: numpy.ndarray | None = None

    @property
    def patient(self):
        return (self.patientId, self.patientIdIssuer, self.patientName, self.patientBirthDate)


@dataclasses.dataclass
class ScannedSeries:
    """The headers of one series, in no particular order."""

    uid: str
    headers: list

    @property
    def isCt(self):
        return all(header.sopClassUid == CT_IMAGE_STORAGE for header in self.headers)


def scanSource(source, progress=noProgress):
    """Read all headers below a folder (or of one file).

    :param source: path of a folder, searched to any depth, or of a file
    :returns: list of :class:`ScannedSeries`, and findings about files that are not DICOM
    :raises InputRefused: ``no-source``, ``cannot-read``, ``no-dicom``
    """
    paths = _filesBelow(Path(source))
    headers, ignored, known = [], [], {}
    for number, path in enumerate(paths):
        progress(number / len(paths), f"Reading headers: {number} of {len(paths)} files")
        header = readHeader(path, known)
        (headers if header else ignored).append(header or path)
    if not headers:
        raise InputRefused(
            "no-dicom",
            f"There is no DICOM file in {source} ({len(paths)} other files).",
            "Choose the folder that holds the scanner's files.",
            [source],
        )
    findings = []
    if ignored:
        message = f"{len(ignored)} files are not DICOM and were left alone."
        findings.append(Finding("not-dicom", "info", message, "", tuple(ignored[:20])))
    bySeries = {}
    for header in headers:
        bySeries.setdefault(header.seriesUid, []).append(header)
    return [ScannedSeries(uid, members) for uid, members in bySeries.items()], findings


def _filesBelow(source):
    if not source.exists():
        raise InputRefused("no-source", f"{source} does not exist.", "Choose an existing folder.", [source])
    if source.is_file():
        return [source]

    def refuse(error):
        raise InputRefused("cannot-read", f"{error.filename} cannot be read: {error.strerror}.", "", [source])

    found = (Path(root) / name for root, _folders, names in os.walk(source, onerror=refuse) for name in names)
    return sorted(path for path in found if path.is_file() and path.name.upper() != "DICOMDIR")


def readHeaders(paths):
    """Return the :class:`SliceHeader` of each file, None for one that is not DICOM; raises as :func:`readHeader`."""
    known = {}
    return [readHeader(path, known) for path in paths]


def readHeader(path, known=None):
    """Return the :class:`SliceHeader` of a file, or None where it is not DICOM.

    :param known: dictionary shared by the files of a scan, so that values that most of them have are converted once
    :raises InputRefused: ``cannot-read``, ``damaged-header``
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    tags = [*TEXT_FIELDS, *NUMBER_FIELDS, *VECTOR_FIELDS, "ImageType", "SpecificCharacterSet"]
    try:
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags)
            except InvalidDicomError:
                return None
            header = SliceHeader(
                path,
                str(dataset.file_meta.get("TransferSyntaxUID", "")),
                tuple(dataset.get("ImageType") or ()),
                **_fields(dataset, {} if known is None else known),
            )
            header.pixelOffset, header.missingPixelBytes = _pixelData(file, header)
            return header
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except Exception as error:
        raise InputRefused(
            "damaged-header",
            f"The header of {path} cannot be understood ({type(error).__name__}).",
            "Fetch the series from the archive again.",
            [path],
        ) from error


def _fields(dataset, known):
    # What else the meaning of an element's bytes depends on.
    coding = (str(dataset.file_meta.get("TransferSyntaxUID")), str(dataset.get("SpecificCharacterSet")))

    def value(keyword):
        element = dataset.get_item(keyword)
        if element is None or not element.is_raw:
            return dataset.get(keyword)
        key = (keyword, element.VR, element.value, coding)
        if key not in known:
            known[key] = dataset.get(keyword)
        return known[key]

    fields = {field: str(value(keyword) or "").strip() for keyword, field in TEXT_FIELDS.items()}
    # Careless anonymisers empty the data set and leave the file's own header as it was.
    fields["sopClassUid"] = fields["sopClassUid"] or str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
    for keyword, field in NUMBER_FIELDS.items():
        number = value(keyword)
        fields[field] = None if number in (None, "") else float(number)
    for keyword, (field, length) in VECTOR_FIELDS.items():
        numbers = value(keyword)
        fields[field] = numpy.array(numbers, dtype=float) if numbers and len(numbers) == length else None
    return fields


def _pixelData(file, header):
    """Return where uncompressed pixels begin and how many bytes of them the file lacks.

    For compressed pixels None, and what their fragments lack; for a deflated file None and 0: its decoder tells.
    Without the length that the header lets expect, None.

    ``file`` stands where reading stopped: at the pixel data's tag, or at the end where there is none.
    """
    if header.transferSyntaxUid == DEFLATED:
        return None, 0
    start = file.tell()
    head = file.read(12)
    bigEndian = header.transferSyntaxUid == "1.2.840.10008.1.2.2"
    order = ">" if bigEndian else "<"
    expected = int(
        (header.rows or 0) * (header.columns or 0) * (header.bitsAllocated or 0) // 8 * (header.samplesPerPixel or 1)
    )
    if len(head) < 12 or struct.unpack(order + "HH", head[:4]) != PIXEL_DATA_TAG:
        return None, expected
    explicit = head[4:6] in (b"OW", b"OB")
    length = struct.unpack(order + "I", head[8:12] if explicit else head[4:8])[0]
    size = os.fstat(file.fileno()).st_size
    if length == UNDEFINED_LENGTH:
        return None, _missingFragmentBytes(file, size)
    offset = start + (12 if explicit else 8)
    return offset if length == expected else None, max(0, expected - min(length, size - offset))


def _missingFragmentBytes(file, size):
    """Return how many bytes compressed pixel data lack: they are fragments up to an end mark (PS3.5 A.4)."""
    while True:
        head = file.read(8)
        if len(head) < 8:
            return 8 - len(head)
        group, element, length = struct.unpack("<HHI", head)
        if (group, element) == FRAGMENTS_END_TAG:
            return 0
        end = file.tell() + length
        if (group, element) != FRAGMENT_TAG or end > size:
            return max(1, end - size)
        file.seek(end)
