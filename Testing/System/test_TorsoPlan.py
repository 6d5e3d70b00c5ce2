"""A tumor's resection margin and two ways to it, planned on a real torso CT from a plan file, by command and scene."""

import json
import shutil
from pathlib import Path

import numpy
import pydicom
import pytest
from Judges import dicomErrors, entityErrors

from Phantom.TorsoCt import TUMOR_LABEL, TUMOR_RADIUS_MM, writeTorso, writeTorsoLabels
from PlanningHubLib.Case import Case
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Document import readDocument
from PlanningHubLib.Planning.Scene import documentOf, planNode, planNodes, showPlan
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Session import Session

PLAN = Path(__file__).with_name("Plans") / "liver.json"
STRUCTURES = {"Liver": 5, "Kidney right": 2, "Aorta": 52, "Inferior vena cava": 63, "Tumor": TUMOR_LABEL}
VOXEL_MM = 3.0


@pytest.fixture(scope="module")
def aTorso(command, ownHome, testData, tmp_path_factory):
    """Case of the torso with reviewed segments from a label file, and the tumor's center in RAS mm."""
    folder = tmp_path_factory.mktemp("torso")
    allowCoarsePixels(ownHome / "procedures")
    data = testData("ct_torso_3mm.nii.gz").parent
    _names, center = writeTorsoLabels(folder / "labels.nii.gz", data)
    case = folder / "case"
    exitCode, result = command(
        "import", writeTorso(folder / "ct", data), "--case", case, "--side", "right", "--procedure", "soft-tissue"
    )
    assert exitCode == 0 and result["verdict"] == "warn", result
    labels = [part for name, value in STRUCTURES.items() for part in ("--label", f"{value}={name}")]
    assert command("segment", "--case", case, "--mask", folder / "labels.nii.gz", *labels)[0] == 0
    exitCode, result = command("plan", "--case", case, "--plan", PLAN)
    assert exitCode == 4 and result["findings"][0]["code"] == "not-reviewed"
    assert command("segment", "--case", case, "--review", "accepted")[0] == 0
    yield case, center
    shutil.rmtree(ownHome / "procedures")


def allowCoarsePixels(folder):
    """The site's own limits: the test's CT has voxels of 3 mm, which the shipped ones reject."""
    folder.mkdir(parents=True)
    shipped = Path(Plan.__file__).parents[1] / "Procedures" / "soft-tissue.json"
    values = json.loads(shipped.read_text(encoding="utf-8"))
    del values["imaging"]["pixelSpacingMm"]["rejectAbove"]
    (folder / "soft-tissue.json").write_text(json.dumps(values), encoding="utf-8")
    (folder / "soft-tissue.json").chmod(0o644)


@pytest.fixture(scope="module")
def aPlan(command, aTorso):
    """The plan as the command gives it."""
    exitCode, result = command("plan", "--case", aTorso[0], "--plan", PLAN)
    assert exitCode == 0, result
    return result


def figures(result, name):
    return next(step["figures"] for step in result["steps"] if step["name"] == name)


def test_marginIsWhatTheCutLeavesAroundTheTumor(aPlan, aTorso):
    _case, center = aTorso
    found = figures(aPlan, "Margin")
    # The lower cut lies at S 125 mm, the ball's lowest point one radius below its center.
    assert found["reachedMm"] == pytest.approx(center[2] - TUMOR_RADIUS_MM - 125, abs=VOXEL_MM / 2)
    assert found["structureMl"] == pytest.approx(4 / 3 * numpy.pi * TUMOR_RADIUS_MM**3 / 1000, rel=0.05)
    assert found["withMarginMl"] == pytest.approx(4 / 3 * numpy.pi * (TUMOR_RADIUS_MM + 10) ** 3 / 1000, rel=0.05)
    assert found["leftMl"] == 0 and found["belowShare"] == 0
    resection = figures(aPlan, "Resection")
    assert resection["fragmentsMl"] == pytest.approx(resection["originalMl"], rel=1e-3)


def test_trajectoriesKeepTheirDistances(aPlan, aTorso):
    _case, center = aTorso
    found = figures(aPlan, "Biopsy")
    assert found["lengthMm"] == pytest.approx(numpy.linalg.norm(center - (170, 172, 148)), abs=0.1)
    assert found["nearestStructure"] == "Inferior vena cava" and found["nearestMm"] > 60
    assert len(figures(aPlan, "Ways in")["lengthMm"]) == 2
    assert "risk-not-segmented" in {finding["code"] for finding in aPlan["findings"]}


def test_everyObjectOfThePackageSatisfiesTheJudges(command, aPlan, aTorso, tmp_path):
    case = shutil.copytree(aTorso[0], tmp_path / "case")
    assert command("print", "--case", case, "--object", "Liver", "--maximum-deviation-mm", "1")[0] == 0
    leftOut = [word for name in ("viewer", "ar-vr", "navigation") for word in ("--leave-out", name)]
    exitCode, result = command("package", "--case", case, "--out", tmp_path / "package", *leftOut)
    assert exitCode == 0, result
    objects = sorted((tmp_path / "package").rglob("*.dcm"))
    assert [path.name for path in objects if dicomErrors(path)] == []
    assert entityErrors([*objects, *(case / "artefacts" / "source-1" / "r1" / "dicom").iterdir()]) == []
    (report,) = (tmp_path / "package").glob("*-measurements.dcm")
    said = {str(item.value) for item in numbersOf(pydicom.dcmread(report))}
    assert f"{figures(aPlan, 'Margin')['reachedMm']:.4f}".rstrip("0") in said, "the plan's own number"


def numbersOf(item):
    """Yield the numeric values of a structured report, however deep."""
    for one in item.get("ContentSequence", ()):
        for measured in one.get("MeasuredValueSequence", ()):
            yield measured["NumericValue"]
        yield from numbersOf(one)


def test_theSceneSavedAndReopenedGivesTheSameHashes(aPlan, aTorso, ownHome, monkeypatch, tmp_path):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(ownHome))
    monkeypatch.setenv("XDG_STATE_HOME", str(ownHome.parent / "state"))
    folder = shutil.copytree(aTorso[0], tmp_path / "case")
    scene = str(tmp_path / "scene.mrml")
    with Session.start() as session, Case.open(folder, writable=True) as case:
        carried = carriedOut(case, session, readDocument(PLAN))
        showPlan(session, case, carried.document, carried.objects.values())
        saveScene(session.scene, tmp_path, scene)
        session.scene.Clear(1)
        assert planNode(session.scene) is None
        session.scene.SetURL(scene)
        assert session.scene.Connect() and len(planNodes(session.scene)) == len(carried.objects)
        again = Plan.keepPlan(case, session, carriedOut(case, session, documentOf(session.scene, case)))
        assert again.content == aPlan["content"]


def carriedOut(case, session, document):
    context = Context.ofCase(case, session, findProcedure(case.procedure)[0])
    try:
        return Plan.carryOut(Plan.forCase(document, case), context)
    finally:
        context.close(session.scene)


def saveScene(scene, folder, path):
    """Save a scene and the files of its nodes, as Slicer's save dialog does."""
    endings = {"vtkMRMLModelNode": ".vtp", "vtkMRMLLinearTransformNode": ".tfm"}
    scene.SetURL(path)
    for number, node in enumerate(planNodes(scene).values()):
        storage = node.CreateDefaultStorageNode()
        scene.AddNode(storage)
        node.SetAndObserveStorageNodeID(storage.GetID())
        storage.SetFileName(str(folder / f"node-{number}{endings.get(node.GetClassName(), '.mrk.json')}"))
        assert storage.WriteData(node)
    assert scene.Commit()


def test_trajectoryOutsideTheScanIsRefused(command, aTorso, tmp_path):
    document = json.loads(PLAN.read_text())
    document["steps"] = document["steps"][:1] + [step for step in document["steps"] if step["do"] == "trajectory"]
    document["steps"][0]["start"] = [400, 172, 148]
    (tmp_path / "plan.json").write_text(json.dumps(document))
    exitCode, result = command("plan", "--case", aTorso[0], "--plan", tmp_path / "plan.json")
    assert exitCode == 3 and result["findings"][0]["code"] == "trajectory-outside-volume"
    assert result["findings"][0]["message"].startswith("Biopsy: ")
