"""What navigation and 3D Slicer get: in place for readers of other makers, named, marked, without the CT or a path."""

import json
import zipfile

import numpy
import pytest
import SimpleITK
import slicer
from ModelMaking import CASE_NAME, MOTION_LPS, aBody, aContent, aSegmentation, someBodies, someObjects

from ORExportLib.Models import Navigation
from ORExportLib.Models.PlanScene import ABOUT, PlanScene
from ORExportLib.Models.Shown import labelOf
from ORExportLib.Writer import Writer
from PlanningHubLib.Errors import Cancelled, InputRefused
from PlanningHubLib.Progress import noProgress
from PlanningHubLib.Session import Session

LPS = (-1, -1, 1)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of the navigation files of a plan that is not approved, and their records."""
    folder = tmp_path_factory.mktemp("package")
    with Session.start() as session:
        content = aContent(session=session, segmentationNode=aSegmentation(session))
        writer = Writer(folder, content.making)
        Navigation.write(content, writer, noProgress)
    return folder / "navigation", writer.records


@pytest.fixture(scope="module")
def anIndex(written):
    return json.loads(next(written[0].glob("*-navigation.json")).read_bytes())


@pytest.fixture
def aScene(written):
    """The bundle, opened again."""
    with Session.start() as session:
        assert session.scene.ReadFromMRB(str(next(written[0].glob("*.mrb"))), False)
        yield session.scene


def nodes(scene, className):
    """Name → node of a class, without those that Slicer hides."""
    found = [scene.GetNthNodeByClass(index, className) for index in range(scene.GetNumberOfNodesByClass(className))]
    return {node.GetName(): node for node in found if not node.GetHideFromEditors()}


def fileOf(written, records, name):
    return written[0] / next(one["file"] for one in records if one["name"] == name)


def test_everyFileIsRecordedOnceAndMarked(written):
    folder, records = written
    assert sorted(one["path"] for one in records) == sorted(f"navigation/{path.name}" for path in folder.iterdir())
    assert len({one["role"] for one in records}) == len(records) == 3 + 4 + 2 + 2
    assert all(path.name.startswith(f"{CASE_NAME}-NOT-APPROVED-") for path in folder.iterdir())


def test_stlsLieWhereTheBodiesLie(written, anIndex):
    import trimesh

    for body in someBodies():
        path = fileOf(written, anIndex["bodies"], body.name)
        seen = trimesh.load_mesh(path)
        assert seen.is_watertight and seen.volume / 1000 == pytest.approx(body.mesh.volumeMl, rel=1e-4)
        assert seen.bounds == pytest.approx(numpy.array(body.mesh.boundsMm), abs=1e-3)
        header = path.read_bytes()[:80].decode()
        assert header.startswith(f"SPACE=LPS UNIT=mm NOT-APPROVED CASE={CASE_NAME} SIDE=left")


def test_indexSaysWhatEachBodyIs(anIndex):
    assert (anIndex["frame"], anIndex["unit"], anIndex["side"]) == ("LPS", "mm", "left") and not anIndex["approved"]
    one = anIndex["bodies"][1]
    assert (one["name"], one["role"], one["moved"], one["step"]) == ("Ramus left", "fragment", True, "Advance")
    assert one["color"] == [0.2, 0.6, 0.3] and one["motion"] == MOTION_LPS.tolist()
    assert [body["motion"] for body in anIndex["bodies"]].count(None) == 2


def test_markupsAreInLps(written, anIndex):
    for name, points in (
        ("Landmarks", [[-10, -20, 30], [5, -6, 7]]),
        ("Screw 1", [[-1, -2, 3], [-11, -2, 3]]),
        ("Margin", [[0, 0, 0], [-10, 0, 0], [-10, -10, 5]]),
    ):
        (markup,) = json.loads(fileOf(written, anIndex["objects"], name).read_bytes())["markups"]
        assert markup["coordinateSystem"] == "LPS"
        assert [one["position"] for one in markup["controlPoints"]] == pytest.approx(numpy.array(points), abs=1e-6)
        assert next(one for one in anIndex["objects"] if one["name"] == name)["points"] == points
    (plane,) = json.loads(fileOf(written, anIndex["objects"], "Osteotomy").read_bytes())["markups"]
    matrix = numpy.array(plane["baseToNode"]).reshape(4, 4) @ numpy.array(plane["objectToBase"]).reshape(4, 4)
    assert matrix[:3, 2] == pytest.approx((0, -0.6, 0.8)) and matrix[:3, 3] == pytest.approx((-1, -2, 3))


def test_motionsLeadBackAsItkHasIt(written, anIndex):
    """SimpleITK maps the planned place to the scanned one; the index states the way there."""
    motion = anIndex["bodies"][1]
    transform = SimpleITK.ReadTransform(str(written[0] / motion["motionFile"]))
    scanned = numpy.array([3.0, -7, 20])
    planned = (numpy.array(motion["motion"]) @ [*scanned, 1])[:3]
    assert transform.TransformPoint(planned.tolist()) == pytest.approx(scanned, abs=1e-6)
    placed = next(one for one in anIndex["objects"] if one["kind"] == "placement")
    transform = SimpleITK.ReadTransform(str(written[0] / placed["file"]))
    planned = (numpy.array(placed["matrix"]) @ [*scanned, 1])[:3]
    assert transform.TransformPoint(planned.tolist()) == pytest.approx(scanned, abs=1e-6)


def test_sceneOpensAgainWithTheSameNodes(aScene):
    for className, wanted in (
        ("vtkMRMLModelNode", {body.name for body in someBodies()}),
        ("vtkMRMLSegmentationNode", {f"{CASE_NAME} segmentation"}),
        ("vtkMRMLMarkupsNode", {"Landmarks", "Screw 1", "Osteotomy", "Margin"}),
        ("vtkMRMLLinearTransformNode", {"Advance by 5", "Ramus left from scan to plan"}),
        ("vtkMRMLScalarVolumeNode", set()),
    ):
        assert set(nodes(aScene, className)) == wanted
    text = nodes(aScene, "vtkMRMLTextNode")[ABOUT].GetText()
    for wanted in (f"case: {CASE_NAME}", "side: left", "NOT APPROVED", "imagesSeries: 1.2.3.4", "RAS"):
        assert wanted in text


def test_sceneHasEverythingInItsPlace(aScene):
    for body in someBodies():
        node, points = nodes(aScene, "vtkMRMLModelNode")[body.name], body.mesh.points * LPS
        bounds = numpy.c_[points.min(0), points.max(0)].reshape(-1)
        assert node.GetPolyData().GetBounds() == pytest.approx(bounds, abs=1e-3)
        assert node.GetDisplayNode().GetColor() == pytest.approx(body.color, abs=1e-6)
        assert node.GetDisplayNode().GetOpacity() == pytest.approx(body.opacity)
        assert node.GetAttribute("PlanningHub.role") == body.role
    landmarks = nodes(aScene, "vtkMRMLMarkupsFiducialNode")["Landmarks"]
    seen = slicer.util.arrayFromMarkupsControlPoints(landmarks)
    assert seen == pytest.approx(someObjects()["Landmarks"].pointsRas)
    assert landmarks.GetNthControlPointLabel(1) == "Sella"
    seen, wanted = numpy.zeros(6), numpy.zeros(6)
    nodes(aScene, "vtkMRMLSegmentationNode")[f"{CASE_NAME} segmentation"].GetRASBounds(seen)
    with Session.start() as session:
        aSegmentation(session).GetRASBounds(wanted)
    assert seen == pytest.approx(wanted, abs=1e-3)


def test_movedFragmentsMotionIsTheOneToThePlan(aScene):
    motion = nodes(aScene, "vtkMRMLLinearTransformNode")["Ramus left from scan to plan"]
    turned = numpy.diag([*LPS, 1]) @ MOTION_LPS @ numpy.diag([*LPS, 1])
    assert slicer.util.arrayFromTransformMatrix(motion) == pytest.approx(turned)


def test_bundleNamesNoFolderOfThisMachine(written):
    with zipfile.ZipFile(next(written[0].glob("*.mrb"))) as bundle:
        held = {name: bundle.read(name) for name in bundle.namelist()}
    scene = next(data for name, data in held.items() if name.endswith(".mrml"))
    assert b"/tmp" not in scene and str(written[0]).encode() not in scene and b"planninghub-" not in scene
    assert not any(name.endswith((".nrrd", ".dcm")) and "seg" not in name for name in held)


def test_sessionsOwnSceneIsLeftAlone():
    with Session.start() as session:
        content = aContent(session=session, segmentationNode=aSegmentation(session))
        before = session.scene.GetNumberOfNodes()
        PlanScene(content, labelOf(content)).bundle("plan")
        assert session.scene.GetNumberOfNodes() == before


def test_sceneThatCannotBeWrittenIsRefusedByName():
    with Session.start() as session:
        content = aContent(session=session, segmentationNode=aSegmentation(session))
        with pytest.raises(InputRefused) as refusal:
            PlanScene(content, labelOf(content)).bundle("too long for a name " * 20)
        assert refusal.value.code == "cannot-write"


def test_mirroredAidIsHiddenInTheScene():
    with Session.start() as session:
        bodies = [aBody("Skull"), aBody("Mirrored skull", role="mirror", mirrored=True)]
        content = aContent(bodies, session=session, segmentationNode=aSegmentation(session))
        scene = PlanScene(content, labelOf(content))
        assert [node.GetDisplayNode().GetVisibility() for _body, node in scene.models] == [1, 0]


def test_cancelledBetweenBodies(tmp_path):
    def cancel(fraction, _text):
        if fraction > 0.1:
            raise Cancelled

    with Session.start() as session:
        content = aContent(session=session, segmentationNode=aSegmentation(session))
        with pytest.raises(Cancelled):
            Navigation.write(content, Writer(tmp_path, content.making), cancel)


def test_approvedPlanIsNotMarked(tmp_path):
    with Session.start() as session:
        content = aContent(approved=True, session=session, segmentationNode=aSegmentation(session))
        Navigation.write(content, Writer(tmp_path, content.making), noProgress)
    assert not list(tmp_path.rglob("*NOT-APPROVED*"))
    assert b"NOT" not in next(tmp_path.rglob("*mandible.stl")).read_bytes()[:80]
