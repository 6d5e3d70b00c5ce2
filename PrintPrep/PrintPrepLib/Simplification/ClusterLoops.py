"""Loops of merging points cell by cell."""

import numpy

from PlanningHubLib.Compiled import compiled


@compiled
def contracted(triangles, owners):
    """Return the triangles (k, 3) with other points for their corners that keep three, and which (k,) they were."""
    corners, which, count = numpy.empty_like(triangles), numpy.empty(len(triangles), numpy.int32), 0
    for triangle in range(len(triangles)):
        first, second, last = triangles[triangle]
        one, other, third = owners[first], owners[second], owners[last]
        if one != other and other != third and third != one:
            corners[count, 0], corners[count, 1], corners[count, 2], which[count] = one, other, third, triangle
            count += 1
    return corners[:count].copy(), which[:count].copy()


@compiled
def chosen(choice, owners, numbers, indices, places, names):
    """Number the points that are chosen as they are met, and return how many there are.

    :param choice: (n,) of each point the row of its owner in ``owners`` (levels, n), of all k
    :param numbers: (k,) of -1, ``indices`` (n,) each point's number; ``places`` (k,) and ``names`` (k,) of the numbered
        ones: which of the k it is, and the first point that chose it
    """
    count = 0
    for point in range(len(choice)):
        owner = owners[choice[point], point]
        if numbers[owner] < 0:
            numbers[owner] = count
            places[count], names[count] = owner, point
            count += 1
        indices[point] = numbers[owner]
    return count


@compiled
def _mixed(value):
    """Return an integer of uint64 that looks random (splitmix64)."""
    value = (value ^ value >> numpy.uint64(30)) * numpy.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ value >> numpy.uint64(27)) * numpy.uint64(0x94D049BB133111EB)
    return value ^ value >> numpy.uint64(31)


@compiled
def balance(triangles):
    """Return a sum over edges, modulo 2**64, in which an edge and the same one the other way come to nothing."""
    total = numpy.uint64(0)
    for triangle in range(len(triangles)):
        for corner in range(3):
            start, end = triangles[triangle, corner], triangles[triangle, (corner + 1) % 3]
            mixed = _mixed(numpy.uint64(min(start, end)) << numpy.uint64(32) | numpy.uint64(max(start, end)))
            if start != end:
                total += mixed if start < end else -mixed
    return total


@compiled
def cellsOf(points, low, cellMm, columns, rows, cells):
    """Fill in the number of the cell that each point lies in."""
    for point in range(len(points)):
        column = numpy.int64((points[point, 0] - low[0]) / cellMm)
        row = numpy.int64((points[point, 1] - low[1]) / cellMm)
        cells[point] = (numpy.int64((points[point, 2] - low[2]) / cellMm) * rows + row) * columns + column


@compiled
def _normal(points, a, b, c):
    ux, uy, uz = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    vx, vy, vz = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1], points[c, 2] - points[a, 2]
    return uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx


@compiled
def normalsOf(points, triangles):
    """Return a normal (n, 3) float32 for each point, as long as twice the area of the triangles around it."""
    normals = numpy.zeros(points.shape, numpy.float32)
    for triangle in range(len(triangles)):
        a, b, c = triangles[triangle]
        nx, ny, nz = _normal(points, a, b, c)
        for point in (a, b, c):
            normals[point, 0] += nx
            normals[point, 1] += ny
            normals[point, 2] += nz
    return normals


@compiled
def placed(points, normals, labels, count, middleWeight):
    """Return for each patch the point (k, 3) nearest to the planes of its points (least squares), and its normal.

    :param middleWeight: how much the point is drawn to the middle of the patch's points
    """
    sizes, middles = numpy.zeros(count), numpy.zeros((count, 3))
    directions = numpy.zeros((count, 3), numpy.float32)
    for point in range(len(labels)):
        label = labels[point]
        sizes[label] += 1
        for axis in range(3):
            middles[label, axis] += points[point, axis]
            directions[label, axis] += normals[point, axis]
    for label in range(count):
        for axis in range(3):
            middles[label, axis] /= sizes[label]
    # The six different entries of each symmetric matrix, and the right side.
    sums = numpy.zeros((count, 9))
    for point in range(len(labels)):
        label = labels[point]
        nx, ny, nz = normals[point]
        length = numpy.float64(nx * nx + ny * ny + nz * nz) ** 0.5
        if length == 0:
            continue
        nx, ny, nz = nx / length, ny / length, nz / length
        height = (
            nx * (points[point, 0] - middles[label, 0])
            + ny * (points[point, 1] - middles[label, 1])
            + nz * (points[point, 2] - middles[label, 2])
        )
        sums[label, 0] += nx * nx
        sums[label, 1] += nx * ny
        sums[label, 2] += nx * nz
        sums[label, 3] += ny * ny
        sums[label, 4] += ny * nz
        sums[label, 5] += nz * nz
        sums[label, 6] += nx * height
        sums[label, 7] += ny * height
        sums[label, 8] += nz * height
    found = numpy.empty((count, 3), numpy.float32)
    for label in range(count):
        xx, xy, xz, yy, yz, zz, px, py, pz = sums[label]
        weight = middleWeight * sizes[label]
        xx, yy, zz = xx + weight, yy + weight, zz + weight
        # Cramer's rule; the weight keeps the determinant away from zero.
        cx, cy, cz = yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy
        determinant = xx * cx + xy * cy + xz * cz
        found[label, 0] = middles[label, 0] + (px * cx + py * cy + pz * cz) / determinant
        found[label, 1] = middles[label, 1] + (
            (px * cy + py * (xx * zz - xz * xz) + pz * (xy * xz - xx * yz)) / determinant
        )
        found[label, 2] = middles[label, 2] + (
            (px * cz + py * (xy * xz - xx * yz) + pz * (xx * yy - xy * xy)) / determinant
        )
    return found, directions


@compiled
def markSpoiled(points, triangles, normals, starts, fans, spoiled, first, last):
    """Mark the points of some triangles that are turned over against a corner's normal or share an edge with two more.

    :param starts, fans: the triangles of each point, as :func:`PlanningHubLib.Shapes.SearchLoops.fansOf` has them
    """
    for triangle in range(first, last):
        a, b, c = triangles[triangle]
        nx, ny, nz = _normal(points, a, b, c)
        for point in (a, b, c):
            if nx * normals[point, 0] + ny * normals[point, 1] + nz * normals[point, 2] < 0:
                spoiled[a] = spoiled[b] = spoiled[c] = True
        for corner in range(3):
            start, end = triangles[triangle, corner], triangles[triangle, (corner + 1) % 3]
            # Of a closed surface, each edge is seen once from either side.
            if start > end:
                continue
            sharing = 0
            for place in range(starts[start], starts[start + 1]):
                other = fans[place]
                if triangles[other, 0] == end or triangles[other, 1] == end or triangles[other, 2] == end:
                    sharing += 1
            if sharing > 2:
                spoiled[start] = spoiled[end] = True
