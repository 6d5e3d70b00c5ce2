"""Compiled loops: they call others of their file, take more than one kind of array, and work where no cache may lie."""

import os
import subprocess
import sys

import numpy
import pytest

from PlanningHubLib.Compiled import compiled


@compiled
def _sumOfDoubled(values):
    total = 0.0
    for value in values:
        total += _doubled(value)
    return total


@compiled
def _doubled(value):
    return 2 * value


@compiled
def _third(values):
    return values[2]


@pytest.mark.parametrize("kind", [numpy.float32, numpy.float64, numpy.int32])
def test_eachKindOfArrayIsTaken(kind):
    assert _sumOfDoubled(numpy.array([1, 2, 4], kind)) == 14


def test_errorsAreThoseOfPython():
    with pytest.raises(TypeError):
        _third(numpy.zeros(3), 1)


CODE = """
import numpy
from Shapes import area
print(area(numpy.array([3.0, 4.0])))
"""
MODULE = """
from PlanningHubLib.Compiled import compiled


@compiled
def area(sides):
    return sides[0] * sides[1]
"""


@pytest.mark.parametrize("cache", ["kept", "none"])
def test_itWorksWithAndWithoutACache(tmp_path, cache):
    # A module without a file of its own, as in an archive, has no place beside it; nor has it a user's folder here.
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "Shapes.py").write_text(MODULE, encoding="utf-8")
    code = CODE if cache == "kept" else f"exec(compile({MODULE!r}, '<string>', 'exec'))\n" + CODE.split("area\n", 1)[1]
    if cache == "none":
        code = "import numpy\n" + code
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    runs = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
        for _time in range(2)
    ]
    assert [(run.stdout, run.stderr, run.returncode) for run in runs] == [("12.0\n", "", 0)] * 2
    assert bool(list(folder.rglob("*.nbi"))) == (cache == "kept")
