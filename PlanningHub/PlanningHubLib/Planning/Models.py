"""Solids as files and as model nodes: PLY in LPS mm, through MRML's own storage."""

import slicer

from .. import Segments
from ..Nodes import removeNodes
from ..Shapes.Mesh import Mesh


def addModel(session, solid):
    """Add a model node that shows a solid, in RAS mm as everything in a scene."""
    node = session.scene.AddNewNodeByClass("vtkMRMLModelNode", solid.name)
    node.SetAndObservePolyData(solid.mesh.toPolyData())
    node.CreateDefaultDisplayNodes()
    node.GetDisplayNode().SetColor(*solid.color)
    return node


def writeModel(session, solid, path):
    """Write a solid as a file; the format is that of the file's ending.

    :raises InputRefused: ``cannot-write``
    """
    node = addModel(session, solid)
    try:
        Segments.saveNode(session, node, path)
    finally:
        removeNodes(session.scene, node)


def readModel(session, path):
    """Return the mesh (RAS mm) of a model file of LPS mm.

    :raises InputRefused: ``cannot-read``
    """
    node = session.scene.AddNewNodeByClass("vtkMRMLModelNode", path.stem)
    try:
        Segments.readNode(session, node, path)
        return Mesh.fromPolyData(node.GetPolyData())
    finally:
        if isinstance(node, slicer.vtkMRMLModelNode) and session.scene.IsNodePresent(node):
            removeNodes(session.scene, node)
