"""The verdict: each finding has data that was made for it, and a series without faults has none."""

import io
import os
import time
from pathlib import Path

import numpy
import pydicom
import pytest
from CaseMaking import tree
from VerdictMaking import ALWAYS, SHAPE, headVoxels, metal, painted, shifted, vessels, writeHead

from Phantom.DicomSeries import writeSeries
from PlanningHubCommand.Main import main
from PlanningHubLib.Case import Case
from PlanningHubLib.DicomScan import scanSource
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Procedures import readProcedure
from PlanningHubLib.SeriesGeometry import VolumeGeometry, checkSeries
from PlanningHubLib.Thumbnails import seriesThumbnail
from PlanningHubLib.VerdictFacts import SeriesFacts
from PlanningHubLib.VerdictSide import sideFindings, sidesNamed
from PlanningHubLib.VerdictVoxels import measureVoxels, sampleIndices, voxelFindings

CRANIOPLASTY = "cranioplasty"


def codes(verdict, *severities):
    """Return code → severity of a verdict's findings, without what every series of this page shares."""
    return {
        finding.code: finding.severity
        for finding in verdict.findings
        if finding.code not in ALWAYS and (not severities or finding.severity in severities)
    }


@pytest.fixture(scope="module")
def aHead(tmp_path_factory):
    """A head without a fault; only to be read."""
    return writeHead(tmp_path_factory.mktemp("head") / "ct")


def judged(tmp_path, procedure=CRANIOPLASTY, side="left", **head):
    return examine(writeHead(tmp_path / "ct", **head), procedure=procedure, side=side)


def test_headWithoutFaultsHasNoFinding(aHead):
    assert codes(examine(aHead, procedure=CRANIOPLASTY, side="left")) == {}


@pytest.mark.parametrize(
    "head, expected",
    [
        ({"spacingMm": (0.5, 0.5, 1.2)}, {"slice-spacing": "warn"}),
        ({"spacingMm": (0.5, 0.5, 5.0)}, {"slice-spacing": "reject", "slice-thickness": "warn"}),
        ({"spacingMm": (0.5, 0.5, 6.0)}, {"slice-spacing": "reject", "slice-thickness": "reject"}),
        ({"spacingMm": (0.8, 0.8, 1.0)}, {"pixel-spacing": "warn"}),
        ({"spacingMm": (2.6, 2.6, 1.0)}, {"pixel-spacing": "reject"}),
        ({"SliceThickness": "2"}, {"slice-thickness": "warn"}),
        ({"SliceThickness": "0.5"}, {"slice-gap": "warn"}),
        ({"SliceThickness": "9"}, {"implausible-thickness": "info"}),
        ({"ConvolutionKernel": "SOFT", "Manufacturer": "GE MEDICAL SYSTEMS"}, {"kernel": "warn"}),
        ({"ConvolutionKernel": ["Br38f", "3"], "Manufacturer": "SIEMENS"}, {"kernel": "warn"}),
        ({"ConvolutionKernel": ["Br64f", "3"], "Manufacturer": "SIEMENS"}, {}),
        ({"ConvolutionKernel": "FC81", "Manufacturer": "TOSHIBA"}, {}),
        ({"ConvolutionKernel": None}, {"unknown-kernel": "info"}),
        ({"ConvolutionKernel": "QQ"}, {"unknown-kernel": "info"}),
        ({"StudyDate": "20250101", "AcquisitionDate": "20250101"}, {"scan-age": "warn"}),
        ({"StudyDate": "", "AcquisitionDate": ""}, {"no-scan-date": "warn"}),
        ({"StudyDate": "soon", "AcquisitionDate": None}, {"no-scan-date": "warn"}),
        ({"StudyDate": "20260305", "AcquisitionDate": "20260305"}, {"scan-date-in-future": "warn"}),
        ({"GantryDetectorTilt": "12"}, {"tilt-not-in-geometry": "warn"}),
        ({"Laterality": "R"}, {"other-laterality": "reject"}),
        ({"ImageLaterality": "R"}, {"other-laterality": "reject"}),
        ({"Laterality": "L"}, {}),
        ({"Laterality": "U"}, {}),
        ({"SeriesDescription": "Head RIGHT 0.6"}, {"laterality-in-words": "warn"}),
        ({"StudyDescription": "CT Schädel rechts"}, {"laterality-in-words": "warn"}),
        ({"SeriesDescription": "Head LEFT and RIGHT"}, {}),
        ({"SeriesDescription": "R-spine L/R bright"}, {}),
    ],
)  # fmt: skip
def test_headerFinding(tmp_path, monkeypatch, head, expected):
    verdict = judged(tmp_path, **head)
    assert codes(verdict) == expected
    findings = [finding for finding in verdict.findings if finding.code in expected]
    assert all(len(finding.message) > 20 and len(finding.action) > 10 for finding in findings)
    assert (verdict.word == "reject") == ("reject" in expected.values())


def test_mixedLateralityIsRefused(tmp_path):
    def change(image, index):
        image.Laterality = "L" if index < 20 else "R"

    assert codes(judged(tmp_path, change=change))["mixed-laterality"] == "reject"


def test_noSideStatedComparesNothing(tmp_path):
    assert codes(judged(tmp_path, side=None, Laterality="R")) == {}


@pytest.mark.parametrize(
    "side, coded, expected",
    [
        ("bilateral", "L", ["one-side-only"]),
        ("midline", "L", []),
        ("right", "B", []),
        ("right", "L", ["other-laterality"]),
    ],
)
def test_codedSides(side, coded, expected):
    assert [finding.code for finding in sideFindings(SeriesFacts({"laterality": (coded,)}), side)] == expected


@pytest.mark.parametrize(
    "text, sides",
    [("Hüfte links", {"left"}), ("genou droit", {"right"}), ("LT KNEE", {"left"}), ("bright field", set()),
     ("L-spine", set()), ("left/right", {"left", "right"}), ("pierna izquierda", {"left"}), ("", set())],
)  # fmt: skip
def test_onlyWholeWordsAreSides(text, sides):
    assert sidesNamed(text) == sides


def test_sagittalSlicesAreSaid(tmp_path):
    direction = numpy.eye(3)[:, [1, 2, 0]]
    writeSeries(tmp_path / "ct", headVoxels(), (0.5, 0.5, 1.0), (0, 0, 0), direction)
    assert codes(examine(tmp_path / "ct", procedure=CRANIOPLASTY))["not-axial"] == "warn"


# Voxels


def speckles(voxels):
    """Single saturated voxels, as dense enamel and noise leave them."""
    voxels[10:30, 48, 56] = 3071


@pytest.mark.parametrize(
    "voxels, expected",
    [
        (lambda: painted(shifted), {"truncated-body": "warn"}),
        (lambda: headVoxels()[:-9], {"cut-at-top": "warn"}),
        (lambda: painted(metal), {"metal": "warn"}),
        (lambda: painted(speckles), {}),
        (lambda: headVoxels(noiseHu=90.0), {"noise": "warn"}),
        (lambda: headVoxels(noiseHu=30.0), {}),
    ],
)
def test_voxelFinding(tmp_path, voxels, expected):
    verdict = judged(tmp_path, voxels=voxels())
    assert codes(verdict) == expected


def test_cutIsFoundAtTheHeadWhicheverWaySlicesAreStacked(tmp_path):
    """With slices counted from head to feet the vertex is in the first one."""
    turned = numpy.diag([1.0, -1.0, -1.0])
    for name, voxels, expected in (("whole", headVoxels(), False), ("cut", headVoxels()[:-9], True)):
        writeSeries(tmp_path / name, voxels[::-1, ::-1], (0.5, 0.5, 1.0), (0, 0, 0), turned)
        assert ("cut-at-top" in codes(examine(tmp_path / name, procedure=CRANIOPLASTY))) is expected


@pytest.mark.parametrize("noiseHu", [5.0, 20.0, 50.0])
def test_noiseIsMeasuredToAFifth(tmp_path, noiseHu):
    verdict = judged(tmp_path, voxels=headVoxels(noiseHu=noiseHu))
    assert verdict.voxelFacts.noiseHu == pytest.approx(noiseHu, rel=0.2)


def test_metalIsMeasured(tmp_path):
    facts = judged(tmp_path, voxels=painted(metal)).voxelFacts
    assert facts.metalMl == pytest.approx(20 * 6 * 8 * 0.25 / 1000, rel=0.1)


def test_roundFieldIsCutAtItsOwnRim(tmp_path):
    """Scanners fill the corners outside a round field with a constant."""
    y, x = numpy.ogrid[: SHAPE[1], : SHAPE[2]]
    outside = numpy.hypot((y + 0.5) / SHAPE[1] * 2 - 1, (x + 0.5) / SHAPE[2] * 2 - 1) > 1
    for name, factor, expected in (("cut", 0.0, True), ("whole", 1.0, False)):
        voxels = headVoxels()
        if not factor:
            voxels[:40] = numpy.maximum(voxels[:40], 20)
        voxels[:, outside] = -1024
        writeHead(tmp_path / name, voxels)
        assert ("truncated-body" in codes(examine(tmp_path / name, procedure=CRANIOPLASTY))) is expected


@pytest.mark.parametrize(
    "agent, hu, code, severity",
    [
        ("IOMERON", 320, None, None),
        (None, 320, "contrast-not-stated", "warn"),
        ("IOMERON", 110, "weak-contrast", "warn"),
        (None, 60, "no-contrast", "reject"),
        ("NONE", 60, "no-contrast", "reject"),
    ],
)
def test_vesselsNeedContrast(tmp_path, agent, hu, code, severity):
    attributes = {"ContrastBolusAgent": agent} if agent else {}
    verdict = judged(tmp_path, "vessel", voxels=vessels(hu), ConvolutionKernel="SOFT", **attributes)
    found = {one.code: one.severity for one in verdict.findings if "contrast" in one.code}
    assert found == ({code: severity} if code else {})
    if hu == 320:
        assert verdict.voxelFacts.bloodPoolHu == pytest.approx(hu, abs=15)


def test_contrastInABonePlanIsSaid(tmp_path):
    verdict = judged(tmp_path, voxels=vessels(320), ContrastBolusAgent="IOMERON")
    assert codes(verdict)["contrast"] == "warn"


def test_pixelsThatCannotBeDecodedAreRefusedAtOnce(tmp_path):
    writeHead(tmp_path / "ct")
    for path in (tmp_path / "ct").iterdir():
        image = pydicom.dcmread(path)
        image.compress(pydicom.uid.RLELossless)
        data = bytearray(image.PixelData)
        data[20:400] = b"\xff" * 380
        image.PixelData = bytes(data)
        image.save_as(path)
    verdict = examine(tmp_path / "ct")
    assert verdict.word == "reject" and "cannot-decode" in codes(verdict)


def test_sampleOfALargeVolumeIsQuick():
    """Not a promise of a time, but a guard against looking at every voxel several times."""
    shape = (400, 512, 512)
    rng = numpy.random.default_rng(1)
    sample = rng.normal(0, 20, (len(sampleIndices(400)), 512, 512)).astype(numpy.int16)
    geometry = VolumeGeometry((), shape, (0.45, 0.45, 0.5), numpy.diag([0.45, 0.45, 0.5, 1]))
    start = time.process_time()
    found = voxelFindings(measureVoxels(sample, geometry), SeriesFacts({}), readProcedure(CRANIOPLASTY))
    assert "truncated-body" in {finding.code for finding in found}
    assert time.process_time() - start < 10


@pytest.mark.parametrize("spacingMm, expected", [((0.5, 0.5, 1.0), ALWAYS), ((2.0, 1.9, 2.6), set())])
def test_coverageAndFieldOfView(tmp_path, spacingMm, expected):
    """48 mm and 48 mm wide; 125 mm and 182 mm wide."""
    verdict = examine(writeHead(tmp_path / "ct", spacingMm=spacingMm), procedure=CRANIOPLASTY)
    assert {finding.code for finding in verdict.findings} & ALWAYS == expected


# Ranking and the picker


@pytest.fixture
def threeSeries(tmp_path):
    """Thick and soft, thin and soft, thin and sharp: of one patient, in this order of file names."""
    folder = tmp_path / "study"
    thin, thick = headVoxels(), headVoxels()[::4]
    writeHead(folder / "a", thick, (0.5, 0.5, 4.0), ConvolutionKernel="SOFT", SeriesInstanceUID="2.25.1")
    writeHead(folder / "b", thin, ConvolutionKernel="SOFT", SeriesInstanceUID="2.25.2")
    writeHead(folder / "c", thin, ConvolutionKernel="BONE", SeriesInstanceUID="2.25.3")
    return folder


def test_seriesAreRankedWithReasons(threeSeries, tmp_path):
    verdict = examine(threeSeries, procedure=CRANIOPLASTY)
    assert [one["uid"] for one in verdict.asDict()["series"]] == ["2.25.3", "2.25.2", "2.25.1"]
    assert [one["rank"] for one in verdict.asDict()["series"]] == [1, 2, 3]
    reasons = [one["reason"] for one in verdict.asDict()["series"]]
    assert "1.00 mm" in reasons[0] and "bone kernel (BONE)" in reasons[0] and "48 mm covered" in reasons[0]
    assert "4.00 mm" in reasons[2] and "slice-spacing" in reasons[2]
    # Ranked is not chosen.
    assert verdict.chosen is None and codes(verdict) == {"several-series": "reject"}
    message = verdict.findings[-1].message
    assert message.index("2.25.3") < message.index("2.25.2") < message.index("2.25.1") and reasons[0] in message


def test_theProcedureTurnsTheRanking(threeSeries):
    assert [one.uid for one in examine(threeSeries, procedure="soft-tissue").series] == ["2.25.2", "2.25.3", "2.25.1"]


def test_refusedSeriesComeLastAndSayWhy(threeSeries):
    next((threeSeries / "c").iterdir()).unlink()
    sorted((threeSeries / "c").iterdir())[20].unlink()
    last = examine(threeSeries, procedure=CRANIOPLASTY).asDict()["series"][-1]
    assert last["uid"] == "2.25.3" and last["reason"].startswith("not usable: ") and not last["volume_checked"]


def test_thumbnailShowsTheMiddleSlice(tmp_path):
    from PIL import Image

    voxels = numpy.full((5, 40, 80), -1000, numpy.int16)
    voxels[2, 10:20, 60:70] = 1500
    writeHead(tmp_path / "ct", voxels)
    series = scanSource(tmp_path / "ct")[0][0]
    picture = numpy.asarray(Image.open(io.BytesIO(seriesThumbnail(checkSeries(series)[0].headers))))
    assert picture.shape == (128, 128) and picture.dtype == numpy.uint8
    bright = numpy.argwhere(picture > 200)
    # 80 columns fill 128 pixels; 40 rows stand in the middle.
    assert abs(bright.mean(axis=0) - (32 + 14.5 * 1.6, 64.5 * 1.6)).max() < 1.5
    assert len(bright) == pytest.approx(16 * 16, rel=0.2)


# Real data and the command


@pytest.mark.parametrize(
    "procedure, word, expected",
    [
        (None, "warn", {"scan-age": "warn"}),
        (CRANIOPLASTY, "warn", {"slice-spacing": "warn", "pixel-spacing": "warn", "scan-age": "warn"}),
        ("mandible", "reject", {"slice-spacing": "reject", "scan-age": "reject"}),
        ("vessel", "reject", {"no-contrast": "reject", "scan-age": "reject"}),
    ],
)
def test_realSkullIsJudgedByWhatItIsFor(skullFolder, procedure, word, expected):
    """1.5 mm and 0.96 mm pixels from 2012: coarse for a plate, too coarse for a jaw."""
    verdict = examine(skullFolder, procedure=procedure, side="left")
    assert verdict.word == word
    assert expected.items() <= codes(verdict).items()
    # Rejected only for what is expected, and never for a thing that the scan does not have.
    assert codes(verdict, "reject") == {code: one for code, one in expected.items() if one == "reject"}
    assert not {"metal", "noise", "truncated-body", "cut-at-top"} & set(codes(verdict))


def test_caseRecordsVerdictAndLimits(aHead, tmp_path):
    importSeries(aHead, tmp_path / "case", side="left", procedure=CRANIOPLASTY)
    source = Case.open(tmp_path / "case").latest("source")
    limits = readProcedure(CRANIOPLASTY)
    assert source.parameters["procedure"] == {"name": CRANIOPLASTY, "origin": "shipped", "sha256": limits.sha256}
    assert source.facts["verdict"] == "warn" and {one["code"] for one in source.facts["findings"]} == ALWAYS
    assert source.facts["measured"]["noiseHu"] == pytest.approx(8, rel=0.2) and "repair" not in source.facts


def test_rejectedForQualityLeavesNothing(tmp_path):
    writeHead(tmp_path / "ct", Laterality="R")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputRefused) as refused:
        importSeries(tmp_path / "ct", tmp_path / "out" / "case", side="left", procedure=CRANIOPLASTY)
    assert refused.value.code == "other-laterality" and tree(tmp_path / "out") == {}


def test_commandShowsVerdictAndRank(threeSeries, tmp_path, capsys):
    import json

    arguments = ["import", str(threeSeries), "--case", str(tmp_path / "case"), "--json", "--procedure", CRANIOPLASTY]
    assert main(arguments) == 3
    values = json.loads(capsys.readouterr().out)
    assert [one["uid"] for one in values["series"]] == ["2.25.3", "2.25.2", "2.25.1"] and values["series"][0]["reason"]
    assert main([*arguments, "--series", values["series"][0]["uid"], "--side", "left"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["verdict"] == "warn" and values["procedure"]["name"] == CRANIOPLASTY
    assert Path(values["case"]).is_dir() and os.listdir(values["case"])
