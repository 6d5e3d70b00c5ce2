"""All cores: VTK's threads where nobody has chosen yet, and numpy's work in chunks."""

import concurrent.futures
import contextlib
import os

import vtk

_CHUNK = 50_000


@contextlib.contextmanager
def vtkThreads():
    """Let VTK use all cores inside the block.

    PyPI's VTK starts sequential, Slicer's own does not. A back end that Slicer or the user (environment variable
    VTK_SMP_BACKEND_IN_USE) chose is left alone, and the one that was there comes back.
    """
    before = vtk.vtkSMPTools.GetBackend()
    if before != "Sequential" or "VTK_SMP_BACKEND_IN_USE" in os.environ:
        yield
        return
    vtk.vtkSMPTools.SetBackend("STDThread")
    try:
        yield
    finally:
        vtk.vtkSMPTools.SetBackend(before)


def inChunks(function, count, chunk=_CHUNK):
    """Return what a function of a slice gives for each chunk of so many items, in order; numpy lets go of the lock.

    Small enough chunks stay in the cores' caches, and what is in between takes little memory.
    """
    slices = [slice(first, min(first + chunk, count)) for first in range(0, count, chunk)]
    if len(slices) < 2:
        return [function(part) for part in slices]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, slices))
