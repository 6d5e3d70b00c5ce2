"""Where the plan moves fragments: Spatial Registrations (PS3.3 C.20.2) from where they were scanned to where they go.

Each fragment has one whose own frame of reference is the fragment's, that of its model; its matrix takes a point of the
fragment in the scan, LPS mm, to where the plan puts it, which is where its model shows it. One more, for the frame of
the planned arrangement, says that in it everything lies where its own object shows it: what stays as scanned, what is
moved as planned.
"""

import numpy

from ..Manifest import roleOfPiece
from .DerivedObject import longString, newObject
from .EncapsulatedDocument import addCommonInstanceReference
from .MovedFrames import movedFrame, objectName, plannedFrame

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.66.1"
SERIES_NUMBER = 9008
REGISTRATION = "registration"
ROLES = (REGISTRATION,)
# What plans may have been kept with, and several motions together.
RIGID_TOLERANCE = 1e-3


def buildSpatialRegistration(source, making, frameUid, motions, name):
    """Return the Spatial Registration dataset of motions into one frame of reference.

    :param frameUid: the frame of reference that all come into
    :param motions: list of (frame of reference that a motion comes from, 4×4 rigid motion in LPS mm, what it does)
    :param name: of what is placed
    :raises ValueError: where a motion is not rigid
    """
    dataset = newObject(source, making, SOP_CLASS_UID, "REG", SERIES_NUMBER, "Planned motion")
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = frameUid, None
    dataset.Laterality = source.first.get("Laterality")
    dataset.ContentLabel = "PLANNED_MOTION"
    dataset.ContentDescription = longString(f"{making.caseName} {making.approvalWord}: {name}")
    dataset.ContentCreatorName = None
    dataset.RegistrationSequence = [
        _registration(source, uid, matrix, does)
        for uid, matrix, does in [(frameUid, numpy.eye(4), "The planned place"), *motions]
    ]
    addCommonInstanceReference(dataset, source.headers)
    return dataset


def _rigid(matrix):
    """Return the rigid motion that a matrix is but for what rounding left of it."""
    matrix = numpy.asarray(matrix, float)
    left, scales, right = numpy.linalg.svd(matrix[:3, :3])
    if numpy.abs(scales - 1).max() > RIGID_TOLERANCE or numpy.linalg.det(matrix[:3, :3]) < 0:
        raise ValueError("a fragment moves rigidly or not at all")
    rigid = numpy.eye(4)
    rigid[:3, :3], rigid[:3, 3] = left @ right, matrix[:3, 3]
    return rigid


def _registration(source, frameUid, matrixLps, comment):
    from pydicom.dataset import Dataset

    item, registration, step = Dataset(), Dataset(), Dataset()
    item.FrameOfReferenceUID = frameUid
    if frameUid == source.frameOfReferenceUid:
        item.ReferencedImageSequence = [_image(image) for image in source.headers]
    step.FrameOfReferenceTransformationMatrixType = "RIGID"
    step.FrameOfReferenceTransformationMatrix = [_decimal(value) for value in _rigid(matrixLps).ravel()]
    registration.FrameOfReferenceTransformationComment = longString(comment)
    registration.RegistrationTypeCodeSequence = []
    registration.MatrixSequence = [step]
    item.MatrixRegistrationSequence = [registration]
    return item


def _image(image):
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def _decimal(value):
    from pydicom.valuerep import DSfloat

    return DSfloat(float(value), auto_format=True)


def write(content, writer, progress):
    """Write a registration for each object that the plan moves, and one for all together.

    An object and the pieces of its part move as one. Of what came about by other steps than motions alone, such as two
    fragments joined, no motion is known: it is in the arrangement only.
    """
    moved = {movedFrame(content, body): body for body in content.bodies if body.moved}
    scanUid, still = content.source.frameOfReferenceUid, numpy.eye(4)
    places = [
        (uid, [(scanUid, body.matrixLps, f"Moves {objectName(body)} as planned")], objectName(body))
        for uid, body in moved.items()
        if body.matrixLps is not None
    ]
    if moved:
        motions = [(uid, still, f"{objectName(body)} as planned") for uid, body in moved.items()]
        motions.insert(0, (scanUid, still, "What stays as scanned"))
        places.append((plannedFrame(content), motions, "all as planned"))
    for number, (frameUid, motions, name) in enumerate(places, 1):
        progress((number - 1) / len(places), "Planned motions")
        dataset = buildSpatialRegistration(content.source, content.making, frameUid, motions, name)
        writer.object(dataset, f"registration-{number}.dcm", roleOfPiece(REGISTRATION, number))
