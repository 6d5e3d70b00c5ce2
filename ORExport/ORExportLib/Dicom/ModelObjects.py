"""The parts of a package: each piece as STL and as a DICOM object, and each part as 3MF."""

from .. import PlanFiles
from ..Content import partFiles
from ..Manifest import roleOfPiece
from .EncapsulatedModel import buildEncapsulatedModel

MODEL, STL, THREE_MF = "model-dicom", "model-stl", "model-3mf"
ROLES = (MODEL, STL, THREE_MF)


def write(content, writer, progress):
    """Write the parts of a :class:`ORExportLib.Content.Content`, byte for byte, and their DICOM objects."""
    progress(0.0, "Models")
    for number, body in enumerate(content.pieces, 1):
        name = _fileName(content, body)
        stl = writer.copy(body.path, f"{name}.stl", roleOfPiece(STL, number), body.part.id)
        model = _model(content, writer, body, stl.read_bytes())
        writer.object(model, f"{name}.dcm", roleOfPiece(MODEL, number), body.part.id)
    for number, part in enumerate(content.inputs.parts, 1):
        name = "part" if len(content.inputs.parts) == 1 else part.id
        path = partFiles(content.case, part, ".3mf", most=1)[0]
        writer.copy(path, f"{name}.3mf", roleOfPiece(THREE_MF, number), part.id)


def _fileName(content, body):
    """Return ``part``, the ID of the part where there are several, and the number of one of several pieces."""
    name = "part" if len(content.inputs.parts) == 1 else body.part.id
    isOneOfSeveral = sum(one.part is body.part for one in content.pieces) > 1
    return f"{name}-{body.number}" if isOneOfSeveral else name


def _model(content, writer, body, stl):
    making = content.making
    return buildEncapsulatedModel(
        content.source, making, stl, content.side, [writer.datasets["segmentation-dicom"]],
        usage=PlanFiles.usageOf(PlanFiles.partOf(body.part), content.document),
        description=f"{making.caseName} part, {making.approvalWord}: {body.name}",
        modified=body.modified, mirrored=body.mirrored, moved=body.moved,
    )  # fmt: skip
