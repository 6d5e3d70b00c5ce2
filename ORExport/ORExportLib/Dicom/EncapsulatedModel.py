"""Parts, planned solids and segments' surfaces as DICOM objects: Encapsulated STL."""

from .. import Manifest
from .DerivedObject import longString
from .EncapsulatedDocument import DocumentKind, addCommonInstanceReference, newDocument
from .Icons import painted
from .ModelBodies import coarse, modelBodies
from .ModelFiles import stlBytes
from .ModelModule import addModelModule, modelOf, seriesUid

SOP_CLASS_UID = "1.2.840.10008.5.1.4.1.1.104.3"
SERIES_NUMBER = 9002
SERIES_DESCRIPTION = "Models, STL in mm"
MODEL, STL, OBJECT_MODEL = "model-dicom", "model-stl", "object-model-dicom"
ROLES = (MODEL, STL, OBJECT_MODEL)
SIMPLIFIED = "simplified to look at"


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


def write(content, writer, progress):
    """Write each piece of each part as STL and as DICOM object, and every other model as DICOM object."""
    pieces, others = modelBodies(content)
    count = len(pieces) + len(others)
    for number, body in enumerate(pieces, 1):
        progress((number - 1) / count, f"Model of {body.name}")
        _writePiece(content, writer, body, number, len(pieces) > 1)
    for number, body in enumerate(others, 1):
        progress((len(pieces) + number - 1) / count, f"Model of {body.name}")
        mesh = coarse(body.mesh)
        remark = SIMPLIFIED if mesh is not body.mesh else ""
        model = modelOf(content, body, len(pieces) + number, icon=painted(mesh), remark=remark)
        stl = stlBytes(mesh, f"CASE={content.making.caseName} {content.making.approvalWord.upper()}")
        dataset = buildEncapsulatedModel(content.source, content.making, stl, model, _derivedFrom(writer))
        writer.object(dataset, f"model-{number}.dcm", Manifest.roleOfPiece(OBJECT_MODEL, number))


def _writePiece(content, writer, body, number, isOneOfSeveral):
    name = f"part-{number}" if isOneOfSeveral else "part"
    path = writer.copy(body.path, f"{name}.stl", Manifest.roleOfPiece(STL, number), body.part)
    model = modelOf(content, body, number, icon=painted(body.mesh))
    dataset = buildEncapsulatedModel(content.source, content.making, path.read_bytes(), model, _derivedFrom(writer))
    writer.object(dataset, f"{name}.dcm", Manifest.roleOfPiece(MODEL, number), body.part)


def _derivedFrom(writer):
    segmentation = writer.datasets.get("segmentation-dicom")
    return [] if segmentation is None else [segmentation]
