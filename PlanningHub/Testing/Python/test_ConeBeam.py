"""Cone-beam CT in every form that machines write: taken with a warning about its values, or refused by name."""

import numpy
import pydicom
import pytest
import slicer
from CaseMaking import asymmetricVoxels, rejections, writeSmallSeries
from MrMaking import XRAY_ANGIOGRAPHIC, XRAY_CRANIOFACIAL, writeFrames

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import examine, importSeries
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Volumes import loadSource


def setAll(folder, **attributes):
    for path in folder.iterdir():
        image = pydicom.dcmread(path)
        for keyword, value in attributes.items():
            setattr(image, keyword, value)
        image.save_as(path)
    return folder


def codes(findings):
    return {finding.code for finding in findings}


@pytest.mark.parametrize("attributes", [
    {"Manufacturer": "Planmeca"}, {"Manufacturer": "J.Morita.Mfg.Corp."}, {"Manufacturer": "QR s.r.l."},
    {"Manufacturer": "Ziehm Imaging GmbH"}, {"Manufacturer": "Medtronic", "ManufacturerModelName": "O-arm"},
    {"SeriesDescription": "CBCT mandible"}, {"ProtocolName": "Cone Beam 0.2 mm"}, {"RescaleType": "US"},
])  # fmt: skip
def test_coneBeamWrittenAsCtIsTakenWithAWarning(aSeries, tmp_path, attributes):
    verdict = importSeries(setAll(aSeries, **attributes), tmp_path / "case")
    finding = next(one for one in verdict.findings if one.code == "cbct-grey-values")
    assert finding.severity == verdict.word == "warn"
    facts = Case.open(tmp_path / "case").require("source").facts
    assert facts["planningModality"] == "CT" and {"code": finding.code, "severity": "warn"} in facts["findings"]


@pytest.mark.parametrize("attributes", [
    {"Manufacturer": "SIEMENS"}, {"Manufacturer": "GE MEDICAL SYSTEMS"}, {"Manufacturer": "Philips"},
    {"Manufacturer": "TOSHIBA"}, {"SeriesDescription": "DVT lower leg"}, {"SeriesDescription": "CT arm left"},
    {"RescaleType": "HU"}, {"RescaleType": ""},
])  # fmt: skip
def test_ordinaryCtIsNotTakenForConeBeam(aSeries, attributes):
    verdict = examine(setAll(aSeries, **attributes))
    assert verdict.word == "accept" and "cbct-grey-values" not in codes(verdict.findings)


@pytest.mark.parametrize("kind", ["Z_EFF", "ED", "MGML"])
def test_mapsOfDualEnergyAreNoHu(aSeries, tmp_path, kind):
    with pytest.raises(InputRefused) as refused:
        importSeries(setAll(aSeries, RescaleType=kind), tmp_path / "case")
    assert refused.value.code == "not-hu" and kind in refused.value.message


@pytest.mark.parametrize(("sopClassUid", "modality"), [(XRAY_CRANIOFACIAL, "DX"), (XRAY_ANGIOGRAPHIC, "XA")])
@pytest.mark.parametrize("syntax", [None, pydicom.uid.RLELossless])
def test_xray3dIsAVolume(tmp_path, aSession, sopClassUid, modality, syntax):
    path = writeFrames(tmp_path / "volume.dcm", writeSmallSeries(tmp_path / "single"), sopClassUid, syntax=syntax,
                       Modality=modality)  # fmt: skip
    verdict = importSeries(path, tmp_path / "case", procedure="general")
    assert verdict.word == "warn" and codes(verdict.findings) == {"cbct-grey-values"}
    with Case.open(tmp_path / "case", writable=True) as case:
        source = case.require("source")
        node = loadSource(case, aSession, source)
        assert numpy.array_equal(slicer.util.arrayFromVolume(node), asymmetricVoxels())
        assert source.facts["modality"] == modality and source.facts["planningModality"] == "CT"
        assert segmentBone(case, aSession, closingVoxels=0).facts["voxels"] == (asymmetricVoxels() >= 300).sum()


def noRescale(image):
    for frame in image.PerFrameFunctionalGroupsSequence:
        del frame.PixelValueTransformationSequence


def noPlace(image):
    for frame in image.PerFrameFunctionalGroupsSequence:
        del frame.PlanePositionSequence


def unevenSteps(image):
    image.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0].ImagePositionPatient[2] += 0.4


@pytest.mark.parametrize(("change", "code"), [
    (noRescale, "no-rescale"), (noPlace, "no-position"), (unevenSteps, "non-uniform-spacing"),
])  # fmt: skip
def test_xray3dThatIsNoUniformVolumeOfHuIsRefused(tmp_path, change, code):
    path = writeFrames(tmp_path / "volume.dcm", writeSmallSeries(tmp_path / "single"), XRAY_ANGIOGRAPHIC)
    image = pydicom.dcmread(path)
    change(image)
    image.save_as(path)
    assert rejections(examine(path, repair=True).findings) == [code]
