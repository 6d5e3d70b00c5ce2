"""What there is to be copied: the current objects of a case, or everything in a folder."""

import dataclasses
import os
from pathlib import Path

from . import DeidentifyRules as Rules
from .Artefacts import KINDS
from .Case import Case, isCase
from .DecodeWorker import DecodeWorker
from .DicomScan import readHeaders
from .Errors import GateRefused, InputRefused
from .Identity import patientCode
from .Planning.Plan import variants
from .Progress import noProgress, part
from .SliceHeader import FRAME_CLASSES

# Newest artefacts that are copied, and how the files of the others are named in the report.
COPIED_KINDS = ("source", "segmentation", "plan", "part", "package", "outcome")
# Their files make sense together only, and are written so.
TOLD_KINDS = ("plan", "outcome")
DICOM_MARK_OFFSET = 128
NOT_DRAWN = "its pages are free text and name the case; nothing here draws it anew from what may stand in a copy"
# In the names of a package's files that is not approved.
NOT_APPROVED = "NOT-APPROVED"
SECONDARY_CAPTURES = "1.2.840.10008.5.1.4.1.1.7"


@dataclasses.dataclass
class Found:
    """The paths of a source by kind, and what is left out: pairs of what it is and why, never by its own name.

    ``documents``: kind and path of each file that is drawn anew; ``artefacts``: those of a case that are copied;
    ``owners``: path of a file -> id of the artefact that it is of.
    """

    patientCode: str = ""
    dicom: list = dataclasses.field(default_factory=list)
    surfaces: list = dataclasses.field(default_factory=list)
    labelmaps: list = dataclasses.field(default_factory=list)
    documents: list = dataclasses.field(default_factory=list)
    leftOut: list = dataclasses.field(default_factory=list)
    artefacts: list = dataclasses.field(default_factory=list)
    owners: dict = dataclasses.field(default_factory=dict)

    def leave(self, what, reason):
        self.leftOut.append((what, reason))


def find(source, keyRing, case=None, progress=noProgress, documents=()):
    """Return what a case or a folder holds.

    :param case: the open :class:`PlanningHubLib.Case.Case` where the source is one
    :param documents: kinds of documents that can be drawn anew
    :raises InputRefused: ``no-source``, ``no-dicom``, ``two-patients``, ``no-patient-id``, ``cannot-read``; for files
        of a folder ``damaged-header``, ``hostile-file``, ``nested-too-deep``, ``deflate-bomb``
    :raises GateRefused: ``damaged-…``
    """
    source = Path(source)
    if not source.exists():
        raise InputRefused("no-source", f"{source} does not exist.", "Choose a case or a folder.", [source])
    found = Found()
    if case:
        _fromCase(case, found, documents)
    else:
        for path in _filesOf(source):
            _sort(path, found)
    if not found.dicom:
        raise InputRefused("no-dicom", f"There is no DICOM in {source}.", "Choose a case or a DICOM folder.", [source])
    if not case:
        # What a case holds was read this way when it was imported or made.
        _requireHarmless(found.dicom, part(progress, 0.0, 0.5))
    code = _patientOf(found.dicom, keyRing, part(progress, 0.5, 1.0))
    if case and code != case.patientCode:
        raise GateRefused("other-patient", "The images in the case are of another patient.", "Restore the case.")
    found.patientCode = code
    return found


def openCase(source):
    """Return the case in a folder, open for writing so that the copy can be audited, or None where it is no case."""
    return Case.open(source, writable=True) if isCase(source) else None


def _filesOf(source):
    if source.is_file():
        return [source]
    found = (Path(root) / name for root, _folders, names in os.walk(source) for name in names)
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def _fromCase(case, found, documents):
    for kind in KINDS:
        latest = case.latest(kind)
        if latest is None:
            continue
        if kind not in COPIED_KINDS:
            found.leave(f"{kind} of the case", "no rule says what of it may be kept")
            continue
        for artefact in variants(case) if kind == "plan" else [latest]:
            _fromArtefact(case, artefact, found, documents)
    found.leave("audit log and case file", "they are the case's own; manifest.json says what this copy is")


def _fromArtefact(case, artefact, found, documents):
    state = case.state(artefact)
    if state == "damaged":
        case.requireCurrent(artefact)
    if state == "stale":
        found.leave(f"{artefact.kind} of the case", "it is stale")
        return
    found.artefacts.append(artefact)
    for name in artefact.files:
        path = case.path(artefact, name)
        found.owners[path] = artefact.id
        if artefact.kind in TOLD_KINDS:
            continue
        if path.suffix.lower() == ".pdf" and documentKind(path, case) in documents:
            found.documents.append((documentKind(path, case), path))
        else:
            _sort(path, found, isCopied=artefact.kind == "package")


def documentKind(path, case):
    """Return the kind of a document in a case's artefact by its file's name, such as ``briefing``."""
    return path.stem.removeprefix(f"{case.name}-").removeprefix(f"{NOT_APPROVED}-")


def _sort(path, found, isCopied=False):
    """Put a path among those of its kind; ``isCopied``: surfaces and labelmaps here are copies of the case's own."""
    suffix = "".join(path.suffixes[-2:]).lower()
    if _isDicom(path):
        found.dicom.append(path)
    elif suffix.endswith((".stl", ".3mf")):
        if not isCopied or not any(other.suffix.lower() == path.suffix.lower() for other in found.surfaces):
            found.surfaces.append(path)
    elif suffix.endswith(".seg.nrrd"):
        if not (isCopied and found.labelmaps):
            found.labelmaps.append(path)
    elif suffix.endswith(".pdf"):
        found.leave("PDF", NOT_DRAWN)
    elif path.name.endswith("approvals.json"):
        found.leave("approvals", "they name people, and hold for the originals only; manifest.json has an extract")
    elif suffix.endswith(".json"):
        found.leave("manifest", "the copy has its own list of files")
    else:
        found.leave("file of another kind", "only DICOM, STL, 3MF and seg.nrrd are copied")


def _isDicom(path):
    try:
        with open(path, "rb") as file:
            if file.read(DICOM_MARK_OFFSET + 4)[DICOM_MARK_OFFSET:] == b"DICM":
                return True
    except OSError as error:
        raise InputRefused("cannot-read", f"{path} cannot be read: {error.strerror}.", "", [path]) from error
    return False


def _requireHarmless(paths, progress):
    """Read every header in bounded steps before a full parser, in this process, sees it."""
    known = {}
    with DecodeWorker() as worker:
        for number, path in enumerate(paths):
            progress(number / len(paths), f"Looking at headers: {number} of {len(paths)} files")
            readHeaders([path], worker, known)


def _patientOf(paths, keyRing, progress):
    patients = {}
    for number, path in enumerate(paths):
        progress(number / len(paths), f"Reading headers: {number} of {len(paths)} files")
        dataset = readDicom(path, ["PatientID", "IssuerOfPatientID"])
        identity = (str(dataset.get("PatientID") or "").strip(), str(dataset.get("IssuerOfPatientID") or "").strip())
        patients.setdefault(identity, path)
    if len({identity for identity, _issuer in patients}) > 1:
        raise InputRefused(
            "two-patients", "The folder holds objects of more than one patient.", "Separate them first.",
            list(patients.values()),
        )  # fmt: skip
    # Objects made later may not repeat the issuer.
    (identity, issuer), path = max(patients.items(), key=lambda item: item[0][1])
    if not identity:
        raise InputRefused(
            "no-patient-id", "The images carry no patient ID, so no pseudonym can be made.",
            "Export them from the archive with their patient ID.", [path],
        )  # fmt: skip
    return patientCode(keyRing, identity, issuer)


def readDicom(path, tags=None, pixels=False):
    """Return a dataset.

    :raises InputRefused: ``damaged-header``
    """
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=not pixels, specific_tags=tags)
    except (Exception, RecursionError) as error:
        raise InputRefused(
            "damaged-header", f"The header of {path} cannot be understood ({type(error).__name__}).",
            "Fetch it from the archive again.", [path],
        ) from error  # fmt: skip


def reasonToLeave(dataset):
    """Return (what, reason) of a DICOM object that is not copied, else None."""
    sopClass = str(dataset.get("SOPClassUID") or "")
    name = nameOf(dataset)
    imageType = [str(value).upper() for value in dataset.get("ImageType") or ()]
    if sopClass.startswith(SECONDARY_CAPTURES) or {"SCREEN SAVE", "SCREENSHOT"} & set(imageType):
        return name, "secondary captures and screens show text and names"
    if sopClass in FRAME_CLASSES and sopClass not in Rules.rules()["sopClasses"]:
        return name, "multi-frame images of this class are not copied; export the series as single-frame images"
    isAnnotated = str(dataset.get("BurnedInAnnotation") or "").strip().upper() == "YES"
    if isAnnotated and imageType[:2] == ["DERIVED", "SECONDARY"]:
        return name, "text is burned into images with a plan drawn in; the series that they were made of is copied"
    if "LOCALIZER" in imageType:
        return name, "planning does not need localizers"
    return None


def nameOf(dataset):
    """Return the standard's name of an object's SOP class; an unknown one is not repeated."""
    from pydicom.uid import UID_dictionary

    uid = str(dataset.get("SOPClassUID") or "")
    return UID_dictionary[uid][0] if uid in UID_dictionary else "object of an unknown class"
