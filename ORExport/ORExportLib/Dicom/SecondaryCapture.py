"""The pictures of the agreed views as Secondary Capture images, which every viewer shows."""

from ..Manifest import roleOfPiece
from ..ViewPictures import viewPictures
from .DerivedObject import codedItem, localTime, longString, newObject
from .EncapsulatedDocument import addCommonInstanceReference
from .ModelModule import showsSkin

CAPTURE, PICTURE = "view-capture", "picture-png"
ROLES = (CAPTURE, PICTURE)
SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.7"
SERIES_NUMBER = 9006


def buildSecondaryCapture(source, making, pixels, name, number, seriesUid=None, showsSkin=False):
    """Return the Secondary Capture dataset of a picture that everything is burned into already.

    :param pixels: (rows, columns, 3) bytes
    :param name: of the view
    :param seriesUid: of the captures before it
    :param showsSkin: whether a face could be recognised on it
    """
    from pydicom.sr.codedict import codes

    dataset = newObject(source, making, SOP_CLASS_UID, "OT", SERIES_NUMBER, f"Views of the plan, {making.approvalWord}")
    dataset.SeriesInstanceUID = seriesUid or dataset.SeriesInstanceUID
    dataset.InstanceNumber = number
    dataset.ConversionType = "WSD"
    captured = localTime(source, making.when)
    dataset.DateOfSecondaryCapture = captured.strftime("%Y%m%d")
    dataset.TimeOfSecondaryCapture = captured.strftime("%H%M%S.%f")
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.PatientOrientation = None
    dataset.Laterality = source.first.get("Laterality")
    dataset.BurnedInAnnotation = "YES"
    if showsSkin:
        dataset.RecognizableVisualFeatures = "YES"
    dataset.DerivationDescription = "Surfaces of segments and of the plan, large ones simplified, rendered"
    dataset.DerivationCodeSequence = [codedItem(codes.cid7203.SurfaceRendering)]
    dataset.ImageComments = longString(f"{making.caseName} {making.approvalWord}: {name}")
    dataset.SourceImageSequence = [_reference(header) for header in source.headers]
    addCommonInstanceReference(dataset, source.headers)
    _addPixels(dataset, pixels)
    return dataset


def _addPixels(dataset, pixels):
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = pixels.shape
    dataset.PhotometricInterpretation, dataset.PlanarConfiguration = "RGB", 0
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    data = pixels.tobytes()
    dataset.add_new(0x7FE00010, "OB", data + bytes(len(data) % 2))


def _reference(header):
    from pydicom.dataset import Dataset
    from pydicom.sr.codedict import codes

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = header.SOPClassUID, header.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [codedItem(codes.cid7202.SourceImageForImageProcessingOperation)]
    return item


def write(content, writer, progress):
    """Write each view's picture as a PNG and as a Secondary Capture."""
    seriesUid = None
    for number, picture in enumerate(viewPictures(content, progress), 1):
        writer.bytes(picture.png, f"view-{number}.png", roleOfPiece(PICTURE, number))
        isFace = any(showsSkin(content, body) for body in picture.shown)
        dataset = buildSecondaryCapture(
            content.source, content.making, picture.pixels, picture.view.name, number, seriesUid, isFace
        )
        seriesUid = dataset.SeriesInstanceUID
        writer.object(dataset, f"view-{number}.dcm", roleOfPiece(CAPTURE, number))
        del dataset.PixelData
