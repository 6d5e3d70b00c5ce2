"""qMRMLNodeComboBox: chooses a node of the scene, and follows nodes that come, go and change their names."""

import vtk
from PySide6 import QtCore, QtWidgets

from .CtkChoices import ctkComboBox
from .Modals import modals
from .Observing import WeakCall
from .Played import playsCpp, stored


@playsCpp
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A combo box of nodes. Without a scene it is disabled and empty, as in Slicer."""

    currentNodeChanged = QtCore.Signal((object,), (bool,))
    currentNodeIDChanged = QtCore.Signal(str)
    currentNodeRenamed = QtCore.Signal(str)
    nodeActivated = QtCore.Signal(object)
    nodeAdded = QtCore.Signal(object)
    nodeAddedByUser = QtCore.Signal(object)
    nodeAddedByUserAction = QtCore.Signal(object)
    nodeAboutToBeRemoved = QtCore.Signal(object)
    nodeAboutToBeEdited = QtCore.Signal(object)
    _standInSignals = {
        f"{name}(vtkMRMLNode*)": f"{name}(PyObject)"
        for name in (
            "currentNodeChanged",
            "nodeActivated",
            "nodeAdded",
            "nodeAddedByUser",
            "nodeAddedByUserAction",
            "nodeAboutToBeRemoved",
            "nodeAboutToBeEdited",
        )
    }

    nodeTypes = stored("QStringList", "nodeTypes", [], "_standInRefresh")
    hideChildNodeTypes = stored("QStringList", "hideChildNodeTypes", [], "_standInRefresh")
    showHidden = stored(bool, "showHidden", False, "_standInRefresh")
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True, "_standInRefresh")
    noneEnabled = stored(bool, "noneEnabled", False, "_standInRefresh")
    noneDisplay = stored(str, "noneDisplay", "None", "_standInRefresh")
    addEnabled = stored(bool, "addEnabled", True)
    removeEnabled = stored(bool, "removeEnabled", True)
    editEnabled = stored(bool, "editEnabled", False)
    renameEnabled = stored(bool, "renameEnabled", False)
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    baseName = stored(str, "baseName", "")
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "")
    sizeAdjustPolicy = stored("QVariant", "sizeAdjustPolicy", QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToContents)

    def __init__(self, parent=None):
        super().__init__(parent)
        self._standInScene = None
        self._standInRequested = None
        self._standInNodes = []
        self._standInCurrent = None
        self._standInAttributes = []
        self._standInLabels = {}
        self._standInObservers = []
        self._standInFilling = False
        self._standInBox = ctkComboBox(self)
        self._standInBox.setSizePolicy(QtWidgets.QSizePolicy.Policy.Expanding, QtWidgets.QSizePolicy.Policy.Fixed)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._standInBox)
        self._standInBox.currentIndexChanged.connect(self._standInIndexChanged)
        self._standInBox.activated.connect(self._standInActivated)
        self.setEnabled(False)

    # the scene

    def mrmlScene(self):
        """The scene, or None."""
        return self._standInScene

    def setMRMLScene(self, scene):
        """Slot: lists the nodes of this scene, and chooses what was asked for before there was one."""
        if scene is self._standInScene:
            return
        self._standInForget()
        hadNodes = bool(self._standInNodes)
        self._standInScene = scene
        if scene is not None:
            self._standInObserveScene(scene)
        requested, self._standInRequested = self._standInRequested, None
        self._standInRefresh(selectFirst=not hadNodes)
        if requested is not None:
            self.setCurrentNodeID(requested)
        self.setEnabled(scene is not None)

    def _standInObserveScene(self, scene):
        for event in (
            scene.NodeAddedEvent,
            scene.NodeRemovedEvent,
            scene.EndBatchProcessEvent,
            scene.EndImportEvent,
            scene.EndCloseEvent,
        ):
            self._standInObserve(scene, event, "_standInRefresh")

    def _standInObserve(self, subject, event, method):
        self._standInObservers.append((subject, subject.AddObserver(event, WeakCall(self, method))))

    def _standInForget(self):
        for subject, tag in self._standInObservers:
            subject.RemoveObserver(tag)
        self._standInObservers = []

    # which nodes are listed

    def _standInAccepts(self, node):
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        kind = node.GetClassName()
        if kind in self.hideChildNodeTypes:
            return False
        fits = [each for each in self.nodeTypes if (node.IsA(each) if self.showChildNodeTypes else kind == each)]
        if not fits:
            return False
        return all(
            node.GetAttribute(name) is not None and (value is None or node.GetAttribute(name) == str(value))
            for type_, name, value in self._standInAttributes
            if node.IsA(type_)
        )

    def _standInListed(self):
        if self._standInScene is None:
            return []
        return [each for each in _nodesOf(self._standInScene) if self._standInAccepts(each)]

    def _standInWatchNodes(self):
        watched = {subject for subject, _tag in self._standInObservers}
        if self._standInScene is None:
            return
        for node in _nodesOf(self._standInScene):
            if node not in watched and any(node.IsA(each) for each in self.nodeTypes):
                self._standInObserve(node, vtk.vtkCommand.ModifiedEvent, "_standInRefresh")

    def _standInRefresh(self, selectFirst=False):
        if self._standInScene is not None and self._standInScene.IsBatchProcessing():
            return
        before, wasEmpty = self._standInCurrent, not self._standInNodes
        row = self._standInNodes.index(before) if before in self._standInNodes else -1
        added = self._standInListed()
        fresh = [each for each in added if each not in self._standInNodes]
        self._standInNodes = added
        self._standInWatchNodes()
        self._standInFill()
        self._standInChoose(self._standInAfterRefresh(before, row, selectFirst or wasEmpty))
        for node in fresh:
            self.nodeAdded.emit(node)

    def _standInAfterRefresh(self, before, row, selectFirst):
        """What Qt's combo box would show after its rows changed: the same node, a neighbor of a removed one."""
        nodes = self._standInNodes
        if before in nodes:
            return before
        if before is not None:
            return nodes[min(row, len(nodes) - 1)] if nodes else None
        if selectFirst and nodes and not self.noneEnabled:
            return nodes[0]
        return None

    def _standInFill(self):
        self._standInFilling = True
        self._standInBox.clear()
        if self.noneEnabled:
            self._standInBox.addItem(self.noneDisplay, "")
        for node in self._standInNodes:
            self._standInBox.addItem(node.GetName() or node.GetID(), node.GetID())
        types = self.nodeTypes
        self._standInBox.defaultText = f"Select a {self.nodeTypeLabel(types[0] if types else '')}"
        self._standInFilling = False

    # the current node

    def _standInChoose(self, node):
        self._standInFilling = True
        offset = 1 if self.noneEnabled else 0
        self._standInBox.setCurrentIndex(self._standInNodes.index(node) + offset if node is not None else offset - 1)
        self._standInFilling = False
        if node is self._standInCurrent:
            return
        self._standInCurrent = node
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def _standInIndexChanged(self, index):
        if not self._standInFilling:
            self._standInChoose(self.nodeFromIndex(index - (1 if self.noneEnabled else 0)))

    def _standInActivated(self, _index):
        self.nodeActivated.emit(self._standInCurrent)

    def currentNode(self):
        """The node, or None."""
        return self._standInCurrent

    def _standInCurrentID(self):
        return self._standInCurrent.GetID() if self._standInCurrent is not None else ""

    def setCurrentNode(self, node):
        """Slot: chooses a node, or an ID; a node that is not listed means none."""
        self.setCurrentNodeID(node if isinstance(node, str) else node.GetID() if node is not None else "")

    def setCurrentNodeID(self, nodeId):
        """Slot: chooses the node with this ID; remembered while there is no scene."""
        if self._standInScene is None:
            self._standInRequested = nodeId
            return
        self._standInChoose(next((each for each in self._standInNodes if each.GetID() == nodeId), None))

    currentNodeID = QtCore.Property(str, _standInCurrentID, setCurrentNodeID)

    def setCurrentNodeIndex(self, index):
        """Slot: chooses the node with this index."""
        self._standInChoose(self.nodeFromIndex(index))

    def nodeCount(self):
        """How many nodes are listed."""
        return len(self._standInNodes)

    def nodeFromIndex(self, index):
        """The listed node with this index, or None."""
        return self._standInNodes[index] if 0 <= index < len(self._standInNodes) else None

    # what the user may do

    def addAttribute(self, nodeType, name, value=None):
        """Lists only nodes of this type that carry the attribute, with this value where one is given."""
        self._standInAttributes.append((nodeType, name, value))
        self._standInRefresh()

    def removeAttribute(self, nodeType, name):
        """Undoes addAttribute."""
        self._standInAttributes = [each for each in self._standInAttributes if each[:2] != (nodeType, name)]
        self._standInRefresh()

    def setNodeTypeLabel(self, label, nodeType):
        """Name of a node type in the texts of this widget."""
        self._standInLabels[nodeType] = label

    def nodeTypeLabel(self, nodeType):
        """Name of a node type as shown to the user."""
        if nodeType in self._standInLabels:
            return self._standInLabels[nodeType]
        if self._standInScene is not None and nodeType:
            return self._standInScene.GetTypeDisplayNameByClassName(nodeType) or "node"
        return "node"

    def addNode(self, nodeType=None):
        """Slot: adds a node of the given, or first, type, and chooses it where selectNodeUponCreation says so."""
        kind = nodeType or (self.nodeTypes[0] if self.nodeTypes else None)
        if self._standInScene is None or kind not in self.nodeTypes:
            return None
        scene = self._standInScene
        base = self.baseName or scene.GetTypeDisplayNameByClassName(kind) or kind
        node = scene.AddNewNodeByClass(kind, scene.GenerateUniqueName(base))
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self):
        """Slot: removes the current node from the scene."""
        node = self._standInCurrent
        if node is not None:
            self.nodeAboutToBeRemoved.emit(node)
            self._standInScene.RemoveNode(node)

    def renameCurrentNode(self):
        """Slot: asks for a name for the current node."""
        name = modals.take("rename node", self._standInCurrentID())
        if self._standInCurrent is not None and name:
            self._standInCurrent.SetName(name)
            self.currentNodeRenamed.emit(name)

    def editCurrentNode(self):
        """Slot: asks the application to edit the current node."""
        self.nodeAboutToBeEdited.emit(self._standInCurrent)


def _nodesOf(scene):
    return [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
