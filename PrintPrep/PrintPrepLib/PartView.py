"""A part as a user sees it: its figures, and its surface in the scene."""

from PlanningHubLib import CaseView

PART_COLOR = (0.93, 0.91, 0.85)


def figures(part):
    """Return (name, value) rows of a part's facts, with units."""
    facts = part.facts
    return [
        ("Volume", f"{facts['volumeMl']:.1f} ml (segmentation {facts['segmentationVolumeMl']:.1f} ml)"),
        ("Largest deviation", f"{facts['deviationMm']:.3f} mm (bound {part.parameters['maximumDeviationMm']:.2f} mm)"),
        ("Mean / 99 % deviation", f"{facts['deviation']['meanMm']:.3f} / {facts['deviation']['p99Mm']:.3f} mm"),
        ("Triangles", f"{facts['triangles']:,} of {facts['surfaceTriangles']:,}"),
        ("Watertight", "yes" if facts["watertight"] else "NO"),
        *((f"Note: {finding['code']}", finding["message"]) for finding in facts["findings"]),
        *(("File", name) for name in part.files),
    ]


def stlName(part):
    """Return the name of a part's STL file."""
    return next(name for name in part.files if name.endswith(".stl"))


def showPart(case, session, part):
    """Show a part's surface in the scene.

    :returns: vtkMRMLModelNode
    """
    return CaseView.showModel(case, session, part, stlName(part), PART_COLOR)
