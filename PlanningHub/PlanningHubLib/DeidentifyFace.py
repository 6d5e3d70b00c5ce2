"""Faces in a CT: whether skin is seen in front of a skull, and its removal in front of the bone.

A skull is found by its closed bone around a cavity, not by what the header calls the body part: headers err, and the
error that counts is a face that goes out unseen. Arrays are [slice, row, column] in HU.
"""

import dataclasses

import numpy
from scipy import ndimage

SKIN_HU, BONE_HU = -300, 300
# A section through the brain holds more than this within bone; a section through a thigh or an arm less.
SMALLEST_CAVITY_MM2 = 3000.0
SHORTEST_SKULL_MM = 15.0
# Soft tissue this near to bone stays: partial volume would otherwise eat the bone's surface.
BONE_MARGIN_MM = 2.0
# Openings up to twice this are bridged: a defect of the skull counts as closed, orbits and nose too.
SEAL_MM, BRIDGE_MM = 8.0, 30.0
DEEPEST_MM = 30.0
WORKING_SPACING_MM = 2.0
SKIN_DISTANCE_MM = 2.0
SKIN_SHARE = 0.3


@dataclasses.dataclass(frozen=True)
class Oriented:
    """How to look at an array as (foot to head, front to back, right to left) without copying it."""

    axes: tuple
    flips: tuple
    spacingMm: tuple

    @classmethod
    def of(cls, ijkToLps):
        """Return the orientation of a matrix (column, row, slice) to LPS mm; oblique axes go to the nearest."""
        directions = numpy.asarray(ijkToLps, float)[:3, :3]
        spacing = numpy.linalg.norm(directions, axis=0)
        cosines = directions / spacing
        axes, flips = [], []
        for world in (2, 1, 0):
            free = [axis for axis in range(3) if axis not in axes]
            axis = max(free, key=lambda one: abs(cosines[world, one]))
            axes.append(axis)
            flips.append(bool(cosines[world, axis] < 0))
        return cls(tuple(2 - axis for axis in axes), tuple(flips), tuple(float(spacing[axis]) for axis in axes))

    def view(self, voxels):
        """Return a view [z up, y back, x left]."""
        turned = voxels.transpose(self.axes)
        return turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]


def faceVisible(voxelsHu, ijkToLps):
    """Tell whether the volume shows skin in front of a skull, with air before it.

    :param voxelsHu: array (slices, rows, columns)
    :param ijkToLps: 4x4, (column, row, slice) to LPS mm
    """
    oriented = Oriented.of(ijkToLps)
    sample, spacing = coarse(oriented.view(voxelsHu), oriented.spacingMm)
    levels = _skullLevels(sample, spacing)
    return bool(longestRun(levels) * spacing[0] >= SHORTEST_SKULL_MM and _airInFront(sample[levels]))


def coarse(view, spacingMm):
    """Return every n-th voxel, about ``WORKING_SPACING_MM`` apart, and their spacing."""
    steps = [max(1, int(WORKING_SPACING_MM / spacing)) for spacing in spacingMm]
    sample = view[tuple(slice(None, None, step) for step in steps)]
    return sample, tuple(step * spacing for step, spacing in zip(steps, spacingMm, strict=True))


def _skullLevels(sample, spacing):
    """Return per level whether bone closes around a cavity as large as a brain's."""
    radius = max(1, round(SEAL_MM / min(spacing[1:])))
    levels = numpy.zeros(len(sample), bool)
    for level, section in enumerate(sample):
        bone = section >= BONE_HU
        if bone.any():
            cavity = ndimage.binary_fill_holes(closed(bone, radius)) & ~bone & (section > SKIN_HU)
            levels[level] = cavity.sum() * spacing[1] * spacing[2] >= SMALLEST_CAVITY_MM2
    return levels


def longestRun(levels):
    """Return how many levels in a row are true, at most."""
    runs = ndimage.label(levels)[0]
    return int(numpy.bincount(runs)[1:].max(initial=0))


def closed(mask, radius):
    """Return a closing with a ball; the border of the array counts as empty."""
    padded = numpy.pad(mask, radius)
    near = ndimage.distance_transform_edt(~padded) <= radius
    result = ndimage.distance_transform_edt(near) > radius
    return (result | padded)[tuple(slice(radius, -radius) for _ in mask.shape)]


def _airInFront(sample):
    """Tell whether in most levels air stands between the front edge of the field and the skin of the middle third."""
    third = sample.shape[2] // 3
    front = sample[:, :2, third : 2 * third]
    return (front < SKIN_HU).mean() > 0.3


def facialMask(voxelsHu, ijkToLps):
    """Return the voxels to set to air, array of the volume's shape: soft tissue of the front half, before the bone.

    Along each line from front to back: what lies behind the skin by at most ``DEEPEST_MM`` and before the bone, its
    margin and the bridges over its openings. Bone itself is never in it.
    """
    oriented = Oriented.of(ijkToLps)
    view = oriented.view(voxelsHu)
    body = _body(view)
    guarded = _guarded(view, oriented.spacingMm)
    depth = max(1, round(DEEPEST_MM / oriented.spacingMm[1]))
    front = _frontHalf(view)
    removed = numpy.zeros(voxelsHu.shape, bool)
    target = oriented.view(removed)
    for level in range(len(view)):
        inBody = body[level]
        behindSkin = numpy.cumsum(numpy.maximum.accumulate(inBody, axis=0), axis=0)
        beforeBone = ~numpy.maximum.accumulate(guarded[level], axis=0)
        target[level] = (behindSkin > 0) & (behindSkin <= depth) & beforeBone & front[:, None]
    # The rim of the skin is partly air: it goes with it, or a shell of the face would stay.
    target |= _rim(target, view) & ~guarded & front[None, :, None]
    return removed & (voxelsHu < BONE_HU)


def _body(view):
    """Return the patient without what lies apart from it (head rest, tubes)."""
    return largest(view > SKIN_HU)


def largest(mask):
    """Return the largest part of a mask that hangs together."""
    labels, count = ndimage.label(mask)
    return labels == 1 + numpy.argmax(numpy.bincount(labels.ravel())[1:]) if count else labels > 0


def _guarded(view, spacingMm):
    bone = view >= BONE_HU
    margin = ndimage.distance_transform_edt(~bone, sampling=spacingMm) <= BONE_MARGIN_MM if bone.any() else bone
    steps = [max(1, int(WORKING_SPACING_MM / spacing)) for spacing in spacingMm]
    sample = bone[tuple(slice(None, None, step) for step in steps)]
    bridged = ndimage.binary_dilation(closed(sample, max(1, round(BRIDGE_MM / WORKING_SPACING_MM))))
    for axis, step in enumerate(steps):
        bridged = numpy.repeat(bridged, step, axis)
    return margin | bridged[tuple(slice(size) for size in bone.shape)]


def _frontHalf(view):
    """Return per row whether it lies before the middle of the bone; a head rest is as dense, but apart from it."""
    rows = numpy.flatnonzero(largest(view >= BONE_HU).any(axis=(0, 2)))
    middle = (rows[0] + rows[-1]) // 2 if len(rows) else 0
    return numpy.arange(view.shape[1]) < middle


def _rim(removed, view):
    return ndimage.binary_dilation(removed, iterations=2) & (view <= SKIN_HU) & (view > -950)


def nearSkin(voxels, ijkToLps, threshold=SKIN_HU):
    """Return the voxels where the body meets the air outside, array of the volume's shape.

    :param threshold: what lies above is tissue: in HU, for MR without a unit
    """
    spacing = numpy.linalg.norm(numpy.asarray(ijkToLps)[:3, :3], axis=0)[::-1]
    outside = ndimage.label(voxels <= threshold)[0]
    edges = numpy.concatenate([outside[:, side, :].ravel() for side in (0, -1)])
    air = numpy.isin(outside, numpy.setdiff1d(numpy.unique(edges), [0]))
    distance = numpy.abs(
        ndimage.distance_transform_edt(air, sampling=spacing) - ndimage.distance_transform_edt(~air, sampling=spacing)
    )
    # No voxel's center lies nearer to the next one's than a voxel is wide.
    return distance <= max(SKIN_DISTANCE_MM, 1.01 * spacing.min())


def showsSkin(pointsLps, skin, ijkToLps):
    """Tell whether a surface is the skin: nearly a third of its points or more lie where the body meets the air.

    :param pointsLps: array (n, 3) in LPS mm
    :param skin: as :func:`nearSkin` returns it
    """
    if len(pointsLps) == 0:
        return False
    points = numpy.asarray(pointsLps, float)[:: max(1, len(pointsLps) // 20000)]
    indices = (numpy.linalg.inv(ijkToLps) @ numpy.c_[points, numpy.ones(len(points))].T)[2::-1]
    near = ndimage.map_coordinates(skin.view(numpy.uint8), indices, order=0, cval=0)
    return bool(near.mean() >= SKIN_SHARE)
