"""Inside Slicer, what Slicer does not ship is asked for where it is first needed, and once."""

import sys
import types

import pytest
from CaseMaking import newCase

from PlanningHubLib import Requirements
from PlanningHubLib.Case import Case


@pytest.fixture
def slicerPackaging(monkeypatch):
    """A stand-in of ``slicer.packaging`` that records what it is asked for."""
    asked = []
    packaging = types.ModuleType("slicer.packaging")
    packaging.pip_ensure = lambda requirements, requester: asked.append((tuple(requirements), requester))
    monkeypatch.setitem(sys.modules, "slicer.packaging", packaging)
    Requirements.ensure.cache_clear()
    yield asked
    Requirements.ensure.cache_clear()


def test_openingACaseAsksOnceForWhatItNeeds(tmp_path, slicerPackaging):
    with newCase(tmp_path / "case"):
        pass
    Case.open(tmp_path / "case")
    Case.open(tmp_path / "case")
    (asked,) = slicerPackaging
    assert asked == (tuple(Requirements.listed("PlanningHubLib")), "Planning Hub")
    assert any(line.startswith("jsonschema") for line in asked[0])


def test_refusedInstallationIsAskedAgain(tmp_path, slicerPackaging):
    with newCase(tmp_path / "case"):
        pass
    Requirements.ensure.cache_clear()

    def refuse(_requirements, requester):
        raise RuntimeError("the user said no")

    sys.modules["slicer.packaging"].pip_ensure = refuse
    for _attempt in range(2):
        with pytest.raises(RuntimeError):
            Case.open(tmp_path / "case")


def test_headlessNothingIsInstalled(tmp_path):
    Requirements.ensure.cache_clear()
    with newCase(tmp_path / "case"):
        pass
    assert "slicer.packaging" not in sys.modules
