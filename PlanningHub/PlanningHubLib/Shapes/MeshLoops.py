"""Compiled loops over triangles (m, 3) and points (n, 3): shells, patches, what is left of a mesh, and smoothing.

A slice of the points is given as ``first`` and ``last``: parts can be worked on at the same time.
"""

import numpy

from ..Compiled import compiled


@compiled
def affine(points, matrix, result, first, last):
    """Put the points, mapped by a matrix (3, 4), into the result."""
    for point in range(first, last):
        x, y, z = points[point, 0], points[point, 1], points[point, 2]
        for axis in range(3):
            result[point, axis] = x * matrix[axis, 0] + y * matrix[axis, 1] + z * matrix[axis, 2] + matrix[axis, 3]


@compiled
def _join(parents, one, other):
    """Let two points have the same lowest point; each is led to a lower one until they meet (Rem's union-find)."""
    while parents[one] != parents[other]:
        if parents[one] < parents[other]:
            one, other = other, one
        above = parents[one]
        parents[one] = parents[other]
        if above == one:
            break
        one = above


@compiled
def labelled(triangles, parents, labels):
    """Put each triangle's shell into the labels and return how many shells there are, numbered as they are met.

    :param parents: (n,) of int32, 0 to n - 1; the lowest point of each one's shell when done
    """
    for triangle in range(len(triangles)):
        for corner in (1, 2):
            _join(parents, triangles[triangle, 0], triangles[triangle, corner])
    for point in range(len(parents)):
        parents[point] = parents[parents[point]]
    count = 0
    numbers = numpy.full(len(parents), -1, numpy.int32)
    for triangle in range(len(triangles)):
        lowest = parents[triangles[triangle, 0]]
        if numbers[lowest] < 0:
            numbers[lowest] = count
            count += 1
        labels[triangle] = numbers[lowest]
    return count


@compiled
def patchesOf(triangles, cells):
    """Return the number (n,) of each point's patch, points of one cell that edges of a closed surface connect, and for
    each patch (k,) Euler's characteristic: one for a disc; rings, tubes and shells have others."""
    labels = numpy.arange(len(cells)).astype(numpy.int32)
    for triangle in range(len(triangles)):
        first, second, last = triangles[triangle]
        if cells[first] == cells[second]:
            _join(labels, first, second)
        if cells[second] == cells[last]:
            _join(labels, second, last)
        if cells[last] == cells[first]:
            _join(labels, last, first)
    count = 0
    for point in range(len(labels)):
        if labels[point] == point:
            labels[point] = count
            count += 1
        else:
            # Lower points have their patch's number already.
            labels[point] = labels[labels[point]]
    # Twice points less edges plus triangles: each edge is counted by both of its triangles.
    doubled = numpy.zeros(count, numpy.int32)
    for point in range(len(labels)):
        doubled[labels[point]] += 2
    for triangle in range(len(triangles)):
        first, second, last = triangles[triangle]
        one, other, third = labels[first], labels[second], labels[last]
        if one == other or other == third:
            # One edge counts as one; three, and twice the triangle, too.
            doubled[other] -= 1
        elif third == one:
            doubled[one] -= 1
    return labels, doubled // 2


@compiled
def haveCorner(triangles, which, found):
    """Fill in which triangles (m,) have at least one of some points (n,) for a corner."""
    for triangle in range(len(triangles)):
        first, second, third = triangles[triangle]
        found[triangle] = which[first] | which[second] | which[third]


@compiled
def markCorners(triangles, which, used):
    """Mark the points that some of the triangles use."""
    for triangle in range(len(triangles)):
        if which[triangle]:
            for corner in range(3):
                used[triangles[triangle, corner]] = True


@compiled
def renumbered(triangles, which, numbers, result):
    """Put some of the triangles, their points renumbered, into the result."""
    place = 0
    for triangle in range(len(triangles)):
        if which[triangle]:
            for corner in range(3):
                result[place, corner] = numbers[triangles[triangle, corner]]
            place += 1


@compiled
def fillNeighbors(triangles, starts, neighbors):
    """Put the point after it in each of a point's triangles into its neighbors.

    :param starts: (n + 1,) where each point's neighbors end; where they start when done
    """
    for triangle in range(len(triangles)):
        for corner in range(3):
            point = triangles[triangle, corner]
            starts[point] -= 1
            neighbors[starts[point]] = triangles[triangle, corner - 2]


@compiled
def isManifold(starts, neighbors, first, last):
    """Return whether each edge of some points is used once in each direction."""
    for point in range(first, last):
        for place in range(starts[point], starts[point + 1]):
            other, count = neighbors[place], 0
            for back in range(starts[other], starts[other + 1]):
                count += neighbors[back] == point
            if count != 1:
                return False
    return True


@compiled
def smoothingPass(before, points, starts, neighbors, share, keep, weight, sums, first, last):
    """Put twice the points less those before less a share of their way from their neighbors' mean into ``before``.

    The sums become ``keep`` times themselves plus ``weight`` times what was put.
    """
    for point in range(first, last):
        begin, end = starts[point], starts[point + 1]
        rate = share / max(end - begin, 1)
        x, y, z = points[point, 0], points[point, 1], points[point, 2]
        dx, dy, dz = 0.0, 0.0, 0.0
        for place in range(begin, end):
            other = neighbors[place]
            dx += x - points[other, 0]
            dy += y - points[other, 1]
            dz += z - points[other, 2]
        dx = x - before[point, 0] + x - dx * rate
        dy = y - before[point, 1] + y - dy * rate
        dz = z - before[point, 2] + z - dz * rate
        before[point, 0], before[point, 1], before[point, 2] = dx, dy, dz
        sums[point, 0] = keep * sums[point, 0] + weight * dx
        sums[point, 1] = keep * sums[point, 1] + weight * dy
        sums[point, 2] = keep * sums[point, 2] + weight * dz


@compiled
def longestSquared(points, triangles):
    """Return the square of the longest edge's length."""
    longest = 0.0
    for triangle in range(len(triangles)):
        for corner in range(3):
            start, end = triangles[triangle, corner], triangles[triangle, (corner + 1) % 3]
            squared = 0.0
            for axis in range(3):
                way = numpy.float64(points[end, axis]) - points[start, axis]
                squared += way * way
            longest = max(longest, squared)
    return longest


@compiled
def areasOf(points, triangles, areas, first, last):
    """Fill in the areas (m,) of some triangles."""
    for triangle in range(first, last):
        a, b, c = triangles[triangle]
        ax, ay, az = numpy.float64(points[a, 0]), numpy.float64(points[a, 1]), numpy.float64(points[a, 2])
        ux, uy, uz = points[b, 0] - ax, points[b, 1] - ay, points[b, 2] - az
        vx, vy, vz = points[c, 0] - ax, points[c, 1] - ay, points[c, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        areas[triangle] = (nx * nx + ny * ny + nz * nz) ** 0.5 / 2


@compiled
def volumesOf(points, triangles, origin, volumes, first, last):
    """Fill in the volumes (m,) between some triangles and an origin, negative where seen from behind."""
    x, y, z = origin[0], origin[1], origin[2]
    for triangle in range(first, last):
        a, b, c = triangles[triangle]
        ax, ay, az = points[a, 0] - x, points[a, 1] - y, points[a, 2] - z
        bx, by, bz = points[b, 0] - x, points[b, 1] - y, points[b, 2] - z
        cx, cy, cz = points[c, 0] - x, points[c, 1] - y, points[c, 2] - z
        volume = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
        volumes[triangle] = volume / 6


@compiled
def addToOwners(owners, values, sums):
    """Add the values (m, k) to the sums (n, k) of their owners (m, j)."""
    for row in range(len(owners)):
        for place in range(owners.shape[1]):
            for column in range(values.shape[1]):
                sums[owners[row, place], column] += values[row, column]
