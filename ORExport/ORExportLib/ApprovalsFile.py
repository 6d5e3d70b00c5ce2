"""The approvals file of a package: the signed statements themselves, checked with nothing but the package.

Each statement names the hash of every file it covers, so the signature reaches the part's bytes in the package. Who a
key belongs to no package can prove: people compare the fingerprint, or this installation's site configuration does.
"""

import json

from PlanningHubLib import Approval, Signing
from PlanningHubLib.Artefacts import Artefact, FileRecord
from PlanningHubLib.Errors import Finding, PlanningError
from PlanningHubLib.Site import Site

from . import PlanFiles, SegmentationFile
from .Manifest import baseRole

ROLE = "approvals"
FILE_FORMAT = "planninghub-approvals"
# The files of a package that are an artefact's own, byte for byte.
# Pieces of a part have roles with a number behind.
KIND_OF_ROLE = {
    "model-stl": "part", "model-3mf": "part", PlanFiles.DOCUMENT: "plan", PlanFiles.RESULTS: "plan",
    SegmentationFile.ROLE: "segmentation",
}  # fmt: skip
DO_NOT_USE = "Do not use this package as approved; fetch it again from where it was made."
# Far above any approvals file: a hash for each slice of a CT, for each who signed.
LARGEST_BYTES = 16 * 1024 * 1024


def write(content, writer, _progress):
    """Write the approvals of a :class:`ORExportLib.Content.Content`, where it has any."""
    if content.approvals:
        writer.bytes(approvalsBytes(content.approvals), "approvals.json", ROLE)


def approvalsBytes(approvals):
    """Return the text of the approvals file."""
    signed = [{name: one[name] for name in ("statement", "publicKey", "fingerprint", "signature")} for one in approvals]
    values = {"format": FILE_FORMAT, "version": 1, "approvals": signed}
    return (json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def approverLine(approval):
    """Return who signed, as the briefing prints it."""
    statement = approval["statement"]
    return f"{statement['user']} ({statement['role']})"


def checkApprovals(folder, manifest):
    """Check what a package says about its approval against the signatures in it.

    :returns: list of findings
    """
    records = [record for record in manifest["files"] if record["role"] == ROLE]
    if not manifest["approved"]:
        contradiction = _reject("approval-not-in-force", "The package holds approvals and says it is not approved.")
        return [contradiction] if records else []
    if len(records) != 1:
        return [_reject("approval-missing", "The package says it is approved and holds no approvals file.")]
    path = folder / records[0]["path"]
    try:
        document = _read(path)
        return _fileFindings(document, manifest, path) or _keyFindings(document["approvals"], path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [_reject("approval-unreadable", f"{path.name} cannot be read.", path)]


def _read(path):
    if path.is_symlink() or path.stat().st_size > LARGEST_BYTES:
        raise ValueError("no approvals file")
    document = json.loads(path.read_bytes())
    if document["format"] != FILE_FORMAT or document["version"] != 1:
        raise ValueError("another format")
    return document


def _fileFindings(document, manifest, path):
    approvals, findings = document["approvals"], []
    for approval in approvals:
        name = f"{approval['statement']['id']} of {approval['statement']['user']}"
        if not Signing.isTrue(approval):
            findings.append(_reject("signature-false", f"The signature of {name} is false.", path))
            continue
        findings += [
            _reject("approval-differs", f"{name} is not for this package: {fault}.", path)
            for fault in _statementFaults(approval["statement"], manifest)
        ]
    # The number stands in what was signed: it cannot be lowered together with the signatures.
    needed = max((one["statement"]["neededSignatures"] for one in approvals), default=1)
    if not findings and Approval.signers(approvals) < needed:
        findings.append(_reject("signatures-too-few", f"{needed} different people had to sign; not all did.", path))
    return findings


def _statementFaults(statement, manifest):
    case = statement["case"]
    if statement["statement"] != Approval.APPROVES:
        yield "it does not approve anything"
    for name in ("id", "code", "side"):
        if case[name] != manifest["case"][name]:
            yield f"its case has another {name}"
    covered = {one["id"]: one for one in statement["artefacts"]}
    for wanted in manifest["artefacts"]:
        values = covered.get(wanted["id"])
        if values is None or values["content"] != wanted["content"] or _content(values) != wanted["content"]:
            yield f"it covers another {wanted['kind']}"
    for record in manifest["files"]:
        kind = KIND_OF_ROLE.get(baseRole(record["role"]))
        if kind and record["sha256"] not in _approvedFiles(covered, manifest, kind):
            yield f"{record['path']} is not the file that was approved"


def _approvedFiles(covered, manifest, kind):
    ids = [one["id"] for one in manifest["artefacts"] if one["kind"] == kind]
    return {sha256 for one in ids for sha256 in covered.get(one, {"files": {}})["files"].values()}


def _content(values):
    """The content that the statement's own file hashes come to."""
    files = {name: FileRecord(sha256, None) for name, sha256 in values["files"].items()}
    return Artefact(values["id"], values["kind"], values["revision"], "", files, (), {}, {}, {}, "", "").content


def _keyFindings(approvals, path):
    """Say whose keys signed, and refuse one that this installation knows to be another's."""
    try:
        site = Site.forThisInstallation()
        foreign = site.foreignKeys(approvals)
    except PlanningError:
        foreign = []
    findings = [
        _reject("approval-key-differs", f"This site knows another key of {one['statement']['user']}.", path)
        for one in foreign
    ]
    return findings + [
        Finding(
            "approved-by",
            "info",
            f"Approved by {approverLine(one)} on {one['statement']['when']}, "
            f"key {Signing.shortFingerprint(one['fingerprint'])}.",
            "Compare the key with the one that the site has published.",
            (path,),
        )
        for one in approvals
        if one not in foreign
    ]


def _reject(code, message, *paths):
    return Finding(code, "reject", message, DO_NOT_USE, tuple(paths))
