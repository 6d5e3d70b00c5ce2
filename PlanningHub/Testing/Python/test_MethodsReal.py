"""What the methods honestly reach on real scans, against reference labels that a program of another kind made.

The lower bounds are loose; the figures themselves are in the documentation. The references leave the rims of thick
bones out and put the marrow in, so no threshold can reach a Dice of 1.
"""

import json

import numpy
import pytest
import SimpleITK
from RealData import dataFolder

from PlanningHubLib import Masks
from PlanningHubLib.Segmenting.Body import findBody
from PlanningHubLib.Segmenting.Grid import spacingOf
from PlanningHubLib.Segmenting.Quality import compared, largestClosedShellMl, volumeMl
from PlanningHubLib.Segmenting.Recipe import findStructure

TABLE, CLOSING = {"do": "remove-table"}, {"do": "closing", "radiusMm": 3}
MARROW = {"do": "fill-holes", "perSlice": True, "maximumMl": 20}
VERTEBRAE = ("vertebrae_L2", "vertebrae_L1", "vertebrae_T12")
# A person's clicks, RAS mm: on each vertebra one in front and one behind, on four ribs one, on each lung one.
TORSO_POINTS = {
    "vertebrae_L2": [(2.0, 101.3, 100.3), (-16.0, 155.3, 97.3)],
    "vertebrae_L1": [(-4.0, 89.3, 127.3), (-10.0, 146.3, 136.3)],
    "vertebrae_T12": [(-4.0, 80.3, 163.3), (-4.0, 137.3, 166.3)],
    "ribs": [(-64.0, 56.3, 181.3), (-34.0, 86.3, 166.3), (68.0, 65.3, 178.3), (29.0, 86.3, 166.3)],
    "lungs": [(-88.0, 83.3, 181.3), (74.0, 104.3, 181.3)],
}


def threshold(minimumHu):
    return {"do": "threshold", "minimumHu": minimumHu}


def method(*steps):
    return {"steps": list(steps)}


def ijkToRasOf(image):
    matrix = numpy.eye(4)
    matrix[:3, :3] = numpy.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    matrix[:3, 3] = image.GetOrigin()
    return numpy.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix


def labelled(folder, image, name):
    """Return voxels, 4×4 to RAS mm, and a function from the beginnings of names to the mask of the reference."""
    reference = SimpleITK.ReadImage(str(folder / f"{name}.nii.gz"))
    # The reference's rows may run the other way.
    onGrid = SimpleITK.Resample(reference, image, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    labels = SimpleITK.GetArrayFromImage(onGrid)
    numbers = json.loads((folder / "labels.json").read_text())[f"{name}.nii.gz"]

    def mask(*beginnings):
        return numpy.isin(labels, [one["label"] for key, one in numbers.items() if key.startswith(beginnings)])

    return SimpleITK.GetArrayFromImage(image), ijkToRasOf(image), mask


@pytest.fixture(scope="module")
def aTorso():
    folder = dataFolder("ct_skull_defect").parent
    return labelled(folder, SimpleITK.ReadImage(str(folder / "ct_torso_3mm.nii.gz")), "ct_torso_3mm_labels")


@pytest.fixture(scope="module")
def anAbdomen():
    folder = dataFolder("ct_abdomen_j2k")
    places = {str(path): SimpleITK.ReadImage(str(path)).GetOrigin()[2] for path in folder.iterdir()}
    image = SimpleITK.ReadImage(sorted(places, key=places.get))
    return labelled(folder.parent, image, "ct_abdomen_j2k_labels")


@pytest.fixture(scope="module")
def aSkull():
    folder = dataFolder("ct_skull_defect")
    names = SimpleITK.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    image = SimpleITK.ReadImage(names)
    return SimpleITK.GetArrayFromImage(image), ijkToRasOf(image)


def agreement(scan, steps, reference, seeds=None):
    voxelsHu, ijkToRas, _labels = scan
    spacingMm = spacingOf(ijkToRas)
    found = compared(findStructure(voxelsHu, ijkToRas, steps, seeds).mask, reference, spacingMm, max(spacingMm))
    print(f"Dice {found.dice:.3f}, surface Dice {found.surfaceDice:.3f} at {found.toleranceMm:.0f} mm, "
          f"HD95 {found.hausdorff95Mm:.1f} mm, mean {found.meanDistanceMm:.2f} mm, "
          f"{found.volumeMl:.1f} of {found.referenceMl:.1f} ml")  # fmt: skip
    return found


def test_bonesOfTheTorso(aTorso):
    steps = method(
        TABLE, threshold(120), {"do": "keep-islands", "minimumMl": 0.5}, CLOSING, {"do": "fill-holes"}, MARROW
    )
    bones = aTorso[2]("vertebrae", "rib")
    found = agreement(aTorso, steps, bones)
    assert found.dice > 0.8 and found.surfaceDice > 0.85 and found.hausdorff95Mm < 10
    plain = agreement(aTorso, method(threshold(300), {"do": "largest-island"}), bones)
    assert plain.dice < 0.4, "the recipe is better than a threshold for compact bone"


@pytest.mark.slow
def test_bonesOfTheAbdomen(anAbdomen):
    steps = method(TABLE, threshold(180), {"do": "keep-islands", "minimumMl": 1}, CLOSING, MARROW)
    bones = anAbdomen[2]("vertebrae", "rib", "humerus")
    found = agreement(anAbdomen, steps, bones)
    assert found.dice > 0.7 and found.surfaceDice > 0.7
    withTable = agreement(anAbdomen, method(*steps["steps"][1:]), bones)
    assert withTable.dice < found.dice - 0.1, "the table would count as bone"


@pytest.mark.slow
def test_noLabelledStructureGoesWithTheTable(aTorso, anAbdomen):
    for voxelsHu, ijkToRas, labels in (aTorso, anAbdomen):
        body = findBody(voxelsHu, spacingOf(ijkToRas))
        assert not (labels("") & (body.mask == 0)).any()
    assert body.removedDenseMl > 60


@pytest.mark.parametrize("side", ["left", "right"])
def test_humerusByOnePoint(anAbdomen, side):
    voxelsHu, ijkToRas, labels = anAbdomen
    reference = labels(f"humerus_{side}")
    dense = numpy.argwhere(reference & (voxelsHu > 400))
    point = (ijkToRas @ (*dense[len(dense) // 2][::-1], 1.0))[:3]
    assert (point[0] < 0) == (side == "left")
    steps = method(threshold(180), {"do": "seeded-islands", "structure": "humerus"}, CLOSING,
                   {"do": "fill-holes", "perSlice": True})  # fmt: skip
    assert agreement(anAbdomen, steps, reference, {"humerus": [point]}).dice > 0.85


def test_lungsByOnePointEach(aTorso):
    steps = method({**threshold(-1024), "maximumHu": -400}, {"do": "seeded-islands", "structure": "lungs"}, CLOSING,
                   {"do": "fill-holes"})  # fmt: skip
    found = agreement(aTorso, steps, aTorso[2]("lung"), TORSO_POINTS)
    assert found.dice > 0.93 and found.surfaceDice > 0.97


@pytest.mark.parametrize("name, leastDice", list(zip(VERTEBRAE, (0.8, 0.7, 0.7), strict=True)))
def test_vertebraFromVertebraByTwoPointsEach(aTorso, name, leastDice):
    separate = {"do": "separate", "keep": name, "structures": [*VERTEBRAE, "ribs"]}
    steps = method(
        threshold(130), {"do": "keep-islands", "minimumMl": 0.5}, CLOSING, {"do": "fill-holes"}, MARROW, separate
    )
    assert agreement(aTorso, steps, aTorso[2](name), TORSO_POINTS).dice > leastDice


def test_skullsVolumeIsThatOfItsLargestClosedShell(aSkull):
    voxelsHu, ijkToRas = aSkull
    steps = method(threshold(300), {"do": "largest-island"}, {"do": "closing", "voxels": 1})
    found = findStructure(voxelsHu, ijkToRas, steps)
    shellMl = largestClosedShellMl(found.mask, ijkToRas)
    print(f"{found.figures['volumeMl']:.1f} ml, largest closed shell {shellMl:.1f} ml")
    assert found.figures["volumeMl"] == pytest.approx(570.7, abs=1) and shellMl == pytest.approx(570.7, rel=0.02)


@pytest.mark.slow
def test_headRestGoesAndNoBoneOfTheSkull(aSkull):
    voxelsHu, ijkToRas = aSkull
    body = findBody(voxelsHu, spacingOf(ijkToRas))
    bone = Masks.thresholded(voxelsHu, 300)
    assert not (Masks.largestIsland(bone) & (body.mask ^ 1)).any()
    assert volumeMl(bone & (body.mask ^ 1), spacingOf(ijkToRas)) == pytest.approx(51.1, abs=3)


@pytest.mark.slow
@pytest.mark.parametrize("skullPoints", [1, 2])
def test_mandibleFromSkullByThreeOrFourPoints(aSkull, skullPoints):
    """The scan ends above the chin: of the mandible it shows two rami with their condyles, which the joint's gap parts
    from the skull, although a threshold does not."""
    voxelsHu, ijkToRas = aSkull
    clicks = {"Mandible": [(9, 105, 83), (9, 103, 181)], "Skull": [(9, 166, 85), (12, 60, 130)][:skullPoints]}
    seeds = {name: [(ijkToRas @ (*voxel[::-1], 1.0))[:3] for voxel in voxels] for name, voxels in clicks.items()}
    found = {
        keep: findStructure(
            voxelsHu,
            ijkToRas,
            method(threshold(300), {"do": "separate", "keep": keep, "structures": list(clicks)}),
            seeds,
        ).mask
        for keep in clicks
    }
    mandible = found["Mandible"]
    rightMl, leftMl = (volumeMl(half, spacingOf(ijkToRas)) for half in (mandible[:, :, :130], mandible[:, :, 130:]))
    assert 12 < rightMl + leftMl < 16 and abs(rightMl - leftMl) < 2, "two rami of like size"
    heightMm = numpy.flatnonzero(mandible.any((1, 2))).max() * 1.5
    assert 33 <= heightMm <= 40, "up to the condyles, not beyond the joint"
    assert not (mandible & found["Skull"]).any()
    largest = Masks.largestIsland(Masks.thresholded(voxelsHu, 300))
    assert (mandible & largest).sum() > 0.9 * mandible.sum(), "in the threshold they are one island"
