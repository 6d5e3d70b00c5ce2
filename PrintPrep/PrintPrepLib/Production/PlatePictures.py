"""A picture of each plate of a build: from above and from the front right, as the printer's operator sees it.

Painted without OpenGL: equal builds give equal pictures. All in mm in the plate's frame (origin front left, z up).
"""

import numpy

from PlanningHubLib.Planning.Solids import boxAbout
from PlanningHubLib.Shapes.Manifolds import fromManifold

from ..PartRecords import joined
from ..Proof.Painter import View, painted, put, textPicture, writePng

SIZE_PIXELS, MARGIN_PIXELS, TEXT_PIXELS = 560, 16, 20
PLATE_COLOR, EDGE_COLOR = (0.90, 0.91, 0.93), (0.35, 0.37, 0.42)
# Neighbors in the list are told apart also without seeing colors; after the last one it begins again.
PART_COLORS = (
    (0.90, 0.62, 0.10), (0.20, 0.52, 0.80), (0.55, 0.75, 0.35), (0.75, 0.35, 0.45), (0.45, 0.40, 0.70),
    (0.35, 0.72, 0.70), (0.80, 0.75, 0.40), (0.60, 0.60, 0.60),
)  # fmt: skip
FROM_FRONT_RIGHT = (0.45, -0.75, 0.50)
_PLATE, _EDGE = -2, -1


def writePlatePicture(path, meshes, names, sizeMm, title):
    """Write the picture of a plate.

    :param meshes: the parts as they lie on it
    :param names: of the parts, in the same order
    :param sizeMm: of the build volume: width, depth, height
    """
    writePng(path, platePicture(meshes, names, sizeMm, title))


def platePicture(meshes, names, sizeMm, title):
    """Return the picture (height, width, 3) uint8 that :func:`writePlatePicture` writes."""
    views = plateViews(sizeMm)
    panel, top, line = SIZE_PIXELS + MARGIN_PIXELS, 2 * TEXT_PIXELS, round(1.4 * TEXT_PIXELS)
    height = top + SIZE_PIXELS + 2 * TEXT_PIXELS + line * len(names) + MARGIN_PIXELS
    picture = numpy.full((height, MARGIN_PIXELS + 2 * panel, 3), 255, numpy.uint8)
    put(picture, textPicture(title, TEXT_PIXELS), MARGIN_PIXELS, TEXT_PIXELS // 2)
    for number, (words, view) in enumerate(views.items()):
        x = MARGIN_PIXELS + number * panel
        put(picture, viewPicture(meshes, view, sizeMm), x, top)
        put(picture, textPicture(words, TEXT_PIXELS - 4), x, top + SIZE_PIXELS + 4)
    for number, name in enumerate(names):
        y = top + SIZE_PIXELS + 2 * TEXT_PIXELS + number * line
        color = numpy.round(255 * numpy.array(colorOf(number))).astype(numpy.uint8)
        put(picture, numpy.full((TEXT_PIXELS, TEXT_PIXELS, 3), color, numpy.uint8), MARGIN_PIXELS, y)
        put(picture, textPicture(f"{number + 1}  {name}", TEXT_PIXELS - 3), MARGIN_PIXELS + 30, y + 2)
    return picture


def plateViews(sizeMm):
    """Return words → :class:`PrintPrepLib.Proof.Painter.View` of the two sides that are shown."""
    size = numpy.array(sizeMm, float)
    center = tuple((size / 2).tolist())
    towards = numpy.array(FROM_FRONT_RIGHT) / numpy.linalg.norm(FROM_FRONT_RIGHT)
    up = numpy.array((0, 0, 1)) - towards[2] * towards
    oblique = View(tuple(towards), tuple(up / numpy.linalg.norm(up)), center, 1.0)
    corners = numpy.array([(x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)]) * size
    widthMm = float(numpy.ptp(corners @ oblique.axes()[:2].T, axis=0).max())
    return {
        "from above; the printer's front is below": View((0, 0, 1), (0, 1, 0), center, 1.04 * float(size[:2].max())),
        "from the front right": View(oblique.towards, oblique.up, center, 1.04 * widthMm),
    }


def viewPicture(meshes, view, sizeMm):
    """Return a square picture of the parts with their numbers, the plate and the edges of the build volume."""
    surroundings = [floorMesh(sizeMm, view.widthMm), *edgeMeshes(sizeMm, view)]
    bodies = [*meshes, *surroundings]
    marks = [*range(len(meshes)), _PLATE, *[_EDGE] * (len(surroundings) - 1)]
    values = numpy.concatenate([numpy.full(len(one.points), mark) for one, mark in zip(bodies, marks, strict=True)])
    picture = painted(joined(bodies), values, view, SIZE_PIXELS, colorsOf)
    for number, mesh in enumerate(meshes, 1):
        _number(picture, view, mesh, number)
    return picture


def colorOf(index):
    """Return red, green, blue from 0 to 1 of a plate's part, by its place in the list."""
    return PART_COLORS[index % len(PART_COLORS)]


def colorsOf(values):
    """Return the colors (n, 3) of values (n,): indices of parts, the plate or the edges."""
    table = numpy.array([*PART_COLORS, PLATE_COLOR, EDGE_COLOR])
    indices = numpy.rint(values).astype(int)
    return table[numpy.where(indices < 0, indices, indices % len(PART_COLORS))]


def floorMesh(sizeMm, widthMm):
    """Return the plate that the parts stand on, as thick as a few pixels of a picture of a width."""
    return fromManifold(boxAbout((0, 0, -widthMm / 200), (*sizeMm[:2], -widthMm / SIZE_PIXELS)))


def edgeMeshes(sizeMm, view=None):
    """Return the edges of the build volume as beams; without those that would lie before the parts of a view."""
    size = numpy.array(sizeMm, float)
    halfMm = 0.6 * view.widthMm / SIZE_PIXELS if view else 0.002 * float(size.max())
    near = (numpy.array(view.towards) > 1e-6) * size if view else None
    made = []
    for axis in range(3):
        for corner in _cornersAcross(axis) * size:
            isBefore = view is not None and (numpy.delete(corner, axis) == numpy.delete(near, axis)).all()
            if not isBefore:
                end = corner.copy()
                end[axis] = size[axis]
                made.append(fromManifold(boxAbout(corner - halfMm, end + halfMm)))
    return made


def _cornersAcross(axis):
    """Return where the four edges along an axis begin, (4, 3) of 0 and 1."""
    return numpy.insert(numpy.array([(0, 0), (0, 1), (1, 0), (1, 1)], float), axis, 0.0, axis=1)


def _number(picture, view, mesh, number):
    """Write a part's number on it, near the middle of what is seen of it."""
    right, up, towards = view.axes() * (SIZE_PIXELS / view.widthMm)
    seen = mesh.normals().astype(float) @ towards > 0
    centers = mesh.points[mesh.triangles[seen]].mean(1) - numpy.array(view.center)
    flat = centers @ numpy.stack([right, -up]).T + SIZE_PIXELS / 2
    middle = (flat.min(0) + flat.max(0)) / 2
    words = textPicture(str(number), TEXT_PIXELS)
    height, width = words.shape[:2]
    x, y = flat[((flat - middle) ** 2).sum(1).argmin()] - (width / 2, height / 2)
    x, y = int(min(max(0, x), SIZE_PIXELS - width)), int(min(max(0, y), SIZE_PIXELS - height))
    # Dark on the part's own color.
    below = picture[y : y + height, x : x + width]
    picture[y : y + height, x : x + width] = numpy.minimum(below, words)
