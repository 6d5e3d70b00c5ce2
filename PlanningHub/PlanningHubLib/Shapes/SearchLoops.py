"""Loops of the search for the nearest triangle: from fan to fan of triangles around points, down a tree of boxes."""

import collections

import numpy

from ..Compiled import compiled

LEAF = 4
# Each box holds so many of the level below.
BRANCHES = 4
# Deeper than any tree of 2**31 triangles.
_STACK = 64
MORTON_CELLS = 1023

# A mesh laid out for the search: where each point's triangles begin, ``starts`` (n + 1,), and these, ``fans`` (3 m,);
# triangles in the ``order`` (m,) of the leaves, how many boxes each level has, ``sizes``, from the leaves to one, and
# their corners, ``low`` and ``high``, level after level.
# ``frames`` (m, 12) float32, or none: a corner, two rows whose products with the way from there are the shares of the
# other corners, and the normal.
Layout = collections.namedtuple("Layout", "points triangles starts fans order sizes low high frames")


@compiled
def _squaredTo(x, y, z, points, triangles, triangle):
    """Return the squared distance of a place to a triangle, and whether the nearest place of it is on none of its edges
    (C. Ericson, Real-Time Collision Detection, 2004, 5.1.5)."""
    a, b, c = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
    ax, ay, az = numpy.float64(points[a, 0]), numpy.float64(points[a, 1]), numpy.float64(points[a, 2])
    ux, uy, uz = points[b, 0] - ax, points[b, 1] - ay, points[b, 2] - az
    vx, vy, vz = points[c, 0] - ax, points[c, 1] - ay, points[c, 2] - az
    px, py, pz = x - ax, y - ay, z - az
    d1, d2 = ux * px + uy * py + uz * pz, vx * px + vy * py + vz * pz
    uu, uv, vv = ux * ux + uy * uy + uz * uz, ux * vx + uy * vy + uz * vz, vx * vx + vy * vy + vz * vz
    d3, d4, d5, d6 = d1 - uu, d2 - uv, d1 - uv, d2 - vv
    along, across, isInside = 0.0, 0.0, False
    vc, vb, va = d1 * d4 - d3 * d2, d5 * d2 - d1 * d6, d3 * d6 - d5 * d4
    if d1 <= 0 and d2 <= 0:
        pass
    elif d3 >= 0 and d4 <= d3:
        along = 1.0
    elif d6 >= 0 and d5 <= d6:
        across = 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        along = d1 / (d1 - d3)
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        across = d2 / (d2 - d6)
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        across = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        along = 1 - across
    else:
        along, across, isInside = vb / (va + vb + vc), vc / (va + vb + vc), True
    px, py, pz = px - along * ux - across * vx, py - along * uy - across * vy, pz - along * uz - across * vz
    return px * px + py * py + pz * pz, isInside


@compiled
def fansOf(triangles, starts, fans):
    """Fill in where each point's triangles begin, ``starts`` (n + 1,) of zeros, and these, ``fans`` (3 m,)."""
    for triangle in range(len(triangles)):
        for corner in range(3):
            starts[triangles[triangle, corner]] += 1
    total = 0
    for point in range(len(starts)):
        total += starts[point]
        starts[point] = total
    # From the end, each point's place moves down to where its triangles begin.
    for triangle in range(len(triangles) - 1, -1, -1):
        for corner in range(2, -1, -1):
            point = triangles[triangle, corner]
            starts[point] -= 1
            fans[starts[point]] = triangle


@compiled
def _walked(x, y, z, at, mesh):
    """Return the squared distance of a place to the nearest triangle found by going from fan to fan, and this triangle;
    infinite and -1 from a point without triangles."""
    best, found, isInside = numpy.inf, numpy.int32(-1), False
    while True:
        before = best
        for place in range(mesh.starts[at], mesh.starts[at + 1]):
            squared, inside = _squaredTo(x, y, z, mesh.points, mesh.triangles, mesh.fans[place])
            if squared < best:
                best, found, isInside = squared, mesh.fans[place], inside
        # Right above a triangle the neighbors' fans are hardly nearer.
        if isInside or not best < before:
            return best, found
        nearest, least = at, numpy.inf
        for corner in range(3):
            point = mesh.triangles[found, corner]
            dx, dy, dz = x - mesh.points[point, 0], y - mesh.points[point, 1], z - mesh.points[point, 2]
            squared = dx * dx + dy * dy + dz * dz
            if squared < least:
                nearest, least = point, squared
        if nearest == at:
            return best, found
        at = nearest


@compiled
def framesOf(points, triangles, frames):
    """Fill in the frames of a :class:`Layout`, zeros for triangles without area."""
    for triangle in range(len(triangles)):
        a, b, c = triangles[triangle]
        ax, ay, az = numpy.float64(points[a, 0]), numpy.float64(points[a, 1]), numpy.float64(points[a, 2])
        ux, uy, uz = points[b, 0] - ax, points[b, 1] - ay, points[b, 2] - az
        vx, vy, vz = points[c, 0] - ax, points[c, 1] - ay, points[c, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        squared = nx * nx + ny * ny + nz * nz
        frame = frames[triangle]
        frame[0], frame[1], frame[2] = ax, ay, az
        if squared > 0:
            frame[3], frame[4], frame[5] = (
                (vy * nz - vz * ny) / squared, (vz * nx - vx * nz) / squared, (vx * ny - vy * nx) / squared,
            )  # fmt: skip
            frame[6], frame[7], frame[8] = (
                (ny * uz - nz * uy) / squared, (nz * ux - nx * uz) / squared, (nx * uy - ny * ux) / squared,
            )  # fmt: skip
            length = squared**0.5
            frame[9], frame[10], frame[11] = nx / length, ny / length, nz / length


@compiled
def _above(x, y, z, at, mesh):
    """Return the least squared height of a place above the triangles around a point that lie right below it, and the
    triangle; infinite and -1 where none does."""
    best, found = numpy.float32(numpy.inf), numpy.int32(-1)
    for place in range(mesh.starts[at], mesh.starts[at + 1]):
        frame = mesh.frames[mesh.fans[place]]
        dx, dy, dz = numpy.float32(x - frame[0]), numpy.float32(y - frame[1]), numpy.float32(z - frame[2])
        along, across = frame[3] * dx + frame[4] * dy + frame[5] * dz, frame[6] * dx + frame[7] * dy + frame[8] * dz
        if along > 0 and across > 0 and along + across < 1:
            height = frame[9] * dx + frame[10] * dy + frame[11] * dz
            if height * height < best:
                best, found = height * height, mesh.fans[place]
    return numpy.float64(best), found


@compiled
def orderAlongCurve(points, triangles, low, scale):
    """Return an order (m,) int32 of triangles in which neighbors are close: by the interlaced bits of their places on a
    grid (Morton's curve).

    :param low: (3,) of the grid, and ``scale``, its cells per mm
    """
    codes = numpy.empty(len(triangles), numpy.int32)
    for triangle in range(len(triangles)):
        code = 0
        for axis in range(3):
            total = 0.0
            for corner in range(3):
                total += points[triangles[triangle, corner], axis]
            cell = min(MORTON_CELLS, max(0, int((total / 3 - low[axis]) * scale)))
            # Two zeros between its bits.
            cell = (cell | cell << 16) & 0x030000FF
            cell = (cell | cell << 8) & 0x0300F00F
            cell = (cell | cell << 4) & 0x030C30C3
            code |= ((cell | cell << 2) & 0x09249249) << axis
        codes[triangle] = code
    # Sorted by eleven bits at a time; what is equal stays as it was.
    order, other = numpy.arange(len(codes)).astype(numpy.int32), numpy.empty(len(codes), numpy.int32)
    for shift in (0, 11, 22):
        places = numpy.zeros(2048 + 1, numpy.int64)
        for code in codes:
            places[((code >> shift) & 2047) + 1] += 1
        for digit in range(2048):
            places[digit + 1] += places[digit]
        for index in order:
            digit = (codes[index] >> shift) & 2047
            other[places[digit]] = index
            places[digit] += 1
        order, other = other, order
    return order


@compiled
def boxesOf(points, triangles, order, sizes, low, high):
    """Fill in the lowest and highest corners of boxes, float32: of leaves of sorted triangles, then of boxes.

    :param sizes: how many boxes each level has, from the leaves to one
    """
    for leaf in range(sizes[0]):
        for axis in range(3):
            least, most = numpy.inf, -numpy.inf
            for place in range(leaf * LEAF, min(len(order), (leaf + 1) * LEAF)):
                for corner in range(3):
                    value = points[triangles[order[place], corner], axis]
                    least, most = min(least, value), max(most, value)
            low[leaf, axis], high[leaf, axis] = least, most
    below = 0
    for level in range(1, len(sizes)):
        start = below + sizes[level - 1]
        for box in range(sizes[level]):
            for axis in range(3):
                least, most = numpy.inf, -numpy.inf
                for child in range(box * BRANCHES, min(sizes[level - 1], (box + 1) * BRANCHES)):
                    least = min(least, low[below + child, axis])
                    most = max(most, high[below + child, axis])
                low[start + box, axis], high[start + box, axis] = least, most
        below = start


@compiled
def _squaredToBox(x, y, z, low, high, box):
    dx = max(low[box, 0] - x, 0.0, x - high[box, 0])
    dy = max(low[box, 1] - y, 0.0, y - high[box, 1])
    dz = max(low[box, 2] - z, 0.0, z - high[box, 2])
    return dx * dx + dy * dy + dz * dz


@compiled
def _nearest(x, y, z, best, found, mesh, stack, reaches):
    """Return the squared distance of a place to a mesh, and the triangle, if it is below the best known; else these.

    :param stack: (64, 2) int64 and ``reaches`` (64,) to work with
    """
    top = len(mesh.sizes) - 1
    stack[0, 0], stack[0, 1], reaches[0], count = len(mesh.low) - 1, top, 0.0, 1
    while count:
        count -= 1
        box, level = stack[count]
        if reaches[count] >= best:
            continue
        if level == 0:
            for place in range(box * LEAF, min(len(mesh.order), (box + 1) * LEAF)):
                squared = _squaredTo(x, y, z, mesh.points, mesh.triangles, mesh.order[place])[0]
                if squared < best:
                    best, found = squared, mesh.order[place]
            continue
        start = 0
        for below in range(level - 1):
            start += mesh.sizes[below]
        end = start + mesh.sizes[level - 1]
        first = start + (box - end) * BRANCHES
        begin = count
        for child in range(first, min(end, first + BRANCHES)):
            reach = _squaredToBox(x, y, z, mesh.low, mesh.high, child)
            if reach >= best:
                continue
            # The nearest box comes last onto the stack and is looked at first.
            at = count
            while at > begin and reaches[at - 1] < reach:
                stack[at, 0], stack[at, 1], reaches[at] = stack[at - 1, 0], level - 1, reaches[at - 1]
                at -= 1
            stack[at, 0], stack[at, 1], reaches[at] = child, level - 1, reach
            count += 1
    return best, found


@compiled
def distances(places, hints, enoughMm, mesh, distancesMm, found):
    """Fill in how far places (k, 3) float64 lie from a mesh and the triangles (k,) measured to: exact where farther
    than what is enough, else not below the true distance.

    :param hints: (k,) a point of the mesh near each place, -1 for none
    """
    stack, reaches = numpy.empty((_STACK, 2), numpy.int64), numpy.empty(_STACK)
    best, triangle = numpy.inf, numpy.int32(-1)
    for place in range(len(places)):
        x, y, z = places[place, 0], places[place, 1], places[place, 2]
        if hints[place] >= 0:
            best, triangle = numpy.inf, numpy.int32(-1)
            if len(mesh.frames):
                best, triangle = _above(x, y, z, hints[place], mesh)
            if triangle < 0 or best > enoughMm * enoughMm:
                best, triangle = _walked(x, y, z, hints[place], mesh)
        elif triangle >= 0:
            # The place before is often near.
            best = _squaredTo(x, y, z, mesh.points, mesh.triangles, triangle)[0]
        if not best <= enoughMm * enoughMm:
            best, triangle = _nearest(x, y, z, best, triangle, mesh, stack, reaches)
        distancesMm[place], found[place] = best**0.5, triangle


@compiled
def nearestOf(places, owners, points, wanted, found, squared):
    """Fill in for each wanted place (k, 3) which of the points (n, 3) that it owns is the nearest, and how near.

    :param owners: (n,), -1 for a point without one
    """
    for point in range(len(owners)):
        owner = owners[point]
        if owner < 0 or not wanted[owner]:
            continue
        dx = points[point, 0] - places[owner, 0]
        dy = points[point, 1] - places[owner, 1]
        dz = points[point, 2] - places[owner, 2]
        value = dx * dx + dy * dy + dz * dz
        if value < squared[owner]:
            squared[owner], found[owner] = value, point


@compiled
def edgesOf(triangles, wanted, points, distancesMm, measuredTo, limitMm):
    """Return the edges (k, 2) of a closed surface with a wanted point, above which a place may lie beyond a limit.

    :param wanted: (n,) of the points; ``distancesMm`` (n,) and ``measuredTo`` (n,) are theirs
    """
    edges, count = numpy.empty((3 * len(triangles), 2), numpy.int32), 0
    for triangle in range(len(triangles)):
        first, second, third = triangles[triangle]
        if not (wanted[first] | wanted[second] | wanted[third]):
            continue
        for corner in range(3):
            start, end = triangles[triangle, corner], triangles[triangle, (corner + 1) % 3]
            # Of a closed surface, each edge is seen once from either side.
            if start > end or not (wanted[start] or wanted[end]) or measuredTo[start] == measuredTo[end]:
                continue
            dx, dy, dz = (
                points[end, 0] - points[start, 0], points[end, 1] - points[start, 1], points[end, 2] - points[start, 2],
            )  # fmt: skip
            if distancesMm[start] + distancesMm[end] + (dx * dx + dy * dy + dz * dz) ** 0.5 > 2 * limitMm:
                edges[count, 0], edges[count, 1] = start, end
                count += 1
    return edges[:count].copy()


@compiled
def largestTo(distancesMm, measuredTo, largestMm):
    """Raise for triangles (m,) the largest distance of the points (n,) that were measured to each."""
    for point in range(len(measuredTo)):
        triangle = measuredTo[point]
        if distancesMm[point] > largestMm[triangle]:
            largestMm[triangle] = distancesMm[point]


@compiled
def isBent(edges, mesh, largestMm, reachMm, limitMm, bent):
    """Mark edges (k, 2) above which a place may lie beyond a limit, given how far places on both sides of them lie.

    A straight way from the one side of a bend to the other passes by it at half its length times the tangent of half
    the angle.

    :param largestMm: (m,) the largest distances known on triangles of the mesh or to them, infinite where none is
    :param reachMm: half the longest way
    """
    normals = numpy.empty((2, 3))
    for edge in range(len(edges)):
        start, end = edges[edge]
        sides, mostMm = 0, numpy.float32(0)
        for place in range(mesh.starts[start], mesh.starts[start + 1]):
            a, b, c = mesh.triangles[mesh.fans[place]]
            if a != end and b != end and c != end:
                continue
            if sides < 2:
                x = numpy.float64(mesh.points[a, 0])
                y = numpy.float64(mesh.points[a, 1])
                z = numpy.float64(mesh.points[a, 2])
                ux, uy, uz = mesh.points[b, 0] - x, mesh.points[b, 1] - y, mesh.points[b, 2] - z
                vx, vy, vz = mesh.points[c, 0] - x, mesh.points[c, 1] - y, mesh.points[c, 2] - z
                normals[sides, 0] = uy * vz - uz * vy
                normals[sides, 1] = uz * vx - ux * vz
                normals[sides, 2] = ux * vy - uy * vx
            sides += 1
            mostMm = max(mostMm, largestMm[mesh.fans[place]])
        product = oneSquared = otherSquared = 0.0
        for axis in range(3):
            product += normals[0, axis] * normals[1, axis]
            oneSquared += normals[0, axis] ** 2
            otherSquared += normals[1, axis] ** 2
        lengths = (oneSquared * otherSquared) ** 0.5
        bent[edge] = sides != 2 or product <= -0.99 * lengths
        if not bent[edge]:
            bend = (max(0.0, lengths - product) / (lengths + product)) ** 0.5
            bent[edge] = mostMm + (reachMm + mostMm) * bend > limitMm


@compiled
def _squaredBetween(px, py, pz, wayX, wayY, wayZ, points, a, b):
    """Return the squared distance of a straight way from a place to an edge (Ericson 2004, 5.1.9)."""
    ex, ey, ez = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1], points[b, 2] - points[a, 2]
    rx, ry, rz = px - points[a, 0], py - points[a, 1], pz - points[a, 2]
    ww, ee, we = wayX * wayX + wayY * wayY + wayZ * wayZ, ex * ex + ey * ey + ez * ez, wayX * ex + wayY * ey + wayZ * ez
    wr, er = wayX * rx + wayY * ry + wayZ * rz, ex * rx + ey * ry + ez * rz
    squares = ww * ee - we * we
    onWay = min(1.0, max(0.0, (we * er - wr * ee) / squares)) if squares > 0 else 0.0
    onEdge = (we * onWay + er) / ee if ee > 0 else 0.0
    if onEdge < 0 or onEdge > 1:
        onEdge = min(1.0, max(0.0, onEdge))
        onWay = min(1.0, max(0.0, (we * onEdge - wr) / ww)) if ww > 0 else 0.0
    dx, dy, dz = (
        rx + onWay * wayX - onEdge * ex, ry + onWay * wayY - onEdge * ey, rz + onWay * wayZ - onEdge * ez,
    )  # fmt: skip
    return dx * dx + dy * dy + dz * dz


@compiled
def _sharedEdge(triangles, one, other):
    """Return the two corners that two triangles share, or -1 twice."""
    for corner in range(3):
        a, b = triangles[one, corner], triangles[one, (corner + 1) % 3]
        for its in range(3):
            if triangles[other, its] == b and triangles[other, (its + 1) % 3] == a:
                return a, b
    return numpy.int32(-1), numpy.int32(-1)


@compiled
def alongEdges(edges, points, distancesMm, measuredTo, limitMm, finestMm, mesh, farthestMm, farthest):
    """Fill in for edges how far a place between their ends lies from a mesh, where that is beyond a limit.

    An edge is halved until nothing between two places can lie beyond: from place to place a distance changes by no more
    than the way; above one triangle nothing is farther than the places at its ends, and above two neighbors nothing is
    farther than these or the way from the edge between them. It is left alone once a place beyond is found.

    :param edges: (k, 2) of points (n, 3), with their ``distancesMm`` (n,) and the triangles ``measuredTo`` (n,)
    :param finestMm: shorter pieces are not halved
    :param farthestMm: (k,) of zeros, which stay where nothing is beyond; ``farthest`` (k, 3) the places
    """
    stack, reaches = numpy.empty((_STACK, 2), numpy.int64), numpy.empty(_STACK)
    # Pieces of an edge: where they begin, how long they are, how far both ends lie and from which triangles.
    pieces, sides = numpy.empty((_STACK, 4)), numpy.empty((_STACK, 2), numpy.int64)
    for edge in range(len(edges)):
        start, end = edges[edge]
        startX, startY, startZ = (
            numpy.float64(points[start, 0]), numpy.float64(points[start, 1]), numpy.float64(points[start, 2]),
        )  # fmt: skip
        wayX, wayY, wayZ = points[end, 0] - startX, points[end, 1] - startY, points[end, 2] - startZ
        lengthMm = (wayX * wayX + wayY * wayY + wayZ * wayZ) ** 0.5
        pieces[0, 0], pieces[0, 1], pieces[0, 2], pieces[0, 3] = 0.0, 1.0, distancesMm[start], distancesMm[end]
        sides[0, 0], sides[0, 1] = measuredTo[start], measuredTo[end]
        count = 1
        while count:
            count -= 1
            begin, length, oneMm, otherMm = pieces[count]
            one, other = sides[count]
            if one == other or length * lengthMm <= finestMm or oneMm + otherMm + length * lengthMm <= 2 * limitMm:
                continue
            a, b = _sharedEdge(mesh.triangles, one, other)
            if a >= 0:
                squared = _squaredBetween(
                    startX + begin * wayX, startY + begin * wayY, startZ + begin * wayZ,
                    length * wayX, length * wayY, length * wayZ, mesh.points, a, b,
                )  # fmt: skip
                if squared <= limitMm * limitMm:
                    continue
            length /= 2
            middle = begin + length
            x, y, z = startX + middle * wayX, startY + middle * wayY, startZ + middle * wayZ
            # What both ends were measured to is often near enough.
            squared, found = _squaredTo(x, y, z, mesh.points, mesh.triangles, one)[0], one
            toOther = _squaredTo(x, y, z, mesh.points, mesh.triangles, other)[0]
            if toOther < squared:
                squared, found = toOther, other
            if squared > limitMm * limitMm:
                squared, found = _walked(x, y, z, mesh.triangles[found, 0], mesh)
            if squared > limitMm * limitMm:
                squared, found = _nearest(x, y, z, squared, found, mesh, stack, reaches)
            middleMm = squared**0.5
            if middleMm > limitMm:
                farthestMm[edge] = middleMm
                farthest[edge, 0], farthest[edge, 1], farthest[edge, 2] = x, y, z
                break
            pieces[count, 0], pieces[count, 1], pieces[count, 2], pieces[count, 3] = begin, length, oneMm, middleMm
            sides[count, 0], sides[count, 1] = one, found
            count += 1
            pieces[count, 0], pieces[count, 1], pieces[count, 2], pieces[count, 3] = middle, length, middleMm, otherMm
            sides[count, 0], sides[count, 1] = found, other
            count += 1
