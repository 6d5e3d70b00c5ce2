"""Structures by command: what is asked for is made, what is wrong is named, and without options it is the bone."""

import json

import numpy
import pytest
import SimpleITK
from CaseMaking import tree
from StructureMaking import boneCase, masksOf, onSmallBone
from test_LabelFiles import ORGAN, imageOf, organMap

from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case
from PlanningHubLib.Volumes import readGeometry


@pytest.fixture
def aBoneCase(tmp_path, ownHome):
    return boneCase(tmp_path, ownHome)


@pytest.fixture
def segment(aBoneCase, capsys):
    """Run ``planninghub segment`` on the case; return its exit code and JSON object."""

    def run(*options):
        capsys.readouterr()
        exitCode = main(["segment", "--case", str(aBoneCase), "--json", *map(str, options)])
        written = capsys.readouterr()
        assert "Traceback" not in written.err and len(written.out.splitlines()) == 1, written
        return exitCode, json.loads(written.out)

    return run


def written(path, values):
    path.write_text(json.dumps(values))
    return path


def codesOf(result):
    return [finding["code"] for finding in result["findings"]]


def test_withoutOptionsItIsTheBone(segment):
    exitCode, result = segment()
    assert exitCode == 0 and list(result["facts"]["structures"]) == ["Bone"]
    assert segment("--threshold-hu", "2500", "--closing-voxels", "0")[1]["facts"]["volumeMl"] < 0.01


def test_templateFindsWhatNeedsNobody(segment):
    exitCode, result = segment("--template")
    assert exitCode == 0 and list(result["facts"]["structures"]) == ["Large bone"]
    assert [one["code"] for one in result["facts"]["findings"]] == ["needs-points"]


@pytest.mark.parametrize("frame, sign", [("RAS", 1), ("LPS", -1)])
def test_seedsInEitherFrame(segment, aBoneCase, tmp_path, aSession, frame, sign):
    points = [[sign * one[0], sign * one[1], one[2]] for one in onSmallBone(aBoneCase)]
    seeds = written(tmp_path / "seeds.json", {"frame": frame, "seeds": {"Small bone": points}})
    exitCode, result = segment("--structure", "Small bone", "--structure", "Metal", "--seeds", seeds)
    assert exitCode == 0 and list(result["facts"]["structures"]) == ["Small bone", "Metal"]
    assert masksOf(aBoneCase, aSession)["Small bone"].sum() == 3 * 4 * 5


def test_ownMethod(segment, tmp_path, aBoneCase, aSession):
    method = {"Large bone": {"steps": [{"do": "threshold", "minimumHu": 2500}]}}
    exitCode, _result = segment("--structure", "Large bone", "--method", written(tmp_path / "m.json", method))
    assert exitCode == 0 and masksOf(aBoneCase, aSession)["Large bone"].sum() == 2 * 2 * 2


def test_maskThenReview(segment, tmp_path, aBoneCase, aSession):
    case = Case.open(aBoneCase)
    geometry = readGeometry(case, case.latest("source"))
    SimpleITK.WriteImage(imageOf(organMap(), geometry), str(tmp_path / "labels.nii.gz"))
    exitCode, result = segment("--mask", tmp_path / "labels.nii.gz", "--label", "5=Organ", "--template")
    assert exitCode == 0 and list(result["facts"]["structures"]) == ["Large bone", "Organ"]
    assert "mask-without-identity" in [one["code"] for one in result["facts"]["findings"]]
    assert numpy.array_equal(masksOf(aBoneCase, aSession)["Organ"], ORGAN)
    exitCode, result = segment("--review", "accepted", "--structure", "Large bone")
    assert exitCode == 0 and result["counts"] is False and "Organ" in result["faults"][0]
    exitCode, result = segment("--review", "accepted", "--structure", "Organ", "--comment", "whole organ")
    assert exitCode == 0 and (result["counts"], result["faults"]) == (True, [])
    assert segment("--review", "changes", "--comment", "cut off")[1]["counts"] is False


@pytest.mark.parametrize(
    "code, exitCode, options",
    [
        ("usage", 2, ["--mask", "FILE"]),
        ("usage", 2, ["--label", "5=Organ"]),
        ("usage", 2, ["--seeds", "FILE"]),
        ("usage", 2, ["--template", "--structure", "Metal"]),
        ("usage", 2, ["--template", "--threshold-hu", "200"]),
        ("usage", 2, ["--mask", "FILE", "--label", "five=Organ"]),
        ("usage", 2, ["--review", "accepted", "--template"]),
        ("usage", 2, ["--review", "fine"]),
        ("no-comment", 2, ["--review", "changes"]),
        ("no-segmentation", 4, ["--review", "accepted"]),
        ("no-such-structure", 3, ["--structure", "Knee"]),
        ("no-such-seed", 3, ["--structure", "Small bone"]),
        ("no-method", 3, ["--structure", "Organ"]),
        ("cannot-read", 3, ["--mask", "nowhere.nii", "--label", "5=Organ"]),
        ("cannot-read", 3, ["--structure", "Small bone", "--seeds", "nowhere.json"]),
        ("bad-json", 3, ["--structure", "Small bone", "--seeds", "FILE"]),
        ("bad-seeds", 3, ["--structure", "Small bone", "--seeds", "POINTS"]),
        ("bad-method", 3, ["--structure", "Large bone", "--method", "METHOD"]),
    ],
)
def test_whatIsWrongIsNamed(segment, tmp_path, aBoneCase, code, exitCode, options):
    (tmp_path / "FILE").write_text("{")
    written(tmp_path / "POINTS", {"seeds": {"Small bone": [[1, 2, 3]]}})
    written(tmp_path / "METHOD", {"Large bone": {"steps": [{"do": "threshold"}]}})
    before = tree(aBoneCase)
    paths = {name: tmp_path / name for name in ("FILE", "POINTS", "METHOD")}
    found, result = segment(*(paths.get(option, option) for option in options))
    assert found == exitCode and codesOf(result) == [code]
    assert tree(aBoneCase) == before
