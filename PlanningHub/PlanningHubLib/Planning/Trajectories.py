"""Straight ways into the body: how long, at what angles, how near to what must not be hurt, how far within what.

A way is an axis with a diameter; its ends count as half balls, so that no distance is stated too large.
"""

import dataclasses

import numpy

from ..Errors import Finding, InputRefused
from . import Distances
from .Objects import Line, Placement, Solid
from .Operation import NAME, Operation, Result
from .Solids import cylinder, meshOf

FREE_COLOR, NEAR_COLOR = (0.25, 0.7, 0.35), (0.95, 0.55, 0.1)
# Normals of the sagittal, coronal and axial plane, in RAS and in an anatomical frame alike.
PLANES = {"Sagittal": (1, 0, 0), "Coronal": (0, 1, 0), "Axial": (0, 0, 1)}
AROUND, BREACH_STEP_MM = 36, 0.5
OWN_SOURCE = "the plan's own safety distance"


@dataclasses.dataclass(frozen=True, eq=False)
class Way:
    """An axis from entry to target, (3,) RAS mm each, with a diameter."""

    name: str
    entryRas: numpy.ndarray
    targetRas: numpy.ndarray
    diameterMm: float

    @property
    def lengthMm(self):
        return Distances.lengthAndDirection(self.entryRas, self.targetRas)[0]

    @property
    def direction(self):
        return Distances.lengthAndDirection(self.entryRas, self.targetRas)[1]


@dataclasses.dataclass(frozen=True)
class RiskRule:
    """How near a way may come to a structure: below ``minimumMm`` (or None) is rejected, below ``warnMm`` warned of."""

    structure: str
    minimumMm: float | None
    warnMm: float
    source: str


def trajectory(parameters, context, progress):
    """Measure one way, and give its cylinder."""
    way = wayOf(context, parameters["line"], parameters["diameterMm"], parameters["name"])
    rules, findings = riskRules(context, parameters)
    search = _searching(context, progress)
    risks = [_riskRow(way, rule, search(rule.structure)) for rule in rules]
    findings += [finding for row, rule in zip(risks, rules, strict=True) for finding in _riskFindings(way, row, rule)]
    passages = [passage(way, name, search(name)) for name in parameters["through"]]
    findings += [_missed(way, row) for row in passages if not row["insideMm"]]
    color = NEAR_COLOR if any(finding.severity == "warn" for finding in findings) else FREE_COLOR
    solid = Solid(
        way.name,
        meshOf(cylinder(way.entryRas, way.targetRas, way.diameterMm / 2)),
        role="device",
        modified=True,
        color=color,
    )
    tables = {"Trajectory": _screwRows(way, passages), "Distances to structures at risk": risks, "Passages": passages}
    return Result(
        (solid,),
        {"lengthMm": way.lengthMm, "diameterMm": way.diameterMm, **anglesOf(way, context, parameters["frame"]),
         **_summary(risks, passages)},
        {title: rows for title, rows in tables.items() if rows},
        tuple(findings),
    )  # fmt: skip


def approaches(parameters, context, progress):
    """Measure several ways alike, side by side. Which one is taken is the surgeon's choice: nothing is ranked."""
    ways = [wayOf(context, name, parameters["diameterMm"]) for name in parameters["lines"]]
    rules, findings = riskRules(context, parameters)
    rows = [{"line": way.name, "lengthMm": way.lengthMm, **anglesOf(way, context, parameters["frame"])} for way in ways]
    figures = {"lines": [way.name for way in ways], "lengthMm": [way.lengthMm for way in ways]}
    nearest = [[] for _way in ways]
    search = _searching(context, progress)
    for rule in rules:
        for way, row, ofWay in zip(ways, rows, nearest, strict=True):
            risk = _riskRow(way, rule, search(rule.structure))
            ofWay.append(risk["distanceMm"])
            row[f"distanceMm {rule.structure}"] = risk["distanceMm"]
            # Only one way of these is taken: none of them stops the plan.
            findings += [dataclasses.replace(one, severity="warn") for one in _riskFindings(way, risk, rule)]
    for name in parameters["through"]:
        for way, row in zip(ways, rows, strict=True):
            row[f"insideMm {name}"] = passage(way, name, search(name))["insideMm"]
    if rules:
        figures["nearestMm"] = [min(ofWay) for ofWay in nearest]
    return Result((), figures, {"Approaches": rows}, tuple(findings))


def _searching(context, progress):
    """Return a function of a structure's name: its :class:`PlanningHubLib.Planning.Distances.SurfaceSearch`."""

    def search(name):
        progress(0.5, f"Distances to {name}")
        return Distances.searchOf(context.solid(name).mesh)

    return search


def wayOf(context, lineName, diameterMm, name=None):
    """Return the :class:`Way` along a line of the plan.

    :raises InputRefused: ``no-such-object``, ``trajectory-outside-volume``
    """
    line = context.get(lineName, Line)
    if not context.isInsideScan([line.startRas, line.endRas]).all():
        raise InputRefused(
            "trajectory-outside-volume",
            f"{lineName} leaves the scanned volume.",
            "Move entry and target into the scan: what lies outside it cannot be judged.",
        )
    return Way(name or lineName, line.startRas, line.endRas, diameterMm)


def riskRules(context, parameters):
    """Return the :class:`RiskRule` of each structure that the procedure or the step names, and findings.

    :param parameters: of the step; ``risks`` and ``safetyMm``
    """
    ofProcedure = context.procedure.values.get("riskStructures", []) if context.procedure else []
    known = {*context.segmentNames, *context.objects}
    given = {one["structure"]: one for one in ofProcedure}
    absent = [name for name in given if name not in known and name not in parameters["risks"]]
    names = [name for name in dict.fromkeys([*given, *parameters["risks"]]) if name not in absent]
    findings = []
    if absent:
        findings.append(
            Finding(
                "risk-not-segmented", "warn", f"No distance is known to: {', '.join(absent)}.",
                "Segment these structures, or judge their distance by eye.",
            )
        )  # fmt: skip
    return [_rule(name, given.get(name, {}), parameters["safetyMm"]) for name in names], findings


def _rule(name, given, safetyMm):
    minimumMm = given.get("minimumMm")
    warnMm = given.get("warnMm", minimumMm or 0.0)
    source = OWN_SOURCE if safetyMm > warnMm or not given else given.get("source", "site default, no source")
    return RiskRule(name, minimumMm, max(warnMm, safetyMm), source)


def _riskRow(way, rule, search):
    nearest = Distances.nearestOfSegment(search, way.entryRas, way.targetRas)
    return {
        "structure": rule.structure,
        "distanceMm": nearest.distanceMm - way.diameterMm / 2,
        "alongMm": nearest.alongMm,
        "placeRas": list(nearest.placeRas),
        "minimumMm": rule.minimumMm,
        "warnMm": rule.warnMm,
        "source": rule.source,
    }


def _riskFindings(way, row, rule):
    distanceMm, place = row["distanceMm"], f"{row['alongMm']:.1f} mm from its entry"
    isTooNear = rule.minimumMm is not None and distanceMm < rule.minimumMm
    if distanceMm <= 0 and not isTooNear:
        message = f"{way.name} enters {rule.structure} by {-distanceMm:.1f} mm, {place}."
        return [Finding("enters-structure", "warn", message, "Move entry or target, or choose a smaller diameter.")]
    if not isTooNear and distanceMm >= rule.warnMm:
        return []
    limitMm = rule.minimumMm if isTooNear else rule.warnMm
    return [
        Finding(
            "risk-too-close", "reject" if isTooNear else "warn",
            f"{way.name} comes within {distanceMm:.1f} mm of {rule.structure}, {place}; {limitMm:g} mm are asked for.",
            f"Move entry or target. Source of the limit: {rule.source}.",
        )
    ]  # fmt: skip


def passage(way, name, search):
    """Return a row about a way through a structure: how far within, from where to where, and how far it breaks out.

    ``breachMm`` is how far the way's side stands out of the structure between where its axis enters and leaves it,
    one diameter after the one and before the other: an oblique way is never wholly within at its entry.
    """
    intervals = Distances.insideIntervals(search, way.entryRas, way.targetRas)
    row = {"structure": name, "insideMm": float(sum(last - first for first, last in intervals))}
    if not intervals:
        return row
    first, last = intervals[0][0], intervals[-1][1]
    row |= {"fromMm": first, "toMm": last, "targetInside": bool(last >= way.lengthMm)}
    first, last = first + way.diameterMm, last - way.diameterMm * (not row["targetInside"])
    if last > first:
        row["breachMm"] = max(0.0, float(search.signedMm(_side(way, first, last)).max()))
    return row


def _side(way, firstMm, lastMm):
    """Return points (n, 3) on the side of a way between two places along it."""
    across = numpy.linalg.svd(way.direction[None])[2][1:]
    angles = numpy.linspace(0, 2 * numpy.pi, AROUND, endpoint=False)
    ring = way.diameterMm / 2 * (numpy.cos(angles)[:, None] * across[0] + numpy.sin(angles)[:, None] * across[1])
    along = numpy.linspace(firstMm, lastMm, 2 + int((lastMm - firstMm) / BREACH_STEP_MM))
    return (way.entryRas + along[:, None, None] * way.direction + ring[None]).reshape(-1, 3)


def _missed(way, row):
    return Finding("structure-missed", "warn", f"{way.name} does not pass through {row['structure']}.",
                   "Move entry or target.")  # fmt: skip


def _screwRows(way, passages):
    rows = [{"name": way.name, "diameterMm": way.diameterMm, "lengthMm": way.lengthMm}]
    return [{**rows[0], "structure": row["structure"], "insideMm": row["insideMm"]} for row in passages] or rows


def _summary(risks, passages):
    figures = {}
    if risks:
        row = min(risks, key=lambda one: one["distanceMm"])
        figures |= {"nearestMm": row["distanceMm"], "nearestStructure": row["structure"]}
    return figures | {f"insideMm {row['structure']}": row["insideMm"] for row in passages}


def anglesOf(way, context, frameName=""):
    """Return the angles in degrees (0 to 90) between a way and the anatomical planes, of the scan and of a frame."""
    frames = {"": numpy.eye(3)}
    if frameName:
        frames["Frame"] = context.get(frameName, Placement).matrix[:3, :3]
    return {
        f"angleTo{prefix}{plane}Degrees": float(
            numpy.degrees(numpy.arcsin(min(1.0, abs(way.direction @ axes @ normal))))
        )
        for prefix, axes in frames.items()
        for plane, normal in PLANES.items()
    }


_COMMON = {
    "diameterMm": {"type": "number", "exclusiveMinimum": 0, "title": "Diameter"},
    "risks": {
        "type": "array", "items": NAME, "x-object": "solid", "default": [], "title": "Structures at risk",
        "description": "Beside those that the procedure names",
    },
    "safetyMm": {
        "type": "number", "minimum": 0, "default": 0.0, "title": "Safety distance",
        "description": "Below it a structure at risk is reported; the procedure's own limits hold all the same",
    },
    "through": {
        "type": "array", "items": NAME, "x-object": "solid", "default": [], "title": "Structures to pass through",
        "description": "How far the way runs within each is measured",
    },
    "frame": {
        "type": "string", "default": "", "x-object": "placement", "title": "Anatomical frame",
        "description": "Angles are stated to its planes, too; those to the scan's are always stated",
    },
}  # fmt: skip

OPERATIONS = (
    Operation(
        "trajectory", "Trajectory",
        {
            "line": {**NAME, "x-object": "line", "title": "From entry to target"},
            **_COMMON,
        },
        ("line", "diameterMm"), trajectory,
    ),
    Operation(
        "approaches", "Approaches side by side",
        {
            "lines": {
                "type": "array", "items": NAME, "x-object": "line", "minItems": 2, "uniqueItems": True,
                "title": "Lines to compare",
            },
            **_COMMON,
        },
        ("lines", "diameterMm"), approaches,
    ),
)  # fmt: skip
