"""Writes a volume as a DICOM series of CT images, the same bytes every time for the same arguments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ctImageStorage = "1.2.840.10008.5.1.4.1.1.2"
explicitLittleEndian = "1.2.840.10008.1.2.1"
rescaleIntercept = -1024
identityDirection = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def uidFor(*parts: object) -> str:
    """A UID below 2.25 that depends on the parts only (PS3.5 B.2: a UUID as a decimal number)."""
    digest = bytearray(hashlib.sha256("|".join(map(str, parts)).encode()).digest()[:16])
    digest[6], digest[8] = (digest[6] & 0x0F) | 0x40, (digest[8] & 0x3F) | 0x80
    return f"2.25.{int.from_bytes(bytes(digest), 'big')}"


def writeSeries(
    folder: Path,
    voxelsHu: np.ndarray,
    spacingMm: Sequence[float],
    originLps: Sequence[float],
    directionLps=identityDirection,
    *,
    patientId: str = "PHANTOM-1",
    patientName: str = "Phantom^Head",
    studyUid: str | None = None,
    seriesUid: str | None = None,
    frameOfReferenceUid: str | None = None,
    shuffle: bool = True,
    seed: int = 20,
) -> list[Path]:
    """Write one CT Image Storage file per slice; returns the paths in order of the slices.

    voxelsHu: [slice, row, column], whole HU in -1024..31743. spacingMm: distance between columns, rows, slices (x, y, z
    of the array). originLps: centre of voxel [0, 0, 0] in LPS mm. directionLps: 3x3, its columns the unit directions of
    increasing column, row and slice index (as SimpleITK has it). UIDs not given follow from seed and patient, the
    series' also from the volume. With shuffle the file names do not sort by position. Raises ValueError when an
    intensity does not fit.
    """
    if voxelsHu.min() < rescaleIntercept or voxelsHu.max() > 32767 + rescaleIntercept:
        raise ValueError("Intensities must lie in -1024..31743 HU.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    count = len(voxelsHu)
    order = np.random.default_rng(seed).permutation(count) if shuffle else np.arange(count)
    direction = np.asarray(directionLps, float).reshape(3, 3)
    content = hashlib.sha256(np.ascontiguousarray(voxelsHu)).hexdigest()
    geometry = ([float(v) for v in (*spacingMm, *originLps, *direction.ravel())], voxelsHu.shape)
    uids = {
        "StudyInstanceUID": studyUid or uidFor("study", seed, patientId),
        "SeriesInstanceUID": seriesUid or uidFor("series", seed, patientId, geometry, content),
        "FrameOfReferenceUID": frameOfReferenceUid or uidFor("frame of reference", seed, patientId),
    }
    paths = []
    for k in range(count):
        position = np.asarray(originLps, float) + direction[:, 2] * (k * spacingMm[2])
        image = imageDataset(voxelsHu[k], spacingMm, position, direction, k)
        for keyword, value in uids.items():
            setattr(image, keyword, value)
        image.PatientID, image.PatientName = patientId, patientName
        image.SOPInstanceUID = uidFor("image", uids["SeriesInstanceUID"], k)
        paths.append(folder / f"CT{order[k] + 1:05d}.dcm")
        saveImage(image, paths[-1])
    return paths


def decimal(value: float) -> str:
    """A number as a DICOM decimal string of at most 16 characters."""
    return f"{float(value):.6f}".rstrip("0").rstrip(".").replace("-0.000000", "0") or "0"


def fineDecimal(value: float) -> str:
    """A direction cosine as a DICOM decimal string with all the digits that fit."""
    return f"{float(value):.13f}"[:16] if value % 1 else str(int(value))


def imageDataset(
    sliceHu: np.ndarray, spacingMm: Sequence[float], position: np.ndarray, direction: np.ndarray, index: int
):
    """One CT image without patient and UIDs; position is the LPS mm of its first voxel."""
    from pydicom.dataset import Dataset

    image = Dataset()
    for keyword, value in {**fixedAttributes, "InstanceNumber": index + 1}.items():
        setattr(image, keyword, value)
    cosines = [*direction[:, 0], *direction[:, 1]]
    image.ImagePositionPatient = [decimal(v) for v in position]
    image.ImageOrientationPatient = [fineDecimal(v) for v in cosines]
    image.PixelSpacing = [decimal(spacingMm[1]), decimal(spacingMm[0])]
    image.SliceThickness = decimal(spacingMm[2])
    image.SliceLocation = decimal(float(np.dot(position, np.cross(cosines[:3], cosines[3:]))))
    image.Rows, image.Columns = sliceHu.shape
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = rescaleIntercept, 1, "HU"
    setStored(image, sliceHu.astype(np.int32) - rescaleIntercept)
    return image


def setStored(image, stored: np.ndarray) -> None:
    """Put stored values (signed 16 bit) into an image."""
    image.PixelData = np.ascontiguousarray(stored, "<i2").tobytes()


fixedAttributes = {
    "SpecificCharacterSet": "ISO_IR 192",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "SOPClassUID": ctImageStorage,
    "StudyDate": "20260105",
    "SeriesDate": "20260105",
    "AcquisitionDate": "20260105",
    "ContentDate": "20260105",
    "StudyTime": "081500",
    "SeriesTime": "081600",
    "AcquisitionTime": "081610",
    "ContentTime": "081610",
    "AccessionNumber": "",
    "Modality": "CT",
    "Manufacturer": "Synthetic phantom",
    "ReferringPhysicianName": "",
    "StudyDescription": "CT head, synthetic",
    "SeriesDescription": "Head bone 1.35",
    "ManufacturerModelName": "Phantom",
    "PatientBirthDate": "",
    "PatientSex": "O",
    "BodyPartExamined": "HEAD",
    "KVP": "120",
    "PatientPosition": "HFS",
    "DeviceSerialNumber": "0",
    "SoftwareVersions": "1",
    "GantryDetectorTilt": "0",
    "ExposureTime": "1000",
    "XRayTubeCurrent": "200",
    "Exposure": "200",
    "ConvolutionKernel": "BONE",
    "StudyID": "1",
    "SeriesNumber": "2",
    "AcquisitionNumber": "1",
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 1,
    "BurnedInAnnotation": "NO",
    "WindowCenter": "400",
    "WindowWidth": "2000",
}


def saveImage(image, path: Path) -> None:
    """Save an image as a DICOM file, Explicit VR Little Endian."""
    from pydicom.dataset import FileDataset, FileMetaDataset

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    meta.TransferSyntaxUID = explicitLittleEndian
    meta.ImplementationClassUID, meta.ImplementationVersionName = uidFor("phantom writer"), "PHANTOM_1"
    FileDataset(str(path), image, preamble=b"\0" * 128, file_meta=meta).save_as(
        path, enforce_file_format=True, implicit_vr=False, little_endian=True
    )


def byPosition(folder: Path) -> list[Path]:
    """The series' files sorted along the slice normal (files without a position last)."""
    import pydicom

    def place(path: Path) -> float:
        image = pydicom.dcmread(path, stop_before_pixels=True)
        if "ImagePositionPatient" not in image:
            return np.inf
        cosines = np.asarray(image.ImageOrientationPatient, float)
        return float(np.dot(np.cross(cosines[:3], cosines[3:]), np.asarray(image.ImagePositionPatient, float)))

    return sorted(Path(folder).glob("*.dcm"), key=place)
