"""The seven tamperings of an audit log, on a case that is in a folder store: each is found with the head kept there."""

import json
import shutil

import pytest

from CentralSyncLib.AuditHead import compareWithStore
from CentralSyncLib.FolderStore import FolderStore
from CentralSyncLib.Stores import openStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib import Audit
from PlanningHubLib.Case import Case
from PlanningHubLib.CaseFormat import FILE_NAME, encode
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Secrets import KeyRing


@pytest.fixture
def aStore(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def aSyncedCase(tmp_path, monkeypatch, aStore):
    """Folder of a case that was synced twice; the state before the second sync lies beside it as ``older``."""
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with Case.create(tmp_path / "case", "5a" * 32) as case:
        recordConsent(case, "treatment", "2026-01-31", "test 1")
        parents = []
        for kind in ("source", "segmentation", "part", "package"):
            with case.staging(kind) as stage:
                (stage.folder / "file").write_text(kind)
                parents = [stage.commit(parents=parents)]
        assert syncCase(case, aStore).complete
    shutil.copytree(tmp_path / "case", tmp_path / "older")
    with Case.open(tmp_path / "case", writable=True) as case:
        recordConsent(case, "teaching", "2026-01-31", "test 1")
        assert syncCase(case, aStore).complete
    return tmp_path / "case"


def linesOf(folder):
    return (folder / Audit.LOG_NAME).read_text().splitlines()


def rewrite(folder, lines, last=None):
    (folder / Audit.LOG_NAME).write_text("".join(line + "\n" for line in lines))
    if last is not None:
        path = folder / FILE_NAME
        path.write_bytes(encode({**json.loads(path.read_text()), "audit": {"lines": len(lines), "last": last}}))


def resealed(lines, keyRing, change=lambda entry: entry):
    """The whole log written anew with a key: links and seals are true."""
    previous, made = "", []
    for number, line in enumerate(lines, 1):
        entry = {**change(json.loads(line)), "number": number, "previous": Audit.sha256Bytes(previous.encode()),
                 "key": keyRing.keyId}  # fmt: skip
        entry.pop("seal", None)
        entry["seal"] = keyRing.mac(Audit.SEAL, Audit.canonical(entry).encode())
        previous = Audit.canonical(entry)
        made.append(previous)
    return made


def otherUser(entry):
    return {**entry, "who": "somebody else"} if entry["number"] == 2 else entry


def changeLine(folder):
    lines = linesOf(folder)
    rewrite(folder, [lines[0], Audit.canonical({**json.loads(lines[1]), "who": "x"}), *lines[2:]])


def removeLine(folder):
    lines = linesOf(folder)
    rewrite(folder, lines[:1] + lines[2:])


def swapLines(folder):
    lines = linesOf(folder)
    rewrite(folder, [lines[0], lines[2], lines[1], *lines[3:]])


def insertLine(folder):
    lines = linesOf(folder)
    rewrite(folder, [*lines[:2], lines[1], *lines[2:]])


def cutTail(folder):
    rewrite(folder, linesOf(folder)[:-2])


def forgeWhole(folder):
    """With the installation's own key: nothing in the folder shows it."""
    lines = resealed(linesOf(folder), KeyRing.forThisInstallation(), otherUser)
    rewrite(folder, lines, lines[-1])


def rollBack(folder):
    shutil.rmtree(folder)
    shutil.copytree(folder.parent / "older", folder)


def judge(folder, store):
    """What the folder alone shows, and what the store's head shows."""
    case = Case.open(folder)
    return (
        {finding.code for finding in case.verify() if finding.severity == "reject"},
        {finding.code for finding in compareWithStore(case, store) if finding.severity == "reject"},
    )


@pytest.mark.parametrize("tamper, aloneSees", [
    (changeLine, True), (removeLine, True), (swapLines, True), (insertLine, True), (cutTail, True),
    (forgeWhole, False), (rollBack, False),
])  # fmt: skip
def test_allSevenTamperingsAreFound(aSyncedCase, aStore, tamper, aloneSees):
    assert judge(aSyncedCase, aStore) == (set(), set())
    tamper(aSyncedCase)
    alone, withHead = judge(aSyncedCase, aStore)
    assert bool(alone) == aloneSees
    assert alone or withHead == {"audit-differs-from-store"}


def test_rolledBackAndGoneOnIsStillFound(aSyncedCase, aStore):
    """Going on from an older state, even past the old length, is another history than the store's."""
    rollBack(aSyncedCase)
    with Case.open(aSyncedCase, writable=True) as case:
        for number in range(6):
            recordConsent(case, "research", "2026-01-31", f"test {number}")
    assert judge(aSyncedCase, aStore) == (set(), {"audit-differs-from-store"})
    # A further sync adds to the store's heads and replaces none.
    with Case.open(aSyncedCase, writable=True) as case:
        syncCase(case, aStore)
    assert judge(aSyncedCase, aStore)[1] == {"audit-differs-from-store"}


def test_caseThatWentOnHonestlyPasses(aSyncedCase, aStore):
    with Case.open(aSyncedCase, writable=True) as case:
        recordConsent(case, "research", "2026-01-31", "test 1")
        assert compareWithStore(case, aStore) == []


def test_storeWithoutAHeadSaysSo(aSyncedCase, tmp_path):
    case = Case.open(aSyncedCase)
    for store in (FolderStore(tmp_path / "empty"), openStore("dicomweb+https://store.example/dicom-web")):
        assert [finding.code for finding in compareWithStore(case, store)] == ["audit-head-not-kept"]


def test_rottenListOfTheStoreIsNamed(aSyncedCase, aStore):
    case = Case.open(aSyncedCase)
    path = aStore.snapshots(case.caseId)[0]
    path.chmod(0o644)
    path.write_text("{")
    assert [finding.code for finding in compareWithStore(case, aStore)] == ["store-list-damaged"]
