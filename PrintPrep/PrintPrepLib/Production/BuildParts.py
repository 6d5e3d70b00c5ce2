"""What a build is made of: the pieces of a case's current parts, and which of their faces must not carry supports."""

import dataclasses

import numpy

from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Shapes.Checks import requirePrintable
from PlanningHubLib.Shapes.Mesh import Mesh

from ..PartRecords import currentParts, partNumber, readMesh
from ..Shape import FITTING_ROLES
from .BuildBones import bonesOf

# Site default, no source: more is a mistake in typing.
MOST_COPIES = 100
# How far outside of a guide's face its bone is looked for: more than any gap of a bed, less than to any other bone.
BONE_WITHIN_MM = 2.0
# A face of an implant looks inwards where its normal is nearer than this to the direction of the bone's middle.
INWARDS_DEGREES = 60.0


@dataclasses.dataclass(frozen=True, eq=False)
class BuildPart:
    """A piece of a part, as it is laid on a plate.

    :param partNumber: artefact and revision, such as ``part-1.2``
    :param name: of its file, without the suffix
    :param mesh: LPS mm
    :param critical: boolean array (m,), the triangles that supports must stay off; None where nobody knows
    :param file: the STL of the part's artefact that it is
    :param copy: its number, from 1 on, of as many ``copies`` as the build has of the part
    """

    artefact: object
    partNumber: str
    name: str
    objectName: str
    role: str
    mesh: Mesh
    critical: numpy.ndarray | None = None
    file: str = ""
    copy: int = 1
    copies: int = 1


def copied(parts, copies):
    """Return parts as often as they are to be made, each copy with its own number and name.

    :param copies: artefact's ID → how many; those that are not in it are made once
    :raises UsageError: ``bad-copies``
    """
    ids = {one.artefact.id for one in parts}
    for key, count in copies.items():
        if key not in ids:
            raise UsageError("bad-copies", f"{key} is not in the build.", f"It has: {', '.join(sorted(ids))}.")
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_COPIES:
            raise UsageError("bad-copies", f"{count!r} copies of {key} cannot be made.", f"Ask for 1 to {MOST_COPIES}.")
    found = []
    for one in parts:
        count = copies.get(one.artefact.id, 1)
        names = [one.name if count == 1 else f"{one.name}_copy-{number}" for number in range(1, count + 1)]
        found += [
            dataclasses.replace(one, name=name, copy=number, copies=count) for number, name in enumerate(names, 1)
        ]
    return found


def partsOf(case, session, partIds=None):
    """Return the :class:`BuildPart` of each piece of a case's parts.

    :param partIds: artefacts' IDs; None for all current parts
    :raises GateRefused: ``no-part``, ``stale-part``, ``damaged-part``
    :raises InputRefused: ``no-such-part``, ``cannot-read``, and what a mesh that is no solid is refused for
    """
    found = [_piece(case, artefact, name) for artefact in artefactsOf(case, partIds) for name in pieceFiles(artefact)]
    bones = {}
    for number, one in enumerate(found):
        if one.role not in FITTING_ROLES:
            continue
        if one.artefact.id not in bones:
            bones[one.artefact.id] = bonesOf(case, session, one.artefact)
        found[number] = dataclasses.replace(one, critical=criticalFaces(one, bones[one.artefact.id]))
    return found


def artefactsOf(case, partIds=None):
    """Return the current artefacts of parts, checked; see :func:`partsOf`."""
    ids = list(dict.fromkeys(one.id for one in case.artefacts if one.kind == "part"))
    if partIds is None:
        return [case.requireCurrent(one) for one in currentParts(case)] or [case.require("part")]
    for one in partIds:
        if one not in ids:
            raise InputRefused("no-such-part", f"The case has no part {one}.", f"It has: {', '.join(ids) or 'none'}.")
    return [case.requireCurrent(case.graph.current(one)) for one in dict.fromkeys(partIds)]


def pieceFiles(artefact):
    """Return the names of the STL files of a part, one for each piece."""
    pieces = artefact.facts.get("pieces")
    if pieces is None:
        return sorted(name for name in artefact.files if name.endswith(".stl"))
    return [next(name for name in piece["files"] if name.endswith(".stl")) for piece in pieces]


def _piece(case, artefact, fileName):
    mesh = readMesh(case.path(artefact, fileName))
    requirePrintable(mesh)
    described = artefact.facts["object"]
    number = partNumber(artefact)
    name = fileName.rpartition(".")[0]
    return BuildPart(artefact, number, name, described["name"], described["role"], mesh, file=fileName)


def criticalFaces(part, bones):
    """Return which triangles (m,) of a guide or implant supports must stay off; None where none is found.

    A guide's: those with bone right outside of them. An implant's: those that look towards the middle of the bone.

    :param bones: those that it was made on, as :mod:`PrintPrepLib.Production.BuildBones` has them
    """
    centers = part.mesh.points[part.mesh.triangles].mean(1).astype(float)
    normals, found = part.mesh.normals().astype(float), numpy.zeros(len(centers), bool)
    for bone in bones:
        if part.role == "guide":
            found |= _besideBone(centers, normals, bone)
        else:
            towards = bone.middleLps - centers
            towards /= numpy.maximum(numpy.linalg.norm(towards, axis=1, keepdims=True), 1e-9)
            found |= (normals * towards).sum(1) > numpy.cos(numpy.radians(INWARDS_DEGREES))
    return found if found.any() else None


def _besideBone(centers, normals, bone):
    found = numpy.zeros(len(centers), bool)
    for distanceMm in numpy.arange(0.5, BONE_WITHIN_MM + 0.1, 0.5):
        found |= bone.contains(centers + distanceMm * normals)
    return found
