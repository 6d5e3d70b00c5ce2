"""The map of a part's accuracy: a picture from three sides with its scale, and the figures at each point. LPS mm."""

import numpy
import vtk
from vtk.util import numpy_support

from .Painter import View, painted, put, textPicture, writePng

PICTURE, FIGURES = "accuracy.png", "accuracy.vtp"
ARRAY = "deviationMm"
# Larger maps would outweigh the part's own files; the picture shows all of them.
MOST_POINTS = 600_000
SIZE_PIXELS, MARGIN_PIXELS, SCALE_PIXELS, TEXT_PIXELS = 560, 16, 200, 20
# Where the viewer stands and what is up, in LPS.
SIDES = {
    "anterior": ((0, -1, 0), (0, 0, 1)),
    "posterior": ((0, 1, 0), (0, 0, 1)),
    "left": ((1, 0, 0), (0, 0, 1)),
    "right": ((-1, 0, 0), (0, 0, 1)),
    "superior": ((0, 0, 1), (0, -1, 0)),
    "inferior": ((0, 0, -1), (0, -1, 0)),
}
INSIDE, SAME, OUTSIDE = (0.13, 0.31, 0.75), (0.96, 0.96, 0.94), (0.78, 0.12, 0.10)
# Beyond the tolerance, and where the surface was changed on purpose.
FAR_INSIDE, FAR_OUTSIDE, CHANGED = (0.0, 0.85, 0.85), (1.0, 0.85, 0.0), (0.62, 0.62, 0.62)
# Without a tolerance, the scale reaches as far as the part does, but not less.
SMALLEST_RANGE_MM = 0.01


def writeMap(folder, proof):
    """Write the picture and, up to ``MOST_POINTS``, the figures of a :class:`PrintPrepLib.Proof.Accuracy.Proof`.

    Equal proofs give equal bytes.

    :param folder: path of the part's folder
    """
    writePng(folder / PICTURE, mapPicture(proof))
    if len(proof.mesh.points) <= MOST_POINTS:
        writeFigures(folder / FIGURES, proof)


def writeFigures(path, proof):
    """Write the part's mesh (LPS mm) with ``deviationMm`` at each point; NaN where it was changed on purpose."""
    polyData = proof.mesh.toPolyData()
    array = numpy_support.numpy_to_vtk(numpy.round(proof.shownMm, 3).astype(numpy.float32), deep=True)
    array.SetName(ARRAY)
    polyData.GetPointData().SetScalars(array)
    space = vtk.vtkStringArray()
    space.SetName("SPACE")
    space.InsertNextValue("LPS")
    polyData.GetFieldData().AddArray(space)
    writer = vtk.vtkXMLPolyDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(polyData)
    writer.SetHeaderTypeToUInt32()
    writer.SetCompressorTypeToZLib()
    writer.EncodeAppendedDataOff()
    writer.Write()


def mapPicture(proof):
    """Return the picture (height, width, 3) uint8: three sides on one scale, the third where it is farthest off."""
    rangeMm, toleranceMm = scaleOf(proof)
    low, high = proof.mesh.points.min(0), proof.mesh.points.max(0)
    center = tuple(((low + high) / 2).tolist())
    widthMm = 1.04 * float((high - low).max())
    panel = SIZE_PIXELS + MARGIN_PIXELS
    top = 3 * TEXT_PIXELS
    shape = (top + SIZE_PIXELS + 2 * TEXT_PIXELS, MARGIN_PIXELS + 3 * panel + SCALE_PIXELS, 3)
    picture = numpy.full(shape, 255, numpy.uint8)
    put(picture, textPicture(_title(proof.facts), TEXT_PIXELS), MARGIN_PIXELS, TEXT_PIXELS // 2)
    values = numpy.nan_to_num(proof.shownMm, nan=-1e6)
    for number, side in enumerate(_sidesToShow(proof)):
        view = View(*SIDES[side], center, widthMm)
        x = MARGIN_PIXELS + number * panel
        put(picture, painted(proof.mesh, values, view, SIZE_PIXELS, _colors(rangeMm, toleranceMm)), x, top)
        _ring(picture, proof, view, x, top)
        put(picture, textPicture(f"{side} view", TEXT_PIXELS), x, top + SIZE_PIXELS + TEXT_PIXELS // 2)
    _scale(picture, MARGIN_PIXELS + 3 * panel, top, rangeMm, toleranceMm)
    return picture


def scaleOf(proof):
    """Return how far the scale of a proof's picture reaches, and its tolerance or None; mm."""
    toleranceMm = proof.facts["toleranceMm"]
    if toleranceMm:
        return 1.25 * toleranceMm, toleranceMm
    return max(SMALLEST_RANGE_MM, proof.facts.get("maximumMm", 0)), None


def _title(facts):
    if "maximumMm" not in facts:
        return "Accuracy: all of the surface was changed on purpose"
    words = f"to the {facts['reference']}: mean {facts['meanMm']:.3f}, 99 % within {facts['p99Mm']:.3f}, "
    words += f"largest {facts['maximumMm']:.3f} mm ({facts['maximumAt']})"
    return f"Distance {words}; tolerance {facts['toleranceMm']} mm" if facts["toleranceMm"] else f"Distance {words}"


def _sidesToShow(proof):
    """Return three sides: front, left, and the one of the others that the farthest place faces."""
    others = ["posterior", "right", "superior", "inferior"]
    place = proof.facts.get("maximumAtLpsMm")
    if place is None:
        return ["anterior", "left", "superior"]
    mesh = proof.mesh
    near = int(((mesh.points[mesh.triangles].mean(1) - place) ** 2).sum(1).argmin())
    normal = mesh.normals()[near]
    return ["anterior", "left", max(others, key=lambda side: float(normal @ SIDES[side][0]))]


def _colors(rangeMm, toleranceMm):
    """Return the function from distances (n,) in mm to colors (n, 3)."""
    limitMm = toleranceMm or rangeMm

    def colors(valuesMm):
        share = numpy.clip(valuesMm / limitMm, -1, 1)[:, None]
        ends = numpy.where(share < 0, INSIDE, OUTSIDE)
        found = numpy.array(SAME) + numpy.abs(share) * (ends - numpy.array(SAME))
        if toleranceMm:
            found[valuesMm > toleranceMm], found[valuesMm < -toleranceMm] = FAR_OUTSIDE, FAR_INSIDE
        found[valuesMm < -1e3] = CHANGED
        return found

    return colors


def _ring(picture, proof, view, x, y):
    """Draw a ring about the farthest place, whether it is in front or behind."""
    place = proof.facts.get("maximumAtLpsMm")
    if place is None:
        return
    across, up, _towards = view.axes() @ (numpy.array(place) - numpy.array(view.center)) * (SIZE_PIXELS / view.widthMm)
    down, right = numpy.mgrid[:SIZE_PIXELS, :SIZE_PIXELS]
    radius = numpy.hypot(right - (SIZE_PIXELS / 2 + across), down - (SIZE_PIXELS / 2 - up))
    panel = picture[y : y + SIZE_PIXELS, x : x + SIZE_PIXELS]
    panel[numpy.abs(radius - 14) < 1.2] = 0


def _scale(picture, x, y, rangeMm, toleranceMm):
    height = SIZE_PIXELS - 2 * TEXT_PIXELS
    valuesMm = numpy.linspace(rangeMm, -rangeMm, height)
    colors = numpy.round(255 * _colors(rangeMm, toleranceMm)(valuesMm)).astype(numpy.uint8)
    put(picture, numpy.repeat(colors[:, None], 30, axis=1), x, y)
    marks = [rangeMm, 0.0, -rangeMm] if toleranceMm is None else [toleranceMm, 0.0, -toleranceMm]
    for value in marks:
        at = y + int((rangeMm - value) / (2 * rangeMm) * (height - 1))
        picture[at : at + 2, x : x + 38] = 0
        put(picture, textPicture(f"{value:+.2f} mm" if value else "0", TEXT_PIXELS - 4), x + 44, max(0, at - 8))
    for text, at in (("part is outside", y - TEXT_PIXELS), ("part is inside", y + height + 4)):
        put(picture, textPicture(text, TEXT_PIXELS - 5), x, at)
    put(picture, numpy.full((14, 14, 3), numpy.round(255 * CHANGED[0]), numpy.uint8), x, y + height + 28)
    put(picture, textPicture("changed on purpose", TEXT_PIXELS - 6), x + 20, y + height + 27)
    put(picture, textPicture("ring: largest distance, also behind", TEXT_PIXELS - 8), x, y + height + 50)
