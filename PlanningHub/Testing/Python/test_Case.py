"""The case: its graph, what makes an artefact stale or damaged, and that only whole commits ever appear."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from CaseMaking import (
    FULL_DISK_BYTES,
    OTHER_CODE,
    PATIENT_CODE,
    childEnvironment,
    commit,
    commitChain,
    newCase,
    rejections,
    tree,
)

from PlanningHubLib import Audit, CaseFormat
from PlanningHubLib.Artefacts import KINDS
from PlanningHubLib.Case import SIDES, Case, isCase
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused, UsageError, VerificationFailed
from PlanningHubLib.Files import sha256, stagedFolder, writeAside
from PlanningHubLib.Locking import currentUser

CHAIN = ("source", "segmentation", "part", "package", "receipt")

# A process that holds a case until its standard input closes.
HOLD = (
    "import sys; from PlanningHubLib.Case import Case; case = Case.open(sys.argv[1], writable=True); "
    "print('held', flush=True); sys.stdin.read()"
)


def states(case):
    return {kind: case.state(case.latest(kind)) for kind in CHAIN if case.latest(kind)}


def holdCase(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=childEnvironment(),
    )
    assert process.stdout.readline() == "held\n"
    return process


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


# The file's format


def rewritten(folder, **changes):
    path = Path(folder) / CaseFormat.FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return path


@pytest.mark.parametrize("field, value", [
    ("side", "Left"), ("side", ""), ("caseId", "not a uuid"), ("name", "Mary"), ("patientCode", "12345"),
    ("created", "yesterday"), ("artefacts", {}), ("audit", {"lines": 0, "last": "x"}), ("audit", {}),
    ("format", "other"), ("patientName", "Mary"), ("version", 0), ("version", -1), ("version", True),
])  # fmt: skip
def test_schemaRejectsBadValues(aCase, field, value):
    aCase.close()
    rewritten(aCase.folder, **{field: value})
    with pytest.raises(VerificationFailed) as error:
        Case.open(aCase.folder)
    assert error.value.code == "case-damaged" and CaseFormat.FILE_NAME in error.value.message


@pytest.mark.parametrize("field, value", [
    ("id", "../source-1"), ("id", "source-0"), ("kind", "guess"), ("revision", 0), ("who", ""), ("when", "2026-01-01"),
    ("files", {}),
    ("files", {"/etc/passwd": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"../x": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"a/../../x": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"a\\b": {"sha256": "0" * 64, "bytes": 1}}),
    ("files", {"a": {"sha256": "0", "bytes": 1}}),
    ("files", {"a": {"sha256": "0" * 64, "bytes": -1}}),
    ("parents", [{"id": "source-1"}]), ("software", {"a": 1}), ("extra", 1),
])  # fmt: skip
def test_schemaRejectsBadArtefacts(aCase, field, value):
    commit(aCase, "source")
    aCase.close()
    values = json.loads((aCase.folder / CaseFormat.FILE_NAME).read_text())
    values["artefacts"][0][field] = value
    rewritten(aCase.folder, **values)
    with pytest.raises(VerificationFailed) as error:
        Case.open(aCase.folder)
    assert error.value.code == "case-damaged"


@pytest.mark.parametrize("version", [CaseFormat.VERSION + 1, 999])
def test_newerVersionIsRefused(aCase, version):
    aCase.close()
    path = rewritten(aCase.folder, version=version, somethingNew=1)
    for writable in (False, True):
        with pytest.raises(InputRefused) as error:
            Case.open(aCase.folder, writable)
        assert error.value.code == "case-too-new" and str(version) in error.value.message
    assert json.loads(path.read_text())["version"] == version


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": 1}'])
def test_whatIsNoCaseFileIsRefused(aCase, content):
    aCase.close()
    (aCase.folder / CaseFormat.FILE_NAME).write_bytes(content)
    with pytest.raises(InputRefused) as error:
        Case.open(aCase.folder)
    assert error.value.code == "not-a-case"


@pytest.mark.parametrize("field, value", [("side", "right"), ("patientCode", OTHER_CODE), ("procedure", "Other")])
def test_validValuesChangedOutsideTheSuiteAreSeen(aCase, field, value):
    aCase.close()
    rewritten(aCase.folder, **{field: value})
    with pytest.raises(VerificationFailed) as error:
        Case.open(aCase.folder)
    assert error.value.code == "case-changed-outside"


# One writer


def test_secondProcessIsToldWhoHoldsTheCase(aCase):
    aCase.close()
    holder = holdCase(aCase.folder)
    try:
        with pytest.raises(GateRefused) as error:
            Case.open(aCase.folder, writable=True)
        assert error.value.code == "case-in-use"
        assert f"{currentUser()} on " in error.value.message and f"process {holder.pid}," in error.value.message
        assert Case.open(aCase.folder).verify() == []
    finally:
        holder.communicate()
    Case.open(aCase.folder, writable=True).close()


def test_killedHolderLetsTheNextWriterIn(aCase):
    aCase.close()
    holder = holdCase(aCase.folder)
    holder.send_signal(signal.SIGKILL)
    assert holder.wait() == -signal.SIGKILL
    holder.stdin.close()
    with Case.open(aCase.folder, writable=True) as case:
        commit(case, "source")
        assert case.verify() == []


def test_sameProcessCannotHoldTheCaseTwice(aCase):
    with pytest.raises(GateRefused) as error:
        Case.open(aCase.folder, writable=True)
    assert error.value.code == "case-in-use" and f"process {os.getpid()}," in error.value.message
    commit(aCase, "source")


# Nowhere to write


@pytest.mark.parametrize("place", ["case", "new/deep/case"])
def test_readOnlyFolderIsRefusedAndStaysEmpty(tmp_path, request, place):
    folder = tmp_path / "readOnly"
    folder.mkdir(mode=0o555)
    request.getfixturevalue("noPrivileges")
    with pytest.raises(InputRefused) as error:
        Case.create(folder / place, PATIENT_CODE)
    assert error.value.code == "cannot-write" and error.value.exitCode == 3
    if os.getuid() == 0:
        os.seteuid(0)
    assert tree(folder) == {}


def test_readOnlyCaseOpensForReadingOnly(tmp_path, ownHome, request):
    folder = tmp_path / "case"
    with newCase(folder) as case:
        commit(case, "source")
    before = tree(folder, ())
    opened = [tmp_path, *tmp_path.parents, *folder.rglob("*"), folder, ownHome, *ownHome.rglob("*")]
    modes = {path: path.stat().st_mode for path in opened}
    for path in (path for path in opened if path.stat().st_uid == os.getuid()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        request.getfixturevalue("noPrivileges")
        assert len(Case.open(folder).artefacts) == 1
        with pytest.raises(InputRefused) as error:
            Case.open(folder, writable=True)
        assert error.value.code == "cannot-write"
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for path, mode in modes.items():
            if path.stat().st_uid == os.getuid():
                path.chmod(mode)
    assert tree(folder, ()) == before


def test_fullDiskLeavesTheOldCase(smallDisk):
    folder = smallDisk / "case"
    with newCase(folder) as case:
        commit(case, "source", b"first")
    before = tree(folder)
    with Case.open(folder, writable=True) as case:
        for _again in range(2):
            with pytest.raises(InputRefused) as error:
                commit(case, "source", os.urandom(2 * FULL_DISK_BYTES))
            assert error.value.code == "disk-full" and error.value.action
        assert tree(folder) == before
        commit(case, "source", b"second")
    case = Case.open(folder)
    assert case.verify() == [] and case.latest("source").revision == 2


def test_diskFullAtAnyByteLeavesTheOldCase(smallDisk):
    """The disk fills up at every 4 kB of what a commit writes."""
    folder, filler = smallDisk / "case", smallDisk / "filler"
    with newCase(folder) as case:
        commit(case, "source", b"first")
    before, refused = tree(folder), 0
    for freePages in range(0, 40):
        filler.unlink(missing_ok=True)
        room = os.statvfs(smallDisk)
        pages = room.f_bavail - freePages
        filler.write_bytes(bytes(pages * room.f_frsize))
        try:
            with Case.open(folder, writable=True) as case:
                commit(case, "source", bytes(20_000))
        except InputRefused as error:
            assert error.code == "disk-full", error
            assert tree(folder) == before, freePages
            assert Case.open(folder).verify() == []
            refused += 1
            continue
        break
    assert 5 < refused < 39
    filler.unlink()
    with Case.open(folder, writable=True) as case:
        assert case.latest("source").revision == 2 and case.verify() == []


# A child whose files may hold 40 kB at most tries to commit a larger one.
LARGE_COMMIT = """
import resource, signal, sys
from CaseMaking import commit
from PlanningHubLib.Case import Case
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
with Case.open(sys.argv[1], writable=True) as case:
    try:
        commit(case, "source", bytes(100_000))
    except Exception as error:
        print(error.code)
"""


def test_fileSizeLimitLeavesTheOldCase(aCase):
    commit(aCase, "source", b"first")
    aCase.close()
    before = tree(aCase.folder)
    child = [sys.executable, "-c", LARGE_COMMIT, str(aCase.folder)]
    outcome = subprocess.run(child, capture_output=True, text=True, env=childEnvironment())
    assert outcome.stdout == "disk-full\n", outcome.stderr
    assert tree(aCase.folder) == before and Case.open(aCase.folder).verify() == []


def test_fullDiskWhileCreatingLeavesNothing(smallDisk):
    room = os.statvfs(smallDisk)
    (smallDisk / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize))
    with pytest.raises(InputRefused) as error:
        Case.create(smallDisk / "case", PATIENT_CODE)
    assert error.value.code == "disk-full"
    assert list(tree(smallDisk)) == ["filler"]


# Files


def test_writeAsideReplacesWholeOrNotAtAll(tmp_path, monkeypatch):
    path = tmp_path / "file"
    writeAside(path, b"old")
    writeAside(path, b"new")
    assert path.read_bytes() == b"new"
    monkeypatch.setattr(os, "replace", lambda *_paths: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    with pytest.raises(InputRefused) as error:
        writeAside(path, b"newer")
    assert error.value.code == "cannot-write"
    assert tree(tmp_path) == {"file": b"new"}


def test_stagedFolderRemovesTheFoldersItMadeWhenItFails(tmp_path):
    with pytest.raises(Cancelled), stagedFolder(tmp_path / "new" / "deep" / "folder") as folder:
        (folder / "file").write_text("half")
        raise Cancelled
    assert tree(tmp_path) == {}


def test_logIsBroughtUpToDateByTheNextWriterOnly(aCase):
    commitChain(aCase)
    aCase.close()
    log = aCase.folder / Audit.LOG_NAME
    whole = log.read_bytes()
    log.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    findings = Case.open(aCase.folder).verify()
    assert [(finding.code, finding.severity) for finding in findings] == [("audit-pending", "info")]
    Case.open(aCase.folder, writable=True).close()
    assert log.read_bytes() == whole
