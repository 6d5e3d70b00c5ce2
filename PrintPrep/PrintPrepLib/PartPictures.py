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
AMBIENT = 0.4
_ARRAY = "Deviation"


def partPictures(mesh, folder, name):
    """Take pictures of a part (LPS mm) from its two widest sides.

    :param name: ``<name>-<side>.png`` are the files
    :returns: their paths, or the words why there are none
    """
    return _pictures(mesh.rasLpsSwapped().toPolyData(), folder, name)


def deviationPictures(mesh, distancesMm, toleranceMm, folder, name):
    """Take such pictures of a surface (LPS mm), colored by how far each of its points lies off.

    :param distancesMm: array (n,), positive outside of the part
    """
    polyData = mesh.rasLpsSwapped().toPolyData()
    array = numpy_support.numpy_to_vtk(colorsOf(distancesMm, toleranceMm), deep=True)
    array.SetName(_ARRAY)
    polyData.GetPointData().SetScalars(array)
    return _pictures(polyData, folder, name)


def colorsOf(distancesMm, toleranceMm):
    """Return red, green, blue (n, 3) uint8: pale within the tolerance, from there on blue inside and red outside."""
    beyond = numpy.clip((numpy.abs(distancesMm) / toleranceMm - 1) / (FULL_AT - 1), 0, 1)
    # What lies beyond the tolerance at all is to be seen.
    share = numpy.where(beyond > 0, 0.4 + 0.6 * beyond, 0.0)[:, None]
    full = numpy.where((distancesMm < 0)[:, None], INSIDE, OUTSIDE)
    return numpy.ascontiguousarray(numpy.round((1 - share) * WITHIN + share * full), numpy.uint8)


def _pictures(polyData, folder, name):
    paths = []
    try:
        with Studio() as studio:
            display = studio.addSurface(polyData, "Part", PART_COLOR).GetDisplayNode()
            # Faces that look aside are not to be black on paper.
            display.SetAmbient(AMBIENT)
            display.SetDiffuse(1 - AMBIENT)
            if polyData.GetPointData().GetScalars() is not None:
                display.SetActiveScalarName(_ARRAY)
                display.SetScalarRangeFlag(slicer.vtkMRMLDisplayNode.UseDirectMapping)
                display.SetScalarVisibility(True)
            for side in _widestSides(polyData):
                paths.append(folder / f"{name}-{side}.png")
                studio.takeThreeD(paths[-1], side, SIZE)
    except PicturesUnavailable as error:
        return str(error)
    return paths


def _widestSides(polyData):
    lengths = numpy.ptp(numpy.array(polyData.GetBounds()).reshape(3, 2), axis=1)
    return (("right", "left"), ("anterior", "posterior"), ("superior", "inferior"))[int(lengths.argmin())]
