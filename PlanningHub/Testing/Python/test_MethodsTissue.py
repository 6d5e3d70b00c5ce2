"""Thresholds from the histogram, the body without table and cast, metal, crop and resampling."""

import math

import numpy
import pytest

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Segmenting import Body, Histogram, Metal, Resampling

SPACING_MM = (1.0, 1.0, 2.0)


def scan(bone=(700, 150), share=0.2, size=40):
    """Return voxels of soft tissue (40 ± 20 HU) with a share of bone, normally distributed."""
    random = numpy.random.default_rng(2)
    values = random.normal(40, 20, (size,) * 3)
    isBone = random.random(values.shape) < share
    values[isBone] = random.normal(*bone, int(isBone.sum()))
    return values.astype(numpy.int16), isBone


@pytest.mark.parametrize(
    "find", [Histogram.otsuThresholdHu, lambda voxels: Histogram.valleyThresholdHu(voxels, 100, 700)]
)
def test_thresholdFromTheHistogramDividesBoneFromSoftTissue(find):
    voxelsHu, isBone = scan()
    assert ((voxelsHu >= find(voxelsHu)) != isBone).mean() < 0.005


def test_airTableAndFatDoNotMoveTheThreshold():
    voxelsHu, _isBone = scan()
    padded = numpy.pad(voxelsHu, 20, constant_values=-1000)
    padded[:5] = -100
    assert Histogram.otsuThresholdHu(padded) == pytest.approx(Histogram.otsuThresholdHu(voxelsHu), abs=1)


def test_withoutAPeakOfBoneThereIsNoValley():
    random = numpy.random.default_rng(4)
    porous = numpy.concatenate([random.normal(40, 20, 50000), 40 + random.exponential(150, 20000)])
    for voxelsHu in (porous.reshape(70, 100, 10), scan(share=0)[0]):
        with pytest.raises(InputRefused) as refused:
            Histogram.valleyThresholdHu(voxelsHu, 100, 700)
        assert refused.value.code == "no-valley"
    with pytest.raises(InputRefused) as refused:
        Histogram.otsuThresholdHu(numpy.full((10, 10, 10), -1000, numpy.int16))
    assert refused.value.code == "no-valley"


def test_onlyTheMaskIsLookedAt():
    voxelsHu, _isBone = scan()
    table = numpy.full_like(voxelsHu, 300)
    both, mask = numpy.concatenate([voxelsHu, table]), numpy.zeros((80, 40, 40), numpy.uint8)
    mask[:40] = 1
    assert Histogram.otsuThresholdHu(both, mask) == Histogram.otsuThresholdHu(voxelsHu)
    assert Histogram.otsuThresholdHu(both) != Histogram.otsuThresholdHu(voxelsHu)


def limb(withTable=True, withCast=True, gapMm=3.0):
    """A forearm of 60 mm with bone, marrow, a cavity full of air and, without a cast, a thin finger; a cast of 5 mm;
    a table of two sheets."""
    slices, rows, columns = numpy.indices((70, 145, 160))
    radiusMm = numpy.hypot(rows - 70, columns - 80)
    voxelsHu = numpy.full(radiusMm.shape, -1000, numpy.int16)
    patient = radiusMm <= 30
    if not withCast:
        patient |= (slices > 40) & (slices < 46) & (abs(columns - 80) < 3) & (rows > 20) & (rows < 70)
    voxelsHu[patient] = 40
    voxelsHu[numpy.hypot(rows - 70, columns - 72) <= 8] = 900
    voxelsHu[numpy.hypot(rows - 70, columns - 72) <= 5] = 60
    voxelsHu[(numpy.hypot(rows - 80, columns - 90) <= 6) & (slices < 60)] = -1000
    if withCast:
        inner = 30 + gapMm
        voxelsHu[(radiusMm > inner) & (radiusMm <= inner + 5) & ~patient] = 500
    if withTable:
        voxelsHu[:, 112:115] = voxelsHu[:, 135:138] = 300
    return voxelsHu, patient


@pytest.mark.parametrize("withTable", [True, False])
@pytest.mark.parametrize("withCast", [True, False])
def test_tableAndCastGoAndThePatientStays(withTable, withCast):
    voxelsHu, patient = limb(withTable, withCast)
    body = Body.findBody(voxelsHu, SPACING_MM)
    assert (body.mask[patient] == 1).all()
    others = (voxelsHu > 200) & ~patient
    assert not body.mask[others].any()
    assert body.removedDenseMl == pytest.approx(others.sum() * 0.002)
    assert [finding.code for finding in body.findings] == (["dense-removed"] if withTable or withCast else [])


def test_aCastOnTheSkinIsNotTakenFromTheBody():
    """Nothing tells plaster on the skin from bone: it stays, and nothing of the patient goes."""
    voxelsHu, patient = limb(gapMm=0)
    assert (Body.findBody(voxelsHu, SPACING_MM).mask[patient] == 1).all()


def test_metalGoesWithItsRimAndStreaksAreTold():
    voxelsHu = numpy.zeros((40, 40, 40), numpy.int16)
    voxelsHu[5:35, 15:25, 15:25] = 1200
    voxelsHu[15:25, 19:21, 19:21] = 8000
    bone = (voxelsHu >= 300).astype(numpy.uint8)
    metal = Metal.metalMask(voxelsHu, (1.0, 1.0, 1.0), rimMm=1.0)
    assert metal[voxelsHu == 8000].all() and metal.sum() > 40 and metal[20, 19, 18] and not metal[20, 19, 16]
    figures, findings = Metal.streakFacts(bone & (metal ^ 1), metal, (1.0, 1.0, 1.0), 5.0)
    assert figures["metalMl"] == pytest.approx(metal.sum() / 1000) and 0 < figures["nearMetalMl"] < bone.sum() / 1000
    assert [finding.code for finding in findings] == ["near-metal"]
    none = Metal.metalMask(numpy.minimum(voxelsHu, 1200), (1.0, 1.0, 1.0))
    assert not none.any() and Metal.streakFacts(bone, none, (1.0, 1.0, 1.0)) == (
        {"metalMl": 0.0, "nearMetalMl": 0.0},
        (),
    )


# Geometry


def oblique(spacingMm, originRas=(10.0, -20.0, 30.0)):
    turn, cosine, sine = numpy.eye(4), math.cos(0.4), math.sin(0.4)
    turn[:3, :3] = [[-cosine, 0, sine], [0, -1, 0], [sine, 0, cosine]]
    return numpy.block([[turn[:3, :3] * spacingMm, numpy.array(originRas)[:, None]], [0, 0, 0, 1]])


def places(shape, matrix):
    indices = numpy.indices(shape).reshape(3, -1)[::-1]
    return (matrix[:3, :3] @ indices + matrix[:3, 3:]).T.reshape(*shape, 3)


def test_cropKeepsEachVoxelsPlace():
    matrix = oblique((0.8, 0.8, 2.0))
    voxels = numpy.random.default_rng(1).integers(0, 1000, (20, 30, 40)).astype(numpy.int16)
    low, high = (-15.0, -38.0, 35.0), (5.0, -25.0, 60.0)
    block, blockMatrix = Resampling.cropped(voxels, matrix, low, high)
    inside = ((places(voxels.shape, matrix) >= low) & (places(voxels.shape, matrix) <= high)).all(-1)
    assert numpy.array_equal(Resampling.boxMask(voxels.shape, matrix, low, high), inside)
    found = {tuple(place): value for place, value in zip(places(block.shape, blockMatrix).reshape(-1, 3).round(6),
                                                         block.reshape(-1), strict=True)}  # fmt: skip
    expected = places(voxels.shape, matrix)[inside].round(6)
    assert all(found[tuple(place)] == value for place, value in zip(expected, voxels[inside], strict=True))
    assert block.size < voxels.size


@pytest.mark.parametrize(
    "low, high, code", [((0, 0, 0), (0, 1, 1), "bad-box"), ((900, 0, 0), (901, 1, 1), "box-outside")]
)
def test_boxesThatHoldNothingAreRefused(low, high, code):
    with pytest.raises(InputRefused) as refused:
        Resampling.boxMask((5, 5, 5), numpy.eye(4), low, high)
    assert refused.value.code == code


def test_resampledVolumeHasTheSameValuesAtTheSamePlaces():
    """A linear ramp in RAS mm stays that ramp; the field covered is the same."""
    matrix = oblique((0.8, 1.1, 2.0))
    ramp = places((20, 30, 40), matrix) @ (3.0, -2.0, 5.0)
    found, newMatrix = Resampling.resampled(ramp.astype(numpy.float32), matrix, 1.0)
    assert numpy.allclose(numpy.linalg.norm(newMatrix[:3, :3], axis=0), 1.0)
    expected = places(found.shape, newMatrix) @ (3.0, -2.0, 5.0)
    assert abs(found - expected)[2:-2, 2:-2, 2:-2].max() < 0.01
    assert found.shape == (40, 33, 32)
    corner = matrix @ (-0.5, -0.5, -0.5, 1)
    assert numpy.allclose(newMatrix @ (-0.5, -0.5, -0.5, 1), corner)


def test_resampledMaskKeepsItsVolume():
    mask = (sum(numpy.square(axis - 20) for axis in numpy.ogrid[:41, :41, :41]) <= 225).astype(numpy.uint8)
    found, _matrix = Resampling.resampled(mask, numpy.diag([0.6, 0.6, 0.9, 1.0]), 0.5, isMask=True)
    assert set(numpy.unique(found)) == {0, 1}
    assert found.sum() * 0.5**3 == pytest.approx(mask.sum() * 0.6 * 0.6 * 0.9, rel=0.01)


def test_noSpacingIsRefused():
    for spacingMm in (0, -1, 1e-6):
        with pytest.raises(InputRefused) as refused:
            Resampling.resampled(numpy.zeros((5, 5, 5)), numpy.eye(4), spacingMm)
        assert refused.value.code == "bad-spacing"
