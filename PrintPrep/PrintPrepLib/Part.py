"""The print step: an object of a case as a checked, labelled part, in the files that leave for the printer."""

import functools
import re
import unicodedata

from PlanningHubLib import Requirements
from PlanningHubLib.Errors import InputRefused, PlanningError, firstRejection
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed
from PlanningHubLib.Shapes import Checks, Surface
from PlanningHubLib.Software import versions

from . import Simplify, Writers
from .PartSteps import steps
from .PartWork import SOLID, SURFACE, PartIdentity, PartWork, Piece
from .PatientWords import patientWords
from .Recipe import RECIPE_FILE, checked, newRecipe, recipeBytes
from .Shape import FITTING_ROLES, shapeOf

# What has to fit bone or a drill moves less; site default, no source.
FITTING_DEVIATION_MM = 0.05
# Flying edges and smoothing round thin bone off: a real skull at 1 mm voxels loses 0.2 %. More than this is no longer
# the bone that was segmented.
MAXIMUM_VOLUME_DIFFERENCE_PERCENT = 2.0


def makePart(case, session, recipe=None, progress=noProgress, user=None):
    """Make a printable part of a case as a recipe says.

    In a case with a plan, an object's name means a solid of its current plan or a segment, and the part belongs to that
    plan: it goes stale with it. Each object is an artefact of its own. Files in LPS mm.

    :param recipe: as :func:`PrintPrepLib.Recipe.checked` takes it; None for the first segment, as it is. An implant or
        guide keeps ``FITTING_DEVIATION_MM`` where that is less than the recipe's bound.
    :returns: artefact of kind ``part``; its facts hold ``object`` (name, role, mirrored, modified, moved),
        ``volumeMl``, ``triangles``, ``deviationMm`` (measured maximum), and what the steps have to say
    :raises GateRefused: ``no-…``, ``stale-…``, ``damaged-…`` for the segmentation and, with a name, the plan;
        ``not-reviewed``
    :raises InputRefused: ``bad-recipe``, ``no-such-object``, ``empty-segment``, ``not-manifold``, ``volume-differs``,
        ``cannot-write``, ``disk-full`` ...; what a step refuses, with its number before the message
    :raises UsageError: ``bad-deviation``
    """
    recipe = checked(recipe) if recipe else newRecipe()
    Requirements.ensure("PrintPrepLib")
    segmentation = case.require("segmentation")
    requireReviewed(case, segmentation)
    shape = shapeOf(case, session, segmentation, recipe["object"], part(progress, 0.0, 0.3))
    recipe["maximumDeviationMm"] = _bound(shape, recipe["maximumDeviationMm"])
    with case.staging("part", partId(case, shape.name), user=user) as stage:
        work = PartWork(
            shape,
            PartIdentity(
                case.name, shape.name, f"{stage.artefactId}.{stage.revision}", case.side, shape.parents[0].content
            ),
            functools.partial(_other, case, session, segmentation),
            surface=shape.mesh,
            patientWords=functools.partial(patientWords, case),
        )
        simple, findings = _shaped(work, recipe, part(progress, 0.3, 0.88))
        progress(0.9, "Writing the files")
        _writeFiles(stage.folder, work, recipe)
        progress(1.0, "Part written")
        return stage.commit(
            parents=shape.parents,
            parameters={**recipe, "object": shape.name, **_smoothingParameters(shape)},
            facts={**partFacts(work, simple, findings), **repairFacts(segmentation)},
            software=versions("slicer-core", "vtk", "manifold3d", "fast-simplification", "libigl", "lib3mf"),
            title="Printable part" if recipe["object"] is None else f"Printable part: {shape.name}",
        )


def _shaped(work, recipe, progress):
    """Carry out a recipe; return what simplification gave, and the findings about the part."""
    _carryOut(work, recipe, SURFACE, part(progress, 0.0, 0.2))
    simple = Simplify.simplified(work.surface, recipe["maximumDeviationMm"], part(progress, 0.2, 0.7))
    work.took("simplification", simple.deviation.meanMm, simple.deviation.maximumMm)
    requireSameVolume(simple.mesh.volumeMl, work.shape.volumeMl)
    work.pieces = [Piece("", simple.mesh)]
    _carryOut(work, recipe, SOLID, part(progress, 0.7, 0.9))
    progress(0.95, "Checking")
    findings = list(work.findings)
    for piece in work.pieces:
        findings += Checks.requirePrintable(piece.mesh)
    return simple, findings


def _carryOut(work, recipe, stage, progress):
    ofStage = [(number, step) for number, step in enumerate(recipe["steps"], 1) if steps()[step["do"]].stage == stage]
    for count, (number, step) in enumerate(ofStage):
        kind = steps()[step["do"]]
        share = part(progress, count / len(ofStage), (count + 1) / len(ofStage))
        share(0.0, kind.title)
        try:
            kind.run({key: value for key, value in step.items() if key != "do"}, work, share)
        except PlanningError as error:
            text = f"Step {number} ({kind.title}): {error.message}"
            raise type(error)(error.code, text, error.action, error.files) from error


def _other(case, session, segmentation, name):
    """Return the mesh (LPS mm) of another object of the case, by its name."""
    return shapeOf(case, session, segmentation, name, noProgress).mesh


def _writeFiles(folder, work, recipe):
    label = partLabel(work)
    (folder / RECIPE_FILE).write_bytes(recipeBytes(recipe))
    Writers.writeStl(folder / f"{label.name}.stl", work.pieces[0].mesh, label)
    Writers.writeThreeMf(folder / f"{label.name}.3mf", work.pieces[0].mesh, label)


def partId(case, name):
    """Return the ID of the case's part of an object, or a new one."""
    parts = {one.id: one.parameters.get("object", name) for one in case.artefacts if one.kind == "part"}
    known = [one for one, itsName in parts.items() if itsName == name]
    return known[0] if known else f"part-{len(parts) + 1}"


def _bound(shape, maximumDeviationMm):
    if shape.flags["role"] in FITTING_ROLES:
        return min(maximumDeviationMm, FITTING_DEVIATION_MM)
    return maximumDeviationMm


def _smoothingParameters(shape):
    if shape.surface is None:
        return {}
    return {
        "smoothingIterations": Surface.SMOOTHING_ITERATIONS,
        "smoothingPassBand": Surface.SMOOTHING_PASS_BAND,
    }


def partLabel(work):
    """Return what the part's files say about it."""
    identity = work.identity
    side = f"_{identity.side}" if identity.side else ""
    return Writers.PartLabel(
        name=f"{identity.caseName}_{fileWord(identity.objectName)}{side}_part",
        caseName=identity.caseName,
        partNumber=identity.partNumber,
        side=identity.side,
        sourceContent=identity.sourceContent,
    )


def fileWord(name):
    """Return a name as it stands in file names: small ASCII letters and digits, with hyphens between."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "object"


def requireSameVolume(partMl, wantedMl):
    """Refuse a part that is not as large as the segment or solid it came from.

    :raises InputRefused: ``volume-differs``
    """
    percent = 100 * (partMl - wantedMl) / wantedMl
    if abs(percent) > MAXIMUM_VOLUME_DIFFERENCE_PERCENT:
        raise InputRefused(
            "volume-differs",
            f"The part has {partMl:.2f} ml, what it was made from {wantedMl:.2f} ml ({percent:+.1f} %): "
            "that is thinner than the voxels, or the bound, can show.",
            "Segment thicker bone, scan with smaller voxels, or choose a smaller deviation.",
        )


def partFacts(work, simple, findings):
    """Return the facts of a part artefact."""
    shape, deviation, pieces = work.shape, simple.deviation, [piece.mesh for piece in work.pieces]
    bounds = [mesh.boundsMm for mesh in pieces]
    return {
        "object": {"name": shape.name, **shape.flags},
        "volumeMl": round(sum(mesh.volumeMl for mesh in pieces), 3),
        **_originFacts(shape),
        "triangles": sum(len(mesh.triangles) for mesh in pieces),
        "surfaceTriangles": len(shape.mesh.triangles),
        "boundsLpsMm": [[choose(one[end][axis] for one in bounds) for axis in range(3)]
                        for end, choose in ((0, min), (1, max))],
        "watertight": firstRejection(findings) is None,
        "deviationMm": round(deviation.maximumMm, 4),
        "deviation": deviation.asFacts(),
        "budget": work.budget,
        **work.facts,
        "findings": [finding.asDict() for finding in findings],
    }  # fmt: skip


def _originFacts(shape):
    """Return what there is to say of the segment, or of the planned solid, that a part was made from."""
    surface = shape.surface
    if surface is None:
        return {"plannedVolumeMl": round(shape.volumeMl, 3)}
    return {
        "segmentationVolumeMl": round(surface.maskVolumeMl, 3),
        "smoothingMeanMm": round(surface.smoothingMeanMm, 3),
        "smoothingMaximumMm": round(surface.smoothingMaximumMm, 3),
        "specksRemoved": surface.specks,
        "specksVolumeMl": round(surface.specksVolumeMl, 4),
    }
