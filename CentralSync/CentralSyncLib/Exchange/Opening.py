"""The partner's side: opening a package with a receipt for it, and making the answer to it."""

import shutil
import uuid
from pathlib import Path, PurePosixPath

from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Files import ASIDE_PREFIX, requireFree, sha256, stagedFolder
from PlanningHubLib.Locking import utcNow
from PlanningHubLib.Progress import noProgress, part
from PlanningHubLib.Requirements import ensure

from .AnswerFiles import requireFile
from .Archives import Limits, moveUp, tarPieces, unpack
from .Documents import ANSWER, FILE_NAMES, MODELS, PACKAGE, README, RECEIPT, encode, readDocument, signed
from .Sealing import publish, requireAbsent, seal, unseal
from .Whole import requireListed

# A package is as large as a case: DICOM series of thousands of slices.
LIMITS = Limits(files=100_000, bytes=64 << 30)


def openPackage(path, out, identities, signer=None, progress=noProgress):
    """Decrypt a package into a new folder of mode 0700, check every file, and write the receipt into it.

    :param identities: as :func:`CentralSyncLib.Exchange.Keys.identitiesOf` returns them
    :param signer: :class:`PlanningHubLib.Signing.UserKey` that signs the receipt, or None
    :returns: dictionary: ``folder``, ``code``, ``files``, ``receipt`` (path), ``signed``, what was asked for ...
    :raises InputRefused: ``already-there``, ``not-encrypted``, ``bad-exchange-file``, ``no-exchange-manifest``, as
        :func:`CentralSyncLib.Exchange.Archives.unpack`
    :raises GateRefused: ``wrong-key``
    :raises VerificationFailed: ``encrypted-file-damaged``, ``exchange-files-differ``
    """
    ensure("CentralSyncLib")
    path, out = Path(path), Path(out)
    requireFree(out)
    with stagedFolder(out) as folder:
        folder.chmod(0o700)
        digest = unsealInto(path, folder, identities, LIMITS, part(progress, 0.0, 0.7))
        if not moveUp(folder, FILE_NAMES[PACKAGE]):
            raise InputRefused("no-exchange-manifest", f"{path.name} holds no package of an exchange.",
                               "Ask the sender what it is.", [path])  # fmt: skip
        manifest = readDocument(folder / FILE_NAMES[PACKAGE], PACKAGE)
        requireListed(folder, manifest["files"], (FILE_NAMES[PACKAGE], README), part(progress, 0.7, 1.0))
        statement = {
            "format": "planninghub-exchange-receipt",
            "version": 1,
            "code": manifest["code"],
            "packageSha256": digest,
            "manifestSha256": sha256(folder / FILE_NAMES[PACKAGE]),
            "files": len(manifest["files"]),
            "opened": utcNow(),
        }
        (folder / FILE_NAMES[RECEIPT]).write_bytes(encode(signed(statement, signer)))
    names = {"code": "code", "side": "side", "asked": "asked", "answerBy": "answer_by", "approved": "approved"}
    return {
        "folder": str(out.absolute()), "receipt": str(out.absolute() / FILE_NAMES[RECEIPT]),
        "signed": signer is not None, "files": statement["files"], "sha256": digest,
        "manifest_sha256": statement["manifestSha256"], **{name: manifest[key] for key, name in names.items()},
    }  # fmt: skip


def unsealInto(path, folder, identities, limits, progress=noProgress):
    """Decrypt a file and take its archive out into a folder; return the encrypted file's SHA-256.

    The archive itself lies beside what is taken out while this runs, and never longer.
    """
    if path.is_file() and path.stat().st_size > 2 * limits.bytes:
        raise InputRefused("exchange-too-large", f"{path} is too large.", "Ask the sender what it is.", [path])
    archive = folder / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    inside = folder / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    progress(0.0, "Decrypting")
    try:
        digest = unseal(path, archive, identities)
        inside.mkdir(mode=0o700)
        unpack(archive, inside, limits, part(progress, 0.5, 1.0))
    finally:
        archive.unlink(missing_ok=True)
    for one in list(inside.iterdir()):
        shutil.move(one, folder / one.name)
    inside.rmdir()
    return digest


def makeAnswer(folder, files, side, out, unit=None, frame=None, signer=None, progress=noProgress):
    """Write the encrypted answer to an opened package; return what was written.

    :param folder: as :func:`openPackage` made it
    :param files: list of (kind, path)
    :param side: for which side it was made; it has to be the package's
    :param unit: ``mm``, of all shapes but 3MF
    :param frame: ``LPS`` or ``RAS``, of all shapes
    :param signer: :class:`PlanningHubLib.Signing.UserKey` or None
    :raises UsageError: ``other-side``, ``no-answer-files``, ``same-file-name``
    :raises InputRefused: ``bad-exchange-file``, ``no-answer-key``, ``already-there``, ``no-unit``, ``no-frame``,
        ``answer-file-refused`` ...
    """
    ensure("CentralSyncLib")
    folder, target = Path(folder), Path(out).absolute()
    manifest = readDocument(folder / FILE_NAMES[PACKAGE], PACKAGE)
    _requireAnswer(manifest, files, side)
    target = target / f"{manifest['code']}-answer.tar.age" if target.is_dir() else target
    requireAbsent(target)
    records = [_record(kind, Path(path), unit, frame) for kind, path in files]
    statement = {
        "format": "planninghub-exchange-answer",
        "version": 1,
        "code": manifest["code"],
        "manifestSha256": sha256(folder / FILE_NAMES[PACKAGE]),
        "side": side,
        "made": utcNow(),
        "files": records,
    }
    stem = f"{manifest['code']}-answer"
    entries = [(f"{stem}/{FILE_NAMES[ANSWER]}", encode(signed(statement, signer)), "")]
    entries += [(f"{stem}/{one['path']}", Path(path), one["sha256"])
                for one, (_kind, path) in zip(records, files, strict=True)]  # fmt: skip
    aside = target.parent / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    try:
        digest = seal(tarPieces(entries, progress), aside, manifest["answerTo"])
        publish(aside, target)
    finally:
        aside.unlink(missing_ok=True)
    return {"file": str(target), "sha256": digest, "code": manifest["code"], "side": side,
            "signed": signer is not None, "files": records}  # fmt: skip


def _requireAnswer(manifest, files, side):
    if not manifest["answerTo"]:
        raise InputRefused("no-answer-key", "The package names no key to which an answer could be encrypted.",
                           "Ask the hospital for its public key, and for the package anew.")  # fmt: skip
    if side != manifest["side"]:
        raise UsageError("other-side", f"The package is of the side {manifest['side'] or 'that is not stated'}, the "
                         f"answer of {side or 'none'}.", "State the side for which it was made.")  # fmt: skip
    names = [Path(path).name.casefold() for _kind, path in files]
    if not names:
        raise UsageError("no-answer-files", "The answer has no files.", "Name its files.")
    if len(set(names)) != len(names) or FILE_NAMES[ANSWER] in names:
        raise UsageError("same-file-name", "Two files of the answer would have one name.", "Rename one of them.")


def _record(kind, path, unit, frame):
    """Return what the answer says of a file, which has to be what the hospital will take."""
    try:
        record = {"path": path.name, "kind": kind, "bytes": path.stat().st_size, "sha256": sha256(path)}
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    if kind in MODELS:
        ownUnit = PurePosixPath(path.name).suffix.lower() == ".3mf"
        record |= {key: value for key, value in (("unit", None if ownUnit else unit), ("frame", frame)) if value}
    requireFile(record, path)
    return record
