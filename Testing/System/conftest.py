"""Fixtures of the system tests: the command as a user types it, series to run it on, a home of one's own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from Consenting import CONSENT
from GovernanceCalls import aCase, aFullCase, aHome, anImported, ask, call, refuse  # noqa: F401

from Phantom.AsymmetricObject import makeAsymmetricObject
from Phantom.DicomSeries import byPosition
from Phantom.EnhancedCt import writeEnhanced
from Phantom.HeadPhantom import makeHeadPhantom, smallShape, writeHeadPhantom

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def ownHome(tmp_path_factory):
    return tmp_path_factory.mktemp("home") / "planninghub"


def _home(folder):
    """What keeps settings and keys out of the user's own folders."""
    return {"PLANNINGHUB_HOME": str(folder), "XDG_STATE_HOME": str(folder.parent / "state")}


@pytest.fixture(scope="session")
def program(ownHome):
    """Run ``planninghub`` in a process of its own, as a user does; return its exit code and its JSON object."""
    environment = _environment(ownHome)

    def run(*arguments, extraEnvironment=None, prefix=(), stdin=None):
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "PlanningHubCommand", *map(str, arguments), "--json"],
            capture_output=True, encoding="utf-8", timeout=300, input=stdin,
            env={**environment, **(extraEnvironment or {})},
        )  # fmt: skip
        return _result(done.returncode, done.stdout, done.stderr)

    run.environment = environment
    return run


@pytest.fixture(scope="session")
def command(ownHome):
    """Run ``planninghub`` in this process, which spares its start: the same contract, the same result."""
    from PlanningHubCommand.Main import main

    def run(*arguments, extraEnvironment=None, stdin=None):
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _stream in "oe")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**_home(ownHome), **(extraEnvironment or {})}.items():
                patch.setenv(name, value)
            patch.setattr("sys.stdin", io.StringIO(stdin or ""))
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                exitCode = main([*map(str, arguments), "--json"])
        return _result(exitCode, *(stream.buffer.getvalue().decode() for stream in (out, err)))

    run.environment = _environment(ownHome)
    return run


def _environment(ownHome):
    places = [str(PROJECT / name) for name in ("PlanningHub", "PrintPrep", "ORExport", "CentralSync")]
    return {**os.environ, **_home(ownHome), "PYTHONPATH": os.pathsep.join(places)}


def _result(exitCode, out, err):
    assert "Traceback" not in err, err
    assert len(out.splitlines()) == 1, f"not one JSON object: {out!r} {err}"
    return exitCode, json.loads(out)


@pytest.fixture(scope="session")
def smallHead(tmp_path_factory):
    """Folder of a small head phantom's series."""
    folder = tmp_path_factory.mktemp("head") / "ct"
    writeHeadPhantom(folder, makeHeadPhantom(smallShape))
    return folder


@pytest.fixture(scope="session")
def aPackagedCase(command, smallHead, tmp_path_factory):
    """A folder with ``case`` and ``package`` of the small head; only to be read or copied."""
    folder = tmp_path_factory.mktemp("chain") / "out"
    exitCode, result = command("run", smallHead, "--out", folder, "--side", "left", *CONSENT)
    assert exitCode == 0, result
    return folder


# A quarter of a turn about its centroid leaves that where it is.
BLOCK_SHIFT_LPS = [4.0, -5.0, 6.0]


@pytest.fixture(scope="session", params=["straight", "oblique", "multi-frame"])
def aBlockChain(request, command, tmp_path_factory):
    """An asymmetric block, straight, oblique, or oblique in one file, through the whole chain: (block, folder).

    A plan measures it, and turns a copy of it by a quarter and moves that by ``BLOCK_SHIFT_LPS``.
    """
    folder = tmp_path_factory.mktemp("block")
    block = makeAsymmetricObject(oblique=request.param != "straight")
    block.write(folder / "ct")
    if request.param == "multi-frame":
        (folder / "slices").mkdir()
        (folder / "ct").rename(folder / "slices" / "ct")
        (folder / "ct").mkdir()
        writeEnhanced(byPosition(folder / "slices" / "ct"), folder / "ct" / "enhanced.dcm")
    (folder / "plan.json").write_text(json.dumps(_blockPlan(block)))
    exitCode, result = command(
        "run", folder / "ct", "--out", folder / "out", "--side", "left", "--closing-voxels", "0",
        "--maximum-deviation-mm", "0.05", "--plan", folder / "plan.json", *CONSENT,
    )  # fmt: skip
    assert exitCode == 0, result
    return block, folder / "out"


def _blockPlan(block):
    corners, centroid = block.cornersLps.reshape(-1, 3).tolist(), list(map(float, block.centroidLps))
    way = {"turnDegrees": [0, 0, 90], "center": centroid, "shiftMm": BLOCK_SHIFT_LPS}
    steps = [
        {"do": "points", "name": "Corners", "points": corners},
        {"do": "line", "name": "Diagonal", "start": corners[0], "end": corners[1]},
        {"do": "measure", "name": "Length", "quantity": "distance", "objects": ["Diagonal"]},
        {"do": "placement", "name": "Way", **way},
        {"do": "move", "name": "Moved", "solid": "Bone", "by": ["Way"]},
    ]
    plan = {"format": "planninghub-plan", "version": 1, "title": "Block", "intendedUse": "planning", "frame": "LPS"}
    return {**plan, "steps": steps}


@pytest.fixture(scope="session")
def testData():
    """Find a folder of real data, or skip and say so."""

    def find(name):
        root = Path(os.environ.get("PLANNINGHUB_TEST_DATA") or PROJECT.parent / "shared" / "data")
        if not (root / name).exists():
            pytest.skip(f"no {name} in {root}; set PLANNINGHUB_TEST_DATA")
        return root / name

    return find
