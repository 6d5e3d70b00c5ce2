"""The closed surface of a mask, in RAS mm: flying edges, then smoothing that does not shrink."""

import dataclasses

import numpy
import slicer
import vtk
from vtk.util import numpy_support

from .. import Masks, Segments
from ..Errors import InputRefused
from ..Progress import noProgress
from .Mesh import Mesh
from .Shells import speckTriangles
from .Threads import inChunks, vtkThreads

# Taubin's low-pass filter as windowed sinc: 20 iterations at 0.05 soften the stairs of thick slices and keep the volume
# (+0.02 % on the phantom's smooth skull, −0.28 % on a real one, both against the voxels). 0.03 would look smoother, but
# moves the centroid of a small part by more than 0.1 mm.
SMOOTHING_ITERATIONS = 20
SMOOTHING_PASS_BAND = 0.05


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
    firstIndex = numpy.array([first for first, _last in reversed(extent)])
    progress(0.0, "Surface")
    spacingMm = numpy.linalg.norm(ijkToRas[:3, :3], axis=0)
    rough = _flyingEdges(cropped, spacingMm)
    progress(0.3, "Smoothing")
    smooth, movedMm = _smoothed(rough, smoothingIterations)
    progress(0.7, "Shells")
    mesh = _inRas(smooth, ijkToRas, firstIndex, spacingMm)
    voxelMesh = Mesh(_pointsInRas(rough, ijkToRas, firstIndex, spacingMm), mesh.triangles)
    isSpeck, specksMm3 = speckTriangles(mesh)
    if len(specksMm3):
        mesh, voxelPoints = mesh.kept(~isSpeck), voxelMesh.kept(~isSpeck).points
        voxelMesh = Mesh(voxelPoints, mesh.triangles)
    if len(mesh.triangles) == 0:
        raise InputRefused("only-specks", "The segment has nothing larger than 1 mm³.", "Segment again.")
    progress(1.0, "Surface")
    return Surface(
        mesh,
        voxelMesh,
        tuple(float(value) for value in spacingMm),
        maskVolumeMl=float(numpy.count_nonzero(cropped)) * voxelVolumeMm3 / 1000,
        smoothingMeanMm=float(movedMm.mean()),
        smoothingMaximumMm=float(movedMm.max()),
        specks=len(specksMm3),
        specksVolumeMl=float(numpy.abs(specksMm3).sum()) / 1000,
    )


def _flyingEdges(cropped, spacingMm):
    """Return the surface half way between inside and outside voxels; frame: array indices times spacing."""
    padded = numpy.pad(cropped.view(numpy.uint8), 1)
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
    before = numpy_support.vtk_to_numpy(polyData.GetPoints().GetData())
    if iterations == 0:
        return polyData, numpy.zeros(len(before))
    smooth = lowPassed(polyData, iterations, SMOOTHING_PASS_BAND)
    after = numpy_support.vtk_to_numpy(smooth.GetPoints().GetData())
    difference = after - before
    return smooth, numpy.sqrt(numpy.einsum("ij,ij->i", difference, difference))


def lowPassed(polyData, iterations, passBand):
    """Return a closed surface smoothed without shrinking (G. Taubin, A signal processing approach to fair surface
    design, 1995; here as windowed sinc), its triangles as they were.

    :param passBand: above 0 to 2, the smaller, the smoother
    """
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


def _inRas(polyData, ijkToRas, firstIndex, spacingMm):
    triangles = Mesh.fromPolyData(polyData).triangles
    # A mirroring frame turns outside in: the winding turns it back.
    triangles = triangles if numpy.linalg.det(ijkToRas[:3, :3]) > 0 else triangles[:, ::-1]
    return Mesh.fromArrays(_pointsInRas(polyData, ijkToRas, firstIndex, spacingMm), triangles)


def _pointsInRas(polyData, ijkToRas, firstIndex, spacingMm):
    if polyData.GetNumberOfPoints() == 0:
        return numpy.zeros((0, 3), numpy.float32)
    points = numpy_support.vtk_to_numpy(polyData.GetPoints().GetData())
    originRas = ijkToRas[:3, :3] @ firstIndex + ijkToRas[:3, 3]
    toRas = (ijkToRas[:3, :3] / spacingMm).T
    return numpy.concatenate(
        inChunks(lambda part: (points[part] @ toRas + originRas).astype(numpy.float32), len(points))
    )
