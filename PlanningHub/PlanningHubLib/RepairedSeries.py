"""A repaired volume as a DICOM CT series of its own: derived, secondary, with references to the scanned slices.

Rules: PS3.3 C.7.6.1 (General Image: Image Type, Derivation, Source Image Sequence), C.8.2.1 (CT Image), CID 7202 and
7203 for the codes. UIDs follow from the scanned slices and the repair, so that the same repair gives the same files.
"""

import json

import numpy

from .Completion import hashedUid
from .Progress import noProgress
from .Repair import scannedBeside
from .UncheckedValues import uncheckedValues

# What belongs to the scanned slice alone, or would be wrong for a resampled one.
DROPPED = (
    "SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "IconImageSequence", "ReferencedImageSequence", "SourceImageSequence", "DerivationDescription",
    "DerivationCodeSequence", "InstanceCreationDate", "InstanceCreationTime", "InstanceCreatorUID", "SeriesDate",
    "SeriesTime", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    "IrradiationEventUID", "DigitalSignaturesSequence", "MACParametersSequence", "OriginalAttributesSequence",
    "DataCollectionCenterPatient", "ReconstructionTargetCenterPatient", "NumberOfFrames", "FrameIncrementPointer",
)  # fmt: skip
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
SERIES_NUMBER = 9000
OVERLAY_GROUPS = range(0x6000, 0x6020, 2)


def repairedSeriesUid(plan):
    """Return the UID of the repaired series."""
    return _uid(plan, "series")


def _uid(plan, *parts):
    text = json.dumps([plan.asFacts(), [header.sopInstanceUid for header in plan.geometry.headers], *parts])
    return hashedUid(text)


def writeRepaired(plan, voxels, folder, progress=noProgress):
    """Write a repaired volume as one CT image per slice, named and ordered along the slices' normal.

    :param plan: :class:`PlanningHubLib.Repair.RepairPlan`
    :param voxels: int16 array of the plan's shape, in HU
    """
    import pydicom

    with uncheckedValues():
        for index, scanned in enumerate(scannedBeside(plan)):
            progress(index / len(voxels), f"Writing repaired slice {index + 1} of {len(voxels)}")
            nearest = pydicom.dcmread(scanned[0].path, stop_before_pixels=True)
            image = _derived(nearest, plan, index, voxels[index], scanned)
            image.save_as(folder / f"{index + 1:05}.dcm", enforce_file_format=True)


def _derived(image, plan, index, pixels, scanned):
    """Turn a scanned slice's header into the repaired slice's image."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    lossy = {keyword: image[keyword] for keyword in LOSSY if keyword in image}
    image.remove_private_tags()
    for tag in [tag for tag in image.keys() if tag.group in OVERLAY_GROUPS]:
        del image[tag]
    for keyword in DROPPED:
        if keyword in image:
            delattr(image, keyword)
    # An image once compressed with loss says so for ever (C.7.6.1.1.5).
    for element in lossy.values():
        image.add(element)
    _complete(image, scanned[0])
    image.SOPInstanceUID, image.SeriesInstanceUID = _uid(plan, "image", index), repairedSeriesUid(plan)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta, image.preamble = meta, b"\0" * 128
    _place(image, plan, index)
    _describe(image, plan, scanned)
    _fill(image, pixels)
    # A source in big endian was read with its own idea of both.
    image.set_original_encoding(False, True, image.original_character_set)
    return image


def _complete(image, header):
    """Write the identifiers that the scanned slice's own header may lack."""
    image.SOPClassUID, image.Modality = header.sopClassUid, header.modality
    image.PatientID, image.StudyInstanceUID = header.patientId, header.studyUid
    image.FrameOfReferenceUID = header.frameOfReferenceUid


def _place(image, plan, index):
    geometry = plan.geometry
    position = geometry.ijkToLps @ numpy.array([0, 0, index, 1.0])
    normal = geometry.ijkToLps[:3, 2] / geometry.spacingMm[2]
    image.ImagePositionPatient = [_decimal(value) for value in position[:3]]
    image.SliceLocation = _decimal(float(position[:3] @ normal))
    image.InstanceNumber = index + 1
    image.SeriesNumber = SERIES_NUMBER
    image.GantryDetectorTilt = "0"
    if "SpacingBetweenSlices" in image:
        image.SpacingBetweenSlices = _decimal(geometry.spacingMm[2])


def _decimal(value):
    """Return a number as a decimal string of at most 16 characters."""
    return f"{float(value):.8f}"[:16].rstrip("0").rstrip(".") or "0"


def _describe(image, plan, scanned):
    from pydicom.sr.codedict import codes

    facts = plan.asFacts()
    image.ImageType = ["DERIVED", "SECONDARY", "AXIAL"]
    image.SeriesDescription = f"Repaired: {str(image.get('SeriesDescription') or 'CT')}"[:64].strip()
    image.DerivationDescription = _derivation(plan, facts)
    if plan.isTilted or plan.isUneven:
        image.DerivationCodeSequence = [_item(codes.cid7203.SpatialResampling)]
    if "missing-uid" not in plan.completed:
        image.SourceImageSequence = [_imageReference(header, codes) for header in scanned]
        image.ReferencedSeriesSequence = [_seriesReference(scanned)]
    image.ContributingEquipmentSequence = [*image.get("ContributingEquipmentSequence", []), _equipment(codes)]


def _derivation(plan, facts):
    texts = []
    if plan.completed:
        texts.append(f"Identifiers completed ({', '.join(plan.completed)}).")
    if plan.isTilted or plan.isUneven:
        texts.append(
            f"Resampled for planning ({', '.join(facts['faults'])}): gantry tilt {facts['tiltDegrees']:g} degrees, "
            f"scanned slices {facts['smallestStepMm']:g} to {facts['largestStepMm']:g} mm apart; cubic in the plane, "
            "linear along the normal."
        )
    return " ".join(texts)


def _imageReference(header, codes):
    from pydicom.dataset import Dataset

    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = header.sopClassUid, header.sopInstanceUid
    reference.PurposeOfReferenceCodeSequence = [_item(codes.cid7202.SourceImageForImageProcessingOperation)]
    return reference


def _seriesReference(scanned):
    from pydicom.dataset import Dataset

    series = Dataset()
    series.SeriesInstanceUID = scanned[0].seriesUid
    series.ReferencedInstanceSequence = []
    for header in scanned:
        instance = Dataset()
        instance.ReferencedSOPClassUID, instance.ReferencedSOPInstanceUID = header.sopClassUid, header.sopInstanceUid
        series.ReferencedInstanceSequence.append(instance)
    return series


def _equipment(codes):
    from pydicom.dataset import Dataset

    from . import __version__

    equipment = Dataset()
    equipment.PurposeOfReferenceCodeSequence = [_item(codes.DCM.ProcessingEquipment)]
    equipment.Manufacturer, equipment.ManufacturerModelName = "Planning Hub", "Planning Hub for 3D Slicer"
    equipment.SoftwareVersions = f"Planning Hub {__version__}"
    equipment.ContributionDescription = "Resampled the scanned slices into a uniform volume"
    return equipment


def _item(code):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _fill(image, pixels):
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 1
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = "0", "1", "HU"
    image.add_new(0x7FE00010, "OW", numpy.ascontiguousarray(pixels, "<i2").tobytes())
