"""qMRMLWidget and the small qMRML widgets: those that only hold a scene, a number or a segment."""

from PySide6 import QtCore, QtWidgets

from .CtkContainers import ctkCollapsibleButton
from .CtkValues import ctkDoubleSpinBox, ctkRangeWidget, ctkSliderWidget
from .Played import playsCpp, stored
from .QmrmlNodeComboBox import qMRMLNodeComboBox

SCENE_SIGNALS = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}


@playsCpp
class qMRMLWidget(QtWidgets.QWidget):
    """A widget that holds a scene and announces another one."""

    mrmlSceneChanged = QtCore.Signal(object)
    _standInSignals = SCENE_SIGNALS
    _standInScene = None

    def mrmlScene(self):
        """The scene, or None."""
        return self._standInScene

    def setMRMLScene(self, scene):
        """Slot: takes the scene; only what the .ui file connects to mrmlSceneChanged gets it too."""
        if scene is self._standInScene:
            return
        self._standInScene = scene
        self.mrmlSceneChanged.emit(scene)


@playsCpp
class qSlicerWidget(qMRMLWidget):
    """Base of module widgets in C++."""


class _HoldsScene:
    _standInScene = None

    def mrmlScene(self):
        """The scene, or None."""
        return self._standInScene

    def setMRMLScene(self, scene):
        """Slot: takes the scene."""
        self._standInScene = scene


@playsCpp
class qMRMLCollapsibleButton(_HoldsScene, ctkCollapsibleButton):
    """A section that holds a scene."""

    mrmlSceneChanged = QtCore.Signal(object)
    _standInSignals = SCENE_SIGNALS

    def setMRMLScene(self, scene):
        """Slot: takes the scene and announces it."""
        super().setMRMLScene(scene)
        self.mrmlSceneChanged.emit(scene)


@playsCpp
class qMRMLSliderWidget(_HoldsScene, ctkSliderWidget):
    """A slider that shows the unit of its quantity."""

    quantity = stored(str, "quantity", "")
    unitAwareProperties = stored("QVariant", "unitAwareProperties", None)


@playsCpp
class qMRMLSpinBox(_HoldsScene, ctkDoubleSpinBox):
    """A spin box that shows the unit of its quantity."""

    quantity = stored(str, "quantity", "")
    unitAwareProperties = stored("QVariant", "unitAwareProperties", None)


@playsCpp
class qMRMLRangeWidget(_HoldsScene, ctkRangeWidget):
    """A range that shows the unit of its quantity."""

    quantity = stored(str, "quantity", "")


@playsCpp
class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """Chooses a segmentation node and one of its segments."""

    currentNodeChanged = QtCore.Signal((object,), (bool,))
    currentSegmentChanged = QtCore.Signal(str)
    _standInSignals = {**SCENE_SIGNALS, "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged(PyObject)"}

    noneEnabled = stored(bool, "noneEnabled", False, "_standInFill")
    segmentNodeSelectorVisible = stored(bool, "segmentNodeSelectorVisible", True, "_standInShow")
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInNodes = qMRMLNodeComboBox(self)
        self._standInNodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        self._standInSegments = QtWidgets.QComboBox(self)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._standInNodes)
        layout.addWidget(self._standInSegments)
        self._standInNodes.currentNodeChanged.connect(self._standInNodeChanged)
        self._standInSegments.currentIndexChanged.connect(self._standInSegmentChanged)
        self.mrmlSceneChanged.connect(self._standInNodes.setMRMLScene)

    def _standInShow(self):
        self._standInNodes.setVisible(self.segmentNodeSelectorVisible)

    def _standInNodeChanged(self, node):
        self._standInFill()
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)

    def _standInSegmentChanged(self, _index):
        self.currentSegmentChanged.emit(self.currentSegmentID())

    def _standInFill(self):
        kept = self.currentSegmentID()
        self._standInSegments.blockSignals(True)
        self._standInSegments.clear()
        if self.noneEnabled:
            self._standInSegments.addItem("None", "")
        node = self.currentNode()
        segmentation = node.GetSegmentation() if node is not None else None
        for index in range(segmentation.GetNumberOfSegments() if segmentation else 0):
            segment = segmentation.GetNthSegment(index)
            self._standInSegments.addItem(segment.GetName(), segmentation.GetNthSegmentID(index))
        self.setCurrentSegmentID(kept)
        self._standInSegments.blockSignals(False)
        if self.currentSegmentID() != kept:
            self.currentSegmentChanged.emit(self.currentSegmentID())

    def currentNode(self):
        """The segmentation node, or None."""
        return self._standInNodes.currentNode()

    def currentNodeID(self):
        """ID of the segmentation node, or an empty string."""
        return self._standInNodes.currentNodeID

    def currentSegmentID(self):
        """ID of the segment, or an empty string."""
        return self._standInSegments.currentData or ""

    def setCurrentNode(self, node):
        """Slot: chooses a segmentation node."""
        self._standInNodes.setCurrentNode(node)

    def setCurrentSegmentID(self, segmentId):
        """Slot: chooses a segment of the node."""
        index = self._standInSegments.findData(segmentId)
        if index >= 0:
            self._standInSegments.setCurrentIndex(index)


@playsCpp
class qMRMLSegmentsTableView(qMRMLWidget):
    """Lists the segments of a segmentation node."""

    selectionChanged = QtCore.Signal()
    readOnly = stored(bool, "readOnly", False)
    headerVisible = stored(bool, "headerVisible", True)
    opacityColumnVisible = stored(bool, "opacityColumnVisible", True)
    visibilityColumnVisible = stored(bool, "visibilityColumnVisible", True)
    colorColumnVisible = stored(bool, "colorColumnVisible", True)
    statusColumnVisible = stored(bool, "statusColumnVisible", False)
    _standInNode = None

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInList = QtWidgets.QListWidget(self)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._standInList)
        self._standInList.itemSelectionChanged.connect(self._standInSelectionChanged)

    def _standInSelectionChanged(self):
        self.selectionChanged.emit()

    def segmentationNode(self):
        """The node whose segments are listed, or None."""
        return self._standInNode

    def setSegmentationNode(self, node):
        """Slot: lists the segments of this node."""
        self._standInNode = node
        self._standInList.clear()
        segmentation = node.GetSegmentation() if node is not None else None
        for index in range(segmentation.GetNumberOfSegments() if segmentation else 0):
            item = QtWidgets.QListWidgetItem(segmentation.GetNthSegment(index).GetName(), self._standInList)
            item.setData(QtCore.Qt.ItemDataRole.UserRole, segmentation.GetNthSegmentID(index))

    def selectedSegmentIDs(self):
        """IDs of the selected segments."""
        return tuple(each.data(QtCore.Qt.ItemDataRole.UserRole) for each in self._standInList.selectedItems())

    def segmentCount(self):
        """How many segments are listed."""
        return self._standInList.count


CLASSES = (
    qMRMLWidget,
    qSlicerWidget,
    qMRMLNodeComboBox,
    qMRMLCollapsibleButton,
    qMRMLSliderWidget,
    qMRMLSpinBox,
    qMRMLRangeWidget,
    qMRMLSegmentSelectorWidget,
    qMRMLSegmentsTableView,
)
