"""Masks from files: label maps (NIfTI, NRRD, MetaImage) and DICOM Segmentations, on the voxels of the scan.

Nothing is resampled: a file on other voxels is of another image, or somebody changed it, and is refused. What only
turns or flips the axes is the same grid.
"""

import numpy
import SimpleITK

from ..Errors import Finding, GateRefused, InputRefused
from ..Files import sha256

SEGMENTATION_SOP_CLASS = "1.2.840.10008.5.1.4.1.1.66.4"
TO_RAS = numpy.diag([-1.0, -1.0, 1.0, 1.0])
# Files keep four to seven digits of a direction, and an error adds up along an axis of hundreds of voxels.
GRID_TOLERANCE_VOXELS = 0.05


def readLabelFile(path, labels, shape, ijkToRas, frameOfReferenceUid=None):
    """Return the masks of a file's labels on the scan's voxels, where they come from, and findings.

    :param labels: label (of a DICOM Segmentation: segment) number → structure
    :param shape: (slices, rows, columns) of the scan
    :param ijkToRas: 4×4 of the scan
    :param frameOfReferenceUid: of the scan; a DICOM Segmentation must have it
    :returns: structure → array of 0 and 1; provenance (JSON values); list of :class:`Finding`
    :raises InputRefused: ``cannot-read``, ``no-label-map``, ``no-such-label``, ``other-grid``
    :raises GateRefused: ``other-frame-of-reference``: it is of another patient or another examination
    """
    if not labels:
        raise InputRefused("no-such-label", "No label is assigned to a structure.", "Say which is which: 5=Liver.")
    isDicom = _isDicom(path)
    read = _readDicom if isDicom else _readImage
    masks, matrix, more = read(path, labels, frameOfReferenceUid) if isDicom else read(path, labels)
    placed = {name: _placed(mask, matrix, shape, ijkToRas, path) for name, mask in masks.items()}
    provenance = {
        "file": path.name, "sha256": sha256(path), "labels": {str(number): name for number, name in labels.items()},
        **more,
    }  # fmt: skip
    findings = [] if isDicom else [
        Finding("mask-without-identity", "warn", f"{path.name} does not say whose it is; its voxels fit the scan's.",
                "Make sure that it was made from this series.")
    ]  # fmt: skip
    return placed, provenance, findings


def _isDicom(path):
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error


def _readImage(path, labels):
    SimpleITK.ProcessObject.GlobalWarningDisplayOff()
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise InputRefused("cannot-read", f"{path} is no image that can be read.", "Check the file.", [path]) from error
    array = SimpleITK.GetArrayViewFromImage(image)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1 or not _isWhole(array):
        raise InputRefused(
            "no-label-map", f"{path} is no map of whole numbers, one for each voxel.", "Export a label map.", [path]
        )
    present = set(numpy.unique(array).astype(int).tolist()) - {0}
    _requirePresent(labels, present, path)
    matrix = numpy.eye(4)
    matrix[:3, :3] = numpy.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    masks = {}
    for number, name in labels.items():
        mask = (array == number).view(numpy.uint8)
        masks[name] = masks[name] | mask if name in masks else mask
    return masks, TO_RAS @ matrix, {}


def _isWhole(array):
    # Some writers keep label maps as floating-point numbers.
    return array.dtype.kind in "iub" or bool((array == array.round()).all())


def _requirePresent(labels, present, path):
    for number in labels:
        if number not in present:
            known = ", ".join(map(str, sorted(present)[:20])) or "none"
            raise InputRefused("no-such-label", f"{path.name} has no label {number}.", f"It has: {known}.", [path])


def _readDicom(path, labels, frameOfReferenceUid):
    from ..Requirements import ensure

    ensure("PlanningHubLib")
    import highdicom

    try:
        dataset = highdicom.seg.segread(path)
        ownFrame, numbers = str(dataset.FrameOfReferenceUID), [int(one) for one in dataset.segment_numbers]
    except Exception as error:
        # A file of any making: whatever goes wrong in it, it is not a Segmentation that can be used.
        raise InputRefused(
            "no-label-map", f"{path} is no DICOM Segmentation that can be read.", "Choose another file.", [path]
        ) from error
    if ownFrame != frameOfReferenceUid:
        raise GateRefused(
            "other-frame-of-reference",
            f"{path.name} belongs to another examination, perhaps of another patient: its frame of reference is not "
            "the scan's.",
            "Take the segmentation that was made from this series.",
            [path],
        )
    _requirePresent(labels, set(numbers), path)
    return *_dicomMasks(dataset, labels, path), _dicomProvenance(dataset, labels)


def _dicomMasks(dataset, labels, path):
    masks, matrix = {}, None
    for number, name in labels.items():
        try:
            volume = dataset.get_volume(segment_numbers=[number], combine_segments=False)
        except Exception as error:
            raise InputRefused(
                "other-grid", f"The frames of {path.name} make no volume: {error}", "Choose another file.", [path]
            ) from error
        mask = (volume.array[..., 0] > 0).astype(numpy.uint8)
        masks[name] = masks[name] | mask if name in masks else mask
        # Its axes are slice, row, column; those of a matrix here are column, row, slice.
        matrix = volume.affine[:, [2, 1, 0, 3]]
    return masks, TO_RAS @ matrix


def _dicomProvenance(dataset, labels):
    described = {int(one.SegmentNumber): one for one in dataset.SegmentSequence}
    return {
        "sopInstanceUid": str(dataset.SOPInstanceUID),
        "segments": {
            str(number): {
                "label": str(described[number].SegmentLabel),
                "algorithmType": str(described[number].SegmentAlgorithmType),
                "algorithm": str(described[number].get("SegmentAlgorithmName", "not stated")),
            }
            for number in labels
        },
    }


def _placed(mask, matrix, shape, ijkToRas, path):
    """Return a mask of its own grid on the scan's: axes turned and flipped, nothing resampled."""
    toGrid = numpy.linalg.inv(ijkToRas) @ matrix
    axes = toGrid[:3, :3].round()
    isTurned = (abs(axes).sum(0) == 1).all() and (abs(axes).sum(1) == 1).all()
    extent = numpy.array(mask.shape[::-1])
    drift = abs(toGrid[:3, :3] - axes).dot(extent).max() if isTurned else numpy.inf
    if max(drift, abs(toGrid[:3, 3] - toGrid[:3, 3].round()).max()) > GRID_TOLERANCE_VOXELS:
        raise _otherGrid(path, "do not lie where the scan's voxels lie")
    # numpy's axes are slice, row, column; the matrix's are column, row, slice.
    source = [2 - int(abs(axes[2 - axis]).argmax()) for axis in range(3)]
    turned = mask.transpose(source)
    signs = [axes[2 - axis, 2 - source[axis]] for axis in range(3)]
    start = [int(toGrid[2 - axis, 3].round()) for axis in range(3)]
    first = [
        begin if sign > 0 else begin - size + 1 for begin, sign, size in zip(start, signs, turned.shape, strict=True)
    ]
    last = [begin + size for begin, size in zip(first, turned.shape, strict=True)]
    if min(first) < 0 or any(end > size for end, size in zip(last, shape, strict=True)):
        raise _otherGrid(path, "reach out of the scan")
    whole = numpy.zeros(shape, numpy.uint8)
    whole[tuple(slice(begin, end) for begin, end in zip(first, last, strict=True))] = turned[
        tuple(slice(None, None, 1 if sign > 0 else -1) for sign in signs)
    ]
    return whole


def _otherGrid(path, reason):
    return InputRefused(
        "other-grid", f"The voxels of {path.name} {reason}.", "Take a mask that was made on this series.", [path]
    )
