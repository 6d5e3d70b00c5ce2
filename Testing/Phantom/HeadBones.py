"""The bones of the head phantom as implicit solids.

Frame: millimetres, x to the patient's left, y to the back, z to the head; zero is midway between the ear canals,
z = 0 the Frankfurt plane. Only x >= 0 is modelled; the other side is its mirror image. Sizes: a small adult.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .Implicit import (
    Field,
    Grid,
    Solid,
    box,
    capsule,
    ellipsoid,
    grown,
    limited,
    path,
    polygonDistance,
    polylineDistance,
    smoothMinimum,
)

condyleCentre = (51.0, -9.0, -9.5)
upperArch, lowerArch = (27.5, 43.0), (25.5, 40.0)
archCentreY = -44.0
toothWidthsMm = ((8.2, 6.6, 7.4, 6.8, 6.6, 9.6, 9.0), (5.4, 5.8, 6.8, 6.9, 7.0, 10.4, 9.8))
orbit = capsule((33.5, -96.0, 14.0), (15.0, -36.0, 14.5), 20.0, 3.5, (1.0, 1.0, 0.88))
maxillarySinus = ellipsoid((27.0, -61.0, -14.0), (12.5, 15.0, 13.5))
nasalCavity = (ellipsoid((0.0, -68.0, -13.0), (12.0, 34.0, 9.5)), ellipsoid((0.0, -68.0, 2.0), (6.5, 27.0, 15.0)))
sphenoidSinus = ellipsoid((5.0, -30.0, 2.0), (8.0, 10.0, 8.0))
frontalSinus = (ellipsoid((7.5, -82.0, 36.0), (6.5, 3.4, 8.5)), ellipsoid((15.0, -80.0, 37.0), (6.0, 2.6, 5.0)))
ethmoidCells = tuple(ellipsoid((7.4, y, z), (3.6, 4.0, 4.2)) for y in (-71, -62, -53, -45) for z in (8, 16.5))
earCanal = capsule((38.0, 0.0, 2.0), (72.0, 1.0, 1.0), 3.2)
mastoidCells = tuple(
    ellipsoid(centre, (2.6, 2.6, 3.0))
    for centre in ((53, 10, -6), (56, 16, -8), (51, 17, -12), (54, 12, -15), (48, 12, -4), (55, 19, -2), (52, 15, -20))
)


def smoothStep(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below low, 1 above high, a smooth ramp between."""
    t = np.clip((value - np.float32(low)) * np.float32(1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def skullFloor(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height in mm of the inner skull base: three fossae, sella, petrous ridge, clivus. x, y broadcast, x >= 0."""
    anterior = 27.0 + 3.0 * smoothStep(x, 4, 14) + 3.0 * smoothStep(x, 20, 45)
    middle = 4.0 + 6.0 * (1 - smoothStep(x, 8, 20)) + 5.0 * smoothStep(x, 42, 60)
    posterior = -25.0 + 26.0 * (x / 52.0) ** 2 + 22.0 * (np.maximum(y - 20, 0) / 60.0) ** 2
    ridge = -16.0 + 0.45 * x
    wing = -38.0 - 15.0 * smoothStep(x, 16, 34)
    toMiddle = smoothStep(y - wing, -4, 5)
    toPosterior = smoothStep(y - ridge, -3, 11)
    height = anterior * (1 - toMiddle) + toMiddle * (middle * (1 - toPosterior) + posterior * toPosterior)
    petrous = 8.0 * np.exp(-(((y - ridge - 1) / 5.0) ** 2)) * smoothStep(x, 10, 18) * (1 - smoothStep(x, 44, 56))
    return (height + petrous).astype(np.float32)


def cranialCavity(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the cranial cavity (mm, negative inside) and the skull's thickness (mm) around it."""
    x, y, z = grid.axes
    narrow = 0.955 + 0.085 * np.tanh((y[0] + 12) / 34.0) - 0.05 * smoothStep(y[0], 45, 85)
    ry = np.where(y[0] < 0, 79.0, 79.5)
    power = 2.0 + 0.5 * smoothStep(-y[0], -10, 40)
    outline = ((np.abs(x[0]) / (64.0 * narrow)) ** power + (np.abs(y[0] - 1.0) / ry) ** power) ** (1 / power)
    steepY, steepX = np.gradient(outline, grid.y, grid.x)
    outline, steep2 = (np.float32(v)[None] for v in (outline, steepX**2 + steepY**2))
    rz = np.where(z > 42, 58.0, 92.0).astype(np.float32)
    pz = (z - 42.0) / rz
    k0 = np.sqrt(outline**2 + pz**2)
    dome = k0 * (k0 - 1) / np.sqrt(np.maximum(outline**2 * steep2 + (pz / rz) ** 2, 1e-8))
    floor = skullFloor(x[0], y[0])
    slopeY, slopeX = np.gradient(floor, grid.y, grid.x)
    base = (floor - z) / np.sqrt(1 + np.minimum(slopeX**2 + slopeY**2, 4.0)).astype(np.float32)
    cavity = -smoothMinimum(-dome, -base, 12.0)
    thickness = (
        3.0
        + 3.4 * smoothStep(z, 8, 60)
        + 1.0 * smoothStep(-y, 50, 72) * smoothStep(z, 28, 40)
        + 2.6 * smoothStep(y, 45, 75) * (1 - 0.6 * smoothStep(z, 20, 50))
    )
    return cavity.astype(np.float32), thickness.astype(np.float32)


def sutures(grid: Grid) -> np.ndarray:
    """Depth in mm of the coronal, lambdoid and sagittal sutures on the outer table."""
    x, y, z = grid.axes
    wiggle = 1.3 * np.sin(z * 1.1) * np.cos(x * 0.9) + 0.8 * np.sin(x * 1.9 + z * 0.7)
    coronal = y + 22.0 - 0.22 * (z - 60) + 0.10 * x + wiggle
    lambdoid = (y - 62.0 + 0.62 * (z - 58) + 0.55 * (x - 20) + 1.6 * wiggle) * 0.8
    sagittal = x + np.float32(0.8) * np.sin(y * np.float32(0.9)) + 0 * z
    onTop = smoothStep(z, 22, 34)
    groove = np.exp(-((coronal / 1.1) ** 2)) * onTop + np.exp(-((lambdoid / 1.1) ** 2)) * smoothStep(z, 12, 24)
    betweenThem = smoothStep(y, -24, -18) * (1 - smoothStep(y, 55, 62)) * smoothStep(z, 70, 80)
    return np.float32(0.9) * (groove + np.exp(-((sagittal / 1.2) ** 2)) * betweenThem)


def orbitFunnel(wallMm: float) -> Solid:
    """The bony funnel of the orbit, cut at the slanting plane of its rim."""
    return limited(grown(orbit, wallMm), lambda x, y, z: (-82.0 + 0.50 * (x - 12) - y) + 0 * z)


def midface() -> list[tuple[list[Solid], float]]:
    """Solid parts of the midface and the blend radius (mm) each is joined with."""
    rim = [
        (12, -85, 24),
        (20, -82, 32),
        (32, -78.5, 34.5),
        (43, -72, 31),
        (48.5, -65, 22),
        (49, -61, 11),
        (48, -63, 1),
        (41, -70, -4.5),
        (31, -77, -5),
        (21, -80.5, -2),
        (13.5, -82, 6),
        (12, -85, 24),
    ]
    piriform = [(4, -92.5, 5), (9, -87, -2), (12.6, -83, -11), (12, -83, -18), (7, -86.5, -22.5), (0, -89.5, -23)]
    arch = [(46, -62, -9), (56, -52, -8), (63, -38, -7), (65.5, -24, -5), (63.5, -10, -2.5), (57, 0, 1)]
    return [
        ([orbitFunnel(1.8)], 3.0),
        ([ellipsoid((0, -79.5, 34), (24, 9.5, 12)), capsule((18, -79, 37), (40, -70, 37), 5.0, 4.0)], 12.0),
        ([path(rim, (4.2, 4.2, 4.0, 4.6, 4.4, 3.6, 4.2, 4.6, 4.0, 3.6, 3.4, 4.0))], 5.0),
        (
            [
                capsule((47, -61, 14), (37, -46, 12), 2.4, 3.0, (1, 1, 5)),
                capsule((46, -66, 30), (46, -50, 38), 4.0, 2.0),
            ],
            8.0,
        ),
        ([ellipsoid((45, -64, -9), (10, 9, 11)), capsule((41, -64, -12), (30, -66, -30), 6.0, 5.0)], 6.0),
        ([path(arch, (6.0, 5.2, 4.0, 3.8, 4.2, 4.0), (0.58, 0.58, 1.0))], 5.0),
        ([ellipsoid((25, -66, -14), (17, 17, 17)), capsule((21, -81, -8), (17, -84, -26), 4.0)], 6.0),
        ([capsule((7, -85, 24), (13.2, -82, -2), 4.2, 3.4), capsule((2.2, -86, 26), (2.8, -94.5, 7), 4.6, 3.2)], 4.0),
        ([path(piriform, (2.4, 2.4, 2.4, 2.6, 2.8, 2.4))], 2.5),
        ([capsule((0, -89, -23), (0, -94.5, -21.5), 2.4, 1.1)], 2.0),
        ([grown(part, 1.3) for part in (*nasalCavity, *ethmoidCells, sphenoidSinus)], 1.0),
        ([ellipsoid((0, -30, 2), (15, 12, 11))], 3.0),
    ]


def skullBase() -> list[tuple[list[Solid], float]]:
    """Parts below the braincase: temporal bone, sphenoid, occipital condyles."""
    return [
        ([capsule((49, 3, 1), (17, -12, 3), 8.0, 6.0), ellipsoid((52, -8, -2.5), (11, 13, 4.5))], 5.0),
        ([capsule((54, 13, -2), (52.5, 12, -19), 10.5, 5.5, (0.86, 1, 1))], 6.0),
        ([capsule((62, 8, 4), (58, -4, 2), 3.5)], 4.0),
        ([capsule((47, 3, -8), (42, -9, -34), 2.0, 0.8)], 1.0),
        ([capsule((0, -20, -2), (0, -4, -22), 7.5, 5.0)], 5.0),
        ([ellipsoid((16, 5, -30), (6, 9.5, 6))], 4.0),
        ([capsule((0, 79, 8), (0, 82, 4), 5.0, 3.5)], 9.0),
        ([box((14, -36, -20), (1.2, 6.5, 15), 1.0), box((20.5, -38, -19), (1.2, 8, 14), 1.0)], 2.0),
        ([capsule((14, -42, -8), (20, -42, -8), 5.0)], 4.0),
    ]


def archDistance(grid: Grid, radii: tuple[float, float]) -> np.ndarray:
    """Distance in the axial plane, shape [row, column], to the half ellipse of a dental arch."""
    angles = np.linspace(-0.1, np.pi / 2, 24)
    points = [(radii[0] * np.cos(a), archCentreY - radii[1] * np.sin(a)) for a in angles]
    return polylineDistance(grid.x[None, :], grid.y[:, None], points)


def extruded(grid: Grid, where, planar: np.ndarray, low: np.ndarray, high: np.ndarray, roundingMm: float) -> np.ndarray:
    """A planar distance [row, column] between two heights, with rounded edges."""
    z = grid.within(where)[2]
    vertical = np.maximum(low - z, z - high) + np.float32(roundingMm)
    sideways = planar[where[1:]][None] + np.float32(roundingMm)
    corner = np.sqrt(np.maximum(vertical, 0) ** 2 + np.maximum(sideways, 0) ** 2)
    return corner + np.minimum(np.maximum(vertical, sideways), 0) - np.float32(roundingMm)


def joinExtruded(field: Field, planar: np.ndarray, low, high, roundingMm: float, blendMm: float) -> None:
    """Join an extruded planar shape whose lower and upper heights may vary over the plane."""
    where = field.grid.window((-99, -99, float(np.min(low)) - 6), (60, -5, float(np.max(high)) + 6))
    low, high = (np.broadcast_to(np.float32(v), planar.shape)[where[1:]][None] for v in (low, high))
    part = field.values[where]
    part[...] = smoothMinimum(part, extruded(field.grid, where, planar, low, high, roundingMm), blendMm)


def mandible(grid: Grid) -> Field:
    """Distance to the mandible: body, alveolar process, ramus, coronoid, condyle, chin."""
    field = Field(grid)
    x, y = grid.x[None, :], grid.y[:, None]
    line = [(0, -82.5), (9, -82), (17, -77), (25, -66), (33, -52), (41, -36), (46, -24)]
    low = -91.0 + 7.0 * smoothStep(y, -82, -58) + 15.0 * smoothStep(y, -62, -18) + 0 * x
    joinExtruded(field, polylineDistance(x, y, line) - 5.6, low, -67.0 + 15 * smoothStep(y, -58, -34) + 0 * x, 5.0, 4.0)
    alveolar = np.maximum(archDistance(grid, lowerArch) - 5.2, y + 42.0)
    joinExtruded(field, alveolar, -82.0 + 14 * smoothStep(y, -70, -45) + 0 * x, -62.5, 2.5, 5.0)
    field.join([capsule((0, -85, -87), (9, -84, -88), 5.0, 4.5), capsule((0, -86, -84), (0, -84, -74), 4.0, 2.5)], 5.0)
    joinRamus(field)
    head = [capsule((46.5, -8, -9.5), (55.5, -10, -9.5), 4.4, 4.2), capsule((50, -9, -12), (48.6, -12, -24), 3.8, 4.2)]
    field.join(head, 4.0)
    return field.carve(path([(43.5, -28, -36), (42, -36, -62), (33, -54, -76), (25, -66, -78)], 1.2))


def joinRamus(field: Field) -> None:
    """Join the ramus: a sagittal outline with coronoid and notch, leaning outwards, about 7 mm thick."""
    grid = field.grid
    outline = [
        (-21, -70),
        (-14, -62),
        (-10, -45),
        (-8, -28),
        (-6, -12),
        (-13, -12),
        (-17, -21),
        (-23, -25),
        (-29, -20),
        (-33, -10),
        (-37, -11),
        (-39, -24),
        (-41, -40),
        (-45, -52),
        (-49, -60),
        (-44, -74),
        (-30, -73),
    ]
    where = grid.window((25, -70, -92), (70, 8, 4))
    x, y, z = grid.within(where)
    side = polygonDistance(y, z, outline)
    lean = x - (45.5 + 0.085 * (z + 62) + 0.10 * (y + 30) + 0.35 * np.minimum(y + 34, 0))
    thick = np.abs(lean) - np.float32(3.2) + 2.2
    sideways = side + 2.2
    corner = np.sqrt(np.maximum(thick, 0) ** 2 + np.maximum(sideways, 0) ** 2)
    solid = corner + np.minimum(np.maximum(thick, sideways), 0) - 2.2
    part = field.values[where]
    part[...] = smoothMinimum(part, solid, 9.0)


def teeth(upper: bool) -> tuple[list[Solid], list[Solid], list[Solid]]:
    """Crowns, their dentine cores and the roots of one side's seven teeth in one jaw."""
    radii, sign = (upperArch, 1.0) if upper else (lowerArch, -1.0)
    neck = -41.5 if upper else -62.5
    angles = np.linspace(0, np.pi / 2 + 0.35, 400)
    curve = np.stack([radii[0] * np.sin(angles), archCentreY - radii[1] * np.cos(angles)], 1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    crowns, cores, roots, passed = [], [], [], 0.0
    for index, width in enumerate(toothWidthsMm[0 if upper else 1]):
        at = int(np.searchsorted(length, min(passed + width / 2, length[-2])))
        passed += width
        tangent = np.abs(curve[at + 1] - curve[at])
        tangent /= np.linalg.norm(tangent)
        depth = (6.4, 6.2, 7.6, 8.6, 8.8, 10.4, 10.0)[index]
        half = np.hypot(tangent * (width / 2 - 0.25), tangent[::-1] * depth / 2)
        height = (9.5, 8.6, 9.8, 8.2, 7.6, 7.0, 6.8)[index] * (1.0 if upper else 0.88)
        x, y = (float(v) for v in curve[at])
        crowns.append(box((x, y, neck - sign * height / 2), (*half, height / 2 + 0.5), min(2.4, half.min() - 0.3)))
        cores.append(box((x, y, neck - sign * (height / 2 - 1.4)), (*(half - 1.25), height / 2 - 0.6), 0.6))
        for shift in (0.0,) if index < 5 else (-2.4, 2.4):
            end = (x * 0.98, y + shift, neck + sign * (13.0 if index < 5 else 11.0))
            roots.append(capsule((x, y + shift, neck), end, 2.9 if index < 5 else 2.5, 1.1))
    return crowns, cores, roots


def vertebrae(grid: Grid) -> Field:
    """Atlas, axis with dens, third and the top of the fourth cervical vertebra, hyoid."""
    field = Field(grid)
    atlas = [(0, -8, -42), (10, -5, -42), (17, 4, -43), (19, 16, -43), (14, 29, -43), (5, 37, -43), (0, 38, -43)]
    field.join(path(atlas, (3.6, 3.4, 4.5, 3.6, 3.0, 3.2, 3.6)), 2.0)
    field.join([ellipsoid((17, 5, -44), (6, 8, 5.5)), capsule((18, 8, -43), (34, 9, -44), 4.0, 3.0)], 2.0)
    field.carve([capsule((26, 8, -55), (26, 8, -30), 2.6)])
    axisBone = Field(grid)
    axisBone.join([capsule((0, 0.5, -40), (0, 1, -58), 4.2, 5.5), ellipsoid((0, 1, -63), (10, 8, 8))], 3.0)
    axisBone.join(
        path(
            [(11, 6, -62), (15, 16, -63), (10, 29, -64), (2, 37, -65), (2, 50, -70)], (4, 3, 2.4, 2.6, 2.4), (1, 1, 1.7)
        ),
        2.0,
    )
    axisBone.join(ellipsoid((15, 4, -57), (7.5, 7.5, 4)), 2.0)
    np.minimum(field.values, axisBone.values, out=field.values)
    for top in (-83.0, -101.0):
        field.join(
            [
                box((0, 1, top), (9.5, 7.5, 6.2), 2.5),
                ellipsoid((19, 9, top), (6, 7, 6.5)),
                capsule((8, 3, top), (20, 2, top - 1), 3.4),
            ],
            2.0,
        )
        field.join(
            path(
                [(18, 15, top), (9, 28, top - 2), (1.5, 36, top - 3), (1.5, 46, top - 7)],
                (2.6, 2.2, 2.2, 2.0),
                (1, 1, 1.8),
            ),
            2.0,
        )
    return field.join(path([(0, -47, -88), (11, -44, -88), (19, -28, -85)], (3.0, 2.4, 1.8), (1, 1, 1.2)), 1.0)


@dataclass
class HeadBones:
    """Distances in mm on the half grid: cavity of the braincase, skull, mandible, vertebrae; skull thickness in mm."""

    cavity: np.ndarray
    thickness: np.ndarray
    skull: np.ndarray
    mandible: np.ndarray
    vertebrae: np.ndarray


def buildBones(grid: Grid) -> HeadBones:
    """Build every bone on a half grid (x > 0)."""
    cavity, thickness = cranialCavity(grid)
    skull = Field(grid, cavity - thickness + sutures(grid))
    for solids, blend in (*midface(), *skullBase()):
        skull.join(solids, blend)
    alveolar = np.maximum(archDistance(grid, upperArch) - 6.0, grid.y[:, None] + 40.0)
    joinExtruded(skull, alveolar, -41.0, -24.0, 2.5, 4.0)
    ellipse = np.sqrt((grid.x[None, :] / upperArch[0]) ** 2 + ((grid.y[:, None] - archCentreY) / upperArch[1]) ** 2)
    joinExtruded(skull, np.maximum((ellipse - 1) * 30.0, grid.y[:, None] + 38.0), -27.5, -23.8, 1.0, 2.0)
    jaw = mandible(grid)
    carveCavities(skull, cavity, jaw)
    values = np.maximum(skull.values, -cavity)
    return HeadBones(cavity, thickness, values, jaw.values, vertebrae(grid).values)


def carveCavities(skull: Field, cavity: np.ndarray, jaw: Field) -> None:
    """Hollow out orbits, sinuses, nose, ear canal, spinal foramen and the joint space of the mandible."""
    hollow = Field(skull.grid)
    hollow.join([orbit, maxillarySinus, sphenoidSinus, *ethmoidCells, *frontalSinus, earCanal, *mastoidCells])
    hollow.join(nasalCavity, 3.0)
    hollow.join(capsule((0, -97, -14), (0, -80, -14), 9.0, 10.5, (1, 1, 0.8)), 4.0)
    np.maximum(skull.values, -np.maximum(hollow.values, 2.0 - cavity), out=skull.values)
    skull.carve(capsule((0, 16, -60), (0, 16, -12), 15.5, 15.5, (0.95, 1.1, 1)))
    skull.join([box((0.3, -62, -4), (0.7, 22, 20), 0.4), capsule((6.5, -78, -15), (7, -48, -14), 1.2)])
    np.maximum(skull.values, 2.6 - jaw.values, out=skull.values)
