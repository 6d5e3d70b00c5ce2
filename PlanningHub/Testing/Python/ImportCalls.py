"""Runs ``planninghub import`` in this process, and checks what each end of it leaves."""

import json
import tempfile

import numpy
import pytest
from CaseMaking import asymmetricVoxels, tree, writeSmallSeries
from VerdictMaking import ALWAYS

from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case


@pytest.fixture
def aTemporaryPlace(tmp_path_factory, monkeypatch):
    """Whatever is unpacked is unpacked here, and is gone afterwards."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.glob("planninghub-*")) == []


@pytest.fixture(scope="module")
def aTall(tmp_path_factory):
    """Eleven small slices, so that no fault leaves too few; only to be copied."""
    folder = tmp_path_factory.mktemp("tall") / "ct"
    writeSmallSeries(folder, numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11])
    return folder


@pytest.fixture
def imported(tmp_path, capsys):
    """Run ``planninghub import``; return its exit code and JSON object. A refusal leaves nothing; a case verifies."""

    def run(source, *options):
        before, case = tree(tmp_path), tmp_path / "out" / "case"
        capsys.readouterr()
        exitCode = main(["import", str(source), "--case", str(case), "--json", *options])
        written = capsys.readouterr()
        assert "Traceback" not in written.err and len(written.out.splitlines()) == 1, written
        return exitCode, checked(json.loads(written.out), exitCode, case, before, tmp_path)

    return run


def checked(result, exitCode, case, before, folder):
    """Hold a result against the contract and against what lies on the disk."""
    assert result["exit_code"] == exitCode
    assert {"verdict", "findings", "series", "case"} <= set(result)
    assert (result["verdict"] == "reject") == (exitCode == 3) == (result["case"] is None)
    for one in result["findings"]:
        assert set(one) == {"code", "severity", "message", "action", "files"} and len(one["message"]) > 15
        assert one["severity"] == "info" or one["action"]
    for one in result["series"]:
        assert {"uid", "rank", "shape", "spacing_mm", "volume_checked"} <= set(one)
    after = tree(folder)
    assert {name: after.get(name) for name in before} == before
    if exitCode == 0:
        assert Case.open(case).verify() == []
    else:
        assert after == before
    return result


def severities(result):
    return {one["code"]: one["severity"] for one in result["findings"] if one["code"] not in ALWAYS}
