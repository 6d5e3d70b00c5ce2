"""Pictures show what is there, on the side where it is; without OpenGL everything else goes on."""

import numpy
import pytest
import SimpleITK
import vtk
from CaseMaking import asymmetricVoxels
from scipy import ndimage

from PlanningHubLib import Pictures
from PlanningHubLib.Case import Case
from PlanningHubLib.Pictures import DIRECTIONS, PicturesUnavailable, Studio, requireRendering
from PlanningHubLib.Segmentation import segmentBone
from PlanningHubLib.Session import Session
from PlanningHubLib.Volumes import addVolume

SIZE = (400, 400)
GREY, RED, GREEN, BLUE = (0.6, 0.6, 0.6), (1, 0, 0), (0, 1, 0), (0, 0, 1)
# Where the patient's right, front and top appear: left (-1), right (1), below (-1), above (1), or not at all to a side.
SEEN = {
    "anterior": {"right": (-1, 0), "top": (0, 1)},
    "posterior": {"right": (1, 0), "top": (0, 1)},
    "left": {"front": (-1, 0), "top": (0, 1)},
    "right": {"front": (1, 0), "top": (0, 1)},
    "superior": {"right": (1, 0), "front": (0, 1)},
    "inferior": {"right": (-1, 0), "front": (0, 1)},
}


@pytest.fixture(scope="module")
def rendering():
    """Why this machine cannot render, or None; tried once."""
    try:
        requireRendering()
    except PicturesUnavailable as reason:
        return str(reason)


@pytest.fixture
def aStudio(rendering, monkeypatch):
    if rendering:
        pytest.skip(rendering)
    monkeypatch.setattr(Pictures, "requireRendering", lambda: None)
    with Studio() as studio:
        yield studio


def pixelsOf(path):
    """Return the picture as an array (rows from the top, columns, red green blue) of whole numbers."""
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[..., :3].astype(int)


def ball(center, radiusMm):
    source = vtk.vtkSphereSource()
    source.SetCenter(center)
    source.SetRadius(radiusMm)
    source.SetThetaResolution(40)
    source.SetPhiResolution(40)
    source.Update()
    return source.GetOutput()


def center(mask):
    """Return where a mask's pixels lie from the picture's middle: to the right and up, from -1 to 1."""
    rows, columns = numpy.nonzero(mask)
    height, width = mask.shape
    return numpy.array([columns.mean() / width * 2 - 1, 1 - rows.mean() / height * 2])


def colored(pixels, color):
    """Return the mask of pixels of a pure color, the orientation marker's corner left out."""
    strong, weak = int(numpy.argmax(color)), [channel for channel in range(3) if not color[channel]]
    mask = (pixels[..., strong] > 60) & (pixels[..., weak].max(axis=-1) < pixels[..., strong] / 2)
    mask[-mask.shape[0] // 4 :, -mask.shape[1] // 4 :] = False
    return mask


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_surfacesAreOnTheirSide(aStudio, tmp_path, direction):
    """A grey head with a red ball at its right, a green one in front and a blue one on top (RAS)."""
    aStudio.addSurface(ball((0, 0, 0), 20), "head", GREY)
    aStudio.addSurface(ball((30, 0, 0), 8), "right", RED)
    aStudio.addSurface(ball((0, 30, 0), 8), "front", GREEN)
    aStudio.addSurface(ball((0, 0, 30), 8), "top", BLUE)
    aStudio.takeThreeD(tmp_path / "picture.png", direction, SIZE)
    pixels = pixelsOf(tmp_path / "picture.png")
    assert pixels.shape == (*SIZE, 3)
    drawn = (pixels.min(axis=-1) < 240).mean()
    assert 0.1 < drawn < 0.9
    # The head is the largest ball, and the marker stands in the lower right corner.
    drawn = pixels.min(axis=-1) < 240
    drawn[300:, 300:] = False
    head = (abs(pixels - pixels[..., :1]).max(axis=-1) < 20) & drawn
    # The dark rims of the other balls are grey too, but thin.
    rows, columns = numpy.nonzero(ndimage.binary_erosion(head, iterations=3))
    middle = numpy.array([(columns.min() + columns.max()) / 400 - 1, 1 - (rows.min() + rows.max()) / 400])
    for name, color in (("right", RED), ("front", GREEN), ("top", BLUE)):
        seen = SEEN[direction].get(name)
        if seen:
            shift = center(colored(pixels, color)) - middle
            assert numpy.sign(shift[abs(shift).argmax()]) == sum(seen) and abs(shift).argmax() == (seen[1] != 0), name
            assert abs(shift).max() > 0.3 and abs(shift).min() < 0.1, name


def wall(hole):
    """A wall of cubes in the plane of the body's left side, one at the hole's (front, up) left out."""
    append = vtk.vtkAppendPolyData()
    for front in range(-2, 3):
        for up in range(-2, 3):
            if (front, up) != hole:
                cube = vtk.vtkCubeSource()
                cube.SetCenter(-50, front * 10, up * 10)
                cube.SetXLength(10), cube.SetYLength(10), cube.SetZLength(10)
                append.AddInputConnection(cube.GetOutputPort())
    append.Update()
    return append.GetOutput()


@pytest.mark.parametrize("hole", [(1, 1), (-1, 1), (1, -1)])
def test_defectIsSeenWhereItIs(aStudio, tmp_path, hole):
    aStudio.addSurface(wall(hole), "wall", GREY)
    for direction, sign in (("left", -1), ("right", 1)):
        path = tmp_path / f"{direction}.png"
        aStudio.takeThreeD(path, direction, SIZE)
        pixels = pixelsOf(path)
        rows, columns = numpy.nonzero(pixels.max(axis=-1) < 225)
        # The wall is five cubes wide and high; its middle is the picture's.
        cubePixels = (rows[columns < 250].max() - rows.min()) / 5
        column, row = (int(200 + shift * cubePixels) for shift in (sign * hole[0], -hole[1]))
        assert pixels[row, column].min() > 250, direction
        mirrored = int(200 - sign * hole[0] * cubePixels)
        assert pixels[row, mirrored].max() < 240, direction


@pytest.fixture
def aHead(aSession):
    """A volume (RAS mm) with a bright block at the patient's right, in front, on top; 1 mm voxels, centred."""
    voxels = numpy.full((60, 80, 100), -1000, numpy.int16)
    voxels[10:50, 10:70, 10:90] = 40
    matrix = numpy.diag([-1.0, -1.0, 1.0, 1.0])
    matrix[:3, 3] = (49.5, 39.5, -29.5)
    # Columns run to the patient's left, rows to the back, slices up.
    voxels[34:46, 16:26, 14:30] = 2500
    return addVolume(aSession, voxels, matrix, "head")


@pytest.mark.parametrize("orientation, offsetMm, expected", [
    ("Axial", 10.0, (-1, 1)), ("Coronal", 18.5, (-1, 1)), ("Sagittal", 27.5, (-1, 1)),
])  # fmt: skip
def test_sliceIsInTheRadiologicalConvention(aStudio, aHead, tmp_path, orientation, offsetMm, expected):
    """The patient's right is at the left of axial and coronal slices, the front at the left of sagittal ones."""
    volume = aStudio.addVolume(aHead)
    aStudio.takeSlice(volume, tmp_path / "slice.png", orientation, offsetMm, SIZE)
    pixels = pixelsOf(tmp_path / "slice.png")
    grey = abs(pixels - pixels[..., :1]).max(axis=-1) < 8
    bright = grey & (pixels[..., 0] > 240)
    assert 0.005 < bright.mean() < 0.1
    assert tuple(numpy.sign(center(bright))) == expected
    assert abs(center(bright)).min() > 0.1
    # The edges are named: yellow letters at the left and the right.
    yellow = (pixels[..., 0] > 200) & (pixels[..., 1] > 180) & (pixels[..., 2] < 120)
    assert yellow[:, :50].any() and yellow[:, -50:].any() and not yellow[:, 50:-50].any()


def test_sliceIsTakenWhereItIsAskedFor(aStudio, aHead, tmp_path):
    volume = aStudio.addVolume(aHead)
    found = {}
    for offsetMm in (-15.0, 10.0):
        aStudio.takeSlice(volume, tmp_path / "slice.png", "Axial", offsetMm, SIZE)
        pixels = pixelsOf(tmp_path / "slice.png")
        found[offsetMm] = (pixels.min(axis=-1) > 240).any()
    assert found == {-15.0: False, 10.0: True}


def test_surfaceIsOutlinedInTheSlice(aStudio, aHead, tmp_path):
    volume = aStudio.addVolume(aHead)
    aStudio.addSurface(ball((-25, -15, 0), 10), "left and behind", RED)
    aStudio.takeSlice(volume, tmp_path / "slice.png", "Axial", 0.0, SIZE)
    red = colored(pixelsOf(tmp_path / "slice.png"), RED)
    assert red.sum() > 50
    assert (center(red) * (1, -1) > 0.1).all()
    # A line round the ball, not the ball.
    rows, columns = numpy.nonzero(red)
    assert red.sum() < (rows.max() - rows.min()) * (columns.max() - columns.min()) / 2


def test_windowShowsBoneAndTissueApart(aStudio, aSession, tmp_path):
    matrix = numpy.diag([-1.0, -1.0, 3.0, 1.0])
    volume = aStudio.addVolume(addVolume(aSession, asymmetricVoxels(), matrix, "small"))
    aStudio.takeSlice(volume, tmp_path / "slice.png", "Axial", 6.0, SIZE)
    pixels = pixelsOf(tmp_path / "slice.png")
    shades = {round(255 * (hu - 400 + 900) / 1800) for hu in (40, 900)}
    present = set(numpy.unique(pixels[..., 0]))
    assert all(any(abs(shade - value) < 4 for value in present) for shade in shades)


def test_severalStudiosFollowEachOther(aStudio, tmp_path):
    aStudio.addSurface(ball((0, 0, 0), 10), "ball", RED)
    aStudio.takeThreeD(tmp_path / "first.png", size=SIZE)
    with Studio() as other:
        other.addSurface(ball((0, 0, 0), 10), "ball", RED)
        other.takeThreeD(tmp_path / "second.png", size=SIZE)
    aStudio.takeThreeD(tmp_path / "third.png", size=SIZE)
    first, second, third = (pixelsOf(tmp_path / f"{name}.png") for name in ("first", "second", "third"))
    assert numpy.array_equal(first, second) and numpy.array_equal(first, third)
    assert colored(first, RED).mean() > 0.2


# Without OpenGL


@pytest.fixture
def noOpenGl(monkeypatch):
    """VTK is told to draw through an X server that is not there."""
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", "vtkXOpenGLRenderWindow")
    monkeypatch.delenv("DISPLAY", raising=False)
    forget = getattr(requireRendering, "cache_clear", lambda: None)
    forget()
    yield
    forget()


def test_missingOpenGlIsSaidAndEverythingElseGoesOn(noOpenGl, anImportedCase):
    with pytest.raises(PicturesUnavailable) as error:
        Studio()
    assert "OpenGL" in str(error.value) and "libegl1" in str(error.value)
    with Session.start() as session, Case.open(anImportedCase, writable=True) as case:
        assert segmentBone(case, session).facts["voxels"] > 0
        assert case.verify() == []


def test_probeThatCannotRunIsSaid(monkeypatch):
    monkeypatch.setattr(Pictures.sys, "executable", "/nonexistent/python")
    with pytest.raises(PicturesUnavailable):
        requireRendering()
