"""Headers that need a full DICOM parser: deflated, big endian, bare, multi-frame. For the worker process."""

import math
import warnings
import zlib

from .DicomHeader import expectedBytes, fieldsOf, makeHeader, pixelData, requireContent, wantedTags
from .Errors import InputRefused
from .HeaderWalk import BIG_ENDIAN, DEEPEST, DEFLATED
from .SliceHeader import VECTOR_FIELDS

MOST_INFLATED_BYTES = 1 << 29
MOST_FRAMES = 20_000
STANDARD_CLASSES = "1.2.840.10008."
# Name of a frame's attribute -> sequences of a functional group that may hold it; a dot leads into another sequence.
FRAME_GROUPS = {
    "ImagePositionPatient": "PlanePositionSequence",
    "ImageOrientationPatient": "PlaneOrientationSequence",
    "PixelSpacing": "PixelMeasuresSequence",
    "SliceThickness": "PixelMeasuresSequence",
    "RescaleSlope": "PixelValueTransformationSequence",
    "RescaleIntercept": "PixelValueTransformationSequence",
    "ConvolutionKernel": "CTReconstructionSequence",
    "RescaleType": "PixelValueTransformationSequence",
    "FrameType": ("CTImageFrameTypeSequence", "MRImageFrameTypeSequence", "XRay3DFrameTypeSequence"),
    "ComplexImageComponent": "MRImageFrameTypeSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "DiffusionBValue": "MRDiffusionSequence",
    "DiffusionGradientOrientation": "MRDiffusionSequence.DiffusionGradientDirectionSequence",
    "InversionTimes": "MRModifierSequence",
    "FlipAngle": "MRTimingAndRelatedParametersSequence",
    "FrameLaterality": "FrameAnatomySequence",
    "StackID": "FrameContentSequence",
    "FrameAcquisitionNumber": "FrameContentSequence",
    "TemporalPositionIndex": "FrameContentSequence",
    "NominalCardiacTriggerDelayTime": "CardiacSynchronizationSequence",
    "NominalPercentageOfCardiacPhase": "CardiacSynchronizationSequence",
}
FRAME_NAMES = {"ImageType": "FrameType", "AcquisitionNumber": "FrameAcquisitionNumber",
               "TemporalPositionIdentifier": "TemporalPositionIndex", "EchoTime": "EffectiveEchoTime",
               "InversionTime": "InversionTimes", "ImageLaterality": "FrameLaterality",
               "TriggerTime": "NominalCardiacTriggerDelayTime"}  # fmt: skip


def parseHeaders(path):
    """Return the :class:`PlanningHubLib.SliceHeader.SliceHeader` of each slice of a file; None for no DICOM file.

    :raises InputRefused: ``deflate-bomb``, ``nested-too-deep``, ``absurd-size``
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset, file = parsed(path)
        if dataset is None:
            return None
        with file:
            _requireShallow(dataset, path)
            syntax = _transferSyntax(dataset)
            mediaClass = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
            header = makeHeader(path, syntax, mediaClass, fieldsOf(functionOf(dataset)))
            requireContent(header)
            header.pixelOffset, header.missingPixelBytes = pixelData(file, header)
        if header.hasFrames:
            return _frameHeaders(dataset, header, syntax, mediaClass)
        return [header]


def parsed(path, withPixels=False):
    """Return the data set of a file, read no further than its pixels, and the file; None, None for no DICOM file."""
    import pydicom

    file = open(path, "rb")
    head = file.read(132)
    file.seek(0)
    force = head[128:132] != b"DICM"
    if force and not startsLikeDataset(head):
        file.close()
        return None, None
    _refuseDeflateBomb(file, path)
    file.seek(0)
    dataset = pydicom.dcmread(file, stop_before_pixels=not withPixels, force=force)
    if force and not _makesSense(dataset):
        file.close()
        return None, None
    return dataset, file


def startsLikeDataset(head):
    """Could these first bytes be a data set without preamble? It begins with its file meta or identifying group."""
    return len(head) >= 16 and head[:2] in (b"\x02\x00", b"\x08\x00") and head[2:4] <= b"\x20\x00"


def _makesSense(dataset):
    return (
        str(dataset.get("SOPClassUID", "")).startswith(STANDARD_CLASSES)
        and bool(dataset.get("SOPInstanceUID"))
        and "PatientID" in dataset
        and "Modality" in dataset
    )


def _transferSyntax(dataset):
    stated = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    if stated:
        return stated
    implicit, little = dataset.original_encoding
    return BIG_ENDIAN if not little else "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"


def _refuseDeflateBomb(file, path):
    """Inflate a deflated data set in pieces and forget them: its parser would take all of it at once."""
    from pydicom.filereader import _read_file_meta_info, read_preamble

    try:
        read_preamble(file, True)
        meta = _read_file_meta_info(file)
    except Exception:
        return
    if str(meta.get("TransferSyntaxUID", "")) != DEFLATED:
        return
    inflater, count = zlib.decompressobj(-zlib.MAX_WBITS), 0
    data = file.read(1 << 16)
    while data and not inflater.eof:
        count += len(inflater.decompress(data, 1 << 20))
        data = inflater.unconsumed_tail or file.read(1 << 16)
        if count > MOST_INFLATED_BYTES:
            raise InputRefused("deflate-bomb", f"{path} inflates to more than {MOST_INFLATED_BYTES >> 20} MiB.",
                               "Do not use this file; ask where it came from.", [path])  # fmt: skip


def _requireShallow(dataset, path):
    levels = [(dataset, 0)]
    while levels:
        owner, depth = levels.pop()
        if depth > DEEPEST:
            raise InputRefused("nested-too-deep", f"{path} nests sequences deeper than any real image.",
                               "Do not use this file; ask where it came from.", [path])  # fmt: skip
        levels.extend((item, depth + 1) for tag in owner.keys() for item in _items(owner, tag))


def _items(owner, tag):
    element = owner.get_item(tag)
    # Only what looks like a sequence: other odd elements are nobody's concern here.
    isRaw = element.is_raw and not (element.VR == "SQ" or bytes(element.value or b"")[:4] == b"\xfe\xff\x00\xe0")
    return [] if isRaw or owner[tag].VR != "SQ" else owner[tag].value


def functionOf(dataset, groups=()):
    """Return the function keyword → list of texts or numbers of a data set, frame groups first."""

    def value(keyword):
        element = _element(dataset, groups, keyword)
        if element is None or element.is_empty:
            return None
        values = element.value if isinstance(element.value, (list, tuple)) or element.VM > 1 else [element.value]
        # The one attribute of a frame that has several values where its single-frame sibling has one.
        values = values[:1] if keyword == "InversionTime" else values
        if wantedTags()[keyword][1] in ("US", "FL", "FD", "DS", "IS") or keyword in VECTOR_FIELDS:
            return [math.nan if one in ("", None) else float(one) for one in values]
        return [str(one).strip(" \0") for one in values]

    return value


def _element(dataset, groups, keyword):
    name = FRAME_NAMES.get(keyword, keyword)
    places = FRAME_GROUPS.get(name, ())
    for group in groups:
        for place in (places,) if isinstance(places, str) else places:
            item = group
            for step in place.split("."):
                item = (item.get(step, None) or [{}])[0]
            if name in item:
                return item[name]
    return dataset[keyword] if keyword in dataset else None


def _frameHeaders(dataset, header, syntax, mediaClass):
    """The headers of an enhanced image's frames: geometry by functional groups (PS3.3 C.7.6.16)."""
    count = int(header.numberOfFrames or 1)
    perFrame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    if count > MOST_FRAMES or len(perFrame) != count:
        raise InputRefused(
            "bad-frames", f"{header.path} states {count} frames and describes {len(perFrame)}.",
            "Fetch the series from the archive again.", [header.path])  # fmt: skip
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])[:1]
    step = expectedBytes(header) // count
    headers = []
    for number, group in enumerate(perFrame):
        frame = makeHeader(header.path, syntax, mediaClass, fieldsOf(functionOf(dataset, [group, *shared])))
        frame.frame = number
        frame.pixelOffset = None if header.pixelOffset is None else header.pixelOffset + number * step
        frame.missingPixelBytes = header.missingPixelBytes
        headers.append(frame)
    return headers


def referencedFiles(path):
    """Return the files that a DICOMDIR refers to, each as the list of its path's parts, in its order."""
    dataset, file = parsed(path)
    if dataset is None or "DirectoryRecordSequence" not in dataset:
        return None
    file.close()
    records = dataset.DirectoryRecordSequence
    found = (record.get("ReferencedFileID") for record in records)
    return [[one] if isinstance(one, str) else [str(part) for part in one] for one in found if one]
