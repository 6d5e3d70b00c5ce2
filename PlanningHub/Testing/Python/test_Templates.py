"""The shipped templates: complete, coded, and made of methods and operations that exist."""

import pytest
import slicer
from test_Procedures import SHIPPED

from PlanningHubLib.Planning.Operations import operations
from PlanningHubLib.Procedures import readProcedure
from PlanningHubLib.Segmenting import Structures
from PlanningHubLib.Segmenting.Recipe import checkedMethod

PARTS = ("structures", "imaging", "riskStructures", "landmarks", "planSteps", "risks", "checklist", "approvals",
         "deliverables")  # fmt: skip
# Codes as the DICOM standard's context groups have them (pydicom's dictionary).
CODES = {
    "Skull": "89546000", "Mandible": "91609006", "Femur right": "71341001", "Tibia": "12611008", "Fibula": "87342007",
    "Humerus": "85050009", "Radius": "62413002", "Ulna": "23416004", "Sacrum": "54735007", "Spine": "421060004",
    "Vertebra": "51282000", "Liver": "10200004", "Spleen": "78961009", "Pancreas": "15776009", "Aorta": "15825003",
    "Optic nerve left": "18234004", "Bone": "272673000", "Tumor": "108369006", "Skin": "39937001", "Heart": "80891009",
}  # fmt: skip


def templates():
    return [readProcedure(name) for name in SHIPPED]


def structures():
    return [(procedure.name, one) for procedure in templates() for one in procedure.structures]


@pytest.mark.parametrize("name", SHIPPED)
def test_everyTemplateHasEveryPart(name):
    values = readProcedure(name).values
    assert all(part in values for part in PARTS)
    assert values["structures"] and values["checklist"] and values["deliverables"]
    if name != "general":
        assert values["planSteps"] and values["risks"] and values["riskStructures"]


def test_codesAreThoseOfTheStandard():
    from pydicom.sr._concepts_dict import concepts

    known = {code for entry in concepts["SCT"].values() for code in entry}
    seen = {}
    for _name, one in structures():
        assert one["code"]["scheme"] == "SCT" and one["code"]["value"] in known, one["name"]
        seen[one["name"]] = one["code"]["value"]
    assert CODES.items() <= seen.items()


def test_rightAndLeftSayWhichTheyAre():
    for name, one in structures():
        for word, value in (("right", "24028007"), ("left", "7771000")):
            if one["name"].endswith(f" {word}"):
                assert one["modifier"]["value"] == value, (name, one["name"])


def test_terminologyIsReadBySlicer(aSession):
    """Slicer's own logic reads back category, type and modifier."""
    logic = slicer.vtkSlicerTerminologiesModuleLogic()
    for _name, one in structures():
        entry = slicer.vtkSlicerTerminologyEntry()
        assert logic.DeserializeTerminologyEntry(Structures.terminologyOf(one), entry)
        category = one.get("category", Structures.CATEGORY)
        assert entry.GetCategoryObject().GetCodeValue() == category["value"]
        assert entry.GetTypeObject().GetCodeValue() == one["code"]["value"]
        assert entry.GetTypeObject().GetCodeMeaning() == one["code"]["meaning"]
        modifier = one.get("modifier", {}).get("value")
        assert (entry.GetTypeModifierObject().GetCodeValue() or None) == modifier


def test_methodsAreMadeOfStepsThatExist():
    for name, one in structures():
        if one["method"]:
            steps = one["method"]["steps"]
            checkedMethod(one["method"])
            assert all(step["keep"] == one["name"] for step in steps if step["do"] == "separate")
            assert steps[0]["do"] == "threshold" and steps[0]["minimumHu"] < steps[0]["maximumHu"], (name, one["name"])
            assert one["name"] in Structures.seededNames(one["method"]) or not Structures.needsPoints(one)


def checkValue(value, schema):
    import jsonschema

    jsonschema.validate(value, schema)


def namesIn(step, operation):
    """Return the names of the objects that a step of a template uses."""
    given = [step[key] for key, schema in operation.parameters.items() if schema.get("x-object") and key in step]
    return {name for value in given for name in ([value] if isinstance(value, str) else value)}


def test_stepsOfPlansAreOperations():
    for procedure in templates():
        made = {one["name"] for one in procedure.structures}
        for step in procedure.values["planSteps"]:
            operation = operations()[step["do"]]
            given = set(step) - {"do", "name", "description"}
            assert given <= set(operation.parameters), (procedure.name, step["name"])
            for key in given:
                checkValue(step[key], operation.parameters[key])
            assert namesIn(step, operation) <= made, (procedure.name, step["name"])
            made.add(step["name"])


def test_everyLimitSaysWhereItComesFrom():
    for procedure in templates():
        sourced = [one["limits"] for one in procedure.structures if "limits" in one] + procedure.values[
            "riskStructures"
        ]
        sourced += [procedure.values["coordinateSystem"]] if "coordinateSystem" in procedure.values else []
        assert all(len(one["source"]) > 20 for one in sourced)
