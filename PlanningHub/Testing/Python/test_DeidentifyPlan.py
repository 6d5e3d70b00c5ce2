"""The plan in a copy of a case: the same geometry and figures, and not one word that somebody wrote."""

import json

import numpy
import pydicom
import pytest
import slicer
from CaseMaking import AIR_HU, BONE_HU, SOFT_HU, writeSmallSeries
from LeakSearch import leaks
from PlanMaking import boxMesh, planOf
from Planting import WORD

from PlanningHubLib import Consent, Deidentify, DeidentifyPlanShapes, DeidentifyShapes, Segments
from PlanningHubLib.Case import Case
from PlanningHubLib.DeidentifyPlans import WITHOUT_WORDS
from PlanningHubLib.DeidentifySurfaces import plyPoints, rewrittenPly
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Masks import largestIsland
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Document import checked
from PlanningHubLib.Planning.Models import readModel, writeModel
from PlanningHubLib.Planning.Objects import Solid
from PlanningHubLib.Planning.Operations import operations
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Segmentation import FILE_NAME
from PlanningHubLib.Shapes.Mesh import alike
from PlanningHubLib.Volumes import loadSource, readGeometry

PROCEDURE = "pelvis"
BONE, OTHER = f"{WORD} bone", f"{WORD} tumor"


def named(name):
    return f"{name} of {WORD}"


def aPlan(center, **document):
    """Return a plan that uses names in every way that there is, about a point (3,) RAS mm."""
    R, A, S = (float(value) for value in center)
    cut, plane, ways = named("cut"), named("plane"), [named("way"), named("second way")]
    axes = [{"axis": "R", "from": [named("a")], "to": [named("b")]},
            {"axis": "A", "from": [named("a")], "to": [named("spot")]}]  # fmt: skip
    steps = [
        {"do": "plane", "name": plane, "origin": [R, A, S], "normal": [0, 1, 0], "comment": WORD},
        {"do": "plane", "name": "First cut", "origin": [R, A, S], "normal": [0, 0, 1]},
        {"do": "cut", "name": cut, "solid": BONE, "by": [plane], "smallestMl": 0.0, "kerfMm": 0.1,
         "fragments": [{"name": named("jaw"), "at": [R, A + 3, S], "keep": True}]},
        {"do": "points", "name": named("list"), "points": [[R - 6, A, S], [R + 6, A, S]],
         "labels": [named("a"), named("b")]},
        {"do": "points", "name": named("spot"), "points": [[R, A + 9, S]]},
        {"do": "anatomical-frame", "name": named("frame"), "landmarks": [named("list"), named("spot")],
         "definition": {"name": WORD, "source": WORD, "origin": [named("a")], "axes": axes}},
        *({"do": "line", "name": way, "start": [R - 4, A + at, S - 1], "end": [R + 4, A + at, S + 1]}
          for way, at in zip(ways, (0, 2), strict=True)),
        {"do": "trajectory", "name": named("screw"), "line": ways[0], "diameterMm": 1.0, "risks": [OTHER],
         "safetyMm": 50.0, "through": [BONE], "frame": named("frame")},
        {"do": "approaches", "name": named("choice"), "lines": ways, "diameterMm": 1.0, "risks": [OTHER],
         "through": [BONE]},
        {"do": "placement", "name": named("shift"), "shiftMm": [0, 0, 5]},
        {"do": "move", "name": named("moved"), "solid": named("jaw"), "by": [named("shift")]},
        {"do": "mirror", "name": named("mirrored"), "solid": f"{cut} 2", "plane": named("sagittal"), "overlapMm": 5.0,
         "from": "left"},
        {"do": "collision", "name": named("collision"), "solids": [named("moved"), f"{cut} 2"]},
        {"do": "combine", "name": named("both"), "solids": [named("moved"), f"{cut} 2"]},
        {"do": "margin", "name": named("margin"), "structure": OTHER, "marginMm": 1.0, "resection": [BONE]},
        {"do": "measure", "name": named("size"), "quantity": "extents", "objects": [named("moved")],
         "frame": named("frame")},
        {"do": "measure", "name": "1", "quantity": "distance", "objects": [ways[0]], "frame": WORD},
    ]  # fmt: skip
    sagittal = {"do": "plane", "name": named("sagittal"), "origin": [R, A, S], "normal": [1, 0, 0]}
    return planOf(sagittal, *steps, title=WORD, note=WORD, **document)


@pytest.fixture
def aPlannedCase(tmp_path, aSession, monkeypatch):
    """Folder of a case with a plan, with a word wherever a person can write one, and its patient's consent."""
    voxels = numpy.full((60, 40, 48), AIR_HU, numpy.int16)
    voxels[:, 2:-2, 2:-2] = SOFT_HU
    voxels[10:50, 10:30, 14:34] = BONE_HU
    writeSmallSeries(tmp_path / "ct", voxels)
    importSeries(tmp_path / "ct", tmp_path / "case", side="right", procedure=PROCEDURE)
    monkeypatch.setattr(Plan, "writeModel", plantingModel)
    with Case.open(tmp_path / "case", writable=True) as case:
        center = segment(case, aSession)
        risks = [{"text": WORD, "structure": BONE, "minimumMm": 2.0, "mitigation": WORD},
                 {"text": ofTemplate("risks")["text"], "structure": WORD}]  # fmt: skip
        checklist = [{"text": WORD, "done": True, "note": WORD}, {"text": ofTemplate("checklist"), "done": False}]
        Plan.makePlan(case, aSession, aPlan(center, risks=risks, checklist=checklist))
        Consent.recordConsent(case, "research", "2026-01-31", "test 1")
    return tmp_path / "case"


def ofTemplate(key):
    return findProcedure(PROCEDURE)[0].values[key][0]


def plantingModel(session, solid, path):
    writeModel(session, solid, path)
    data = path.read_bytes()
    path.write_bytes(
        data.replace(b"element vertex", b"comment " + WORD.encode() + b"\nelement vertex", 1) + WORD.encode()
    )


def segment(case, session, thresholdHu=300):
    """Keep a segmentation of two structures with names of their own; return the center of the first, RAS mm."""
    volume = loadSource(case, session, case.require("source"))
    bone = slicer.util.arrayFromVolume(volume) > thresholdHu
    other = numpy.zeros(bone.shape, bool)
    other[30:34, 32:36, 20:26] = True
    matrix = keepSegments(case, session, volume, {BONE: bone, OTHER: other})
    return (matrix @ [*numpy.argwhere(bone).mean(0)[::-1], 1])[:3]


def keepSegments(case, session, volume, masks):
    """Keep masks as the case's segmentation; return 4×4 from (column, row, slice) to RAS mm."""
    source = case.require("source")
    matrix = readGeometry(case, source).ijkToRas
    node = Segments.addSegmentation(session, volume, WORD)
    for name, mask in masks.items():
        vtkMatrix = slicer.util.vtkMatrixFromArray(matrix)
        Segments.addSegment(
            node, mask.astype(numpy.uint8), vtkMatrix, name, Segments.BONE_TERMINOLOGY, Segments.BONE_COLOR
        )
    with case.staging("segmentation") as stage:
        Segments.saveNode(session, node, stage.folder / FILE_NAME)
        stage.commit(parents=[source], parameters={"method": "test"}, facts={"structures": {}}, title=WORD)
    session.scene.RemoveNode(node)
    return matrix


def copied(folder, out, profile="research"):
    """Return the report of a copy, and the folder of its plan."""
    report = Deidentify.deidentify(folder, out, profile)
    return report, next((out / "plans").iterdir())


def readBoth(folder):
    return tuple(json.loads((folder / name).read_text()) for name in ("plan.json", "results.json"))


def numbersOf(value):
    """Return a value without its texts; the names of figures without what they are of."""
    if isinstance(value, dict):
        return {key.partition(" ")[0]: numbersOf(one) for key, one in value.items() if not isinstance(one, str)}
    if isinstance(value, list):
        return [numbersOf(one) for one in value if not isinstance(one, str)]
    return value


def test_noWordOfThePlanIsInItsCopy(aPlannedCase, tmp_path):
    report, folder = copied(aPlannedCase, tmp_path / "out")
    assert len({path for path, _word in leaks(aPlannedCase / "artefacts" / "plan-1", [WORD])}) == 9, (
        "seven models and two documents"
    )
    assert leaks(tmp_path / "out", [WORD]) == []
    document, results = readBoth(folder)
    assert (document["title"], document["note"], document["side"]) == ("Plan 1", "", "right")
    assert [one["name"] for one in document["steps"]][:4] == ["Plane 1", "Plane 2", "First cut", "Cut 1"]
    assert document["checklist"] == [
        {"text": "Check 1", "done": True},
        {"text": ofTemplate("checklist"), "done": False},
    ]
    assert document["risks"][0] == {"text": "Risk 1", "structure": "Bone 1", "minimumMm": 2.0}
    assert document["risks"][1] == {"text": ofTemplate("risks")["text"]}
    messages = {one["message"] for step in results["steps"] for one in step["findings"]}
    assert messages == {WITHOUT_WORDS}
    assert "plan of the case" not in {one["what"] for one in report["leftOut"]}


def test_theCopyIsCarriedOutAgainOnTheCopiedSegmentation(aPlannedCase, tmp_path, aSession):
    _report, folder = copied(aPlannedCase, tmp_path / "out")
    document, results = readBoth(folder)
    with Case.open(aPlannedCase) as case:
        original, originalResults = Plan.readPlan(case, case.require("plan"))
        geometry = readGeometry(case, case.require("source"))
        models = sorted(case.artefactFolder(case.require("plan")).glob("models/*.ply"))
    node = aSession.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    Segments.readNode(aSession, node, next((tmp_path / "out" / "shapes").glob("*.seg.nrrd")))
    procedure = findProcedure(document["procedure"])[0]
    context = Context(geometry.shape, geometry.ijkToRas, node, document["side"], procedure)
    again = Plan.carryOut(document, context)
    assert again.document == document
    told = again.asDict()
    for step in told["steps"]:
        for finding in step["findings"]:
            finding.update(message=WITHOUT_WORDS, action="", files=[])
    assert json.loads(json.dumps(told)) == results
    assert numbersOf(results["steps"]) == numbersOf(originalResults["steps"])
    assert numbersOf(document["steps"]) == numbersOf(original["steps"])
    written = {path.stem: readModel(aSession, path) for path in folder.glob("models/*.ply")}
    assert written.keys() == {solid.name for solid in again.solids} and len(written) == len(models) == 7
    assert all(alike(written[solid.name], solid.mesh) for solid in again.solids)
    meshes = [readModel(aSession, path) for path in models]
    assert all(any(alike(one, mesh) for mesh in written.values()) for one in meshes)


def test_itBelongsToTheCopiedImagesAndIsListed(aPlannedCase, tmp_path):
    _report, folder = copied(aPlannedCase, tmp_path / "out")
    document, _results = readBoth(folder)
    image = pydicom.dcmread(next((tmp_path / "out" / "dicom").iterdir()))
    assert document["frameOfReferenceUid"] == str(image.FrameOfReferenceUID)
    assert (document["procedure"], document["intendedUse"]) == (PROCEDURE, "planning")
    assert document == checked(document)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    (plan,) = [one for one in manifest["artefacts"] if one["kind"] == "plan"]
    assert (plan["name"], plan["parents"]) == ("plan-1", ["segmentation-1"])
    there = {path.relative_to(tmp_path / "out").as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {one["path"] for one in plan["files"]} == there
    assert {one["kind"] for one in plan["files"]} == {"plan", "plan-results", "ply"}


def test_whatAFaceWasMadeIntoStaysOutByName(aPlannedCase, tmp_path, monkeypatch):
    with Case.open(aPlannedCase) as case:
        skin = DeidentifyShapes.segmentPoints(case.path(case.require("segmentation"), FILE_NAME))[BONE]
    # Stands in for a scan in which this structure is the skin: only its own surface lies on it.
    isSkin = lambda _copy, points: len(points) == len(skin) and numpy.array_equal(points, skin)  # noqa: E731
    monkeypatch.setattr(DeidentifyPlanShapes, "showsFace", isSkin)
    monkeypatch.setattr(DeidentifyShapes, "showsFace", isSkin)
    report, folder = copied(aPlannedCase, tmp_path / "out")
    left = {one["what"] for one in report["leftOut"] if one["reason"] == "it shows the face"}
    faces = {"Fragment 1", "Cut 1 2", "Move 1", "Mirror 1", "Combine 1", "Resection margin 1"}
    assert left == {f"model {name} of a plan" for name in faces}
    assert {path.stem for path in folder.glob("models/*")} == {"Trajectory 1"}
    _document, results = readBoth(folder)
    solids = {name for name, one in results["objects"].items() if one["kind"] == "solid"}
    assert solids == {"Trajectory 1"}
    assert not faces & {name for step in results["steps"] for name in step["objects"]}


def test_theFaceOfAHeadStaysOutWhereverItWasMoved(tmp_path, smallHead, aSession):
    importSeries(smallHead, tmp_path / "case", side="left")
    steps = [{"do": "placement", "name": "shift", "shiftMm": [0, 80, 0]}]
    steps += [{"do": "move", "name": f"moved {of}", "solid": of, "by": ["shift"]} for of in ("skin", "skull")]
    with Case.open(tmp_path / "case", writable=True) as case:
        volume = loadSource(case, aSession, case.require("source"))
        hu = slicer.util.arrayFromVolume(volume)
        keepSegments(case, aSession, volume, {"skull": largestIsland(hu > 300), "skin": largestIsland(hu > -300)})
        Plan.makePlan(case, aSession, planOf(*steps))
        for scope in ("research", "manufacturer"):
            Consent.recordConsent(case, scope, "2026-01-31", "test 1")
    report = Deidentify.deidentify(tmp_path / "case", tmp_path / "out", "research", deface=True)
    left = {one["what"] for one in report["leftOut"] if one["reason"] == "it shows the face"}
    assert left == {"model Move 1 of a plan", "seg.nrrd"}
    assert {path.name for path in (tmp_path / "out").rglob("*.ply")} == {"Move 2.ply"}


def test_eachVariantThatHoldsIsCopied(aPlannedCase, tmp_path, aSession):
    with Case.open(aPlannedCase, writable=True) as case:
        Plan.makePlan(case, aSession, planOf(title=f"{WORD} 2"))
    Deidentify.deidentify(aPlannedCase, tmp_path / "out", "research")
    titles = [json.loads(path.read_text())["title"] for path in sorted((tmp_path / "out").rglob("plan.json"))]
    assert titles == ["Plan 1", "Plan 2"] and leaks(tmp_path / "out", [WORD]) == []
    with Case.open(aPlannedCase, writable=True) as case:
        segment(case, aSession, thresholdHu=0)
    report = Deidentify.deidentify(aPlannedCase, tmp_path / "later", "research")
    left = {one["what"]: (one["reason"], one["count"]) for one in report["leftOut"]}
    assert left["plan of the case"] == ("it is stale", 2) and not (tmp_path / "later" / "plans").exists()


def test_nothingOfASitesOwnTemplateStays(aPlannedCase, tmp_path, ownHome):
    values = {**findProcedure(PROCEDURE)[0].values, "checklist": [ofTemplate("checklist")]}
    (ownHome / "procedures").mkdir(parents=True, exist_ok=True)
    (ownHome / "procedures" / f"{PROCEDURE}.json").write_text(json.dumps(values))
    _report, folder = copied(aPlannedCase, tmp_path / "out")
    document, _results = readBoth(folder)
    assert document["procedure"] is None
    assert [one["text"] for one in (*document["checklist"], *document["risks"])] == [
        "Check 1", "Check 2", "Risk 1", "Risk 2"
    ]  # fmt: skip
    assert "First cut" not in json.dumps(document)


def test_noOperationTakesATextThatNobodyThoughtOf():
    """A text that is neither a choice nor an object's name has to be one that names are made of."""

    def texts(schema, path):
        if "enum" not in schema and "x-object" not in schema:
            if schema.get("type") == "string":
                yield path
            yield from texts(schema["items"], path) if "items" in schema else ()
            for key, one in schema.get("properties", {}).items():
                yield from texts(one, f"{path}.{key}")

    found = {path for one in operations().values() for key, schema in one.parameters.items()
             for path in texts(schema, f"{one.do}.{key}")}  # fmt: skip
    definition = "anatomical-frame.definition"
    assert found == {
        "points.labels", "cut.fragments.name", f"{definition}.name", f"{definition}.source", f"{definition}.origin",
        f"{definition}.axes.from", f"{definition}.axes.to",
    }  # fmt: skip


def test_aModelIsWrittenAnewToTheLastDigit(tmp_path, aSession):
    mesh = boxMesh((1.25, 2, 3), (4, 5, 6.125))
    plantingModel(aSession, Solid("box", mesh), tmp_path / "a.ply")
    data = (tmp_path / "a.ply").read_bytes()
    (tmp_path / "b.ply").write_bytes(rewrittenPly(data))
    assert leaks(tmp_path, [WORD]) == [("a.ply", WORD)]
    assert alike(readModel(aSession, tmp_path / "b.ply"), mesh)
    assert numpy.array_equal(plyPoints(data), mesh.points * (-1, -1, 1))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"comment SPACE=LPS", b"comment SPACE=?"),
        (b"property float z", b"property double z"),
        (b"element vertex 8", b"element vertex 4"),
        (b"element face 12", b"element face 99"),
        (b"property list", b"property float " + WORD.encode() + b"\nproperty list"),
    ],
)
def test_aModelThatIsNotPlainIsRefused(tmp_path, aSession, old, new):
    writeModel(aSession, Solid("box", boxMesh()), tmp_path / "a.ply")
    data = (tmp_path / "a.ply").read_bytes()
    assert old in data
    with pytest.raises(InputRefused) as refused:
        rewrittenPly(data.replace(old, new))
    assert refused.value.code == "surface-not-supported"
