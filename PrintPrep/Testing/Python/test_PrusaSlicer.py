"""PrusaSlicer as its own program: real figures where it is installed, named refusals where something is amiss."""

import json
import shutil
import time

import psutil
import pytest
from PartMaking import LABEL, ballMesh, boxMesh

from PlanningHubLib.Errors import Cancelled, InputRefused
from PlanningHubLib.Segmenting.InferenceProcess import Limits
from PlanningHubLib.Shapes.Mesh import Mesh
from PrintPrepLib.Formats.WritersStl import stlBytes
from PrintPrepLib.Formats.WritersThreeMf import Body, packageBytes
from PrintPrepLib.Production import Profiles
from PrintPrepLib.Production.PrusaSlicer import RESOLUTION_MM, PrusaSlicer, archiveFigures, gcodeFigures

installed = pytest.mark.skipif(shutil.which("prusa-slicer") is None, reason="PrusaSlicer is not installed")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("PLANNINGHUB_HOME", str(folder))
    return folder


def nameProgram(home, path):
    site = home / "site.json"
    values = {"format": "planninghub-site", "version": 1, "users": [], "approvals": [], "prusaSlicer": str(path)}
    site.write_text(json.dumps(values))
    site.chmod(0o644)


def standIn(folder, text):
    program = folder / "stand-in"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return program


def boxFile(folder, sizeMm=(20, 30, 10)):
    mesh = boxMesh((20, 20, 0), tuple(20 * (axis < 2) + size for axis, size in enumerate(sizeMm)))
    path = folder / "box.stl"
    path.write_bytes(stlBytes(mesh, LABEL))
    return path


@installed
def test_itReadsABoxAsWeDo(tmp_path):
    slicer = PrusaSlicer.find(tmp_path)
    assert slicer.version[0].isdigit()
    found = slicer.info(boxFile(tmp_path), tmp_path)
    assert found == [{"manifold": True, "parts": 1, "volumeMl": 6.0, "facets": 12}]


@installed
def test_itReadsEachObjectOfAPlate(tmp_path):
    bodies = [Body(boxMesh((0, 0, 0), (10, 10, 10)), "a", "part-1.1"), Body(boxMesh((20, 0, 0), (30, 10, 5)), "b", "")]
    (tmp_path / "two.3mf").write_bytes(packageBytes(bodies, LABEL))
    found = PrusaSlicer.find(tmp_path).info(tmp_path / "two.3mf", tmp_path)
    assert [one["volumeMl"] for one in found] == [1.0, 0.5] and all(one["manifold"] for one in found)


@installed
def test_itSeesAHole(tmp_path):
    mesh = ballMesh()
    path = tmp_path / "open.stl"
    path.write_bytes(stlBytes(Mesh(mesh.points, mesh.triangles[10:]), LABEL))
    slicer = PrusaSlicer.find(tmp_path)
    assert [one["manifold"] for one in slicer.info(path, tmp_path)] == [False]


@installed
@pytest.mark.parametrize("name", ["fdm-prusa-mk3s", "sla-prusa-sl1s"])
def test_slicingGivesTimeAndMaterial(tmp_path, name):
    slicer = PrusaSlicer.find(tmp_path)
    fractions = []
    sliced = slicer.sliced(boxFile(tmp_path), Profiles.find(name), tmp_path, lambda one, _text: fractions.append(one))
    assert 0.1 < sliced["hours"] < 5
    assert sliced["materialMl"] == pytest.approx(6.0, rel=0.25)
    assert fractions == sorted(fractions)


@installed
def test_itLeavesOutDetailThatNoNozzleMakes(tmp_path):
    PrusaSlicer.find(tmp_path).sliced(boxFile(tmp_path), Profiles.find("fdm-generic"), tmp_path)
    taken = (tmp_path / "plate.gcode").read_text().splitlines()
    assert f"; resolution = {RESOLUTION_MM:g}" in taken and RESOLUTION_MM == 0.02


def test_processesThatItDoesNotSliceAreLeftOut(tmp_path):
    sliced = PrusaSlicer("nothing", "1").sliced("plate.3mf", Profiles.find("sls-generic"), tmp_path)
    assert sliced == {"hours": None, "materialMl": None}


def test_withoutTheProgramThereIsNone(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert PrusaSlicer.find(tmp_path) is None


def test_theSitesProgramIsTaken(home, tmp_path):
    nameProgram(home, standIn(tmp_path, 'echo "PrusaSlicer-9.8.7+site based on Slic3r"'))
    assert PrusaSlicer.find(tmp_path).version == "9.8.7+site"
    nameProgram(home, tmp_path / "gone")
    with pytest.raises(InputRefused) as refusal:
        PrusaSlicer.find(tmp_path)
    assert refusal.value.code == "slicer-not-installed"


@pytest.mark.parametrize("text", ["exit 1", "echo nothing", "printf '; filament used [cm3] = 1' > plate.gcode"])
def test_aProgramThatFailsIsNamed(tmp_path, text):
    slicer = PrusaSlicer(str(standIn(tmp_path, text)), "1")
    with pytest.raises(InputRefused) as refusal:
        slicer.sliced(boxFile(tmp_path), Profiles.find("fdm-generic"), tmp_path)
    assert refusal.value.code == "slicer-failed" and refusal.value.action


def test_aProgramThatTakesTooLongIsEnded(tmp_path, monkeypatch):
    monkeypatch.setattr("PrintPrepLib.Production.PrusaSlicer.LIMITS", Limits(seconds=0.5))
    slicer = PrusaSlicer(str(standIn(tmp_path, f"echo $$ > {tmp_path}/pid; sleep 60")), "1")
    with pytest.raises(InputRefused) as refusal:
        slicer.info(boxFile(tmp_path), tmp_path)
    assert refusal.value.code == "slicer-too-slow"
    assert not (tmp_path / "pid").exists() or not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_cancelEndsTheProgram(tmp_path):
    slicer = PrusaSlicer(str(standIn(tmp_path, f"echo $$ > {tmp_path}/pid; sleep 60")), "1")

    def cancel(_fraction, _text):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip():
            raise Cancelled

    started = time.monotonic()
    with pytest.raises(Cancelled):
        slicer.sliced(boxFile(tmp_path), Profiles.find("fdm-generic"), tmp_path, cancel)
    assert time.monotonic() - started < 50, "it did not wait for the program"
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_figuresOfItsFilesAreRead(tmp_path):
    gcode = tmp_path / "plate.gcode"
    gcode.write_text(
        "G1 X1\n; filament used [mm] = 10.0\n; filament used [cm3] = 6.03, 1.5\n"
        "; estimated printing time (normal mode) = 1d 2h 3m 4s\n; estimated printing time (silent mode) = 9d\n"
    )
    assert gcodeFigures(gcode) == {"hours": round((86400 + 7200 + 184) / 3600, 3), "materialMl": 7.53}
    import zipfile

    with zipfile.ZipFile(tmp_path / "plate.sl1", "w") as archive:
        archive.writestr("config.ini", "printTime = 3600.5\nusedMaterial = 6.747753\n")
    assert archiveFigures(tmp_path / "plate.sl1") == {"hours": 1.0, "materialMl": 6.75}
    with zipfile.ZipFile(tmp_path / "bad.sl1", "w") as archive:
        archive.writestr("config.ini", "printTime = 3600.5\n")
    with pytest.raises(InputRefused):
        archiveFigures(tmp_path / "bad.sl1")
