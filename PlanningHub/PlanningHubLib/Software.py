"""Versions of what did the work, for the record that each artefact carries."""

import importlib.metadata
import platform

from . import __version__
from .Session import slicerVersion


def versions(*packages):
    """Return name → version of the suite, Python and the named distributions.

    Inside the Slicer application there is no ``slicer-core`` distribution: the application's version stands for it.
    """
    found = {"Planning Hub": __version__, "Python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = f"Slicer {slicerVersion()}" if package == "slicer-core" else "unknown"
    return found
