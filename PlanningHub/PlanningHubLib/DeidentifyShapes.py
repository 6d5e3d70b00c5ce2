"""Surfaces and labelmaps of a copy: written anew, and left out where they show a face that must not be seen."""

import numpy
import SimpleITK

from .DeidentifyFace import showsSkin
from .DeidentifyLabelmap import rewrittenLabelmap, segmentLabels
from .DeidentifySurfaces import isBinaryStl, rewrittenStl, rewrittenThreeMf, stlRecords, threeMfPoints
from .Errors import Finding, InputRefused
from .Progress import noProgress

FACE_ACTION = "Look at it; leave it out where the recipient must not see the face."


def writeShapes(copy, progress=noProgress):
    """Write the STL, 3MF and seg.nrrd files of a :class:`PlanningHubLib.Deidentify.Copy`."""
    for number, path in enumerate(copy.found.surfaces, 1):
        progress(0.5, f"Writing surface {number}")
        if path.suffix.lower() == ".stl":
            _writeShape(copy, path, rewrittenStl, stlPoints, "stl")
        else:
            _writeShape(copy, path, rewrittenThreeMf, threeMfPoints, "3mf")
    for number, path in enumerate(copy.found.labelmaps, 1):
        progress(0.9, f"Writing segmentation {number}")
        _writeShape(copy, path, rewrittenLabelmap, None, "seg.nrrd")


def _writeShape(copy, path, rewrite, points, suffix):
    try:
        data = rewrite(path.read_bytes())
    except InputRefused as error:
        copy.leave(suffix, error.message)
        return
    where = points(data) if points else labelmapPoints(path)
    if isFace(copy, where, suffix):
        return
    folder = copy.folder / "shapes"
    folder.mkdir(exist_ok=True)
    count = sum(record["kind"] == suffix for record in copy.files) + 1
    written = folder / f"{copy.pseudonym}-{count}.{suffix}"
    written.write_bytes(data)
    copy.add(written, suffix, path)


def isFaceObject(copy, dataset, kind):
    """Tell whether a DICOM model or segmentation shows a face and has to stay out; say so."""
    if kind == "model" and isBinaryStl(bytes(dataset.get("EncapsulatedDocument") or b"")):
        return isFace(copy, stlPoints(bytes(dataset.EncapsulatedDocument)), "DICOM model")
    if kind == "segmentation":
        return isFace(copy, segmentationPoints(dataset), "DICOM segmentation")
    return False


def isFace(copy, pointsLps, what, isKnown=False):
    """Tell whether a surface shows a visible face and has to stay out; say so.

    :param isKnown: that it shows one is known, wherever its points lie
    """
    if not isKnown and not showsFace(copy, pointsLps):
        return False
    if leavesFaces(copy):
        copy.leave(what, "it shows the face")
        copy.findings.append(Finding("face-surface-left-out", "warn", f"A {what} shows the face and was left out."))
        return True
    copy.findings.append(Finding("face-surface", "warn", f"A {what} shows the face.", FACE_ACTION))
    return False


def leavesFaces(copy):
    """Tell whether surfaces that show a face stay out of a copy."""
    return copy.deface or copy.profile.faces == "refused"


def showsFace(copy, pointsLps):
    """Tell whether points (n, 3) LPS mm lie on the skin of a series whose face is visible."""
    faces = (one for series in copy.series for one in series.volumes if one.faceVisible)
    return any(showsSkin(pointsLps, one.nearSkin, one.geometry.ijkToLps) for one in faces)


def stlPoints(data):
    """Return the corners of a binary STL in LPS mm, array (n, 3); without a word on its frame it is taken as LPS."""
    points = stlRecords(data)["corners"].reshape(-1, 3).astype(float)
    return points * (-1, -1, 1) if b"SPACE=RAS" in data[:80] else points


def labelmapPoints(path):
    """Return the border voxels of a seg.nrrd in LPS mm, array (n, 3)."""
    voxels, matrix = _labelmap(path)
    return _placed(numpy.argwhere(_border((voxels != 0).any(axis=-1)))[:, ::-1], matrix)


def segmentPoints(path):
    """Return name → border voxels in LPS mm, array (n, 3), of the segments of a seg.nrrd."""
    voxels, matrix = _labelmap(path)
    found = {}
    for name, (layer, label) in segmentLabels(path.read_bytes()).items():
        if layer < voxels.shape[-1]:
            found[name] = _placed(numpy.argwhere(_border(voxels[..., layer] == label))[:, ::-1], matrix)
    return found


def _labelmap(path):
    """Return voxels (slices, rows, columns, layers) of a seg.nrrd, and 4×4 from (column, row, slice) to LPS mm."""
    image = SimpleITK.ReadImage(str(path))
    voxels = SimpleITK.GetArrayFromImage(image)
    matrix = numpy.eye(4)
    matrix[:3, :3] = numpy.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return voxels if voxels.ndim == 4 else voxels[..., None], matrix


def segmentationPoints(dataset):
    """Return the border pixels of all frames of a DICOM segmentation in LPS mm, array (n, 3)."""
    try:
        frames = dataset.pixel_array
    except Exception:
        # What cannot be decoded is left out later, with its reason.
        return numpy.zeros((0, 3))
    shared, points = dataset.SharedFunctionalGroupsSequence[0], []
    frames = frames.reshape(-1, *frames.shape[-2:])
    for frame, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=False):
        matrix = _planeMatrix(groups, shared)
        columnsRows = numpy.argwhere(_border(frame[None] != 0)[0])[:, ::-1]
        points.append(_placed(numpy.c_[columnsRows, numpy.zeros(len(columnsRows))], matrix))
    return numpy.concatenate(points) if points else numpy.zeros((0, 3))


def _planeMatrix(groups, shared):
    """Return (column, row, 0) to LPS mm of a frame (PS3.3 C.7.6.2.1.1)."""

    def group(name, attribute):
        return (groups.get(name) or shared.get(name))[0][attribute].value

    cosines = numpy.array(group("PlaneOrientationSequence", "ImageOrientationPatient"), float)
    spacing = [float(value) for value in group("PixelMeasuresSequence", "PixelSpacing")]
    matrix = numpy.eye(4)
    matrix[:3, 0], matrix[:3, 1] = cosines[:3] * spacing[1], cosines[3:] * spacing[0]
    matrix[:3, 3] = [float(value) for value in group("PlanePositionSequence", "ImagePositionPatient")]
    return matrix


def _border(mask):
    inside = mask.copy()
    for axis in (1, 2):
        for step in (1, -1):
            inside &= numpy.roll(mask, step, axis)
    return mask & ~inside


def _placed(indices, matrix):
    return numpy.c_[indices, numpy.ones(len(indices))] @ matrix.T[:, :3]
