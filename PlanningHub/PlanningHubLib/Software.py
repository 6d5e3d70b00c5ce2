"""Versions of what did the work, for the record that each artefact carries."""

import importlib.metadata
import platform

from . import __version__


def versions(*packages):
    """Return name → version of the suite, Python and the named distributions."""
    found = {"Planning Hub": __version__, "Python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = _slicerVersion() if package == "slicer-core" else "unknown"
    return found


def _slicerVersion():
    """Inside the Slicer application there is no slicer-core distribution; the application says its version."""
    import slicer

    application = getattr(slicer, "app", None)
    return f"Slicer {application.applicationVersion}" if application else "unknown"
