"""The pieces of a part as one GLB."""

from PlanningHubLib.Shapes import Glb


def glbBytes(bodies, label):
    """Return a GLB with a named mesh, color and node for each body; equal bodies and labels give equal bytes.

    :param bodies: list of :class:`PrintPrepLib.Formats.WritersThreeMf.Body`
    """
    shown = [Glb.GlbBody(body.mesh, body.name, body.color) for body in bodies]
    return Glb.glbBytes(shown, label.name, dict(label.lines()))
