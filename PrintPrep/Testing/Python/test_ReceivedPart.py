"""A part of what a partner sent: unit and frame are the partner's, checks those of an implant, and it goes stale."""

import numpy
import pytest
from PartMaking import boxMesh, readByTrimesh
from test_Part import aCase, aSession, filesBelow, ownHome  # noqa: F401
from test_PartRecipe import aSegmentedCase, writeModel  # noqa: F401

from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Files import sha256
from PrintPrepLib import Part
from PrintPrepLib.PartVerdict import roleOf
from PrintPrepLib.Recipe import newRecipe


def receive(case, size=(4, 4, 4), kind="implant", frame="RAS"):
    """Commit what a partner sent, one box of 4 mm or so, as an answer to no package."""
    with case.staging("external", "external-1") as stage:
        path = writeModel(stage.folder / "plate.stl", boxMesh((1, 2, 3), size))
        model = {"kind": kind, "unit": "mm", "frame": frame, "sha256": sha256(path)}
        return stage.commit(parents=[case.latest("source")] if case.latest("source") else [],
                            facts={"models": {"plate.stl": model}})  # fmt: skip


def recipeOf(**more):
    return newRecipe("Plate", model={"artefact": "external-1", "file": "plate.stl", **more})


def test_whatAPartnerSentAsAnImplantIsMadeAndCheckedAsOne(aSegmentedCase, aSession):  # noqa: F811
    received = receive(aSegmentedCase)
    part = Part.makePart(aSegmentedCase, aSession, recipeOf())
    assert part.facts["object"]["role"] == roleOf(aSegmentedCase, recipeOf()) == "implant"
    assert part.parameters["maximumDeviationMm"] == Part.FITTING_DEVIATION_MM
    assert {link.id for link in part.parents} == {"segmentation-1", "external-1"}
    stl = next(name for name in part.files if name.endswith(".stl"))
    seen = readByTrimesh(aSegmentedCase.path(part, stl).read_bytes(), "stl")
    # Stated as RAS, written as LPS.
    assert seen.bounds == pytest.approx(numpy.array([[-4, -4, 3], [-1, -2, 4]]))
    assert part.facts["modelFile"] == {"name": "plate.stl", "sha256": received.files["plate.stl"].sha256}
    assert part.parameters["model"]["unit"] == "mm" and part.parameters["model"]["frame"] == "RAS"
    # Made again by the recipe that it keeps.
    again = Part.makePart(aSegmentedCase, aSession, {**recipeOf(), "model": part.parameters["model"]})
    assert (again.id, again.revision) == (part.id, 2)


@pytest.mark.parametrize("kind, role", [("guide", "guide"), ("model", "device")])
def test_itsRoleIsWhatThePartnerSaysThatItIs(aSegmentedCase, aSession, kind, role):  # noqa: F811
    receive(aSegmentedCase, kind=kind)
    assert Part.makePart(aSegmentedCase, aSession, recipeOf()).facts["object"]["role"] == role


@pytest.mark.parametrize("said", [{"unit": "cm"}, {"frame": "LPS"}, {"sha256": "0" * 64}])
def test_aRecipeCannotSayOtherwiseThanThePartner(aSegmentedCase, aSession, said):  # noqa: F811
    receive(aSegmentedCase)
    before = filesBelow(aSegmentedCase.folder)
    with pytest.raises(InputRefused) as caught:
        Part.makePart(aSegmentedCase, aSession, recipeOf(**said))
    assert caught.value.code == "model-differs" and filesBelow(aSegmentedCase.folder) == before


def test_aNewerAnswerMakesThePartStale(aSegmentedCase, aSession):  # noqa: F811
    receive(aSegmentedCase)
    part = Part.makePart(aSegmentedCase, aSession, recipeOf())
    receive(aSegmentedCase, (4, 4, 5))
    assert aSegmentedCase.state(part) == "stale"


def test_whatWasNeverSentOrWasChangedSinceIsRefused(aSegmentedCase, aSession):  # noqa: F811
    with pytest.raises(InputRefused) as caught:
        Part.makePart(aSegmentedCase, aSession, recipeOf())
    assert caught.value.code == "no-such-model"
    path = aSegmentedCase.path(receive(aSegmentedCase), "plate.stl")
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    with pytest.raises(GateRefused) as caught:
        Part.makePart(aSegmentedCase, aSession, recipeOf())
    assert caught.value.code == "damaged-external"


@pytest.mark.parametrize("model", [{"file": "plate.stl"}, {"file": "plate.stl", "artefact": "part-1"}])
def test_aFileOfOursNeedsItsFrame(model):
    with pytest.raises(InputRefused) as caught:
        newRecipe("Plate", model=model)
    assert caught.value.code == "bad-recipe"
