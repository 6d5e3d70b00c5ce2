"""slicer.app.coreIOManager(): enough for the real slicer.util to load, save and export nodes and whole scenes."""

import os

import slicer
import vtk

_FILE_TYPES = {
    ".mrml": "SceneFile",
    ".mrb": "SceneFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mha": "VolumeFile",
    ".dcm": "VolumeFile",
    ".seg.nrrd": "SegmentationFile",
    ".seg.vtm": "SegmentationFile",
    ".stl": "ModelFile",
    ".obj": "ModelFile",
    ".ply": "ModelFile",
    ".vtk": "ModelFile",
    ".vtp": "ModelFile",
    ".mrk.json": "MarkupsFile",
    ".fcsv": "MarkupsFile",
    ".h5": "TransformFile",
    ".tfm": "TransformFile",
    ".tsv": "TableFile",
    ".csv": "TableFile",
    ".txt": "TextFile",
}


class InputOutputManager:
    """Plays qSlicerCoreIOManager."""

    def __init__(self, session):
        self._session = session

    def fileType(self, fileName):
        """Type of a file, from the longest extension that is known."""
        lower = str(fileName).lower()
        for extension in sorted(_FILE_TYPES, key=len, reverse=True):
            if lower.endswith(extension):
                return _FILE_TYPES[extension]
        return "NoFile"

    def loadNodes(self, fileType, properties, loadedNodes=None, userMessages=None):
        """Loads a file; the nodes go into the given collection. Returns whether it worked."""
        path = str(properties["fileName"])
        if not os.path.exists(path):
            return False
        if fileType == "SceneFile":
            return self._loadScene(path, properties.get("clear", True))
        node = self._loadNode(fileType, path, properties)
        if node is None:
            return False
        if properties.get("name"):
            node.SetName(properties["name"])
        if loadedNodes is not None:
            loadedNodes.AddItem(node)
        return True

    def _loadNode(self, fileType, path, properties):
        name = properties.get("name") or os.path.basename(path).split(".")[0]
        logic = self._session.applicationLogic.GetModuleLogic
        if fileType == "VolumeFile":
            return self._loadVolume(path, name, properties)
        if fileType == "SegmentationFile":
            return logic("Segmentations").LoadSegmentationFromFile(path, True)
        if fileType == "ModelFile":
            coordinates = properties.get("coordinateSystem", slicer.vtkMRMLStorageNode.CoordinateSystemLPS)
            return logic("Models").AddModel(path, coordinates)
        if fileType == "MarkupsFile":
            nodeId = logic("Markups").LoadMarkups(path, name)
            return self._session.scene.GetNodeByID(nodeId) if nodeId else None
        if fileType == "TransformFile":
            return logic("Transforms").AddTransform(path, self._session.scene)
        if fileType == "TableFile":
            return logic("Tables").AddTable(path, name)
        if fileType == "TextFile":
            return self._loadText(path, name)
        return None

    def _loadText(self, path, name):
        scene = self._session.scene
        node = scene.AddNewNodeByClass("vtkMRMLTextNode", name)
        storage = scene.AddNode(self._newStorage(node))
        storage.SetFileName(path)
        node.SetAndObserveStorageNodeID(storage.GetID())
        return node if storage.ReadData(node) else None

    def _loadVolume(self, path, name, properties):
        options = (0x1 if properties.get("labelmap") else 0) | (0x10 if properties.get("singleFile") else 0)
        fileList = None
        if properties.get("fileNames"):
            fileList = vtk.vtkStringArray()
            for each in properties["fileNames"]:
                fileList.InsertNextValue(str(each))
        logic = self._session.applicationLogic.GetModuleLogic("Volumes")
        return logic.AddArchetypeVolume(path, name, options, fileList)

    def _loadScene(self, path, clear):
        scene = self._session.scene
        if path.lower().endswith(".mrb"):
            if clear:
                scene.Clear(False)
            return bool(scene.ReadFromMRB(path, clear))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def saveNodes(self, fileType, properties, userMessages=None):
        """Saves the scene (fileType SceneFile) or the node with properties['nodeID']. Returns whether it worked."""
        path = str(properties["fileName"])
        if fileType == "SceneFile":
            return self._saveScene(path)
        node = self._session.scene.GetNodeByID(properties["nodeID"])
        storage = node.GetStorageNode()
        if storage is None:
            # A text node may live without one in the scene file; a file of its own needs one all the same.
            storage = self._session.scene.AddNode(self._newStorage(node))
            node.SetAndObserveStorageNodeID(storage.GetID())
        storage.SetFileName(path)
        return bool(storage.WriteData(node))

    def _saveScene(self, path):
        scene = self._session.scene
        if path.lower().endswith(".mrb"):
            return bool(scene.WriteToMRB(path, None))
        if path.lower().endswith(".mrml"):
            scene.SetURL(path)
            scene.SetRootDirectory(os.path.dirname(path))
            return bool(scene.Commit(path))
        os.makedirs(path, exist_ok=True)
        return bool(self._session.applicationLogic.SaveSceneToSlicerDataBundleDirectory(path, None))

    def fileWriterFileType(self, node):
        """Type under which a node is written; one type is enough, the storage node decides the rest."""
        return "NodeFile"

    def fileWriterExtensions(self, node):
        """Formats a node can be written in, as 'Name (.ext)'."""
        storage = self._newStorage(node)
        types = storage.GetSupportedWriteFileTypes()
        return [types.GetValue(index) for index in range(types.GetNumberOfValues())]

    def extractKnownExtension(self, fileName, node):
        """The longest extension of the file name that the node's storage supports."""
        return self._newStorage(node).GetSupportedFileExtension(str(fileName), False, True)

    def exportNodes(self, nodeIds, fileNames, properties, hardenTransform=False, userMessages=None):
        """Writes nodes without touching their own storage nodes. Returns whether all worked."""
        scene = self._session.scene
        return all(
            self._export(scene.GetNodeByID(nodeId), str(fileName), hardenTransform)
            for nodeId, fileName in zip(nodeIds, fileNames, strict=True)
        )

    def _export(self, node, fileName, hardenTransform):
        scratch = slicer.vtkMRMLScene()
        copy = scratch.AddNewNodeByClass(node.GetClassName())
        copy.CopyContent(node)
        if hardenTransform and node.GetParentTransformNode() is not None:
            matrix = vtk.vtkGeneralTransform()
            node.GetParentTransformNode().GetTransformToWorld(matrix)
            copy.ApplyTransform(matrix)
        storage = copy.CreateDefaultStorageNode()
        storage.UnRegister(None)
        scratch.AddNode(storage)
        storage.SetFileName(fileName)
        return bool(storage.WriteData(copy))

    def _newStorage(self, node):
        storage = node.CreateDefaultStorageNode()
        if storage is None:
            return slicer.vtkMRMLTextStorageNode()
        storage.UnRegister(None)
        return storage
