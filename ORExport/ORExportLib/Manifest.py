"""The package's manifest: what is in it, whose it is, what it was made from; and a hash over itself.

The hash shows damage, not forgery: that the signatures in the approvals file show.
"""

import datetime
import importlib.resources
import json
import re
from pathlib import Path

from PlanningHubLib.Consent import DOCUMENT, standingConsent
from PlanningHubLib.Errors import VerificationFailed
from PlanningHubLib.Files import sha256, sha256Bytes
from PlanningHubLib.Requirements import ensure
from PlanningHubLib.VerdictFacts import readFacts

from .PlanFiles import partOf

# What follows in the role of the second piece of a part and those after it, with its number.
PIECE_MARK = ":"
FILE_NAME = "manifest.json"
FORMAT = "planninghub-package"
VERSION = 4
SAFE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
# Far above any manifest, far below what parsing would take a machine down.
LARGEST_BYTES = 16 * 1024 * 1024
GATE_KEYS = ("code", "severity", "message", "action")


def roleOfPiece(role, number):
    """Return the role of the file of one of a part's pieces; the first has that of a part in one piece."""
    return role if number == 1 else f"{role}{PIECE_MARK}{number}"


def baseRole(role):
    """Return a role without the number of the piece."""
    return role.partition(PIECE_MARK)[0]


def fileRecord(path, role, dataset=None, folder=None, part=None):
    """Return the manifest's record of a file in the package's folder, with the identifiers of its DICOM object.

    :param folder: of the package, where the file does not lie in it directly
    :param part: ID of the part that it is of
    """
    path = Path(path)
    name = path.relative_to(folder).as_posix() if folder else path.name
    record = {"path": name, "sha256": sha256(path), "bytes": path.stat().st_size, "role": role}
    if dataset is not None:
        record |= {"sopClassUid": str(dataset.SOPClassUID), "sopInstanceUid": str(dataset.SOPInstanceUID)}
    return record | ({"part": part} if part else {})


def artefactRecord(artefact):
    """Return the manifest's record of an artefact of the case, with its parents' content as it was."""
    return {
        "id": artefact.id,
        "kind": artefact.kind,
        "revision": artefact.revision,
        "content": artefact.content,
        "parents": [{"id": parent.id, "content": parent.content} for parent in artefact.parents],
    }


def manifestValues(content, files, leftOut=()):
    """Return the manifest as a dictionary.

    :param content: :class:`ORExportLib.Content.Content`
    :param files: records of :func:`fileRecord`
    :param leftOut: names of optional contents that are not there
    """
    case, making = content.case, content.making
    return {
        "format": FORMAT,
        "version": VERSION,
        "case": {"id": case.caseId, "code": case.name, "side": case.side, "procedure": case.procedure},
        "createdUtc": making.when.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "approved": making.isApproved,
        "intendedUse": content.intendedUse,
        "sourceDate": _scanDay(content.geometry.headers),
        **_consent(case),
        "software": {name: str(version) for name, version in making.software.items()},
        "artefacts": [artefactRecord(artefact) for artefact in content.inputs.artefacts],
        "parts": [{"id": one.id, **partOf(one)} for one in content.inputs.parts],
        "gate": [{key: finding.asDict()[key] for key in GATE_KEYS} for finding in content.findings],
        "leftOut": sorted(leftOut),
        "files": files,
    }


def _consent(case):
    """Return on what consent the package leaves; nothing where none stands."""
    consent = standingConsent(case, "treatment")
    named = ("scope", "basis", "given")
    return {"consent": {"basis": DOCUMENT, **{key: consent[key] for key in named if key in consent}}} if consent else {}


def _scanDay(headers):
    """Return the day of the scan that the gate judged, ISO 8601; None where the scan is not dated."""
    day = readFacts(headers).scanDate
    return day.isoformat() if day else None


def encode(values):
    """Return the manifest's bytes; only these bytes are this manifest, down to the last space."""
    plain = {name: value for name, value in values.items() if name != "sha256"}
    return _text({**plain, "sha256": sha256Bytes(_text(plain))})


def _text(values):
    return (json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode("utf-8")


def readManifest(folder):
    """Return the checked manifest of a package.

    :raises VerificationFailed: ``manifest-missing``, ``manifest-unreadable``, ``package-too-new``,
        ``manifest-invalid``, ``unsafe-path`` or ``manifest-changed``
    """
    path = Path(folder) / FILE_NAME
    data = _bytes(path)
    values = _parsed(data, path)
    version = values.get("version")
    if isinstance(version, int) and version > VERSION:
        raise _refused(
            "package-too-new",
            f"The package has format version {version}; this software knows up to {VERSION}.",
            path,
            "Update the software.",
        )
    _checkPaths(values, path)
    if not _isAsWritten(values, data):
        raise _refused("manifest-changed", f"{FILE_NAME} is not what was written.", path)
    _checkSchema(values, path)
    return values


def _bytes(path):
    if path.is_symlink() or not path.is_file():
        raise _refused("manifest-missing", f"There is no {FILE_NAME} in {path.parent}.", path)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise _refused("manifest-unreadable", f"{FILE_NAME} is too large to be a manifest.", path)
        return path.read_bytes()
    except OSError as error:
        raise _refused("manifest-unreadable", f"{FILE_NAME} cannot be read: {error.strerror}.", path) from error


def _parsed(data, path):
    try:
        values = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refused("manifest-unreadable", f"{FILE_NAME} is not JSON.", path) from error
    if not isinstance(values, dict):
        raise _refused("manifest-unreadable", f"{FILE_NAME} is not a manifest.", path)
    return values


def _isAsWritten(values, data):
    try:
        return encode(values) == data
    except (ValueError, RecursionError):
        return False


def _checkPaths(values, path):
    files = values.get("files")
    names = [file.get("path") for file in files if isinstance(file, dict)] if isinstance(files, list) else []
    for name in names:
        if not isinstance(name, str) or not SAFE_PATH.fullmatch(name) or name == FILE_NAME:
            raise _refused("unsafe-path", f"{FILE_NAME} names a path that leads elsewhere: {name!r}.", path)
    if len({name.lower() for name in names}) != len(names):
        raise _refused("manifest-invalid", f"{FILE_NAME} names a file twice.", path)


def _checkSchema(values, path):
    # A package may be verified where nothing of the suite ran before; jsonschema is the shared domain's.
    ensure("PlanningHubLib")
    import jsonschema

    errors = jsonschema.Draft202012Validator(schema(values.get("version"))).iter_errors(values)
    worst = jsonschema.exceptions.best_match(errors)
    if worst is not None:
        raise _refused("manifest-invalid", f"{FILE_NAME} is not valid at {worst.json_path}.", path)


def schema(version=VERSION):
    """Return the JSON Schema of manifests of a version; that of the newest for what is no version."""
    version = version if type(version) is int and 0 < version < VERSION else VERSION
    name = f"package-{version}.schema.json"
    return json.loads((importlib.resources.files(__package__) / "Schemas" / name).read_bytes())


def _refused(code, message, path, action="Fetch the package again from where it was made; do not use this copy."):
    return VerificationFailed(code, message, action, [path])
