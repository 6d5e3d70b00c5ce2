"""Seeing a scan in 3D before anything is segmented: Slicer's volume rendering with a look for what is looked for.

The looks are our own, so that they are the same with and without Slicer's preset files. A look is no finding: what it
shows depends on intensities alone.
"""

import vtk

# HU → opacity and color (red, green, blue); site defaults, no source. Between them a line.
LOOKS = {
    "bone": (
        (-1024, 0.0, (0, 0, 0)), (150, 0.0, (0.55, 0.35, 0.25)), (300, 0.35, (0.85, 0.7, 0.5)),
        (700, 0.8, (0.95, 0.9, 0.8)), (3000, 0.95, (1, 1, 1)),
    ),
    "vessels": (
        (-1024, 0.0, (0, 0, 0)), (130, 0.0, (0.5, 0.05, 0.05)), (200, 0.4, (0.85, 0.2, 0.15)),
        (400, 0.7, (0.95, 0.8, 0.6)), (3000, 0.9, (1, 1, 1)),
    ),
    "skin": (
        (-1024, 0.0, (0, 0, 0)), (-400, 0.0, (0.6, 0.4, 0.3)), (-150, 0.5, (0.9, 0.7, 0.6)),
        (200, 0.7, (0.95, 0.8, 0.7)), (3000, 0.9, (1, 1, 1)),
    ),
}  # fmt: skip
# Intensities of other modalities have no scale of their own: the window that the slices are seen in.
WINDOW_LOOK = "window"
AMBIENT, DIFFUSE, SPECULAR = 0.2, 0.9, 0.2


def looksFor(modality, procedureName):
    """Return the names of the looks that fit a scan, the one to begin with first.

    :param modality: of the source, such as ``CT``
    :param procedureName: of the procedure's template
    """
    if modality != "CT":
        return (WINDOW_LOOK,)
    first = "vessels" if procedureName == "vessel" else "bone"
    return (first, *(name for name in LOOKS if name != first))


def showVolume(session, volumeNode, look):
    """Show a volume in the 3D views; shown already, it gets the other look.

    :param volumeNode: vtkMRMLScalarVolumeNode of the session's scene
    :param look: of :data:`LOOKS`, intensities in HU, or :data:`WINDOW_LOOK`
    :returns: the vtkMRMLVolumeRenderingDisplayNode
    """
    logic = session.moduleLogic("VolumeRendering")
    display = logic.GetFirstVolumeRenderingDisplayNode(volumeNode)
    display = display or logic.CreateDefaultVolumeRenderingNodes(volumeNode)
    if look == WINDOW_LOOK:
        logic.CopyDisplayToVolumeRenderingDisplayNode(display)
    else:
        _giveLook(display.GetVolumePropertyNode(), LOOKS[look])
    display.SetVisibility(True)
    return display


def hideVolume(session, volumeNode):
    """Take a volume out of the 3D views again."""
    display = session.moduleLogic("VolumeRendering").GetFirstVolumeRenderingDisplayNode(volumeNode)
    if display is not None:
        display.SetVisibility(False)


def isVolumeShown(session, volumeNode):
    """Tell whether a volume (None for none) is shown in the 3D views."""
    logic = session.moduleLogic("VolumeRendering")
    display = logic.GetFirstVolumeRenderingDisplayNode(volumeNode) if volumeNode else None
    return display is not None and bool(display.GetVisibility())


def _giveLook(node, points):
    opacity, color = vtk.vtkPiecewiseFunction(), vtk.vtkColorTransferFunction()
    for hu, share, rgb in points:
        opacity.AddPoint(hu, share)
        color.AddRGBPoint(hu, *rgb)
    node.SetScalarOpacity(opacity)
    node.SetColor(color)
    seen = node.GetVolumeProperty()
    seen.SetInterpolationTypeToLinear()
    seen.ShadeOn()
    seen.SetAmbient(AMBIENT)
    seen.SetDiffuse(DIFFUSE)
    seen.SetSpecular(SPECULAR)
