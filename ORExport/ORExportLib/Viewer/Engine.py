"""The published rendering engine that the viewer is built on: vtk.js, as the installed package panel brings it."""

import dataclasses
import importlib.metadata
import re

from PlanningHubLib.Errors import InputRefused

PACKAGE = "panel"
SCRIPT = re.compile(r"(^|/)vtk\.js@(?P<version>\d[\d.]*)/vtk\.js$")


@dataclasses.dataclass(frozen=True)
class Engine:
    """The engine's script as it was published."""

    name: str
    version: str
    script: str


def readEngine():
    """Return the engine of the installed package; it is read from its files, nothing of the package runs.

    :returns: :class:`Engine`
    :raises InputRefused: ``no-viewer-engine``
    """
    for file in _filesOfPackage():
        match = SCRIPT.search(file.as_posix())
        if match and file.locate().is_file():
            script = file.locate().read_text(encoding="utf-8")
            # The map that the last line names is not in the page.
            return Engine("vtk.js", match["version"], re.sub(r"\n//# sourceMappingURL=\S*\s*$", "\n", script))
    raise InputRefused(
        "no-viewer-engine",
        f"vtk.js, on which the offline viewer is built, is not there: the Python package {PACKAGE} brings it.",
        f"Install {PACKAGE}, or leave the viewer out of the package.",
    )


def _filesOfPackage():
    try:
        return importlib.metadata.files(PACKAGE) or ()
    except importlib.metadata.PackageNotFoundError:
        return ()
