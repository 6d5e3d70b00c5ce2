"""The plan for headsets and phones as one GLB: a node for each body, below a node for what it is."""

from PlanningHubLib.Shapes import Glb

from .Shown import factsOf


def glbBytes(bodies, label):
    """Return a GLB in metres, y up, of bodies in LPS mm; equal bodies and labels give equal bytes.

    It is not compressed: every reader takes it, and the points stay what they are.

    :param bodies: list of :class:`ORExportLib.Content.Body`
    :param label: :class:`ORExportLib.Models.Shown.Label`
    """
    said = {"case": label.caseName, "side": label.side or "not stated"}
    shown = [
        Glb.GlbBody(body.mesh, body.name, body.color, body.opacity, body.role, {**factsOf(body), **said})
        for body in bodies
    ]
    return Glb.glbBytes(shown, label.title, label.values())
