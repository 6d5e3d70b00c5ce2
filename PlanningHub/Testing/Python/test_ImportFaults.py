"""The faults of geometry and identity, each refused by name, and oddities that are none."""

import numpy
import pydicom
import pytest
from CaseMaking import FAULT_CODES, ORIGIN_LPS, SPACING_MM, asymmetricVoxels
from ImportExactness import assertRefused, assertSameObjectInSpace, loaded, matrixOf

from Phantom.DicomSeries import byPosition, setStored
from Phantom.Faults import controls, damagedCopy, editAll, faults
from PlanningHubLib.Case import Case
from PlanningHubLib.Import import importSeries


def test_everyFaultHasItsCode():
    assert set(FAULT_CODES) == set(faults) - {"localizerInside"} and len(set(FAULT_CODES.values())) == 15
    assert len(controls) == 4


@pytest.mark.parametrize("fault", FAULT_CODES)
def test_faultIsRefusedByName(aTallSeries, tmp_path, fault):
    (tmp_path / "out").mkdir()
    damaged = damagedCopy(fault, aTallSeries, tmp_path / "damaged")
    error = assertRefused(damaged, tmp_path / "out", FAULT_CODES[fault])
    assert error.exitCode == 3 and error.action


def test_localizerInsideTheSeriesIsSplitFromIt(aTallSeries, tmp_path, aSession):
    damaged = damagedCopy("localizerInside", aTallSeries, tmp_path / "damaged")
    verdict = importSeries(damaged, tmp_path / "case")
    assert [finding.code for finding in verdict.findings] == ["series-split"]
    assert "1 localizers" in verdict.findings[0].message
    importSeries(aTallSeries, tmp_path / "straight")
    contents = [Case.open(tmp_path / name).latest("source").content for name in ("case", "straight")]
    assert contents[0] == contents[1]


def test_undamagedSeriesIsAccepted(aTallSeries, tmp_path):
    verdict = importSeries(aTallSeries, tmp_path / "case")
    assert verdict.word == "accept" and verdict.findings == ()


@pytest.mark.parametrize("control", ["reversedInstanceNumbers", "flippedRows", "perSliceSlope", "lyingSliceThickness"])
def test_harmlessOddityIsAcceptedAndRight(aTallSeries, tmp_path, aSession, control):
    odd = damagedCopy(control, aTallSeries, tmp_path / "odd")
    verdict = importSeries(odd, tmp_path / "case")
    assert verdict.word == "accept"
    voxels, matrix = loaded(tmp_path / "case", aSession)
    expected = numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11]
    assertSameObjectInSpace(voxels, matrix, expected, matrixOf())
    assert numpy.allclose(Case.open(tmp_path / "case").latest("source").facts["spacingMm"], SPACING_MM, atol=1e-6)


@pytest.mark.parametrize("wholeSlice", [0, 1])
def test_perSliceSlopeKeepsFractionsOfAHounsfieldUnit(aTallSeries, tmp_path, aSession, wholeSlice):
    """Half of the slices hold steps of 0.5 HU, whichever comes first."""

    def change(image, index, _count):
        if index % 2 != wholeSlice:
            setStored(image, image.pixel_array.astype(numpy.int32) * 2 + 1)
            image.RescaleSlope = "0.5"

    editAll(aTallSeries, change)
    importSeries(aTallSeries, tmp_path / "case")
    expected = numpy.stack([hounsfield(path) for path in byPosition(aTallSeries)])
    assert (expected % 1 == 0.5).any() and (expected % 1 == 0).any()
    voxels, _matrix = loaded(tmp_path / "case", aSession)
    assert numpy.array_equal(voxels, expected)


def hounsfield(path):
    image = pydicom.dcmread(path)
    return image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)


@pytest.mark.parametrize("slope, intercept", [("0.25", "-1000.5"), ("1", "-8192"), ("2", "0")])
def test_anyRescaleGivesHounsfieldUnits(aTallSeries, tmp_path, aSession, slope, intercept):
    def change(image, *_rest):
        image.RescaleSlope, image.RescaleIntercept = slope, intercept

    editAll(aTallSeries, change)
    importSeries(aTallSeries, tmp_path / "case")
    expected = numpy.stack([hounsfield(path) for path in byPosition(aTallSeries)])
    assert numpy.array_equal(loaded(tmp_path / "case", aSession)[0], expected)


def test_roundedPositionsAreNoFault(aTallSeries, tmp_path):
    """Scanners write positions with a few digits only."""

    def change(image, index, _count):
        place = ORIGIN_LPS[2] + index * SPACING_MM[2] + (index % 3) * 1e-3
        image.ImagePositionPatient = [*image.ImagePositionPatient[:2], f"{place:.3f}"]

    editAll(aTallSeries, change)
    assert importSeries(aTallSeries, tmp_path / "case").word == "accept"


@pytest.mark.parametrize("sizes", [[5], [3, 8]])
def test_everyMissingSliceIsCounted(aTallSeries, tmp_path, sizes):
    (tmp_path / "out").mkdir()
    for index in sizes:
        byPosition(aTallSeries)[index - sizes.index(index)].unlink()
    error = assertRefused(aTallSeries, tmp_path / "out", "missing-slice")
    assert error.message.startswith(f"{len(sizes)} slice")
