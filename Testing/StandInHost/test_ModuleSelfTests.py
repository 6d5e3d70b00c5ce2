"""Each module's own test, the one that Slicer's test driver runs, on the stand-in."""

import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
MODULES = ["PlanningHub", "PrintPrep", "ORExport", "CentralSync"]


@pytest.mark.parametrize("name", MODULES)
def test_selfTest(host, name):
    import slicer

    for module in dict.fromkeys(["PlanningHub", name]):
        host.loadModule(PROJECT / module / f"{module}.py")
    slicer.selfTests[name]()
    assert host.errors == []


def test_aFailingSelfTestFails(host):
    import slicer

    from PlanningHubLib.ActiveCase import setActiveCaseFolder

    host.loadModule(PROJECT / "PlanningHub" / "PlanningHub.py")
    module = slicer.util.getModuleWidget("PlanningHub").__module__
    test = sys.modules[module].PlanningHubTest
    original = test.setUp
    test.setUp = lambda self: setActiveCaseFolder(slicer.mrmlScene, "/nowhere")
    try:
        with pytest.raises(AssertionError):
            slicer.selfTests["PlanningHub"]()
    finally:
        test.setUp = original
