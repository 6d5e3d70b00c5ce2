"""A plan's curve as the points that Slicer draws for it."""

import numpy
import slicer
import vtk
from vtk.util import numpy_support


def curvePoints(curve, pointsPerSegment=10):
    """Return points (n, 3) RAS mm along a :class:`Curve`; those of a closed one end where they start."""
    points = vtk.vtkPoints()
    points.SetData(numpy_support.numpy_to_vtk(numpy.ascontiguousarray(curve.pointsRas, float), deep=True))
    polyData = vtk.vtkPolyData()
    polyData.SetPoints(points)
    generator = slicer.vtkCurveGenerator()
    generator.SetCurveTypeToCardinalSpline()
    generator.SetNumberOfPointsPerInterpolatingSegment(pointsPerSegment)
    generator.SetCurveIsClosed(curve.closed)
    generator.SetInputData(polyData)
    generator.Update()
    return numpy_support.vtk_to_numpy(generator.GetOutput().GetPoints().GetData()).astype(float)
