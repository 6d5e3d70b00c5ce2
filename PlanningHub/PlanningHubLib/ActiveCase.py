"""The active case: one singleton node of the scene, so that a saved scene remembers it and all modules agree."""

SINGLETON_TAG = "PlanningHubActiveCase"
FOLDER_PARAMETER = "caseFolder"


def activeCaseNode(scene, create=False):
    """Return the scene's singleton node, or None (without ``create``)."""
    node = scene.GetSingletonNode(SINGLETON_TAG, "vtkMRMLScriptedModuleNode")
    if node is None and create:
        node = scene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        node.SetName("Planning Hub active case")
        node.SetSingletonTag(SINGLETON_TAG)
        node = scene.AddNode(node)
    return node


def activeCaseFolder(scene):
    """Return the active case's folder as text, or empty text."""
    node = activeCaseNode(scene)
    return node.GetParameter(FOLDER_PARAMETER) if node else ""


def setActiveCaseFolder(scene, folder):
    """Make the case in a folder the active one; empty text for none."""
    activeCaseNode(scene, create=True).SetParameter(FOLDER_PARAMETER, str(folder or ""))
