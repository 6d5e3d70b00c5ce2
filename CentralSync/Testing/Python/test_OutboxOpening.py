"""Opening an outbox that is damaged, somebody else's, of another version or on a disk that takes no writing."""

import os
import shutil
import sqlite3
import subprocess

import pytest
from OutboxMaking import KEYS, STORE, assertSound, contentOf, makeItems, openOutbox, payloadNames, runInChild

from CentralSyncLib.Outbox import Opening, Schema
from CentralSyncLib.Outbox.Outbox import QUEUED, VERIFIED
from PlanningHubLib.Errors import GateRefused, InputRefused
from PlanningHubLib.Secrets import KeyRing

rootOnly = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")


@pytest.fixture
def folder(tmp_path):
    """An outbox in which three items wait, closed."""
    with openOutbox(tmp_path / "outbox") as outbox:
        outbox.enqueue(makeItems(tmp_path / "files"), STORE)
    return tmp_path / "outbox"


def refusal(folder, kind=GateRefused, keys=KEYS):
    with pytest.raises(kind) as caught:
        openOutbox(folder, keys=keys)
    assert caught.value.message and caught.value.action
    return caught.value


def overwrite(path, place, data):
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(data)


def damageHeader(path):
    overwrite(path, 0, b"not a database at all")


def damagePages(path):
    overwrite(path, 4096 * 2, os.urandom(path.stat().st_size - 4096 * 3))


def cutInHalf(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def changeState(path):
    """A flipped bit in the state of an entry would leave it in no state at all."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA ignore_check_constraints = ON")
    db.execute("UPDATE entries SET state = 'queuee' WHERE id = 2")
    db.commit()
    db.close()


def damageTable(path, name):
    """Overwrite the first page of a table; what does not read it goes on."""
    db = sqlite3.connect(path)
    page = db.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0]
    size = db.execute("PRAGMA page_size").fetchone()[0]
    db.close()
    overwrite(path, (page - 1) * size, os.urandom(size))


def payloadFiles(folder):
    files = [path for path in (folder / "payloads").rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


@pytest.mark.parametrize("damage", [damageHeader, damagePages, cutInHalf, empty, changeState, os.remove])
def test_damagedDatabaseIsSetAsideWithAllThatWaitedAndNeverDeleted(folder, tmp_path, damage):
    waiting = payloadFiles(folder)
    damage(folder / "outbox.sqlite")
    rest = (folder / "outbox.sqlite").read_bytes() if (folder / "outbox.sqlite").exists() else None
    error = refusal(folder)
    assert error.code == "outbox-damaged" and "Sync every case again" in error.action
    (aside,) = folder.glob("outbox-damaged-*")
    assert error.files == [str(aside)]
    assert payloadFiles(aside) == waiting and len(waiting) == 3
    assert rest is None or (aside / "outbox.sqlite").read_bytes() == rest
    # The next one begins anew, and takes what is synced again.
    with openOutbox(folder) as outbox:
        assert outbox.entries() == []
        outbox.enqueue(makeItems(tmp_path / "files"), STORE)
        assert all(contentOf(outbox, entry) for entry in outbox.claim(STORE, 9))
    assert aside.is_dir()


def test_damagedDatabaseThatAnotherProgramUsesIsLeftToIt(folder):
    with openOutbox(folder):
        damageHeader(folder / "outbox.sqlite")
        error = refusal(folder)
        assert error.code == "outbox-damaged" and "End every program" in error.action
        assert not list(folder.glob("outbox-damaged-*"))


def test_damageMetInUseIsNamedAndFoundAtTheNextOpening(folder, monkeypatch):
    monkeypatch.setattr(Opening, "ALWAYS_CHECKED_BYTES", 0)
    damageTable(folder / "outbox.sqlite", "transitions")
    outbox = openOutbox(folder)
    with pytest.raises(GateRefused) as caught:
        outbox.history(1)
    assert caught.value.code == "outbox-damaged"
    outbox.close()
    assert refusal(folder).code == "outbox-damaged" and list(folder.glob("outbox-damaged-*"))


def test_largeDatabaseIsCheckedAfterAnEndThatWasNone(folder, monkeypatch):
    monkeypatch.setattr(Opening, "ALWAYS_CHECKED_BYTES", 0)
    checked = []
    whole = Schema.isWhole
    monkeypatch.setattr(Schema, "isWhole", lambda db: checked.append(1) or whole(db))
    openOutbox(folder).close()
    assert checked == []
    assert runInChild(lambda: openOutbox(folder) and os._exit(0)) == 0
    openOutbox(folder).close()
    assert checked == [1]


@rootOnly
def test_outboxOfAnotherUserIsRefused(folder):
    os.chown(folder, 12345, -1)
    assert refusal(folder).code == "outbox-of-another-user"


@pytest.mark.skipif(os.name == "nt", reason="needs modes")
@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_outboxThatOthersCanReadIsRefused(folder, mode):
    os.chmod(folder, mode)
    assert refusal(folder).code == "outbox-open-to-others"


@pytest.mark.skipif(os.name == "nt", reason="needs modes")
def test_everythingInItIsItsOwnersAlone(folder):
    with openOutbox(folder) as outbox:
        outbox.claim(STORE, 1)
        modes = {path.name: path.stat().st_mode & 0o077 for path in folder.rglob("*") if path.name != "outbox.json"}
    assert {"outbox.sqlite", "outbox.sqlite-wal", "owners"} <= set(modes) and set(modes.values()) == {0}


def test_outboxUnderAnotherKeyIsRefused(folder):
    assert refusal(folder, keys=KeyRing(b"another" * 5)).code == "outbox-of-another-installation"
    openOutbox(folder).close()


@pytest.fixture
def readOnly(folder, tmp_path):
    """The outbox on a file system that is mounted for reading only."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", mounted], capture_output=True).returncode:
        pytest.skip("file systems may not be mounted here")
    try:
        shutil.copytree(folder, mounted / "outbox")
        os.chmod(mounted / "outbox", 0o700)
        subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)
        yield mounted / "outbox"
    finally:
        subprocess.run(["umount", mounted], check=True)


@rootOnly
def test_diskThatTakesNoWritingIsNamed(readOnly):
    assert refusal(readOnly, InputRefused).code == "outbox-unwritable"
    assert refusal(readOnly.parent / "new", InputRefused).code == "outbox-unwritable"


@rootOnly
def test_verificationReadsItAllTheSame(readOnly):
    from CentralSyncLib.Outbox.Verify import verifyOutbox

    assert verifyOutbox(readOnly, KEYS) == []


def test_fileInTheFoldersPlaceIsNamed(tmp_path):
    (tmp_path / "outbox").write_text("in the way")
    assert refusal(tmp_path / "outbox", InputRefused).code == "outbox-unreadable"


def test_laterVersionIsRefusedAndLeftAlone(folder):
    db = sqlite3.connect(folder / "outbox.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    assert refusal(folder).code == "outbox-newer"
    assert not list(folder.glob("outbox-damaged-*"))


def test_earlierVersionIsBroughtUpWithAllThatIsInIt(folder, monkeypatch):
    monkeypatch.setattr(Schema, "MIGRATIONS", (*Schema.MIGRATIONS, "CREATE TABLE later (one TEXT);"))
    with openOutbox(folder) as outbox:
        assert len(outbox.entries(STORE, states=QUEUED)) == 3
    db = sqlite3.connect(folder / "outbox.sqlite")
    assert db.execute("PRAGMA user_version").fetchone() == (2,) and db.execute("SELECT * FROM later").fetchall() == []
    db.close()


def test_migrationThatFailsLeavesTheOlderVersion(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Schema, "MIGRATIONS", (*Schema.MIGRATIONS, "CREATE TABLE later (one TEXT);\nNONSENSE;"))
        with pytest.raises(sqlite3.OperationalError):
            openOutbox(folder)
    with openOutbox(folder) as outbox:
        assert len(outbox.entries()) == 3


def test_whatKilledProcessesLeftIsRemovedWhenNobodyElseIsThere(folder):
    needed = payloadNames(folder)
    for name in ("ab", ".aside-0123456789"):
        (folder / "payloads" / "ab").mkdir(exist_ok=True)
        (folder / "payloads" / "ab" / (name if name[0] == "." else "c" * 62)).write_bytes(b"left")
    with openOutbox(folder) as outbox:
        assert payloadNames(folder) == needed
        (folder / "payloads" / "ab" / ("d" * 62)).write_bytes(b"another process is just about to use it")
        openOutbox(folder).close()
        assert len(payloadNames(folder)) == 4
        outbox.mark(outbox.claim(STORE, 9), VERIFIED)
    openOutbox(folder).close()
    assert payloadNames(folder) == set()
    assertSound(folder)
