"""Source files that stay where they lie: the case keeps their SHA-256, and beside the revision their place.

The place may hold a patient's name (``/export/DOE^JO/``), so it stands in a hidden file that is no part of the
artefact: neither ``case.json`` nor the audit log knows it, and stores, packages and de-identified copies, which take
an artefact's files, never get it.
"""

import functools
import json
import os
from pathlib import Path

from .Errors import Finding, GateRefused, InputRefused
from .Files import sha256, writeAside

FILE_NAME = ".references.json"
FORMAT = "planninghub-references"
PARAMETER = "reference"
SCANNED_FOLDER = "dicom"


def cannotReference(source):
    """Return the refusal of a source that lies nowhere by itself."""
    return InputRefused(
        "cannot-reference",
        f"{source} is unpacked or retrieved for the import only, so a case cannot refer to it.",
        "Import it without reference, or unpack it to a place where it stays.",
    )


def requireOutside(paths, caseFolder):
    """Refuse to refer to files within the case itself: they would go with it.

    :raises InputRefused: ``cannot-reference``
    """
    inside = [path for path in paths if Path(path).resolve().is_relative_to(Path(caseFolder).resolve())]
    if inside:
        raise InputRefused("cannot-reference", "The images lie in the case's own folder.",
                           "Import them without reference.", inside[:1])  # fmt: skip


def writeReferences(revisionFolder, places):
    """Write down where files lie.

    :param places: name in the artefact -> path
    """
    absolute = {name: os.path.abspath(path) for name, path in places.items()}
    folder = os.path.commonpath([os.path.dirname(path) for path in absolute.values()])
    files = {name: os.path.relpath(path, folder) for name, path in absolute.items()}
    text = json.dumps({"format": FORMAT, "version": 1, "folder": folder, "files": files}, indent=1)
    writeAside(Path(revisionFolder) / FILE_NAME, text.encode())


def putBack(case, places, user=None):
    """Refer to the same files at another place, where the newest source's are no longer where they were.

    The artefact stays the one it is, approved or not: it is the same content.

    :param case: open for writing
    :param places: name in the artefact -> path, for all of its scanned files
    :returns: the source artefact; None where its files are in place, or these are other ones
    """
    source = case.latest("source")
    if source is None or not source.parameters.get(PARAMETER):
        return None
    scanned = {name: record for name, record in source.files.items() if name.startswith(f"{SCANNED_FOLDER}/")}
    damaged = set(case.damagedFiles(source))
    if not damaged or not damaged <= set(scanned) or set(scanned) != set(places):
        return None
    if any(not _holds(places[name], record) for name, record in scanned.items()):
        return None
    writeReferences(case.artefactFolder(source), places)
    case.record("source-put-back", {"artefact": source.id, "revision": source.revision}, user)
    return source


def _holds(path, record):
    try:
        return Path(path).stat().st_size == record.bytes and sha256(path) == record.sha256
    except OSError:
        return False


def placeOf(revisionFolder, name):
    """Return where a file of a referenced artefact lies: in the case (a restored one has it), or at its own place."""
    inside = revisionFolder / name
    if inside.is_file():
        return inside
    path = revisionFolder / FILE_NAME
    try:
        place = _places(str(path), path.stat().st_mtime_ns).get(name)
    except OSError:
        place = None
    return place or inside


@functools.lru_cache(maxsize=64)
def _places(path, _changed):
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
        return {name: Path(values["folder"], place) for name, place in values["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def isOutside(case, artefact, name):
    """Tell whether a file should be, and is not, found in the case itself."""
    isScanned = bool(artefact.parameters.get(PARAMETER)) and name.startswith(f"{SCANNED_FOLDER}/")
    return isScanned and not (case.artefactFolder(artefact) / name).is_file()


def outsideFinding(case, artefact, name):
    """Return the finding on a referenced file that is not what was imported; None where the file is the case's own."""
    if not isOutside(case, artefact, name):
        return None
    path = case.path(artefact, name)
    if path.is_file():
        return Finding("source-changed-outside", "reject", f"{path} is not what was imported; the case refers to it.",
                       "Put the original back, or import the series again.", (path,))  # fmt: skip
    return Finding("source-moved", "reject", f"{path} is no longer there; the case refers to it.",
                   "Put it back, or import it again by reference from where it lies now.", (path,))  # fmt: skip


def requireInPlace(case, artefact):
    """Check, without reading them, that the files a case refers to are where and as long as they were.

    :raises GateRefused: ``source-moved``, ``source-changed-outside``
    """
    for name, record in artefact.files.items():
        if isOutside(case, artefact, name):
            path = case.path(artefact, name)
            if not path.is_file() or path.stat().st_size != record.bytes:
                _refuse(outsideFinding(case, artefact, name))


def refuseDamaged(case, artefacts):
    """Refuse the first damaged file that the case only refers to: what was made from it is only stale because of it.

    :raises GateRefused: ``source-moved``, ``source-changed-outside``
    """
    for artefact in artefacts:
        if artefact.parameters.get(PARAMETER):
            for finding in (outsideFinding(case, artefact, name) for name in case.damagedFiles(artefact)):
                if finding:
                    _refuse(finding)


def _refuse(finding):
    raise GateRefused(finding.code, finding.message, finding.action, finding.files)
