"""Sending: a de-identified copy of a case, listed, and encrypted to the partner's public keys as it is written."""

import contextlib
import datetime
import re
import shutil
import uuid
from pathlib import Path

from PlanningHubLib import Approval, Consent, Deidentify
from PlanningHubLib import DeidentifySource as Sources
from PlanningHubLib.DeidentifyDataset import Cleaner
from PlanningHubLib.DeidentifyKeys import Mapping
from PlanningHubLib.DeidentifyRules import profileOf
from PlanningHubLib.Errors import Finding, UsageError
from PlanningHubLib.Files import ASIDE_PREFIX, namedWriteErrors, sha256, sha256Bytes
from PlanningHubLib.IntendedUse import intendedUse
from PlanningHubLib.Locking import utcNow
from PlanningHubLib.PartsTogether import partsTogether
from PlanningHubLib.Planning.Plan import variants
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.Secrets import KeyRing
from PlanningHubLib.Software import versions

from .Archives import listed, tarPieces
from .Documents import ASKED, FILE_NAMES, PACKAGE, README, encode
from .Keys import ownPublicKey, partnerOf
from .PackageText import readmeText
from .Sealing import publish, recipientsOf, requireAbsent, seal

KIND = "exchange"
PURPOSE = "treatment-partner"
SUFFIX = ".tar.age"
# What a partner's work rests on: an answer goes stale when one of these changes, not when a part is made of it.
FOUNDATIONS = ("source", "segmentation", "plan")


def sendPackage(
    case, recipient, out, documents=None, asked=(), answerBy=None, deface=False, notApproved=False, progress=noProgress
):  # fmt: skip
    """Write an encrypted package of a case for a partner and keep in the case what it holds; return what was written.

    The copy in plain text lies in a hidden folder of the case, of mode 0700, while this runs; a plain archive never
    lies anywhere. What leaves is recorded as a departure before the copy is made.

    :param case: open for writing
    :param recipient: name of a partner in the site's configuration
    :param out: the new file, or a folder that is there, in which it gets a name made of the pseudonym alone
    :param documents: as :func:`PlanningHubLib.Deidentify.deidentify` takes them
    :param asked: of ``ASKED``
    :param answerBy: ISO date until which an answer is expected, or None
    :param notApproved: send it though nobody has signed for the plan
    :returns: dictionary: ``file``, ``sha256``, ``bytes``, ``code``, ``recipient``, ``artefact``, ``departure``,
        ``manifest_sha256``, ``files``, ``approved``, ``findings`` ...
    :raises UsageError: ``bad-age-key``, ``bad-answer-date``, ``unknown-asked``, ``telling-file-name``
    :raises GateRefused: ``unknown-partner``, ``no-consent``, ``not-approved``, ``stale-…``, ``damaged-…``,
        ``face-visible`` ...
    :raises InputRefused: ``already-there``, ``cannot-write``, ``disk-full``, and what the copy refuses
    :raises VerificationFailed: ``identity-left``
    """
    ensure("CentralSyncLib")
    partner = partnerOf(recipient)
    recipientsOf(partner["ageRecipients"])
    _requireFits(asked, answerBy)
    Consent.requireConsent(case, PURPOSE)
    approved = _approved(case, notApproved)
    mapping = Mapping(KeyRing.forThisInstallation(), case.patientCode, profileOf(PURPOSE), recipient)
    number = 1 + max([_number(one) for one in case.artefacts if one.kind == KIND], default=0)
    stem = f"{mapping.pseudonym}-{number}"
    target = _place(case, mapping, Path(out), stem)
    with _privateFolder(case) as staging:
        report = Deidentify.deidentify(
            case.folder, staging / "copy", PURPOSE, recipient, deface, progress=part(progress, 0.0, 0.6),
            documents=documents, openCase=case, destination=f"{recipient}, encrypted to its key, as {target}",
        )  # fmt: skip
        manifest = _manifest(case, staging, mapping.pseudonym, partner, asked, answerBy, approved)
        made = _write(case, f"{KIND}-{number}", staging, manifest, partner, stem, target, part(progress, 0.6, 1.0))
    return {**made, "findings": [*report["findings"], *map(Finding.asDict, _remarks(manifest))]}


def _requireFits(asked, answerBy):
    if not set(asked) <= set(ASKED):
        raise UsageError("unknown-asked", f"{', '.join(asked)} cannot be asked for.", f"Use {', '.join(ASKED)}.")
    if answerBy is None:
        return
    try:
        day = datetime.date.fromisoformat(answerBy).isoformat()
    except ValueError:
        day = ""
    if day != answerBy or day < Consent.today():
        raise UsageError("bad-answer-date", f"{answerBy!r} is no date to come.", "Give it as 2026-01-31.")


def _approved(case, notApproved):
    """Return whether signatures hold for the plan, or without one for the parts; None where there is neither.

    :raises GateRefused: ``stale-…``, ``damaged-…`` of whatever a partner would work with, ``not-approved``
    """
    for artefact in filter(None, map(case.latest, FOUNDATIONS)):
        # The copy reads every file; here what the graph says is enough.
        if case.state(artefact, readFiles=False) != "current":
            case.requireCurrent(artefact)
    plans = [one for one in variants(case) if case.state(one, readFiles=False) == "current"]
    parts = [] if plans else partsTogether(case)[0]
    for one in parts:
        case.requireCurrent(one)
    bases = [[one] for one in plans] or [parts] * bool(parts)
    if not bases:
        return None
    if notApproved:
        return all(Approval.holding(case, base) for base in bases)
    for base in bases:
        Approval.requireHolding(case, base)
    return True


def _number(artefact):
    return int(artefact.id.rpartition("-")[2])


def _place(case, mapping, out, stem):
    """Return the path of the new file; its name must not tell who the patient is.

    :raises InputRefused: ``already-there``
    :raises UsageError: ``telling-file-name``
    """
    target = out / f"{stem}{SUFFIX}" if out.is_dir() else out
    requireAbsent(target)
    told = {word for word in re.split(r"[\W_]+", target.name.casefold()) if word}
    if out != target:
        return target.absolute()
    for identifier in _identifiers(case, mapping):
        if identifier in told or len(identifier) >= 5 and identifier in target.name.casefold():
            raise UsageError("telling-file-name", "The file's name tells of the patient or the case.",
                             f"Name it {stem}{SUFFIX}, or give a folder.")  # fmt: skip
    return target.absolute()


def _identifiers(case, mapping):
    source = case.require("source")
    path = next(case.path(source, name) for name in source.files if not name.endswith(".json"))
    cleaner, dataset = Cleaner(mapping), Sources.readDicom(path)
    cleaner.clean(dataset)
    words = re.split(r"[\W_]+", f"{dataset.get('PatientName') or ''} {dataset.get('PatientID') or ''}")
    found = {*cleaner.identifiers, case.name, case.caseId, *(word for word in words if len(word) > 1)}
    return {one.casefold() for one in found}


@contextlib.contextmanager
def _privateFolder(case):
    """Yield a folder of mode 0700 in the case; what a kill leaves of it goes when the case is next opened to write."""
    folder = case.folder / f"{ASIDE_PREFIX}{KIND}-{uuid.uuid4().hex}"
    with namedWriteErrors(folder):
        folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _manifest(case, staging, code, partner, asked, answerBy, approved):
    own = ownPublicKey()
    return {
        "format": "planninghub-exchange-package",
        "version": 1,
        "code": code,
        # Two packages never have one hash, whatever is in them.
        "packageId": str(uuid.uuid4()),
        "made": utcNow(),
        "recipient": partner["name"],
        "asked": list(dict.fromkeys(asked)),
        "side": case.side,
        "answerBy": answerBy,
        "answerTo": [own] if own else [],
        "unit": "mm",
        "frame": "LPS",
        "approved": approved,
        "intendedUse": intendedUse(case),
        "files": [
            {"path": name, "sha256": sha256(path), "bytes": path.stat().st_size} for name, path in listed(staging)
        ],
    }


def _write(case, artefactId, staging, manifest, partner, stem, target, progress):
    """Encrypt aside, keep the record in the case, then give the file its name: no file is out that the case forgot."""
    data = encode(manifest)
    entries = [(f"{stem}/{README}", readmeText(manifest), ""), (f"{stem}/{FILE_NAMES[PACKAGE]}", data, "")]
    entries += [(f"{stem}/{one['path']}", staging / one["path"], one["sha256"]) for one in manifest["files"]]
    aside = target.parent / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    with namedWriteErrors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        digest = seal(tarPieces(entries, progress), aside, partner["ageRecipients"])
        departure = case.governance["departures"][-1]
        facts = {
            "departure": departure["number"], "packageSha256": digest, "manifestSha256": sha256Bytes(data),
            "bytes": aside.stat().st_size, "files": len(manifest["files"]), "side": case.side,
            "approved": manifest["approved"], "partnerKey": partner.get("publicKey"),
            "ageRecipients": partner["ageRecipients"],
        }  # fmt: skip
        parameters = {"recipient": partner["name"], "code": manifest["code"], "asked": manifest["asked"],
                      "answerBy": manifest["answerBy"]}  # fmt: skip
        left = [case.graph.current(one["id"]) for one in departure["artefacts"]]
        with case.staging(KIND, artefactId) as stage:
            (stage.folder / FILE_NAMES[PACKAGE]).write_bytes(data)
            stage.commit([one for one in left if one.kind in FOUNDATIONS], parameters, facts, versions("pyrage"),
                         f"Package for {partner['name']}")  # fmt: skip
        publish(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return {
        "file": str(target), "sha256": digest, "bytes": facts["bytes"], "code": manifest["code"],
        "recipient": partner["name"], "recipients": partner["ageRecipients"], "artefact": artefactId,
        "departure": facts["departure"], "manifest_sha256": facts["manifestSha256"], "files": facts["files"],
        "side": case.side, "approved": manifest["approved"], "asked": manifest["asked"],
        "answer_by": manifest["answerBy"],
    }  # fmt: skip


def _remarks(manifest):
    if not manifest["answerTo"]:
        yield Finding("no-answer-key", "warn", "This installation has no key, so the answer cannot be encrypted to it.",
                      "Make a key for the exchange, then send again.")  # fmt: skip
    if manifest["approved"] is False:
        yield Finding("not-approved", "warn", "The package is sent though nobody has signed for what is in it.",
                      "Approve the plan and send again, before anything is made of it.")  # fmt: skip
    if manifest["side"] is None:
        yield Finding("no-side", "warn", "The case does not state a side, so the answer's cannot be checked.",
                      "State the side in the request and send again.")  # fmt: skip
