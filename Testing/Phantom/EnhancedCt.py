"""Turns the slices of a CT series into one multi-frame file (Enhanced CT Image Storage, PS3.3 A.38)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .DicomSeries import uidFor

ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"


def writeEnhanced(
    paths: Sequence[Path], path: Path, order: Sequence[int] | None = None, perFrame: bool = False, phases: int = 1
) -> Path:
    """Write slices as one Enhanced CT image, frames in any order; return its path.

    :param order: indices of the slices, frame by frame
    :param perFrame: repeat orientation and spacing in each frame instead of sharing them
    :param phases: how many cardiac phases, interleaved; each later one a HU brighter
    """
    import pydicom
    from pydicom.dataset import Dataset

    images = [pydicom.dcmread(paths[index]) for index in (range(len(paths)) if order is None else order)]
    whole = pydicom.dcmread(paths[0])
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = ENHANCED_CT
    uid = uidFor("enhanced", *(image.SOPInstanceUID for image in images), perFrame, phases)
    whole.SOPInstanceUID = whole.file_meta.MediaStorageSOPInstanceUID = uid
    whole.ImageType, whole.AcquisitionDateTime = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"], "20240102101112"

    def group(image, *names):
        item = Dataset()
        for name in names:
            if name in image:
                setattr(item, name, image[name].value)
        return [item]

    def alike(item):
        item.PlaneOrientationSequence = group(images[0], "ImageOrientationPatient")
        item.PixelMeasuresSequence = group(images[0], "PixelSpacing", "SliceThickness")

    shared, frames, pixels = Dataset(), [], []
    shared.PixelValueTransformationSequence = group(images[0], "RescaleSlope", "RescaleIntercept", "RescaleType")
    if not perFrame:
        alike(shared)
    for image, phase in ((image, phase) for image in images for phase in range(phases)):
        frame, cardiac = Dataset(), Dataset()
        frame.PlanePositionSequence = group(image, "ImagePositionPatient")
        if perFrame:
            alike(frame)
        if phases > 1:
            cardiac.NominalPercentageOfCardiacPhase = 10.0 * phase
            frame.CardiacSynchronizationSequence = [cardiac]
        frames.append(frame)
        pixels.append(image.pixel_array + np.int16(phase))
    for name in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope",
                 "RescaleIntercept", "RescaleType"):  # fmt: skip
        whole.pop(name, None)
    whole.SharedFunctionalGroupsSequence, whole.PerFrameFunctionalGroupsSequence = [shared], frames
    whole.NumberOfFrames, whole.PixelData = len(frames), np.stack(pixels).astype(np.int16).tobytes()
    whole.save_as(path, enforce_file_format=True)
    return Path(path)
