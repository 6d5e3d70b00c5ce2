"""Off-screen pictures of surfaces and slices, made by MRML's own displayable managers in a scene of their own.

The private scene keeps pictures free of whatever else the user has loaded, and works with and without Slicer.
"""

import functools
import math
import os
import subprocess
import sys

import slicer
import vtk

from .Session import buildHeadlessSession, slicerVersion
from .Volumes import BONE_LEVEL_HU, BONE_WINDOW_HU, showAsBone

# Camera offset from the centre and the view-up vector, in RAS.
DIRECTIONS = {
    "anterior": ((0, 1, 0), (0, 0, 1)),
    "posterior": ((0, -1, 0), (0, 0, 1)),
    "left": ((-1, 0, 0), (0, 0, 1)),
    "right": ((1, 0, 0), (0, 0, 1)),
    "superior": ((0, 0, 1), (0, 1, 0)),
    "inferior": ((0, 0, -1), (0, 1, 0)),
}
# What stands at the left and at the right edge of a slice picture, in the radiological convention.
EDGE_LETTERS = {"Axial": "RL", "Coronal": "RL", "Sagittal": "AP"}
# The orientations whose slices lie across R, A and S.
SLICE_AXES = ("Sagittal", "Coronal", "Axial")
CAMERA_ANGLE_DEGREES = 30.0

PROBE = """
from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
import vtkmodules.vtkRenderingOpenGL2
window, renderer, pixels = vtkRenderWindow(), vtkRenderer(), vtkUnsignedCharArray()
window.SetOffScreenRendering(True)
window.SetSize(4, 4)
window.AddRenderer(renderer)
renderer.SetBackground(1, 0, 0)
window.Render()
window.GetRGBACharPixelData(0, 0, 3, 3, 0, pixels)
raise SystemExit(0 if pixels.GetTuple(0)[:2] == (255, 0) else 1)
"""


class PicturesUnavailable(Exception):
    """This machine cannot render; the text says why. Everything but pictures still works."""


def requireRendering():
    """Raise where nothing can be rendered; inside Slicer everything can.

    :raises PicturesUnavailable: where nothing can be rendered
    """
    reason = "" if slicerVersion() else _whyNotRendering(sys.executable, os.environ.get("VTK_DEFAULT_OPENGL_WINDOW"))
    if reason:
        raise PicturesUnavailable(reason)


@functools.cache
def _whyNotRendering(python, _openGlWindow):
    """Try rendering in a child process, because a missing OpenGL can end the process that asks for it."""
    try:
        outcome = subprocess.run([python, "-c", PROBE], capture_output=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Rendering could not be tried: {error}."
    if outcome.returncode != 0:
        return "No OpenGL is available (on Debian, install libegl1 and libgl1-mesa-dri)."
    return ""


class Studio:
    """A private scene to take pictures of. Use it as a context manager.

    :raises PicturesUnavailable: where nothing can be rendered
    """

    def __init__(self):
        requireRendering()
        self._session = buildHeadlessSession()
        self.scene = self._session.scene
        self._models = []

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._session.close()

    def addSurface(self, polyDataRas, name, color, opacity=1.0):
        """Add a surface in RAS mm. :param color: red, green, blue from 0 to 1"""
        model = self.scene.AddNewNodeByClass("vtkMRMLModelNode", name)
        model.SetAndObservePolyData(polyDataRas)
        model.CreateDefaultDisplayNodes()
        display = model.GetDisplayNode()
        display.SetColor(*color)
        display.SetOpacity(opacity)
        display.SetVisibility2D(True)
        display.SetSliceIntersectionThickness(2)
        self._models.append(model)
        return model

    def addVolume(self, volumeNode, windowHu=BONE_WINDOW_HU, levelHu=BONE_LEVEL_HU):
        """Add a volume; its voxels are shared, not copied."""
        volume = self.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", volumeNode.GetName())
        matrix = vtk.vtkMatrix4x4()
        volumeNode.GetIJKToRASMatrix(matrix)
        volume.SetIJKToRASMatrix(matrix)
        showAsBone(volume, windowHu, levelHu)
        volume.SetAndObserveImageData(volumeNode.GetImageData())
        volume.GetDisplayNode().SetAndObserveColorNodeID(_grey(self.scene).GetID())
        return volume

    def takeThreeD(self, path, direction="anterior", size=(800, 800), aim=None):
        """Save a picture of all surfaces, seen from a direction of ``DIRECTIONS`` (where the viewer stands).

        :param path: PNG file
        :param size: width and height in pixels
        :param aim: function that places the vtkCamera, RAS mm, instead of the direction
        """
        view = self.scene.AddNewNodeByClass("vtkMRMLViewNode")
        view.SetLayoutName(view.GetID())
        view.SetBoxVisible(False)
        view.SetAxisLabelsVisible(False)
        view.SetBackgroundColor(1, 1, 1)
        view.SetBackgroundColor2(1, 1, 1)
        view.SetOrientationMarkerType(slicer.vtkMRMLAbstractViewNode.OrientationMarkerTypeCube)
        view.SetOrientationMarkerSize(slicer.vtkMRMLAbstractViewNode.OrientationMarkerSizeMedium)
        managers = ["Camera", "View", "Model", "Markups", "OrientationMarker"]
        with _Window(size) as window:
            window.show(self._session.applicationLogic, view, managers)
            camera = window.renderer.GetActiveCamera()
            aim(camera) if aim else _aim(camera, self._bounds(), direction, size)
            window.renderer.ResetCameraClippingRange()
            window.save(path)
        self.scene.RemoveNode(view)

    def takeSlice(self, volume, path, orientation="Axial", offsetMm=None, size=(800, 800)):
        """Save a picture of a slice of a volume, with the outlines of all surfaces.

        :param volume: what :meth:`addVolume` returned
        :param orientation: ``Axial``, ``Coronal`` or ``Sagittal``
        :param offsetMm: the slice's S, A or R coordinate in RAS; by default the middle of the volume
        """
        sliceNode = self.scene.AddNewNodeByClass("vtkMRMLSliceNode")
        sliceNode.SetLayoutName(sliceNode.GetID())
        sliceNode.SetOrientation(orientation)
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(self._session.applicationLogic)
        logic.SetMRMLScene(self.scene)
        logic.SetSliceNode(sliceNode)
        logic.GetSliceCompositeNode().SetBackgroundVolumeID(volume.GetID())
        sliceNode.SetDimensions(*size, 1)
        logic.FitSliceToAll(*size)
        if offsetMm is not None:
            # Not SetSliceOffset: a sagittal slice's normal points to the left.
            sliceNode.JumpSliceByOffsetting(*(offsetMm if axis == orientation else 0.0 for axis in SLICE_AXES))
        with _Window(size) as window:
            window.addImage(logic.GetImageDataConnection())
            window.show(self._session.applicationLogic, sliceNode, ["ModelSlice", "Markups", "Crosshair"])
            window.addLetters(EDGE_LETTERS[orientation])
            window.save(path)
        self.scene.RemoveNode(sliceNode)

    def _bounds(self):
        box = vtk.vtkBoundingBox()
        for model in self._models:
            bounds = [0.0] * 6
            model.GetRASBounds(bounds)
            box.AddBounds(bounds)
        return box


class _Window:
    """An off-screen window with the displayable managers of one view."""

    def __init__(self, size):
        self._size = size
        self.renderer = vtk.vtkRenderer()
        self._window = vtk.vtkRenderWindow()
        self._window.SetOffScreenRendering(True)
        self._window.SetMultiSamples(8)
        self._window.SetSize(*size)
        self._window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self._window)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()

    def show(self, applicationLogic, viewNode, managerNames):
        # A group of one's own: the factories are shared by the whole application.
        self._group.SetRenderer(self.renderer)
        for name in managerNames:
            manager = getattr(slicer, f"vtkMRML{name}DisplayableManager")()
            manager.SetMRMLApplicationLogic(applicationLogic)
            self._group.AddDisplayableManager(manager)
        self._group.SetMRMLDisplayableNode(viewNode)

    def addImage(self, imageConnection):
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(imageConnection)
        actor = vtk.vtkActor2D()
        actor.SetMapper(mapper)
        actor.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(actor)

    def addLetters(self, letters):
        for letter, place in zip(letters, (0.02, 0.94), strict=True):
            text = vtk.vtkTextActor()
            text.SetInput(letter)
            text.GetTextProperty().SetFontSize(self._size[1] // 18)
            text.GetTextProperty().SetBold(True)
            text.GetTextProperty().SetColor(1, 0.9, 0.2)
            text.SetPosition(place * self._size[0], 0.5 * self._size[1])
            self.renderer.AddViewProp(text)

    def save(self, path):
        self._window.Render()
        grabber = vtk.vtkWindowToImageFilter()
        grabber.SetInput(self._window)
        grabber.ReadFrontBufferOff()
        grabber.ShouldRerenderOff()
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputConnection(grabber.GetOutputPort())
        writer.Write()

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        # The managers observe the interactor and the renderer: they must go first.
        self._group.SetMRMLDisplayableNode(None)
        self._group = None
        self._interactor.SetRenderWindow(None)
        self._window.Finalize()


def _aim(camera, box, direction, size):
    center, lengths = [0.0] * 3, [0.0] * 3
    box.GetCenter(center)
    box.GetLengths(lengths)
    offset, up = DIRECTIONS[direction]
    depth = sum(abs(part) * length for part, length in zip(offset, lengths, strict=True))
    height = sum(abs(part) * length for part, length in zip(up, lengths, strict=True))
    width = sum(lengths) - depth - height
    halfView = 0.55 * max(height, width * size[1] / size[0])
    distance = depth / 2 + halfView / math.tan(math.radians(CAMERA_ANGLE_DEGREES / 2))
    camera.SetViewAngle(CAMERA_ANGLE_DEGREES)
    camera.SetFocalPoint(center)
    camera.SetPosition([middle + distance * part for middle, part in zip(center, offset, strict=True)])
    camera.SetViewUp(up)


def _grey(scene):
    node = scene.GetFirstNodeByName("Grey pictures")
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLColorTableNode", "Grey pictures")
        node.SetTypeToGrey()
    return node
