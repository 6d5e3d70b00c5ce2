"""The whole chain in one command, and what outside judges say of everything it wrote."""

import json
import os
import shutil

import highdicom
import pytest
import trimesh
from Consenting import CONSENT
from Judges import dicomErrors, entityErrors, run, threeMfMesh

from Phantom.AsymmetricObject import makeAsymmetricObject
from Phantom.DicomSeries import byPosition
from Phantom.EnhancedCt import writeEnhanced
from PlanningHubLib.Files import sha256, sha256Bytes
from Servers.OrthancServer import OrthancServer, whyNoOrthanc

STEPS = ["import", "segment", "print", "package", "sync"]


def dicomFiles(folder):
    return sorted(folder.rglob("*.dcm"))


def test_runOnThePhantomIntoAFolderStore(program, smallHead, tmp_path):
    out, store = tmp_path / "out", tmp_path / "store"

    exitCode, result = program(
        "run",
        smallHead,
        "--out",
        out,
        "--store",
        store,
        "--side",
        "left",
        "--procedure",
        "cranioplasty",
        *CONSENT,
    )

    assert exitCode == 0
    # The small head is coarser than what is recommended for the procedure: that is said, and goes on.
    assert result["verdict"] == "warn"
    assert [step["name"] for step in result["steps"]] == STEPS
    for step in result["steps"]:
        assert step["seconds"] > 0
        assert step["peak_mib"] > 50
        for output in step["outputs"]:
            assert sha256(output["path"]) == output["sha256"]
    assert all(step["outputs"] for step in result["steps"])
    assert result["sync"]["failed"] == result["sync"]["queued"] == 0
    kept = {path.parent.name + path.name for path in store.glob("objects/*/*")}
    wanted = {item["sha256"] for item in result["sync"]["items"]}
    assert {sha256(path) for path in store.glob("objects/*/*")} == kept
    assert wanted <= kept


def test_statusVerifyAndASecondSync(command, aPackagedCase, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(aPackagedCase, out)
    assert command("verify", out / "case")[0] == 0
    assert command("verify", out / "case" / "audit.log")[0] == 0
    assert command("verify", out / "package")[0] == 0
    _, status = command("status", "--case", out / "case")
    assert {step["kind"]: step["state"] for step in status["steps"]} == {
        "source": "done", "segmentation": "done", "part": "done", "package": "done", "receipt": "next",
    }  # fmt: skip
    assert status["side"] == "left"

    exitCode, first = command("sync", "--case", out / "case", "--store", tmp_path / "store")
    assert exitCode == 0
    exitCode, second = command("sync", "--case", out / "case", "--store", tmp_path / "store")

    assert exitCode == 0
    assert second["verified"] >= first["verified"] > 60
    _, listed = command("status", "--root", out)
    assert [case["next"] for case in listed["cases"]] == [None]


def test_stepByStepIsTheSameAsRun(program, smallHead, aPackagedCase, tmp_path):
    case = tmp_path / "case"
    assert program("import", smallHead, "--case", case, "--side", "left", *CONSENT)[0] == 0
    exitCode, segmented = program("segment", "--case", case)
    assert exitCode == 0
    exitCode, printed = program("print", "--case", case)
    assert exitCode == 0
    assert program("package", "--case", case, "--out", tmp_path / "package")[0] == 0

    values = json.loads((aPackagedCase / "case" / "case.json").read_text())
    facts = {artefact["kind"]: artefact["facts"] for artefact in values["artefacts"]}
    assert segmented["facts"] == facts["segmentation"]
    assert printed["facts"]["volumeMl"] == facts["part"]["volumeMl"]
    assert printed["facts"]["deviationMm"] == facts["part"]["deviationMm"] <= 0.25


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc())
def test_realSkullIntoARealOrthanc(program, testData, tmp_path):
    out = tmp_path / "out"
    with OrthancServer() as orthanc:
        exitCode, result = program(
            "run",
            testData("ct_skull_defect"),
            "--out",
            out,
            "--store",
            orthanc.address,
            "--side",
            "right",
            *CONSENT,
        )
        assert exitCode == 0, result
        assert result["sync"]["verified"] == len(orthanc.instances())
        assert len(unwrapped(result)) == 108 + len(dicomFiles(out / "package")) + 1
        kept = {sha256Bytes(data) for data in orthanc.storedBytes()}
        assert {sha256(path) for path in dicomFiles(out / "package")} <= kept

    assert result["facts"]["segment"]["volumeMl"] == pytest.approx(570.7, abs=0.1)
    assert result["facts"]["print"]["volumeMl"] == pytest.approx(570.7, rel=0.01)
    assertJudgesAreContent(out)


@pytest.mark.skipif(bool(whyNoOrthanc()), reason=whyNoOrthanc())
def test_aMultiFrameFileReachesBothKindsOfStore(command, tmp_path):
    makeAsymmetricObject().write(tmp_path / "slices")
    path = writeEnhanced(byPosition(tmp_path / "slices"), tmp_path / "enhanced.dcm")
    with OrthancServer() as orthanc:
        exitCode, result = command(
            "run", path, "--out", tmp_path / "out", "--store", orthanc.address, "--side", "left", *CONSENT
        )
        assert exitCode == 0, result
        made = dicomFiles(tmp_path / "out" / "package")
        assert result["sync"]["verified"] == len(orthanc.instances())
        assert len(unwrapped(result)) == 1 + len(made) + 1
        kept = {sha256Bytes(data) for data in orthanc.storedBytes()}
        assert {sha256(path), *map(sha256, made)} < kept
        assert headIsKept(orthanc, path, tmp_path) == 1
        verify = ("verify", tmp_path / "out" / "case", "--store", orthanc.address)
        assert command(*verify)[1]["findings"] == []
        orthanc.kill()
        exitCode, result = command(*verify)
        assert (exitCode, result["findings"][0]["code"]) == (5, "store-unreachable")
    exitCode, result = command("sync", "--case", tmp_path / "out" / "case", "--store", tmp_path / "store")
    assert (exitCode, result["failed"], result["queued"]) == (0, 0, 0)
    assert (tmp_path / "store" / "objects" / sha256(path)[:2] / sha256(path)[2:]).is_file()
    assertJudgesAreContent(tmp_path / "out")


def unwrapped(result):
    """The DICOM objects of the case itself and its record; all else went inside of others."""
    return [item for item in result["sync"]["items"] if item["content_sha256"] == item["sha256"]]


def headIsKept(orthanc, source, folder):
    """Return how many heads of the audit log an archive keeps; they belong to the source's patient and study."""
    found = 0
    for data in orthanc.storedBytes():
        if b"PLANNING HUB CASE RECORD" in data:
            found += 1
            (folder / f"record{found}.dcm").write_bytes(data)
            assert dicomErrors(folder / f"record{found}.dcm") == []
            assert entityErrors([folder / f"record{found}.dcm", source]) == []
    return found


def test_phantomSatisfiesTheJudges(aPackagedCase):
    assertJudgesAreContent(aPackagedCase)


def assertJudgesAreContent(out):
    package = out / "package"
    objects = dicomFiles(package)
    # Segmentation, model, assembly with materials, measurements, briefing, selection, and the views.
    assert len(objects) >= 7
    for path in objects:
        assert dicomErrors(path) == []
        assert "error" not in run("dcmdump", path).lower()
    slices = sorted((out / "case/artefacts/source-1/r1/dicom").iterdir())
    assert entityErrors([*objects, *slices]) == []
    (segmentation,) = package.glob("*segmentation.dcm")
    assert highdicom.seg.segread(segmentation).number_of_segments == 1
    (stl,) = package.glob("*part.stl")
    mesh = trimesh.load_mesh(stl)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    (threeMf,) = package.glob("*part.3mf")
    points, triangles, warnings = threeMfMesh(threeMf)
    assert warnings == []
    assert trimesh.Trimesh(points, triangles).volume == pytest.approx(mesh.volume, rel=1e-5)
    (pdf,) = package.glob("*.pdf")
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", pdf)


def test_noPictureAndNoRecordedConsentAreNoObstacle_andAreSaid(program, smallHead, tmp_path):
    """Where no OpenGL can be had the chain goes on and the briefing says so; so does the result of the consent."""
    environment = {"VTK_DEFAULT_OPENGL_WINDOW": "vtkXOpenGLRenderWindow", "DISPLAY": ""}
    words = ("run", smallHead, "--out", tmp_path / "out", "--store", tmp_path / "store")
    exitCode, result = program(*words, extraEnvironment=environment)
    assert exitCode == 0
    for findings in (result["findings"], result["sync"]["findings"]):
        said = [one["severity"] for one in findings if one["code"] == "treatment-consent-elsewhere"]
        assert said == ["info"], findings
    (pdf,) = (tmp_path / "out/package").glob("*.pdf")
    text = run("pdftotext", pdf, "-")
    assert "OpenGL" in text
    assert "not stated" in text.lower()


def test_changedPackageIsNamed(command, aPackagedCase, tmp_path):
    package = tmp_path / "package"
    shutil.copytree(aPackagedCase / "package", package)
    (stl,) = package.glob("*part.stl")
    data = bytearray(stl.read_bytes())
    data[len(data) // 2] ^= 1
    stl.write_bytes(data)

    exitCode, result = command("verify", package)

    assert exitCode == 6
    assert result["ok"] is False
    assert any(stl.name in " ".join([finding["message"], *finding["files"]]) for finding in result["findings"])


def test_changedCaseFileIsNamedAndStopsTheNextStep(command, aPackagedCase, tmp_path):
    case = tmp_path / "case"
    shutil.copytree(aPackagedCase / "case", case)
    (segmentation,) = case.glob("artefacts/segmentation-1/r1/*.nrrd")
    segmentation.write_bytes(segmentation.read_bytes() + b"\0")

    exitCode, result = command("verify", case)
    assert exitCode == 6
    assert [os.path.basename(finding["files"][0]) for finding in result["findings"]] == [segmentation.name]
    exitCode, result = command("package", "--case", case, "--out", tmp_path / "package")
    assert exitCode == 4
    assert result["findings"][0]["code"] == "damaged-segmentation"
    assert not (tmp_path / "package").exists()


def test_segmentingAgainMakesThePartStale(command, aPackagedCase, tmp_path):
    case = tmp_path / "case"
    shutil.copytree(aPackagedCase / "case", case)
    assert command("segment", "--case", case, "--threshold-hu", "500")[0] == 0
    _, status = command("status", "--case", case)
    assert {step["kind"]: step["state"] for step in status["steps"]}["part"] == "stale"

    exitCode, result = command("package", "--case", case, "--out", tmp_path / "package")
    assert (exitCode, result["findings"][0]["code"]) == (4, "stale-part")
    exitCode, result = command("sync", "--case", case, "--store", tmp_path / "store")
    assert (exitCode, result["findings"][0]["code"]) == (4, "stale-package")
    assert not (tmp_path / "store").exists()
