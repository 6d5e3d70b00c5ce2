"""Soft tissue and air of the head phantom, and the painting of distances into HU. Same frame as HeadBones."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from .HeadBones import (
    HeadBones,
    earCanal,
    ethmoidCells,
    frontalSinus,
    mastoidCells,
    maxillarySinus,
    nasalCavity,
    orbitFunnel,
    smoothStep,
    sphenoidSinus,
    teeth,
)
from .Implicit import Field, Grid, Solid, capsule, ellipsoid, limited, path

airHu, fatHu, skinHu, muscleHu, brainHu, fluidHu = -1000.0, -95.0, 30.0, 55.0, 36.0, 8.0
corticalHu, diploeHu, enamelHu, dentineHu = 1450.0, 600.0, 2250.0, 1550.0
airway = path(
    [(0, -40, -6), (0, -27, -14), (0, -21, -28), (0, -20, -55), (0, -23, -80), (0, -25, -112)],
    (6, 8, 8, 6.5, 8, 8.5),
    (1.25, 0.8, 1.0),
)


class Canvas:
    """HU on a grid; every layer is blended in by how much of a voxel it fills."""

    def __init__(self, grid: Grid, edgeMm: float):
        self.grid, self.edgeMm = grid, np.float32(edgeMm)
        self.hu = np.full(grid.shape, airHu, np.float32)

    def filled(self, distance: np.ndarray) -> np.ndarray:
        """Fraction of a voxel inside a surface, from the distance (mm) of its centre."""
        return np.clip(np.float32(0.5) - distance / self.edgeMm, 0, 1)

    def paint(self, distance: np.ndarray, hu, where=...) -> None:
        """Blend hu (a number or an array) in where distance is negative."""
        part = self.hu[where]
        part += self.filled(distance) * (hu - part)

    def paintSolids(self, solids: Iterable[Solid], hu: float) -> None:
        """Blend solids in, each only within its own bounds."""
        for solid in solids:
            where = self.grid.window(np.subtract(solid.low, 2), np.add(solid.high, 2))
            self.paint(solid.distance(*self.grid.within(where)), np.float32(hu), where)


def headOutline(grid: Grid, bones: HeadBones) -> np.ndarray:
    """Distance in mm to the skin."""
    field = Field(grid, bones.cavity - bones.thickness - np.float32(6.0))
    field.reachMm = 14.0
    field.join(ellipsoid((0, -34, -28), (66, 53, 58)), 14.0)
    field.join(capsule((0, 6, -150), (0, 6, -40), 56.0, 52.0, (1.0, 0.95, 1.0)), 22.0)
    field.join(
        [
            ellipsoid((0, -76, -78), (24, 18, 18)),
            ellipsoid((42, -28, -60), (18, 26, 22)),
            ellipsoid((0, -80, -50), (30, 19, 28)),
            ellipsoid((52, 13, -8), (18, 22, 26)),
        ],
        12.0,
    )
    field.join(
        [
            path([(0, -92, -34), (14, -88, -34), (25, -76, -36), (36, -58, -38)], (7, 7, 9, 12)),
            path([(0, -86, -72), (13, -83, -72), (26, -68, -75), (38, -48, -70)], (9, 9, 13, 15)),
            path([(26, -76, -10), (46, -62, -8), (60, -42, -6), (64, -14, -4)], (12, 12, 9, 9)),
            capsule((48, -58, 20), (52, -30, 22), 11.0, 13.0),
        ],
        10.0,
    )
    field.join(capsule((0, -84, 34), (40, -71, 35), 7.5), 14.0)
    field.join([capsule((0, -86, 24), (0, -103, -11), 7.0, 8.0), ellipsoid((9, -80, 6), (14, 15, 20))], 7.0)
    field.join([ellipsoid((8.5, -95, -15), (6, 7, 6))], 4.0)
    field.carve([ellipsoid((5.2, -98, -22), (2.6, 5, 4))], 1.0)
    lips = [capsule((0, -95, -44), (15, -88, -45), 5.5, 3.0), capsule((0, -94, -56), (14, -88, -56), 6.0, 3.0)]
    field.join(lips, 5.0)
    field.carve([capsule((0, -105, -50), (16, -97, -51), 1.6)], 2.0)
    field.join([ellipsoid((31, -74, 14), (17, 13.4, 13.5))], 4.0)
    field.reachMm = 4.0
    field.join(earShell(), 3.0)
    return field.values


def earShell() -> list[Solid]:
    """The auricle: a tilted flat disc with a hollow and a lobe."""
    disc = ellipsoid((0, 0, 0), (3.0, 16.0, 29.0))

    def tilted(x, y, z):
        u, v, w = x - 71.0, y - 12.0, z - 4.0
        return disc.distance(u * 0.88 - v * 0.47, u * 0.47 + v * 0.88, w)

    def bowl(x, y, z):
        return -(np.sqrt((x - 72.5) ** 2 + ((y - 4.0) * 0.9) ** 2 + ((z - 3.0) * 0.6) ** 2) - 7.5)

    return [limited(Solid((55, -16, -26), (92, 34, 34), tilted), bowl), capsule((69, 4, -20), (70, 6, -17), 4.5)]


def marbling(grid: Grid, periodMm: float, stretch: tuple[float, float, float] = (1, 1, 1)) -> np.ndarray:
    """A smooth field in about -1..1 that folds like muscle bundles or gyri; its zero set is a sheet."""
    x, y, z = (axis * np.float32(2 * np.pi / periodMm / long) for axis, long in zip(grid.axes, stretch, strict=True))
    bendY = np.float32(1.4) * np.sin(np.float32(0.43) * x + np.float32(0.27) * y + 1)
    bendX = np.float32(1.2) * np.sin(np.float32(0.37) * y - np.float32(0.21) * x)
    return (
        np.sin(x + bendX) * np.cos(y + bendY)
        + np.sin(y * np.float32(0.83) + bendY) * np.cos(z)
        + np.sin(z * np.float32(1.1)) * np.cos(x + bendX)
    ) * np.float32(0.66)


def paintSoftTissue(canvas: Canvas, bones: HeadBones) -> None:
    """Skin, fat, muscle, brain, eyes and tongue."""
    grid = canvas.grid
    skin = headOutline(grid, bones)
    canvas.paint(skin, np.float32(skinHu))
    folds = marbling(grid, 36.0, (1.0, 1.2, 2.5))
    canvas.paint(skin + np.float32(1.7), np.float32(fatHu))
    lower = 1 - smoothStep(grid.axes[2], 10, 40)
    deep = skin + np.float32(4.0) + lower * (np.float32(1.5) + np.float32(3.0) * folds)
    canvas.paint(
        np.maximum(deep, np.float32(0.8) - np.float32(6.0) * np.abs(folds) - 3 * (1 - lower)), np.float32(muscleHu)
    )
    canvas.paintSolids([orbitFunnel(0.3)], fatHu)
    paintEye(canvas)
    canvas.paintSolids([ellipsoid((0, -55, -52), (21, 27, 19))], muscleHu)
    paintBrain(canvas, bones.cavity)


def paintEye(canvas: Canvas) -> None:
    """Globe, lens, optic nerve and the four straight muscles."""
    back, centre = (16.0, -40.0, 14.5), (31.0, -74.0, 14.0)
    ends = [(31 + dx, -70, 14 + dz) for dx, dz in ((11, 0), (-11, 0), (0, 10.5), (0, -10.5))]
    canvas.paintSolids([capsule(end, back, 1.6) for end in ends], 50.0)
    canvas.paintSolids([capsule((30, -66, 14), back, 1.8)], 32.0)
    canvas.paintSolids([ellipsoid(centre, (12, 12, 12))], 50.0)
    canvas.paintSolids([ellipsoid(centre, (10.8, 10.8, 10.8))], 12.0)
    canvas.paintSolids([ellipsoid((31, -82, 14), (4.4, 1.9, 4.4))], 75.0)


def paintBrain(canvas: Canvas, cavity: np.ndarray) -> None:
    """Cerebrospinal fluid, folded cortex, white matter, ventricles, falx and spinal cord."""
    grid = canvas.grid
    canvas.paint(cavity, np.float32(fluidHu))
    gyri = np.abs(marbling(grid, 27.0))
    brain = np.maximum(cavity + 2.0, np.minimum(np.float32(0.9) - 6 * gyri, np.float32(16.0) + cavity))
    canvas.paint(brain, np.float32(brainHu + 3))
    white = np.maximum(cavity + 7.0, np.float32(3.2) - 8 * gyri - smoothStep(-cavity, 8, 26) * 6)
    canvas.paint(white, np.float32(27.0))
    ventricle = path([(5, -32, 50), (9, -10, 58), (12, 16, 56), (19, 32, 46), (24, 8, 30)], (5, 5, 5.5, 6, 2.5))
    canvas.paintSolids([ventricle, capsule((0, -6, 46), (0, 6, 38), 2.5), ellipsoid((0, 30, 10), (5, 4, 7))], fluidHu)
    falx = Solid(
        (0, -90, 15),
        (2, 90, 120),
        lambda x, y, z: np.maximum(np.abs(x) - 1.0, 46 - np.sqrt((y - 12) ** 2 + (1.3 * (z - 28)) ** 2) + 0 * z),
    )
    where = grid.window(falx.low, falx.high)
    canvas.paint(np.maximum(falx.distance(*grid.within(where)), cavity[where]), np.float32(58.0), where)
    canvas.paintSolids([capsule((0, 16, -120), (0, 14, -20), 8.0)], fluidHu)
    canvas.paintSolids([capsule((0, 16, -120), (0, 12, -24), 5.0, 6.0)], brainHu)


def paintAir(canvas: Canvas) -> None:
    """Sinuses, nose, ear canals, mastoid cells and airway, with mucosa and conchae in the nose."""
    canvas.paintSolids(nasalCavity, airHu)
    canvas.paintSolids([path([(6, -97, -23), (5.5, -91, -17), (5, -84, -14)], 4.0)], airHu)
    conchae = [
        capsule((6.5, -78, -16), (7, -46, -15), 3.2, squash=(0.8, 1, 1.2)),
        capsule((5.5, -74, -3), (5.5, -46, -3), 2.4, squash=(0.7, 1, 1.4)),
        capsule((0, -92, -14), (0, -46, -8), 1.6, squash=(1, 1, 6)),
    ]
    canvas.paintSolids(conchae, muscleHu)
    canvas.paintSolids([maxillarySinus, sphenoidSinus, *ethmoidCells, *frontalSinus, earCanal, *mastoidCells], airHu)
    canvas.paintSolids([airway], airHu)
    canvas.paintSolids([capsule((0, -100, -50), (0, -82, -51.5), 1.4, squash=(9, 1, 1))], airHu)


def boneHu(distance: np.ndarray, thickMm: float) -> np.ndarray:
    """Cortex of thickMm over spongy bone, from the depth below the bone's surface."""
    spongy = np.clip((-distance - np.float32(thickMm)) / np.float32(1.0), 0, 1)
    return np.float32(corticalHu) - np.float32(corticalHu - diploeHu) * spongy


def paintBones(canvas: Canvas, bones: HeadBones) -> tuple[np.ndarray, np.ndarray]:
    """Paint bones and teeth; returns their filled fraction: all bone with teeth, and the mandible with its teeth."""
    for distance, cortexMm in ((bones.vertebrae, 1.0), (bones.skull, 1.6), (bones.mandible, 2.4)):
        canvas.paint(distance, boneHu(distance, cortexMm))
    teethOf = [Field(canvas.grid), Field(canvas.grid)]
    for field, upper in zip(teethOf, (True, False), strict=True):
        crowns, cores, roots = teeth(upper)
        canvas.paintSolids(roots, dentineHu)
        canvas.paintSolids(crowns, enamelHu)
        canvas.paintSolids(cores, dentineHu)
        field.join([*crowns, *roots])
    jaw = canvas.filled(np.minimum(bones.mandible, teethOf[1].values))
    rest = canvas.filled(np.minimum(np.minimum(bones.skull, bones.vertebrae), teethOf[0].values))
    return np.maximum(jaw, rest), jaw
