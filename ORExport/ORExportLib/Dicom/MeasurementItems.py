"""Measurements as content items of a structured report: coded name, value with UCUM unit, points (TID 300)."""

import hashlib

from PlanningHubLib.Planning.Figures import words

from ..Measurements import AXES

# What no standard names has a code of the suite's own: the figure's name in the case.
SCHEME = "99PLANNINGHUB"
LONGEST_CODE = 16
# Figure → (scheme, keyword) in pydicom's dictionary of codes, for figures that are just that.
STANDARD = {
    "lengthMm": ("SCT", "Length"),
    "diameterMm": ("SCT", "Diameter"),
    "distanceMm": ("DCM", "Distance"),
    "angleDegrees": ("SCT", "Angle"),
    "areaMm2": ("SCT", "Area"),
    "volumeMl": ("SCT", "Volume"),
}
ENTRY, TARGET = ("entry", "Entry point"), ("target", "Target point")
TRAJECTORY, ANGLE = "trajectory", "angle"
UNIT_MEANINGS = {
    "mm": "mm", "mm2": "mm2", "mm3": "mm3", "ml": "ml", "deg": "degrees", "%": "percent", "1": "no units",
    "[hnsf'U]": "Hounsfield unit", "s": "seconds",
}  # fmt: skip


def numericItem(measurement, frameUid, plannedFrameUid):
    """Return the highdicom Measurement of a :class:`ORExportLib.Measurements.Measurement`.

    :param frameUid: the scan's frame of reference; ``plannedFrameUid`` that of points on what the plan moved
    """
    import highdicom

    frame = plannedFrameUid if measurement.planned else frameUid
    return highdicom.sr.Measurement(
        name=conceptOf(measurement),
        value=measurement.value,
        unit=highdicom.sr.CodedConcept(measurement.unit, "UCUM", UNIT_MEANINGS[measurement.unit]),
        referenced_coordinates=list(_coordinates(measurement, frame)) or None,
    )


def conceptOf(measurement):
    """Return the coded name of a measurement; no name that people gave is in it."""
    import highdicom
    from pydicom.sr.codedict import codes

    figure = measurement.figure.split(" ")[0]
    if figure in STANDARD and measurement.quantity == words(figure):
        scheme, keyword = STANDARD[figure]
        return highdicom.sr.CodedConcept.from_code(getattr(getattr(codes, scheme), keyword))
    return highdicom.sr.CodedConcept(ownCode(measurement), SCHEME, measurement.quantity[:64])


def ownCode(measurement):
    """Return the code of a figure: its name in the case with its axis, or where that is too long, a hash of it."""
    axis = measurement.quantity.split(" ")[-1]
    name = f"{measurement.figure.split(' ')[0]}{axis if axis in AXES else ''}"
    return name if len(name) <= LONGEST_CODE else f"F{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _coordinates(measurement, frameUid):
    """Yield the points of a measurement as SCOORD3D items, LPS mm."""
    points = measurement.pointsLps
    if points is None:
        return
    if measurement.kind == TRAJECTORY and len(points) == 2:
        for point, named in zip(points, (ENTRY, TARGET), strict=True):
            yield _item("POINT", point[None], frameUid, named)
    if len(points) == 1:
        yield _item("POINT", points, frameUid)
    elif measurement.kind == ANGLE and len(points) == 4:
        # Two lines, not one of three segments.
        yield _item("POLYLINE", points[:2], frameUid)
        yield _item("POLYLINE", points[2:], frameUid)
    else:
        yield _item("POLYLINE", points, frameUid)


def _item(graphicType, points, frameUid, named=None):
    import highdicom

    purpose = {"purpose": highdicom.sr.CodedConcept(named[0], SCHEME, named[1])} if named else {}
    return highdicom.sr.CoordinatesForMeasurement3D(
        graphic_type=graphicType, graphic_data=points, frame_of_reference_uid=frameUid, **purpose
    )
