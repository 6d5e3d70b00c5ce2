"""The figures of an outcome as the rows of a table: planned, found, and the difference; what was not found, and why."""

from slicer.i18n import tr as _

from PlanningHubLib.Planning.Figures import valueText


def figureRows(values, objects):
    """Return (cells, whether it was found) of each row; a row of one cell is a heading. What is missing comes first.

    :param values: of ``outcome.json``
    :param objects: name → description of the plan's objects; empty where the plan's files are damaged
    """
    text = _("{name}: not found, {reason}")
    rows = [((text.format(name=row["name"], reason=row["reason"]),), False) for row in values["notFound"]]
    for kind, name, figures in (
        (_("Cut"), "plane", [(row, _planeRows(row, objects)) for row in values["planes"]]),
        (_("Body"), "body", [(row, _bodyRows(row)) for row in values["bodies"]]),
        (_("Trajectory"), "trajectory", [(row, _wayRows(row)) for row in values["trajectories"]]),
    ):
        for row, lines in figures:
            rows.append(((_("{kind}: {name}").format(kind=kind, name=row[name]),), True))
            rows += [(line, True) for line in lines]
    return rows


def _planeRows(row, objects):
    normal = objects.get(row["plane"], {}).get("normalRas")
    planned, found = directionText(normal) if normal else "", directionText(row["achievedNormalRas"])
    yield _("Direction (R A S)"), planned, found, valueText("angleDegrees", row["angleDegrees"])
    yield _("Offset along it"), "", "", signed("offsetMm", row["offsetMm"])
    yield _("Flatness"), "", valueText("flatnessMm", row["flatnessMm"]), ""


def _bodyRows(row):
    yield _("Place"), "", "", valueText("distanceMm", row["distanceMm"])
    for index, axis in enumerate("RAS"):
        yield _("along {axis}").format(axis=axis), "", "", signed("shiftMm", row["translationMm"][index])
    yield _("Turn"), "", "", valueText("angleDegrees", row["angleDegrees"])
    for index, axis in enumerate("RAS"):
        yield _("about {axis}").format(axis=axis), "", "", signed("turnDegrees", row["rotationDegrees"][index])
    yield _("Surface, mean"), "", "", valueText("meanMm", row["meanMm"])
    yield _("Surface, 95 %"), "", "", valueText("p95Mm", row["p95Mm"])


def _wayRows(row):
    planned, achieved = row["plannedMm"], row["achievedMm"]
    lengths = valueText("lengthMm", planned), valueText("lengthMm", achieved)
    yield _("Length"), *lengths, signed("lengthMm", achieved - planned)
    for title, key in (
        (_("Entry"), "entryDistanceMm"), (_("beside the axis"), "entryLateralMm"),
        (_("Target"), "targetDistanceMm"), (_("beside the axis"), "targetLateralMm"),
        (_("Direction"), "angleDegrees"),
    ):  # fmt: skip
        yield title, "", "", valueText(key, row[key])
    yield _("Seen in"), "", _("the metal") if row["from"] == "metal" else _("points given"), ""


def signed(name, value):
    """Return a figure with its sign and its unit."""
    text = valueText(name, value)
    return f"+{text}" if value > 0 else text


def directionText(direction):
    """Return a direction, R A S."""
    return " ".join(f"{value:.2f}" for value in direction)
