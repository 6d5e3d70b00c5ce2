"""What a part's artefact says about it: figures, what its steps did, and findings."""

from PlanningHubLib.Errors import firstRejection


def partFacts(work, simple, pieces, checks):
    """Return the facts of a part artefact.

    :param simple: :class:`PrintPrepLib.Simplification.Simplify.Simplified`
    :param pieces: what :func:`PrintPrepLib.PartFiles.writeFiles` returned
    :param checks: :class:`PrintPrepLib.PartChecks.Checked`
    """
    shape, deviation, meshes = work.shape, simple.deviation, [piece.mesh for piece in work.pieces]
    bounds = [mesh.boundsMm for mesh in meshes]
    return {
        "object": {"name": shape.name, **shape.flags},
        "volumeMl": round(sum(mesh.volumeMl for mesh in meshes), 3),
        **_originFacts(shape),
        "triangles": sum(len(mesh.triangles) for mesh in meshes),
        "surfaceTriangles": len(shape.mesh.triangles),
        "boundsLpsMm": [[choose(one[end][axis] for one in bounds) for axis in range(3)]
                        for end, choose in ((0, min), (1, max))],
        "watertight": firstRejection(checks.findings) is None,
        "deviationMm": round(deviation.maximumMm, 4),
        "deviation": deviation.asFacts(),
        "budget": work.budget,
        "pieces": pieces,
        **({"process": work.profile.asFacts()} if work.profile else {}),
        **work.facts,
        **checks.facts,
        "findings": [finding.asDict() for finding in checks.findings],
    }  # fmt: skip


def _originFacts(shape):
    """Return what there is to say of the segment, or of the planned solid, that a part was made from."""
    surface = shape.surface
    if shape.file:
        return {"modelFile": {"name": shape.file.name, "sha256": shape.file.sha256}}
    if surface is None:
        return {"plannedVolumeMl": round(shape.volumeMl, 3)}
    return {
        "segmentationVolumeMl": round(surface.maskVolumeMl, 3),
        "smoothingMeanMm": round(surface.smoothingMeanMm, 3),
        "smoothingMaximumMm": round(surface.smoothingMaximumMm, 3),
        "specksRemoved": surface.specks,
        "specksVolumeMl": round(surface.specksVolumeMl, 4),
    }
