"""Parts, planned solids and segments' surfaces as DICOM objects: Encapsulated STL."""

from .DerivedObject import longString
from .EncapsulatedDocument import DocumentKind, addCommonInstanceReference, newDocument
from .ModelModule import addModelModule, seriesUid

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.104.3"
SERIES_NUMBER = 9002
SERIES_DESCRIPTION = "Models, STL in mm"


def buildEncapsulatedModel(source, making, stl, model, derivedFrom=()):
    """Return the Encapsulated STL dataset of a surface in LPS millimetres.

    A surface that lies where the patient lay shares the source's frame of reference (PS3.17 Annex IIII); one that was
    moved has a frame of its own.

    :param stl: bytes of the STL file, in LPS and mm
    :param model: :class:`ORExportLib.Dicom.ModelModule.Model`
    :param derivedFrom: DICOM datasets besides the source that the model was made from (the segmentation)
    """
    kind = DocumentKind(
        SOP_CLASS_UID, "M3D", "model/stl", SERIES_NUMBER, seriesDescription(SERIES_DESCRIPTION, model),
        titleCode(source), namesTheCase=model.namesPatient,
    )  # fmt: skip
    dataset = newDocument(source, making, kind, stl, f"{making.caseName} {model.what} {model.name}", derivedFrom)
    dataset.SeriesInstanceUID = seriesUid(making, SERIES_NUMBER, model.frameUid)
    dataset.InstanceNumber = model.number
    addCommonInstanceReference(dataset, [*source.headers, *derivedFrom])
    addModelModule(dataset, source, making, model)
    return dataset


def seriesDescription(text, model):
    """Return the description of a model's series; what is not where it was scanned stands in another series."""
    return longString(f"{text}, as planned" if model.frameUid else text)


def titleCode(source):
    """Return the title of models of a source's modality (CID 7061)."""
    from pydicom.sr.codedict import codes

    modality = source.first.get("Modality")
    return codes.cid7061.MR3DCAMModel if modality == "MR" else codes.cid7061.CT3DCAMModel
