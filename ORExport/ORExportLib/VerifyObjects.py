"""Whether the DICOM objects of a package are of one patient and one side, and what the manifest says of them."""

from .Dicom.EncapsulatedDocument import LATERALITY, encapsulatedBytes
from .Dicom.KeyObjects import selectedInstances
from .Manifest import baseRole
from .PlanFiles import partsIn
from .VerifyFiles import rejected

SEGMENTATION, MODEL, BRIEFING, SELECTION = "segmentation-dicom", "model-dicom", "briefing-dicom", "selection-dicom"
ENCAPSULATES = {MODEL: "model-stl", BRIEFING: "briefing-pdf"}
SAME_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID")
# Where an object says whether it rests on an approval.
DESCRIPTIONS = ("SeriesDescription", "ContentDescription", "DocumentTitle", "ImageComments", "DerivationDescription")
NOT_APPROVED = "not approved"
# Of images thousands of elements are of no use here.
NEEDED = (
    "SOPClassUID", "SOPInstanceUID", *SAME_PATIENT, "FrameOfReferenceUID", "ImageLaterality", "Laterality",
    "ModelMirroring", "ModelModification", "EncapsulatedDocument", "EncapsulatedDocumentLength", *DESCRIPTIONS,
    "ContentSequence", "SourceInstanceSequence", "SpecificCharacterSet",
)  # fmt: skip


def objectFindings(folder, manifest, damaged):
    """Compare the DICOM objects with the manifest, with each other and with the plain files.

    :param damaged: paths that were found damaged already
    :returns: findings, and role → dataset of those that could be read
    """
    paths = {record["role"]: folder / record["path"] for record in manifest["files"]}
    findings, objects = [], {}
    for record in manifest["files"]:
        path = folder / record["path"]
        if "sopClassUid" not in record or path in damaged:
            continue
        dataset = _readObject(path)
        if dataset is None:
            findings.append(rejected("dicom-unreadable", f"{record['path']} is not a readable DICOM object.", path))
            continue
        objects[record["role"]] = dataset
        findings += _identifierFindings(path, record, dataset)
        findings += _sideFindings(path, manifest["case"]["side"], dataset, baseRole(record["role"]) in ENCAPSULATES)
        findings += _markFindings(path, manifest, dataset)
    parts = _partOfRole(manifest)
    findings += _patientFindings(paths, objects, parts)
    for role in parts.keys() & objects.keys():
        findings += _flagFindings(paths[role], objects[role], objects.get(SEGMENTATION), parts[role])
    for role, dataset in objects.items():
        findings += _documentFindings(role, dataset, paths, damaged)
    if SELECTION in objects:
        findings += _selectionFindings(paths[SELECTION], objects, manifest)
    return findings, objects


def _readObject(path):
    import pydicom

    try:
        dataset = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(NEEDED))
        return dataset if all(keyword in dataset for keyword in ("SOPClassUID", "SOPInstanceUID")) else None
    except Exception:  # noqa: BLE001 - a parser fed with anything may raise anything
        return None


def _partOfRole(manifest):
    """Return role of a model → what the manifest says of the part that it is of."""
    parts = partsIn(manifest)
    byId = {one.get("id"): one for one in parts}
    return {
        record["role"]: byId.get(record.get("part"), parts[0])
        for record in manifest["files"]
        if baseRole(record["role"]) == MODEL
    }


def _identifierFindings(path, record, dataset):
    if (dataset.SOPClassUID, dataset.SOPInstanceUID) != (record["sopClassUid"], record["sopInstanceUid"]):
        yield rejected("identity-differs", f"{path.name} is another DICOM object than the manifest says.", path)


def _sideFindings(path, side, dataset, mustSay):
    """What must say the side says the case's; of other objects what they say must not be the other side."""
    wanted = LATERALITY.get(side)
    if mustSay:
        isOther = dataset.get("ImageLaterality") != wanted
    else:
        stated = {dataset.get(keyword) for keyword in ("ImageLaterality", "Laterality")} & {"L", "R"}
        isOther = wanted in ("L", "R") and bool(stated - {wanted})
    if isOther:
        yield rejected("side-differs", f"{path.name} is for another side than the manifest says.", path)


def _markFindings(path, manifest, dataset):
    """From version 4 on every object says in words whether it rests on an approval."""
    text = " ".join(str(dataset.get(keyword) or "") for keyword in DESCRIPTIONS).casefold().replace("-", " ")
    if manifest["version"] > 3 and (NOT_APPROVED in text) is manifest["approved"]:
        text = f"{path.name} says otherwise than the manifest whether it is approved."
        yield rejected("mark-differs", text, path)


def _flagFindings(path, dataset, segmentation, part):
    """What was mirrored, altered or moved must say so (PS3.3 C.35.1)."""
    wanted = {"ModelMirroring": part["mirrored"], "ModelModification": part["modified"]}
    wrong = [keyword for keyword, flag in wanted.items() if dataset.get(keyword) != ("YES" if flag else "NO")]
    if part["moved"] and segmentation is not None:
        frames = {one.get("FrameOfReferenceUID") for one in (dataset, segmentation)}
        wrong += ["FrameOfReferenceUID"] if len(frames) == 1 else []
    if wrong:
        yield rejected("flags-differ", f"{path.name} says otherwise in {', '.join(wrong)} than the manifest.", path)


def _patientFindings(paths, objects, parts):
    first = objects.get(SEGMENTATION)
    for role, dataset in objects.items() if first is not None else ():
        keywords = SAME_PATIENT + (("FrameOfReferenceUID",) if role in parts and not parts[role]["moved"] else ())
        differing = [keyword for keyword in keywords if dataset.get(keyword) != first.get(keyword)]
        if differing:
            message = f"{paths[role].name} and {paths[SEGMENTATION].name} differ in {', '.join(differing)}."
            yield rejected("identity-differs", message, paths[role], paths[SEGMENTATION])


def _documentFindings(role, dataset, paths, damaged):
    """The document inside an object is the plain file beside it, of each piece."""
    plainRole = role.replace(baseRole(role), ENCAPSULATES.get(baseRole(role), ""))
    if baseRole(role) not in ENCAPSULATES:
        return
    if plainRole not in paths:
        # That of the only piece is missed by name already.
        if plainRole != baseRole(plainRole):
            yield rejected("package-incomplete", f"The package lacks: {plainRole}.", paths[role])
    elif paths[plainRole] not in damaged and encapsulatedBytes(dataset) != paths[plainRole].read_bytes():
        message = f"The document inside {paths[role].name} is not {paths[plainRole].name}."
        yield rejected("document-differs", message, paths[role], paths[plainRole])


def _selectionFindings(path, objects, manifest):
    """The key objects are every other object of the package, and beside them the scan's images alone."""
    selection = objects[SELECTION]
    own = {one["sopInstanceUid"] for one in manifest["files"] if "sopInstanceUid" in one} - {selection.SOPInstanceUID}
    listed = set(selectedInstances(selection))
    # Where the briefing is damaged, which images the scan has is not known.
    briefing = objects.get(BRIEFING)
    scan = listed if briefing is None else _sourceUids(briefing)
    if own - listed or listed - own - scan:
        yield rejected("key-objects-differ", f"{path.name} lists other objects than the package holds.", path)


def _sourceUids(dataset):
    return {str(one.get("ReferencedSOPInstanceUID")) for one in dataset.get("SourceInstanceSequence") or ()}
