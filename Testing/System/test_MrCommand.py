"""MR by command: imported with a verdict, and refused by name by every step that needs a CT."""

import pydicom
import pytest

from Phantom.DicomSeries import saveImage


@pytest.fixture(scope="module")
def anMr(smallHead, tmp_path_factory):
    """The head as if it were MR: the same places, stored values without a unit."""
    folder = tmp_path_factory.mktemp("mr") / "mr"
    folder.mkdir()
    for path in smallHead.iterdir():
        image = pydicom.dcmread(path)
        image.SOPClassUID, image.Modality = "1.2.840.10008.5.1.4.1.1.4", "MR"
        image.SeriesInstanceUID += ".1"
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "KVP", "ConvolutionKernel"):
            delattr(image, keyword)
        saveImage(image, folder / path.name)
    return folder


def codes(result):
    return [finding["code"] for finding in result["findings"]]


def test_mrBecomesACaseThatCannotBeSegmented(command, anMr, smallHead, tmp_path):
    case = tmp_path / "case"
    exitCode, result = command("import", anMr, "--case", case, "--side", "left")
    assert exitCode == 0 and result["verdict"] != "reject", result
    assert "mr-not-judged" in codes(result) and "noise" not in codes(result)
    assert [series["modality"] for series in result["series"]] == ["MR"]
    exitCode, result = command("segment", "--case", case)
    assert exitCode == 3 and "not-hu" in codes(result)
    exitCode, result = command("import", smallHead, "--case", case)
    assert exitCode == 4 and "other-case-modality" in codes(result)
    assert command("verify", case)[0] == 0


def test_mrIsRefusedForAProcedureOfBone(command, anMr, tmp_path):
    exitCode, result = command("import", anMr, "--case", tmp_path / "case", "--procedure", "cranioplasty")
    assert exitCode == 3 and result["verdict"] == "reject" and "other-modality" in codes(result)
    assert not (tmp_path / "case").exists()


def test_chainNamesWhyItEnds(command, anMr, tmp_path):
    exitCode, result = command("run", anMr, "--out", tmp_path / "out")
    assert exitCode == 3 and "not-hu" in codes(result)
    assert not (tmp_path / "out" / "package").exists()
