"""Small whole cases for tests of what is kept of a case elsewhere: three slices and something for every other step."""

import json

from PlanningHubLib.Approval import approve
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Secrets import homeFolder
from PlanningHubLib.Signing import UserKey
from Servers.SmallDicom import writeSmallSeries

SURGEON = UserKey("anna", b"anna".ljust(32, b"."))


def makeSmallCase(folder, patientCode="5a" * 32, procedure=None, **stated):
    """Make a case that can be synced; ``stated`` goes to :meth:`Case.create`."""
    with Case.create(folder, patientCode, procedure=procedure, **stated) as case:
        recordConsent(case, "treatment", "2026-01-31", "test 1")
        with case.staging("source") as stage:
            writeSmallSeries(stage.folder / "dicom", 3, seed=int(case.caseId[:8], 16))
            source = stage.commit()
        segmentation = addArtefact(case, "segmentation", {"bone.seg.nrrd": b"labels"}, [source])
        part = addArtefact(case, "part", {"part.stl": b"triangles"}, [segmentation])
        makePackage(case, [source, segmentation, part])
    return folder


def makePackage(case, parents, seed=1):
    """Add a package with one DICOM object, a document and a copy of the part."""
    with case.staging("package") as stage:
        dicom = writeSmallSeries(stage.folder, 1, seed=int(case.caseId[:8], 16) + seed)[0]
        dicom.rename(stage.folder / "plan.dcm")
        (stage.folder / "summary.pdf").write_bytes(b"%%PDF %d" % seed)
        (stage.folder / "manifest.json").write_bytes(b"{}")
        (stage.folder / "part.stl").write_bytes(b"triangles")
        return stage.commit(parents=parents)


def addArtefact(case, kind, files, parents=(), **said):
    """Commit files as an artefact; ``said`` goes to the commit."""
    with case.staging(kind) as stage:
        for name, data in files.items():
            (stage.folder / name).write_bytes(data)
        return stage.commit(parents=parents, **said)


def writeSite():
    """Write a site's configuration whose only user is :data:`SURGEON`."""
    user = {"name": SURGEON.user, "roles": ["surgeon"], "publicKey": SURGEON.publicKey}
    rules = [{"kind": "part", "roles": ["surgeon"], "signatures": 1}]
    path = homeFolder() / "site.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"format": "planninghub-site", "version": 1, "users": [user], "approvals": rules}))
    path.chmod(0o644)


def approveSmallCase(folder):
    """Have the surgeon of :func:`writeSite` sign for the part; the package is made anew after it."""
    with Case.open(folder, writable=True) as case:
        approve(case, SURGEON)


def treeOf(folder):
    """Path → bytes of every file of a case but its lock."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }
