"""A hospital and a partner with homes of their own, a small case, and the files that a partner answers with."""

import json
import struct

import pyrage

from CentralSyncLib.Exchange.Documents import encode, signed
from CentralSyncLib.Exchange.Sending import sendPackage
from PlanningHubLib.Case import Case
from PlanningHubLib.Consent import recordConsent
from PlanningHubLib.Files import sha256, sha256Bytes
from PlanningHubLib.Identity import patientCode
from PlanningHubLib.Secrets import KeyRing
from Servers.SmallDicom import writeSmallSeries

PARTNER = "Partner One"
PASSPHRASE = "only for tests"
TRIANGLE = struct.pack("<12fH", 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0)
STL = b"a plate".ljust(80) + struct.pack("<I", 1) + TRIANGLE


def writeSite(home, *partners):
    home.mkdir(parents=True, exist_ok=True)
    values = {"format": "planninghub-site", "version": 1, "users": [], "approvals": [], "partners": list(partners)}
    (home / "site.json").write_text(json.dumps(values))
    (home / "site.json").chmod(0o644)


def aPartner(identity, name=PARTNER, **more):
    return {"name": name, "ageRecipients": [str(identity.to_public())], **more}


def makeCase(folder, side="left"):
    """Return the folder of a case of a small series, with consent to send it to a manufacturer."""
    code = patientCode(KeyRing.forThisInstallation(), "TEST")
    with Case.create(folder, code, side) as case:
        recordConsent(case, "manufacturer", "2026-01-31", "test 1")
        with case.staging("source") as stage:
            writeSmallSeries(stage.folder / "dicom", 3)
            stage.commit()
    return folder


def send(caseFolder, out, **options):
    with Case.open(caseFolder, writable=True) as case:
        return sendPackage(case, PARTNER, out, **options)


def opened(path, identity):
    """Return the bytes of the archive in an encrypted file, by the library alone."""
    return pyrage.decrypt(path.read_bytes(), [identity])


def statementFor(made, files, **changes):
    """Return the statement of an answer to a package, as :func:`send` described it.

    :param files: name → (bytes, dictionary with kind and so on)
    """
    records = [
        {"path": name, "sha256": sha256Bytes(data), "bytes": len(data), **said} for name, (data, said) in files.items()
    ]
    return {
        "format": "planninghub-exchange-answer", "version": 1, "code": made["code"],
        "manifestSha256": made["manifest_sha256"], "side": made["side"], "made": "2026-01-31T12:00:00Z",
        "files": records, **changes,
    }  # fmt: skip


PLATE = {"plate.stl": (STL, {"kind": "implant", "unit": "mm", "frame": "LPS"})}


def writeAnswer(folder, made, files=None, key=None, **changes):
    """Write an answer as a plain folder, as a partner without our command would; return the folder."""
    files = files or PLATE
    folder.mkdir(parents=True)
    for name, (data, _said) in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "answer.json").write_bytes(encode(signed(statementFor(made, files, **changes), key)))
    return folder


def treeOf(folder):
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}
