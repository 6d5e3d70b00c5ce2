"""DICOM objects of a copy: cleaned, completed so that they are what they claim to be, and written anew."""

import dataclasses

from . import DeidentifyRules as Rules
from . import __version__
from .DeidentifyDataset import codeItem
from .DeidentifyPixels import storedBytes
from .DeidentifySurfaces import rewrittenStl
from .Errors import InputRefused

# Made once from a random UUID (PS3.5 B.2).
IMPLEMENTATION_CLASS_UID = "2.25.217482236482651908235612239907781403217"
IMPLEMENTATION_VERSION_NAME = "PLANNINGHUB"
REMOVED = "Removed"
NO_DATE = "19000101"
METHOD_TEXTS = (
    "DICOM PS3.15 Annex E by allow-list",
    "Unlisted attributes, private data and free text dropped",
    "UIDs and pseudonym by keyed hash",
)
# Kinds that have voxels.
IMAGES = ("ct", "mr")
CLEAN_VISUAL_FEATURES = "113102"
DERIVED_FROM_SOURCE = "Face removed: soft tissue of the face set to air"


@dataclasses.dataclass(frozen=True)
class Defaced:
    """What a copy's images say of faces: removed from the pixels, or (None, None) nothing."""

    removed: bool = False
    visible: bool | None = None


def kindOf(dataset):
    """Return ``ct``, ``mr``, ``segmentation``, ``model``, ``document`` or ``report``, None for what is not copied."""
    return Rules.rules()["sopClasses"].get(str(dataset.get("SOPClassUID") or ""))


def cleanedObject(cleaner, dataset, values=None, faces=None, document=None):
    """Return the de-identified copy of a dataset, with file meta, ready to be written.

    :param values: for a CT or MR image, its stored values, array (rows, columns) or (frames, rows, columns)
    :param faces: the :class:`Defaced` of the images
    :param document: for an Encapsulated PDF, the bytes of the one that was drawn for the copy
    :raises InputRefused: ``object-not-supported``, ``surface-not-supported``
    """
    kind, result = kindOf(dataset), cleaner.clean(dataset)
    if kind in IMAGES:
        _finishImage(result, values, faces or Defaced())
    elif kind == "segmentation":
        _finishSegmentation(result, dataset)
    elif kind == "model":
        _finishModel(result, dataset)
    elif kind == "document":
        result.MIMETypeOfEncapsulatedDocument, result.DocumentTitle = "application/pdf", "Document"
        result.ConversionType = result.get("ConversionType") or "WSD"
        _finishEncapsulated(result, document)
    else:
        result.VerificationFlag = "UNVERIFIED"
        _numberMeasurements(result.get("ContentSequence", []), iter(range(1, 1 << 16)))
    if kind not in IMAGES or "SharedFunctionalGroupsSequence" in result:
        _finishEquipment(result, cleaner.profile)
    _statement(result, cleaner.profile, faces or Defaced())
    _fileMeta(result)
    return result


def _finishImage(result, values, faces):
    result.PixelData = storedBytes(values)
    result["PixelData"].VR = "OW" if result.BitsAllocated == 16 else "OB"
    if faces.visible is not None:
        result.RecognizableVisualFeatures = "YES" if faces.visible and not faces.removed else "NO"
    if faces.removed:
        for types in _typesOf(result):
            name = "ImageType" if "ImageType" in types else "FrameType"
            types[name].value = ["DERIVED", *list(types[name].value)[1:]]
        result.DerivationDescription = DERIVED_FROM_SOURCE
        result.DerivationCodeSequence = [codeItem("113047", "DCM", "Pixel by pixel mask")]


def _typesOf(result):
    """Yield the image and the frame type items of its functional groups."""
    yield result
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in result.get(name, []):
            for kind in ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence"):
                yield from (item for item in group.get(kind, []) if "FrameType" in item)


def _finishSegmentation(result, dataset):
    if result.get("SegmentationType") not in ("BINARY", "FRACTIONAL"):
        raise _notSupported("a segmentation of this type")
    if dataset.file_meta.TransferSyntaxUID.is_compressed and not dataset.file_meta.TransferSyntaxUID.is_deflated:
        dataset.decompress()
    bits = int(result.Rows) * int(result.Columns) * int(result.NumberOfFrames) * int(result.BitsAllocated)
    data = bytes(dataset.get("PixelData") or b"")[: -(-bits // 8)]
    result.PixelData = data + b"\0" * (len(data) % 2)
    result["PixelData"].VR = "OB"
    result.ContentDescription = ""
    for segment in result.SegmentSequence:
        types = segment.get("SegmentedPropertyTypeCodeSequence")
        segment.SegmentLabel = f"{types[0].CodeMeaning if types else 'Segment'} {segment.SegmentNumber}"[:64]
        if segment.get("SegmentAlgorithmType", "MANUAL") != "MANUAL":
            segment.SegmentAlgorithmName = REMOVED
        if "TrackingID" in segment:
            segment.TrackingID = f"Segment {segment.SegmentNumber}"


def _finishModel(result, dataset):
    if dataset.get("MIMETypeOfEncapsulatedDocument") != "model/stl":
        raise _notSupported("an encapsulated model that is not STL")
    data = bytes(dataset.EncapsulatedDocument)
    _finishEncapsulated(result, rewrittenStl(data[: int(dataset.get("EncapsulatedDocumentLength") or len(data))]))


def _finishEncapsulated(result, data):
    result.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    result.EncapsulatedDocumentLength = len(data)
    result.BurnedInAnnotation = "NO"
    result.VerificationFlag = "UNVERIFIED"
    for keyword in ("AcquisitionDateTime", "ContentDescription", "DocumentTitle"):
        if keyword not in result:
            setattr(result, keyword, "")
    if "ConceptNameCodeSequence" not in result:
        result.ConceptNameCodeSequence = []


def _numberMeasurements(items, numbers):
    """Name tracking identifiers by their number, in the order of the report."""
    for item in items:
        if item.get("ValueType") == "TEXT":
            item.TextValue = f"Measurement {next(numbers)}"
        _numberMeasurements(item.get("ContentSequence", []), numbers)


def _finishEquipment(result, profile):
    result.Manufacturer = result.get("Manufacturer") or REMOVED
    result.ManufacturerModelName = result.DeviceSerialNumber = result.SoftwareVersions = REMOVED
    # Type 1, and the profile keeps no dates.
    if not result.get("ContentDate"):
        result.ContentDate, result.ContentTime = NO_DATE, "000000"
    if "SharedFunctionalGroupsSequence" in result and kindOf(result) in IMAGES:
        result.AcquisitionDateTime = result.get("AcquisitionDateTime") or NO_DATE


def methodCodes(profile, faceRemoved):
    """Return the DCM codes of CID 7050 that hold for a copy."""
    return sorted({*profile.methodCodes, *([CLEAN_VISUAL_FEATURES] if faceRemoved else [])})


def _statement(result, profile, faces):
    """Say what was done (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1)."""
    codes = [Rules.knownCode(value, "DCM") for value in methodCodes(profile, faces.removed)]
    result.SpecificCharacterSet = "ISO_IR 192"
    result.PatientIdentityRemoved = "YES"
    result.DeidentificationMethod = [*METHOD_TEXTS, f"Planning Hub {__version__}, profile {profile.name}"]
    result.DeidentificationMethodCodeSequence = [codeItem(*code) for code in codes]
    result.LongitudinalTemporalInformationModified = "REMOVED" if profile.dates == "removed" else "MODIFIED"
    equipment = codeItem(*Rules.knownCode("109104", "DCM"))
    result.ContributingEquipmentSequence = [_equipment(equipment)]


def _equipment(purpose):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.Manufacturer, item.ManufacturerModelName = "Planning Hub", "Planning Hub for 3D Slicer"
    item.SoftwareVersions, item.PurposeOfReferenceCodeSequence = __version__, [purpose]
    return item


def _fileMeta(result):
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = result.SOPClassUID, result.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    result.file_meta = meta


def save(dataset, path):
    """Write an object with an empty preamble."""
    dataset.preamble = b"\0" * 128
    dataset.save_as(path, enforce_file_format=True)


def _notSupported(what):
    return InputRefused("object-not-supported", f"There is {what}, which cannot be copied.", "It is left out.")
