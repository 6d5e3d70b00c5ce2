"""What is stale and what is damaged: derived from hashes, seen however deep it lies."""

import pytest
from CaseMaking import commit, rejections

from PlanningHubLib.Artefacts import KINDS
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, VerificationFailed

CHAIN = ("source", "segmentation", "part", "package", "receipt")


def states(case):
    return {kind: case.state(case.latest(kind)) for kind in CHAIN if case.latest(kind)}


# Staleness


def test_wholeChainIsCurrent(aCase, aChain):
    assert set(states(aCase).values()) == {"current"}
    for kind in CHAIN:
        assert aCase.require(kind) == aChain[kind]


def test_changedSourceMakesEverythingBelowStaleHoweverDeep(aCase, aChain):
    commit(aCase, "source", b"another scan")
    assert states(aCase) == {"source": "current", **dict.fromkeys(CHAIN[1:], "stale")}
    for kind in CHAIN[1:]:
        with pytest.raises(GateRefused) as error:
            aCase.require(kind)
        assert error.value.code == f"stale-{kind}" and error.value.exitCode == 4


def test_changedSegmentationLeavesTheSourceCurrent(aCase, aChain):
    commit(aCase, "segmentation", b"another mask", [aChain["source"]])
    assert states(aCase) == {
        "source": "current", "segmentation": "current", "part": "stale", "package": "stale", "receipt": "stale",
    }  # fmt: skip


def test_remadeChainIsCurrentAgain(aCase, aChain):
    commit(aCase, "source", b"another scan")
    parent = aCase.latest("source")
    for number, kind in enumerate(CHAIN[1:], 2):
        parent = commit(aCase, kind, b"made again", [parent])
        expected = {one: "current" if place < number else "stale" for place, one in enumerate(CHAIN)}
        assert states(aCase) == expected


def test_identicalRunAgainKeepsEverythingBelowCurrent(aCase, aChain):
    again = commit(aCase, "segmentation", b"segmentationfirst", [aChain["source"]])
    assert again.revision == 2
    assert set(states(aCase).values()) == {"current"}


def test_staleParentMakesAFreshChildStale(aCase, aChain):
    commit(aCase, "source", b"another scan")
    fresh = commit(aCase, "part", b"fresh", [aChain["segmentation"]])
    assert aCase.state(fresh) == "stale"


def test_stalenessIsTheSameInAFreshProcess(aCase, aChain):
    commit(aCase, "source", b"another scan")
    assert states(Case.open(aCase.folder)) == states(aCase)


def test_oneOfTwoParentsIsEnough(aCase):
    first, second = commit(aCase, "source"), commit(aCase, "plan")
    commit(aCase, "part", b"part", [first, second])
    commit(aCase, "plan", b"another plan")
    assert aCase.state(aCase.latest("part")) == "stale"


# Damage


@pytest.mark.parametrize("damage", ["changed", "removed"])
def test_damageIsSeenAtTheFileAndBelowHoweverDeep(aCase, aChain, damage):
    path = aCase.path(aChain["source"], "below/content.bin")
    path.write_bytes(b"sourceFirst") if damage == "changed" else path.unlink()
    assert states(aCase) == {"source": "damaged", **dict.fromkeys(CHAIN[1:], "stale")}
    with pytest.raises(GateRefused) as error:
        aCase.require("source")
    assert error.value.code == "damaged-source" and error.value.files == [str(path)]
    with pytest.raises(GateRefused) as error:
        aCase.require("receipt")
    assert error.value.code == "stale-receipt"


def test_damageInTheMiddleLeavesWhatIsAboveCurrent(aCase, aChain):
    aCase.path(aChain["part"], "note.txt").write_text("touched")
    assert states(aCase) == {
        "source": "current", "segmentation": "current", "part": "damaged", "package": "stale", "receipt": "stale",
    }  # fmt: skip


def test_verifyNamesEveryDamagedFile(aCase, aChain):
    assert aCase.verify() == []
    changed = aCase.path(aChain["source"], "note.txt")
    removed = aCase.path(aChain["receipt"], "below/content.bin")
    changed.write_text("touched")
    removed.unlink()
    findings = aCase.verify()
    assert rejections(findings) == ["file-damaged", "file-damaged"]
    assert [finding.files for finding in findings] == [(changed,), (removed,)]
    with pytest.raises(VerificationFailed) as error:
        aCase.requireVerified()
    assert error.value.code == "file-damaged" and error.value.exitCode == 6


def test_verifySeesDamageInSupersededRevisionsToo(aCase, aChain):
    commit(aCase, "source", b"another scan")
    aCase.path(aChain["source"], "note.txt").write_text("touched")
    assert rejections(aCase.verify()) == ["file-damaged"]
    assert aCase.state(aCase.latest("source")) == "current"


def test_makingItAgainHealsDamage(aCase, aChain):
    aCase.path(aChain["part"], "note.txt").write_text("touched")
    commit(aCase, "part", b"partfirst", [aChain["segmentation"]])
    assert set(states(aCase).values()) == {"current"}


def test_requireNamesWhatIsNotThere(aCase):
    for kind in KINDS:
        with pytest.raises(GateRefused) as error:
            aCase.require(kind)
        assert error.value.code == f"no-{kind}"
