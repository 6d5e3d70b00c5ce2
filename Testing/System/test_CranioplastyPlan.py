"""A cranioplasty planned on a real skull from a plan file: the plate as outside judges see it, its flags, its scene."""

import json
import shutil
from pathlib import Path

import manifold3d
import numpy
import pydicom
import pytest
import SimpleITK
import trimesh
from Consenting import CONSENT
from Judges import (
    crossingTriangles,
    dicomErrors,
    entityErrors,
    gltfIssues,
    prusaGcode,
    prusaInfo,
    threeMfMesh,
    usdErrors,
)
from scipy.spatial import cKDTree
from test_TorsoPlan import carriedOut, saveScene

from PlanningHubLib.Case import Case
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Context import Context
from PlanningHubLib.Planning.Scene import documentOf, planNode, planNodes, showPlan
from PlanningHubLib.Session import Session

PLAN = Path(__file__).with_name("Plans") / "cranioplasty.json"
CLEARANCE_MM, THICKNESS_MM = 0.5, 4.0
# What figures may be off by: the plate comes from a grid of 0.5 mm, and is judged by other means than it was made by.
TOLERANCE_MM = 0.1
# Rays to look through the defect start so far inside, and are so far apart there.
INSIDE_MM, RAYS_MM = 60.0, 0.6


@pytest.fixture(scope="module")
def aRun(command, testData, tmp_path_factory):
    """Folder and result of a run on the skull with a defect on the patient's right; not to be changed."""
    out = tmp_path_factory.mktemp("cranioplasty") / "out"
    exitCode, result = command(
        "run", testData("ct_skull_defect"), "--out", out, "--plan", PLAN, "--side", "right",
        "--procedure", "cranioplasty", *CONSENT,
    )  # fmt: skip
    assert exitCode == 0, result
    return out, result


@pytest.fixture(scope="module")
def aPlate(aRun):
    """The plate of the package as trimesh reads its STL, in LPS mm."""
    (path,) = (aRun[0] / "package").glob("*-part.stl")
    return trimesh.load_mesh(path)


@pytest.fixture(scope="module")
def aSkull(aRun, ownHome):
    """The surface of the segmented skull in LPS mm, as (points, triangles)."""
    with pytest.MonkeyPatch.context() as patch, Session.start() as session:
        patch.setenv("PLANNINGHUB_HOME", str(ownHome))
        case = Case.open(aRun[0] / "case")
        context = Context.ofCase(case, session)
        mesh = context.solid("Skull").mesh.rasLpsSwapped()
        context.close(session.scene)
    return mesh.points, mesh.triangles


def figures(aRun, name):
    return next(step["figures"] for step in aRun[1]["plan"]["steps"] if step["name"] == name)


def solid(points, triangles):
    made = manifold3d.Manifold(manifold3d.Mesh(numpy.float32(points), numpy.uint32(triangles)))
    assert made.status() == manifold3d.Error.NoError and made.volume() > 0
    return made


def test_theMidplaneAndTheMirrorSayWhatTheyDid(aRun):
    midplane, mirrored = figures(aRun, "Midplane"), figures(aRun, "Mirrored skull")
    assert midplane["residualMeanMm"] < 1.5 and midplane["sagittalAngleDegrees"] < 3
    assert (mirrored["from"], mirrored["to"]) == ("left", "right")
    assert mirrored["volumeMl"] == pytest.approx(mirrored["keptVolumeMl"], rel=1e-4)


def test_plateIsOneWatertightBodyOnThePatientsRight(aRun, aPlate):
    assert aPlate.is_watertight and aPlate.is_winding_consistent and aPlate.body_count == 1
    assert aPlate.volume / 1000 == pytest.approx(figures(aRun, "Plate")["volumeMl"], rel=0.01)
    # LPS: what is lower along L lies on the patient's right. The defect is frontal: the plate lies before the ears.
    assert aPlate.bounds[1][0] < 0
    assert figures(aRun, "Plate")["defectCenterRas"][0] > 0
    assert figures(aRun, "Size of the plate")["superiorMm"] == pytest.approx(numpy.ptp(aPlate.bounds[:, 2]), abs=0.5)


def test_plateReachesIntoNoBone(aRun, aPlate, aSkull):
    plate, skull = solid(aPlate.vertices, aPlate.faces), solid(*aSkull)
    assert (plate ^ skull).volume() == 0
    assert boneVoxelsIn(aPlate, aRun[0]) == 0
    # The same check sees a plate that was pushed in from its place by a millimeter and a half.
    inwards = -1.5 * numpy.array(figures(aRun, "Plate")["insertionRas"]) * (-1, -1, 1)
    assert (plate.translate(inwards) ^ skull).volume() > 1
    assert boneVoxelsIn(aPlate.copy().apply_translation(inwards), aRun[0]) > 0


def boneVoxelsIn(plate, out):
    """Return how many voxels of the segmentation, as SimpleITK reads it, have their center in a mesh in LPS mm."""
    (path,) = (out / "case" / "artefacts").rglob("segmentation.seg.nrrd")
    image = SimpleITK.ReadImage(str(path))
    index = numpy.argwhere(SimpleITK.GetArrayFromImage(image) > 0)[:, ::-1]
    direction = numpy.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    points = index @ direction.T + image.GetOrigin()
    near = ((points > plate.bounds[0]) & (points < plate.bounds[1])).all(1)
    assert near.sum() > 1000
    return int(plate.contains(points[near]).sum())


def test_gapIsWhatThePlanSays(aRun, aPlate, aSkull):
    found = figures(aRun, "Plate")
    distances = trimesh.proximity.closest_point(trimesh.Trimesh(*aSkull, process=False), aPlate.vertices)[1]
    assert distances.min() >= CLEARANCE_MM - TOLERANCE_MM
    assert distances.min() == pytest.approx(found["gapMinimumMm"], abs=TOLERANCE_MM)
    assert found["gapMedianMm"] == pytest.approx(CLEARANCE_MM, abs=TOLERANCE_MM)
    assert found["gapWithinTolerancePercent"] == 100
    assert found["gapMaximumMm"] < CLEARANCE_MM + 0.15 and found["gapP95Mm"] < CLEARANCE_MM + TOLERANCE_MM
    assert found["thicknessMeanMm"] == pytest.approx(THICKNESS_MM, abs=TOLERANCE_MM)
    assert found["thicknessMinimumMm"] > THICKNESS_MM - 0.4 and found["proudMaximumMm"] < 0.1
    assert not aRun[1]["plan"]["findings"]


def test_bonesWholeRimLiesAtTheClearanceFromThePlate(aRun, aPlate, aSkull):
    """Judged by rays and trimesh alone: bone beside the last rays that leave through the hole, against the plate."""
    found = figures(aRun, "Plate")
    outwards = numpy.array(found["insertionRas"]) * (-1, -1, 1)
    center = numpy.array(found["defectCenterRas"]) * (-1, -1, 1)
    rim = rimOfBone(center, outwards, aPlate, aSkull)
    # Along the rest of the rim bone comes to the edge of the hole only below the plate.
    opposite = [points for points in rim if len(points)]
    assert len(rim) > 100 and len(opposite) > 0.8 * len(rim)
    gaps = rimGaps(opposite, aPlate)
    assert gaps.min() > CLEARANCE_MM - TOLERANCE_MM and gaps.max() < CLEARANCE_MM + 0.5
    assert numpy.percentile(gaps, 95) < CLEARANCE_MM + 0.15
    moved = aPlate.copy().apply_translation(outwards * 2)
    assert numpy.percentile(rimGaps(opposite, moved), 95) > CLEARANCE_MM + 1


def rimOfBone(center, outwards, aPlate, aSkull, besideMm=1.5):
    """Return for each ray that leaves where the plate goes, beside one that bone stops, the bone's points beside it.

    Of these those as far along the ray as the plate is there; none where bone is only below or above it.
    """
    middle = center - INSIDE_MM * outwards
    directions = coneOf(outwards, middle, aPlate)
    starts = numpy.repeat(middle[None], len(directions), 0)
    stopped = trimesh.Trimesh(*aSkull, process=False).ray.intersects_any(starts, directions)
    through = aPlate.ray.intersects_any(starts, directions)
    leaving = directions[~stopped]
    leaving = leaving[cKDTree(directions[through]).query(leaving)[0] * INSIDE_MM < 2]
    leaving = leaving[cKDTree(directions[stopped]).query(leaving)[0] * INSIDE_MM < RAYS_MM]
    bone, plate = aSkull[0] - middle, trimesh.sample.sample_surface(aPlate, 20_000, seed=1)[0] - middle
    bone = bone[numpy.linalg.norm(bone - (center - middle), axis=1) < 60]
    rim = []
    for ray in leaving:
        levels = beside(plate, ray, 3) @ ray
        near = beside(bone, ray, besideMm)
        rim.append(near[(near @ ray >= levels.min()) & (near @ ray <= levels.max())] + middle)
    return rim


def beside(points, ray, withinMm):
    return points[numpy.linalg.norm(points - (points @ ray)[:, None] * ray, axis=1) < withinMm]


def rimGaps(rim, plate):
    """Return for each place of the rim the least distance in mm of its points to a plate."""
    distances = trimesh.proximity.closest_point(plate, numpy.concatenate(rim))[1]
    ends = numpy.cumsum([len(points) for points in rim])[:-1]
    return numpy.array([part.min() for part in numpy.split(distances, ends)])


def test_noRayLeavesTheSkullThroughTheDefect(aRun, aPlate, aSkull):
    found = figures(aRun, "Plate")
    assert found["coveredPercent"] > 99 and found["uncoveredMm2"] == 0
    outwards = numpy.array(found["insertionRas"]) * (-1, -1, 1)
    center = numpy.array(found["defectCenterRas"]) * (-1, -1, 1)
    skull = trimesh.Trimesh(*aSkull, process=False)
    assert widestOpening(center, outwards, aPlate, skull) > 10, "the defect, before the plate is in"
    # What is left is the gap along the rim; rays cross it obliquely.
    assert widestOpening(center, outwards, aPlate, skull, aPlate) < found["widestGapMm"] + RAYS_MM
    drill = manifold3d.Manifold.sphere(5, 32).translate(center - 2 * outwards)
    drilled = (solid(aPlate.vertices, aPlate.faces) - drill).to_mesh()
    drilled = trimesh.Trimesh(drilled.vert_properties, drilled.tri_verts)
    assert widestOpening(center, outwards, aPlate, skull, drilled) > 3


def widestOpening(center, outwards, aPlate, *meshes):
    """Return how far in mm a ray that no mesh stops is from those that are stopped, at most; rays from inside."""
    middle = center - INSIDE_MM * outwards
    directions = coneOf(outwards, middle, aPlate)
    isStopped = numpy.zeros(len(directions), bool)
    for mesh in meshes:
        isStopped |= mesh.ray.intersects_any(numpy.repeat(middle[None], len(directions), 0), directions)
    places = INSIDE_MM * directions
    return cKDTree(places[isStopped]).query(places[~isStopped])[0].max()


def coneOf(axis, start, mesh, count=200_000):
    """Return directions (n, 3), evenly spread over the cone about an axis that holds a mesh as seen from a point."""
    index = numpy.arange(count) + 0.5
    height, angle = 1 - 2 * index / len(index), numpy.pi * (1 + 5**0.5) * index
    flat = numpy.sqrt(1 - height**2)
    directions = numpy.stack([flat * numpy.cos(angle), flat * numpy.sin(angle), height], axis=1)
    seen = mesh.vertices - start
    seen /= numpy.linalg.norm(seen, axis=1, keepdims=True)
    return directions[directions @ axis >= (seen @ axis).min()]


def test_partSaysThatItIsMirrored(aRun):
    out, result = aRun
    assert result["facts"]["print"]["object"] == {
        "name": "Plate", "role": "implant", "mirrored": True, "modified": True, "moved": False
    }  # fmt: skip
    (path,) = (out / "package").glob("*-part.dcm")
    dataset = pydicom.dcmread(path)
    assert (dataset.ModelMirroring, dataset.ModelModification, dataset.ImageLaterality) == ("YES", "YES", "R")
    assert dataset.ModelUsageCodeSequence[0].CodeMeaning == "Implant Fabrication"
    assert result["facts"]["print"]["deviationMm"] <= 0.05


@pytest.fixture(scope="module")
def aSkullPart(aRun, command, tmp_path_factory):
    """Folder and facts of a part of the whole skull in two halves with pins, in all formats."""
    folder = tmp_path_factory.mktemp("skull")
    case = shutil.copytree(aRun[0] / "case", folder / "case")
    steps = [
        {"do": "repair"},
        {"do": "split", "halvesAlong": "up-down", "clearanceMm": 0.2, "pinDiameterMm": 3, "pinLengthMm": 6},
    ]
    recipe = {"format": "planninghub-recipe", "version": 1, "formats": ["obj", "ply", "glb"], "steps": steps}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    exitCode, result = command("print", "--case", case, "--object", "Skull", "--recipe", folder / "recipe.json")
    assert exitCode == 0, result
    return Path(result["outputs"][0]["path"]).parent, result["facts"]


def requireSound(folder):
    """Assert what the judges say of each piece of a part; return the paths of its STL files."""
    (threeMf,) = folder.glob("*.3mf")
    assert threeMfMesh(threeMf)[2] == []
    paths = sorted(folder.glob("*.stl"))
    for path in paths:
        mesh = trimesh.load_mesh(path)
        assert mesh.is_watertight and mesh.is_winding_consistent
        assert solid(mesh.vertices, mesh.faces).volume() == pytest.approx(mesh.volume, rel=1e-4)
        assert crossingTriangles(mesh) == 0
    return paths


def test_plateIsSoundForEveryJudge(aRun, tmp_path):
    folder = Path(aRun[1]["steps"][3]["outputs"][0]["path"]).parent
    (path,) = requireSound(folder)
    requireSliced(path, tmp_path)


@pytest.mark.slow
def test_skullInHalvesIsSoundForEveryJudge(aSkullPart, tmp_path):
    folder, facts = aSkullPart
    paths = requireSound(folder)
    assert len(paths) == 2 == len(facts["pieces"])
    assert facts["volumeMl"] == pytest.approx(facts["segmentationVolumeMl"], rel=0.02)
    glb = trimesh.load_scene(next(folder.glob("*.glb"))).to_geometry()
    assert glb.volume * 1e6 == pytest.approx(facts["volumeMl"], rel=0.01)
    requireSliced(paths[0], tmp_path)


def requireSliced(path, folder):
    """Assert that PrusaSlicer finds nothing to mend and slices a part."""
    if shutil.which("prusa-slicer") is None:
        pytest.skip("PrusaSlicer is not installed")
    said = prusaInfo(path)
    assert said["manifold"] == "yes" and not {"facets_removed", "facets_reversed", "open_edges"} & set(said)
    assert float(said["volume"]) == pytest.approx(trimesh.load_mesh(path).volume, rel=1e-4)
    assert prusaGcode(path, folder / "part.gcode") > 1000


def test_everyObjectOfThePackageSatisfiesTheJudges(aRun):
    objects = sorted((aRun[0] / "package").rglob("*.dcm"))
    assert len(objects) > 108, "each slice with the plan drawn in, and the rest"
    assert [(path.name, dicomErrors(path)) for path in objects if dicomErrors(path)] == []
    assert entityErrors([*objects, *(aRun[0] / "case" / "artefacts" / "source-1" / "r1" / "dicom").iterdir()]) == []


def test_packageAndCaseVerify(aRun, command):
    assert all(dicomErrors(path) == [] for path in (aRun[0] / "package").glob("*.dcm"))
    assert command("verify", aRun[0] / "package")[1]["ok"] and command("verify", aRun[0] / "case")[1]["ok"]


def test_whatHeadsetsShowIsValid(aRun):
    (glb,), (usdz,) = (list((aRun[0] / "package" / "ar-vr").glob(f"*.{suffix}")) for suffix in ("glb", "usdz"))
    assert gltfIssues(glb) == [] and usdErrors(usdz) == []


def test_theSceneSavedAndReopenedGivesTheSameHashes(aRun, ownHome, monkeypatch, tmp_path):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(ownHome))
    monkeypatch.setenv("XDG_STATE_HOME", str(ownHome.parent / "state"))
    scene = str(tmp_path / "scene.mrml")
    with Session.start() as session, Case.open(aRun[0] / "case", writable=True) as case:
        plan = case.latest("plan")
        document = Plan.readPlan(case, plan)[0]
        objects = Plan.readObjects(case, session, plan)
        showPlan(session, case, document, objects, plan.content)
        saveScene(session.scene, tmp_path, scene)
        session.scene.Clear(1)
        assert planNode(session.scene) is None
        session.scene.SetURL(scene)
        assert session.scene.Connect() and len(planNodes(session.scene)) == len(objects)
        again = Plan.keepPlan(case, session, carriedOut(case, session, documentOf(session.scene, case)))
        assert (again.content, plan.content) == (aRun[1]["plan"]["content"],) * 2


def test_theDefectsOwnSideIsNotMirrored(aRun, command, tmp_path):
    document = json.loads(PLAN.read_text())
    document["steps"] = document["steps"][:2]
    document["steps"][0] = {"do": "plane", "name": "Midplane", "origin": [0, 0, 0], "normal": [1, 0, 0]}
    document["steps"][1]["from"] = "right"
    (tmp_path / "plan.json").write_text(json.dumps(document))
    exitCode, result = command("plan", "--case", aRun[0] / "case", "--plan", tmp_path / "plan.json")
    assert (exitCode, result["findings"][0]["code"]) == (3, "wrong-side")
