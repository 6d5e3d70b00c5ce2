"""Which bone a guide lies on is taken from its plan: never the case's first segment because it is the first."""

import manifold3d
import numpy
import pytest
import slicer

from PlanningHubLib import Segments
from PlanningHubLib.Case import Case
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Document import checked, newDocument
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Planning.Operation import Result
from PlanningHubLib.Segmentation import FILE_NAME
from PlanningHubLib.Session import Session
from PlanningHubLib.Shapes.Manifolds import fromManifold
from PrintPrepLib import Part
from PrintPrepLib.Production import BuildBones, BuildParts
from PrintPrepLib.Production.Build import makeBuild
from PrintPrepLib.Recipe import newRecipe

CUT = {"do": "plane", "name": "cut", "origin": [20, 20, 22], "normal": [1, 0, 0]}


def block(low, high):
    mask = numpy.zeros((40, 40, 40), numpy.uint8)
    mask[low:high, 5:35, 5:35] = 1
    return mask


def solid(name, low, high, role="guide"):
    body = manifold3d.Manifold.cube([20, 20, high - low]).translate([10, 10, low])
    return Solid(name, fromManifold(body), role=role, modified=True)


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    """Two bones, one right above a flat guide and one right below; the upper one is the first segment."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Session.start() as session, Case.create(tmp_path / "case", "5a" * 32, side="left") as case:
        with case.staging("source") as stage:
            (stage.folder / "source.bin").write_bytes(b"stands in for a series")
            source = stage.commit()
        node = Segments.addSegmentation(session, None, "bones")
        for name, mask in (("Maxilla", block(26, 38)), ("Mandible", block(5, 20))):
            matrix = slicer.util.vtkMatrixFromArray(numpy.eye(4))
            Segments.addSegment(node, mask, matrix, name, Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR)
        with case.staging("segmentation") as stage:
            Segments.saveNode(session, node, stage.folder / FILE_NAME)
            stage.commit(parents=[source], facts={"segment": "Maxilla"})
        session.scene.RemoveNode(node)
        yield case


def keep(case, bone, *others, steps=(), name="Guide"):
    """Keep a plan whose guide was made on a bone, and make its part."""
    guide = {"do": "cutting-guide", "name": "Guide", "bone": bone, "planes": ["cut"]}
    document = checked({**newDocument("plan"), "steps": [CUT, *([guide] if bone else []), *steps]})
    things = [solid("Guide", 20.2, 24.2), *others]
    results = {one["name"]: Result(tuple(thing for thing in things if thing.name == one["name"]))
               for one in document["steps"]}  # fmt: skip
    Plan.keepPlan(case, Session.start(), Plan.Carried(document, {one.name: one for one in things}, results))
    return Part.makePart(case, Session.start(), newRecipe(name, profile="sla-form-4"))


def criticalNormals(case):
    (part,) = BuildParts.partsOf(case, Session.start())
    return part.critical, part.mesh.normals()[:, 2]


@pytest.mark.parametrize(("bone", "down"), [("Mandible", True), ("Maxilla", False)])
def test_theBoneSideIsThatOfTheStepsOwnBone(aCase, bone, down):
    keep(aCase, bone)
    critical, up = criticalNormals(aCase)
    assert (critical == ((up < -0.9) if down else (up > 0.9))).all() and critical.any()


def test_aBoneThatThePlanMadeCountsToo(aCase):
    """The guide lies on a cut bone, which is no segment but a solid."""
    keep(aCase, "Cut bone", solid("Cut bone", 8.0, 20.0, role="anatomy"))
    critical, up = criticalNormals(aCase)
    assert (critical == (up < -0.9)).all() and critical.any()


def test_theBoneIsFoundThroughStepsThatJoin(aCase):
    union = {"do": "union", "name": "Joined", "of": ["Guide", "Handle"]}
    document = {"steps": [CUT, {"do": "cutting-guide", "name": "Guide", "bone": "Mandible", "planes": ["cut"]}, union]}
    results = {"steps": [{"name": one["name"], "objects": [one["name"]]} for one in document["steps"]]}
    assert BuildBones.boneNames(document, results, "Joined") == ["Mandible"]
    assert BuildBones.boneNames(document, results, "cut") == [] == BuildBones.boneNames(document, results, "Else")


def test_whereNoStepNamesABoneNothingIsGuessed(aCase):
    keep(aCase, None)
    assert criticalNormals(aCase)[0] is None
    build = makeBuild(aCase, Session.start(), direction=(0, 0, 1), slicing=False)
    assert "bone-side-unknown" in [one["code"] for one in build.facts["findings"]]
    keep(aCase, "Mandible")
    build = makeBuild(aCase, Session.start(), direction=(0, 0, 1), slicing=False)
    assert "bone-side-unknown" not in [one["code"] for one in build.facts["findings"]]
