"""The print step: an object of a case as a checked, labelled part, in the files that leave for the printer."""

import dataclasses
import functools

from PlanningHubLib import Requirements
from PlanningHubLib.Errors import InputRefused, PlanningError
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed
from PlanningHubLib.Shapes import Surface
from PlanningHubLib.Software import versions

from .Marking.PatientWords import patientWords
from .PartChecks import checkedPart
from .PartFacts import partFacts
from .PartFiles import writeFiles
from .PartSteps import steps
from .PartWork import SOLID, SURFACE, PartIdentity, PartWork, Piece
from .Production import Materials, Profiles
from .Proof.DeviationMap import writeMap
from .Proof.Tolerance import toleranceOf
from .Recipe import checked, newRecipe
from .Shape import FITTING_ROLES, fileShape, shapeOf
from .Simplification import Simplify

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
    profile = Profiles.find(recipe["profile"]) if recipe["profile"] else None
    segmentation = case.require("segmentation")
    requireReviewed(case, segmentation)
    shape = _shapeFor(case, session, segmentation, recipe, part(progress, 0.0, 0.3))
    recipe = _asMade(recipe, shape)
    # Before the long work: what is unsafe is not made.
    Materials.requireSafe(recipe, shape.flags["role"], profile)
    tolerance = toleranceOf(case, recipe, shape.flags["role"])
    with case.staging("part", partId(case, shape), user=user) as stage:
        identity = PartIdentity(
            case.name, shape.name, f"{stage.artefactId}.{stage.revision}", case.side, sourceContent(shape)
        )
        others = functools.partial(_other, case, session, segmentation)
        words = functools.partial(patientWords, case)
        work = PartWork(shape, identity, others, profile=profile, surface=shape.mesh, patientWords=words)
        simple = _shaped(work, recipe, part(progress, 0.3, 0.7))
        checks = checkedPart(work, recipe, tolerance, part(progress, 0.7, 0.88))
        progress(0.9, "Writing the files")
        pieces = writeFiles(stage.folder, work, recipe)
        progress(0.95, "Drawing the map of its accuracy")
        writeMap(stage.folder, checks.accuracy)
        progress(1.0, "Part written")
        return stage.commit(
            parents=shape.parents,
            parameters={**recipe, "object": shape.name, **_smoothingParameters(shape)},
            facts={**partFacts(work, simple, pieces, checks), **repairFacts(segmentation)},
            software=versions("slicer-core", "vtk", "manifold3d", "fast-simplification", "libigl", "numba", "lib3mf"),
            title="Printable part" if recipe["object"] is None else f"Printable part: {shape.name}",
        )


def _shapeFor(case, session, segmentation, recipe, progress):
    if recipe["model"]:
        return fileShape(case, segmentation, recipe["object"], recipe["model"])
    return shapeOf(case, session, segmentation, recipe["object"], progress)


def _asMade(recipe, shape):
    """Return a recipe as this part is made by it: its bound, and its model file by name and hash."""
    recipe = {**recipe, "maximumDeviationMm": _bound(shape, recipe["maximumDeviationMm"])}
    if shape.file:
        recipe["model"] = {**recipe["model"], "file": shape.file.name, "sha256": shape.file.sha256}
    if shape.received:
        recipe["model"] |= {"unit": shape.received.unit, "frame": shape.received.frame}
    return recipe


def sourceContent(shape):
    """Return the hash of what a part's shape came from: an artefact's content, or a model file's bytes."""
    return shape.file.sha256 if shape.file else shape.parents[0].content


def _shaped(work, recipe, progress):
    """Carry out a recipe; return what simplification gave."""
    _carryOut(work, recipe, SURFACE, part(progress, 0.0, 0.2))
    if work.shape.file:
        # A file may be damaged: what it was repaired to is what the part has to agree with.
        work.shape = dataclasses.replace(work.shape, mesh=work.surface)
    simple = Simplify.simplified(work.surface, recipe["maximumDeviationMm"], part(progress, 0.2, 0.7))
    work.took("simplification", simple.deviation.meanMm, simple.deviation.maximumMm)
    requireSameVolume(simple.mesh.volumeMl, _expectedMl(work))
    work.pieces = [Piece("", simple.mesh)]
    _carryOut(work, recipe, SOLID, part(progress, 0.7, 1.0))
    return simple


def _expectedMl(work):
    """Return the volume that simplification has to keep: the shape's, and what the steps before changed on purpose."""
    shape = work.shape
    if shape.volumeMl is None:
        return work.surface.volumeMl
    return shape.volumeMl + work.surface.volumeMl - shape.mesh.volumeMl


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


def partId(case, shape):
    """Return the ID of the case's part of a shape, or a new one."""
    parts = [one for one in case.artefacts if one.kind == "part"]
    known = [
        one.id
        for one in parts
        if one.parameters.get("object", shape.name) == shape.name
        and bool(one.parameters.get("model")) == bool(shape.file)
    ]
    return known[0] if known else f"part-{len({one.id for one in parts}) + 1}"


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
