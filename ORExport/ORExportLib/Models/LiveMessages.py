"""A package's navigation files as messages of OpenIGTLink, in RAS mm, as 3D Slicer takes them.

First comes what the plan is, last that it was all; between them the surfaces, the motions, the planes and the points.
OpenIGTLink names a device in 20 bytes: the first message says what each of them is. Header version 1 is what systems of
every protocol version read.
"""

import json

import numpy

from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Files import fileWord

from ..Content import readStlLps

PLAN, PLAN_NOT_APPROVED, COMPLETE = "Plan", "Plan-NOT-APPROVED", "PlanComplete"
FRAME = "RAS"
_MOST_NAME_BYTES, _MOST_STRING_BYTES = 20, 65535
_LPS_TO_RAS = numpy.diag([-1.0, -1.0, 1.0, 1.0])


def messagesOf(folder, index, package):
    """Yield a message of pyigtl after the other; the surfaces are read only when it is their turn.

    :param folder: with the files that the index names
    :param index: as :func:`ORExportLib.Models.Navigation.indexBytes` wrote it
    :param package: SHA-256 of the manifest that the files belong to
    :raises InputRefused: ``too-many-objects``
    """
    import pyigtl

    devices = _devices(index)
    yield pyigtl.StringMessage(
        _statement(index, devices, package), device_name=PLAN if index["approved"] else PLAN_NOT_APPROVED
    )
    for device, kind, record in devices:
        yield _message(device, kind, record, folder)
    yield pyigtl.StringMessage(f"{len(devices)} objects", device_name=COMPLETE)


def numberOfMessages(index):
    """Return how many messages :func:`messagesOf` yields."""
    return len(_devices(index)) + 2


def _devices(index):
    """Return (device name, message type, record) of everything."""
    wanted = [(body["name"], "POLYDATA", body) for body in index["bodies"]]
    wanted += [(f"{body['name']} motion", "TRANSFORM", body) for body in index["bodies"] if body["motion"]]
    ofKind = {"plane": "TRANSFORM", "placement": "TRANSFORM"}
    wanted += [(thing["name"], ofKind.get(thing["kind"], "POINT"), thing) for thing in index["objects"]]
    taken = [PLAN.casefold(), COMPLETE.casefold()]
    devices = []
    for name, kind, record in wanted:
        word, number = fileWord(name)[:_MOST_NAME_BYTES], 1
        while word in taken:
            number += 1
            word = fileWord(name)[: _MOST_NAME_BYTES - len(f"-{number}")] + f"-{number}"
        taken.append(word)
        devices.append((word, kind, record))
    return devices


def _statement(index, devices, package):
    """What the plan is, for the person who sees it arrive: ASCII, as every peer reads it."""
    described = [
        {"device": device, "type": kind, "name": record["name"], "is": record.get("role") or record["kind"]}
        for device, kind, record in devices
    ]
    values = {
        "case": index["case"], "side": index["side"] or "not stated", "intendedUse": index["intendedUse"],
        "approved": "yes" if index["approved"] else "NOT APPROVED", "frame": FRAME, "unit": "mm", "package": package,
        "motions": "from the scanned to the planned place; of a plane, its z axis is the normal", "devices": described,
    }  # fmt: skip
    text = json.dumps(values)
    if len(text) > _MOST_STRING_BYTES:
        raise InputRefused(
            "too-many-objects", f"The plan has {len(devices)} objects: more than OpenIGTLink can name in one message.",
            "Take the files of the package instead.",
        )  # fmt: skip
    return text


def _message(device, kind, record, folder):
    import pyigtl

    if kind == "POLYDATA":
        mesh = readStlLps(folder / record["file"]).rasLpsSwapped()
        polygons = numpy.insert(mesh.triangles, 0, 3, axis=1).reshape(-1)
        return pyigtl.PolyDataMessage(points=mesh.points, polygons=polygons, device_name=device)
    if kind == "TRANSFORM":
        return pyigtl.TransformMessage(_matrixRas(record), device_name=device)
    points = numpy.asarray(record["points"], float) * (-1, -1, 1)
    labels = record.get("labels") or [str(number) for number in range(1, len(points) + 1)]
    return pyigtl.PointMessage(
        positions=points.tolist(), names=[fileWord(label)[:63] for label in labels], groups=device, device_name=device
    )


def _matrixRas(record):
    """The 4×4 of a motion; of a plane, where it lies, its normal along z."""
    matrix = record.get("motion") or record.get("matrix")
    if matrix is None:
        matrix = _frameOf(record["points"][0], record["normal"])
        return _LPS_TO_RAS @ matrix
    return _LPS_TO_RAS @ numpy.asarray(matrix, float) @ _LPS_TO_RAS


def _frameOf(origin, normal):
    normal = numpy.asarray(normal, float)
    # The axis that is least along the normal gives the most exact cross product.
    first = numpy.cross(numpy.eye(3)[numpy.abs(normal).argmin()], normal)
    first /= numpy.linalg.norm(first)
    matrix = numpy.eye(4)
    matrix[:3, :3] = numpy.column_stack([first, numpy.cross(normal, first), normal])
    matrix[:3, 3] = origin
    return matrix
