"""A case that refers to the scanner's files, by command: all of it works, nothing is lost, the place stays at home."""

import json
import shutil

import pytest
from Consenting import CONSENT
from LeakSearch import leaks

from PlanningHubLib.Files import sha256

PATIENT = "DOE^JOSEPHINE"


@pytest.fixture(scope="module")
def aReferredRun(command, smallHead, tmp_path_factory):
    """A run on images in a folder that bears the patient's name: the folder with ``out``, ``store`` and the images."""
    folder = tmp_path_factory.mktemp("referred")
    shutil.copytree(smallHead, folder / PATIENT / "ct")
    exitCode, result = command(
        "run", folder / PATIENT, "--out", folder / "out", "--store", folder / "store", "--side", "left", "--reference",
        *CONSENT, "--consent", "manufacturer",
    )  # fmt: skip
    assert exitCode == 0, result
    assert result["sync"]["failed"] == result["sync"]["queued"] == 0
    return folder


def test_theStoreHoldsTheImagesAndGivesAWholeCaseBack(aReferredRun, command, tmp_path):
    store, restored = aReferredRun / "store", tmp_path / "restored"
    assert not list((aReferredRun / "out" / "case").rglob("*/dicom/*"))
    kept = {path.parent.name + path.name for path in store.glob("objects/*/*")}
    assert {sha256(path) for path in (aReferredRun / PATIENT / "ct").iterdir()} <= kept
    (snapshot,) = store.glob("cases/*/*.json")
    for name, digest in json.loads(snapshot.read_text())["files"].items():
        (restored / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(store / "objects" / digest[:2] / digest[2:], restored / name)
    images = list((aReferredRun / PATIENT / "ct").iterdir())
    assert len(list((restored / "artefacts/source-1/r1/dicom").iterdir())) == len(images)
    assert command("verify", restored)[0] == 0
    assert command("segment", "--case", restored)[0] == 0


def test_thePlaceIsInNothingThatLeaves(aReferredRun, command, tmp_path):
    exitCode, result = command(
        "deidentify", aReferredRun / "out" / "case", "--out", tmp_path / "copy", "--profile", "treatment-partner"
    )
    assert exitCode == 0, result
    for folder in (aReferredRun / "store", aReferredRun / "out" / "package", tmp_path / "copy"):
        assert leaks(folder, ["JOSEPHINE"]) == []
    found = leaks(aReferredRun / "out" / "case", ["JOSEPHINE"])
    assert [name for name, _word in found] == ["artefacts/source-1/r1/.references.json"]


def test_aMovedFileStopsEveryStepByName(aReferredRun, command, tmp_path):
    case = aReferredRun / "out" / "case"
    path = next((aReferredRun / PATIENT / "ct").iterdir())
    path.rename(path.with_suffix(".away"))
    try:
        exitCode, result = command("verify", case)
        assert exitCode == 6 and result["findings"][0]["code"] == "source-moved"
        _, result = command("status", "--case", case)
        assert result["steps"][0] == {"kind": "source", "state": "damaged"}
        for arguments in (
            ("segment", "--case", case), ("sync", "--case", case, "--store", tmp_path / "store"),
            ("package", "--case", case, "--out", tmp_path / "package"),
            ("deidentify", case, "--out", tmp_path / "copy", "--profile", "treatment-partner"),
        ):  # fmt: skip
            exitCode, result = command(*arguments)
            assert (exitCode, result["findings"][0]["code"]) == (4, "source-moved"), arguments
            assert result["findings"][0]["files"] == [str(path)]
    finally:
        path.with_suffix(".away").rename(path)
    assert command("verify", case)[0] == 0


def test_anArchiveFileCannotBeReferredTo(smallHead, command, tmp_path):
    shutil.make_archive(tmp_path / "scan", "zip", smallHead)
    exitCode, result = command("import", tmp_path / "scan.zip", "--case", tmp_path / "case", "--reference")
    assert (exitCode, result["findings"][0]["code"], result["case"]) == (3, "cannot-reference", None)
    assert not (tmp_path / "case").exists()
