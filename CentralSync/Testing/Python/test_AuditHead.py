"""The seven tamperings of an audit log, on a case that is in a folder store: each is found with the head kept there."""

import shutil

import pytest
from Tampering import TAMPERINGS, rollBack

from CentralSyncLib.AuditHead import compareWithStore
from CentralSyncLib.FolderStore import FolderStore
from CentralSyncLib.Stores import openStore
from CentralSyncLib.Sync import syncCase
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent


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


def judge(folder, store):
    """What the folder alone shows, and what the store's head shows."""
    case = Case.open(folder)
    return (
        {finding.code for finding in case.verify() if finding.severity == "reject"},
        {finding.code for finding in compareWithStore(case, store) if finding.severity == "reject"},
    )


@pytest.mark.parametrize("tamper, aloneSees", TAMPERINGS.items())
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
