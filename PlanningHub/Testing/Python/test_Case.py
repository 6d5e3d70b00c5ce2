"""What a case is: its graph, its content, and staging that leaves nothing without a commit."""

import pytest
from CaseMaking import PATIENT_CODE, commit, newCase, tree

from PlanningHubLib.Artefacts import KINDS
from PlanningHubLib.Case import SIDES, Case, isCase
from PlanningHubLib.Errors import Cancelled, InputRefused, UsageError
from PlanningHubLib.Files import sha256
from PlanningHubLib.Locking import currentUser

# What a case is


def test_newCaseHoldsWhatWasAskedAndNothingElse(tmp_path):
    with newCase(tmp_path / "case", side="left", procedure="Cranioplasty") as case:
        assert (case.side, case.procedure, case.patientCode) == ("left", "Cranioplasty", PATIENT_CODE)
        assert case.artefacts == [] and all(case.latest(kind) is None for kind in KINDS)
    assert isCase(tmp_path / "case") and not isCase(tmp_path)
    assert sorted(tree(tmp_path)) == ["case", "case/audit.log", "case/case.json"]


@pytest.mark.parametrize("side", SIDES)
def test_everySideSurvivesSaveAndLoad(tmp_path, side):
    newCase(tmp_path / "case", side=side).__enter__().close()
    assert Case.open(tmp_path / "case").side == side


def test_sideIsNeverGuessed(tmp_path):
    with newCase(tmp_path / "case") as case:
        assert case.side is None


def test_unknownSideIsRefusedAndLeavesNothing(tmp_path):
    with pytest.raises(UsageError) as error:
        Case.create(tmp_path / "case", PATIENT_CODE, side="Left")
    assert error.value.code == "unknown-side" and error.value.exitCode == 2
    assert tree(tmp_path) == {}


def test_caseIsNeverCreatedOverOtherFiles(tmp_path):
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "letter.txt").write_text("keep me")
    with pytest.raises(InputRefused) as error:
        Case.create(tmp_path / "case", PATIENT_CODE)
    assert error.value.code == "already-there"
    assert tree(tmp_path) == {"case": None, "case/letter.txt": b"keep me"}


def test_caseMayBeCreatedInAnEmptyFolder(tmp_path):
    (tmp_path / "case").mkdir()
    Case.create(tmp_path / "case", PATIENT_CODE).close()
    assert isCase(tmp_path / "case")


def test_noCaseIsNamed(tmp_path):
    with pytest.raises(InputRefused) as error:
        Case.open(tmp_path)
    assert error.value.code == "not-a-case"


# The graph


def test_artefactIsReadBackAsCommitted(aCase):
    source = commit(aCase, "source")
    made = commit(aCase, "segmentation", b"mask", [source], volumeMl=12.5)
    read = Case.open(aCase.folder).latest("segmentation")
    assert read == made
    assert (read.id, read.revision, read.facts) == ("segmentation-1", 1, {"volumeMl": 12.5})
    assert [parent.id for parent in read.parents] == ["source-1"]
    assert read.who == currentUser() and read.when.endswith("Z") and read.software == {"Tests": "1"}
    assert set(read.files) == {"below/content.bin", "note.txt"}
    assert read.files["below/content.bin"].sha256 == sha256(aCase.path(read, "below/content.bin"))


def test_factsAreReadBackEqualHoweverTheyWereGiven(aCase):
    made = commit(aCase, "source", spacingMm=(0.5, 0.5, 1.0))
    read = Case.open(aCase.folder)
    assert read.state(made) == "current" and read.latest("source") == made


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes"])
def test_factsThatJsonCannotHoldAreRefusedAndLeaveNothing(aCase, value):
    before = tree(aCase.folder)
    with pytest.raises((ValueError, TypeError)):
        commit(aCase, "source", bad=value)
    assert tree(aCase.folder) == before


def test_contentIsEqualForEqualFilesOnly(aCase):
    first = commit(aCase, "source", b"same", volumeMl=1)
    again = commit(aCase, "source", b"same", volumeMl=2)
    other = commit(aCase, "source", b"other", volumeMl=2)
    renamed = commit(aCase, "source", b"same", name="renamed.bin")
    otherKind = commit(aCase, "plan", b"same")
    assert first.content == again.content
    assert len({first.content, other.content, renamed.content, otherKind.content}) == 4


def test_revisionsAreKeptAndCounted(aCase):
    made = [commit(aCase, "source", content) for content in (b"one", b"two", b"three")]
    assert [(one.id, one.revision) for one in made] == [("source-1", 1), ("source-1", 2), ("source-1", 3)]
    assert [aCase.path(one, "below/content.bin").read_bytes() for one in made] == [b"one", b"two", b"three"]
    assert aCase.latest("source") == made[-1]
    assert [aCase.state(one) for one in made] == ["stale", "stale", "current"]


def test_secondArtefactOfAKindHasItsOwnRevisions(aCase):
    commit(aCase, "part", b"cranium")
    with aCase.staging("part", artefactId="part-2") as stage:
        (stage.folder / "mandible.stl").write_bytes(b"mandible")
        second = stage.commit()
    assert (second.id, second.revision) == ("part-2", 1)
    assert [aCase.state(one) for one in aCase.artefacts] == ["current", "current"]


# Staging


def test_stagingWithoutCommitLeavesNothing(aCase):
    before = tree(aCase.folder)
    with aCase.staging("part") as stage:
        (stage.folder / "part.stl").write_bytes(b"half")
    assert tree(aCase.folder) == before
    assert aCase.latest("part") is None


@pytest.mark.parametrize("error", [Cancelled, ValueError, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("committed", [False, True])
def test_errorInsideStagingLeavesNothing(aCase, error, committed):
    commit(aCase, "part", b"first part")
    before = tree(aCase.folder)
    for kind in ("part", "plan"):
        with pytest.raises(error), aCase.staging(kind) as stage:
            (stage.folder / "file").write_bytes(b"half")
            if committed:
                stage.commit()
            raise error
    assert tree(aCase.folder) == before
    assert len(aCase.artefacts) == 1 and len(Case.open(aCase.folder).artefacts) == 1


def test_artefactWithoutFilesIsRefused(aCase):
    before = tree(aCase.folder)
    with pytest.raises(ValueError), aCase.staging("part") as stage:
        stage.commit()
    assert tree(aCase.folder) == before


def test_unknownKindIsRefused(aCase):
    with pytest.raises(UsageError) as error, aCase.staging("guess"):
        pass
    assert error.value.code == "unknown-kind"


def test_caseOpenForReadingCannotBeChanged(aCase):
    aCase.close()
    reader = Case.open(aCase.folder)
    with pytest.raises(UsageError) as error:
        commit(reader, "source")
    assert error.value.code == "read-only"


def test_failedCommitCanBeRepeatedInTheSameSession(aCase, monkeypatch):
    commit(aCase, "source")
    before = tree(aCase.folder)

    def full(*_arguments):
        raise InputRefused("disk-full", "There is no space left.")

    with monkeypatch.context() as patch:
        patch.setattr("PlanningHubLib.Case.writeAside", full)
        with pytest.raises(InputRefused):
            commit(aCase, "source", b"second")
    assert tree(aCase.folder) == before
    assert commit(aCase, "source", b"second").revision == 2
    assert aCase.verify() == []
