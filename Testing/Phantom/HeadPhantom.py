"""A synthetic head CT with known truth: skull with a defect on the left, mandible, teeth, soft tissue, head rest.

Run as `python -m Phantom.HeadPhantom OUTFOLDER` (with Testing on PYTHONPATH) to write it as a DICOM series.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from .HeadBones import buildBones, condyleCentre
from .HeadTissues import Canvas, paintAir, paintBones, paintSoftTissue
from .Implicit import Grid, Solid, capsule

fieldMm = (225.28, 225.28, 216.0)
"""Extent of the scanned field along x, y, z in mm; the same at every resolution."""
frontMm, bottomMm = -118.0, -102.0
"""Anatomical y of the field's front edge and z of its lower edge, mm."""
tablePositionLps = (4.0, -152.5, -871.0)
"""LPS position of the anatomical zero point: scanners do not put a patient's ears at the origin."""
fullShape, smallShape = (160, 256, 256), (60, 96, 96)
defectCentre, defectSizeMm, defectTiltDegrees = (56.5, -5.0, 70.0), (45.0, 35.0), 24.0
fiducialCentre, fiducialRadiusMm, fiducialHu = (-77.0, 9.0, -17.0), 4.0, 900.0


@dataclass(frozen=True)
class PhantomTruth:
    """What is known of the phantom. Points are LPS mm, volumes ml of the noise-free object, intensities HU."""

    defectCentreLps: tuple[float, float, float]
    """Centroid of the missing bone, on the patient's left."""
    defectNormalLps: tuple[float, float, float]
    """Outward direction through the defect."""
    defectSizeMm: tuple[float, float]
    """Extent from front to back (along LPS y) and, at right angles to it and the normal, from below to above."""
    defectVolumeMl: float
    """Bone that is missing there."""
    fiducialCentreLps: tuple[float, float, float]
    """Centre of the round marker on the lobe of the patient's right ear; not connected to bone."""
    fiducialRadiusMm: float
    leftCondyleLps: tuple[float, float, float]
    rightCondyleLps: tuple[float, float, float]
    boneVolumeMl: float
    """All bone and teeth (skull, mandible, vertebrae, hyoid), marker and head rest left out."""
    mandibleVolumeMl: float
    """Mandible with its teeth; it touches no other bone."""
    brainPointLps: tuple[float, float, float]
    airPointLps: tuple[float, float, float]
    """A point in the left maxillary sinus."""


@dataclass(frozen=True)
class HeadPhantom:
    """The phantom: voxelsHu int16 [slice, row, column], boneMask alike, geometry in LPS mm, truth."""

    voxelsHu: np.ndarray
    boneMask: np.ndarray
    spacingMm: tuple[float, float, float]
    originLps: tuple[float, float, float]
    truth: PhantomTruth

    def index(self, pointLps: Sequence[float]) -> tuple[int, int, int]:
        """[slice, row, column] of the voxel nearest to a point in LPS mm."""
        i = np.rint((np.asarray(pointLps) - self.originLps) / self.spacingMm).astype(int)
        return int(i[2]), int(i[1]), int(i[0])


def toLps(point: Sequence[float]) -> tuple[float, float, float]:
    """Anatomical millimetres to LPS millimetres."""
    return tuple(round(float(a + b), 4) for a, b in zip(point, tablePositionLps, strict=True))


def headGrid(shape: tuple[int, int, int]) -> tuple[Grid, tuple[float, float, float]]:
    """Full grid in anatomical mm and its spacing (x, y, z) in mm. Raises ValueError for an odd number of columns."""
    if shape[2] % 2:
        raise ValueError("The phantom is mirrored: the number of columns must be even.")
    spacing = tuple(extent / count for extent, count in zip(fieldMm, shape[::-1], strict=True))
    x = (np.arange(shape[2]) - (shape[2] - 1) / 2) * spacing[0]
    y = frontMm + (np.arange(shape[1]) + 0.5) * spacing[1]
    z = bottomMm + (np.arange(shape[0]) + 0.5) * spacing[2]
    return Grid(x, y, z), spacing


def defectSolid() -> tuple[Solid, np.ndarray]:
    """The prism cut out of the left calvaria, and its outward normal. Its outline is a superellipse of power 4."""
    tilt = np.radians(defectTiltDegrees)
    normal, up = np.array([np.cos(tilt), 0, np.sin(tilt)]), np.array([-np.sin(tilt), 0, np.cos(tilt)])
    cx, cy, cz = defectCentre

    def distance(x, y, z):
        u, v = (y - cy), (x - cx) * up[0] + (z - cz) * up[2]
        through = np.abs((x - cx) * normal[0] + (z - cz) * normal[2]) - 15.0
        outline = (((u * 2 / defectSizeMm[0]) ** 4 + (v * 2 / defectSizeMm[1]) ** 4) ** 0.25 - 1) * defectSizeMm[1] / 2
        return np.maximum(outline, through).astype(np.float32)

    return Solid((cx - 30, cy - 25, cz - 28), (cx + 30, cy + 25, cz + 28), distance), normal


def headRest(grid: Grid) -> tuple[tuple[slice, slice, slice], np.ndarray]:
    """Window and distance of the head rest: two thin shells curved behind the head."""
    where = grid.window((-110, 20, -200), (110, 120, 200))
    x, y, _ = grid.within(where)
    radius = np.sqrt(x**2 + (y + 14.0) ** 2)
    shell = np.minimum(np.abs(radius - 108.5) - 1.7, np.abs(radius - 117.5) - 0.8)
    return where, np.broadcast_to(np.maximum(shell, 34.0 - y), grid.axes[2][where[0]].shape[:1] + shell.shape[1:])


def mirrored(half: np.ndarray) -> np.ndarray:
    """The full array from its left half."""
    return np.concatenate([half[..., ::-1], half], axis=2)


def cutDefect(canvas: Canvas, softHu: np.ndarray, where, bone: np.ndarray) -> float:
    """Replace bone by soft tissue inside the defect, in the filled fraction too. Returns the voxels of bone lost."""
    solid, _ = defectSolid()
    inside = canvas.filled(solid.distance(*canvas.grid.within(where)))
    canvas.hu[where] += inside * (softHu - canvas.hu[where])
    lost = float((bone[where] * inside).sum())
    bone[where] *= 1 - inside
    return lost


def buildNoiseFree(shape: tuple[int, int, int]) -> tuple[Canvas, np.ndarray, dict[str, float]]:
    """Paint the head on the full grid. Returns canvas, filled fraction of bone, and volumes in ml."""
    grid, spacing = headGrid(shape)
    half = Grid(grid.x[shape[2] // 2 :], grid.y, grid.z)
    edgeMm = float(np.mean(spacing))
    bones = buildBones(half)
    halfCanvas = Canvas(half, edgeMm)
    paintSoftTissue(halfCanvas, bones)
    defect, _ = defectSolid()
    softHu = halfCanvas.hu[half.window(defect.low, defect.high)].copy()
    paintAir(halfCanvas)
    bone, jaw = paintBones(halfCanvas, bones)
    voxelMl = float(np.prod(spacing)) / 1000
    volumes = {"mandibleVolumeMl": 2 * float(jaw.sum()) * voxelMl}
    canvas = Canvas(grid, edgeMm)
    canvas.hu, bone = mirrored(halfCanvas.hu), mirrored(bone)
    volumes["defectVolumeMl"] = cutDefect(canvas, softHu, grid.window(defect.low, defect.high), bone) * voxelMl
    volumes["boneVolumeMl"] = float(bone.sum(dtype=np.float64)) * voxelMl
    canvas.paintSolids([capsule(fiducialCentre, fiducialCentre, fiducialRadiusMm)], fiducialHu)
    where, shell = headRest(grid)
    canvas.paint(shell, np.float32(380.0), where)
    return canvas, bone, volumes


def scanned(hu: np.ndarray, bone: np.ndarray, spacing: Sequence[float], seed: int, noiseHu: float) -> np.ndarray:
    """A scanner's view of it, int16 HU: texture of spongy bone, blur (sigma 0.55 mm), white and correlated noise."""
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal(hu.shape, np.float32)
    coarse = ndimage.gaussian_filter(noise, (0.6, 0.9, 0.9), mode="wrap", truncate=2.5)
    hu += coarse * bone * np.clip((1400 - hu) * np.float32(0.4), 0, 320)
    blurred = ndimage.gaussian_filter(hu, [0.55 / mm for mm in reversed(spacing)], truncate=3.0)
    noise *= np.float32(noiseHu * 0.8)
    coarse *= np.float32(noiseHu * 2.2)
    blurred += noise
    blurred += coarse
    return np.rint(np.clip(blurred, -1024, 3071, out=blurred), out=blurred).astype(np.int16)


def makeHeadPhantom(shape: tuple[int, int, int] = fullShape, seed: int = 20, noiseHu: float = 12.0) -> HeadPhantom:
    """Make the head phantom.

    shape is [slices, rows, columns]; the field of view stays, so a smaller shape is the same head in larger voxels and
    every truth in mm holds. The same seed gives the same voxels. Raises ValueError for an odd number of columns.
    """
    canvas, bone, volumes = buildNoiseFree(shape)
    grid, spacing = headGrid(shape)
    voxels = scanned(canvas.hu, bone, spacing, seed, noiseHu)
    x, y, z = condyleCentre
    truth = PhantomTruth(
        defectCentreLps=toLps(defectCentre),
        defectNormalLps=tuple(float(v) for v in defectSolid()[1]),
        defectSizeMm=defectSizeMm,
        fiducialCentreLps=toLps(fiducialCentre),
        fiducialRadiusMm=fiducialRadiusMm,
        leftCondyleLps=toLps((x, y, z)),
        rightCondyleLps=toLps((-x, y, z)),
        brainPointLps=toLps((30.0, 20.0, 75.0)),
        airPointLps=toLps((27.0, -61.0, -14.0)),
        **volumes,
    )
    origin = toLps((grid.x[0], grid.y[0], grid.z[0]))
    return HeadPhantom(voxels, bone >= 0.5, tuple(round(mm, 6) for mm in spacing), origin, truth)


def writeHeadPhantom(folder: Path, phantom: HeadPhantom | None = None, **series) -> list[Path]:
    """Write the phantom (full size when none is given) as a DICOM series; returns its files from neck to head."""
    from .DicomSeries import writeSeries

    phantom = phantom or makeHeadPhantom()
    return writeSeries(folder, phantom.voxelsHu, phantom.spacingMm, phantom.originLps, **series)


def main(arguments: Sequence[str]) -> int:
    """Command line: one argument, the folder to write to."""
    if len(arguments) != 1:
        print("usage: python -m Phantom.HeadPhantom OUTFOLDER", file=sys.stderr)
        return 2
    phantom = makeHeadPhantom()
    files = writeHeadPhantom(Path(arguments[0]), phantom)
    centre = ", ".join(f"{mm:.1f}" for mm in phantom.truth.defectCentreLps)
    print(
        f"Head phantom: {len(files)} CT images in {arguments[0]}; bone {phantom.truth.boneVolumeMl:.0f} ml, "
        f"defect on the left at LPS ({centre}) mm"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
