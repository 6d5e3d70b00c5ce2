"""A part by its recipe: pieces, formats, a model file as its source; what is refused leaves the case as it was."""

import json

import numpy
import pytest
from DamagedMeshes import holesEverywhere
from MeshJudges import requireSound, selfIntersectingFaces
from PartMaking import LABEL, ballMask, boxMesh, readByTrimesh
from test_Part import aCase, addSegmentation, aSession, filesBelow, ownHome  # noqa: F401

from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Files import sha256
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib import Part
from PrintPrepLib.Formats import ModelFile, Writers
from PrintPrepLib.Recipe import newRecipe, readRecipe


@pytest.fixture
def aSegmentedCase(aCase, aSession):  # noqa: F811
    addSegmentation(aCase, aSession, ballMask(13, 32), numpy.eye(4))
    return aCase


def writeModel(path, mesh, header=b"a model"):
    path.write_bytes(header.ljust(80) + Writers.stlBytes(mesh, LABEL)[80:])
    return path


def test_splitPartHasAFileForEachPieceInEachFormat(aSegmentedCase, aSession):  # noqa: F811
    steps = [{"do": "split", "halvesAlong": "up-down", "clearanceMm": 0.2}]
    recipe = newRecipe(formats=["glb", "obj", "ply", "stl"], steps=steps)
    part = Part.makePart(aSegmentedCase, aSession, recipe)
    name = f"{aSegmentedCase.name}_bone_left_part-1.1"
    each = [f"{name}_{piece}.{suffix}" for piece in (1, 2) for suffix in ("ply", "stl")]
    together = [f"{name}.{suffix}" for suffix in ("3mf", "glb", "mtl", "obj")]
    assert set(each) | set(together) <= set(part.files)
    assert [piece["name"] for piece in part.facts["pieces"]] == ["1", "2"]
    for piece in part.facts["pieces"]:
        stl = readByTrimesh(aSegmentedCase.path(part, f"{name}_{piece['name']}.stl").read_bytes(), "stl")
        assert stl.is_watertight and stl.volume / 1000 == pytest.approx(piece["volumeMl"], rel=1e-3)
        assert selfIntersectingFaces(Mesh.fromArrays(stl.vertices, stl.faces)) == 0
        assert set(piece["files"]) >= {f"{name}.3mf", f"{name}_{piece['name']}.stl"}
    assert part.facts["volumeMl"] == pytest.approx(sum(piece["volumeMl"] for piece in part.facts["pieces"]), abs=0.002)
    kept = json.loads(aSegmentedCase.path(part, "recipe.json").read_bytes())
    assert kept["steps"][0]["pins"] == 2 and aSegmentedCase.verify() == []


def test_stepsThatMoveTheSurfaceAreInTheBudget(aSegmentedCase, aSession):  # noqa: F811
    steps = [{"do": "repair"}, {"do": "smooth"}, {"do": "offset", "offsetMm": 0.5}]
    part = Part.makePart(aSegmentedCase, aSession, newRecipe(steps=steps))
    taken = [row["step"] for row in part.facts["budget"]]
    assert [one for one in taken if one in ("repair", "smoothing step", "simplification", "offset")] == [
        "repair", "smoothing step", "simplification", "offset",
    ]  # fmt: skip
    assert part.facts["volumeMl"] > part.facts["segmentationVolumeMl"]


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([{"do": "offset", "offsetMm": -15}], "nothing-left"),
        ([{"do": "subtract", "object": "Nothing"}], "no-such-object"),
        ([{"do": "split", "halvesAlong": "up-down"}], "no-clearance"),
    ],
)
def test_refusedStepIsNamedByItsNumberAndLeavesNothing(aSegmentedCase, aSession, steps, code):  # noqa: F811
    before = filesBelow(aSegmentedCase.folder)
    with pytest.raises(InputRefused, match=r"^Step 1 \(") as refusal:
        Part.makePart(aSegmentedCase, aSession, newRecipe(steps=steps))
    assert refusal.value.code == code
    assert filesBelow(aSegmentedCase.folder) == before and aSegmentedCase.latest("part") is None


def test_unknownStepProfileAndOrderAreRefused(aSegmentedCase, aSession):  # noqa: F811
    for recipe, code in (
        ({"steps": [{"do": "melt"}]}, "bad-recipe"),
        ({"steps": [{"do": "offset", "offsetMm": 1}, {"do": "repair"}]}, "bad-recipe"),
        ({"profile": "none such"}, "bad-profile"),
        ({"material": "none such"}, "bad-material"),
    ):
        with pytest.raises(InputRefused) as refusal:
            Part.makePart(aSegmentedCase, aSession, newRecipe(**recipe))
        assert refusal.value.code == code


def test_unprovenPartIsRefusedByItsTolerance(aSegmentedCase, aSession):  # noqa: F811
    with pytest.raises(GateRefused) as refusal:
        Part.makePart(aSegmentedCase, aSession, newRecipe(toleranceMm=0.001))
    assert refusal.value.code == "out-of-tolerance" and aSegmentedCase.latest("part") is None


def test_modelFileIsAPartWithItsBytesAndHash(aSegmentedCase, aSession, tmp_path):  # noqa: F811
    """Centimetres and RAS become millimetres and LPS; the case never names the folder that it came from."""
    path = writeModel(tmp_path / "Tray.stl", boxMesh((1, 2, 3), (4, 4, 4)))
    model = {"file": "Tray.stl", "unit": "cm", "frame": "RAS"}
    (tmp_path / "tray.json").write_text(json.dumps({"format": "planninghub-recipe", "version": 1, "model": model}))
    part = Part.makePart(aSegmentedCase, aSession, readRecipe(tmp_path / "tray.json"))
    name = f"{aSegmentedCase.name}_tray_left_part-1.1"
    seen = readByTrimesh(aSegmentedCase.path(part, f"{name}.stl").read_bytes(), "stl")
    assert seen.bounds == pytest.approx(numpy.array([[-40, -40, 30], [-10, -20, 40]]))
    assert part.facts["object"]["role"] == "device" and part.facts["object"]["modified"]
    assert part.facts["modelFile"] == {"name": "Tray.stl", "sha256": sha256(path)}
    assert aSegmentedCase.path(part, "Tray.stl.original").read_bytes() == path.read_bytes()
    recipe = aSegmentedCase.path(part, "recipe.json").read_text()
    assert str(tmp_path) not in recipe and sha256(path) in recipe
    bone = Part.makePart(aSegmentedCase, aSession, newRecipe("Bone"))
    assert bone.id != part.id


def test_modelFileIsNeverGuessed(tmp_path):
    path = writeModel(tmp_path / "box.stl", boxMesh())
    lps = writeModel(tmp_path / "lps.stl", boxMesh(), b"SPACE=LPS")
    (tmp_path / "empty.stl").write_bytes(b"solid nothing\nendsolid\n")
    (tmp_path / "box.step").write_bytes(b"ISO-10303-21;")
    (tmp_path / "box.3mf").write_bytes(b"no zip")
    for arguments, code in (
        ((path, None, "LPS"), "no-unit"),
        ((lps, "mm", "RAS"), "frame-differs"),
        ((path, "mm", "LPS", "0" * 64), "model-differs"),
        ((tmp_path / "empty.stl", "mm", "LPS"), "cannot-read"),
        ((tmp_path / "absent.stl", "mm", "LPS"), "cannot-read"),
        ((tmp_path / "box.step", "mm", "LPS"), "other-kind-of-file"),
        ((tmp_path / "box.3mf", None, "LPS"), "cannot-read"),
        ((tmp_path / "box.3mf", "mm", "LPS"), "no-unit"),
    ):
        with pytest.raises(InputRefused) as refusal:
            ModelFile.readModelFile(*arguments)
        assert refusal.value.code == code


@pytest.mark.parametrize("suffix", ["3mf", "ply", "obj"])
def test_ownFilesAreReadAsModels(tmp_path, suffix):
    from PrintPrepLib.Formats import WritersText, WritersThreeMf

    mesh = boxMesh((1, 2, 3), (4, 6, 9))
    body = WritersThreeMf.Body(mesh, "box", "part-1.1")
    data = {
        "3mf": lambda: Writers.threeMfBytes(mesh, LABEL),
        "ply": lambda: WritersText.plyBytes(mesh, LABEL),
        "obj": lambda: WritersText.objBytes([body], LABEL),
    }[suffix]()
    (tmp_path / f"box.{suffix}").write_bytes(data)
    read = ModelFile.readModelFile(tmp_path / f"box.{suffix}", None if suffix == "3mf" else "mm", "LPS").mesh
    assert read.boundsMm == mesh.boundsMm and read.volumeMl == pytest.approx(mesh.volumeMl)


def test_damagedModelNeedsARepairStep(aSegmentedCase, aSession, tmp_path):  # noqa: F811
    mesh, volumeMm3 = holesEverywhere()
    path = writeModel(tmp_path / "ball.stl", mesh)
    model = {"file": str(path), "unit": "mm", "frame": "LPS"}
    with pytest.raises(InputRefused) as refusal:
        Part.makePart(aSegmentedCase, aSession, newRecipe(model=model))
    assert refusal.value.code == "not-manifold" and aSegmentedCase.latest("part") is None
    part = Part.makePart(aSegmentedCase, aSession, newRecipe("Ball", model=model, steps=[{"do": "repair"}]))
    assert part.facts["volumeMl"] * 1000 == pytest.approx(volumeMm3, rel=0.02)
    assert part.facts["repair"]["holes"] > 200
    name = next(name for name in part.files if name.endswith(".stl"))
    seen = readByTrimesh(aSegmentedCase.path(part, name).read_bytes(), "stl")
    requireSound(Mesh.fromArrays(seen.vertices, seen.faces))


@pytest.mark.slow
@pytest.mark.parametrize(
    "step",
    [
        {"do": "hollow", "wallMm": 3},
        {"do": "base"},
        {"do": "base", "kind": "rods", "rodDiameterMm": 4},
        {"do": "subtract", "primitive": {"shape": "box", "sizeMm": [8, 40, 8], "centerLps": [-15.5, -15.5, 15.5]}},
        {"do": "offset", "offsetMm": 0.6},
    ],
    ids=lambda step: f"{step['do']}-{step.get('kind', '')}",
)
def test_whatIsChangedOnPurposeIsLeftOutOfTheProof(aSegmentedCase, aSession, step):  # noqa: F811
    part = Part.makePart(aSegmentedCase, aSession, newRecipe(toleranceMm=0.6, steps=[step]))
    accuracy = part.facts["accuracy"]
    assert accuracy["verdict"] == "within" and accuracy["maximumMm"] < 0.4
    if step["do"] != "offset":
        assert 20 < accuracy["measuredPercent"] < 100
    name = next(name for name in part.files if name.endswith(".stl"))
    stl = readByTrimesh(aSegmentedCase.path(part, name).read_bytes(), "stl")
    assert stl.is_watertight and selfIntersectingFaces(Mesh.fromArrays(stl.vertices, stl.faces)) == 0
