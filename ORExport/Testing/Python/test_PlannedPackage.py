"""The package of a planned part: its flags in DICOM, the plan beside it, and every contradiction named."""

import dataclasses
import json
import shutil
from pathlib import Path

import pydicom
import pytest
from Judges import dicomErrors, run
from SmallSeries import tetrahedronStl
from test_ApprovedPackage import ANNA, rejections, writeSite
from test_Package import changeObject, codes, forge, recordOf, replaceFile

from ORExportLib import Manifest, PlanFiles, VerifyObjects
from ORExportLib.Measurements import measurementsOf
from ORExportLib.Package import exportPackage, makePackage
from PlanningHubLib import Approval
from PlanningHubLib.Errors import Finding, GateRefused
from PlanningHubLib.IntendedUse import stateUse
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Document import checked, newDocument
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Planning.Operation import Result
from PlanningHubLib.Shapes.Mesh import Mesh

# Contents with tests of their own.
OTHERS = ("viewer", "ar-vr", "navigation", "views")
# A tetrahedron, RAS mm, normals outwards.
MESH = Mesh.fromArrays(
    [(0, 0, 0), (5, 0, 0), (0, 5, 0), (0, 0, 5)], [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
)  # fmt: skip
PLATE = Solid("Plate", MESH, role="implant", mirrored=True, modified=True, color=(0.2, 0.4, 0.9))
MOVED = Solid("Jaw", MESH, role="fragment", modified=True, moved=True)
GUIDE = Solid("Guide", MESH, role="guide", modified=True)
SCREW = {"do": "line", "name": "Screw", "start": [0, 0, 0], "end": [0, 30, 40]}
NEAR = Finding("risk-too-close", "warn", "Screw comes to 1.2 mm of the Nerve.", "Move it.")


def planThePart(case, session, solid, **document):
    """Keep a plan with a solid and a screw, and a part of the solid as the print step does."""
    values = {**newDocument("Plate from the right"), "steps": [SCREW], **document}
    carried = Plan.Carried(checked(values), {solid.name: solid}, {"Screw": Result((), {"lengthMm": 50.0}, {}, (NEAR,))})
    plan = Plan.keepPlan(case, session, carried)
    with case.staging("part", "part-2") as stage:
        (stage.folder / f"{case.name}.stl").write_bytes(tetrahedronStl())
        (stage.folder / f"{case.name}.3mf").write_bytes(b"stands in for a 3MF")
        facts = {"volumeMl": 1.0, "triangles": 4, "object": {"name": solid.name, **solid.flags()}}
        return plan, stage.commit(parents=[plan], parameters={"maximumDeviationMm": 0.05}, facts=facts)


@pytest.fixture
def exported(aReadyCase, aSession, withoutPictures, tmp_path):
    """Makes the package of a planned solid and returns its folder."""

    def export(solid, **document):
        planThePart(aReadyCase, aSession, solid, **document)
        package = makePackage(aReadyCase, aSession, leaveOut=OTHERS)
        return Path(exportPackage(aReadyCase, package, tmp_path / f"out-{solid.name}"))

    return export


def objectOf(folder, role):
    values = json.loads((folder / Manifest.FILE_NAME).read_bytes())
    return pydicom.dcmread(folder / recordOf(values, role)["path"])


@pytest.mark.parametrize(
    ("solid", "flags", "usage"),
    [(PLATE, ("YES", "YES"), "Implant Fabrication"), (MOVED, ("NO", "YES"), "Planning Intent"),
     (GUIDE, ("NO", "YES"), "Tool Fabrication")],
    ids=lambda value: value.name if isinstance(value, Solid) else "",
)  # fmt: skip
def test_flagsTravelIntoTheDicomObject(exported, solid, flags, usage):
    folder = exported(solid)
    assert codes(folder) == set()
    model, segmentation = objectOf(folder, VerifyObjects.MODEL), objectOf(folder, VerifyObjects.SEGMENTATION)
    assert (model.ModelMirroring, model.ModelModification) == flags
    assert model.ModelUsageCodeSequence[0].CodeMeaning == usage
    assert (model.FrameOfReferenceUID == segmentation.FrameOfReferenceUID) is not solid.moved
    assert solid.name in model.ContentDescription and "not approved" in model.ContentDescription
    assert all(dicomErrors(path) == [] for path in folder.glob("*.dcm"))


def test_useForEducationGoesBeforeTheRole(exported, aReadyCase):
    stateUse(aReadyCase, "education")
    model = objectOf(exported(PLATE, intendedUse="education"), VerifyObjects.MODEL)
    assert model.ModelUsageCodeSequence[0].CodeValue == "129012"


def test_planLiesBesideItAndOnThePages(exported, aReadyCase):
    document = {
        "risks": [{"text": "Nerve below", "minimumMm": 2.0}],
        "checklist": [{"text": "Side marked", "done": True}],
    }
    folder = exported(PLATE, **document)
    plan = aReadyCase.latest("plan")
    for role, name in PlanFiles.NAMES.items():
        values = json.loads((folder / Manifest.FILE_NAME).read_bytes())
        assert recordOf(values, role)["sha256"] == plan.files[name].sha256
    assert [one["kind"] for one in values["artefacts"]] == ["source", "segmentation", "plan", "part"]
    flags = {"role": "implant", "mirrored": True, "modified": True, "moved": False}
    assert values["parts"] == [{"id": "part-2", "object": "Plate", **flags}]
    (pdf,) = folder.glob("*.pdf")
    text = run("pdftotext", "-layout", pdf, "-").replace(" / ", "/")
    plain = " ".join(text.split())
    for wanted in ("LEFT: Plate from the right, for planning", "Screw", "50.00 mm", NEAR.message, "Nerve below",
                   "keep 2 mm", "Side marked", "part-2.1 Plate", "implant, 1.00 ml, mirrored, modified",
                   "NOTHING IS ENGRAVED",
                   f"PLANNINGHUB:{aReadyCase.name}:PLAN:{plan.content[:32].upper()}", "1/3", "3/3"):  # fmt: skip
        assert wanted in plain, wanted
    planned, made = Plan.readPlan(aReadyCase, plan), [aReadyCase.latest("part")]
    measured = measurementsOf(*planned, aReadyCase.latest("segmentation"), made)
    assert len(measured) == 3 and all(one.text in plain for one in measured)
    assert text.count("NOT APPROVED") == 3 and all("LEFT" in page for page in text.split("\f")[:3])


def test_longPlanGoesOnOnFurtherPages(exported):
    items = [{"text": f"Item {number} " + "and more " * 20, "done": False} for number in range(30)]
    folder = exported(PLATE, checklist=items)
    text = run("pdftotext", "-layout", next(folder.glob("*.pdf")), "-").replace(" / ", "/")
    assert "4/4" in text and all(f"Item {number} " in text for number in range(30))
    assert text.count("more") == 600 and text.count("NOT APPROVED") == 4


@pytest.mark.parametrize(
    ("solid", "changes"),
    [(PLATE, {"ModelMirroring": "NO"}), (PLATE, {"ModelModification": "NO"}), (MOVED, None)],
    ids=["mirrored", "modified", "moved"],
)
def test_objectThatHidesAFlagIsNamed(exported, solid, changes):
    folder = exported(solid)
    changeObject(
        folder, VerifyObjects.MODEL,
        **(changes or {"FrameOfReferenceUID": objectOf(folder, VerifyObjects.SEGMENTATION).FrameOfReferenceUID}),
    )  # fmt: skip
    assert codes(folder) == {"flags-differ"}


def test_manifestThatHidesAFlagIsNamed(exported):
    folder = exported(PLATE)
    forge(folder, lambda values: values["parts"][0].update(mirrored=False))
    assert codes(folder) == {"flags-differ"}


def test_planOfAnotherSideAndNoPlanAreNamed(exported, tmp_path):
    folder = exported(PLATE)
    values = json.loads((folder / Manifest.FILE_NAME).read_bytes())
    path = folder / recordOf(values, PlanFiles.DOCUMENT)["path"]
    other = shutil.copytree(folder, tmp_path / "other")
    replaceFile(folder, PlanFiles.DOCUMENT, path.read_bytes().replace(b'"side": "left"', b'"side": "right"'))
    assert codes(folder) == {"side-differs"}

    def withoutPlan(values):
        values["files"] = [one for one in values["files"] if one["role"] != PlanFiles.DOCUMENT]

    (other / path.name).unlink()
    forge(other, withoutPlan)
    assert codes(other) == {"package-incomplete"}
    replaceFile(folder, PlanFiles.DOCUMENT, b"[")
    assert codes(folder) == {"plan-unreadable"}


def test_stalePlanIsNotPacked(aReadyCase, aSession, withoutPictures):
    planThePart(aReadyCase, aSession, PLATE)
    moved = dataclasses.replace(PLATE, mesh=Mesh(MESH.points + 1, MESH.triangles))
    Plan.keepPlan(
        aReadyCase, aSession, Plan.Carried(checked(newDocument("Plate from the right")), {"Plate": moved}, {})
    )
    with pytest.raises(GateRefused) as refusal:
        makePackage(aReadyCase, aSession, leaveOut=OTHERS)
    assert refusal.value.code == "stale-part"


def test_approvalCoversThePlanFileByFile(aReadyCase, aSession, withoutPictures, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(aReadyCase.folder.parent / "home"))
    writeSite()
    planThePart(aReadyCase, aSession, PLATE)
    approval = Approval.approve(aReadyCase, ANNA)
    assert {one["id"] for one in approval["statement"]["artefacts"]} >= {"plan-1", "part-2"}
    folder = Path(exportPackage(aReadyCase, makePackage(aReadyCase, aSession, leaveOut=OTHERS), tmp_path / "out"))
    assert rejections(folder) == set()
    values = json.loads((folder / Manifest.FILE_NAME).read_bytes())
    path = folder / recordOf(values, PlanFiles.DOCUMENT)["path"]
    replaceFile(folder, PlanFiles.DOCUMENT, path.read_bytes().replace(b"40.0", b"41.0"))
    assert rejections(folder) == {"approval-differs"}


def addGuide(case, plan):
    with case.staging("part", "part-3") as stage:
        (stage.folder / f"{case.name}.stl").write_bytes(tetrahedronStl())
        (stage.folder / f"{case.name}.3mf").write_bytes(b"stands in for another 3MF")
        facts = {"volumeMl": 1.0, "triangles": 4, "object": {"name": GUIDE.name, **GUIDE.flags()}}
        return stage.commit(parents=[plan], parameters={"maximumDeviationMm": 0.05}, facts=facts)


def test_allPartsOfThePlanAreInThePackage_eachWithItsFlags(aReadyCase, aSession, withoutPictures, tmp_path):
    plan, _plate = planThePart(aReadyCase, aSession, PLATE)
    addGuide(aReadyCase, plan)
    package = makePackage(aReadyCase, aSession, leaveOut=OTHERS)
    folder = Path(exportPackage(aReadyCase, package, tmp_path / "out"))
    values = json.loads((folder / Manifest.FILE_NAME).read_bytes())
    assert rejections(folder) == set() and [one["id"] for one in values["parts"]] == ["part-2", "part-3"]
    models = {one["part"]: pydicom.dcmread(folder / one["path"]) for one in values["files"]
              if one["role"].startswith("model-dicom")}  # fmt: skip
    assert {key: one.ModelMirroring for key, one in models.items()} == {"part-2": "YES", "part-3": "NO"}
    usages = {key: one.ModelUsageCodeSequence[0].CodeMeaning for key, one in models.items()}
    assert usages == {"part-2": "Implant Fabrication", "part-3": "Tool Fabrication"}
    # The second is held to its own flags.
    forge(folder, lambda values: values["parts"][1].update(mirrored=True))
    assert rejections(folder) == {"flags-differ"}


def test_aPartOfThePlanThatIsStaleIsLeftOutAndSaid(aReadyCase, aSession, withoutPictures):
    plan, _plate = planThePart(aReadyCase, aSession, PLATE)
    addGuide(aReadyCase, plan)
    planThePart(aReadyCase, aSession, PLATE, note="changed")
    package = makePackage(aReadyCase, aSession, leaveOut=OTHERS)
    assert {link.id for link in package.parents} == {"source-1", "segmentation-1", "plan-1", "part-2"}
    (said,) = [one for one in package.facts["findings"] if one["code"] == "part-left-out"]
    assert "part-3" in said["message"] and said["severity"] == "warn"
