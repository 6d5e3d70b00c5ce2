"""Paints a surface colored by a value from one side: with numpy, so that equal parts give equal pictures everywhere.

What OpenGL paints differs from machine to machine; a picture that is part of an artefact's content must not.
"""

import dataclasses

import numpy
import vtk
from vtk.util import numpy_support

# Triangles wider than this many pixels are halved, and so many pixels are looked at in one go.
_WIDEST_PIXELS = 64
_CANDIDATES = 300_000
BACKGROUND = 255


@dataclasses.dataclass(frozen=True)
class View:
    """Where the viewer stands and what is up, both in LPS; the width in mm of what is seen, centered on a place."""

    towards: tuple
    up: tuple
    center: tuple
    widthMm: float

    def axes(self):
        """Return right, up and towards the viewer as rows (3, 3)."""
        return numpy.array([numpy.cross(self.up, self.towards), self.up, self.towards], float)


def painted(mesh, values, view, size, colors):
    """Return a square picture (size, size, 3) uint8 of a mesh.

    :param values: (n,) at each point of the mesh
    :param colors: function of values (n,) to colors (n, 3) from 0 to 1
    """
    axes = view.axes()
    placed = (mesh.points - numpy.array(view.center)) @ axes.T * (size / view.widthMm)
    placed[:, :2] = placed[:, :2] * (1, -1) + size / 2
    light = mesh.normals().astype(float) @ axes[2]
    seen = numpy.flatnonzero(light > 0)
    corners = numpy.concatenate([placed, values[:, None]], axis=1)[mesh.triangles[seen]]
    corners, owners = _halved(corners, numpy.arange(len(seen)))
    depth, value, triangle = _nearest(corners, size)
    picture = numpy.full((size * size, 3), BACKGROUND / 255)
    hit = numpy.isfinite(depth)
    shade = 0.35 + 0.65 * light[seen][owners[triangle[hit]]]
    picture[hit] = colors(value[hit]) * shade[:, None]
    return numpy.round(255 * picture).astype(numpy.uint8).reshape(size, size, 3)


def _halved(corners, owners):
    """Return triangles (n, 3, 4) of x, y, depth and value, halved until they are small, and which they come from."""
    done, doneOwners = [], []
    while len(corners):
        large = numpy.ptp(corners[:, :, :2], axis=1).max(1) > _WIDEST_PIXELS
        done.append(corners[~large])
        doneOwners.append(owners[~large])
        corners, owners = corners[large], owners[large]
        sides = corners - numpy.roll(corners, -1, axis=1)
        longest = (sides[:, :, :2] ** 2).sum(2).argmax(1)
        rows = numpy.arange(len(corners))
        one, other, third = (corners[rows, (longest + step) % 3] for step in range(3))
        middle = (one + other) / 2
        corners = numpy.concatenate([numpy.stack([one, middle, third], 1), numpy.stack([middle, other, third], 1)])
        owners = numpy.concatenate([owners, owners])
    return numpy.concatenate(done or [numpy.zeros((0, 3, 4))]), numpy.concatenate(doneOwners or [owners])


def _nearest(corners, size):
    """Return depth, value and triangle (size²,) of what is nearest to the viewer; depth −inf where nothing is."""
    layers = (
        numpy.full(size * size, -numpy.inf, numpy.float32),
        numpy.zeros(size * size, numpy.float32),
        numpy.zeros(size * size, numpy.int32),
    )
    low = numpy.clip(numpy.floor(corners[:, :, :2].min(1)), 0, size).astype(numpy.int32)
    wide = numpy.clip(numpy.ceil(corners[:, :, :2].max(1)), 0, size).astype(numpy.int32) - low
    ends = numpy.cumsum(wide.prod(1))
    starts = [0, *numpy.unique(numpy.searchsorted(ends, numpy.arange(_CANDIDATES, ends[-1:].sum(), _CANDIDATES)))]
    for first, last in zip(starts, [*starts[1:], len(corners)], strict=True):
        which = slice(first, last)
        _paint(corners[which].astype(numpy.float32), low[which], wide[which], first, size, layers)
    return layers


def _paint(corners, low, wide, first, size, layers):
    """Put triangles in front of what is painted already.

    :param low: (n, 2) of the pixels that each may cover, and ``wide`` how many along x and y
    :param first: number of the first triangle
    """
    depth, value, triangle = layers
    counts = wide.prod(1)
    row = numpy.repeat(numpy.arange(len(corners), dtype=numpy.int32), counts)
    inBox = numpy.arange(len(row), dtype=numpy.int32) - numpy.repeat(numpy.cumsum(counts) - counts, counts)
    x, y = low[row, 0] + inBox % wide[row, 0], low[row, 1] + inBox // wide[row, 0]
    second, third = _shares(corners, row, x + numpy.float32(0.5), y + numpy.float32(0.5))
    with numpy.errstate(invalid="ignore"):
        inside = numpy.flatnonzero((second >= 0) & (third >= 0) & (second + third <= 1))
    row, second, third = row[inside], second[inside], third[inside]
    one = corners[row, 0, 2:]
    found = one + second[:, None] * (corners[row, 1, 2:] - one) + third[:, None] * (corners[row, 2, 2:] - one)
    pixel = y[inside] * size + x[inside]
    order = numpy.argsort(found[:, 0], kind="stable")
    order = order[found[order, 0] > depth[pixel[order]]]
    # Of several for one pixel the last one stays: the nearest.
    depth[pixel[order]], value[pixel[order]] = found[order, 0], found[order, 1]
    triangle[pixel[order]] = first + row[order]


def _shares(corners, row, x, y):
    """Return the shares (n,) of the second and third corner of triangles at places; not numbers without any area."""
    one, two, three = (corners[:, corner, :2] for corner in range(3))
    sides = two - one, three - one
    with numpy.errstate(divide="ignore", invalid="ignore"):
        turned = [(side / _cross(*sides)[:, None])[row] for side in sides]
        x, y = x - one[row, 0], y - one[row, 1]
        return x * turned[1][:, 1] - y * turned[1][:, 0], y * turned[0][:, 0] - x * turned[0][:, 1]


def _cross(one, other):
    return one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0]


def textPicture(text, heightPixels):
    """Return black text on white, (height, width, 3) uint8, in VTK's own font."""
    look = vtk.vtkTextProperty()
    look.SetFontFamilyToArial()
    look.SetFontSize(heightPixels)
    look.SetColor(0, 0, 0)
    image, size = vtk.vtkImageData(), [0, 0]
    vtk.vtkTextRenderer.GetInstance().RenderString(look, text, image, size, 72)
    width, height, _depth = image.GetDimensions()
    pixels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 4)
    alpha = pixels[: size[1], : size[0], 3:].astype(float) / 255
    return numpy.round(BACKGROUND * (1 - alpha)).astype(numpy.uint8).repeat(3, axis=2)[::-1]


def put(picture, part, x, y):
    """Put a smaller picture into another one, its left upper corner at a place; what does not fit is cut off."""
    height, width = min(part.shape[0], picture.shape[0] - y), min(part.shape[1], picture.shape[1] - x)
    picture[y : y + height, x : x + width] = part[:height, :width]


def writePng(path, picture):
    """Write a picture (height, width, 3) uint8."""
    height, width = picture.shape[:2]
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    image.GetPointData().SetScalars(
        numpy_support.numpy_to_vtk(numpy.ascontiguousarray(picture[::-1]).reshape(-1, 3), deep=True)
    )
    writer = vtk.vtkPNGWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    writer.Write()
