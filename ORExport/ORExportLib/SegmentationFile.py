"""The case's own segmentation in a package, byte for byte as it was approved, and whether the DICOM object equals it.

The approval's signature reaches this file. So the DICOM Segmentation, which was made after anybody signed, is held
against it voxel by voxel.
"""

import numpy
import SimpleITK

from PlanningHubLib.Segmentation import FILE_NAME

from .VerifyFiles import rejected

ROLE, OBJECT = "segmentation-file", "segmentation-dicom"
ROLES = (ROLE,)
# Of a voxel: what rounding in a text of coordinates can do.
TOLERANCE = 0.01


def write(content, writer, _progress):
    """Write the segmentation's file of a :class:`ORExportLib.Content.Content`."""
    writer.copy(content.case.path(content.inputs.segmentation, FILE_NAME), FILE_NAME, ROLE)


def segmentationFindings(folder, manifest, damaged):
    """Return what differs between the segmentation's file and the DICOM object that was made of it.

    :param damaged: paths that were found damaged already
    """
    paths = {record["role"]: folder / record["path"] for record in manifest["files"]}
    if not {ROLE, OBJECT} <= paths.keys() or {paths[ROLE], paths[OBJECT]} & damaged:
        return []
    try:
        fault = _difference(paths[ROLE], paths[OBJECT])
    except Exception as error:  # noqa: BLE001 - parsers fed with anything may raise anything
        fault = f"they cannot be compared ({error})"
    if not fault:
        return []
    message = f"{paths[OBJECT].name} is not the segmentation in {paths[ROLE].name}: {fault}."
    return [rejected("segmentation-differs", message, paths[OBJECT])]


def _difference(path, objectPath):
    """Return in words how the voxels differ, empty text where they do not."""
    import pydicom

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    image, dataset = reader.Execute(), pydicom.dcmread(objectPath)
    arrays = SimpleITK.GetArrayViewFromImage(image)
    layers = arrays if arrays.ndim == 4 else arrays[..., None]
    lpsToIndex = numpy.linalg.inv(_indexToLps(image))
    frames = _frames(dataset)
    for number, segment in enumerate(dataset.SegmentSequence, 1):
        header = {key: int(reader.GetMetaData(f"Segment{number - 1}_{key}")) for key in ("Layer", "LabelValue")}
        expected = layers[..., header["Layer"]] == header["LabelValue"]
        found = 0
        for frameNumber, place in frames:
            if frameNumber == number:
                mask, indexToLps = place()
                if not numpy.array_equal(mask, sliceOf(expected, lpsToIndex @ indexToLps, mask.shape)):
                    return f"voxels of {segment.SegmentLabel} differ"
                found += int(mask.sum())
        if found != int(expected.sum()):
            return f"{segment.SegmentLabel} has {found} voxels instead of {int(expected.sum())}"
    isOneMore = f"Segment{len(dataset.SegmentSequence)}_LabelValue" in reader.GetMetaDataKeys()
    return "a segment is missing" if isOneMore else ""


def _indexToLps(image):
    matrix = numpy.eye(4)
    matrix[:3, :3] = numpy.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return matrix


def _frames(dataset):
    """Return (segment's number, function that returns mask and 4×4 of (column, row, 0) to LPS) of each frame."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    bits = numpy.unpackbits(numpy.frombuffer(dataset.PixelData, numpy.uint8), bitorder="little")

    def said(group, keyword):
        # What is the same for all frames is said once.
        return (group.get(keyword) or shared[keyword].value)[0]

    def place(index, group):
        betweenRowsMm, betweenColumnsMm = map(float, said(group, "PixelMeasuresSequence").PixelSpacing)
        cosines = numpy.array(said(group, "PlaneOrientationSequence").ImageOrientationPatient, float).reshape(2, 3)
        matrix = numpy.eye(4)
        matrix[:3, 0], matrix[:3, 1] = cosines[0] * betweenColumnsMm, cosines[1] * betweenRowsMm
        matrix[:3, 3] = [float(value) for value in said(group, "PlanePositionSequence").ImagePositionPatient]
        size = rows * columns
        return bits[index * size : (index + 1) * size].reshape(rows, columns).astype(bool), matrix

    return [
        (
            int(said(group, "SegmentIdentificationSequence").ReferencedSegmentNumber),
            lambda index=index, group=group: place(index, group),
        )
        for index, group in enumerate(dataset.PerFrameFunctionalGroupsSequence)
    ]


def sliceOf(volume, frameToIndex, shape):
    """Return the voxels (rows, columns) of an array [k, j, i] that lie under a frame; False outside of it.

    :param frameToIndex: 4×4 from (column, row, 0) to (i, j, k), which must be whole numbers
    """
    start, along, down = frameToIndex[:3, 3], frameToIndex[:3, 0], frameToIndex[:3, 1]
    whole = numpy.rint([start, along, down])
    reach = TOLERANCE / max(shape)
    if abs(whole[0] - start).max() > TOLERANCE or abs(whole[1:] - [along, down]).max() > reach:
        raise ValueError("they are on different grids")
    start, along, down = whole.astype(int)
    if along.tolist() == [1, 0, 0] and down.tolist() == [0, 1, 0]:
        return _shiftedSlice(volume, start, shape)
    indices = start + numpy.arange(shape[0])[:, None, None] * down + numpy.arange(shape[1])[None, :, None] * along
    inside = ((indices >= 0) & (indices < volume.shape[::-1])).all(-1)
    i, j, k = (numpy.where(inside, indices[..., axis], 0) for axis in range(3))
    return volume[k, j, i] & inside


def _shiftedSlice(volume, start, shape):
    """Return what :func:`sliceOf` does where rows and columns are those of the array; many times quicker."""
    found = numpy.zeros(shape, bool)
    (i, j, k), (slices, rows, columns) = start, volume.shape
    if 0 <= k < slices:
        top, left = max(0, -j), max(0, -i)
        bottom, right = min(shape[0], rows - j), min(shape[1], columns - i)
        if top < bottom and left < right:
            found[top:bottom, left:right] = volume[k, top + j : bottom + j, left + i : right + i]
    return found
