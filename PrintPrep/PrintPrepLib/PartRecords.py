"""A part as its case keeps it: which one is meant, its mesh read back from its files, and what was made of it."""

import numpy
import vtk

from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Shapes.Mesh import Mesh, welded


def chosenPart(case, partId=None):
    """Return the part of a case that is meant, current and undamaged.

    :param partId: None where the case has one only
    :raises GateRefused: ``no-part``, ``stale-part``, ``damaged-part``, ``which-part``: it is never guessed
    """
    ids = list(dict.fromkeys(one.id for one in case.artefacts if one.kind == "part"))
    if not ids:
        raise GateRefused("no-part", "The case has no part yet.", "Make the part first.")
    if partId not in ids and (partId is not None or len(ids) > 1):
        named = ", ".join(f"{one} ({partName(case.graph.current(one))})" for one in ids)
        what = f"The case has no part {partId}." if partId else "The case has more than one part."
        raise GateRefused("which-part", what, f"Name one of: {named}.")
    return case.requireCurrent(case.graph.current(partId or ids[0]))


def currentParts(case):
    """Return the newest revision of each part of a case that is current; files are not read."""
    newest = newestParts(case)
    states = case.states(newest, readFiles=False)
    return [one for one, state in zip(newest, states, strict=True) if state == "current"]


def newestParts(case):
    """Return the newest revision of each part of a case, current or not."""
    return [case.graph.current(one) for one in dict.fromkeys(one.id for one in case.artefacts if one.kind == "part")]


def wholePath(case, artefact, name):
    """Return the path of a file of an artefact that is as it was made; the artefact may be stale.

    :raises GateRefused: ``damaged-part``, ``damaged-papers`` ...
    """
    if name in case.damagedFiles(artefact):
        text = f"{artefact.title} was changed outside the suite."
        raise GateRefused(f"damaged-{artefact.kind}", text, "Make it again.", [case.path(artefact, name)])
    return case.path(artefact, name)


def partName(part):
    """Return the name of the object that a part is of."""
    return part.facts.get("object", {}).get("name", part.title)


def partNumber(part):
    """Return what a part is called on itself and on paper: artefact and revision."""
    return f"{part.id}.{part.revision}"


def childId(case, kind, part, **parameters):
    """Return the ID of what a case has of a kind for a part, or a new one.

    :param parameters: what tells those of one part apart
    """
    known = _children(case, kind, part, parameters)
    return known[-1].id if known else f"{kind}-{len({one.id for one in case.artefacts if one.kind == kind}) + 1}"


def newestChild(case, kind, part, **parameters):
    """Return the newest of a kind that was made for a part, be it for this revision or for an earlier one; or None."""
    known = _children(case, kind, part, parameters)
    return known[-1] if known else None


def isFor(case, artefact, part):
    """Tell whether something was made for this very content of a part, and is current."""
    made = {link.id: link.content for link in artefact.parents}
    return made.get(part.id) == part.content and case.state(artefact, readFiles=False) == "current"


def _children(case, kind, part, parameters):
    wanted = {"part": part.id, **parameters}
    return [
        one
        for one in case.artefacts
        if one.kind == kind and all(one.parameters.get(key) == value for key, value in wanted.items())
    ]


def partMesh(case, part):
    """Return the mesh of a part, all its pieces in place, LPS mm, equal points welded.

    :raises InputRefused: ``cannot-read``, ``empty-mesh``
    """
    pieces = part.facts.get("pieces") or [{"files": part.files}]
    names = [name for piece in pieces for name in piece["files"] if name.endswith(".stl")]
    return joined([readMesh(case.path(part, name)) for name in names])


def readMesh(path):
    """Return the triangles of an STL, in its own frame and unit, equal points welded.

    :raises InputRefused: ``cannot-read``, ``empty-mesh``, ``not-finite``
    """
    if not path.is_file():
        raise InputRefused("cannot-read", f"{path} is not there.", "Choose the file.", [path])
    errors = []
    source = vtk.vtkSTLReader()
    source.AddObserver("ErrorEvent", lambda *_event: errors.append(path))
    source.SetFileName(str(path))
    source.Update()
    mesh = Mesh.fromPolyData(source.GetOutput())
    if errors or not len(mesh.triangles):
        raise InputRefused("empty-mesh", f"{path.name} holds no triangles.", "Export it again as STL.", [path])
    if not numpy.isfinite(mesh.points).all():
        raise InputRefused("not-finite", f"{path.name} has points that are no numbers.", "Export it again.", [path])
    return Mesh.fromArrays(*welded(mesh.points, mesh.triangles))


def joined(meshes):
    """Return several meshes as one."""
    if len(meshes) == 1:
        return meshes[0]
    starts = numpy.cumsum([0, *(len(one.points) for one in meshes)])[:-1]
    return Mesh.fromArrays(
        numpy.concatenate([one.points for one in meshes]),
        numpy.concatenate([one.triangles + start for one, start in zip(meshes, starts, strict=True)]),
    )
