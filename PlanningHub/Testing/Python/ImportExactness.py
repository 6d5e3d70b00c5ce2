"""Holds an imported volume against SimpleITK's reading of the same files, and names refusals."""

from pathlib import Path

import numpy
import pydicom
import pytest
import SimpleITK
import slicer
from CaseMaking import ORIGIN_LPS, SPACING_MM, asymmetricVoxels, tree, writeSmallSeries

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Segmentation import ijkToRasOf
from PlanningHubLib.Volumes import loadSource

PLANE = numpy.array([-1.0, -1.0, 1.0])


def sortedByPosition(folder):
    """Sort files along their normal with nothing of the suite."""

    def place(path):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        cosines = numpy.array(header.ImageOrientationPatient, float)
        return numpy.cross(cosines[:3], cosines[3:]) @ numpy.array(header.ImagePositionPatient, float)

    return sorted((path for path in Path(folder).rglob("*") if path.is_file()), key=place)


def readWithSimpleItk(paths):
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    return reader.Execute()


def loaded(folder, session):
    """Return the voxels and the 4×4 (column, row, slice) to RAS matrix of a case's source."""
    case = Case.open(folder)
    node = loadSource(case, session, case.require("source"))
    return slicer.util.arrayFromVolume(node).copy(), slicer.util.arrayFromVTKMatrix(ijkToRasOf(node))


def matrixOfSimpleItk(image):
    """Return SimpleITK's geometry as a 4×4 matrix to RAS."""
    matrix = numpy.eye(4)
    direction = numpy.array(image.GetDirection()).reshape(3, 3)
    matrix[:3, :3] = PLANE[:, None] * direction * image.GetSpacing()
    matrix[:3, 3] = PLANE * image.GetOrigin()
    return matrix


def matrixOf(direction=None, spacing=SPACING_MM, origin=ORIGIN_LPS):
    matrix = numpy.eye(4)
    matrix[:3, :3] = PLANE[:, None] * (numpy.eye(3) if direction is None else direction) * spacing
    matrix[:3, 3] = PLANE * origin
    return matrix


def assertSameObjectInSpace(voxels, matrix, expected, expectedMatrix):
    """Every voxel of the expected volume is found at its place in RAS, with its intensity."""
    indices = numpy.argwhere(numpy.ones(expected.shape, bool))
    places = numpy.c_[indices[:, ::-1], numpy.ones(len(indices))] @ expectedMatrix.T
    found = places @ numpy.linalg.inv(matrix).T
    assert abs((found.round() - found) * 1.0)[:, :3].max() < 1e-3
    slices, rows, columns = found[:, 2::-1].round().astype(int).T
    assert voxels.shape == expected.shape
    assert numpy.array_equal(voxels[slices, rows, columns], expected[tuple(indices.T)])


def assertLikeSimpleItk(source, caseFolder, session):
    files = sortedByPosition(source)
    expected = readWithSimpleItk(files)
    voxels, matrix = loaded(caseFolder, session)
    reference = SimpleITK.GetArrayFromImage(expected)
    assert numpy.array_equal(voxels, reference) and voxels.dtype in (numpy.int16, reference.dtype)
    # SimpleITK averages no spacing: over the whole stack the two agree to a hundredth of a millimetre.
    assert abs(matrix - matrixOfSimpleItk(expected)).max() < 1e-4
    corner = numpy.array([*voxels.shape[::-1], 1]) - 1
    corner[3] = 1
    assert numpy.linalg.norm((matrix - matrixOfSimpleItk(expected)) @ corner) < 0.01
    case = Case.open(caseFolder)
    kept = [case.path(case.latest("source"), name).read_bytes() for name in case.latest("source").files]
    assert kept == [path.read_bytes() for path in files]


# Faults and controls


@pytest.fixture
def aTallSeries(tmp_path):
    """Eleven slices, so that no fault leaves too few."""
    writeSmallSeries(tmp_path / "tall", numpy.repeat(asymmetricVoxels(), 2, axis=0)[:11])
    return tmp_path / "tall"


def assertRefused(source, folder, code, error=InputRefused, **options):
    """The import is refused by name, in words, and neither the source nor the case's surroundings change."""
    sourceBefore, before = tree(source) if source.is_dir() else None, tree(folder)
    with pytest.raises(error) as refused:
        importSeries(source, folder / "new" / "case", **options)
    assert refused.value.code == code
    assert len(refused.value.message) > 20
    assert tree(folder) == before
    assert sourceBefore is None or tree(source) == sourceBefore
    return refused.value
