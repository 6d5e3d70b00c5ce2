"""Python packages that Slicer does not ship, per Lib package, installed at the point of use."""

import contextlib
import functools
import importlib.resources
import signal
import threading


def listed(libName):
    """Return the requirements of a Lib package as lines of pip's format."""
    text = importlib.resources.files(libName).joinpath("requirements.txt").read_text(encoding="utf-8")
    return [line for line in (line.split("#")[0].strip() for line in text.splitlines()) if line]


@functools.cache
def ensure(libName):
    """Inside Slicer, install what a Lib package needs after asking; headless, pip has done it already.

    What was found once is not looked for again: cases are opened by the thousand.
    """
    try:
        from slicer.packaging import pip_ensure
    except ImportError:
        return
    pip_ensure(listed(libName), requester="Planning Hub")


@contextlib.contextmanager
def interruptsHeld():
    """Let Ctrl-C wait while a compiled package is imported: some crash the program when it comes in the middle."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *what: came.append(what))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came and callable(before):
        before(*came[0])
