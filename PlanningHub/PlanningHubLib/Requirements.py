"""Python packages that Slicer does not ship, per Lib package, installed at the point of use."""

import importlib.resources


def listed(libName):
    """Return the requirements of a Lib package as lines of pip's format."""
    text = importlib.resources.files(libName).joinpath("requirements.txt").read_text(encoding="utf-8")
    return [line for line in (line.split("#")[0].strip() for line in text.splitlines()) if line]


def ensure(libName):
    """Inside Slicer, install what a Lib package needs after asking; headless, pip has done it already."""
    try:
        import slicer.packaging
    except ImportError:
        return
    slicer.packaging.pip_ensure(listed(libName), requester="Planning Hub")
