"""The models of a package: each piece of its parts, byte for byte, and what else is shown, as DICOM objects; 3MF."""

from ..Content import partFiles
from ..Manifest import roleOfPiece
from .EncapsulatedModel import buildEncapsulatedModel
from .Icons import painted
from .ModelBodies import coarse, modelBodies
from .ModelFiles import stlBytes
from .ModelModule import modelOf
from .Predecessors import addEditedModel, predecessorOf

MODEL, STL, THREE_MF, OBJECT_MODEL = "model-dicom", "model-stl", "model-3mf", "object-model-dicom"
ROLES = (MODEL, STL, THREE_MF, OBJECT_MODEL)
SIMPLIFIED = "simplified to look at"


def write(content, writer, progress):
    """Write the parts of a :class:`ORExportLib.Content.Content`, byte for byte, and all models' DICOM objects."""
    pieces, others = modelBodies(content)
    count = len(pieces) + len(others)
    for number, body in enumerate(pieces, 1):
        progress((number - 1) / count, f"Model of {body.name}")
        _writePiece(content, writer, body, number)
    for number, body in enumerate(others, 1):
        progress((len(pieces) + number - 1) / count, f"Model of {body.name}")
        model = _modelOfBody(content, writer, body, len(pieces) + number)
        writer.object(model, f"model-{number}.dcm", roleOfPiece(OBJECT_MODEL, number))
    for number, part in enumerate(content.inputs.parts, 1):
        name = "part" if len(content.inputs.parts) == 1 else part.id
        path = partFiles(content.case, part, ".3mf", most=1)[0]
        writer.copy(path, f"{name}.3mf", roleOfPiece(THREE_MF, number), part.id)


def _writePiece(content, writer, body, number):
    name = _fileName(content, body)
    stl = writer.copy(body.path, f"{name}.stl", roleOfPiece(STL, number), body.part.id)
    model = modelOf(content, body, number, icon=painted(body.mesh))
    dataset = buildEncapsulatedModel(content.source, content.making, stl.read_bytes(), model, derivedFrom(writer))
    predecessor = predecessorOf(content.case, body, MODEL)
    if predecessor:
        addEditedModel(dataset, predecessor)
    writer.object(dataset, f"{name}.dcm", roleOfPiece(MODEL, number), body.part.id)


def _fileName(content, body):
    """Return ``part``, the ID of the part where there are several, and the number of one of several pieces."""
    name = "part" if len(content.inputs.parts) == 1 else body.part.id
    isOneOfSeveral = sum(one.part is body.part for one in content.pieces) > 1
    return f"{name}-{body.number}" if isOneOfSeveral else name


def _modelOfBody(content, writer, body, number):
    making, mesh = content.making, coarse(body.mesh)
    remark = SIMPLIFIED if mesh is not body.mesh else ""
    model = modelOf(content, body, number, icon=painted(mesh), remark=remark)
    stl = stlBytes(mesh, f"CASE={making.caseName} {making.approvalWord.upper()}")
    return buildEncapsulatedModel(content.source, making, stl, model, derivedFrom(writer))


def derivedFrom(writer):
    """Return the datasets besides the source that models are derived from."""
    return [writer.datasets["segmentation-dicom"]]
