"""The views of a package: where its pictures are taken from, what they show, and what they are called."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class View:
    """A view of the 3D scene, in LPS mm.

    :param visible: names of the bodies that are shown; empty for all
    :param stepName: the plan's step that it belongs to, or None
    :param viewAngleDegrees: vertical angle of the camera
    """

    name: str
    positionLps: tuple
    focalPointLps: tuple
    viewUpLps: tuple
    viewAngleDegrees: float = 30.0
    visible: tuple = ()
    stepName: str | None = None
