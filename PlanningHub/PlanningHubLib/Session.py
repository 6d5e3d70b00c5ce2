"""The MRML session that a step works in: Slicer's own inside Slicer, else one built from plain ``slicer-core``."""

import tempfile

import slicer

# Order matters: later logics look up what earlier ones registered.
MODULE_LOGICS = {
    "Colors": "vtkMRMLColorLogic",
    "Units": "vtkSlicerUnitsLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Volumes": "vtkSlicerVolumesLogic",
    "Models": "vtkSlicerModelsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Texts": "vtkSlicerTextsLogic",
    "VolumeRendering": "vtkSlicerVolumeRenderingLogic",
}


def slicerVersion():
    """Return the version of the Slicer application that this runs in, empty text outside of it."""
    application = getattr(slicer, "app", None)
    inside = application is not None and getattr(slicer, "mrmlScene", None) is not None
    return application.applicationVersion if inside else ""


class Session:
    """A MRML scene with an application logic and module logics.

    Get one with :meth:`start`; call :meth:`close` (or use it as a context manager) when the work is done.
    """

    def __init__(self, scene, applicationLogic, insideSlicer, temporaryFolder=None, moduleLogics=()):
        self.scene = scene
        self.applicationLogic = applicationLogic
        self.insideSlicer = insideSlicer
        self._temporaryFolder = temporaryFolder
        # The application logic and the scene only point to these logics: somebody has to own them.
        self._moduleLogics = list(moduleLogics)

    @classmethod
    def start(cls):
        """Return Slicer's session where there is one, else a headless one of its own."""
        if slicerVersion():
            return cls(slicer.mrmlScene, slicer.app.applicationLogic(), insideSlicer=True)
        return buildHeadlessSession()

    def moduleLogic(self, moduleName):
        """Return the C++ logic of a Slicer module, such as ``Segmentations``."""
        return self.applicationLogic.GetModuleLogic(moduleName)

    def close(self):
        """Empty a headless session; Slicer's own scene is left as it is."""
        if self.insideSlicer or self.scene is None:
            return
        # Logics observe the scene: empty it while they still exist.
        self.scene.Clear(1)
        self.applicationLogic.SetMRMLScene(None)
        self._temporaryFolder.cleanup()
        self._moduleLogics.clear()
        self.scene = self.applicationLogic = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.close()


def buildHeadlessSession():
    """Build the scene and the logics that the Slicer application would have, from ``slicer-core`` alone."""
    scene = slicer.vtkMRMLScene()
    for node in (slicer.vtkMRMLCommandLineModuleNode(), slicer.vtkMRMLColorLegendDisplayNode()):
        scene.RegisterNodeClass(node)
    temporaryFolder = tempfile.TemporaryDirectory(prefix="planninghub-")
    scene.SetRootDirectory(temporaryFolder.name)
    _addDefaultCrosshair(scene)
    applicationLogic, *ioLogics = _applicationLogics(scene, temporaryFolder.name)
    moduleLogics = [
        _addModuleLogic(scene, applicationLogic, moduleName, className, temporaryFolder.name)
        for moduleName, className in MODULE_LOGICS.items()
    ]
    return Session(scene, applicationLogic, False, temporaryFolder, [*ioLogics, *moduleLogics])


def _addDefaultCrosshair(scene):
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    crosshair.SetSingletonTag("default")
    scene.AddNode(crosshair)


def _applicationLogics(scene, folder):
    applicationLogic = slicer.vtkSlicerApplicationLogic()
    applicationLogic.SetTemporaryPath(folder)
    applicationLogic.SetHomeDirectory(folder)
    applicationLogic.SetShareDirectory(folder)
    remoteIo = slicer.vtkMRMLRemoteIOLogic()
    dataIo = slicer.vtkDataIOManagerLogic()
    for logic in (remoteIo, dataIo):
        logic.SetMRMLApplicationLogic(applicationLogic)
    applicationLogic.SetMRMLScene(scene)
    remoteIo.SetMRMLScene(scene)
    dataIo.SetMRMLScene(scene)
    applicationLogic.SetMRMLSceneDataIO(scene, remoteIo, dataIo)
    scene.GetCacheManager().SetRemoteCacheDirectory(folder)
    scene.GetDataIOManager().SetCacheManager(scene.GetCacheManager())
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
    return applicationLogic, remoteIo, dataIo


def _addModuleLogic(scene, applicationLogic, moduleName, className, shareFolder):
    logic = getattr(slicer, className)()
    if hasattr(logic, "SetModuleShareDirectory"):
        logic.SetModuleShareDirectory(shareFolder)
    logic.SetMRMLApplicationLogic(applicationLogic)
    applicationLogic.SetModuleLogic(moduleName, logic)
    logic.SetMRMLScene(scene)
    return logic
