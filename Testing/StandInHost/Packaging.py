"""Plays slicer.packaging: knows what is installed, asks as Slicer does, and never installs anything."""

import importlib.metadata
import types
from pathlib import Path

import slicer

from .Errors import StandInError


def load_requirements(path):
    """Requirements of a requirements file; comments and pip options are skipped."""
    from packaging.requirements import Requirement

    lines = [each.strip() for each in Path(path).read_text(encoding="utf-8").splitlines()]
    return [Requirement(each) for each in lines if each and not each.startswith(("#", "-"))]


def _requirements(given):
    from packaging.requirements import Requirement

    if isinstance(given, str):
        given = given.split()
    elif isinstance(given, Requirement):
        given = [given]
    return [each if isinstance(each, Requirement) else Requirement(each) for each in given]


def _isSatisfied(requirement):
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    try:
        return requirement.specifier.contains(importlib.metadata.version(requirement.name), prereleases=True)
    except importlib.metadata.PackageNotFoundError:
        return False


def pip_check(req):
    """Whether every requirement is installed in an acceptable version."""
    return all(_isSatisfied(each) for each in _requirements(req))


def pip_ensure(
    requirements,
    constraints=None,
    skip_packages=None,
    prompt_install=True,
    prompt_restart=True,
    requester=None,
    skip_in_testing=True,
    show_progress=True,
):
    """Does nothing where all is there; else asks, and refuses to install. RuntimeError when the user declines."""
    missing = [str(each) for each in _requirements(requirements) if not _isSatisfied(each)]
    if not missing or (skip_in_testing and slicer.app.testingEnabled()):
        return
    text = f"{len(missing)} Python packages need to be installed: {', '.join(missing)}"
    if prompt_install and not slicer.util.confirmOkCancelDisplay(text, f"{requester or ''} - Install Python Packages"):
        raise RuntimeError("User declined package installation")
    pip_install(missing)


def pip_install(requirements, **_options):
    """Refused: a test must not change its own environment."""
    raise StandInError(f"the stand-in host does not install packages: {requirements}")


def pip_uninstall(requirements, **_options):
    """Refused: a test must not change its own environment."""
    raise StandInError(f"the stand-in host does not remove packages: {requirements}")


def buildModule():
    """A new module object to be registered as `slicer.packaging`."""
    module = types.ModuleType("slicer.packaging", "Played by the stand-in host")
    for each in (load_requirements, pip_check, pip_ensure, pip_install, pip_uninstall):
        setattr(module, each.__name__, each)
    return module
