"""A method is checked, carried out step by step, told about, cancelled, and refused by name."""

import numpy
import pytest

from PlanningHubLib.Errors import Cancelled, InputRefused
from PlanningHubLib.Segmenting.Recipe import METHOD_SCHEMA, checkedMethod, findStructure, segmentStructure

MATRIX = numpy.diag([-1.0, -1.0, 2.0, 1.0])
THRESHOLD = {"do": "threshold", "minimumHu": 300}


def ras(voxel):
    """Return the RAS mm of a voxel (slice, row, column)."""
    return (MATRIX @ (*voxel[::-1], 1.0))[:3]


def aScan():
    """Two bones with a weak bridge, a hole in one of them, and a speck; soft tissue around."""
    voxelsHu = numpy.full((40, 50, 60), 40, numpy.int16)
    voxelsHu[5:20, 10:30, 5:25] = 800
    voxelsHu[10, 20, 15] = 50
    voxelsHu[8:18, 12:28, 27:50] = 900
    voxelsHu[12:14, 18:20, 25:27] = 350
    voxelsHu[35, 45, 55] = 700
    return voxelsHu


def method(*steps):
    return {"steps": list(steps)}


def refusal(*steps, **given):
    with pytest.raises(InputRefused) as refused:
        findStructure(aScan(), MATRIX, method(*steps), **given)
    return refused.value


def test_stepsFollowEachOther():
    found = findStructure(aScan(), MATRIX, method(THRESHOLD, {"do": "largest-island"}, {"do": "fill-holes"}))
    expected = aScan() >= 300
    expected[10, 20, 15], expected[35, 45, 55] = True, False
    assert numpy.array_equal(found.mask, expected) and found.mask.dtype == numpy.uint8
    assert found.figures == {"volumeMl": pytest.approx(expected.sum() * 0.002)}


def test_oneOfTwoBonesByPoints():
    seeds = {"left": [ras((12, 20, 15))], "right": [ras((12, 20, 40))]}
    for keep, count in (("left", 15 * 20 * 20 - 1), ("right", 10 * 16 * 23)):
        step = {"do": "separate", "keep": keep, "structures": ["left", "right"]}
        mask = segmentStructure(aScan(), MATRIX, method(THRESHOLD, step), seeds)
        assert int(mask.sum()) == pytest.approx(count, abs=8)


def test_sameInputGivesTheSameVoxels():
    steps = method({"do": "remove-table"}, {"do": "histogram-threshold"}, {"do": "closing", "radiusMm": 2},
                   {"do": "smooth", "radiusMm": 2})  # fmt: skip
    before = aScan()
    first, again = (findStructure(before, MATRIX, steps) for _time in range(2))
    assert numpy.array_equal(first.mask, again.mask) and first.figures == again.figures
    assert numpy.array_equal(before, aScan()) and 100 < first.figures["thresholdHu"] < 700


def test_bandMetalCropAndSubtraction():
    mask = segmentStructure(aScan(), MATRIX, method({**THRESHOLD, "maximumHu": 850}))
    assert mask[12, 20, 15] and not mask[12, 20, 40]
    found = findStructure(aScan(), MATRIX, method(THRESHOLD, {"do": "remove-metal", "minimumHu": 850, "rimMm": 0}))
    assert not found.mask[12, 20, 40] and found.figures["metalMl"] == pytest.approx(3680 * 0.002)
    assert "near-metal" in [finding.code for finding in found.findings]
    low, high = numpy.minimum(ras((0, 0, 0)), ras((39, 49, 25))), numpy.maximum(ras((0, 0, 0)), ras((39, 49, 25)))
    crop = {"do": "crop", "lowRas": low.tolist(), "highRas": high.tolist()}
    assert numpy.array_equal(numpy.nonzero(segmentStructure(aScan(), MATRIX, method(THRESHOLD, crop)).any((0, 1)))[0],
                             numpy.arange(5, 26))  # fmt: skip
    rest = segmentStructure(
        aScan(), MATRIX, method(THRESHOLD, {"do": "subtract", "structure": "one"}), None, {"one": mask}
    )
    assert not (rest & mask).any() and rest[12, 20, 40]


@pytest.mark.parametrize("spacingMm", [0.7, 1.5, 3.0])
def test_resampledStepsGiveTheSameBoneInTheSamePlace(spacingMm):
    """On cubes of a size, and back on the scan's voxels, oblique and mirrored: volume and center stay."""
    turn = numpy.array([[0.8, -0.6, 0, 30], [0.6, 0.8, 0, -20], [0, 0, 1, 5], [0, 0, 0, 1]])
    matrix, voxelsHu = turn @ MATRIX, aScan()
    voxelsHu[12:14, 18:20, 25:27] = 40
    resample, second = {"do": "resample", "spacingMm": spacingMm}, {"second": (voxelsHu == 900).view(numpy.uint8)}
    halfway = {**THRESHOLD, "minimumHu": 420}
    steps = method(resample, halfway, {"do": "subtract", "structure": "second"}, {"do": "largest-island"})
    found = findStructure(voxelsHu, matrix, steps, None, second)
    expected = voxelsHu == 800
    assert found.mask.shape == voxelsHu.shape and found.mask.dtype == numpy.uint8
    assert found.figures["resampledMm"] == spacingMm
    assert found.figures["volumeMl"] == pytest.approx(expected.sum() * 0.002, rel=0.02 + 0.03 * spacingMm)
    middle = numpy.argwhere(found.mask).mean(0) - numpy.argwhere(expected).mean(0)
    assert abs(middle * (2, 1, 1)).max() < 0.35 * spacingMm, "mm"


def test_resamplingComesFirst():
    refused = refusal(THRESHOLD, {"do": "resample", "spacingMm": 2})
    assert refused.code == "bad-method" and "Resample in the first step" in refused.action


def test_aRadiusThatDoesNothingIsTold():
    found = findStructure(aScan(), MATRIX, method(THRESHOLD, {"do": "closing", "radiusMm": 0.4}))
    assert [finding.code for finding in found.findings] == ["radius-below-voxel"]


@pytest.mark.parametrize(
    "steps",
    [
        {}, {"steps": []}, {"steps": [THRESHOLD], "more": 1}, {"steps": ["threshold"]}, method({"do": "magic"}),
        method({"do": "threshold"}), method({**THRESHOLD, "minimumHu": "300"}), method({**THRESHOLD, "colour": 1}),
        method(THRESHOLD, {"do": "closing"}), method(THRESHOLD, {"do": "closing", "voxels": 1, "radiusMm": 1}),
        method(THRESHOLD, {"do": "closing", "radiusMm": -1}), method({"do": "largest-island"}),
        method({**THRESHOLD, "maximumHu": 200}),
        method(THRESHOLD, {"do": "separate", "keep": "a", "structures": ["b", "c"]}),
    ],
)  # fmt: skip
def test_badMethodsAreRefused(steps):
    with pytest.raises(InputRefused) as refused:
        findStructure(aScan(), MATRIX, steps)
    assert refused.value.code == "bad-method"


@pytest.mark.parametrize(
    "steps, given, code",
    [
        ([{"do": "threshold", "minimumHu": 2000}], {}, "empty-segment"),
        ([THRESHOLD, {"do": "opening", "radiusMm": 40}], {}, "empty-segment"),
        ([THRESHOLD, {"do": "seeded-islands", "structure": "a"}], {}, "no-such-seed"),
        ([THRESHOLD, {"do": "seeded-islands", "structure": "a"}], {"seeds": {"a": [(900, 0, 0)]}}, "seed-outside"),
        ([THRESHOLD, {"do": "seeded-islands", "structure": "a"}], {"seeds": {"a": [ras((30, 5, 5))]}}, "empty-segment"),
        ([THRESHOLD, {"do": "separate", "keep": "a", "structures": ["a", "b"]}],
         {"seeds": {"a": [ras((12, 20, 15))], "b": [ras((30, 5, 5))]}}, "seeds-in-air"),
        ([THRESHOLD, {"do": "subtract", "structure": "a"}], {}, "no-such-structure"),
        ([THRESHOLD], {"others": {"a": numpy.zeros((2, 2, 2), numpy.uint8)}}, "other-grid"),
        ([{"do": "histogram-threshold", "minimumHu": 600, "maximumHu": 620}], {}, "threshold-out-of-bounds"),
        ([THRESHOLD, {"do": "crop", "lowRas": [900, 0, 0], "highRas": [901, 1, 1]}], {}, "box-outside"),
    ],
)  # fmt: skip
def test_whatCannotBeDoneIsRefusedByName(steps, given, code):
    error = refusal(*steps, **given)
    assert error.code == code and error.action
    if code != "other-grid":
        assert error.message.startswith(f"Step {len(steps)} (")


def test_shearedScanIsRefused():
    sheared = MATRIX.copy()
    sheared[1, 2] = 0.4
    with pytest.raises(InputRefused) as refused:
        findStructure(aScan(), sheared, method(THRESHOLD))
    assert refused.value.code == "sheared-geometry"


def test_progressRisesAndCancelEndsIt():
    told = []
    steps = method(THRESHOLD, {"do": "remove-table"}, {"do": "largest-island"}, {"do": "closing", "voxels": 1})
    findStructure(aScan(), MATRIX, steps, progress=lambda fraction, text: told.append((fraction, text)))
    fractions = [fraction for fraction, _text in told]
    assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
    assert {"Threshold", "Largest island", "Closing"} <= {text for _fraction, text in told}

    def cancel(fraction, text):
        if text == "Largest island":
            raise Cancelled()

    with pytest.raises(Cancelled):
        findStructure(aScan(), MATRIX, steps, progress=cancel)


def test_schemaAndCheckAgree():
    import jsonschema

    jsonschema.Draft202012Validator.check_schema(METHOD_SCHEMA)
    good = checkedMethod(method(THRESHOLD, {"do": "keep-islands", "count": 2}, {"do": "fill-holes"}))
    jsonschema.validate(good, METHOD_SCHEMA)
    assert good["steps"][1] == {"do": "keep-islands", "count": 2, "minimumMl": 0} and checkedMethod(good) == good
    for one in METHOD_SCHEMA["properties"]["steps"]["items"]["oneOf"]:
        assert one["title"] and all(key == "do" or "title" in value for key, value in one["properties"].items())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(method({"do": "threshold"}), METHOD_SCHEMA)
