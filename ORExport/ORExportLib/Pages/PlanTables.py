"""The tables of a plan on paper: cuts, ways, distances and what else its steps found, from its document and results.

Results are kept in RAS mm; everything here says LPS, as all that leaves does. Numbers are rounded by
:mod:`PlanningHubLib.Planning.Figures`.
"""

import dataclasses

import numpy

from PlanningHubLib.Planning.Figures import figureLines, valueText, words
from PlanningHubLib.Planning.Operations import operations
from PlanningHubLib.Planning.Trajectories import PLANES

from .Briefing import Risk

INTENDED_USES = {
    "planning": "for planning", "education": "for education only", "quality": "for quality assurance only",
}  # fmt: skip
LEVEL_WORDS = {"reject": "TOO NEAR", "warn": "NEAR", "free": ""}
_ORDER = {"reject": 0, "warn": 1, "free": 2}
DISTANCES = "Distances to structures at risk"
# Tables of steps that stand elsewhere on the pages.
ELSEWHERE = {DISTANCES, "Measurements", "Trajectory", "Approaches"}
LPS = numpy.array([-1.0, -1.0, 1.0])
# Wider ones are printed with a row for each of their columns.
MOST_COLUMNS = 7


@dataclasses.dataclass(frozen=True)
class Table:
    """A table on paper.

    :param widths: shares of the page's width, one for each column
    :param mono: columns that hold hashes or codes
    :param levels: of each row ``reject``, ``warn``, ``free`` or empty, which colors its last column
    """

    title: str
    head: tuple
    rows: tuple
    widths: tuple
    mono: tuple = ()
    levels: tuple = ()


def planTables(document, results):
    """Return the :class:`Table` tuple of a plan, without those that would be empty.

    :param document: of the plan; :param results: what its steps gave
    """
    found = [_cuts(document, results), _ways(document, results), _distances(results)]
    found += [table for step in results["steps"] for table in _others(step)]
    return tuple(table for table in found if table.rows)


def recordTables(document, results):
    """Return the tables that say what was planned and found, step by step: risks, steps and findings."""
    found = [_risks(document), stepsTable(_stepRows(document, results)), _findings(results)]
    return tuple(table for table in found if table.rows)


def planRisks(document, results):
    """Return the :class:`ORExportLib.Pages.Briefing.Risk` of a plan, the nearest structure first."""
    distances = []
    for step in results["steps"]:
        for row in step["tables"].get(DISTANCES, ()):
            distances.append((_ORDER[_level(row)], row["distanceMm"], step["name"], row))
    risks = [
        Risk(f"{row['structure']} from {name}", _distanceText(row), _level(row))
        for _order, _distanceMm, name, row in sorted(distances, key=lambda one: one[:3])
    ]
    risks += [one for step in results["steps"] for one in _marginRisk(step)]
    return (*risks, *(Risk(_riskText(one), _keepText(one)) for one in document["risks"]))


def keyFigures(results):
    """Yield (step and figure in words, value) of each step of a plan that measured something."""
    for step in results["steps"]:
        numbers = {name: value for name, value in step["figures"].items() if isinstance(value, (int, float))}
        # What a margin reached counts more than what was wanted.
        first = "reachedMm" if "reachedMm" in numbers else next(iter(numbers), None)
        if first:
            ((name, value),) = figureLines({first: numbers[first]})
            yield f"{step['name']}: {name}", value


def _riskText(risk):
    return f"{risk['text']} ({risk['structure']})" if risk.get("structure") else risk["text"]


def checkItems(document):
    """Return (text, whether it is done) for each item of a plan's checklist."""
    return tuple(
        (f"{one['text']} ({one['note']})" if one.get("note") else one["text"], one["done"])
        for one in document["checklist"]
    )


def stepsTable(rows):
    """Return the table of (step, operation, (name, value) pairs)."""
    lines = tuple((name, title, "; ".join(f"{one} {value}" for one, value in figures)) for name, title, figures in rows)
    return Table("Steps of the plan", ("Step", "Operation", "Figures"), lines, (1.7, 1.5, 4))


def _stepRows(document, results):
    titles = {step["name"]: operations()[step["do"]].title for step in document["steps"]}
    return [(step["name"], titles[step["name"]], _figures(step["figures"])) for step in results["steps"]]


def _figures(figures):
    """Return the figures of a step or a row in words, its places in LPS."""
    return [
        (words(name.removesuffix("Ras")), _places(value)) if name.endswith("Ras") else figureLines({name: value})[0]
        for name, value in figures.items()
    ]


def _places(value):
    if value is None:
        return "–"
    many = numpy.asarray(value, float).reshape(-1, 3)
    return " / ".join(place(one) for one in many)


def place(pointRas, decimals=2):
    """Return a point or a direction of a plan, RAS, in words: its coordinates in LPS."""
    # Adding zero takes the sign from what is rounded to none.
    return ", ".join(f"{round(value, decimals) + 0.0:.{decimals}f}" for value in numpy.asarray(pointRas, float) * LPS)


def _cuts(document, results):
    """Every plane of the plan and every curve that is cut along; a plane may be cut along more than once."""
    objects, rows = results["objects"], []
    cuts = [(step, name) for step in document["steps"] if step["do"] == "cut" for name in step["by"]]
    alone = [name for name, one in objects.items() if one["kind"] == "plane" and name not in {cut[1] for cut in cuts}]
    for step, name in [*cuts, *((None, name) for name in alone)]:
        thing = objects[name]
        rows.append((name, step["name"] if step else "–", *_cutter(thing, step)))
    head = ("Plane or curve", "Cut", "Point on it (LPS, mm)", "Normal (LPS)", "To sagittal / coronal / axial plane",
            "Kerf and reach")  # fmt: skip
    return Table("Planes and cuts", head, tuple(rows), (1.3, 1.1, 1.7, 1.6, 1.4, 1.3))


def _cutter(thing, step):
    kerf = f"{valueText('kerfMm', float(step['kerfMm']))}; " if step else ""
    if thing["kind"] != "plane":
        points = thing["pointsRas"]
        reach = f"{kerf}{valueText('depthMm', float(step['depthMm']))} deep to both sides"
        return place(points[0]), f"curve of {len(points)} points", "–", reach
    normal = numpy.asarray(thing["normalRas"], float)
    angles = [numpy.degrees(numpy.arccos(min(1.0, abs(normal @ axis)))) for axis in PLANES.values()]
    drawn = f"{valueText('sizeMm', float(thing['sizeMm']))} wide"
    reach = (drawn if step["bounded"] else "through everything") if step else f"drawn {drawn}"
    return place(thing["originRas"]), place(normal, 4), " / ".join(map(_degrees, angles)), f"{kerf}{reach}"


def _degrees(value):
    return valueText("angleDegrees", float(value))


def _ways(document, results):
    """Every trajectory and approach, and every other line of the plan."""
    objects, rows, used = results["objects"], [], set()
    given = {step["name"]: step for step in results["steps"]}
    for step in document["steps"]:
        result = given[step["name"]]
        if step["do"] == "trajectory":
            used.add(step["line"])
            nearest = [row for row in result["tables"].get(DISTANCES, ())]
            row = min(nearest, key=lambda one: one["distanceMm"], default=None)
            figures = {**result["figures"], "nearest": (row and (row["structure"], row["distanceMm"], _level(row)))}
            rows.append((step["name"], objects[step["line"]], figures))
        elif step["do"] == "approaches":
            used.update(step["lines"])
            rows += [_approach(step, row, objects) for row in result["tables"].get("Approaches", ())]
    for name, thing in objects.items():
        if thing["kind"] == "line" and name not in used:
            rows.append((name, thing, {"lengthMm": float(numpy.linalg.norm(_direction(thing)))}))
    head = ("Way", "Entry (LPS, mm)", "Target (LPS, mm)", "Diameter, length", "To sagittal / coronal / axial plane",
            "Nearest structure")  # fmt: skip
    levels = tuple((figures.get("nearest") or ("", 0, ""))[2] for _name, _thing, figures in rows)
    return Table("Trajectories", head, tuple(_wayRow(*row) for row in rows), (1.3, 1.6, 1.6, 1.2, 1.5, 1.5), (), levels)


def _approach(step, row, objects):
    named = {key.partition(" ")[2]: value for key, value in row.items() if key.startswith("distanceMm ")}
    structure = min(named, key=named.get, default=None)
    figures = {**row, "diameterMm": step["diameterMm"]}
    figures["nearest"] = structure and (structure, named[structure], "")
    return f"{step['name']}: {row['line']}", objects[row["line"]], figures


def _wayRow(name, thing, figures):
    size = [valueText(key, float(figures[key])) for key in ("diameterMm", "lengthMm") if key in figures]
    nearest = figures.get("nearest")
    near = f"{nearest[0]}: {valueText('distanceMm', nearest[1])} {LEVEL_WORDS.get(nearest[2], '')}" if nearest else "–"
    return name, place(thing["startRas"]), place(thing["endRas"]), ", ".join(size), _angles(thing), near.strip()


def _angles(thing):
    direction = _direction(thing)
    direction = direction / max(numpy.linalg.norm(direction), 1e-9)
    return " / ".join(
        _degrees(numpy.degrees(numpy.arcsin(min(1.0, abs(direction @ axis))))) for axis in PLANES.values()
    )


def _direction(line):
    return numpy.subtract(line["endRas"], line["startRas"]).astype(float)


def _distances(results):
    found = [(step["name"], row) for step in results["steps"] for row in step["tables"].get(DISTANCES, ())]
    rows = tuple(
        (name, row["structure"], valueText("alongMm", float(row["alongMm"])), place(row["placeRas"]), row["source"],
         _distanceText(row))
        for name, row in found
    )  # fmt: skip
    head = ("Way", "Structure", "From its entry", "Nearest place (LPS, mm)", "Source of the limit", "Distance")
    return Table(DISTANCES, head, rows, (1.2, 1.3, 1, 1.6, 1.8, 1.5), (), tuple(_level(row) for _name, row in found))


def _level(row):
    if row["minimumMm"] is not None and row["distanceMm"] < row["minimumMm"]:
        return "reject"
    return "warn" if row["distanceMm"] <= 0 or row["distanceMm"] < row["warnMm"] else "free"


def _distanceText(row):
    least = row["minimumMm"] if row["minimumMm"] is not None else row["warnMm"]
    limit = f", at least {least:g} mm" if least else ""
    word = LEVEL_WORDS[_level(row)]
    return f"{valueText('distanceMm', float(row['distanceMm']))}{limit}{f' – {word}' if word else ''}"


def _marginRisk(step):
    figures = step["figures"]
    if {"reachedMm", "wantedMm"} <= set(figures) and figures["reachedMm"] is not None:
        level = "free" if figures["reachedMm"] >= figures["wantedMm"] else "warn"
        text = f"{valueText('reachedMm', figures['reachedMm'])} of {valueText('wantedMm', figures['wantedMm'])} wanted"
        yield Risk(f"Margin {step['name']}", text, level)


def _keepText(risk):
    return f"keep {risk['minimumMm']:g} mm" if risk.get("minimumMm") else ""


def _risks(document):
    rows = tuple((_riskText(one), one.get("mitigation") or "–", _keepText(one)) for one in document["risks"])
    return Table("Risks", ("What may go wrong", "What is done about it", "Keep"), rows, (3, 3, 1))


def _findings(results):
    found = [(step["name"], one) for step in results["steps"] for one in step["findings"]]
    rows = tuple((name, f"{one['message']} {one['action']}".strip(), one["severity"]) for name, one in found)
    levels = tuple(one["severity"] if one["severity"] in _ORDER else "" for _name, one in found)
    return Table("What the steps reported", ("Step", "Message", "Severity"), rows, (1.7, 5, 0.8), (), levels)


def _others(step):
    """Yield the other tables of a step as they are, with their columns in words."""
    for title, rows in step["tables"].items():
        if title in ELSEWHERE or not rows:
            continue
        lines = [dict(_figures(row)) for row in rows]
        head = tuple(dict.fromkeys(name for line in lines for name in line))
        table = [tuple(line.get(name, "–") for name in head) for line in lines]
        if len(head) > MOST_COLUMNS:
            table = [(name, *(line[at] for line in table)) for at, name in enumerate(head)]
            head, *table = table
        for start in range(1, len(head), MOST_COLUMNS):
            columns = [0, *range(start, min(start + MOST_COLUMNS, len(head)))]
            part = tuple(tuple(line[at] for at in columns) for line in table)
            yield Table(f"{title}: {step['name']}", tuple(head[at] for at in columns), part, (1,) * len(columns))
