"""What the header of one slice says, and which attributes say it."""

import dataclasses
from pathlib import Path

import numpy

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
LEGACY_ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.2"
CT_CLASSES = frozenset((CT_IMAGE_STORAGE, ENHANCED_CT, LEGACY_ENHANCED_CT))
# X-Ray 3D Angiographic and Craniofacial: volumes of cone-beam machines that are not written as CT.
CONE_BEAM_CLASSES = frozenset(f"1.2.840.10008.5.1.4.1.1.13.1.{number}" for number in (1, 2))
MR_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
MR_CLASSES = frozenset(f"{MR_IMAGE_STORAGE}{tail}" for tail in ("", ".1", ".4"))
# Whose slices are kept by a scan; of all other series only the first header is.
VOLUME_CLASSES = CT_CLASSES | CONE_BEAM_CLASSES | MR_CLASSES
# Whose frames are described by functional groups, even a single one.
FRAME_CLASSES = VOLUME_CLASSES - {CT_IMAGE_STORAGE, MR_IMAGE_STORAGE}

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
    "ManufacturerModelName": "model",
    "RescaleType": "rescaleType",
    "StackID": "stackId",
    "ComplexImageComponent": "complexComponent",
    "PhotometricInterpretation": "photometricInterpretation",
    "StudyDate": "studyDate",
    "AcquisitionDate": "acquisitionDate",
    "Laterality": "laterality",
    "ImageLaterality": "imageLaterality",
    "BodyPartExamined": "bodyPart",
    "SeriesDescription": "seriesDescription",
    "ProtocolName": "protocolName",
    "StudyDescription": "studyDescription",
    "ContrastBolusAgent": "contrastAgent",
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
    "NumberOfFrames": "numberOfFrames",
    "AcquisitionNumber": "acquisitionNumber",
    "TemporalPositionIdentifier": "temporalPosition",
    "NominalPercentageOfCardiacPhase": "cardiacPhasePercent",
    "TriggerTime": "triggerTimeMs",
    "DiffusionBValue": "diffusionBValue",
    "EchoTime": "echoTimeMs",
    "InversionTime": "inversionTimeMs",
    "FlipAngle": "flipAngleDegrees",
    "GantryDetectorTilt": "gantryTiltDegrees",
}
VECTOR_FIELDS = {
    "ImagePositionPatient": ("positionLps", 3),
    "ImageOrientationPatient": ("orientationLps", 6),
    "PixelSpacing": ("pixelSpacingMm", 2),
    "DiffusionGradientOrientation": ("diffusionDirection", 3),
}


@dataclasses.dataclass(slots=True)
class SliceHeader:
    """What one file's header says. Vectors are numpy arrays in mm and LPS, None where the file does not say.

    ``diffusionDirection`` is a unit vector in LPS (PS3.3 C.8.13.5.9).

    ``pixelOffset`` is where in the file uncompressed pixels begin, None where they are not found as the header says.
    ``frame`` is the number, from 0, of a multi-frame image's frame; None for a file that is one slice.
    """

    path: Path
    transferSyntaxUid: str
    imageType: tuple
    missingPixelBytes: int = 0
    pixelOffset: int | None = None
    frame: int | None = None
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
    model: str = ""
    rescaleType: str = ""
    stackId: str = ""
    complexComponent: str = ""
    photometricInterpretation: str = ""
    studyDate: str = ""
    acquisitionDate: str = ""
    laterality: str = ""
    imageLaterality: str = ""
    bodyPart: str = ""
    seriesDescription: str = ""
    protocolName: str = ""
    studyDescription: str = ""
    contrastAgent: str = ""
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
    numberOfFrames: float | None = None
    acquisitionNumber: float | None = None
    temporalPosition: float | None = None
    cardiacPhasePercent: float | None = None
    triggerTimeMs: float | None = None
    diffusionBValue: float | None = None
    echoTimeMs: float | None = None
    inversionTimeMs: float | None = None
    flipAngleDegrees: float | None = None
    gantryTiltDegrees: float | None = None
    positionLps: numpy.ndarray | None = None
    orientationLps: numpy.ndarray | None = None
    pixelSpacingMm: numpy.ndarray | None = None
    diffusionDirection: numpy.ndarray | None = None

    @property
    def patient(self):
        return (self.patientId, self.patientIdIssuer, self.patientName, self.patientBirthDate)

    @property
    def hasFrames(self):
        """Whether frames of the file are slices, which only a full parser can tell apart."""
        return self.sopClassUid in FRAME_CLASSES or (
            self.sopClassUid in VOLUME_CLASSES and (self.numberOfFrames or 1) > 1
        )


@dataclasses.dataclass
class ScannedSeries:
    """The headers of one series, in no particular order, and how many files it has.

    ``uid`` is the Series Instance UID, with ``#`` and a number where one series was split into several volumes.
    """

    uid: str
    headers: list
    count: int = 0

    @property
    def modality(self):
        """``CT`` (cone-beam CT too) or ``MR``, whose voxels have no unit; None for what is no volume."""
        return modalityOf(self.headers)


def modalityOf(headers):
    """Return what a series is planned on as, by its SOP classes: ``CT``, ``MR`` or None."""
    classes = {header.sopClassUid for header in headers}
    return "CT" if classes & (CT_CLASSES | CONE_BEAM_CLASSES) else "MR" if classes & MR_CLASSES else None
