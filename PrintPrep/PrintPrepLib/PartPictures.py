"""Pictures for the papers: a part as it is printed, and how far a scan of it lies off."""

import numpy
import slicer
from vtk.util import numpy_support

from PlanningHubLib.Pictures import PicturesUnavailable, Studio

SIZE = (900, 680)
PART_COLOR = (0.78, 0.76, 0.70)
# Inside of the part, within the tolerance, outside of the part.
INSIDE, WITHIN, OUTSIDE = (30, 80, 220), (235, 235, 225), (215, 30, 30)
# Colors are full at this many times the tolerance.
FULL_AT = 2.0
_ARRAY = "Deviation"


def partPicture(mesh, path):
    """Take a picture of a part (LPS mm) from its widest side.

    :returns: why there is none; empty where there is one
    """
    return _picture(mesh.rasLpsSwapped().toPolyData(), path)


def deviationPicture(mesh, distancesMm, toleranceMm, path):
    """Take a picture of a surface (LPS mm), colored by how far each of its points lies off.

    :param distancesMm: array (n,), positive outside of the part
    :returns: as :func:`partPicture`
    """
    polyData = mesh.rasLpsSwapped().toPolyData()
    array = numpy_support.numpy_to_vtk(colorsOf(distancesMm, toleranceMm), deep=True)
    array.SetName(_ARRAY)
    polyData.GetPointData().SetScalars(array)
    return _picture(polyData, path)


def colorsOf(distancesMm, toleranceMm):
    """Return red, green, blue (n, 3) uint8: pale within the tolerance, from there on blue inside and red outside."""
    beyond = numpy.clip((numpy.abs(distancesMm) / toleranceMm - 1) / (FULL_AT - 1), 0, 1)
    # What lies beyond the tolerance at all is to be seen.
    share = numpy.where(beyond > 0, 0.4 + 0.6 * beyond, 0.0)[:, None]
    full = numpy.where((distancesMm < 0)[:, None], INSIDE, OUTSIDE)
    return numpy.ascontiguousarray(numpy.round((1 - share) * WITHIN + share * full), numpy.uint8)


def _picture(polyData, path):
    try:
        with Studio() as studio:
            model = studio.addSurface(polyData, "Part", PART_COLOR)
            if polyData.GetPointData().GetScalars() is not None:
                display = model.GetDisplayNode()
                display.SetActiveScalarName(_ARRAY)
                display.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseDirectMapping)
                display.SetScalarVisibility(True)
            studio.takeThreeD(path, _widestSide(polyData), SIZE)
    except PicturesUnavailable as error:
        return str(error)
    return ""


def _widestSide(polyData):
    bounds = numpy.array(polyData.GetBounds()).reshape(3, 2)
    return ("right", "anterior", "superior")[int(numpy.ptp(bounds, axis=1).argmin())]
