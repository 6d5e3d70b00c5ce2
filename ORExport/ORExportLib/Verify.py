"""Whether a package is whole, unchanged and of one patient; needs nothing but its folder."""

import os
from pathlib import Path

from PlanningHubLib.Errors import Finding, InputRefused, VerificationFailed, firstRejection
from PlanningHubLib.Files import sha256
from PlanningHubLib.Progress import noProgress

from .ApprovalsFile import checkApprovals
from .Dicom.EncapsulatedDocument import LATERALITY, encapsulatedBytes
from .Manifest import FILE_NAME, baseRole, readManifest
from .PlanFiles import checkPlan, partsIn
from .Writer import namePrefix

SEGMENTATION = "segmentation-dicom"
MODEL = "model-dicom"
STL = "model-stl"
THREE_MF = "model-3mf"
BRIEFING = "briefing-dicom"
PDF = "briefing-pdf"
ROLES = (SEGMENTATION, MODEL, STL, THREE_MF, BRIEFING, PDF)
OBJECT_NAMES = ("segmentation", "part", "briefing")
ENCAPSULATES = {MODEL: STL, BRIEFING: PDF}
SAME_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID")
DO_NOT_USE = "Do not use this package; fetch it again from where it was made."


def isPackage(folder):
    """Tell whether a folder holds a package, be it one that has lost its manifest."""
    folder = Path(folder)
    return (folder / FILE_NAME).is_file() or any(any(folder.glob(f"PH-*-{name}*.dcm")) for name in OBJECT_NAMES)


def verifyPackage(folder, progress=noProgress):
    """Check a package from its folder alone.

    :returns: list of findings, each naming its files; a package without a rejecting one is whole
    :raises InputRefused: ``no-folder``
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputRefused("no-folder", f"There is no folder {folder}.", "Give the folder of a package.", [folder])
    try:
        manifest = readManifest(folder)
    except VerificationFailed as error:
        return [error.asFinding()]
    findings = _checkFiles(folder, manifest["files"], progress)
    findings += _checkExtras(folder, manifest["files"])
    findings += _checkNames(folder, manifest)
    damaged = {file for finding in findings for file in finding.files}
    findings += _checkObjects(folder, manifest, damaged)
    findings += checkPlan(folder, manifest, {str(path) for path in damaged})
    findings += checkApprovals(folder, manifest)
    progress(1.0, "Verified")
    return findings


def requireWhole(folder, progress=noProgress):
    """Raise the first rejecting finding of :func:`verifyPackage`.

    :raises VerificationFailed: with the finding's code
    """
    finding = firstRejection(verifyPackage(folder, progress))
    if finding:
        raise VerificationFailed(finding.code, finding.message, finding.action, finding.files)


def _reject(code, message, *paths):
    return Finding(code, "reject", message, DO_NOT_USE, tuple(paths))


def _checkFiles(folder, records, progress):
    findings = []
    for number, record in enumerate(records):
        progress(number / len(records), record["path"])
        path = folder / record["path"]
        if _passesLink(folder, path):
            findings.append(_reject("link-in-package", f"{record['path']} is a link, not a file.", path))
        elif not path.is_file():
            findings.append(_reject("file-missing", f"{record['path']} is missing.", path))
        elif not _isUnchanged(path, record):
            findings.append(_reject("file-changed", f"{record['path']} was changed.", path))
    return findings


def _passesLink(folder, path):
    return any(one.is_symlink() for one in (path, *path.parents) if one != folder and folder in one.parents)


def _isUnchanged(path, record):
    try:
        return path.stat().st_size == record["bytes"] and sha256(path) == record["sha256"]
    except OSError:
        return False


def _checkExtras(folder, records):
    listed = {FILE_NAME, *(record["path"] for record in records)}
    findings = []
    for root, folders, names in os.walk(folder):
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        for name in sorted(names + links):
            path = Path(root) / name
            inside = path.relative_to(folder).as_posix()
            if inside not in listed:
                findings.append(_reject("file-extra", f"{inside} does not belong to the package.", path))
    return findings


def _checkNames(folder, manifest):
    """Every name begins with the case's code and, from version 4 on, says where the package is not approved."""
    code = manifest["case"]["code"]
    marked = namePrefix(code, isApproved=False)
    isMarked = manifest["version"] > 3 and not manifest["approved"]
    findings = []
    for record in manifest["files"]:
        path = folder / record["path"]
        if not path.name.startswith(f"{code}-"):
            text = f"{record['path']} does not bear the case's code {code}."
            findings.append(_reject("case-code-differs", text, path))
        elif path.name.startswith(f"{marked}-") != isMarked:
            text = f"{record['path']} says otherwise than the manifest whether it is approved."
            findings.append(_reject("mark-differs", text, path))
    missing = [role for role in ROLES if [record["role"] for record in manifest["files"]].count(role) != 1]
    if missing:
        findings.append(_reject("package-incomplete", f"The package lacks: {', '.join(missing)}.", folder / FILE_NAME))
    return findings


def _checkObjects(folder, manifest, damaged):
    """Compare the DICOM objects with the manifest, with each other and with the plain files."""
    paths = {record["role"]: folder / record["path"] for record in manifest["files"]}
    findings, objects = [], {}
    for record in manifest["files"]:
        path = folder / record["path"]
        if "sopClassUid" not in record or path in damaged:
            continue
        dataset = _readObject(path)
        if dataset is None:
            findings.append(_reject("dicom-unreadable", f"{record['path']} is not a readable DICOM object.", path))
            continue
        objects[record["role"]] = dataset
        findings += _checkIdentifiers(path, record, dataset)
        findings += _checkSide(path, manifest["case"]["side"], dataset)
    parts = _partOfRole(manifest)
    findings += _checkSamePatient(paths, objects, parts)
    for role, part in parts.items():
        if role in objects:
            findings += _checkFlags(paths[role], objects[role], objects.get(SEGMENTATION), part)
    for role, dataset in objects.items():
        plainRole = role.replace(baseRole(role), ENCAPSULATES.get(baseRole(role), ""))
        if baseRole(role) in ENCAPSULATES and plainRole not in paths:
            findings.append(_reject("package-incomplete", f"The package lacks: {plainRole}.", paths[role]))
        if plainRole in paths and paths[plainRole] not in damaged:
            findings += _checkEncapsulated(paths[role], dataset, paths[plainRole])
    return findings


def _partOfRole(manifest):
    """Return role of a model → what the manifest says of the part that it is of."""
    parts = partsIn(manifest)
    byId = {one.get("id"): one for one in parts}
    return {
        record["role"]: byId.get(record.get("part"), parts[0])
        for record in manifest["files"]
        if baseRole(record["role"]) == MODEL
    }


def _readObject(path):
    import pydicom

    try:
        dataset = pydicom.dcmread(path)
        return dataset if all(keyword in dataset for keyword in ("SOPClassUID", "SOPInstanceUID")) else None
    except Exception:  # noqa: BLE001 - a parser fed with anything may raise anything
        return None


def _checkIdentifiers(path, record, dataset):
    if (dataset.SOPClassUID, dataset.SOPInstanceUID) == (record["sopClassUid"], record["sopInstanceUid"]):
        return []
    return [_reject("identity-differs", f"{record['path']} is another DICOM object than the manifest says.", path)]


def _checkSide(path, side, dataset):
    # A Segmentation has no Image Laterality.
    if "EncapsulatedDocument" not in dataset or dataset.get("ImageLaterality") == LATERALITY.get(side):
        return []
    return [_reject("side-differs", f"{path.name} is for another side than the manifest says.", path)]


def _checkFlags(path, dataset, segmentation, part):
    """What was mirrored, altered or moved must say so (PS3.3 C.35.1)."""
    wanted = {"ModelMirroring": part["mirrored"], "ModelModification": part["modified"]}
    wrong = [keyword for keyword, flag in wanted.items() if dataset.get(keyword) != ("YES" if flag else "NO")]
    if part["moved"] and segmentation is not None:
        frames = {one.get("FrameOfReferenceUID") for one in (dataset, segmentation)}
        wrong += ["FrameOfReferenceUID"] if len(frames) == 1 else []
    if not wrong:
        return []
    return [_reject("flags-differ", f"{path.name} says otherwise in {', '.join(wrong)} than the manifest.", path)]


def _checkSamePatient(paths, objects, parts):
    if SEGMENTATION not in objects:
        return []
    first = objects[SEGMENTATION]
    findings = []
    for role, dataset in objects.items():
        keywords = SAME_PATIENT + (("FrameOfReferenceUID",) if role in parts and not parts[role]["moved"] else ())
        differing = [keyword for keyword in keywords if dataset.get(keyword) != first.get(keyword)]
        if differing:
            message = f"{paths[role].name} and {paths[SEGMENTATION].name} differ in {', '.join(differing)}."
            findings.append(_reject("identity-differs", message, paths[role], paths[SEGMENTATION]))
    return findings


def _checkEncapsulated(path, dataset, plainPath):
    if encapsulatedBytes(dataset) == plainPath.read_bytes():
        return []
    message = f"The document inside {path.name} is not {plainPath.name}."
    return [_reject("document-differs", message, path, plainPath)]
