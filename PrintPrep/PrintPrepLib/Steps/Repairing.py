"""The step that makes a damaged surface a solid, or says by name why it cannot."""

import numpy

from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Shapes.Deviation import distancesToSurface
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold, weldProof
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Shapes.Shells import shellLabels, shellVolumesMm3

from ..PartWork import SURFACE, PartStep
from ..Repair import RepairHoles, RepairTopology
from ..Repair.SelfIntersections import selfIntersecting
from . import Wrapping

# Needles of two points that single precision cannot tell apart are taken out; nothing else moves.
NEEDLE_MM = 1e-4
NEEDLE_MM2 = 1e-9
MENDED = (
    "notFinite", "doubles", "gaps", "fins", "turned", "holes", "specks", "voids", "swallowed", "selfIntersections",
)  # fmt: skip
# Cutting crossing triangles out and filling the holes moves the surface: only where they are this few of its area.
CUT_FRACTION = 0.01
CUT_ROUNDS = 5
# What is wrapped may stand off by this many voxels: at sharp edges a voxel cuts the corner.
WRAP_VOXELS = 1.5
SAMPLES = 500

PARAMETERS = {
    "weldMm": {"type": "number", "minimum": 0, "maximum": 0.1, "default": 0.001, "title": "Join borders within"},
    "largestHoleMm": {
        "type": "number", "exclusiveMinimum": 0, "default": 25.0, "title": "Largest hole to fill",
        "description": "A hole that is not flat and larger than this is refused: its filling would be a guess",
    },
    "smallestPieceMm3": {
        "type": "number", "minimum": 0, "default": 1.0, "title": "Smallest piece",
        "description": "Separate pieces and cavities below are left out",
    },
    "fillVoids": {"type": "boolean", "default": False, "title": "Fill closed cavities"},
}  # fmt: skip


def repaired(mesh, weldMm=0.001, largestHoleMm=25.0, smallestPieceMm3=1.0, fillVoids=False, progress=noProgress):
    """Return a solid of a damaged surface, and what was done to it.

    :param mesh: any triangles, mm
    :returns: :class:`Mesh` and facts: counts of what was mended, ``volumeMl``, ``voxelMm`` where it was wrapped
    :raises InputRefused: ``cannot-repair``, ``hole-too-large``, saying what is wrong
    """
    points, triangles, facts = _clean(mesh, weldMm)
    progress(0.2, "Filling holes")
    points, triangles = _closed(points, triangles, largestHoleMm, facts)
    progress(0.5, "Shells")
    try:
        solid = _withoutNeedles(toManifold(Mesh.fromArrays(points, triangles)))
    except InputRefused:
        solid = _wrap(Mesh.fromArrays(points, triangles), facts)
    solid = _sorted(solid, smallestPieceMm3, fillVoids, facts)
    progress(0.7, "Self-intersections")
    solid = _uncrossed(solid, largestHoleMm, facts)
    if solid.volumeMl <= 0 or not len(solid.triangles):
        raise _cannot("nothing is left that encloses a volume")
    return weldProof(solid), {**facts, "volumeMl": round(solid.volumeMl, 3)}


def _clean(mesh, weldMm):
    points, triangles = mesh.points.astype(numpy.float64), mesh.triangles.astype(numpy.int64)
    facts = {"triangles": len(triangles)}
    triangles = RepairTopology.finite(points, triangles)
    facts["notFinite"] = facts["triangles"] - len(triangles)
    used, triangles = numpy.unique(triangles, return_inverse=True)
    points, triangles = RepairTopology.joined(points[used], triangles.reshape(-1, 3), weldMm)
    if not len(triangles):
        raise _cannot("there are no triangles")
    counts = [len(triangles)]
    triangles = RepairTopology.withoutDoubles(triangles, len(points))
    counts.append(len(triangles))
    triangles = RepairTopology.withoutGaps(points, triangles, max(weldMm, 1e-5))
    counts.append(len(triangles))
    triangles = RepairTopology.withoutFins(points, triangles)
    counts.append(len(triangles))
    facts.update(zip(("doubles", "gaps", "fins"), abs(numpy.diff(counts)).tolist(), strict=True))
    triangles, facts["turned"] = RepairTopology.oriented(points, triangles)
    return points, triangles, facts


def _closed(points, triangles, largestHoleMm, facts):
    holes = RepairHoles.findHoles(points, triangles)
    large = [hole for hole in holes if hole.diameterMm > largestHoleMm and not hole.isFlat]
    if large:
        raise InputRefused(
            "hole-too-large",
            f"The surface has {len(large)} holes of up to {large[-1].diameterMm:.0f} mm that are not flat: what "
            "belongs there would be a guess.",
            "Segment again, close the model where it was made, or state a larger hole.",
        )
    facts["holes"] = len(holes)
    facts["largestHoleMm"] = round(holes[-1].diameterMm, 2) if holes else 0.0
    try:
        return RepairHoles.filled(points, triangles, holes)
    except ValueError as error:
        raise _cannot(str(error)) from error


def _withoutNeedles(manifold):
    """Return the mesh of a manifold; only where it has triangles without area, it is simplified."""
    mesh = fromManifold(manifold)
    return fromManifold(manifold.simplify(NEEDLE_MM)) if (mesh.areasMm2() < NEEDLE_MM2).any() else mesh


def _sorted(mesh, smallestPieceMm3, fillVoids, facts):
    """Return a solid with its shells facing the right way, without specks and bodies that others swallow.

    The outermost face outwards. A shell inside keeps facing as it did relative to the one around it: a cavity, or a
    body inside a body, which is nothing.
    """
    volumesMm3, labels = shellVolumesMm3(mesh)
    large = numpy.flatnonzero(abs(volumesMm3) >= smallestPieceMm3)
    facts["specks"] = len(volumesMm3) - len(large)
    if not len(large):
        raise _cannot("nothing is left that encloses a volume")
    shells = {shell: mesh.kept(labels == shell) for shell in large}
    around = _nesting(shells)
    kept, turned, dropped = [], 0, {"voids": 0, "swallowed": 0}
    for shell in large:
        root = max([*around[shell], shell], key=lambda one: abs(volumesMm3[one]))
        sign = numpy.sign(volumesMm3[shell]) * numpy.sign(volumesMm3[root])
        parents = sorted(around[shell], key=lambda one: abs(volumesMm3[one]))
        isVoid = sign < 0
        parentIsVoid = bool(parents) and numpy.sign(volumesMm3[parents[0]]) != numpy.sign(volumesMm3[root])
        if isVoid and fillVoids:
            dropped["voids"] += 1
        elif parents and not fillVoids and isVoid == parentIsVoid:
            dropped["swallowed"] += 1
        elif parents and fillVoids:
            dropped["swallowed"] += 1
        else:
            faces = shells[shell]
            if volumesMm3[root] < 0:
                turned += len(faces.triangles)
                faces = Mesh(faces.points, faces.triangles[:, ::-1])
            kept.append(faces)
    facts.update(dropped)
    facts["turned"] += turned
    return _together(kept)


def _nesting(shells):
    """Return shell's number → numbers of the shells around all of it; samples of its points stand for it."""
    import igl

    bounds = {shell: (mesh.points.min(0), mesh.points.max(0)) for shell, mesh in shells.items()}
    around = {shell: [] for shell in shells}
    for outer, mesh in shells.items():
        low, high = bounds[outer]
        inner = [
            one for one, (its, top) in bounds.items() if one != outer and (its >= low).all() and (top <= high).all()
        ]
        if not inner:
            continue
        places = [shells[one].points[:: max(1, len(shells[one].points) // SAMPLES)].astype(float) for one in inner]
        arrays = mesh.points.astype(float), mesh.triangles.astype(numpy.int64)
        winding = abs(numpy.asarray(igl.fast_winding_number(*arrays, numpy.concatenate(places))).reshape(-1))
        starts = numpy.cumsum([0, *map(len, places[:-1])])
        for one, least in zip(inner, numpy.minimum.reduceat(winding, starts), strict=True):
            if least > 0.5:
                around[one].append(outer)
    return around


def _together(meshes):
    starts = numpy.cumsum([0, *(len(mesh.points) for mesh in meshes)])
    return Mesh.fromArrays(
        numpy.concatenate([mesh.points for mesh in meshes]),
        numpy.concatenate([mesh.triangles + start for mesh, start in zip(meshes, starts[:-1], strict=True)]),
    )


def _uncrossed(mesh, largestHoleMm, facts):
    """Return a solid without self-intersections: shells united, small crossings cut out, or all of it wrapped."""
    pairs = selfIntersecting(mesh)
    facts["selfIntersections"] = len(pairs)
    if not len(pairs):
        return mesh
    labels = shellLabels(mesh)[1]
    if (labels[pairs[:, 0]] != labels[pairs[:, 1]]).any():
        mesh = _united(mesh, labels)
        pairs = selfIntersecting(mesh)
    mesh, pairs = _smoothedOut(mesh, pairs, largestHoleMm)
    if len(pairs) and "voxelMm" not in facts:
        mesh = _wrap(mesh, facts)
        mesh, pairs = _smoothedOut(mesh, selfIntersecting(mesh), largestHoleMm)
    if len(pairs):
        raise _cannot(f"it passes through itself in {len(pairs)} places")
    return mesh


def _smoothedOut(mesh, pairs, largestHoleMm):
    """Return a mesh with small crossings cut out and filled, and the pairs that are left."""
    for _round in range(CUT_ROUNDS):
        cut = _withCutOut(mesh, pairs, largestHoleMm) if len(pairs) else None
        if cut is None:
            break
        mesh, pairs = cut, selfIntersecting(cut)
    return mesh, pairs


def _united(mesh, labels):
    """Return the union of the shells of a mesh, with what its cavities take away."""
    import manifold3d

    shells = [mesh.kept(labels == label) for label in numpy.unique(labels)]
    bodies = [toManifold(one) for one in shells if one.volumeMl > 0]
    voids = [toManifold(Mesh(one.points, one.triangles[:, ::-1])) for one in shells if one.volumeMl < 0]
    united = manifold3d.Manifold.batch_boolean(bodies, manifold3d.OpType.Add)
    if voids:
        united -= manifold3d.Manifold.batch_boolean(voids, manifold3d.OpType.Add)
    return _withoutNeedles(united)


def _withCutOut(mesh, pairs, largestHoleMm):
    """Return a mesh with the crossing triangles and their neighbors filled anew; None where that is no small change."""
    near = numpy.zeros(len(mesh.points), bool)
    near[mesh.triangles[numpy.unique(pairs)]] = True
    which = near[mesh.triangles].any(1)
    areas = mesh.areasMm2()
    if areas[which].sum() > CUT_FRACTION * areas.sum():
        return None
    try:
        rest = mesh.kept(~which)
        points, triangles = rest.points.astype(float), rest.triangles.astype(numpy.int64)
        holes = RepairHoles.findHoles(points, triangles)
        if any(hole.diameterMm > largestHoleMm for hole in holes):
            return None
        found = fromManifold(toManifold(Mesh.fromArrays(*RepairHoles.filled(points, triangles, holes))))
    except (ValueError, InputRefused):
        return None
    return found if abs(found.volumeMl / mesh.volumeMl - 1) < CUT_FRACTION / 5 else None


def _wrap(mesh, facts):
    solid, voxelMm = Wrapping.wrapped(mesh)
    facts["voxelMm"] = round(voxelMm, 3)
    offMm = Wrapping.standsOffMm(solid, mesh)
    if offMm.max() > WRAP_VOXELS * voxelMm:
        raise _cannot(f"what it winds around stands off by up to {offMm.max():.1f} mm, at voxels of {voxelMm:.2f} mm")
    return solid


def _cannot(reason):
    return InputRefused(
        "cannot-repair", f"The surface cannot be repaired: {reason}.", "Segment again, or make the model again."
    )


def _run(parameters, work, progress):
    before = work.surface
    work.surface, facts = repaired(before, progress=progress, **parameters)
    if before is work.shape.mesh:
        work.reference = work.surface
    kept = before.points[numpy.isfinite(before.points).all(1)]
    offMm = distancesToSurface(kept, work.surface)
    work.took("repair", offMm.mean(), offMm.max())
    work.facts["repair"] = facts
    done = ", ".join(f"{name} {facts[name]}" for name in MENDED if facts.get(name))
    if done:
        work.findings.append(Finding("repaired", "info", f"The surface was repaired: {done}."))
    if "voxelMm" in facts:
        text = f"The surface passed through itself and was made anew on voxels of {facts['voxelMm']} mm."
        work.findings.append(Finding("wrapped", "warn", text, "Compare the part with the model."))


STEPS = (PartStep("repair", "Repair", SURFACE, PARAMETERS, (), _run),)
