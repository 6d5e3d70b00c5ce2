"""Agreed views: taken from a camera, kept with the case, read back as they were, and refused when damaged."""

import dataclasses
import json
import types

import numpy
import pytest
import slicer

from ORExportLib import Views
from ORExportLib.Views import View, caseViews, decoded, defaultViews, encode, keepViews, readViews, viewOfCamera
from PlanningHubLib.Case import Case
from PlanningHubLib.DeidentifySource import find
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Secrets import KeyRing
from PlanningHubLib.Shapes.Mesh import Mesh

FRONT = View("From the front", (0.0, -500.0, 10.0), (0.0, 0.0, 10.0), (0.0, 0.0, 1.0), caption="The plate")
ABOVE = View("Above", (0.0, 0.0, 400.0), (0.0, 0.0, 0.0), (0.0, -1.0, 0.0), 30.0, ("Bone",), "Cut 1", 120.0)


def camera(scene, position, focalPoint, up=(0, 0, 1)):
    node = scene.AddNewNodeByClass("vtkMRMLCameraNode")
    node.SetPosition(*position)
    node.SetFocalPoint(*focalPoint)
    node.SetViewUp(*up)
    return node


def test_aCamerasViewIsInLpsAndGoesBack(aSession):
    # In RAS, whoever looks the patient in the face stands at +A, and the patient's left is at -R.
    node = camera(aSession.scene, (-20, 500, 10), (-20, 0, 10))
    view = viewOfCamera(node, " Face ", ["Bone"], "Cut 1", "Both eyes")
    assert view == View("Face", (20.0, -500.0, 10.0), (20.0, 0.0, 10.0), (0.0, 0.0, 1.0), 30.0, ("Bone",),
                        "Cut 1", None, "Both eyes")  # fmt: skip
    node.SetParallelProjection(True)
    node.SetParallelScale(75)
    parallel = viewOfCamera(node, "Flat")
    assert parallel.parallelScaleMm == 75 and parallel.shows("anything") and not view.shows("Skin")
    other = slicer.vtkMRMLCameraNode()
    aSession.scene.AddNode(other)
    Views.applyToCamera(parallel, other)
    assert numpy.allclose(other.GetPosition(), (-20, 500, 10)) and other.GetParallelProjection()
    assert viewOfCamera(other, "Flat") == parallel


def test_keptWithTheCaseAndReadBack(aReadyCase):
    assert caseViews(aReadyCase) == ()
    artefact = keepViews(aReadyCase, (FRONT, ABOVE))
    assert caseViews(aReadyCase) == (FRONT, ABOVE) and artefact.facts["names"] == ["From the front", "Above"]
    keepViews(aReadyCase, (ABOVE,))
    assert caseViews(aReadyCase) == (ABOVE,) and aReadyCase.latest("views").revision == 2
    assert Case.open(aReadyCase.folder).verify() == []
    path = aReadyCase.path(aReadyCase.latest("views"), Views.FILE_NAME)
    path.write_bytes(path.read_bytes().replace(b"400", b"401"))
    with pytest.raises(GateRefused) as refused:
        caseViews(aReadyCase)
    assert refused.value.code == "damaged-views"


def test_viewsOfAnotherScanDoNotCount(aReadyCase):
    keepViews(aReadyCase, (FRONT,))
    with aReadyCase.staging("source") as stage:
        (stage.folder / "other.txt").write_text("another scan")
        stage.commit()
    assert caseViews(aReadyCase) == ()


def test_theyAreNotInADeidentifiedCopy(aReadyCase):
    keepViews(aReadyCase, (FRONT,))
    found = find(aReadyCase.folder, KeyRing.forThisInstallation(), aReadyCase)
    assert any(what == "views of the case" for what, _reason in found.leftOut)


def test_aFileOfViews(tmp_path):
    path = tmp_path / "views.json"
    path.write_bytes(encode((FRONT, ABOVE)))
    assert readViews(path) == (FRONT, ABOVE)
    plain = {key: value for key, value in FRONT.asDict().items() if key in ("name", "viewUpLps")}
    values = {"format": "planninghub-views", "version": 1, "frame": "LPS",
              "views": [{**plain, "positionLps": [0, -500, 10], "focalPointLps": [0, 0, 10]}]}  # fmt: skip
    assert decoded(json.loads(json.dumps(values))) == (dataclasses.replace(FRONT, caption=""),)


@pytest.mark.parametrize("change", [
    lambda values: values.update(frame="RAS"), lambda values: values["views"][0].update(name=""),
    lambda values: values["views"][0].update(positionLps=[0, 0]), lambda values: values["views"][0].pop("viewUpLps"),
    lambda values: values["views"][0].update(viewUpLps=[0, 1, 0]),
    lambda values: values["views"][0].update(focalPointLps=values["views"][0]["positionLps"]),
    lambda values: values["views"][0].update(parallelScaleMm=float("nan")),
    lambda values: values["views"][0].update(caption="two\nlines"),
    lambda values: values["views"].append(dict(values["views"][0], name="FROM the front")),
    lambda values: values["views"].extend([values["views"][0]] * 50), lambda values: values.update(version=2),
])  # fmt: skip
def test_aBadFileIsRefused(tmp_path, change):
    values = json.loads(encode((FRONT,)))
    change(values)
    path = tmp_path / "views.json"
    path.write_text(json.dumps(values))
    with pytest.raises(InputRefused) as refused:
        readViews(path)
    assert refused.value.code == "bad-views"


def test_noFileAtAll(tmp_path):
    with pytest.raises(InputRefused) as refused:
        readViews(tmp_path / "nowhere.json")
    assert refused.value.code == "cannot-read"


def content(side, procedure="cranioplasty", origins=("segment", "piece")):
    mesh = Mesh.fromArrays(
        [(0, 0, 0), (40, 0, 0), (0, 60, 0), (0, 0, 80)], [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)]
    )
    bodies = tuple(
        types.SimpleNamespace(name=f"{origin} body", origin=origin, role="anatomy", mesh=mesh) for origin in origins
    )
    return types.SimpleNamespace(bodies=bodies, side=side, procedure=types.SimpleNamespace(name=procedure))


def test_withoutAgreementTheSideDecides():
    views = {view.name: view for view in defaultViews(content("left"))}
    assert list(views) == ["From the front", "From the patient's left", "From above", "What is made"]
    assert views["What is made"].visible == ("piece body",)
    lateral = views["From the patient's left"]
    # LPS: whoever stands at the patient's left has the larger L.
    assert lateral.positionLps[0] > 40 and lateral.focalPointLps == (20.0, 30.0, 40.0)
    assert views["From the front"].positionLps[1] < 0
    names = [view.name for view in defaultViews(content(None, "spine", ("segment",)))]
    assert names == [
        "From the front",
        "From behind",
        "From the patient's left",
        "From the patient's right",
        "From above",
    ]
    assert "From the patient's right" in [view.name for view in defaultViews(content("right", "general"))]
    assert defaultViews(content("left", origins=())) == () and readableByOthers(views.values())


def readableByOthers(views):
    return decoded(json.loads(encode(views))) == tuple(views)
