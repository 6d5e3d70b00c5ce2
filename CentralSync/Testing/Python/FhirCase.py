"""A case with all that its metadata can say: request, consents, an approval, papers with a lot, departures."""

import json
import os

import pytest

from PlanningHubLib import Approval, Consent, Request
from PlanningHubLib.Case import Case
from PlanningHubLib.Signing import UserKey
from PlanningHubLib.Site import Site
from Servers.SmallDicom import writeSmallSeries

NAME = "Zaphod Q. Planted"


def commit(case, kind, parents, files, **facts):
    with case.staging(kind) as stage:
        for name, data in files.items():
            (stage.folder / name).write_bytes(data)
        return stage.commit(parents=parents, **facts)


@pytest.fixture
def aSite(tmp_path, monkeypatch):
    """One of a surgeon who may approve, and a manufacturer."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("PLANNINGHUB_HOME", str(home))
    key = UserKey("surgeon.a", b"s" * 32)
    values = {
        "format": "planninghub-site",
        "version": 1,
        "users": [{"name": key.user, "roles": ["surgeon"], "publicKey": key.publicKey}],
        "approvals": [{"kind": "part", "roles": ["surgeon"], "signatures": 1}],
        "manufacturer": {"name": "Hospital print lab", "address": "Example Street 1"},
    }
    (home / "site.json").write_text(json.dumps(values))
    os.chmod(home / "site.json", 0o600)
    return key


@pytest.fixture
def aFullCase(tmp_path, aSite):
    with Case.create(tmp_path / "full", "5a" * 32, side="left", procedure="Cranioplasty") as case:
        _governance(case)
        source, part = _artefacts(case)
        _approved(case, aSite)
        package = {"manifest.json": b'{"files": []}', "briefing.pdf": b"%PDF-1.7", "part.stl": b"triangles"}
        commit(case, "package", [source, part], package, facts={"approved": True, "approvals": ["approval-1"]})
        entry = {"field": "lot", "value": "L-0815", "who": "tech.b", "when": case.created, "part": part.content}
        other = {**entry, "field": "printed", "value": "2026-02-03"}
        papers = json.dumps({"entries": [entry, other]}).encode()
        commit(case, "papers", [part], {"papers.json": papers}, parameters={"part": part.id})
        Consent.release(case, "hospital-store", "DICOMweb store https://store.example/dicom-web", [source, part])
        yield case


def _governance(case):
    Consent.recordConsent(case, "treatment", "2026-01-31", "consent form 7")
    Consent.recordConsent(case, "research", "2026-01-31", "study 3")
    Consent.withdrawConsent(case, "research", reason=f"{NAME} asked for it")
    Request.stateRequest(
        case, anatomy="skull", design="patient-specific", designReason=f"{NAME} has no standard skull",
        indication=f"defect of {NAME}", department="Neurosurgery", surgeryDate="2026-03-01", urgency="urgent",
    )  # fmt: skip


def _artefacts(case):
    with case.staging("source") as stage:
        paths = writeSmallSeries(stage.folder / "dicom", 3)
        facts = {"studyUid": "1.2.3", "seriesUid": "1.2.3.4", "modality": "CT"}
        source = stage.commit(facts=facts)
    assert len(paths) == 3
    segmentation = commit(case, "segmentation", [source], {"bone.seg.nrrd": b"labels"})
    part = commit(case, "part", [segmentation], {"part.stl": b"triangles"}, facts={"object": {"name": "Implant"}})
    return source, part


def _approved(case, key):
    Approval.approve(case, key, site=Site.forThisInstallation())


__all__ = ["NAME", "aFullCase", "aSite", "commit"]
