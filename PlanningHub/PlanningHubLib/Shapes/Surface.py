"""The closed surface of a mask, in RAS mm: flying edges, then smoothing that does not shrink."""

import dataclasses
import math

import numpy
import slicer
import vtk
from vtk.util import numpy_support

from .. import Masks, Segments
from ..Errors import InputRefused
from ..Progress import noProgress
from .Mesh import Mesh
from .MeshLoops import affine, fillNeighbors, isManifold, smoothingPass
from .Shells import speckTriangles
from .Threads import inChunks, vtkThreads

# Taubin's low-pass filter as windowed sinc: 20 iterations at 0.05 soften the stairs of thick slices and keep the volume
# (+0.02 % on the phantom's smooth skull, −0.28 % on a real one, both against the voxels). 0.03 would look smoother, but
# moves the centroid of a small part by more than 0.1 mm.
SMOOTHING_ITERATIONS = 20
SMOOTHING_PASS_BAND = 0.05
# A. Nuttall, Some windows with very good sidelobe behavior, 1981.
NUTTALL_WINDOW = (0.355768, 0.487396, 0.144232, 0.012604)


@dataclasses.dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface, and what making it took.

    :param voxelMesh: the same shells before smoothing: half way between the centers of inside and outside voxels
    :param spacingMm: of the voxels along column, row and slice
    """

    mesh: Mesh
    voxelMesh: Mesh
    spacingMm: tuple
    maskVolumeMl: float
    smoothingMeanMm: float
    smoothingMaximumMm: float
    specks: int
    specksVolumeMl: float

    def rasLpsSwapped(self):
        """Return a RAS surface in LPS, or an LPS surface in RAS."""
        return dataclasses.replace(self, mesh=self.mesh.rasLpsSwapped(), voxelMesh=self.voxelMesh.rasLpsSwapped())


def segmentSurface(segmentationNode, segmentId, progress=noProgress):
    """Return the closed surface of a segment's binary labelmap.

    :returns: :class:`Surface`
    :raises InputRefused: ``empty-segment``, ``moved-segmentation``
    """
    if segmentationNode.GetParentTransformNode() is not None:
        raise InputRefused(
            "moved-segmentation",
            f"{segmentationNode.GetName()} lies under a transform.",
            "Harden the transform or take it off, then try again.",
        )
    mask, matrix = Segments.segmentMask(segmentationNode, segmentId)
    return maskSurface(mask, slicer.util.arrayFromVTKMatrix(matrix), progress)


def maskSurface(mask, ijkToRas, progress=noProgress, smoothingIterations=SMOOTHING_ITERATIONS):
    """Return the closed surface of a mask; also closed where the mask touches the border of its grid.

    :param mask: array (slices, rows, columns), 0 and not 0
    :param ijkToRas: array (4, 4), (column, row, slice) to RAS mm; may be oblique, sheared or left-handed
    :param smoothingIterations: 0 for none
    :returns: :class:`Surface`, its mesh in RAS mm with normals outwards
    :raises InputRefused: ``empty-segment``, ``flat-geometry``, ``only-specks``
    """
    ijkToRas = numpy.asarray(ijkToRas, numpy.float64)
    voxelVolumeMm3 = abs(numpy.linalg.det(ijkToRas[:3, :3]))
    if not voxelVolumeMm3 > 1e-9:
        raise InputRefused("flat-geometry", "The voxels have no volume.", "Check the geometry of the series.")
    extent = Masks.bounds(mask)
    if extent is None:
        raise InputRefused("empty-segment", "The segment has no voxels.", "Segment again.")
    cropped = mask[tuple(slice(first, last + 1) for first, last in extent)] != 0
    firstIndex = [first for first, _last in reversed(extent)]
    progress(0.0, "Surface")
    spacingMm = numpy.linalg.norm(ijkToRas[:3, :3], axis=0)
    toRas = numpy.column_stack([ijkToRas[:3, :3] / spacingMm, ijkToRas[:3] @ [*firstIndex, 1]])
    rough = _flyingEdges(cropped, spacingMm)
    progress(0.3, "Smoothing")
    smooth, movedMm = _smoothed(rough, smoothingIterations)
    progress(0.7, "Shells")
    triangles = Mesh.fromPolyData(rough).triangles
    # A mirroring frame turns outside in: the winding turns it back.
    if numpy.linalg.det(toRas[:, :3]) < 0:
        triangles = numpy.ascontiguousarray(triangles[:, ::-1])
    mesh, voxelPoints = Mesh(_mapped(_points(smooth), toRas), triangles), _mapped(_points(rough), toRas)
    isSpeck, specksMm3 = speckTriangles(mesh)
    if len(specksMm3):
        used, triangles = mesh.used(~isSpeck)
        mesh, voxelPoints = Mesh(mesh.points.take(used, 0), triangles), voxelPoints.take(used, 0)
    if len(mesh.triangles) == 0:
        raise InputRefused("only-specks", "The segment has nothing larger than 1 mm³.", "Segment again.")
    progress(1.0, "Surface")
    return Surface(
        mesh,
        Mesh(voxelPoints, mesh.triangles),
        tuple(float(value) for value in spacingMm),
        maskVolumeMl=float(numpy.count_nonzero(cropped)) * voxelVolumeMm3 / 1000,
        smoothingMeanMm=float(movedMm.mean()),
        smoothingMaximumMm=float(movedMm.max()),
        specks=len(specksMm3),
        specksVolumeMl=float(numpy.abs(specksMm3).sum()) / 1000,
    )


def _flyingEdges(cropped, spacingMm):
    """Return the surface half way between inside and outside voxels; frame: array indices times spacing."""
    padded = numpy.zeros([size + 2 for size in cropped.shape], numpy.uint8)
    padded[1:-1, 1:-1, 1:-1] = cropped
    image = vtk.vtkImageData()
    image.SetExtent([bound for size in cropped.shape[::-1] for bound in (-1, size)])
    image.SetSpacing(*spacingMm)
    image.GetPointData().SetScalars(numpy_support.numpy_to_vtk(padded.reshape(-1)))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    with vtkThreads():
        contour.Update()
    return contour.GetOutput()


def _smoothed(polyData, iterations):
    """Return the smoothed surface and how far each point moved (n,) in mm."""
    before = _points(polyData)
    if iterations == 0:
        return polyData, numpy.zeros(len(before))
    smooth = lowPassed(polyData, iterations, SMOOTHING_PASS_BAND)
    after = _points(smooth)

    def moved(part):
        difference = after[part] - before[part]
        return numpy.sqrt(numpy.einsum("ij,ij->i", difference, difference))

    return smooth, numpy.concatenate(inChunks(moved, len(before)))


def lowPassed(polyData, iterations, passBand):
    """Return a closed surface smoothed without shrinking (G. Taubin, A signal processing approach to fair surface
    design, 1995; here as windowed sinc), its triangles as they were.

    :param passBand: above 0 to 2, the smaller, the smoother
    """
    # As vtkWindowedSincPolyDataFilter, to single precision, in a third of its time.
    triangles = numpy_support.vtk_to_numpy(polyData.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    starts, neighbors = _neighbors(triangles, polyData.GetNumberOfPoints())
    if not all(inChunks(lambda part: isManifold(starts, neighbors, part.start, part.stop), len(starts) - 1)):
        return _lowPassedByVtk(polyData, iterations, passBand)
    center, length = numpy.array(polyData.GetCenter()), polyData.GetLength()
    # Near the origin, single precision keeps its digits.
    points = _mapped(_points(polyData), numpy.column_stack([numpy.eye(3), -center]) / length)
    before, sums = points.copy(), points.copy()
    weights = _weights(iterations, passBand)
    for order in range(1, iterations + 1):
        share, keep = (0.5, weights[0]) if order == 1 else (1.0, 1.0)
        arguments = before, points, starts, neighbors, share, keep, weights[order], sums
        inChunks(lambda part, given=arguments: smoothingPass(*given, part.start, part.stop), len(points))
        before, points = points, before
    smooth, vtkPoints = vtk.vtkPolyData(), vtk.vtkPoints()
    smoothPoints = _mapped(sums, numpy.column_stack([numpy.eye(3) * length, center]))
    vtkPoints.SetData(numpy_support.numpy_to_vtk(smoothPoints))
    smooth.ShallowCopy(polyData)
    smooth.SetPoints(vtkPoints)
    return smooth


def _lowPassedByVtk(polyData, iterations, passBand):
    """Do the same, also where edges are open or of more than two triangles."""
    smoother = vtk.vtkWindowedSincPolyDataFilter()
    smoother.SetInputData(polyData)
    smoother.SetNumberOfIterations(iterations)
    smoother.SetPassBand(passBand)
    smoother.NormalizeCoordinatesOn()
    smoother.FeatureEdgeSmoothingOff()
    smoother.BoundarySmoothingOff()
    smoother.NonManifoldSmoothingOn()
    with vtkThreads():
        smoother.Update()
    return smoother.GetOutput()


def _neighbors(triangles, count):
    """Return where each point's neighbors start (n + 1,), and the neighbors of all."""
    starts = numpy.cumsum(numpy.bincount(triangles.reshape(-1), minlength=count + 1), dtype=numpy.uint32)
    neighbors = numpy.empty(starts[-1], numpy.uint32)
    fillNeighbors(triangles, starts, neighbors)
    return starts, neighbors


def _weights(iterations, passBand):
    """Return the filter's Chebyshev coefficients, iterations + 1, as vtkWindowedSincPolyDataFilter finds them."""
    orders = range(iterations + 1)
    # Number by number: few iterations lead the search astray, and then the last digit matters.
    waves = [[math.cos(wave * i * math.pi / (iterations + 1)) for wave in range(4)] for i in orders]
    window = [_product(NUTTALL_WINDOW, wave) for wave in waves]
    edge = math.acos(1 - 0.5 * passBand)
    atEdge = [1.0, 1 - 0.5 * passBand, *(math.cos(i * edge) for i in orders[2:])]
    shift = 0.0
    for _step in range(500):
        weights = [2.0 * window[i] * math.sin(i * (edge + shift)) / (i * math.pi) for i in orders[1:]]
        weights = [window[0] * (edge + shift) / math.pi, *weights]
        gain = _product(weights, atEdge)
        if iterations == 1 or abs(gain - 1) < 1e-3:
            break
        slopes = [0.0] * (iterations + 1)
        for i in reversed(orders[:-2]):
            slopes[i] = slopes[i + 2] + 2.0 * (i + 1) * weights[i + 1]
        shift -= (gain - 1) / _product(slopes, atEdge)
    return weights


def _product(one, other):
    total = 0.0
    for first, second in zip(one, other, strict=True):
        total += first * second
    return total


def _points(polyData):
    return numpy_support.vtk_to_numpy(polyData.GetPoints().GetData())


def _mapped(points, matrix):
    """Return the points mapped by a matrix (3, 4)."""
    result = numpy.empty_like(points)
    inChunks(lambda part: affine(points, matrix, result, part.start, part.stop), len(points))
    return result
