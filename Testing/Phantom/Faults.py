"""Damages a written CT series, one fault at a time, and four harmless oddities that an importer must accept.

Every function takes the folder of a series as writeSeries leaves it and changes it in place; use damagedCopy to keep
the original. A fault leaves each file valid by itself wherever that is possible: only the series is wrong.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .DicomSeries import byPosition, decimal, setStored, uidFor


def damagedCopy(name: str, series: Path, destination: Path) -> Path:
    """Copy a series to destination and apply the fault or control of that name; returns destination."""
    shutil.copytree(series, destination)
    {**faults, **controls}[name](Path(destination))
    return Path(destination)


def edit(path: Path, change: Callable) -> None:
    """Read a DICOM file, let change(image) alter it, write it back."""
    import pydicom

    image = pydicom.dcmread(path)
    change(image)
    image.save_as(path)


def editHalf(folder: Path, change: Callable) -> None:
    """Change the upper half of the slices."""
    files = byPosition(folder)
    for path in files[len(files) // 2 :]:
        edit(path, change)


def editAll(folder: Path, change: Callable) -> None:
    """Change every slice; change(image, index from below, count)."""
    files = byPosition(folder)
    for index, path in enumerate(files):
        edit(path, lambda image, index=index: change(image, index, len(files)))


def middle(folder: Path) -> Path:
    """The file of the middle slice."""
    files = byPosition(folder)
    return files[len(files) // 2]


def setAll(image, **attributes) -> None:
    """Set several attributes."""
    for keyword, value in attributes.items():
        setattr(image, keyword, value)


def twoPatients(folder: Path) -> None:
    """The upper half of the slices belongs to another patient."""
    editHalf(folder, lambda image: setAll(image, PatientID="PHANTOM-2", PatientName="Phantom^Other"))


def missingSlice(folder: Path) -> None:
    """One slice from the middle is gone."""
    middle(folder).unlink()


def truncatedSlice(folder: Path) -> None:
    """One file ends in the middle of its pixels, as after a broken transfer."""
    path = middle(folder)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])


def duplicateSlice(folder: Path) -> None:
    """One position is there twice, as two instances with different pixels."""
    copy = folder / "CT99999.dcm"
    shutil.copyfile(middle(folder), copy)

    def change(image):
        setAll(image, SOPInstanceUID=uidFor("duplicate", image.SOPInstanceUID), InstanceNumber=9999)
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        setStored(image, image.pixel_array[::-1])

    edit(copy, change)


def nonUniformSpacing(folder: Path) -> None:
    """The upper half of the slices is half a slice further up."""
    editHalf(folder, lambda image: moveBy(image, normal(image) * float(image.SliceThickness) / 2))


def normal(image) -> np.ndarray:
    """Unit vector across the slice."""
    cosines = np.asarray(image.ImageOrientationPatient, float)
    return np.cross(cosines[:3], cosines[3:])


def moveBy(image, shiftMm: np.ndarray) -> None:
    """Move an image in LPS mm."""
    position = np.asarray(image.ImagePositionPatient, float) + shiftMm
    image.ImagePositionPatient = [decimal(v) for v in position]
    image.SliceLocation = decimal(float(position @ normal(image)))


def gantryTilt(folder: Path) -> None:
    """A gantry tilted by 12 degrees: slices are sheared, their positions do not step along their normal."""
    cosine, sine = np.cos(np.radians(12)), np.sin(np.radians(12))

    def change(image, index, count):
        image.ImageOrientationPatient = ["1", "0", "0", "0", f"{cosine:.12f}", f"{-sine:.12f}"]
        image.GantryDetectorTilt = "12"
        moveBy(image, np.zeros(3))

    editAll(folder, change)


def twoFramesOfReference(folder: Path) -> None:
    """The patient was repositioned half way: the upper half has another frame of reference."""
    other = uidFor("other frame of reference")
    editHalf(folder, lambda image: setAll(image, FrameOfReferenceUID=other))


def twoPixelSpacings(folder: Path) -> None:
    """The upper half was reconstructed with pixels 10 % larger."""
    editHalf(folder, lambda image: setAll(image, PixelSpacing=[decimal(float(v) * 1.1) for v in image.PixelSpacing]))


def twoOrientations(folder: Path) -> None:
    """The upper half is turned by 5 degrees about the body axis."""
    cosine, sine = f"{np.cos(np.radians(5)):.12f}", f"{np.sin(np.radians(5)):.12f}"
    editHalf(folder, lambda image: setAll(image, ImageOrientationPatient=[cosine, sine, "0", "-" + sine, cosine, "0"]))


def noPosition(folder: Path) -> None:
    """One slice has no Image Position (Patient)."""
    edit(middle(folder), lambda image: image.__delattr__("ImagePositionPatient"))


def nonUnitOrientation(folder: Path) -> None:
    """Every slice's row direction is 1.1 long."""
    editAll(
        folder,
        lambda image, *_: setAll(
            image,
            ImageOrientationPatient=[
                decimal(float(v) * 1.1) if i < 3 else v for i, v in enumerate(image.ImageOrientationPatient)
            ],
        ),
    )


def zeroSpacing(folder: Path) -> None:
    """Every slice's pixel spacing is zero."""
    editAll(folder, lambda image, *_: setAll(image, PixelSpacing=["0", "0"]))


def localizerInside(folder: Path) -> None:
    """A sagittal localizer (scout) carries the same series UID."""
    scout = folder / "CT99998.dcm"
    shutil.copyfile(middle(folder), scout)

    def change(image):
        setAll(
            image,
            SOPInstanceUID=uidFor("localizer", image.SOPInstanceUID),
            InstanceNumber=9998,
            ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"],
            ImageOrientationPatient=["0", "1", "0", "0", "0", "-1"],
        )
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        moveBy(image, np.array([110.0, 0.0, 0.0]))

    edit(scout, change)


def singleSlice(folder: Path) -> None:
    """Only one slice is left."""
    keep = middle(folder)
    for path in folder.glob("*.dcm"):
        if path != keep:
            path.unlink()


def noRescale(folder: Path) -> None:
    """Rescale slope and intercept are missing, so that stored values look like HU."""

    def change(image, *_):
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            delattr(image, keyword)

    editAll(folder, change)


def textFile(folder: Path) -> None:
    """The folder holds one text file and no image."""
    emptyFolder(folder)
    (folder / "notes.txt").write_text("This folder holds no images.\n")


def emptyFolder(folder: Path) -> None:
    """The folder holds nothing."""
    for path in folder.iterdir():
        path.unlink()


def reversedInstanceNumbers(folder: Path) -> None:
    """Control: instance numbers count against the position."""
    editAll(folder, lambda image, index, count: setAll(image, InstanceNumber=count - index))


def flippedRows(folder: Path) -> None:
    """Control: rows stored from back to front, position and orientation agreeing; the object in space is the same."""

    def change(image, *_):
        cosines = np.asarray(image.ImageOrientationPatient, float)
        lengthMm = float(image.PixelSpacing[0]) * (image.Rows - 1)
        last = np.asarray(image.ImagePositionPatient, float) + cosines[3:] * lengthMm
        setStored(image, image.pixel_array[::-1])
        image.ImageOrientationPatient = [decimal(v) for v in (*cosines[:3], *-cosines[3:])]
        image.ImagePositionPatient = [decimal(v) for v in last]
        image.SliceLocation = decimal(float(last @ normal(image)))

    editAll(folder, change)


def perSliceSlope(folder: Path) -> None:
    """Control: the rescale slope is 1, 0.5 or 0.25 from slice to slice, stored values to match; HU stay the same.

    Good for up to 7167 HU: beyond, the stored values do not fit 16 bits.
    """

    def change(image, index, _):
        finer = 2 ** (index % 3)
        setStored(image, image.pixel_array.astype(np.int32) * finer)
        image.RescaleSlope = decimal(1 / finer)

    editAll(folder, change)


def lyingSliceThickness(folder: Path) -> None:
    """Control: Slice Thickness is 5 mm, whatever the distance between the slices."""
    editAll(folder, lambda image, *_: setAll(image, SliceThickness="5"))


faults: dict[str, Callable[[Path], None]] = {
    function.__name__: function
    for function in (
        twoPatients,
        missingSlice,
        truncatedSlice,
        duplicateSlice,
        nonUniformSpacing,
        gantryTilt,
        twoFramesOfReference,
        twoPixelSpacings,
        twoOrientations,
        noPosition,
        nonUnitOrientation,
        zeroSpacing,
        localizerInside,
        singleSlice,
        noRescale,
        textFile,
        emptyFolder,
    )
}
controls: dict[str, Callable[[Path], None]] = {
    function.__name__: function
    for function in (reversedInstanceNumbers, flippedRows, perSliceSlope, lyingSliceThickness)
}
