"""Where the plan moves a fragment: a Spatial Registration (PS3.3 C.20.2) from where it was scanned to where it goes."""

import numpy

from ..Manifest import roleOfPiece
from .DerivedObject import longString, newObject
from .EncapsulatedDocument import addCommonInstanceReference
from .MovedFrames import movedFrame, objectName

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.66.1"
SERIES_NUMBER = 9008
REGISTRATION = "registration"
ROLES = (REGISTRATION,)
# What plans may have been kept with, and several motions together.
RIGID_TOLERANCE = 1e-3


def buildSpatialRegistration(source, making, frameUid, matrixLps, name):
    """Return the Spatial Registration dataset of one motion.

    Its own frame of reference is the moved fragment's. The matrix takes the scan's frame into it: a point of the
    fragment in the scan, LPS mm, comes out where the plan puts it, which is where its model shows it.

    :param frameUid: the moved fragment's frame of reference, as its model carries it
    :param matrixLps: 4×4 rigid motion from scanned to planned place, LPS mm
    :param name: of what is moved
    :raises ValueError: where the matrix is not rigid
    """
    matrixLps = _rigid(numpy.asarray(matrixLps, float))
    dataset = newObject(source, making, SOP_CLASS_UID, "REG", SERIES_NUMBER, "Planned motion")
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = frameUid, None
    dataset.Laterality = source.first.get("Laterality")
    dataset.ContentLabel = "PLANNED_MOTION"
    dataset.ContentDescription = longString(f"{making.caseName} {making.approvalWord}: {name}")
    dataset.ContentCreatorName = None
    dataset.RegistrationSequence = [
        _registration(frameUid, numpy.eye(4), (), "The planned place"),
        _registration(source.frameOfReferenceUid, matrixLps, source.headers, f"Moves {name}"),
    ]
    addCommonInstanceReference(dataset, source.headers)
    return dataset


def _rigid(matrix):
    """Return the rigid motion that a matrix is but for what rounding left of it."""
    left, scales, right = numpy.linalg.svd(matrix[:3, :3])
    if numpy.abs(scales - 1).max() > RIGID_TOLERANCE or numpy.linalg.det(matrix[:3, :3]) < 0:
        raise ValueError("a fragment moves rigidly or not at all")
    rigid = numpy.eye(4)
    rigid[:3, :3], rigid[:3, 3] = left @ right, matrix[:3, 3]
    return rigid


def _registration(frameUid, matrix, images, comment):
    from pydicom.dataset import Dataset

    item, registration, step = Dataset(), Dataset(), Dataset()
    item.FrameOfReferenceUID = frameUid
    if images:
        item.ReferencedImageSequence = [_image(image) for image in images]
    step.FrameOfReferenceTransformationMatrixType = "RIGID"
    step.FrameOfReferenceTransformationMatrix = [_decimal(value) for value in matrix.ravel()]
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
    """Write a registration for each object that the plan moves; an object and the pieces of its part move as one."""
    moved = [body for body in content.bodies if body.moved and body.matrixLps is not None]
    motions = {movedFrame(content, body): body for body in moved}
    for number, (frameUid, body) in enumerate(motions.items(), 1):
        progress((number - 1) / len(motions), "Planned motions")
        dataset = buildSpatialRegistration(content.source, content.making, frameUid, body.matrixLps, objectName(body))
        writer.object(dataset, f"registration-{number}.dcm", roleOfPiece(REGISTRATION, number))
