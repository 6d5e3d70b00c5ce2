"""A block shaped like the letter L, known to the voxel, to prove that left stays left and nothing moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .DicomSeries import identityDirection, writeSeries

barVoxels = ((12, 20), (10, 20), (8, 48))
"""Long arm of the L as index ranges of column, row, slice."""
footVoxels = ((20, 40), (10, 20), (8, 16))
"""Short arm: from the long arm's lower end towards higher columns (the patient's left)."""
bumpVoxels = ((12, 20), (20, 26), (40, 48))
"""A stud on the upper end towards higher rows (the back), so that no mirror image or turn matches."""


@dataclass(frozen=True)
class AsymmetricObject:
    """The volume (int16 HU, [slice, row, column]), its geometry, and where the block is in LPS mm.

    cornersLps: [part][low or high corner] of the voxel faces; centroidLps; volumeMl. `directionLps` as in writeSeries.
    """

    voxelsHu: np.ndarray
    spacingMm: tuple[float, float, float]
    originLps: tuple[float, float, float]
    directionLps: np.ndarray
    cornersLps: np.ndarray
    centroidLps: np.ndarray
    volumeMl: float
    blockHu: int = 1000
    backgroundHu: int = -1000

    def toLps(self, index: Sequence[float]) -> np.ndarray:
        """LPS mm of a (column, row, slice) index; whole numbers are voxel centres."""
        return np.asarray(self.originLps) + self.directionLps @ (np.asarray(index, float) * self.spacingMm)

    def write(self, folder: Path, **series) -> list[Path]:
        """Write the block as a DICOM series; keywords as in writeSeries."""
        series = {"patientId": "BLOCK-1", "patientName": "Phantom^Block", **series}
        return writeSeries(folder, self.voxelsHu, self.spacingMm, self.originLps, self.directionLps, **series)


def obliqueDirection() -> np.ndarray:
    """Turned by 20 degrees about x, then by 15 about z: rows, columns and slices all oblique."""
    a, b = np.radians(20), np.radians(15)
    aboutX = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    aboutZ = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return aboutZ @ aboutX


def makeAsymmetricObject(
    oblique: bool = False,
    spacingMm: Sequence[float] = (0.8, 0.9, 1.25),
    originLps: Sequence[float] = (-17.5, -31.0, 412.0),
) -> AsymmetricObject:
    """Make the block; with oblique the volume's axes are turned against the patient's."""
    direction = obliqueDirection() if oblique else np.asarray(identityDirection)
    voxels = np.full((56, 40, 52), -1000, np.int16)
    parts = (barVoxels, footVoxels, bumpVoxels)
    for columns, rows, slices in parts:
        voxels[slice(*slices), slice(*rows), slice(*columns)] = 1000
    corners = np.array([[[axis[end] - 0.5 for axis in part] for end in (0, 1)] for part in parts])
    origin, spacing = np.asarray(originLps, float), np.asarray(spacingMm, float)
    middle = np.argwhere(voxels > 0)[:, ::-1].mean(0)
    return AsymmetricObject(
        voxels,
        tuple(spacing),
        tuple(origin),
        direction,
        origin + (corners * spacing) @ direction.T,
        origin + direction @ (middle * spacing),
        float((voxels > 0).sum() * spacing.prod() / 1000),
    )
