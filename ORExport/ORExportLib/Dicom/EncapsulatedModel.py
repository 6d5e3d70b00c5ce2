"""The part as a DICOM object: Encapsulated STL with the Manufacturing 3D Model module (PS3.3 C.35.1)."""

from .DerivedObject import codedItem, longString, newUid
from .EncapsulatedDocument import LATERALITY, DocumentKind, addCommonInstanceReference, newDocument

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.104.3"
SERIES_NUMBER = 9002


def buildEncapsulatedModel(
    source,
    making,
    stl,
    side=None,
    derivedFrom=(),
    modified=False,
    mirrored=False,
    moved=False,
    usage="PlanningIntent",
    showsSkin=False,
    description="",
):
    """Return the Encapsulated STL dataset of a surface in the source's own LPS millimetres.

    A surface that lies where the patient lay shares the source's frame of reference (PS3.17 Annex IIII); one that was
    moved has a frame of its own.

    :param stl: bytes of the STL file, in LPS and mm
    :param side: left, right, bilateral, midline, or None when it is not known
    :param derivedFrom: DICOM datasets besides the source that the model was made from (the segmentation)
    :param modified: whether anatomy was altered other than by mirroring
    :param mirrored: whether it shows the other side of the body, or was made from what does
    :param moved: whether it lies elsewhere than where it was scanned
    :param usage: keyword of CID 7064, such as ``PlanningIntent`` or ``ToolFabrication``
    :param showsSkin: whether a face could be recognised on the surface
    """
    from pydicom.sr.codedict import codes

    kind = DocumentKind(
        SOP_CLASS_UID, "M3D", "model/stl", SERIES_NUMBER, "Part, STL in mm", _titleCode(source), namesTheCase=False
    )
    dataset = newDocument(source, making, kind, stl, f"{making.caseName} part", derivedFrom)
    addCommonInstanceReference(dataset, [*source.headers, *derivedFrom])
    dataset.FrameOfReferenceUID = newUid() if moved else source.frameOfReferenceUid
    dataset.PositionReferenceIndicator = None if moved else source.first.get("PositionReferenceIndicator")
    dataset.MeasurementUnitsCodeSequence = [codedItem(codes.cid7063.Millimeter)]
    dataset.ModelModification = "YES" if modified else "NO"
    dataset.ModelMirroring = "YES" if mirrored else "NO"
    dataset.ModelUsageCodeSequence = [codedItem(getattr(codes.cid7064, usage))]
    dataset.ContentDescription = longString(description or f"{making.caseName} part, {making.approvalWord}")
    if side in LATERALITY:
        dataset.ImageLaterality = LATERALITY[side]
    if showsSkin:
        dataset.RecognizableVisualFeatures = "YES"
    return dataset


def _titleCode(source):
    from pydicom.sr.codedict import codes

    modality = source.first.get("Modality")
    return codes.cid7061.MR3DCAMModel if modality == "MR" else codes.cid7061.CT3DCAMModel
