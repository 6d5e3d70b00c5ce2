"""The MRML ground the stand-in plays Slicer on: the product's own headless scene and logics, made before it looks."""

import sys
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]


def buildCore():
    """A headless session (scene, application logic, module logics) from the product's one builder."""
    folder = str(PROJECT_ROOT / "PlanningHub")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    from PlanningHubLib.Session import buildHeadlessSession

    return buildHeadlessSession()
