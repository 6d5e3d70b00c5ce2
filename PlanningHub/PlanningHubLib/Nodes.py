"""Nodes of a scene: taking them out whole."""


def removeNodes(scene, *nodes):
    """Remove nodes (None for none) from a scene with their own display and storage nodes.

    Slicer leaves those behind: they would pile up with every step, and they name another patient's files.
    """
    for node in filter(None, nodes):
        own = [node.GetNthDisplayNode(index) for index in range(node.GetNumberOfDisplayNodes())]
        own += [node.GetNthStorageNode(index) for index in range(node.GetNumberOfStorageNodes())]
        own += [one.GetVolumePropertyNode() for one in own if hasattr(one, "GetVolumePropertyNode")]
        for one in (node, *own):
            if one is not None and scene.IsNodePresent(one):
                scene.RemoveNode(one)
