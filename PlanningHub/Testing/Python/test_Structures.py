"""The structures of a procedure: the right voxels, codes and volumes, and what was made before stays."""

import math

import numpy
import pytest
import vtk
from CaseMaking import SPACING_MM, tree, writeSmallSeries
from MrMaking import writeMr
from StructureMaking import PROCEDURE, SHAPE, boneCase, masksOf, onSmallBone, segmented, twoBones, writeProcedure

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused
from PlanningHubLib.Import import importSeries
from PlanningHubLib.Segmentation import loadSegmentation, segmentBone
from PlanningHubLib.Segmenting.StructureSegmentation import segmentStructures

LARGE = numpy.zeros(SHAPE, bool)
LARGE[1:5, 4:14, 3:9] = True
SMALL = numpy.zeros(SHAPE, bool)
SMALL[1:4, 5:9, 13:18] = True


@pytest.fixture
def aBoneCase(tmp_path, ownHome):
    return boneCase(tmp_path, ownHome)


def volumeMl(mask):
    return mask.sum() * math.prod(SPACING_MM) / 1000


def nodeCount(session):
    return session.scene.GetNumberOfNodes()


def test_everyStructureIsASegmentOfItsOwn(aBoneCase, aSession):
    artefact = segmented(aBoneCase, aSession, seeds={"Small bone": onSmallBone(aBoneCase)})
    facts = artefact.facts["structures"]
    assert list(facts) == ["Large bone", "Small bone"]
    assert facts["Large bone"]["volumeMl"] == pytest.approx(volumeMl(LARGE), abs=5e-4)
    assert facts["Small bone"]["volumeMl"] == pytest.approx(volumeMl(SMALL), abs=5e-4)
    masks = masksOf(aBoneCase, aSession)
    assert numpy.array_equal(masks["Large bone"], LARGE) and numpy.array_equal(masks["Small bone"], SMALL)
    assert not any(one["needsReview"] for one in facts.values())


def test_firstStructureIsTheOneThatIsPrinted(aBoneCase, aSession):
    facts = segmented(aBoneCase, aSession, ["Metal", "Large bone"]).facts
    assert facts["segment"] == facts["structures"]["Large bone"]["segment"]
    assert facts["volumeMl"] == facts["structures"]["Large bone"]["volumeMl"]


def test_codesNamesAndColorsAreTheProceduresOwn(aBoneCase, aSession):
    artefact = segmented(aBoneCase, aSession, ["Large bone", "Metal"])
    case = Case.open(aBoneCase)
    segmentation = loadSegmentation(case, aSession, artefact).GetSegmentation()
    entry = vtk.reference("")
    for name, value in (("Large bone", "1001"), ("Metal", "1003")):
        segment = segmentation.GetSegment(artefact.facts["structures"][name]["segment"])
        assert segment.GetName() == name and numpy.allclose(segment.GetColor(), (0.5, 0.25, 1.0), atol=1e-2)
        assert segment.GetTag("TerminologyEntry", entry)
        assert entry.get().split("~")[2].split("^") == ["SCT", value, name]


def test_whatLacksPointsIsLeftOutAndSaid(aBoneCase, aSession):
    artefact = segmented(aBoneCase, aSession)
    assert list(artefact.facts["structures"]) == ["Large bone"]
    assert [(one["code"], one["severity"]) for one in artefact.facts["findings"]] == [("needs-points", "info")]


def test_volumeOutsideItsLimitsIsAWarning(aBoneCase, aSession):
    """The small bone has 0.043 ml; on the large one's points it has more than the 0.1 ml of the limit."""
    assert volumeMl(SMALL) < 0.1 < volumeMl(LARGE)
    artefact = segmented(aBoneCase, aSession, ["Small bone"], seeds={"Small bone": onSmallBone(aBoneCase)})
    assert artefact.facts["findings"] == []
    artefact = segmented(
        aBoneCase, aSession, ["Small bone"],
        methods={"Small bone": {"steps": [{"do": "threshold", "minimumHu": 300}, {"do": "largest-island"}]}},
    )  # fmt: skip
    assert [(one["code"], one["severity"]) for one in artefact.facts["findings"]] == [("volume-outside-limits", "warn")]


def test_whatWasMadeBeforeStays(aBoneCase, aSession):
    first = segmented(aBoneCase, aSession, ["Large bone"])
    second = segmented(aBoneCase, aSession, ["Metal"])
    assert second.revision == 2 and list(second.facts["structures"]) == ["Large bone", "Metal"]
    assert second.facts["structures"]["Large bone"] == first.facts["structures"]["Large bone"]
    assert second.parameters["structures"]["Large bone"] == first.parameters["structures"]["Large bone"]


def test_boneOfTheSimplestCallStaysToo(aBoneCase, aSession):
    with Case.open(aBoneCase, writable=True) as case:
        bone = segmentBone(case, aSession, closingVoxels=0)
    second = segmented(aBoneCase, aSession, ["Metal"])
    assert list(second.facts["structures"]) == ["Metal", "Bone"]
    assert second.parameters["structures"]["Bone"] == {"origin": "method", **bone.parameters}


def test_aStructureMayUseOnesBeforeIt(aBoneCase, aSession):
    segmented(aBoneCase, aSession, ["Large bone"])
    segmented(aBoneCase, aSession, ["Rest"])
    assert numpy.array_equal(masksOf(aBoneCase, aSession)["Rest"], SMALL)


def test_parametersMakeItAgain(aBoneCase, aSession, tmp_path):
    artefact = segmented(aBoneCase, aSession, seeds={"Small bone": onSmallBone(aBoneCase)})
    made = artefact.parameters["structures"]
    again = segmented(
        aBoneCase, aSession, list(made), methods={name: one["method"] for name, one in made.items()},
        seeds=made["Small bone"]["seedsRas"],
    )  # fmt: skip
    assert (again.revision, again.content) == (2, artefact.content)
    assert made["Large bone"]["method"]["steps"][0]["minimumHu"] == 300


def test_newScanKeepsNoOldStructure(aBoneCase, aSession, tmp_path):
    segmented(aBoneCase, aSession, ["Metal"])
    voxels = twoBones()
    voxels[voxels == 3000] = 40
    writeSmallSeries(tmp_path / "later", voxels)
    importSeries(tmp_path / "later", aBoneCase, side="right")
    assert list(segmented(aBoneCase, aSession, ["Large bone"]).facts["structures"]) == ["Large bone"]


# Masks made elsewhere


def test_importedMaskNeedsAReview(aBoneCase, aSession):
    artefact = segmented(aBoneCase, aSession, masks={"Organ": SMALL}, provenance={"file": "organ.nii"})
    facts = artefact.facts["structures"]
    assert list(facts) == ["Organ"] and facts["Organ"]["needsReview"] is True
    assert artefact.parameters["structures"]["Organ"] == {"origin": "mask", "provenance": {"file": "organ.nii"}}
    assert numpy.array_equal(masksOf(aBoneCase, aSession)["Organ"], SMALL)


def test_methodAndMaskTogether(aBoneCase, aSession):
    artefact = segmented(aBoneCase, aSession, ["Large bone"], masks={"Organ": SMALL})
    assert {name: one["needsReview"] for name, one in artefact.facts["structures"].items()} == {
        "Large bone": False, "Organ": True,
    }  # fmt: skip


def test_mrTakesMasksButNoMethods(tmp_path, ownHome, aSession):
    writeProcedure(ownHome)
    writeMr(tmp_path / "mr")
    importSeries(tmp_path / "mr", tmp_path / "case", side="right", procedure=PROCEDURE)
    artefact = segmented(tmp_path / "case", aSession, masks={"Organ": SMALL})
    assert artefact.facts["structures"]["Organ"]["voxels"] == SMALL.sum()
    with pytest.raises(InputRefused) as refused:
        segmented(tmp_path / "case", aSession, ["Large bone"])
    assert refused.value.code == "not-hu"


# Refusals, each without a trace


@pytest.mark.parametrize(
    "code, structures, options",
    [
        ("no-such-structure", ["Knee"], {}),
        ("no-such-structure", None, {"masks": {"Knee": SMALL}}),
        ("no-method", ["Organ"], {}),
        ("no-such-seed", ["Small bone"], {}),
        ("seed-outside", ["Small bone"], {"seeds": {"Small bone": [[9e3, 0, 0]]}}),
        ("bad-method", ["Large bone"], {"methods": {"Large bone": {"steps": [{"do": "guess"}]}}}),
        ("bad-method", ["Organ"], {"masks": {"Organ": SMALL}}),
        (
            "empty-segment",
            ["Large bone"],
            {"methods": {"Large bone": {"steps": [{"do": "threshold", "minimumHu": 3050}]}}},
        ),
        ("empty-segment", None, {"masks": {"Organ": numpy.zeros(SHAPE, bool)}}),
        ("other-grid", None, {"masks": {"Organ": numpy.ones((2, 3, 4), bool)}}),
        ("no-such-structure", ["Rest"], {}),
    ],
)
def test_badInputIsRefusedWithoutATrace(aBoneCase, aSession, code, structures, options):
    nodes, before = nodeCount(aSession), tree(aBoneCase)
    with pytest.raises(InputRefused) as refused:
        segmented(aBoneCase, aSession, structures, **options)
    assert refused.value.code == code and refused.value.action
    assert nodeCount(aSession) == nodes and tree(aBoneCase) == before


def test_caseWithoutASourceIsRefused(aCase, aSession):
    with pytest.raises(GateRefused, match="source"):
        segmentStructures(aCase, aSession)


def test_cancelAtAnyStepLeavesNoTrace(aBoneCase, aSession):
    calls = []
    segmented(aBoneCase, aSession, ["Large bone", "Metal"], progress=lambda *call: calls.append(call[0]))
    assert calls == sorted(calls) and 0 <= calls[0] and calls[-1] <= 1
    nodes, before = nodeCount(aSession), tree(aBoneCase)
    for stop in range(len(calls)):
        left = iter(range(stop))

        def progress(*_call, left=left):
            if next(left, None) is None:
                raise Cancelled

        with pytest.raises(Cancelled):
            segmented(aBoneCase, aSession, ["Large bone", "Metal"], progress=progress)
        assert nodeCount(aSession) == nodes and tree(aBoneCase) == before
