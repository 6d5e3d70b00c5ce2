"""The views on a plan that were agreed on: what the pictures, the pages and the viewer of a package show.

A view is a camera in LPS mm with what it shows. Views are kept in the case, beside what is approved: they change no
part of the plan.
"""

import dataclasses
import importlib.resources
import json
import math
from pathlib import Path

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.SchemaCheck import inWords, schemaFault
from PlanningHubLib.Software import versions

KIND = "views"
FILE_NAME = "views.json"
FORMAT, VERSION = "planninghub-views", 1
SCHEMA = "views-1.schema.json"
VIEW_ANGLE_DEGREES = 30.0
# Far above any file of views.
LARGEST_BYTES = 1024 * 1024
# So much wider than what is looked at.
MARGIN = 1.1
_LPS_OF_RAS = numpy.array((-1.0, -1.0, 1.0))
# Where the viewer stands, from the middle of things, and what is up; LPS.
DIRECTIONS = {
    "front": ((0.0, -1.0, 0.0), (0.0, 0.0, 1.0)),
    "back": ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "left": ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "right": ((-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)),
    "above": ((0.0, 0.0, 1.0), (0.0, -1.0, 0.0)),
}
NAMES = {
    "front": "From the front", "back": "From behind", "left": "From the patient's left",
    "right": "From the patient's right", "above": "From above",
}  # fmt: skip
# Procedures that are looked at from behind as well.
FROM_BEHIND = ("spine", "pelvis")
MADE = "What is made"
# Origin of a body that comes of the segmentation.
SEGMENT = "segment"


@dataclasses.dataclass(frozen=True)
class View:
    """A camera and what it shows.

    :param positionLps: where the viewer stands, mm
    :param focalPointLps: what is in the middle, mm
    :param viewUpLps: direction that points up
    :param viewAngleDegrees: the vertical angle that is seen in perspective
    :param visible: names of the bodies that are shown; empty for all
    :param stepName: the plan's step that it belongs to, or None
    :param parallelScaleMm: half the height that is seen, of a parallel projection; None for one in perspective
    :param caption: a line below it
    """

    name: str
    positionLps: tuple
    focalPointLps: tuple
    viewUpLps: tuple
    viewAngleDegrees: float = VIEW_ANGLE_DEGREES
    visible: tuple = ()
    stepName: str | None = None
    parallelScaleMm: float | None = None
    caption: str = ""

    def asDict(self):
        """Return the view as its file holds it."""
        return dataclasses.asdict(self)

    def shows(self, name):
        """Tell whether a body of a name is shown."""
        return not self.visible or name in self.visible


def viewOfCamera(cameraNode, name, visible=(), stepName=None, caption=""):
    """Return the view that a camera of the scene has.

    :param cameraNode: vtkMRMLCameraNode, RAS mm
    :param visible: names of the bodies that the 3D view shows; empty for all
    :raises InputRefused: ``bad-views``
    """
    camera = cameraNode.GetCamera()
    return _requireView(
        View(
            name.strip(),
            *(_rounded(point * _LPS_OF_RAS) for point in (camera.GetPosition(), camera.GetFocalPoint())),
            _rounded(numpy.array(camera.GetViewUp()) * _LPS_OF_RAS, 6),
            round(camera.GetViewAngle(), 3),
            tuple(visible),
            stepName,
            round(camera.GetParallelScale(), 3) if camera.GetParallelProjection() else None,
            caption.strip(),
        )
    )


def aim(camera, view):
    """Let a vtkCamera, RAS mm, see what a view shows."""
    camera.SetParallelProjection(view.parallelScaleMm is not None)
    if view.parallelScaleMm is not None:
        camera.SetParallelScale(view.parallelScaleMm)
    camera.SetViewAngle(view.viewAngleDegrees)
    camera.SetFocalPoint(*(view.focalPointLps * _LPS_OF_RAS))
    camera.SetPosition(*(view.positionLps * _LPS_OF_RAS))
    camera.SetViewUp(*(view.viewUpLps * _LPS_OF_RAS))


def applyToCamera(view, cameraNode):
    """Let a camera of the scene, vtkMRMLCameraNode, see what a view shows."""
    aim(cameraNode.GetCamera(), view)
    cameraNode.ResetClippingRange()


# In files and in the case


def encode(views):
    """Return the bytes of a file of views; equal views give equal bytes."""
    values = {"format": FORMAT, "version": VERSION, "frame": "LPS", "views": [view.asDict() for view in views]}
    return (json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n").encode()


def readViews(path):
    """Return the views of a file.

    :raises InputRefused: ``cannot-read``, ``bad-views``
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _bad(f"{path} is too large to be one")
        values = json.loads(path.read_bytes(), parse_constant=_refuseConstant)
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    except (ValueError, RecursionError) as error:
        raise _bad(f"{path} is no JSON") from error
    return decoded(values)


def _refuseConstant(word):
    # What Python's reader takes beyond JSON: it would pass every limit.
    raise ValueError(word)


def decoded(values):
    """Return the views of what a file's JSON holds.

    :raises InputRefused: ``bad-views``
    """
    schema = json.loads((importlib.resources.files(__package__) / "Schemas" / SCHEMA).read_bytes())
    fault = schemaFault(values, schema)
    if fault:
        raise _bad(inWords("in the file", fault))
    views = [_requireView(_viewOf(one)) for one in values["views"]]
    names = [view.name.casefold() for view in views]
    twice = [view.name for view in views if names.count(view.name.casefold()) > 1]
    if twice:
        raise _bad(f"two are called {twice[0]}")
    return tuple(views)


def _viewOf(values):
    vectors = {key: tuple(map(float, values[key])) for key in ("positionLps", "focalPointLps", "viewUpLps")}
    return View(**{**values, **vectors, "visible": tuple(values.get("visible", ()))})


def _requireView(view):
    towards = numpy.subtract(view.focalPointLps, view.positionLps)
    if not view.name:
        raise _bad("one has no name")
    if not numpy.linalg.norm(numpy.cross(towards, view.viewUpLps)) > 1e-6 * numpy.linalg.norm(towards):
        raise _bad(f"of {view.name}, the direction that points up is none, or the viewer stands in what is seen")
    return view


def keepViews(case, views, user=None):
    """Keep views in a case as its agreed ones, in the place of those that were; return the artefact.

    :param case: open for writing
    :raises InputRefused: ``bad-views``
    :raises GateRefused: ``no-source``, ``damaged-source``
    """
    data = encode(views)
    decoded(json.loads(data))
    source = case.require("source")
    with case.staging(KIND, user=user) as stage:
        (stage.folder / FILE_NAME).write_bytes(data)
        return stage.commit(
            parents=[source],
            facts={"names": [view.name for view in views]},
            software=versions("slicer-core"),
            title="Agreed views",
        )


def caseViews(case):
    """Return the agreed views of a case; empty where there are none, or they were taken on another scan.

    :raises GateRefused: ``damaged-views``
    """
    artefact = case.latest(KIND)
    if artefact is None or case.graph.isStale(artefact):
        return ()
    if case.damagedFiles(artefact):
        case.requireCurrent(artefact)
    return readViews(case.path(artefact, FILE_NAME))


# What is shown where nobody agreed on views


def defaultViews(content):
    """Return the views of a package for which none were agreed on, by the procedure and the side.

    :param content: :class:`ORExportLib.Content.Content`
    """
    bounds = [body.mesh.boundsMm for body in content.bodies]
    if not bounds:
        return ()
    # A mirrored half is what something is made from.
    isMade = [body for body in content.bodies if body.origin != SEGMENT and body.role != "mirror"]
    made = {body.name: body.mesh.boundsMm for body in isMade}
    views = [_framed(NAMES[key], key, bounds) for key in _directions(content.side, content.procedure)]
    if made and len(made) < len(content.bodies):
        key = "right" if content.side == "right" else "left" if content.side == "left" else "front"
        views.append(dataclasses.replace(_framed(MADE, key, list(made.values())), visible=tuple(made)))
    return tuple(views)


def _directions(side, procedure):
    sides = {"left": ["left"], "right": ["right"]}.get(side, ["left", "right"])
    behind = ["back"] if procedure.name in FROM_BEHIND else []
    return ["front", *behind, *sides, "above"]


def _framed(name, key, bounds):
    low = numpy.min([one[0] for one in bounds], axis=0)
    high = numpy.max([one[1] for one in bounds], axis=0)
    direction, up = DIRECTIONS[key]
    middle, radius = (low + high) / 2, max(float(numpy.linalg.norm(high - low)) / 2, 1.0)
    distance = MARGIN * radius / math.sin(math.radians(VIEW_ANGLE_DEGREES / 2))
    return View(name, _rounded(middle + distance * numpy.array(direction)), _rounded(middle), up, caption=name)


def _rounded(values, digits=3):
    return tuple(round(float(value), digits) + 0.0 for value in values)


def _bad(reason):
    return InputRefused("bad-views", f"The views cannot be used: {reason}.", "Correct the file, or take the view anew.")
