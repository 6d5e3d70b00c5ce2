"""The steps that put a part's identity on it: letters, a QR code, or a tag with them where it is too small."""

import dataclasses

import numpy

from PlanningHubLib.Errors import Finding, InputRefused
from PlanningHubLib.Planning.Solids import meshOf, nearestOn
from PlanningHubLib.Shapes.Manifolds import fromManifold, toManifold

from ..Marking import Marks, QrCodes
from ..Marking.Faces import Face, faceAt, findFace
from ..Marking.Relief import cutter, raiser
from ..Marking.Tags import tagFor
from ..Marking.Views import Frame, viewOf
from ..PartWork import SOLID, PartStep, Piece
from ..Shape import FITTING_ROLES

_GAP_MM = 3.0
# A point chosen on a surface that was simplified since.
_NEAR_MM = 5.0
# Where the surface faces is the mean of what lies so near.
_ABOUT_MM = 5.0


def label(parameters, work, progress):
    """Write a text on the pieces of a part; where none of a piece's faces can hold it, on a tag.

    :raises InputRefused: ``no-letters``, ``bad-label``, ``no-such-piece``, ``no-face``, ``place-off-part``,
        ``no-place-for-tag``
    """
    _checkFreeText(parameters["text"], work)
    for number, share in _chosen(parameters, work, progress):
        mark = _letters(parameters["text"], work, number)
        _mark(work, number, mark, parameters["heightMm"], parameters, share)


def qr(parameters, work, progress):
    """Put a QR code on the pieces of a part; where none of a piece's faces can hold it, on a tag.

    :raises InputRefused: ``no-such-piece``, ``no-face``, ``no-place-for-tag``
    """
    for number, share in _chosen(parameters, work, progress):
        mark = Marks.Code(QrCodes.qrText(work.identity))
        _mark(work, number, mark, parameters["moduleMm"], parameters, share)


def tag(parameters, work, progress):
    """Give the pieces of a part a tag with a text, and with a QR code where that is wanted.

    :raises InputRefused: ``no-letters``, ``bad-label``, ``no-such-piece``, ``no-place-for-tag``
    """
    _checkFreeText(parameters["text"], work)
    for number, share in _chosen(parameters, work, progress):
        marks = [(_letters(parameters["text"], work, number), parameters["heightMm"])]
        if parameters["qr"]:
            marks.append((Marks.Code(QrCodes.qrText(work.identity)), Marks.MODULE_MM))
        _tagged(work, number, marks, parameters["depthMm"], _placeOf(parameters), share)


def _letters(template, work, number):
    text, identifies = Marks.writtenText(template, work.identity, work.pieces[number].name)
    return Marks.Letters(text, identifies)


def _chosen(parameters, work, progress):
    """Return each chosen piece's number and its share of the progress.

    :raises InputRefused: ``no-such-piece``
    """
    names = [piece.name for piece in work.pieces]
    wanted = parameters["piece"]
    if wanted and wanted not in names:
        known = f"It has: {', '.join(names)}." if any(names) else "It has one piece; leave its name empty."
        raise InputRefused("no-such-piece", f"The part has no piece {wanted}.", known)
    numbers = [number for number, name in enumerate(names) if not wanted or name == wanted]
    for count, number in enumerate(numbers):
        progress(count / len(numbers), f"Labeling {names[number]}".strip())
        yield number, lambda fraction, text, start=count: progress((start + fraction) / len(numbers), text)


def _mark(work, number, mark, sizeMm, parameters, progress):
    """Cut a mark into a piece, or raise it, or give the piece a tag with it."""
    raised = parameters["kind"] == "embossed"
    depthMm = parameters["depthMm"]
    limits = Marks.Limits.of(work.profile)
    wish = mark.wish(sizeMm, 0.0 if raised else depthMm or _usualDepthMm(mark), limits)
    mesh = work.pieces[number].mesh
    face = _faceFor(mesh, wish, work, parameters)
    if face is None:
        if parameters["kind"] != "auto" or _placeOf(parameters):
            raise InputRefused(
                "no-face",
                f"No face of the part holds {mark.text} at {wish.leastMm:.1f} mm, {wish.leastDepthMm:.1f} mm deep.",
                "Choose another place, smaller letters, or a tag.",
            )
        _tagged(work, number, [(mark, sizeMm)], depthMm, None, progress)
        return
    progress(0.4, "Cutting the label")
    if raised:
        face = dataclasses.replace(face, depthMm=depthMm or Marks.RAISED_MM)
    make = raiser if raised else cutter
    tool = make(mesh, face.frame, mark.outline(face.layout, face.sizeMm), face.depthMm)
    solid = toManifold(mesh)
    result = meshOf(solid + tool if raised else solid - tool)
    _finish(work, number, result, [tool])
    progress(0.7, "Reading the label")
    _record(work, number, mark, face, raised, wish.depthMm, mesh.volumeMl)


def _usualDepthMm(mark):
    return Marks.RECOMMENDED_DEPTH_MM if mark.kind == "letters" else Marks.MODULE_DEPTH_MM


def _faceFor(mesh, wish, work, parameters):
    """Return the chosen :class:`Face`, or the best that is found, or None."""
    place, up = _placeOf(parameters), parameters["upLps"]
    if place:
        return faceAt(mesh, Frame.facing(*_onSurface(mesh, place), up), wish, mayMove=False)
    outwards = outwardsOf(work.shape)
    if outwards is None and work.shape.flags["role"] in FITTING_ROLES:
        work.findings.append(Finding(
            "face-not-checked", "warn", "Which side of the part fits the patient is not known to the labeling.",
            "See that the letters do not stand on it, or choose their place.",
        ))  # fmt: skip
    return findFace(mesh, wish, outwards, up)


def outwardsOf(shape):
    """Return the direction (3,) LPS away from what a part fits, or None where nothing says it, or it fits nothing."""
    outwards = getattr(shape, "outwardsLps", None)
    return None if outwards is None else numpy.array(outwards, float)


def _placeOf(parameters):
    """Return (point, normal) where a place was chosen, else None; the normal is None where the surface says it.

    :raises InputRefused: ``bad-label``
    """
    point, normal = parameters["point"], parameters["normal"]
    if (point is None and normal is not None) or (normal is not None and not any(normal)):
        raise InputRefused("bad-label", "A label's direction needs a point, and a length.", "Give a point, or neither.")
    return None if point is None else (numpy.array(point, float), normal and numpy.array(normal, float))


def _onSurface(mesh, place):
    """Return a chosen (point, normal) with the point on the surface that is seen there.

    :raises InputRefused: ``place-off-part``
    """
    if place[1] is None:
        return _facing(mesh, place[0])
    frame = Frame.facing(*place)
    heightMm = float(viewOf(mesh, frame, 0.1, stepMm=0.1).heightsMm[1, 1])
    if not abs(heightMm) <= _NEAR_MM:
        raise InputRefused(
            "place-off-part",
            f"Seen from where the label is to face, no surface lies within {_NEAR_MM:.0f} mm of its place.",
            "Choose a point on the outside of the part, and the direction away from it.",
        )
    return frame.origin + heightMm * frame.normal, frame.normal


def _facing(mesh, point):
    """Return the nearest point of the surface, and where the surface about it faces.

    :raises InputRefused: ``place-off-part``
    """
    (distanceMm,), (nearest,), (normal,) = nearestOn(mesh, [point])
    if abs(distanceMm) > _NEAR_MM:
        raise InputRefused(
            "place-off-part", f"The label's place lies {abs(distanceMm):.0f} mm off the part.",
            "Choose a point on the outside of the part.",
        )  # fmt: skip
    crosses = mesh.crosses(slice(None))
    centers = mesh.points[mesh.triangles].mean(1)
    isAbout = (numpy.linalg.norm(centers - nearest, axis=1) < _ABOUT_MM) & (crosses @ normal > 0)
    # One large triangle about it says as much as many small ones.
    mean = crosses[isAbout].sum(0)
    return nearest, mean / numpy.linalg.norm(mean) if mean.any() else normal


def _tagged(work, number, marks, depthMm, foot, progress):
    """Give a piece a tag on which marks stand side by side."""
    progress(0.4, "Making a tag")
    limits, mesh = Marks.Limits.of(work.profile), work.pieces[number].mesh
    wishes = [mark.wish(sizeMm, depthMm or _usualDepthMm(mark), limits) for mark, sizeMm in marks]
    layouts = [_compact(wish.extents) for wish in wishes]
    sizes = [numpy.array(wish.extents[layout]) * wish.sizeMm for wish, layout in zip(wishes, layouts, strict=True)]
    width = sum(size[0] for size in sizes) + _GAP_MM * (len(sizes) - 1)
    thicknessMm = max(wish.thicknessMm for wish in wishes)
    solid = toManifold(mesh)
    foot = foot and _onSurface(mesh, foot)
    tag = tagFor(mesh, solid, (width, max(size[1] for size in sizes)), thicknessMm, outwardsOf(work.shape), foot)
    left, faces, tools = -width / 2, [], []
    bare = fromManifold(tag.solid)
    for (mark, sizeMm), wish, layout, size in zip(marks, wishes, layouts, sizes, strict=True):
        frame = tag.frame.turned(0, (left + size[0] / 2, 0.0))
        faces.append(Face(frame, layout, sizeMm, wish.depthMm))
        tools.append(cutter(bare, frame, mark.outline(layout, sizeMm), wish.depthMm))
        left += size[0] + _GAP_MM
    written = tag.solid
    for tool in tools:
        written -= tool
    _finish(work, number, meshOf(solid + written), [tag.solid])
    progress(0.7, "Reading the label")
    for (mark, _sizeMm), face in zip(marks, faces, strict=True):
        _record(work, number, mark, face, False, face.depthMm, mesh.volumeMl, footLps=tag.footLps)
    work.findings.append(Finding(
        "on-a-tag", "info", "The part's label stands on a tag beside it.", "Keep the tag with the part when it is off."
    ))  # fmt: skip


def _compact(extents):
    """Return the number of the layout that makes a handy plate: neither a ribbon nor a tower."""
    return min(range(len(extents)), key=lambda layout: extents[layout][0] + 1.5 * extents[layout][1])


def _finish(work, number, mesh, intended):
    work.pieces[number] = Piece(work.pieces[number].name, mesh)
    work.intended += [fromManifold(one) for one in intended]


def _record(work, number, mark, face, raised, wantedDepthMm, volumeBeforeMl, footLps=None):
    """Read a mark on the piece as it is now, and say what stands there in the part's facts and findings."""
    piece = work.pieces[number]
    read = mark.readFrom(piece.mesh, face.frame, face.layout, face.sizeMm, raised)
    work.findings += mark.findings(face.sizeMm, face.depthMm, wantedDepthMm, raised)
    work.findings += _readFindings(mark, read)
    kinds = {"letters": "embossed" if raised else "engraved", "qr": "qr"}
    entry = {
        "text": mark.text,
        "kind": "tag" if footLps is not None and mark.kind == "letters" else kinds[mark.kind],
        "heightMm": round(face.sizeMm, 2),
        "depthMm": round(face.depthMm, 2),
        "piece": piece.name,
        "centerLps": _listed(face.frame.origin),
        "normalLps": _listed(face.frame.normal, 6),
        "upLps": _listed(face.frame.up, 6),
        "sizeMm": _listed(numpy.array(mark.extents[face.layout]) * face.sizeMm),
        "read": None if read is None else mark.isRead(read),
        "readAs": read,
        "identifiesPatient": mark.identifiesPatient,
        "volumeChangeMl": round(piece.mesh.volumeMl - volumeBeforeMl, 4),
    }
    if footLps is not None:
        entry["tagAtLps"] = _listed(footLps)
    work.facts.setdefault("label", []).append(entry)


def _listed(values, digits=2):
    return [round(float(value), digits) + 0.0 for value in values]


def _readFindings(mark, read):
    if read is None:
        return [Finding("label-not-read", "info", f"Whether {mark.text} can be read was not tried: no tesseract here.")]
    if mark.isRead(read):
        return []
    return [Finding(
        "label-not-read", "warn", f"{mark.text} on the part was read as {read or 'nothing'}.",
        "Look at it, and choose a flatter place or larger letters if it is not clear.",
    )]  # fmt: skip


def _checkFreeText(template, work):
    """Add a finding where a typed text holds the patient's name or ID."""
    found = Marks.freeWords(template) & {word.casefold() for word in work.patientWords()}
    if found:
        work.findings.append(Finding(
            "identifying-text", "warn", "The text on the part holds the patient's name or ID.",
            "Use the case's pseudonym: {case}.",
        ))  # fmt: skip


_TRIPLE = {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 3, "maxItems": 3, "default": None}
_PLACE = {
    "point": {
        **_TRIPLE, "title": "Place", "x-point": "position",
        "description": "Middle of the label on the surface, LPS mm; empty: found",
    },
    "normal": {**_TRIPLE, "title": "Facing", "description": "Away from the surface, LPS; empty: as the surface there"},
    "piece": {
        "type": "string", "default": "", "title": "Piece",
        "description": "Name of the piece that is labeled; empty: each of them",
    },
}  # fmt: skip
_UP = {
    "upLps": {
        **_TRIPLE, "title": "Upwards", "description": "Where the text's upper side points; empty: to the patient's head"
    }
}  # fmt: skip
_TEXT = {
    "type": "string", "minLength": 1, "maxLength": 120, "default": Marks.DEFAULT_TEXT, "title": "Text",
    "description": "{case}: the pseudonym; {side}: left or right in words; {part}: its number; {piece}: its name",
}  # fmt: skip
_HEIGHT = {
    "type": "number", "minimum": 1, "maximum": 50, "default": Marks.RECOMMENDED_HEIGHT_MM, "title": "Height",
    "description": "Of capitals; smaller where the face is too small, down to what the process makes",
}  # fmt: skip
_KIND = {
    "enum": ["auto", "engraved", "embossed"], "default": "auto", "title": "Kind",
    "description": "auto: engraved, or on a tag where no face can hold it",
}  # fmt: skip


def _depth(description):
    return {
        "type": ["number", "null"], "minimum": 0.2, "maximum": 10, "default": None, "title": "Depth",
        "description": description,
    }  # fmt: skip


STEPS = (
    PartStep(
        "label", "Label", SOLID,
        {
            "text": _TEXT, "kind": _KIND, "heightMm": _HEIGHT,
            "depthMm": _depth("How deep or high; empty: 3 mm deep, less where the wall is thin, or 1 mm high"),
            **_PLACE, **_UP,
        },
        (), label,
    ),
    PartStep(
        "tag", "Tag on a sprue", SOLID,
        {
            "text": _TEXT, "heightMm": _HEIGHT, "depthMm": _depth("How deep; empty: 3 mm for letters, 1 mm for a code"),
            "qr": {"type": "boolean", "default": False, "title": "QR code", "description": "Beside the text"},
            **_PLACE,
        },
        (), tag,
    ),
    PartStep(
        "qr", "QR code", SOLID,
        {
            "moduleMm": {
                "type": "number", "minimum": 0.3, "maximum": 5, "default": Marks.MODULE_MM, "title": "Module",
                "description": "Side of the code's smallest square; smaller where the face is too small, down to what "
                "the process makes; site default, no source",
            },
            "kind": _KIND, "depthMm": _depth("How deep or high; empty: 1 mm"), **_PLACE, **_UP,
        },
        (), qr,
    ),
)  # fmt: skip
