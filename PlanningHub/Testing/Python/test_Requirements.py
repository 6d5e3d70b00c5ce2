"""Inside Slicer, what Slicer does not ship is asked for where it is first needed, and once."""

import concurrent.futures
import signal
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


def test_anInterruptWaitsUntilAnImportIsDone():
    done, before = [], signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), Requirements.interruptsHeld():
            signal.raise_signal(signal.SIGINT)
            done.append("imported")
        assert done == ["imported"] and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_inAThreadNothingIsHeld():
    with concurrent.futures.ThreadPoolExecutor() as executor:
        assert executor.submit(heldHandler).result() is signal.getsignal(signal.SIGINT)


def heldHandler():
    with Requirements.interruptsHeld():
        return signal.getsignal(signal.SIGINT)
