"""A case's parts on the plates of a printer: the right parts, none mirrored, stale when one of them changes."""

import json
import shutil

import lib3mf
import numpy
import pytest
from PartMaking import asymmetricMask, ballMask
from test_Part import addSegmentation, filesBelow

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused
from PlanningHubLib.Session import Session
from PrintPrepLib import Part
from PrintPrepLib.PartRecords import readMesh
from PrintPrepLib.Production import Build, BuildBones, BuildParts
from PrintPrepLib.Recipe import newRecipe

NO_SLICER = {"slicing": False}


@pytest.fixture(autouse=True)
def ownHome(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))


@pytest.fixture
def aSession():
    with Session.start() as session:
        yield session


@pytest.fixture
def aCase(tmp_path, aSession):
    """A case with one part, asymmetric in all directions."""
    with Case.create(tmp_path / "case", "5a" * 32, side="left") as case:
        addSegmentation(case, aSession, asymmetricMask(), numpy.eye(4))
        Part.makePart(case, aSession, newRecipe(maximumDeviationMm=0.1))
        yield case


def bodiesOf(path):
    """Return (name, part number, points, triangles) of each object of a 3MF, and its metadata, by lib3mf."""
    model = lib3mf.Wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    assert reader.GetWarningCount() == 0
    found, items = [], model.GetBuildItems()
    while items.MoveNext():
        item = items.GetCurrent()
        body = item.GetObjectResource()
        mesh = model.GetMeshObjectByID(body.GetResourceID())
        points = numpy.array([list(one.Coordinates) for one in mesh.GetVertices()])
        triangles = numpy.array([list(one.Indices) for one in mesh.GetTriangleIndices()])
        found.append((body.GetName(), item.GetPartNumber(), points, triangles))
    group = model.GetMetaDataGroup()
    metadata = [group.GetMetaData(index) for index in range(group.GetMetaDataCount())]
    return found, {one.GetName(): one.GetValue() for one in metadata}


def read(case, build):
    return json.loads(case.path(build, Build.RESULT_FILE).read_bytes())


def test_thePlateHoldsThePartWhereTheBuildSays(aCase, aSession):
    build = Build.makeBuild(aCase, aSession, profileName="sla-form-4", **NO_SLICER)
    document = read(aCase, build)
    (plate,) = document["plates"]
    (row,) = plate["parts"]
    (body,), metadata = bodiesOf(aCase.path(build, plate["file"]))
    assert body[0] == row["name"] == f"{aCase.name}_bone_left_part-1.1"
    assert body[1] == row["partNumber"] == "part-1.1"
    assert metadata["CoordinateSystem"].startswith("build plate") and metadata["Part"] == "build-1.1"
    matrix = numpy.array(row["lpsToPlate"])
    assert numpy.linalg.det(matrix[:3, :3]) == pytest.approx(1), "turned, never mirrored"
    mesh = readMesh(aCase.path(aCase.latest("part"), f"{row['name']}.stl"))
    points = mesh.points @ matrix[:3, :3].T + matrix[:3, 3]
    assert body[2].mean(0) == pytest.approx(points.mean(0), abs=1e-2)
    assert sorted(body[2][:, 0].round(2)) == pytest.approx(sorted(points[:, 0].round(2)), abs=0.011)
    assert points[:, 2].min() == pytest.approx(0, abs=1e-3)
    assert (points >= -1e-3).all() and (points <= numpy.array([200, 125, 210]) + 1e-3).all()
    up = numpy.array(row["upLps"])
    assert matrix[2, :3] == pytest.approx(up, abs=1e-6)
    assert plate["estimate"]["partsMl"] == pytest.approx(aCase.latest("part").facts["volumeMl"], abs=0.01)
    assert build.facts["estimate"]["hours"] == pytest.approx(0.5 + plate["heightMm"] / 40, abs=0.02)
    assert document["profile"]["figures"]["machineTime"]["source"]


def test_theBuildIsMadeOfThePartsAndGoesStaleWithThem(aCase, aSession):
    build = Build.makeBuild(aCase, aSession, ["part-1"], "sla-form-4", **NO_SLICER)
    assert [link.id for link in build.parents] == ["part-1"]
    assert aCase.state(build) == "current"
    Part.makePart(aCase, aSession, newRecipe(maximumDeviationMm=0.2))
    assert aCase.state(build) == "stale"
    again = Build.makeBuild(aCase, aSession, profileName="sla-form-4", **NO_SLICER)
    assert (again.id, again.revision) == ("build-1", 2)
    assert again.facts["parts"] == ["part-1.2"]


def test_aStalePartIsNotBuilt(aCase, aSession):
    addSegmentation(aCase, aSession, ballMask(), numpy.eye(4))
    with pytest.raises(GateRefused) as refusal:
        Build.makeBuild(aCase, aSession, profileName="sla-form-4", **NO_SLICER)
    assert refusal.value.code == "stale-part"


def test_aChangedPartFileIsNotBuilt(aCase, aSession):
    part = aCase.latest("part")
    path = aCase.path(part, next(name for name in part.files if name.endswith(".stl")))
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(GateRefused) as refusal:
        Build.makeBuild(aCase, aSession, ["part-1"], profileName="sla-form-4", **NO_SLICER)
    assert refusal.value.code == "damaged-part"


@pytest.mark.parametrize(
    ("arguments", "error", "code"),
    [
        ({}, InputRefused, "which-profile"),
        ({"profileName": "none-such"}, InputRefused, "bad-profile"),
        ({"profileName": "external-titanium"}, InputRefused, "external-maker"),
        ({"profileName": "sla-form-4", "partIds": ["part-7"]}, InputRefused, "no-such-part"),
    ],
)
def test_whatCannotBeBuiltIsRefusedAndLeavesNothing(aCase, aSession, arguments, error, code):
    before = filesBelow(aCase.folder)
    with pytest.raises(error) as refusal:
        Build.makeBuild(aCase, aSession, **arguments, **NO_SLICER)
    assert refusal.value.code == code and refusal.value.action
    assert filesBelow(aCase.folder) == before


def test_unsafeMaterialsMakeNoPart(aCase, aSession):
    before = filesBelow(aCase.folder)
    unsafe = newRecipe(material="fdm-abs", use="model", contact="none", profile="fdm-generic",
                       sterilisation={"method": "steam", "temperatureC": 121})  # fmt: skip
    with pytest.raises(GateRefused) as refusal:
        Part.makePart(aCase, aSession, unsafe)
    assert refusal.value.code == "unsafe-sterilisation"
    assert filesBelow(aCase.folder) == before


def test_aPartsMaterialIsJudgedForThePrinterThatBuildsIt(aCase, aSession):
    recipe = newRecipe(material="fdm-abs", use="model", contact="none", profile="fdm-generic",
                       sterilisation={"method": "hydrogen-peroxide"})  # fmt: skip
    part = Part.makePart(aCase, aSession, recipe)
    assert part.facts["material"]["name"] == "fdm-abs"
    assert "sterilisation-accepted" in part.facts["material"]["findings"]
    build = Build.makeBuild(aCase, aSession, **NO_SLICER)
    assert build.facts["process"]["name"] == "fdm-generic", "the one that the part was made for"
    with pytest.raises(GateRefused) as refusal:
        Build.makeBuild(aCase, aSession, profileName="sla-form-4", **NO_SLICER)
    assert refusal.value.code == "wrong-process"
    other = Build.makeBuild(aCase, aSession, profileName="fdm-prusa-mk3s", **NO_SLICER)
    assert "other-profile" in [finding["code"] for finding in other.facts["findings"]]


def test_cancelAtAnyMomentLeavesNothing(aCase, aSession):
    before = filesBelow(aCase.folder)
    for number in (0, 2, 5):
        calls = []

        def progress(_fraction, _text, calls=calls, number=number):
            calls.append(1)
            if len(calls) > number:
                raise Cancelled

        with pytest.raises(Cancelled):
            Build.makeBuild(aCase, aSession, profileName="sla-form-4", progress=progress, **NO_SLICER)
        assert filesBelow(aCase.folder) == before


def test_progressOnlyRisesAndEqualPartsGiveEqualPlates(aCase, aSession):
    fractions, builds = [], []
    for _ in range(2):
        builds.append(Build.makeBuild(aCase, aSession, profileName="sla-form-4", **NO_SLICER,
                                      progress=lambda fraction, _text: fractions.append(fraction)))  # fmt: skip
    half = len(fractions) // 2
    assert fractions[:half] == sorted(fractions[:half]) and fractions[-1] == 1
    first, second = (read(aCase, one)["plates"][0] for one in builds)
    assert {**first, "file": "", "picture": ""} == {**second, "file": "", "picture": ""}


def test_aGuidesBoneSideIsFoundByTheBoneBesideIt():
    """A plate on top of a block of bone: what looks at the bone is critical, and only that."""
    mask = numpy.zeros((40, 40, 40), numpy.uint8)
    mask[5:20, 5:35, 5:35] = 1
    import manifold3d

    from PlanningHubLib.Shapes.Manifolds import fromManifold

    mesh = fromManifold(manifold3d.Manifold.cube([20, 20, 4]).translate([10, 10, 20.2]))
    part = BuildParts.BuildPart(None, "part-1.1", "guide", "Guide", "guide", mesh)
    critical = BuildParts.criticalFaces(part, [BuildBones.MaskBone(mask, numpy.eye(4))])
    assert (critical == (mesh.normals()[:, 2] < -0.9)).all()
    far = BuildParts.BuildPart(None, "", "", "", "guide", type(mesh).fromArrays(mesh.points + 30, mesh.triangles))
    assert BuildParts.criticalFaces(far, [BuildBones.MaskBone(mask, numpy.eye(4))]) is None
    implant = BuildParts.BuildPart(None, "", "", "", "implant", mesh)
    assert (
        BuildParts.criticalFaces(implant, [BuildBones.MaskBone(mask, numpy.eye(4))]) == (mesh.normals()[:, 2] < -0.9)
    ).all()


@pytest.mark.skipif(shutil.which("prusa-slicer") is None, reason="PrusaSlicer is not installed")
def test_prusaSlicerSaysHowLongItTakes(aCase, aSession):
    build = Build.makeBuild(aCase, aSession, profileName="fdm-prusa-mk3s")
    (plate,) = read(aCase, build)["plates"]
    sliced = plate["slicer"]
    assert sliced["sound"], "each part is as large to PrusaSlicer as to us"
    assert 0 < sliced["hours"] < 24
    partMl = aCase.latest("part").facts["volumeMl"]
    assert partMl * 0.9 < sliced["materialMl"] < partMl * 2 + plate["estimate"]["supportsMl"] + 1
    assert build.software["PrusaSlicer"] == sliced["version"]


def test_whatPrusaSlicerReadsOtherwiseIsSaid(aCase, aSession, tmp_path, monkeypatch):
    """A program that reads half of the volume, or a hole, or no object: the build says so."""
    for isManifold in ("yes", "no"):
        said = f"manifold = {isManifold}\\nnumber_of_parts = 1\\nvolume = 1.0\\nnumber_of_facets = 12\\n"
        program = tmp_path / "prusa-slicer"
        program.write_text(
            '#!/bin/sh\ncase "$1$3" in --help) echo PrusaSlicer-1.0;; --datadir--info)'
            f' printf "[$(basename $4)]\\n{said}";; esac\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        build = Build.makeBuild(aCase, aSession, profileName="mjf-hp-4200")
        assert "slicer-sees-faults" in [one["code"] for one in build.facts["findings"]]
        assert not read(aCase, build)["plates"][0]["slicer"]["sound"]


def test_aSlicerThatFailsStopsNoBuild(aCase, aSession, tmp_path, monkeypatch):
    program = tmp_path / "prusa-slicer"
    program.write_text('#!/bin/sh\n[ "$1" = --help ] && echo PrusaSlicer-1.0 && exit 0\nexit 3\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    build = Build.makeBuild(aCase, aSession, profileName="fdm-prusa-mk3s")
    (finding,) = [one for one in build.facts["findings"] if one["code"] == "slicer-failed"]
    assert finding["severity"] == "warn" and build.facts["slicer"] is None
    assert build.facts["estimate"]["hours"] > 0


def test_aCaseWithABuildIsReadAgain(aCase, aSession):
    build = Build.makeBuild(aCase, aSession, profileName="sla-form-4", **NO_SLICER)
    aCase.close()
    with Case.open(aCase.folder) as again:
        assert again.state(again.latest("build")) == "current"
        assert again.latest("build").content == build.content
        assert not again.verify()


def test_thePiecesOfASplitPartAreLaidOneByOne(aCase, aSession):
    split = {"do": "split", "halvesAlong": "left-right", "pins": 0}
    recipe = newRecipe(maximumDeviationMm=0.1, profile="sla-form-4", steps=[split])
    part = Part.makePart(aCase, aSession, recipe)
    pieces = part.facts["pieces"]
    assert len(pieces) == 2
    build = Build.makeBuild(aCase, aSession, **NO_SLICER)
    (plate,) = read(aCase, build)["plates"]
    bodies, _metadata = bodiesOf(aCase.path(build, plate["file"]))
    assert sorted(one[0] for one in bodies) == sorted(row["name"] for row in plate["parts"])
    assert len({row["name"] for row in plate["parts"]}) == 2
    assert {row["partNumber"] for row in plate["parts"]} == {"part-1.2"}
    assert plate["smallestGapMm"] is None or plate["smallestGapMm"] >= 3.0
    assert plate["estimate"]["partsMl"] == pytest.approx(part.facts["volumeMl"], abs=0.01)
