"""Procedures: every limit has a source, a site's file goes first, and a file that is wrong is refused by name."""

import json
from pathlib import Path

import pytest

import PlanningHubLib
from PlanningHubLib.Errors import InputRefused
from PlanningHubLib.Procedures import (
    findProcedure,
    kernelKind,
    procedureNames,
    readProcedure,
    severityOf,
)

SHIPPED = ["cranioplasty", "general", "long-bone", "mandible", "orbit-midface", "pelvis", "soft-tissue", "spine",
           "vessel"]  # fmt: skip
FOLDER = Path(PlanningHubLib.__file__).parent / "Procedures"
RIB = {"name": "Rib", "code": {"scheme": "SCT", "value": "113197003", "meaning": "Rib"}, "color": [1, 1, 0.8],
       "role": "bone", "method": None}  # fmt: skip


CHIN = {"name": "Chin", "description": "Its lowest point"}


def aRisk(structure, minimumMm, warnMm):
    return {"structure": structure, "minimumMm": minimumMm, "warnMm": warnMm, "source": "test"}


def aLimit(minimumMl, maximumMl):
    return {"minimumMl": minimumMl, "maximumMl": maximumMl, "source": "test"}


def aSystem(first, second, landmark):
    axes = [{"axis": axis, "from": [landmark], "to": [landmark]} for axis in (first, second)]
    return {"name": "test", "origin": [landmark], "axes": axes, "source": "test"}


def siteFile(home, name, change=None, text=None):
    """Write a site's own procedure, made from the general one."""
    values = json.loads((FOLDER / "general.json").read_text()) | {"name": name, "title": "Ours"}
    if change:
        change(values)
    (home / "procedures").mkdir(parents=True, exist_ok=True)
    (home / "procedures" / f"{name}.json").write_text(json.dumps(values) if text is None else text)


def test_shippedProceduresAreValidAndSaySources():
    assert procedureNames() == SHIPPED
    for name in SHIPPED:
        procedure = readProcedure(name)
        assert procedure.origin == "shipped" and procedure.title
        assert all(len(limit["source"]) > 10 for limit in procedure.imaging.values())
        tolerances = procedure.values["partToleranceMm"]
        assert set(tolerances) == {"implant", "guide", "model"}
        assert all(limit["value"] <= 1 and len(limit["source"]) > 10 for limit in tolerances.values())


def test_jawFollowsItsPublishedLimits():
    """Bone Reconstruction Planner: 0.65 mm recommended, 1 mm at most."""
    limit = readProcedure("mandible").limit("sliceSpacingMm")
    assert (limit["warnAbove"], limit["rejectAbove"]) == (0.65, 1.0) and "BoneReconstructionPlanner" in limit["source"]
    assert [severityOf(limit, value) for value in (0.65, 0.66, 1.0, 1.01)] == [None, "warn", "warn", "reject"]


@pytest.mark.parametrize("text", ["cranioplasty", "Cranioplasty", " CRANIOPLASTY "])
def test_nameChoosesLimits(text):
    procedure, findings = findProcedure(text)
    assert procedure.name == "cranioplasty" and findings == []


def test_nameWithSpacesChoosesLimits():
    assert findProcedure("Long bone")[0].name == findProcedure("long_bone")[0].name == "long-bone"


@pytest.mark.parametrize("text", ["Plate for the skull's roof", "../general", "Schädelplastik", "kernels", "x" * 999])
def test_freeTextGetsGeneralLimitsAndSaysSo(text):
    procedure, findings = findProcedure(text)
    assert procedure.name == "general"
    assert [(one.code, one.severity) for one in findings] == [("general-limits", "info")]
    assert "cranioplasty" in findings[0].action


@pytest.mark.parametrize("text", [None, ""])
def test_noProcedureGetsGeneralLimits(text):
    procedure, findings = findProcedure(text)
    assert procedure.name == "general" and findings == []


def test_siteFileOfTheSameNameReplacesTheShippedOne(ownHome):
    shipped = readProcedure("spine")
    siteFile(ownHome, "spine", lambda values: values["imaging"]["sliceSpacingMm"].update(warnAbove=0.3))
    site = readProcedure("spine")
    assert (site.origin, site.title) == ("site", "Ours") and site.limit("sliceSpacingMm")["warnAbove"] == 0.3
    assert site.sha256 != shipped.sha256


def test_siteMayAddProceduresAndOtherParts(ownHome):
    siteFile(ownHome, "rib-cage", lambda values: values.update(structures=[RIB], deliverables=[]))
    assert "rib-cage" in procedureNames() and findProcedure("Rib cage")[0].structures == [RIB]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda values: values["imaging"]["sliceSpacingMm"].pop("source"), "source"),
        (lambda values: values["imaging"]["sliceSpacingMm"].update(warnAbove=9), "rejects before it warns"),
        (lambda values: values["imaging"]["sliceSpacingMm"].update(warnAbove="1"), "sliceSpacingMm"),
        (lambda values: values["imaging"].update(sliceSpacing={"source": "x"}), "sliceSpacing"),
        (lambda values: values["imaging"].pop("sliceSpacingMm"), "sliceSpacingMm"),
        (lambda values: values.pop("imaging"), "imaging"),
        (lambda values: values.update(name="pelvis"), "pelvis"),
        (lambda values: values.update(version=2), "version"),
        (lambda values: values.update(structures=[RIB, RIB]), "called Rib"),
        (lambda values: values.update(structures=[{**RIB, "color": [1, 2, 3]}]), "color"),
        (lambda values: values.update(structures=[{**RIB, "method": {"steps": []}}]), "method"),
        (lambda values: values.update(structures=[{**RIB, "method": {"steps": [{"do": "guess"}]}}]), "method of Rib"),
        (lambda values: values.update(structures=[{**RIB, "code": {**RIB["code"], "value": "1^2"}}]), "code"),
        (lambda values: values["deliverables"].append({"object": "Plate", "kind": "implant"}), "makes Plate"),
        (lambda values: values.update(riskStructures=[aRisk("Nerve", 1, 2)]), "no structure Nerve"),
        (lambda values: values.update(riskStructures=[aRisk("Bone", 3, 2)]), "before it is warned"),
        (lambda values: values["structures"][0].update(limits=aLimit(5, 5)), "nothing between"),
        (lambda values: values["partToleranceMm"]["model"].pop("source"), "source"),
        (lambda values: values["partToleranceMm"]["guide"].update(value=1.5), "guides may lie farther"),
        (lambda values: values.update(coordinateSystem=aSystem("R", "A", "Chin")), "no landmark Chin"),
        (lambda values: values.update(landmarks=[CHIN], coordinateSystem=aSystem("R", "R", "Chin")), "the same"),
    ],
)
def test_wrongSiteFileIsRefusedByName(ownHome, change, words):
    siteFile(ownHome, "spine", change)
    with pytest.raises(InputRefused) as refused:
        findProcedure("spine")
    assert refused.value.code == "bad-procedure" and words in refused.value.message
    assert refused.value.files == [str(ownHome / "procedures" / "spine.json")]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00"])
def test_brokenSiteFileIsRefusedByName(ownHome, text):
    siteFile(ownHome, "spine", text=text)
    with pytest.raises(InputRefused) as refused:
        readProcedure("spine")
    assert refused.value.code == "bad-procedure"


@pytest.mark.parametrize(
    "kernel, maker, kind",
    [
        ("B70s", "SIEMENS", "bone"), ("H60s", "SIEMENS", "bone"), ("Hr64h,3", "Siemens Healthineers", "bone"),
        ("B30f", "SIEMENS", "soft"), ("Br38f,3", "SIEMENS", "soft"), ("BONEPLUS", "GE MEDICAL SYSTEMS", "bone"),
        ("STANDARD", "GE MEDICAL SYSTEMS", "soft"), ("LUNG", "GE MEDICAL SYSTEMS", "lung"), ("YC", "Philips", "bone"),
        ("B", "Philips", "soft"), ("FC30", "TOSHIBA", "bone"), ("FC08", "Canon Medical", "soft"),
        ("Bone, sharp", "Unheard of", "bone"), ("UNKNOWN", "SIEMENS", None), ("", "SIEMENS", None), ("17", "", None),
    ],
)  # fmt: skip
def test_kernelNamesOfTheMakers(kernel, maker, kind):
    assert kernelKind(kernel, maker) == kind


def test_siteKernelsReplaceTheShippedOnes(ownHome):
    values = json.loads((FOLDER / "kernels.json").read_text())
    values["makers"] = [{"manufacturer": ".*", "bone": ["K1"], "soft": ["K2"], "lung": []}]
    (ownHome / "procedures").mkdir(parents=True)
    (ownHome / "procedures" / "kernels.json").write_text(json.dumps(values))
    assert [kernelKind(name) for name in ("K1", "K2", "BONE")] == ["bone", "soft", None]
    values["makers"][0]["bone"] = ["("]
    (ownHome / "procedures" / "kernels.json").write_text(json.dumps(values))
    with pytest.raises(InputRefused) as refused:
        kernelKind("K1")
    assert refused.value.code == "bad-procedure"


def test_everyShippedProcedureSaysWhoSignsAndWhy():
    """Four eyes where what is made leads a saw, a drill or a screw; one signature for models."""
    for name in SHIPPED:
        for kind in ("plan", "part"):
            rule = readProcedure(name).approvalRule(kind)
            assert len(rule["source"]) > 30 and "surgeon" in rule["roles"]
            assert rule["signatures"] == (1 if name in ("general", "soft-tissue", "vessel") else 2)
        assert readProcedure(name).approvalRule("segmentation") is None


def test_twoApprovalsOfOneKindAreRefused(ownHome):
    siteFile(ownHome, "ours", lambda values: values["approvals"].append(values["approvals"][0]))
    with pytest.raises(InputRefused) as error:
        readProcedure("ours")
    assert error.value.code == "bad-procedure" and "one kind" in error.value.message
