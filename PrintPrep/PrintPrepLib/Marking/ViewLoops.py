"""Compiled loops that find the triangles near a rectangle that somebody looks at."""

from PlanningHubLib.Compiled import compiled


@compiled
def sidesOf(points, origin, axes, low, high, sides):
    """Fill in beyond which sides (n,) of a rectangle points lie: a bit for each, none for those inside.

    :param points: (n, 3), of which ``origin`` (3,) and the first two rows of ``axes`` (3, 3) give right and up
    :param low: (2,) along right and up, ``high`` alike
    """
    for point in range(len(points)):
        x, y, z = points[point, 0] - origin[0], points[point, 1] - origin[1], points[point, 2] - origin[2]
        right = x * axes[0, 0] + y * axes[0, 1] + z * axes[0, 2]
        up = x * axes[1, 0] + y * axes[1, 1] + z * axes[1, 2]
        sides[point] = (right < low[0]) | (right > high[0]) << 1 | (up < low[1]) << 2 | (up > high[1]) << 3


@compiled
def notBeyond(triangles, sides, which):
    """Fill in which triangles (m,) do not lie beyond one side with all corners."""
    for triangle in range(len(triangles)):
        first, second, third = triangles[triangle, 0], triangles[triangle, 1], triangles[triangle, 2]
        which[triangle] = sides[first] & sides[second] & sides[third] == 0
