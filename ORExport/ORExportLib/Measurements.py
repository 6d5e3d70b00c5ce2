"""The numbers of a case as one list, which the structured report, the pages and the viewer show alike.

They are the figures that segmentation, plan and part state themselves; nothing is measured here anew.
"""

import dataclasses
import re

import numpy

from PlanningHubLib.Planning.Editing import objectsUsedBy
from PlanningHubLib.Planning.Figures import unitOf, valueText, words
from PlanningHubLib.Planning.Measurements import QUANTITIES

RAS_TO_LPS = numpy.array([-1.0, -1.0, 1.0])
AXES = ("R", "A", "S")
# Unit as PlanningHubLib.Planning.Figures shows it → UCUM.
UCUM = {"mm": "mm", "mm²": "mm2", "mm³": "mm3", "ml": "ml", "°": "deg", "%": "%", "HU": "[hnsf'U]", "s": "s"}
NO_UNIT = "1"
# Between what a number is about, where a step gives numbers about several things, and what it says.
ABOUT = ": "
KIND_OF_UNIT = {
    "mm": "length", "mm2": "area", "mm3": "volume", "ml": "volume", "deg": "angle", "%": "share", "1": "share",
    "[hnsf'U]": "density", "s": "time",
}  # fmt: skip
KIND_OF_NAME = (
    ("reachedMm|wantedMm", "margin"), ("diameterMm", "diameter"), ("thickness.*Mm", "thickness"), ("gap.*Mm", "gap"),
    ("(distance|nearest|nearestGap|nearestToBone)Mm", "distance"),
)  # fmt: skip
# Which places of a step or a row a figure was measured at.
PLACES = {
    "reachedMm": ("nearestOnStructureRas", "nearestOnCutRas"),
    "distanceMm": ("fromRas", "toRas"),
    "largestShiftMm": ("largestShiftAtRas",),
    "nearestGapMm": ("nearestGapAtRas",),
    "deepestPenetrationMm": ("deepestPenetrationAtRas",),
    "gapMm": ("gapAtRas",),
    "depthMm": ("entryRas", "depthAtRas"),
}
# What the other tables hold stands among the figures or the objects, too.
PASSAGES, INSIDE = "Passages", "insideMm"
TABLES = ("Distances to structures at risk", PASSAGES, "Approaches", "Slots", "Sleeves", "Fixation", "Pairs")
# Limits of a row, not measurements.
LIMITS = ("minimumMm", "warnMm")


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """One number of a case.

    :param name: in words, such as ``gap median`` or ``Aorta: distance``; unlike the others of its step
    :param kind: what is measured: ``distance``, ``length``, ``trajectory``, ``angle``, ``area``, ``volume``,
        ``thickness``, ``margin``, ``gap``, ``diameter``, ``share``, ...
    :param value: as the case keeps it
    :param unit: UCUM code
    :param figure: the figure's name in the case, such as ``gapMedianMm``
    :param stepName: the plan's step that gave it; None for what segmentation or part state
    :param pointsLps: (n, 3) mm, where it was measured; or None
    :param objects: names of what was measured
    :param planned: the points are on what the plan moved, and lie where it is planned to be
    """

    name: str
    kind: str
    value: float
    unit: str
    figure: str
    stepName: str | None = None
    pointsLps: numpy.ndarray | None = None
    objects: tuple = ()
    planned: bool = False

    @property
    def about(self):
        """What of its step the number is about, empty where it is about the whole step: names that people gave."""
        return self.name.rpartition(ABOUT)[0]

    @property
    def quantity(self):
        """What the name says without names that people gave, such as ``distance``."""
        return self.name.rpartition(ABOUT)[2]

    @property
    def text(self):
        """The value with its unit, rounded as all pages round it."""
        return valueText(self.figure.split(" ")[0], self.value)


def measurementsOf(document, results, segmentation=None, parts=()):
    """Return the :class:`Measurement` list of a case, in the order of its steps.

    :param document, results: of the plan as :func:`PlanningHubLib.Planning.Plan.readPlan` returns them; None without
    :param segmentation: the case's segmentation artefact, for the segments' volumes
    :param parts: artefacts of kind ``part``
    """
    found = list(_ofSegments(segmentation)) if segmentation else []
    if document:
        steps = {step["name"]: step for step in document["steps"]}
        for result in results["steps"]:
            found += _Step(steps[result["name"]], result, results["objects"]).measurements()
    return [*found, *(one for part in parts for one in _ofPart(part))]


def _ofSegments(segmentation):
    for name, facts in segmentation.facts.get("structures", {}).items():
        yield Measurement(f"{name}{ABOUT}volume", "volume", facts["volumeMl"], "ml", "volumeMl", None, None, (name,))


def _ofPart(part):
    name = part.facts.get("object", {}).get("name", "part")
    for figure, title in (("volumeMl", "volume"), ("deviationMm", "surface deviation")):
        if part.facts.get(figure) is not None:
            unit = unitCode(figure)
            yield Measurement(
                f"Part {name}{ABOUT}{title}", kindOf(figure), part.facts[figure], unit, figure, None, None, (name,)
            )


def unitCode(figure):
    """Return the UCUM code of the unit that a figure's name ends with, ``1`` where it ends with none."""
    return UCUM.get(unitOf(figure.split(" ")[0])[0].strip(), NO_UNIT)


def kindOf(figure):
    """Return the kind of measurement that a figure's name says."""
    name = figure.split(" ")[0]
    own = next((kind for pattern, kind in KIND_OF_NAME if re.fullmatch(pattern, name)), None)
    return own or KIND_OF_UNIT[unitCode(name)]


@dataclasses.dataclass(frozen=True)
class _Step:
    """A step of a plan with what it gave."""

    step: dict
    result: dict
    objects: dict

    def measurements(self):
        figures, made = self.result["figures"], tuple(self.result["objects"])
        if PASSAGES in self.result["tables"]:
            # There they stand with more.
            figures = {name: value for name, value in figures.items() if not name.startswith(f"{INSIDE} ")}
        found = []
        for figure, value in figures.items():
            found += self._figure(figure, value, figures, made or self._used)
        for title in TABLES:
            for row in self.result["tables"].get(title, ()):
                found += self._row(row)
        if "volumeMl" not in figures:
            found += self._volumes(made)
        return found

    @property
    def _used(self):
        return tuple(objectsUsedBy(self.step))

    def _figure(self, figure, value, among, about, names=()):
        """Yield what a figure says; its places are looked for ``among`` those beside it.

        :param about: names of objects; ``names`` those that tell it from its like in this step
        """
        plain, _space, structure = figure.partition(" ")
        if structure:
            names, about = (*names, structure), (*about, structure)
        label = f"{' and '.join(names)}{ABOUT}" if names else ""
        # Three ways alike are no vector; they stand in a table.
        isVector = isinstance(value, (list, tuple)) and len(value) == 3 and self.step["do"] != "approaches"
        if isVector and unitOf(plain)[0]:
            for axis, one in zip(AXES, value, strict=True):
                yield self._measurement(figure, one, f"{label}{words(plain)} {axis}", None, about)
        elif _isNumber(value) and (unitOf(plain)[0] or plain.endswith("Share")):
            yield self._measurement(figure, value, f"{label}{words(plain)}", self._points(figure, among), about)

    def _row(self, row):
        """Yield the measurements of a row of a table."""
        names = [row[key] for key in ("line", "structure", "plane", "first", "second") if key in row]
        about = tuple(dict.fromkeys([*(() if "line" in row or "first" in row else self.result["objects"]), *names]))
        for figure, value in row.items():
            if figure not in LIMITS:
                yield from self._figure(figure, value, row, about, tuple(names))

    def _volumes(self, made):
        for name in made:
            thing = self.objects[name]
            if thing["kind"] == "solid":
                about = "" if name == self.step["name"] else f"{name}{ABOUT}"
                yield self._measurement("volumeMl", thing["volumeMl"], f"{about}volume", None, (name,))

    def _measurement(self, figure, value, name, points, about):
        return Measurement(
            name, self._kind(figure), value, unitCode(figure), figure, self.step["name"],
            None if points is None or not len(points) else numpy.asarray(points, float).reshape(-1, 3) * RAS_TO_LPS,
            about, any(self.objects.get(one, {}).get("moved") for one in self._used),
        )  # fmt: skip

    def _kind(self, figure):
        if self.step["do"] in ("trajectory", "approaches") and figure == "lengthMm":
            return "trajectory"
        if self.step["do"] == "measure" and figure == next(iter(self.result["figures"])):
            return QUANTITIES[self.step["quantity"]].kind.lower()
        return kindOf(figure)

    def _points(self, figure, among):
        """Return the places (n, 3) RAS mm that a figure was measured at, or None."""
        if "placeRas" in among and figure == "distanceMm":
            return [self._along(among["alongMm"]), among["placeRas"]]
        if figure == "thicknessMm" and "fromRas" in among:
            start = numpy.array(among["fromRas"])
            return [start, start + among[figure] * numpy.array(among["directionRas"])]
        given = [among[name] for name in PLACES.get(figure, ()) if among.get(name) is not None]
        if given:
            return given
        if figure == "lengthMm":
            return self._ofLine(among.get("line") or self.step.get("line") or self.step["name"])
        isMeasured = self.step["do"] == "measure" and figure in ("angleDegrees", "areaMm2", "distanceMm")
        return self._measured() if isMeasured else None

    def _along(self, alongMm):
        start, end = (numpy.array(one) for one in self._ofLine(self.step["line"]))
        return start + alongMm * (end - start) / numpy.linalg.norm(end - start)

    def _ofLine(self, name):
        """Return the points of a line, or of what else was measured the length of."""
        thing = self.objects.get(name, {})
        return [thing["startRas"], thing["endRas"]] if thing.get("kind") == "line" else self._measured()

    def _measured(self):
        """Return the points of all that a step measured, in its order; None where some of it has none."""
        found = []
        for name in self.step.get("objects", ()):
            thing = self.objects.get(name, {})
            own = thing.get("pointsRas") or [thing[end] for end in ("startRas", "endRas") if end in thing]
            if not own:
                return None
            found += own
        return [*found, *self.step.get("points", ())] or None


def _isNumber(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)
