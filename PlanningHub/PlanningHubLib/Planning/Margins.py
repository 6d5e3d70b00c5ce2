"""The resection margin around a structure: its surface, and what a planned resection really leaves of it."""

import dataclasses

import numpy
import vtk
from scipy import ndimage
from vtk.util import numpy_support

from ..Errors import Finding, InputRefused
from ..Shapes.Deviation import areaWeights, distancesToSurface, samplesOf
from ..Shapes.Manifolds import asSolid, fromManifold, toManifold
from ..Shapes.Mesh import Mesh
from ..Shapes.Threads import vtkThreads
from .Distances import SurfaceSearch, searchOf
from .Objects import Solid
from .Operation import NAME, Operation, Result

MARGIN_COLOR = (0.85, 0.35, 0.55)
# Triangles of the structure are divided to this size, so that the share of its surface is counted finely enough.
SAMPLE_EDGE_MM = 1.0
# Above this the grid becomes coarser.
MOST_GRID_POINTS = 3_000_000
# Within so many voxels of the margin the distances are exact.
BAND = 4
# A point of the resection that lies this near to the organ's surface lies on it.
ON_SURFACE_MM = 0.05


@dataclasses.dataclass(frozen=True)
class Reached:
    """The margin that a resection reaches over a structure's surface.

    :param minimumMm: negative where the structure itself is cut or left
    :param structureRas, cutRas: where on the structure's surface, and the nearest place of the cut
    :param belowShare: the share (0 to 1) of the structure's surface with less than the wanted margin
    """

    minimumMm: float
    structureRas: tuple
    cutRas: tuple
    belowShare: float


def margin(parameters, context, progress):
    """Make the surface of a margin, and measure what the resection reaches of it."""
    structure = context.solid(parameters["structure"])
    wantedMm, spacingMm = parameters["marginMm"], parameters["spacingMm"]
    mesh, spacingMm = marginSurface(structure.mesh, wantedMm, spacingMm, progress)
    solid = Solid(
        parameters["name"], mesh, "margin", structure.mirrored, True, structure.moved, color=MARGIN_COLOR
    )  # fmt: skip
    figures = {
        "wantedMm": wantedMm,
        "structureMl": structure.mesh.volumeMl,
        "withMarginMl": mesh.volumeMl,
        "gridMm": spacingMm,
    }
    if not parameters["resection"] and not parameters["planes"]:
        return Result((solid,), figures)
    progress(0.6, "Measuring the margin")
    reached = _reached(structure, parameters, context)
    figures |= {
        "reachedMm": reached.minimumMm,
        "belowShare": reached.belowShare,
        "nearestOnStructureRas": list(reached.structureRas),
        "nearestOnCutRas": list(reached.cutRas),
    }
    if parameters["resection"]:
        specimen = _united(context, parameters["resection"])
        figures["resectionMl"] = specimen.volume() / 1000
        figures["leftMl"] = (toManifold(structure.mesh) - specimen).volume() / 1000
    return Result((solid,), figures, {}, tuple(_findings(structure.name, reached, wantedMm)))


def marginSurface(mesh, marginMm, spacingMm, progress):
    """Return the surface at a distance from a mesh, and the spacing of the grid that it was made on, both in mm.

    The distances on the grid are exact; between its points they are taken as linear, which places a surface of radius
    r wrong by no more than spacing² / (8 r).
    """
    low, high = mesh.points.min(0).astype(float), mesh.points.max(0).astype(float)
    extentMm = high - low + 2 * marginMm + 4 * spacingMm
    spacingMm = max(spacingMm, float((extentMm.prod() / MOST_GRID_POINTS) ** (1 / 3)))
    origin = low - marginMm - 2 * spacingMm
    counts = numpy.ceil((high + marginMm + 2 * spacingMm - origin) / spacingMm).astype(int) + 1
    progress(0.0, "Distances around the structure")
    field = _fieldMm(mesh, origin, counts, spacingMm, marginMm)
    image = vtk.vtkImageData()
    image.SetDimensions(*(int(count) for count in counts))
    image.SetSpacing(spacingMm, spacingMm, spacingMm)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(field.reshape(-1)))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, marginMm)
    contour.ComputeNormalsOff()
    contour.ComputeScalarsOff()
    with vtkThreads():
        contour.Update()
    progress(0.4, "Surface of the margin")
    surface = Mesh.fromPolyData(contour.GetOutput())
    surface = Mesh.fromArrays(surface.points + origin, surface.triangles)
    if surface.volumeMl < 0:
        surface = Mesh.fromArrays(surface.points, surface.triangles[:, ::-1])
    return asSolid(surface), spacingMm


def _fieldMm(mesh, origin, counts, spacingMm, marginMm):
    """Return signed distances (slices, rows, columns) float32: exact near the margin, elsewhere on their right side."""
    touched = _insideGrid(mesh, origin, counts, spacingMm)
    inside = touched.copy()
    fine = fromManifold(toManifold(mesh).refine_to_length(spacingMm))
    columns, rows, slices = numpy.round((fine.points - origin) / spacingMm).astype(int).T
    touched[slices, rows, columns] = True
    # Off by less than the diagonal of a voxel and the way to the next point of the surface.
    field = ndimage.distance_transform_edt(~touched, spacingMm)
    field[inside] *= -1
    band = numpy.abs(field - marginMm) < BAND * spacingMm
    points = origin + spacingMm * numpy.argwhere(band)[:, ::-1]
    exactMm = distancesToSurface(points, mesh)
    field[band] = numpy.where(inside[band], -exactMm, exactMm)
    return field.astype(numpy.float32)


def _insideGrid(mesh, origin, counts, spacingMm):
    """Return for the points of a grid whether each lies within a mesh, (slices, rows, columns)."""
    stencil = vtk.vtkPolyDataToImageStencil()
    stencil.SetInputData(mesh.toPolyData())
    stencil.SetOutputOrigin(*origin)
    stencil.SetOutputSpacing(spacingMm, spacingMm, spacingMm)
    stencil.SetOutputWholeExtent(*(bound for count in counts for bound in (0, int(count) - 1)))
    toImage = vtk.vtkImageStencilToImage()
    toImage.SetInputConnection(stencil.GetOutputPort())
    toImage.Update()
    scalars = numpy_support.vtk_to_numpy(toImage.GetOutput().GetPointData().GetScalars())
    return scalars.reshape(tuple(counts[::-1])) > 0


def reachedMargin(structureMesh, heightsMm, nearestPlaces, wantedMm):
    """Return the :class:`Reached` over a structure's surface.

    :param heightsMm: function of points (n, 3): how far within the resection each lies, (n,) in mm
    :param nearestPlaces: function of points (n, 3): the nearest places of the cut (n, 3)
    """
    fine = fromManifold(toManifold(structureMesh).refine_to_length(SAMPLE_EDGE_MM))
    samples, weights = samplesOf(fine), areaWeights(fine)
    marginsMm = heightsMm(samples)
    worst = int(marginsMm.argmin())
    place = nearestPlaces(samples[worst : worst + 1])[0]
    below = float(weights[marginsMm < wantedMm].sum() / weights.sum())
    return Reached(float(marginsMm[worst]), tuple(samples[worst]), tuple(place), below)


def _reached(structure, parameters, context):
    """Return the :class:`Reached` of all that cuts: the least margin over each, the share over all of them."""
    planes = [_towards(context.plane(name), structure.mesh) for name in parameters["planes"]]
    search = inside = None
    if parameters["resection"]:
        specimen = fromManifold(_united(context, parameters["resection"]))
        inside = SurfaceSearch(specimen)
        search = SurfaceSearch(_cutFaces(specimen, context, parameters["organ"]))

    def heightsMm(points):
        heights = [plane.heightsMm(points) for plane in planes]
        if search:
            heights.append(numpy.where(inside.isInside(points), 1.0, -1.0) * search.nearest(points)[0])
        return numpy.min(heights, axis=0)

    def nearestPlaces(points):
        places = [points - plane.heightsMm(points)[:, None] * plane.normalRas for plane in planes]
        if search:
            places.append(search.nearest(points)[2])
        distances = [numpy.linalg.norm(one - points, axis=1) for one in places]
        return numpy.array(places)[numpy.argmin(distances, axis=0), numpy.arange(len(points))]

    return reachedMargin(structure.mesh, heightsMm, nearestPlaces, parameters["marginMm"])


def _towards(plane, mesh):
    """Return a plane whose normal points to where the most of a mesh lies."""
    center = numpy.average(mesh.points[mesh.triangles].mean(1), axis=0, weights=mesh.areasMm2())
    isBehind = plane.heightsMm(center[None])[0] < 0
    return dataclasses.replace(plane, normalRas=-plane.normalRas) if isBehind else plane


def _united(context, names):
    import manifold3d

    manifolds = [toManifold(context.solid(name).mesh) for name in names]
    return manifold3d.Manifold.batch_boolean(manifolds, manifold3d.OpType.Add)


def _cutFaces(specimen, context, organName):
    """Return the faces of a resection that are cut: without those on the organ's own surface, where nothing is cut."""
    if not organName:
        return specimen
    organ = searchOf(context.solid(organName).mesh)
    centers = specimen.points[specimen.triangles].mean(1)
    isCut = organ.nearest(centers)[0] > ON_SURFACE_MM
    if not isCut.any():
        raise InputRefused(
            "no-cut-face", f"The resection has no face within {organName}.", "Choose the organ that is cut."
        )
    return specimen.kept(isCut)


def _findings(name, reached, wantedMm):
    place = ", ".join(f"{value:.1f}" for value in reached.structureRas)
    if reached.minimumMm < 0:
        yield Finding(
            "structure-not-removed", "warn",
            f"The resection leaves a part of {name}: it reaches {-reached.minimumMm:.1f} mm beyond, at RAS {place} mm.",
            "Move the cut away from the structure.",
        )  # fmt: skip
    elif reached.minimumMm < wantedMm:
        yield Finding(
            "margin-not-reached", "warn",
            f"The margin of {name} is {reached.minimumMm:.1f} mm at RAS {place} mm, less than {wantedMm:g} mm on "
            f"{100 * reached.belowShare:.1f} % of its surface.",
            "Move the cut away from the structure.",
        )  # fmt: skip


OPERATIONS = (
    Operation(
        "margin", "Resection margin",
        {
            "structure": {**NAME, "x-object": "solid", "title": "Structure to remove"},
            "marginMm": {"type": "number", "exclusiveMinimum": 0, "title": "Margin"},
            "resection": {
                "type": "array", "items": NAME, "x-object": "solid", "default": [], "title": "What is removed",
                "description": "One or more solids, such as fragments; together they are the resection",
            },
            "planes": {
                "type": "array", "items": NAME, "x-object": "plane", "default": [], "title": "Planes of the cut",
                "description": "What lies on the structure's side of all of them is removed",
            },
            "organ": {
                "type": "string", "default": "", "x-object": "solid", "title": "Organ",
                "description": "Where the resection's surface is the organ's own, nothing is cut and no margin counts",
            },
            "spacingMm": {
                "type": "number", "minimum": 0.2, "maximum": 5, "default": 1.0, "title": "Grid",
                "description": "Distance of the points at which the margin's surface is found",
            },
        },
        ("structure", "marginMm"), margin,
    ),
)  # fmt: skip
