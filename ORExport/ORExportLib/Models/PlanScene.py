"""The plan as a scene for 3D Slicer: models, segmentation, markups and motions; RAS mm inside, as in Slicer.

The CT is not in it: it is large and shows the patient, and lies in the archive and beside the package. The scene's text
names its series and its frame of reference; loaded beside it, the CT lies where the models are.
"""

import tempfile
from pathlib import Path

import numpy
import slicer

from PlanningHubLib import Segments
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Planning.Objects import Placement
from PlanningHubLib.Planning.Scene import nodeOf

from ..Content import RAS_TO_LPS
from .Shown import AID, factsOf, shownBodies

ABOUT = "About this plan"
_ATTRIBUTE = "PlanningHub."


class PlanScene:
    """A scene beside the session's own; only what belongs to the package is in it.

    :param content: :class:`ORExportLib.Content.Content`
    :param label: :class:`ORExportLib.Models.Shown.Label`
    """

    def __init__(self, content, label):
        self.scene = _sceneLike(content.session.scene)
        self._addText(content, label)
        self._addSegmentation(content.segmentationNode, label)
        self.models = [(body, self._addModel(body)) for body in shownBodies(content)]
        self.motions = [(body, self._addMotion(body)) for body, _node in self.models if body.matrixLps is not None]
        self.objects = [(thing, nodeOf(self, thing)) for thing in content.objects.values()]

    def save(self, node, path):
        """Write one node as a file, as Slicer does: points and motions in LPS.

        :raises InputRefused: ``cannot-write``
        """
        Segments.saveNode(self, node, path)

    def bundle(self, name):
        """Return the bytes of the whole scene as an ``.mrb``.

        :param name: of the folder inside
        :raises InputRefused: ``cannot-write``
        """
        with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
            path = Path(folder) / f"{name}.mrb"
            # The writer takes the scene's own folder and address for texts, never for none.
            self.scene.SetRootDirectory(folder)
            self.scene.SetURL(str(path.with_suffix(".mrml")))
            if not self.scene.WriteToMRB(str(path)):
                raise InputRefused(
                    "cannot-write", "The scene could not be written.", "See whether the temporary folder is full."
                )
            return path.read_bytes()

    def _addText(self, content, label):
        first = content.source.first
        said = {
            **label.values(),
            # Inside a scene everything is as Slicer has it.
            "coordinateSystem": "RAS",
            "imagesSeries": first.SeriesInstanceUID,
            "imagesStudy": first.StudyInstanceUID,
            "frameOfReference": content.source.frameOfReferenceUid,
        }
        node = self.scene.AddNewNodeByClass("vtkMRMLTextNode", ABOUT)
        node.SetText("".join(f"{name}: {value}\n" for name, value in said.items()))

    def _addSegmentation(self, segmentationNode, label):
        node = self.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", f"{label.caseName} segmentation")
        node.GetSegmentation().DeepCopy(segmentationNode.GetSegmentation())
        node.CreateDefaultDisplayNodes()
        # The models show the same surfaces.
        node.GetDisplayNode().SetVisibility3D(False)

    def _addModel(self, body):
        node = self.scene.AddNewNodeByClass("vtkMRMLModelNode", body.name)
        node.SetAndObservePolyData(body.mesh.rasLpsSwapped().toPolyData())
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetColor(*body.color)
        node.GetDisplayNode().SetOpacity(body.opacity)
        node.GetDisplayNode().SetVisibility(body.role != AID)
        for name, value in factsOf(body).items():
            node.SetAttribute(f"{_ATTRIBUTE}{name}", str(value))
        return node

    def _addMotion(self, body):
        matrix = RAS_TO_LPS @ numpy.asarray(body.matrixLps, float) @ RAS_TO_LPS
        return nodeOf(self, Placement(f"{body.name} from scan to plan", matrix))


def _sceneLike(other):
    """Return an empty scene that knows all classes of nodes that another knows: modules bring some of them."""
    scene = slicer.vtkMRMLScene()
    known = {node.GetClassName() for node in _registered(scene)}
    for node in _registered(other):
        if node.GetClassName() not in known:
            known.add(node.GetClassName())
            scene.RegisterNodeClass(node)
    # Markups ask it for their units; whoever opens the scene has one already.
    selection = slicer.vtkMRMLSelectionNode()
    selection.SetSaveWithScene(False)
    scene.AddNode(selection)
    return scene


def _registered(scene):
    return [scene.GetNthRegisteredNodeClass(index) for index in range(scene.GetNumberOfRegisteredNodeClasses())]
