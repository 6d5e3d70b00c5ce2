"""The inspection of a printed part: dimensions read with a caliper or gauge against those of the part's mesh.

An artefact of kind ``inspection``, made from the part: a changed part makes it stale. Each reading is a revision, so
what was read before stays.
"""

import json
import math

from PlanningHubLib.Errors import GateRefused, UsageError
from PlanningHubLib.Locking import currentUser, utcNow
from PlanningHubLib.Software import versions

from ..PartRecords import childId, chosenPart, isFor, newestChild, partMesh, partName, partNumber
from .Copies import requireCopy
from .Dimensions import extents, measuredOn

FILE_NAME = "inspection.json"
MEASURED, SCANNED = "measured", "scan"
PASS, FAIL, OPEN = "pass", "fail", "open"


def inspectMeasured(
    case, partId=None, dimensions=None, measured=None, toleranceMm=None, instrument=None, user=None, copy=None
):
    """Choose the dimensions of a part that are to be read, or enter what was read.

    Nominal values are measured on the part's mesh. Earlier readings of the same part and dimension are kept; those of
    an earlier part are not taken over.

    :param dimensions: as :func:`PrintPrepLib.Papers.Dimensions.checkedDimensions` returns them; None for those chosen
        before, or the part's extents
    :param measured: name → value in mm
    :param toleranceMm: for dimensions that state none; None for what was given before, or the part's
    :param copy: number of the copy that was read, where the build has several
    :returns: artefact of kind ``inspection``; its facts hold ``verdict`` (``pass``, ``fail``, ``open``) and
        ``dimensions`` (name, kind, nominalMm, toleranceMm, measuredMm, deviationMm, verdict)
    :raises GateRefused: ``no-part``, ``which-part``, ``stale-part``, ``tolerance-not-stated``
    :raises InputRefused: ``point-off-the-part``, ``not-round``, ``no-length``
    :raises UsageError: ``no-such-dimension``, ``bad-measure``, ``which-copy``, ``no-such-copy``
    """
    part = chosenPart(case, partId)
    requireCopy(case, part, copy)
    before = newestChild(case, "inspection", part, method=MEASURED, copy=copy)
    known = readInspection(case, before) if before else {"dimensions": [], "instrument": "", "toleranceMm": None}
    toleranceMm = known["toleranceMm"] if toleranceMm is None else toleranceMm
    sameRows = {one["name"]: one for one in known["dimensions"]} if before and isFor(case, before, part) else {}
    chosen = dimensions or [_chosenOf(one) for one in known["dimensions"]] or extents()
    readings = {one["name"]: one["measuredMm"] for one in chosen if "measuredMm" in one} | (measured or {})
    _requireKnown(readings, [one["name"] for one in chosen])
    mesh, who = partMesh(case, part), user or currentUser()
    rows = []
    for one in chosen:
        row = measuredOn(_chosenOf(one), mesh)
        row["ownTolerance"] = "toleranceMm" in row
        row["toleranceMm"] = requireToleranceMm(part, row.get("toleranceMm", toleranceMm))
        rows.append(_judged(row, readings.get(one["name"]), sameRows.get(one["name"]), who))
    values = {
        **inspectionHead(case, part, MEASURED, copy),
        "instrument": known["instrument"] if instrument is None else instrument,
        "toleranceMm": toleranceMm,
        "verdict": _verdict(rows),
        "dimensions": rows,
    }
    with case.staging("inspection", childId(case, "inspection", part, method=MEASURED, copy=copy), user) as stage:
        return commitInspection(stage, part, values, {"dimensions": rows, "instrument": values["instrument"]})


def readInspection(case, artefact):
    """Return the values of an inspection's file."""
    return json.loads(case.path(artefact, FILE_NAME).read_bytes())


def inspectionHead(case, part, method, copy=None):
    """Return what every inspection's file begins with: the case's pseudonym, the part with its hash, and the copy."""
    return {
        "format": "planninghub-inspection",
        "version": 1,
        "case": case.name,
        "part": {"number": partNumber(part), "name": partName(part), "content": part.content},
        "copy": copy,
        "method": method,
        "frame": "LPS",
        "when": utcNow(),
    }


def commitInspection(stage, part, values, facts):
    """Write an inspection's file into a staged folder and commit it; return the artefact."""
    text = json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
    (stage.folder / FILE_NAME).write_bytes(text.encode())
    copy = values["copy"]
    name = values["part"]["number"] + ("" if copy is None else f", copy {copy}")
    return stage.commit(
        parents=[part],
        parameters={"part": part.id, "method": values["method"], **({} if copy is None else {"copy": copy})},
        facts={"part": values["part"], "verdict": values["verdict"], **facts},
        software=versions("slicer-core", "vtk", "numpy", "libigl"),
        title=f"Inspection of {name} ({values['method']}): {values['verdict']}",
    )


def partToleranceMm(part):
    """Return how far the printed part may be off, in mm, as the part's recipe or its proof of accuracy states it.

    None where neither says: nothing is guessed.
    """
    stated = part.parameters.get("toleranceMm")
    return part.facts.get("accuracy", {}).get("toleranceMm") if stated is None else stated


def requireToleranceMm(part, givenMm=None):
    """Return the given tolerance in mm, or the part's.

    :raises GateRefused: ``tolerance-not-stated``
    :raises UsageError: ``bad-measure``
    """
    toleranceMm = partToleranceMm(part) if givenMm is None else givenMm
    if toleranceMm is None:
        raise GateRefused(
            "tolerance-not-stated",
            f"Nothing says how far {partName(part)} may be off: neither its recipe nor its procedure.",
            "State the tolerance in mm.",
        )
    return _positive("The tolerance", toleranceMm)


def readings(case, artefact):
    """Return what was read in an inspection, for a page: rows of (name, nominal, tolerance, measured, verdict)."""
    return [
        (one["name"], f"{one['nominalMm']:.2f} mm", f"±{one['toleranceMm']:.2f} mm",
         "" if one["measuredMm"] is None else f"{one['measuredMm']:.2f} mm", one["verdict"])
        for one in readInspection(case, artefact).get("dimensions", ())
    ]  # fmt: skip


def _chosenOf(one):
    keys = ("name", "kind", "points", "direction", *(("toleranceMm",) if one.get("ownTolerance", True) else ()))
    return {key: one[key] for key in keys if key in one}


def _requireKnown(readings, names):
    for name, value in readings.items():
        if name not in names:
            raise UsageError("no-such-dimension", f"No dimension is called {name}.", f"Use {', '.join(names)}.")
        _positive(name, value)


def _positive(what, value):
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise UsageError("bad-measure", f"{what} is {value!r}, which is no length in mm.", "Enter a positive number.")
    return float(value)


def _judged(row, readMm, before, who):
    """Return a row with what was read and whether it passes; without a reading, the earlier one where it still counts.

    An earlier reading counts while the dimension is the same.
    """
    if readMm is not None:
        row |= {"measuredMm": float(readMm), "who": who, "when": utcNow()}
    elif before and before["measuredMm"] is not None and before["nominalMm"] == row["nominalMm"]:
        row |= {key: before[key] for key in ("measuredMm", "who", "when")}
    else:
        return {**row, "measuredMm": None, "deviationMm": None, "verdict": OPEN}
    deviationMm = round(row["measuredMm"] - row["nominalMm"], 4)
    return {**row, "deviationMm": deviationMm, "verdict": PASS if abs(deviationMm) <= row["toleranceMm"] else FAIL}


def _verdict(rows):
    verdicts = {row["verdict"] for row in rows}
    return FAIL if FAIL in verdicts else OPEN if OPEN in verdicts else PASS
