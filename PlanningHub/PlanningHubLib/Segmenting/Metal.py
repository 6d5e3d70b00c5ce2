"""Metal in a CT: where it is, and how much of a structure lies close enough to it for streaks to matter."""

import numpy

from .. import Masks
from ..Errors import Finding
from . import Morphology
from .Grid import voxelMl

# Above enamel (up to about 2500 HU with calibration); site default, no source.
METAL_HU = 2500
# How far the blurred rim of metal, and its streaks, are taken to reach; site default, no source.
RIM_MM, STREAK_MM = 1.5, 10.0


def metalMask(voxelsHu, spacingMm, minimumHu=METAL_HU, rimMm=RIM_MM):
    """Return the mask of metal with its blurred rim; array like the voxels of 0 and 1."""
    metal = Masks.thresholded(voxelsHu, minimumHu)
    return Morphology.grown(metal, rimMm, spacingMm) if rimMm and metal.any() else metal


def streakFacts(mask, metal, spacingMm, streakMm=STREAK_MM):
    """Return figures and findings about a mask near metal.

    :returns: dictionary with ``metalMl`` and ``nearMetalMl`` (what of the mask lies within a distance), findings
    """
    metalMl = int(numpy.count_nonzero(metal)) * voxelMl(spacingMm)
    near = Morphology.grown(metal, streakMm, spacingMm) & mask
    nearMl = int(numpy.count_nonzero(near)) * voxelMl(spacingMm)
    if not nearMl:
        return {"metalMl": metalMl, "nearMetalMl": 0.0}, ()
    finding = Finding(
        "near-metal", "warn", f"{nearMl:.1f} ml lie within {streakMm:g} mm of metal, where streaks may look like bone.",
        "Look at these slices; correct the segment by hand where it follows a streak.",
    )  # fmt: skip
    return {"metalMl": metalMl, "nearMetalMl": nearMl}, (finding,)
