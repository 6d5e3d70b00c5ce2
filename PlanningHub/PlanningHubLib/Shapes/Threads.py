"""VTK's threads where nobody has chosen yet."""

import contextlib
import os

import vtk


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
