"""The bar of steps: a case with a plan shows it, and no case is forced to have one."""

import json

import pytest
from CaseMaking import commit, commitChain, newCase

from PlanningHubLib import Steps
from PlanningHubLib.CaseList import listCases


@pytest.fixture(autouse=True)
def aProcedureWithPlanSteps(monkeypatch):
    """What is planned usually, and what is not."""

    class Found:
        def __init__(self, text):
            self.values = {"planSteps": [{"do": "plane", "name": "cut"}]} if text == "Osteotomy" else {}

    monkeypatch.setattr(Steps, "findProcedure", lambda text: (Found(text), []))
    Steps._isPlanned.cache_clear()
    yield
    Steps._isPlanned.cache_clear()


def test_caseWithoutPlanHasNoSuchStep(aCase):
    assert list(Steps.stepStates(aCase)) == ["source", "segmentation", "part", "package", "receipt"]
    commitChain(aCase)
    assert set(Steps.stepStates(aCase).values()) == {"done"}


def test_planIsNextWhereTheProcedureHasPlanSteps(tmp_path):
    with newCase(tmp_path / "one", procedure="Osteotomy") as case:
        source = commit(case, "source")
        commit(case, "segmentation", parents=[source])
        assert Steps.stepStates(case)["plan"] == "next"
        assert json.dumps(listCases(tmp_path)[0].states) and listCases(tmp_path)[0].nextKind == "plan"


def test_boneModelGoesOnWithoutPlan(tmp_path):
    with newCase(tmp_path / "one", procedure="Osteotomy") as case:
        commitChain(case)
        states = Steps.stepStates(case)
        assert states.pop("plan") == "optional" and set(states.values()) == {"done"}
        assert Steps.firstUndone(Steps.stepStates(case)) is None


def test_stalePlanIsShown(aCase):
    source = commit(aCase, "source")
    segmentation = commit(aCase, "segmentation", parents=[source])
    plan = commit(aCase, "plan", parents=[segmentation])
    commit(aCase, "part", parents=[plan])
    assert Steps.stepStates(aCase)["plan"] == "done"
    commit(aCase, "segmentation", b"changed", parents=[source])
    states = Steps.stepStates(aCase)
    assert (states["plan"], states["part"], states["package"]) == ("stale", "stale", "open")
