"""The plan's pages as a DICOM object: Encapsulated PDF."""

from .EncapsulatedDocument import LATERALITY, DocumentKind, newDocument

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.104.1"
SERIES_NUMBER = 9003


def buildEncapsulatedPdf(source, making, pdf, side=None, derivedFrom=(), showsSkin=False):
    """Return the Encapsulated PDF dataset of a briefing.

    :param pdf: bytes of the PDF
    :param side: left, right, bilateral, midline, or None when it is not known
    :param derivedFrom: DICOM datasets besides the source that the pages show (the segmentation)
    :param showsSkin: whether a face could be recognised on a picture
    """
    kind = DocumentKind(
        SOP_CLASS_UID, "DOC", "application/pdf", SERIES_NUMBER, "Surgical briefing", None, namesTheCase=True
    )
    dataset = newDocument(
        source, making, kind, pdf, f"{making.caseName} surgical briefing, {making.approvalWord}", derivedFrom
    )
    # SC Equipment module: a workstation made it.
    dataset.ConversionType = "WSD"
    if showsSkin:
        dataset.RecognizableVisualFeatures = "YES"
    if side in LATERALITY:
        dataset.ImageLaterality = LATERALITY[side]
    return dataset
