"""The step that smooths a surface without shrinking it: Taubin's low-pass filter as windowed sinc."""

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Shapes.Deviation import measured
from PlanningHubLib.Shapes.Mesh import Mesh
from PlanningHubLib.Shapes.Surface import lowPassed

from ..PartWork import SURFACE, PartStep

# Beyond, it is no smoothing any more; site default, no source.
MOST_VOLUME_PERCENT = 2.0

PARAMETERS = {
    "iterations": {
        "type": "number", "multipleOf": 1, "minimum": 1, "maximum": 200, "default": 20, "title": "Iterations"
    },
    "passBand": {
        "type": "number", "minimum": 0.001, "maximum": 1.0, "default": 0.05, "title": "Pass band",
        "description": "The smaller, the smoother",
    },
}  # fmt: skip


def smoothed(mesh, iterations=20, passBand=0.05):
    """Return a smoothed mesh of the same triangles; see :func:`PlanningHubLib.Shapes.Surface.lowPassed`."""
    smooth = lowPassed(mesh.toPolyData(), int(iterations), passBand)
    return Mesh.fromArrays(Mesh.fromPolyData(smooth).points, mesh.triangles)


def _run(parameters, work, progress):
    before = work.surface
    after = smoothed(before, **parameters)
    percent = 100 * (after.volumeMl / before.volumeMl - 1)
    if abs(percent) > MOST_VOLUME_PERCENT:
        raise InputRefused(
            "volume-differs", f"Smoothing changes the volume by {percent:+.1f} %.", "Smooth less: fewer iterations."
        )
    progress(0.5, "Measuring what smoothing took")
    deviation = measured(before, after)
    work.surface = after
    work.took("smoothing step", deviation.meanMm, deviation.maximumMm)
    work.facts["smooth"] = {"volumePercent": round(percent, 3), "meanMm": round(deviation.meanMm, 4),
                            "maximumMm": round(deviation.maximumMm, 4)}  # fmt: skip


STEPS = (PartStep("smooth", "Smooth", SURFACE, PARAMETERS, (), _run),)
