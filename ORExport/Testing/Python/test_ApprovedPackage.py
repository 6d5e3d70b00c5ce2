"""An approved package says by whom and proves it alone; whatever is changed in it or after it is refused by name."""

import json
import shutil

import pytest
from Judges import run
from SmallSeries import addPart

from ORExportLib import ApprovalsFile, Manifest
from ORExportLib.Package import exportPackage, makePackage, optionalContents
from ORExportLib.Verify import verifyPackage
from PlanningHubLib import Approval
from PlanningHubLib.Errors import GateRefused, firstRejection
from PlanningHubLib.Files import sha256
from PlanningHubLib.Secrets import homeFolder
from PlanningHubLib.Signing import UserKey, shortFingerprint

# What approvals are about stands in every package.
LEAN = optionalContents()
ANNA, BELA, MALLORY = (UserKey(user, user.encode().ljust(32, b".")) for user in ("anna", "bela", "mallory"))


def writeSite(signatures=1):
    users = [{"name": key.user, "roles": ["surgeon"], "publicKey": key.publicKey} for key in (ANNA, BELA)]
    rules = [{"kind": "part", "roles": ["surgeon"], "signatures": signatures}]
    path = homeFolder() / "site.json"
    path.write_text(json.dumps({"format": "planninghub-site", "version": 1, "users": users, "approvals": rules}))
    path.chmod(0o644)


@pytest.fixture
def anApprovedCase(aReadyCase, withoutPictures, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(aReadyCase.folder.parent / "home"))
    writeSite()
    Approval.approve(aReadyCase, ANNA)
    return aReadyCase


@pytest.fixture
def aPackage(anApprovedCase, aSession, tmp_path):
    return exportPackage(anApprovedCase, makePackage(anApprovedCase, aSession, leaveOut=LEAN), tmp_path / "out")


def rejections(folder):
    return {finding.code for finding in verifyPackage(folder) if finding.severity == "reject"}


def rewriteApprovals(folder, change, resign=None):
    """Change the approvals file and make the manifest fit it, as a forger would."""
    (path,) = folder.glob("*-approvals.json")
    document = json.loads(path.read_text())
    change(document)
    if resign:
        document["approvals"] = [resign.sign(one["statement"]) for one in document["approvals"]]
    path.write_text(json.dumps(document))
    rewriteManifest(folder)


def rewriteManifest(folder, **changes):
    path = folder / Manifest.FILE_NAME
    values = {**json.loads(path.read_text()), **changes}
    for record in values["files"]:
        file = folder / record["path"]
        record |= {"sha256": sha256(file), "bytes": file.stat().st_size}
    path.write_bytes(Manifest.encode(values))


def test_saysByWhomEverywhere(aPackage):
    assert json.loads((aPackage / Manifest.FILE_NAME).read_text())["approved"] is True
    (pdf,) = aPackage.glob("*.pdf")
    text = run("pdftotext", "-layout", pdf, "-")
    assert "APPROVED by anna (surgeon)" in text and "NOT APPROVED" not in text
    statement = json.loads(next(aPackage.glob("*-approvals.json")).read_text())["approvals"][0]["statement"]
    assert shortFingerprint(ANNA.fingerprint) in text and statement["when"] in text
    for one in statement["artefacts"]:
        assert f"{one['id']} {one['content'][:16]}" in " ".join(text.split()) and one["content"] in text
    findings = verifyPackage(aPackage)
    assert firstRejection(findings) is None
    (finding,) = [one for one in findings if one.code == "approved-by"]
    assert "anna (surgeon)" in finding.message
    for path in aPackage.glob("*-part.dcm"):
        assert "not approved" not in run("dcmdump", path)


def test_verifiesOnAMachineWithoutCaseSiteOrKeys(aPackage, tmp_path, monkeypatch):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(tmp_path / "elsewhere"))
    shutil.move(aPackage, tmp_path / "usb")
    assert rejections(tmp_path / "usb") == set() and not (tmp_path / "elsewhere").exists()


def test_everyChangeIsNamedEvenWhenTheManifestIsMadeToFit(aPackage):
    (stl,) = aPackage.glob("*-part.stl")
    data = stl.read_bytes()
    stl.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    rewriteManifest(aPackage)
    assert "approval-differs" in rejections(aPackage)
    stl.write_bytes(data)
    rewriteManifest(aPackage)
    assert rejections(aPackage) == set()

    def flip(document):
        signature = document["approvals"][0]["signature"]
        document["approvals"][0]["signature"] = ("1" if signature[0] == "0" else "0") + signature[1:]

    rewriteApprovals(aPackage, flip)
    assert rejections(aPackage) == {"signature-false"}


@pytest.mark.parametrize("change, resign, code", [
    (lambda document: document["approvals"][0]["statement"].update(user="bela"), None, "signature-false"),
    (lambda document: document["approvals"].clear(), None, "signatures-too-few"),
    (lambda document: document.update(approvals=None), None, "approval-unreadable"),
    (lambda document: document["approvals"][0]["statement"]["case"].update(side="right"), ANNA, "approval-differs"),
    (lambda document: document["approvals"][0]["statement"]["artefacts"].pop(), ANNA, "approval-differs"),
    (lambda document: document["approvals"][0]["statement"].update(statement="voids"), ANNA, "approval-differs"),
    (lambda document: document["approvals"][0]["statement"].update(neededSignatures=2), ANNA, "signatures-too-few"),
    (lambda document: document["approvals"].append(document["approvals"][0]), MALLORY, "approval-key-differs"),
])  # fmt: skip
def test_forgedApprovalsAreNamed(aPackage, change, resign, code):
    rewriteApprovals(aPackage, change, resign)
    assert code in rejections(aPackage)


def test_approvedCannotBeClaimedOrHidden(aPackage):
    rewriteManifest(aPackage, approved=False)
    assert rejections(aPackage) == {"approval-not-in-force", "mark-differs"}
    values = json.loads((aPackage / Manifest.FILE_NAME).read_text())
    (path,) = aPackage.glob("*-approvals.json")
    path.unlink()
    files = [record for record in values["files"] if record["role"] != ApprovalsFile.ROLE]
    rewriteManifest(aPackage, approved=True, files=files)
    assert rejections(aPackage) == {"approval-missing"}


def test_changedAfterApprovalIsNotExportedAsApproved(anApprovedCase, aSession, tmp_path):
    package = makePackage(anApprovedCase, aSession, leaveOut=LEAN)
    with pytest.raises(GateRefused) as refused:
        addPart(anApprovedCase)
    assert refused.value.code == "approved-locked"
    Approval.reopen(anApprovedCase, ANNA, "other screw")
    with pytest.raises(GateRefused) as refused:
        exportPackage(anApprovedCase, package, tmp_path / "out")
    assert refused.value.code == "stale-package" and not (tmp_path / "out").exists()
    with pytest.raises(GateRefused) as refused:
        makePackage(anApprovedCase, aSession, requireApproved=True, leaveOut=LEAN)
    assert refused.value.code == "not-approved" and "other screw" in refused.value.message
    assert makePackage(anApprovedCase, aSession, leaveOut=LEAN).facts["approved"] is False


def test_userRemovedFromTheSiteStopsTheApprovedExport(anApprovedCase, aSession, tmp_path):
    package = makePackage(anApprovedCase, aSession, leaveOut=LEAN)
    (homeFolder() / "site.json").unlink()
    with pytest.raises(GateRefused) as refused:
        exportPackage(anApprovedCase, package, tmp_path / "out")
    assert refused.value.code == "not-approved" and not (tmp_path / "out").exists()


def test_fourEyesNeedTheSecondSignature(aReadyCase, aSession, withoutPictures, monkeypatch, tmp_path):
    monkeypatch.setenv("PLANNINGHUB_HOME", str(aReadyCase.folder.parent / "home"))
    writeSite(signatures=2)
    Approval.approve(aReadyCase, ANNA)
    assert makePackage(aReadyCase, aSession, leaveOut=LEAN).facts["approved"] is False
    Approval.approve(aReadyCase, BELA)
    package = makePackage(aReadyCase, aSession, requireApproved=True, leaveOut=LEAN)
    out = exportPackage(aReadyCase, package, tmp_path / "out")
    assert rejections(out) == set()
    rewriteApprovals(out, lambda document: document["approvals"].pop())
    assert rejections(out) == {"signatures-too-few"}
