"""The print step: the case's segmentation as a watertight part within a stated deviation, as STL and 3MF."""

import dataclasses

from PlanningHubLib import Requirements
from PlanningHubLib.Errors import InputRefused, firstRejection
from PlanningHubLib.Nodes import removeNodes
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Repair import repairFacts
from PlanningHubLib.Segmentation import loadSegmentation
from PlanningHubLib.Segmenting.SegmentReview import requireReviewed
from PlanningHubLib.Shapes import Checks, Surface
from PlanningHubLib.Software import versions

from . import Simplify, Writers

DEFAULT_DEVIATION_MM = 0.25
# Flying edges and smoothing round thin bone off: a real skull at 1 mm voxels loses 0.2 %. More than this is no longer
# the bone that was segmented.
MAXIMUM_VOLUME_DIFFERENCE_PERCENT = 2.0


def makePart(case, session, maximumDeviationMm=DEFAULT_DEVIATION_MM, progress=noProgress, user=None):
    """Make the case's printable part from its segmentation.

    Files ``<case>_bone_<side>_part.stl`` and ``.3mf`` (the side only where the case states it), LPS mm.

    :param maximumDeviationMm: bound of the measured distance between the segmentation's smooth surface and the part
    :returns: artefact of kind ``part``; its facts hold ``volumeMl``, ``triangles``, ``deviationMm`` (measured maximum)
    :raises GateRefused: ``no-segmentation``, ``stale-segmentation``, ``damaged-segmentation``, ``not-reviewed``
    :raises InputRefused: ``empty-segment``, ``not-manifold``, ``volume-differs``, ``cannot-write``, ``disk-full`` ...
    :raises UsageError: ``bad-deviation``
    """
    Requirements.ensure("PrintPrepLib")
    segmentation = case.require("segmentation")
    requireReviewed(case, segmentation)
    with case.staging("part", user=user) as stage:
        surface = _surface(case, session, segmentation, part(progress, 0.05, 0.35))
        simple = Simplify.simplified(surface.mesh, maximumDeviationMm, part(progress, 0.35, 0.85))
        progress(0.87, "Checking")
        findings = Checks.requirePrintable(simple.mesh)
        requireSameVolume(simple.mesh.volumeMl, surface.maskVolumeMl)
        progress(0.9, "Writing STL and 3MF")
        label = partLabel(case, segmentation, stage)
        Writers.writeStl(stage.folder / f"{label.name}.stl", simple.mesh, label)
        Writers.writeThreeMf(stage.folder / f"{label.name}.3mf", simple.mesh, label)
        progress(1.0, "Part written")
        return stage.commit(
            parents=[segmentation],
            parameters={
                "maximumDeviationMm": maximumDeviationMm,
                "smoothingIterations": Surface.SMOOTHING_ITERATIONS,
                "smoothingPassBand": Surface.SMOOTHING_PASS_BAND,
            },
            facts={**partFacts(surface, simple, findings), **repairFacts(segmentation)},
            software=versions("slicer-core", "vtk", "manifold3d", "fast-simplification", "libigl", "lib3mf"),
            title="Printable part",
        )


def _surface(case, session, segmentation, progress):
    """Return the segmentation's surface in LPS, as it leaves."""
    node = loadSegmentation(case, session, segmentation)
    try:
        surface = Surface.segmentSurface(node, node.GetSegmentation().GetNthSegmentID(0), progress)
        return dataclasses.replace(surface, mesh=surface.mesh.rasLpsSwapped())
    finally:
        removeNodes(session.scene, node)


def partLabel(case, segmentation, stage):
    """Return what the part's files say about it."""
    side = f"_{case.side}" if case.side else ""
    return Writers.PartLabel(
        name=f"{case.name}_bone{side}_part",
        caseName=case.name,
        partNumber=f"{stage.artefactId}.{stage.revision}",
        side=case.side,
        sourceContent=segmentation.content,
    )


def requireSameVolume(partMl, segmentationMl):
    """Refuse a part that is not as large as the segmentation it came from.

    :raises InputRefused: ``volume-differs``
    """
    percent = 100 * (partMl - segmentationMl) / segmentationMl
    if abs(percent) > MAXIMUM_VOLUME_DIFFERENCE_PERCENT:
        raise InputRefused(
            "volume-differs",
            f"The part has {partMl:.2f} ml, its segmentation {segmentationMl:.2f} ml ({percent:+.1f} %): "
            "what was segmented is thinner than the voxels can show.",
            "Segment thicker bone, or scan with smaller voxels.",
        )


def partFacts(surface, simple, findings):
    """Return the facts of a part artefact."""
    mesh, deviation = simple.mesh, simple.deviation
    return {
        "volumeMl": round(mesh.volumeMl, 3),
        "segmentationVolumeMl": round(surface.maskVolumeMl, 3),
        "triangles": len(mesh.triangles),
        "surfaceTriangles": len(surface.mesh.triangles),
        "boundsLpsMm": mesh.boundsMm,
        "watertight": firstRejection(findings) is None,
        "deviationMm": round(deviation.maximumMm, 4),
        "deviation": deviation.asFacts(),
        "smoothingMeanMm": round(surface.smoothingMeanMm, 3),
        "smoothingMaximumMm": round(surface.smoothingMaximumMm, 3),
        "specksRemoved": surface.specks,
        "specksVolumeMl": round(surface.specksVolumeMl, 4),
        "findings": [finding.asDict() for finding in findings],
    }
