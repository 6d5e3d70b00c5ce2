"""Small MR series, and multi-frame files of any class whose geometry stands in functional groups only."""

import numpy
import pydicom
from CaseMaking import asymmetricVoxels, writeSmallSeries

from Phantom.DicomSeries import saveImage, uidFor

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR, LEGACY_MR = MR_IMAGE + ".1", MR_IMAGE + ".4"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
XRAY_ANGIOGRAPHIC, XRAY_CRANIOFACIAL = "1.2.840.10008.5.1.4.1.1.13.1.1", "1.2.840.10008.5.1.4.1.1.13.1.2"
NO_MR_ATTRIBUTES = (
    "KVP", "GantryDetectorTilt", "ExposureTime", "XRayTubeCurrent", "Exposure", "ConvolutionKernel",
    "RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth",
)  # fmt: skip
MR_ATTRIBUTES = {
    "SOPClassUID": MR_IMAGE, "Modality": "MR", "ImageType": ["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"],
    "StudyDescription": "MR head, synthetic", "SeriesDescription": "T1 3D", "ScanningSequence": "GR",
    "SequenceVariant": ["SK", "SP"], "ScanOptions": "FS", "MRAcquisitionType": "3D", "RepetitionTime": "2300",
    "EchoTime": "2.98", "InversionTime": "900", "FlipAngle": "9", "MagneticFieldStrength": "3", "EchoTrainLength": "1",
    "NumberOfAverages": "1", "PixelBandwidth": "240", "ImagedNucleus": "1H", "AcquisitionMatrix": [0, 24, 20, 0],
    "PixelRepresentation": 0, "BitsStored": 12, "HighBit": 11,
}  # fmt: skip
# HU of a tissue -> its signal: air, fat, fluid, skin, brain, muscle, spongy bone, cortical bone, teeth.
SIGNALS = (
    (-1000, 4), (-95, 800), (8, 150), (30, 400), (36, 550), (55, 350), (300, 60), (600, 220), (1000, 40), (2500, 10),
)  # fmt: skip
# Attribute of a single-frame image -> functional group of a frame that holds it, and its name there.
GROUPS = {
    "ImagePositionPatient": ("PlanePositionSequence", "ImagePositionPatient"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
    "RescaleSlope": ("PixelValueTransformationSequence", "RescaleSlope"),
    "RescaleIntercept": ("PixelValueTransformationSequence", "RescaleIntercept"),
    "RescaleType": ("PixelValueTransformationSequence", "RescaleType"),
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "InversionTime": ("MRModifierSequence", "InversionTimes"),
    "FlipAngle": ("MRTimingAndRelatedParametersSequence", "FlipAngle"),
}


def mrVoxels(shape=(6, 20, 24)):
    """Unsigned intensities that no mirror image or turn maps onto itself: bone dark, no two slices alike."""
    kinds = asymmetricVoxels(shape)
    voxels = numpy.where(kinds > 500, 90, numpy.where(kinds > 0, 700, 3)).astype(numpy.uint16)
    return voxels + numpy.arange(shape[0], dtype=numpy.uint16)[:, None, None] * (voxels > 5)


def noiseVoxels(shape=(6, 40, 48)):
    """Intensities in which nobody can tell body from air."""
    return numpy.random.default_rng(3).integers(0, 1000, shape, dtype=numpy.uint16)


def headMr():
    """The head phantom as MR intensities (fat bright, bone dark, Rician noise), the phantom, and its matrix to LPS."""
    from Phantom.HeadPhantom import makeHeadPhantom, smallShape

    phantom = makeHeadPhantom(smallShape, noiseHu=1.0)
    signal = numpy.interp(phantom.voxelsHu, *zip(*SIGNALS, strict=True))
    noise = numpy.random.default_rng(1).normal(0, 8, (2, *signal.shape))
    matrix = numpy.diag([*phantom.spacingMm, 1.0])
    matrix[:3, 3] = phantom.originLps
    return numpy.hypot(signal + noise[0], noise[1]).astype(numpy.uint16), phantom, matrix


def toMr(image, stored, **attributes):
    """Turn a CT image of the writer into MR of the stored values; an attribute of None is removed."""
    for keyword in NO_MR_ATTRIBUTES:
        if keyword in image:
            delattr(image, keyword)
    for keyword, value in {**MR_ATTRIBUTES, **attributes}.items():
        if value is not None:
            setattr(image, keyword, value)
        elif keyword in image:
            delattr(image, keyword)
    image.PixelData = numpy.ascontiguousarray(stored, "<u2").tobytes()
    return image


def writeMr(folder, voxels=None, change=None, seriesUid=None, **attributes):
    """Write a single-frame MR series; return its paths in order of position. ``change(image, index)`` goes last."""
    voxels = mrVoxels() if voxels is None else voxels
    place = {} if seriesUid is None else {"seriesUid": seriesUid}
    paths = writeSmallSeries(folder, numpy.zeros(voxels.shape, numpy.int16), **place)
    for index, path in enumerate(paths):
        image = toMr(pydicom.dcmread(path), voxels[index], **attributes)
        image.SOPInstanceUID = uidFor("mr image", image.SOPInstanceUID, folder.name)
        image.SeriesInstanceUID = seriesUid or uidFor("mr series", image.SeriesInstanceUID, folder.name)
        if change:
            change(image, index)
        saveImage(image, path)
    return paths


def writeHeadMr(folder):
    """Write the head phantom as a single-frame MR series; return its paths."""
    from Phantom.HeadPhantom import writeHeadPhantom

    voxels, phantom, _matrix = headMr()
    for index, path in enumerate(writeHeadPhantom(folder, phantom)):
        saveImage(toMr(pydicom.dcmread(path), voxels[index]), path)
    return sorted(folder.iterdir())


def writeFrames(path, paths, sopClassUid=ENHANCED_MR, extras=None, syntax=None, **attributes):
    """Make one multi-frame file of single-frame ones, and remove those.

    :param extras: per frame, sequence of a functional group -> {name: value}
    """
    images = [pydicom.dcmread(one) for one in paths]
    whole = pydicom.dcmread(paths[0])
    for keyword in (*GROUPS, "SliceLocation"):
        if keyword in whole:
            delattr(whole, keyword)
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = sopClassUid
    whole.NumberOfFrames = len(images)
    for keyword, value in attributes.items():
        setattr(whole, keyword, value)
    whole.SharedFunctionalGroupsSequence = [pydicom.Dataset()]
    frames = [_frame(image, extra) for image, extra in zip(images, extras or [{}] * len(images), strict=True)]
    whole.PerFrameFunctionalGroupsSequence = frames
    whole.PixelData = b"".join(image.PixelData for image in images)
    if syntax:
        whole.compress(syntax)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole.save_as(path)
    for one in paths:
        one.unlink()
    return path


def _frame(image, extra):
    frame = pydicom.Dataset()
    for keyword, (sequence, name) in GROUPS.items():
        if keyword in image:
            _put(frame, sequence, name, image[keyword].value)
    for sequence, values in extra.items():
        for name, value in values.items():
            _put(frame, sequence, name, value)
    return frame


def _put(frame, sequence, name, value):
    if sequence not in frame:
        setattr(frame, sequence, [pydicom.Dataset()])
    setattr(frame[sequence].value[0], name, value)
