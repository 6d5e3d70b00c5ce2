"""Slicer's place mode: the clicks of the user go to a markups node."""


def startPlaceMode(session, node, isPersistent=False):
    """Let the user place points of a markups node in the views; only the next click, or until stopped."""
    selection = session.applicationLogic.GetSelectionNode()
    selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
    selection.SetActivePlaceNodeID(node.GetID())
    interaction = session.applicationLogic.GetInteractionNode()
    interaction.SetPlaceModePersistence(1 if isPersistent else 0)
    interaction.SetCurrentInteractionMode(interaction.Place)


def stopPlaceMode(session):
    """Let clicks be clicks again."""
    interaction = session.applicationLogic.GetInteractionNode()
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
