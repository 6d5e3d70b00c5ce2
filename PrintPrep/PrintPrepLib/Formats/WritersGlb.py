"""Binary glTF 2.0 (GLB) for viewers. Its unit is the metre and its y points up (glTF 2.0, 3.4).

The points stay LPS millimetres, exactly as in the other files; the root node's matrix turns them, so that superior is
up (+y), anterior is forward (+z) and the patient's left is +x.
"""

import json
import struct

# Columns: where x (left), y (posterior) and z (superior) in mm go, in m.
LPS_TO_GLTF = [0.001, 0, 0, 0, 0, 0, -0.001, 0, 0, 0.001, 0, 0, 0, 0, 0, 1]
_FLOAT, _UNSIGNED_INT, _POINTS, _INDICES = 5126, 5125, 34962, 34963


def glbBytes(bodies, label):
    """Return a GLB with a named mesh, color and node for each body; equal bodies and labels give equal bytes.

    :param bodies: list of :class:`PrintPrepLib.Formats.WritersThreeMf.Body`
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
        "asset": {"version": "2.0", "generator": "Planning Hub", "extras": dict(label.lines())},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"name": label.name, "matrix": LPS_TO_GLTF, "children": list(range(1, len(bodies) + 1))},
            *({"name": body.name, "mesh": number} for number, body in enumerate(bodies)),
        ],
        "meshes": meshes,
        "materials": [_material(body) for body in bodies],
        "buffers": [{"byteLength": sum(map(len, chunks))}],
        "bufferViews": views,
        "accessors": accessors,
    }
    return _container(json.dumps(document, separators=(",", ":")).encode("ascii"), b"".join(chunks))


def _primitive(mesh, number, store):
    points = mesh.points.astype("<f4")
    low, high = (ends.astype(float).tolist() for ends in (points.min(0), points.max(0)))
    positions = store(points, "VEC3", _FLOAT, _POINTS, min=low, max=high)
    indices = store(mesh.triangles.astype("<u4").reshape(-1), "SCALAR", _UNSIGNED_INT, _INDICES)
    return {"attributes": {"POSITION": positions}, "indices": indices, "material": number}


def _material(body):
    factors = {"baseColorFactor": [*_linear(body.color), 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.8}
    return {"name": body.name, "pbrMetallicRoughness": factors}


def _linear(color):
    """Return a color of a screen (sRGB) as glTF wants it, linear (IEC 61966-2-1)."""
    return [round(one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4, 6) for one in color]


def _container(document, data):
    document += b" " * (-len(document) % 4)
    data += b"\0" * (-len(data) % 4)
    chunks = struct.pack("<I4s", len(document), b"JSON") + document + struct.pack("<I4s", len(data), b"BIN\0") + data
    return struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks
