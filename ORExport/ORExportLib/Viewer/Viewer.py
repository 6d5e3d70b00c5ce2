"""The offline viewer in a package: made of its content."""

import slicer
import vtk

from PlanningHubLib import Approval, Signing
from PlanningHubLib.Planning.Operations import operations

from .. import ApprovalsFile, Manifest, VerifyFiles, VerifyOrigin
from ..Content import PIECE, RAS_TO_LPS, SOLID
from ..Writer import NOT_APPROVED
from .ModelData import Model
from .Page import Figure, Section, Step, ViewerContent, viewerPage

ROLE = "viewer-html"
ROLES = (ROLE,)
NAME = "viewer.html"


def write(content, writer, progress):
    """Write the viewer of a :class:`ORExportLib.Content.Content`.

    The views are those that were agreed on; where there are none, those of the procedure and the side.

    :raises InputRefused: ``no-viewer-engine``, ``viewer-too-large``
    """
    writer.bytes(viewerPage(viewerContent(content), progress), NAME, ROLE)


def viewerContent(content):
    """Return the :class:`ORExportLib.Viewer.Page.ViewerContent` of a package's content."""
    case, node = content.case, content.volumeNode
    ijkToRas = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(ijkToRas)
    return ViewerContent(
        caseCode=case.name,
        side=content.side,
        procedure=case.procedure,
        approvedBy=tuple(map(ApprovalsFile.approverLine, content.approvals)),
        intendedUse=content.intendedUse,
        voxelsHu=slicer.util.arrayFromVolume(node),
        ijkToLps=RAS_TO_LPS @ slicer.util.arrayFromVTKMatrix(ijkToRas),
        models=tuple(_models(content.bodies)),
        views=tuple(content.views),
        steps=tuple(_steps(content)),
        lines=tuple(_lines(content)),
        figures=_figures(content, None),
        checklist=tuple(_checklist(content)),
        findings=tuple(content.findings),
        artefacts=tuple((one.kind, one.id, one.content) for one in content.inputs.artefacts),
        software=content.making.software,
        check=checkRules(content.procedure),
    )


def checkRules(procedure):
    """Return what the page's check of the package goes by: the rules of the command that verifies."""
    return {
        "manifestVersion": Manifest.VERSION,
        "neededRoles": list(VerifyFiles.ALWAYS),
        "neededSinceFour": list(VerifyFiles.ALWAYS_SINCE_FOUR),
        "rolesOfContent": VerifyFiles.OF_CONTENT,
        "scanAgeDays": procedure.limit("scanAgeDays"),
        "consentScope": VerifyOrigin.CONSENT_SCOPE,
        "notApprovedMark": NOT_APPROVED,
        "approvalsRole": ApprovalsFile.ROLE,
        "approvalsFormat": ApprovalsFile.FILE_FORMAT,
        "approves": Approval.APPROVES,
        "kindOfRole": ApprovalsFile.KIND_OF_ROLE,
        "domain": Signing.DOMAIN.decode("ascii"),
    }


def _models(bodies):
    """Yield the models; a view that shows a solid by its name does not show what was printed of it as well."""
    solids = {body.name for body in bodies if body.origin == SOLID}
    for body in bodies:
        isPiece = body.origin == PIECE
        label = f"Printed part {body.name}" if isPiece else body.name
        name = label if isPiece and body.name in solids else body.name
        if len(body.mesh.triangles):
            yield Model(
                name, body.mesh, body.color, body.opacity, body.role, visible=not isPiece, label=label,
                mirrored=body.mirrored, moved=body.moved,
            )  # fmt: skip


def _lines(content):
    if content.document:
        yield content.document["title"]
        yield from (line for line in (content.document["note"],) if line)
    yield f"Parts: {', '.join(body.name for body in content.pieces)}"


def _steps(content):
    if not content.document:
        return
    titles = {step["name"]: operations()[step["do"]].title for step in content.document["steps"]}
    for number, result in enumerate(content.results["steps"], 1):
        name = result["name"]
        lines = (titles[name], *(f"{one['message']} {one['action']}".strip() for one in result["findings"]))
        yield Step(name, f"{number}. {name}", lines, _figures(content, name))


def _figures(content, stepName):
    """Return the :class:`Figure` of a step's measurements, or of those of no step."""
    return tuple(
        Figure(one.name, one.text, () if one.pointsLps is None else tuple(map(tuple, one.pointsLps)))
        for one in content.measurements
        if one.stepName == stepName
    )


def _checklist(content):
    """Yield what to tick: the plan's own list, or else the procedure's; then what is true of every package."""
    own = content.document["checklist"] if content.document else ()
    texts = [one["text"] + (f" ({one['note']})" if one.get("note") else "") for one in own]
    yield Section("The plan", tuple(texts or content.procedure.values.get("checklist", ())))
    side = (content.side or "side not stated").upper()
    yield Section(
        "In the operating room",
        (
            f"Patient, procedure and side ({side}) agree with the record, the consent and the patient",
            "The check of the package folder found nothing that speaks against its use",
            *(f"{body.name} is here, and what is engraved on it agrees with the plan" for body in content.pieces),
        ),
    )
