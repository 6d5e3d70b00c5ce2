"""What navigation systems and 3D Slicer read: STL of each body, markups, motions, the scene, and an index of them all.

Everything is in LPS mm, in the patient's coordinates of the scan; what the plan moves lies where the plan moves it.
The files of motions are ITK's: as ITK has it, they lead from the planned place back to the scanned one, and Slicer
turns them around when it reads them. The index states each motion from the scanned to the planned place.
"""

import json
import tempfile
from pathlib import Path

import numpy

from PlanningHubLib.Files import fileWords
from PlanningHubLib.Planning.Context import KIND_OF_CLASS
from PlanningHubLib.Planning.Objects import Curve, Line, Placement, Plane
from PlanningHubLib.Progress import part
from PlanningHubLib.Shapes.Stl import stlBytes

from .. import Manifest
from ..Content import RAS_TO_LPS
from .PlanScene import PlanScene
from .Shown import factsOf, labelOf

SCENE, STL, MARKUPS, MOTION, INDEX = (
    "slicer-scene", "navigation-stl", "navigation-markups", "navigation-motion", "navigation-index",
)  # fmt: skip
ROLES = (SCENE, STL, MARKUPS, MOTION, INDEX)
FOLDER = "navigation"
FORMAT, VERSION = "planninghub-navigation", 1
MOTION_NOTE = (
    "A matrix here moves points from the scanned to the planned place. The .tfm files are as ITK has them: "
    "they map points of the planned place to the scanned one; 3D Slicer turns that around when it reads them."
)


def write(content, writer, progress):
    """Write the scene, a file for each body, markup and motion, and the index.

    :param content: :class:`ORExportLib.Content.Content`
    :param writer: :class:`ORExportLib.Writer.Writer`
    :raises InputRefused: ``cannot-write``
    """
    label = labelOf(content)
    progress(0.0, "Surfaces for navigation")
    scene = PlanScene(content, label)
    words = fileWords([*(body.name for body, _node in scene.models), *(thing.name for thing, _node in scene.objects)])
    bodies = _writeBodies(scene, words, writer, label, part(progress, 0.1, 0.5))
    objects = _writeObjects(scene, words[len(bodies) :], writer)
    progress(0.5, "Scene for 3D Slicer")
    writer.bytes(scene.bundle(writer.prefix), f"{FOLDER}/scene.mrb", SCENE)
    writer.bytes(indexBytes(label, bodies, objects), f"{FOLDER}/navigation.json", INDEX)
    progress(1.0, "Navigation")


def indexBytes(label, bodies, objects):
    """Return the index: equal content gives equal bytes.

    :param bodies: records with ``name``, ``file``, ``role``, flags, ``color``, ``opacity``, ``motion`` and its file
    :param objects: records with ``name``, ``kind``, ``file`` and places
    """
    values = {
        "format": FORMAT, "version": VERSION, "case": label.caseName, "side": label.side,
        "approved": label.isApproved, "intendedUse": label.intendedUse, "frame": "LPS", "unit": "mm",
        "motions": MOTION_NOTE, "bodies": bodies, "objects": objects,
    }  # fmt: skip
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()


def _writeBodies(scene, words, writer, label, progress):
    motions = {id(body): node for body, node in scene.motions}
    records = []
    for number, (body, _node) in enumerate(scene.models, 1):
        progress(number / len(scene.models), body.name)
        word = words[number - 1]
        data = stlBytes(body.mesh, _header(label, word))
        path = writer.bytes(data, f"{FOLDER}/{word}.stl", Manifest.roleOfPiece(STL, number))
        record = {
            "name": body.name, "file": path.name, **factsOf(body), "color": [round(one, 4) for one in body.color],
            "opacity": body.opacity, "motion": None, "motionFile": None,
        }  # fmt: skip
        if id(body) in motions:
            record["motion"] = _rounded(body.matrixLps)
            record["motionFile"] = _saved(scene, motions[id(body)], f"{word}-from-scan.tfm", MOTION, writer)
        records.append(record)
    return records


def _header(label, word):
    approval = "" if label.isApproved else "NOT-APPROVED "
    return f"{approval}CASE={label.caseName} SIDE={label.side or 'not-stated'} {word}"


def _writeObjects(scene, words, writer):
    records = []
    for word, (thing, node) in zip(words, scene.objects, strict=True):
        isMotion = isinstance(thing, Placement)
        name, role = (f"{word}.tfm", MOTION) if isMotion else (f"{word}.mrk.json", MARKUPS)
        saved = _saved(scene, node, name, role, writer)
        records.append({"name": thing.name, "kind": KIND_OF_CLASS[type(thing)], "file": saved, **placesOf(thing)})
    return records


def _saved(scene, node, name, role, writer):
    """Save a node as a file of the package; return the file's name."""
    number = 1 + sum(Manifest.baseRole(record["role"]) == role for record in writer.records)
    with tempfile.TemporaryDirectory(prefix="planninghub-") as folder:
        path = Path(folder) / name
        scene.save(node, path)
        return writer.copy(path, f"{FOLDER}/{name}", Manifest.roleOfPiece(role, number)).name


def placesOf(thing):
    """Return where an object of the plan lies, in LPS mm, as the index states it."""
    if isinstance(thing, Placement):
        return {"matrix": _rounded(RAS_TO_LPS @ numpy.asarray(thing.matrix, float) @ RAS_TO_LPS)}
    if isinstance(thing, Plane):
        ends = {"points": _lps([thing.originRas]), "normal": _lps([thing.normalRas])[0]}
        return {**ends, "sizeMm": thing.sizeMm}
    if isinstance(thing, Line):
        return {"points": _lps([thing.startRas, thing.endRas])}
    closed = {"closed": thing.closed} if isinstance(thing, Curve) else {"labels": list(thing.labels)}
    return {"points": _lps(thing.pointsRas), **closed}


def _lps(pointsRas):
    return _rounded(numpy.asarray(pointsRas, float) * (-1, -1, 1))


def _rounded(values):
    # Minus zero is zero.
    return (numpy.asarray(values, float).round(6) + 0.0).tolist()
