"""One writer at a time, and whatever happens while it writes: the old case or the new one."""

import os
import signal
import stat
import subprocess
import sys

import pytest
from CaseMaking import FULL_DISK_BYTES, PATIENT_CODE, childEnvironment, commit, commitChain, newCase, tree

from PlanningHubLib import Audit
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import Cancelled, GateRefused, InputRefused
from PlanningHubLib.Files import stagedFolder, temporaryFolder, writeAside
from PlanningHubLib.Locking import currentUser

# A process that holds a case until its standard input closes.
HOLD = (
    "import sys; from PlanningHubLib.Case import Case; case = Case.open(sys.argv[1], writable=True); "
    "print('held', flush=True); sys.stdin.read()"
)


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


def test_temporaryFolderGoesAway_andSoDoesWhatAKilledProcessLeft(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = tmp_path / f"planninghub-answer-{'0' * 32}"
    left.mkdir()
    (left / "plate.stl").write_bytes(b"shape")
    with temporaryFolder("answer") as folder:
        assert folder.parent == tmp_path and stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert not left.exists()
        with temporaryFolder("answer"):
            # One that is in use stays.
            assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []
