"""The tables of a plan on paper: places in LPS, angles to the anatomical planes, limits, and the case's own digits."""

import dataclasses
from types import SimpleNamespace

import pytest

from ORExportLib.Pages.PlanTables import checkItems, keyFigures, planRisks, planTables, recordTables
from ORExportLib.Pages.RecordTables import approvalTable, gateTable, measurementTable, partTables, partWords
from PlanningHubLib.Errors import Finding
from PlanningHubLib.Planning.Document import checked, newDocument

PLANE = {"kind": "plane", "originRas": [10.0, 20.0, 30.0], "normalRas": [1.0, 0.0, 0.0], "sizeMm": 80.0}
# Leans 30 degrees from the axial plane towards the front.
LEANING = {"kind": "plane", "originRas": [-1.234, 0.0, 5.0], "normalRas": [0.0, 0.5, 0.8660254], "sizeMm": 60.0}
LINE = {"kind": "line", "startRas": [10.0, 0.0, 0.0], "endRas": [10.0, 30.0, 40.0]}
OTHER = {"kind": "line", "startRas": [0.0, 0.0, 0.0], "endRas": [0.0, 0.0, 12.0]}
CURVE = {"kind": "curve", "pointsRas": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]], "closed": False}


def distance(structure, distanceMm, minimumMm=2.0, warnMm=4.0):
    return {"structure": structure, "distanceMm": distanceMm, "alongMm": 12.5, "placeRas": [1.0, -2.0, 3.0],
            "minimumMm": minimumMm, "warnMm": warnMm, "source": "site default, no source"}  # fmt: skip


def aPlan(distances=()):
    document = checked({
        **newDocument("Cut and screw"),
        "steps": [
            {"do": "plane", "name": "Saw", "origin": PLANE["originRas"], "normal": PLANE["normalRas"]},
            {"do": "line", "name": "Path", "start": LINE["startRas"], "end": LINE["endRas"]},
            {"do": "cut", "name": "Osteotomy", "solid": "Bone", "by": ["Saw", "Curve"], "kerfMm": 1.2, "depthMm": 15},
            {"do": "trajectory", "name": "Screw", "line": "Path", "diameterMm": 3.5},
        ],
        "risks": [{"text": "Nerve below", "structure": "Nerve", "minimumMm": 2.0, "mitigation": "Go slowly"}],
        "checklist": [{"text": "Side marked", "done": True}, {"text": "Level counted", "done": False, "note": "twice"}],
    })  # fmt: skip
    empty = {"objects": [], "figures": {}, "tables": {}, "findings": []}
    screw = {"lengthMm": 50.0, "diameterMm": 3.5}
    results = {
        "steps": [
            {**empty, "name": "Saw"},
            {**empty, "name": "Path", "figures": {"lengthMm": 50.0}},
            {**empty, "name": "Osteotomy", "figures": {"originalMl": 12.5},
             "tables": {"Fragments": [{"name": "Cap", "volumeMl": 3.254, "kept": True, "centerRas": [1.0, 2.0, 3.0]}]}},
            {**empty, "name": "Screw", "figures": screw,
             "tables": {"Distances to structures at risk": list(distances)},
             "findings": [Finding("risk-too-close", "warn", "Screw comes close.", "Move it.").asDict()]},
        ],
        "objects": {"Saw": PLANE, "Lid": LEANING, "Path": LINE, "Probe": OTHER, "Curve": CURVE},
    }  # fmt: skip
    return document, results


def table(tables, title):
    return next(one for one in tables if one.title == title)


def test_planesStandInLpsWithTheirAnglesAndKerf():
    rows = {row[0]: row[1:] for row in table(planTables(*aPlan()), "Planes and cuts").rows}
    assert rows["Saw"] == ("Osteotomy", "-10.00, -20.00, 30.00", "-1.0000, 0.0000, 0.0000", "0.0° / 90.0° / 90.0°",
                           "1.20 mm; through everything")  # fmt: skip
    assert rows["Lid"] == ("–", "1.23, 0.00, 5.00", "0.0000, -0.5000, 0.8660", "90.0° / 60.0° / 30.0°",
                           "drawn 60.00 mm wide")  # fmt: skip
    assert rows["Curve"] == ("Osteotomy", "-1.00, -2.00, 3.00", "curve of 3 points", "–",
                             "1.20 mm; 15.00 mm deep to both sides")  # fmt: skip


def test_waysStandWithEntryTargetSizeAnglesAndWhatIsNearest():
    found = table(planTables(*aPlan([distance("Nerve", 3.2), distance("Artery", 9.0)])), "Trajectories")
    rows = {row[0]: row[1:] for row in found.rows}
    assert rows["Screw"] == ("-10.00, 0.00, 0.00", "-10.00, -30.00, 40.00", "3.50 mm, 50.00 mm",
                             "0.0° / 36.9° / 53.1°", "Nerve: 3.20 mm NEAR")  # fmt: skip
    assert rows["Probe"][2:4] == ("12.00 mm", "0.0° / 0.0° / 90.0°") and "Path" not in rows
    assert found.levels == ("warn", "")


@pytest.mark.parametrize(
    ("distanceMm", "level", "words"),
    [(1.99, "reject", "TOO NEAR"), (2.0, "warn", "NEAR"), (3.999, "warn", "NEAR"), (4.0, "free", ""),
     (-1.0, "reject", "TOO NEAR")],
)  # fmt: skip
def test_distancesAreJudgedByTheirLimits(distanceMm, level, words):
    (risk, own) = planRisks(*aPlan([distance("Nerve", distanceMm)]))
    assert risk.level == level and risk.value.startswith(f"{distanceMm:.2f} mm, at least 2 mm")
    assert risk.value.endswith(words or "2 mm") and risk.text == "Nerve from Screw"
    assert (own.text, own.value) == ("Nerve below (Nerve)", "keep 2 mm")
    found = table(planTables(*aPlan([distance("Nerve", distanceMm)])), "Distances to structures at risk")
    assert found.levels == (level,) and found.rows[0][3] == "-1.00, 2.00, 3.00" and found.rows[0][-1] == risk.value


def test_theWorstOfAllStructuresComesFirst():
    rows = [distance("Vein", 0.5, None, 0.0), distance("Nerve", 3.0), distance("Artery", 1.0)]
    assert [risk.text.split()[0] for risk in planRisks(*aPlan(rows))[:3]] == ["Artery", "Nerve", "Vein"]
    inside = planRisks(*aPlan([distance("Vein", -0.5, None, 0.0)]))[0]
    assert inside.level == "warn" and inside.value == "-0.50 mm – NEAR"


def test_otherTablesStandInWordsAndLps():
    found = table(planTables(*aPlan()), "Fragments: Osteotomy")
    assert found.head == ("name", "volume", "kept", "center")
    assert found.rows == (("Cap", "3.25 ml", "yes", "-1.00, -2.00, 3.00"),)
    document, results = aPlan()
    wide = {f"slot {number}Mm": float(number) for number in range(9)}
    results["steps"][2]["tables"] = {"Slots": [{"plane": "Saw", **wide}]}
    turned = table(planTables(document, results), "Slots: Osteotomy")
    assert turned.head == ("plane", "Saw") and turned.rows[3] == ("slot 3", "3.00 mm") and len(turned.rows) == 9


def test_stepsRisksFindingsAndChecklist():
    document, results = aPlan()
    tables = recordTables(document, results)
    assert table(tables, "Risks").rows == (("Nerve below (Nerve)", "Go slowly", "keep 2 mm"),)
    assert ("Screw", "Trajectory", "length 50.00 mm; diameter 3.50 mm") in table(tables, "Steps of the plan").rows
    reported = table(tables, "What the steps reported")
    assert reported.rows == (("Screw", "Screw comes close. Move it.", "warn"),) and reported.levels == ("warn",)
    assert checkItems(document) == (("Side marked", True), ("Level counted (twice)", False))
    assert dict(keyFigures(results))["Screw: length"] == "50.00 mm"


def test_marginThatIsNotReachedIsARisk():
    document, results = aPlan()
    results["steps"][2]["figures"] = {"wantedMm": 10.0, "reachedMm": 8.5}
    assert ("Margin Osteotomy", "8.50 mm of 10.00 mm wanted", "warn") in map(
        dataclasses.astuple, planRisks(document, results)
    )
    assert ("Osteotomy: reached", "8.50 mm") in keyFigures(results)


def aPart(**facts):
    plate = {"name": "Plate", "role": "implant", "mirrored": True, "modified": True, "moved": False}
    return SimpleNamespace(
        id="part-1", revision=2, facts={"object": plate, "volumeMl": 2.4242, **facts},
        parameters={"material": "resin", "sterilisation": {"method": "steam", "temperatureC": 121}},
    )  # fmt: skip


def test_partsSayWhatStandsOnThem():
    label = {"kind": "text", "text": "PH-1 L", "heightMm": 3, "depthMm": 0.4, "read": False, "identifiesPatient": False}
    typed = {**label, "text": "Jo Doe", "identifiesPatient": True, "read": True}
    parts, engraved = partTables([aPart(label=[label, typed], process={"title": "Guide on a printer"})])
    assert parts.rows == (("part-1.2", "Plate", "implant, mirrored, modified", "1", "2.42 ml",
                           "Guide on a printer, resin, steam at 121 °C"),)  # fmt: skip
    assert [row[1:] for row in engraved.rows] == [("text, 3.00 mm high, NOT READ", "PH-1 L"),
                                                  ("text, 3.00 mm high, read back", "typed text")]  # fmt: skip
    assert partWords(aPart()) == ("part-1.2 Plate", "implant, 2.42 ml, mirrored, modified")
    assert partTables([aPart()])[1].rows == (("part-1.2", "–", "NOTHING IS ENGRAVED"),)


def test_measurementsGateAndApprovals():
    measured = SimpleNamespace(
        stepName="Screw", name="length", kind="trajectory", objects=tuple("abcde"), text="5.00 mm"
    )
    assert measurementTable([measured]).rows == (("Screw", "length", "trajectory", "a, b, c, and 2 more", "5.00 mm"),)
    assert gateTable([Finding("scan-old", "warn", "Old.", "Look.")]).rows == (("scan-old", "Old. Look.", "warn"),)
    statement = {"user": "anna", "role": "surgeon", "when": "2026-05-04T01:02:03Z",
                 "artefacts": [{"id": "plan-1", "content": "ab" * 32}]}  # fmt: skip
    (row,) = approvalTable([{"statement": statement, "fingerprint": "0123456789abcdef" * 4}]).rows
    assert row == ("anna (surgeon)", "2026-05-04T01:02:03Z", "0123 4567 89ab cdef", "plan-1 " + "ab" * 8)
