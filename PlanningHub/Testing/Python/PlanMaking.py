"""Plans for the tests: segments of known size without a case, and a small case with a segmentation."""

import numpy
import slicer

from PlanningHubLib import Segments
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Document import newDocument
from PlanningHubLib.Planning.Plan import carryOut
from PlanningHubLib.Shapes.Mesh import Mesh

TERMINOLOGY, COLOR = Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR


def gridMatrix(shape, spacingMm=1.0):
    """Return 4×4 of a grid (slices, rows, columns) whose center is the RAS origin."""
    matrix = numpy.diag([spacingMm, spacingMm, spacingMm, 1.0])
    matrix[:3, 3] = -spacingMm * (numpy.array(shape[::-1]) - 1) / 2
    return matrix


def voxelCenters(shape, spacingMm=1.0):
    """Return the RAS mm of each voxel of such a grid, three arrays of its shape."""
    slices, rows, columns = numpy.indices(shape)
    return [spacingMm * (index - (size - 1) / 2) for index, size in zip((columns, rows, slices), shape[::-1],
                                                                        strict=True)]  # fmt: skip


def aContext(session, masks, spacingMm=1.0, **context):
    """Return the context of segments on one grid about the RAS origin.

    :param masks: name → array (slices, rows, columns)
    """
    shape = next(iter(masks.values())).shape
    matrix = gridMatrix(shape, spacingMm)
    node = Segments.addSegmentation(session, None, "test")
    for name, mask in masks.items():
        vtkMatrix = slicer.util.vtkMatrixFromArray(matrix)
        Segments.addSegment(node, mask.astype(numpy.uint8), vtkMatrix, name, TERMINOLOGY, COLOR)
    return Context(shape, matrix, node, **context)


def ball(shape=(60, 60, 60), radiusMm=20.0, centerRas=(0, 0, 0), spacingMm=1.0):
    """Return the mask of a ball."""
    right, anterior, superior = voxelCenters(shape, spacingMm)
    squared = (right - centerRas[0]) ** 2 + (anterior - centerRas[1]) ** 2 + (superior - centerRas[2]) ** 2
    return squared <= radiusMm**2


def box(shape, lowRas, highRas, spacingMm=1.0):
    """Return the mask of the voxels whose centers lie between two corners."""
    inside = numpy.ones(shape, bool)
    for values, low, high in zip(voxelCenters(shape, spacingMm), lowRas, highRas, strict=True):
        inside &= (values >= low) & (values <= high)
    return inside


def planOf(*steps, **document):
    """Return the document of a plan of these steps."""
    return {**newDocument("test"), "steps": list(steps), **document}


def carried(context, *steps):
    """Carry out a plan of these steps."""
    return carryOut(planOf(*steps), context)


def boxMesh(low=(0, 0, 0), high=(1, 1, 1)):
    """Return a box of 12 triangles, normals outwards."""
    corners = numpy.array([[x, y, z] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    triangles = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return Mesh.fromArrays(numpy.array(low) + corners * (numpy.array(high) - numpy.array(low)), triangles)
