"""Binary glTF 2.0 (GLB) for viewers and headsets. Its unit is the metre and its y points up (glTF 2.0, 3.4).

The points stay LPS millimetres, exactly as in the other files; the root node's matrix turns them, so that superior is
up (+y), anterior is forward (+z) and the patient's left is +x.
"""

import dataclasses
import json
import struct

from .Mesh import Mesh

# Columns: where x (left), y (posterior) and z (superior) in mm go, in m.
LPS_TO_GLTF = [0.001, 0, 0, 0, 0, 0, -0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]
_FLOAT, _UNSIGNED_INT, _POINTS, _INDICES = 5126, 5125, 34962, 34963


@dataclasses.dataclass(frozen=True, eq=False)
class GlbBody:
    """A named surface of a GLB.

    :param mesh: LPS mm, with triangles
    :param color: red, green, blue from 0 to 1, as on a screen
    :param opacity: 1 for what hides all behind it
    :param group: name of the node that it stands below; None for the root
    :param extras: what else is said of it: name → what JSON can hold
    """

    mesh: Mesh
    name: str
    color: tuple
    opacity: float = 1.0
    group: str | None = None
    extras: dict = dataclasses.field(default_factory=dict)


def glbBytes(bodies, name, extras):
    """Return a GLB with a named mesh, material and node for each body; equal bodies and words give equal bytes.

    :param bodies: list of :class:`GlbBody`
    :param name: of the root node
    :param extras: what is said of all together: name → what JSON can hold
    """
    chunks, views, accessors = [], [], []

    def store(array, kind, component, target, **more):
        data = array.tobytes()
        views.append({"buffer": 0, "byteOffset": sum(map(len, chunks)), "byteLength": len(data), "target": target})
        accessors.append(
            {"bufferView": len(views) - 1, "componentType": component, "count": len(array), "type": kind, **more}
        )
        chunks.append(data)
        return len(accessors) - 1

    meshes = [
        {"name": body.name, "primitives": [_primitive(body.mesh, number, store)]} for number, body in enumerate(bodies)
    ]
    document = {
        "asset": {"version": "2.0", "generator": "Planning Hub", "extras": extras},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": _nodes(bodies, name),
        "meshes": meshes,
        "materials": [_material(body) for body in bodies],
        "buffers": [{"byteLength": sum(map(len, chunks))}],
        "bufferViews": views,
        "accessors": accessors,
    }
    return _container(json.dumps(document, separators=(",", ":")).encode("ascii"), b"".join(chunks))


def _nodes(bodies, name):
    """The root, a node for each group in it, and last one for each body."""
    groups = list(dict.fromkeys(body.group for body in bodies if body.group))
    first = 1 + len(groups)

    def members(group):
        return [first + number for number, body in enumerate(bodies) if body.group == group]

    inRoot = [*range(1, first), *members(None)]
    return [
        {"name": name, "matrix": LPS_TO_GLTF, "children": inRoot},
        *({"name": group, "children": members(group)} for group in groups),
        *(
            {"name": body.name, "mesh": number, **({"extras": body.extras} if body.extras else {})}
            for number, body in enumerate(bodies)
        ),
    ]


def _primitive(mesh, number, store):
    points = mesh.points.astype("<f4")
    low, high = (ends.astype(float).tolist() for ends in (points.min(0), points.max(0)))
    positions = store(points, "VEC3", _FLOAT, _POINTS, min=low, max=high)
    indices = store(mesh.triangles.astype("<u4").reshape(-1), "SCALAR", _UNSIGNED_INT, _INDICES)
    return {"attributes": {"POSITION": positions}, "indices": indices, "material": number}


def _material(body):
    factors = {
        "baseColorFactor": [*linearColor(body.color), round(float(body.opacity), 4)],
        "metallicFactor": 0.0,
        "roughnessFactor": 0.8,
    }
    blending = {"alphaMode": "BLEND"} if body.opacity < 1 else {}
    return {"name": body.name, "pbrMetallicRoughness": factors, **blending}


def linearColor(color):
    """Return a color of a screen (sRGB) as renderers want it, linear (IEC 61966-2-1)."""
    return [round(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4, 6) for one in color]


def _container(document, data):
    document += b" " * (-len(document) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<I4s", len(document), b"JSON") + document + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
