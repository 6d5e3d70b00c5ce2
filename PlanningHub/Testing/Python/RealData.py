"""Where the real scans lie, which are no part of the project."""

import os
from pathlib import Path

import pytest


def dataFolder(name):
    """Return a folder of real data, or skip and say so."""
    folder = Path(os.environ.get("PLANNINGHUB_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / name
    if not folder.is_dir():
        pytest.skip(f"no {name} in {folder.parent}; set PLANNINGHUB_TEST_DATA")
    return folder
