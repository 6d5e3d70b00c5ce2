"""Fixtures of the tests of scrub and retraction: a case, its outbox, and a store to which it was sent and proven."""

import time

import pydicom
import pytest

from CentralSyncLib.Items import itemsOf
from CentralSyncLib.Outbox.Drain import Drain
from CentralSyncLib.Outbox.Outbox import VERIFIED, Outbox
from CentralSyncLib.Stores.FolderStore import FolderStore
from CentralSyncLib.Upkeep.Scrub import scrub
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Secrets import KeyRing
from Servers.SmallDicom import writeSmallSeries


def makeCase(folder, seed=0, patientId="TEST"):
    """Make a case of a small series and one file for each step, and return it, open for writing."""
    case = Case.create(folder, "5a" * 32)
    recordConsent(case, "treatment", "2026-01-31", "test 1")
    with case.staging("source") as stage:
        for path in writeSmallSeries(stage.folder / "dicom", 3, seed=seed):
            dataset = pydicom.dcmread(path)
            dataset.PatientID = patientId
            dataset.save_as(path)
        source = stage.commit()
    for kind, name in (("segmentation", "bone.seg.nrrd"), ("part", "part.stl"), ("package", "summary.pdf")):
        with case.staging(kind) as stage:
            (stage.folder / name).write_bytes(f"content of {name} {seed}".encode())
            stage.commit(parents=[source])
    return case


@pytest.fixture
def aCase(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "home"))
    with makeCase(tmp_path / "case") as case:
        yield case


@pytest.fixture
def pastSeconds():
    """By how many seconds the outbox's clock is behind; a test may change the one value."""
    return [0.0]


@pytest.fixture
def outbox(tmp_path, aCase, pastSeconds):
    keyRing = KeyRing.forThisInstallation()
    with Outbox(tmp_path / "outbox", keyRing, lambda: time.time() - pastSeconds[0]) as outbox:
        yield outbox


class Upkeep:
    """A store to which the case was sent and proven, and the scrubs of it."""

    def __init__(self, store, outbox, case):
        self.store, self.outbox, self.case = store, outbox, case

    def push(self, items):
        ids = self.outbox.enqueue(items, self.store.address, self.case.caseId, str(self.case.folder))
        Drain(self.outbox, self.store).drain(ids)
        return self.outbox.entries(ids=ids)

    def scrub(self, **options):
        return scrub(self.outbox, self.store, 30, **options)

    def states(self):
        return {entry.name: entry.state for entry in self.outbox.entries()}


@pytest.fixture
def kept(tmp_path, aCase, outbox):
    upkeep = Upkeep(FolderStore(tmp_path / "store"), outbox, aCase)
    items = itemsOf(aCase)
    assert {entry.state for entry in upkeep.push(items)} == {VERIFIED}
    names = {f"{one.id}/r{one.revision}/{name}": record.sha256 for one in aCase.artefacts
             for name, record in one.files.items()}  # fmt: skip
    upkeep.store.keepSnapshot(aCase.caseId, names)
    return upkeep


def codes(report):
    return [finding.code for finding in report.findings]
