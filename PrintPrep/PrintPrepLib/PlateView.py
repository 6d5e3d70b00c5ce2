"""A plate of a build in the 3D view: its parts as they lie there, with the plate and the edges of the build volume.

What is at the printer's front faces the viewer who stands before the patient: the plate's x is the scene's left, its y
posterior, its z superior, and the middle of the plate the scene's origin.
"""

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Mesh import Mesh

from .PartRecords import joined, partNumber, readMesh, wholePath
from .Production.Build import readBuild
from .Production.PlatePictures import EDGE_COLOR, colorOf, edgeMeshes, floorMesh
from .SceneStage import PLATE_ATTRIBUTE, addModel, clearStage, hideOthers, stagedValue


def showPlate(case, scene, build, number):
    """Put a plate of a build into the scene, and hide other surfaces; return the model nodes of its parts.

    :param number: of the plate, from 1 on
    :raises GateRefused: ``damaged-build``, ``damaged-part``
    :raises InputRefused: ``no-such-plate``
    """
    document = readBuild(case, build)
    sizeMm, rows = _buildVolume(document), _rows(document, number)
    laid = [(row, _inScene(_laidMesh(case, row), sizeMm)) for row in rows]
    clearStage(scene)
    hideOthers(scene)
    value, content = plateName(build, number), f"{case.caseId} plate {number} of {build.content}"
    nodes = []
    for index, (row, mesh) in enumerate(laid):
        node = addModel(scene, f"{case.name} {row['name']}", mesh.toPolyData(), PLATE_ATTRIBUTE, value, content)
        node.GetDisplayNode().SetColor(*colorOf(index))
        nodes.append(node)
    box = joined([floorMesh(sizeMm, max(sizeMm)), *edgeMeshes(sizeMm)])
    name = f"{case.name} build volume of plate {number}"
    node = addModel(scene, name, _inScene(box, sizeMm).toPolyData(), PLATE_ATTRIBUTE, value, content)
    node.GetDisplayNode().SetColor(*EDGE_COLOR)
    node.SetSelectable(False)
    return nodes


def shownPlate(scene):
    """Return which plate the scene shows, as :func:`plateName` calls it; empty text where it shows none."""
    return stagedValue(scene, PLATE_ATTRIBUTE)


def plateName(build, number):
    """Return what tells a plate of a build from every other one."""
    return f"{partNumber(build)} {number}"


def _rows(document, number):
    plates = document["plates"]
    if not 1 <= number <= len(plates):
        raise InputRefused("no-such-plate", f"The build has no plate {number}.", f"It has {len(plates)}.")
    return plates[number - 1]["parts"]


def _buildVolume(document):
    return numpy.array(document["profile"]["figures"]["buildVolumeMm"]["value"], float)


def _laidMesh(case, row):
    """Return a part's mesh as it lies on its plate, mm; from the very revision that was laid there."""
    artefact = next(one for one in case.artefacts if partNumber(one) == row["partNumber"])
    mesh = readMesh(wholePath(case, artefact, row.get("file", f"{row['name']}.stl")))
    matrix = numpy.array(row["lpsToPlate"])
    return Mesh.fromArrays(mesh.points @ matrix[:3, :3].T + matrix[:3, 3], mesh.triangles)


def _inScene(mesh, sizeMm):
    """Return a mesh of the plate's frame in RAS."""
    middle = numpy.array((sizeMm[0] / 2, sizeMm[1] / 2, 0.0))
    return Mesh.fromArrays(mesh.points - middle, mesh.triangles).rasLpsSwapped()
