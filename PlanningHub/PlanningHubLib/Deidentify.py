"""The de-identification step: a copy of a case or folder for a recipient, by allow-list, whole or not at all."""

import dataclasses
import json
from pathlib import Path

from . import Consent
from . import DeidentifyObjects as Objects
from . import DeidentifyRules as Rules
from . import DeidentifySource as Sources
from .DecodeWorker import DecodeWorker
from .DeidentifyApprovals import approvalsOf
from .DeidentifyCheck import requireClean
from .DeidentifyDataset import Cleaner
from .DeidentifyDocuments import describe, writeDocuments
from .DeidentifyKeys import Mapping
from .DeidentifyManifest import namesOf, writeManifest
from .DeidentifyOutcomes import scanUids, writeOutcomes
from .DeidentifyPixels import storedAir, storedValues
from .DeidentifyPlans import writePlans
from .DeidentifySeries import judge, requireAllowed
from .DeidentifyShapes import isFaceObject, writeShapes
from .Errors import Finding, GateRefused, InputRefused
from .Files import requireFree, sha256, sha256Bytes, stagedFolder
from .Progress import noProgress, part
from .Requirements import ensure
from .Secrets import KeyRing
from .Software import versions

REPORT_NAME = "report.json"
NEEDED = ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclasses.dataclass
class Copy:
    """A copy while it is being made; ``documents``: kind and path of the DICOM objects that hold a document."""

    folder: Path
    cleaner: Cleaner
    found: Sources.Found
    deface: bool
    consentScope: str = ""
    series: list = dataclasses.field(default_factory=list)
    others: list = dataclasses.field(default_factory=list)
    # Id of a plan that is written → its document and its names in the copy.
    plans: dict = dataclasses.field(default_factory=dict)
    documents: list = dataclasses.field(default_factory=list)
    approvals: list = dataclasses.field(default_factory=list)
    # Whatever documents were drawn of, in one text for each.
    texts: list = dataclasses.field(default_factory=list)
    findings: list = dataclasses.field(default_factory=list)
    files: list = dataclasses.field(default_factory=list)
    owners: dict = dataclasses.field(default_factory=dict)

    @property
    def profile(self):
        return self.cleaner.profile

    @property
    def pseudonym(self):
        return self.cleaner.mapping.pseudonym

    @property
    def names(self):
        """Artefact id → its name in the copy."""
        return namesOf(self.found.artefacts)

    @property
    def faces(self):
        """What all objects say of faces."""
        removed = any(one.isDefaced for one in self.series)
        judged = {one.faceVisible for one in self.series}
        # One series that could not be judged leaves the whole open.
        return Objects.Defaced(removed, True if True in judged else False if judged == {False} else None)

    def add(self, path, kind, origin=None, **facts):
        """Record a file that was written, and the path in the source that it is a copy of."""
        name = path.relative_to(self.folder).as_posix()
        self.files.append({"path": name, "kind": kind, "sha256": sha256(path), "bytes": path.stat().st_size, **facts})
        self.owners[name] = self.found.owners.get(origin)

    def ownerOf(self, record):
        """Return the id of the case's artefact that a record of ``files`` is of, or None."""
        return self.owners[record["path"]]

    def leave(self, what, reason):
        self.found.leave(what, reason)


def deidentify(
    source, outFolder, profileName, recipient="", deface=False, user=None, progress=noProgress, documents=None,
    openCase=None, destination="",
):  # fmt: skip
    """Write a de-identified copy of a case or a DICOM folder.

    :param recipient: who gets it; copies for different recipients cannot be linked to each other
    :param deface: set the skin and soft tissue of visible faces to air
    :param documents: kind of document → function that draws it anew (:mod:`.DeidentifyDocuments`); of a case, other
        documents are left out by name, and of a folder all
    :param openCase: the case of the source, where the caller holds it open for writing
    :param destination: where the copy goes, in words; by default the folder
    :returns: the report, as it is written to ``report.json``
    :raises UsageError: ``unknown-profile``
    :raises InputRefused: ``already-there``, ``no-source``, ``no-dicom``, ``two-patients``, ``no-patient-id``,
        ``missing-uid``, ``burned-in-text``, ``nothing-to-copy``, ``damaged-header``, ``cannot-decode``,
        ``object-not-supported``, ``cannot-write``, ``disk-full``
    :raises GateRefused: ``no-consent`` where a case is copied, ``face-visible``, ``face-not-judged``, ``case-in-use``,
        ``damaged-…``
    :raises VerificationFailed: ``identity-left``
    """
    ensure("PlanningHubLib")
    profile = Rules.profileOf(profileName)
    requireFree(outFolder)
    case = openCase or Sources.openCase(source)
    try:
        # Asked for before anything is read, and recorded as a departure before the first byte is written.
        if case:
            Consent.requireConsent(case, profile.name)
        keyRing = KeyRing.forThisInstallation()
        documents = documents or {}
        found = Sources.find(source, keyRing, case, part(progress, 0.0, 0.1), documents)
        cleaner = Cleaner(Mapping(keyRing, found.patientCode, profile, recipient))
        with stagedFolder(outFolder) as folder:
            copy = Copy(folder, cleaner, found, deface, Consent.PURPOSES[profile.name] if case else "")
            _judge(copy, case, documents, part(progress, 0.1, 0.4))
            if case:
                where = destination or _destination(outFolder, recipient)
                Consent.release(case, profile.name, where, found.artefacts, user=user)
            _write(copy, part(progress, 0.4, 0.85))
            if case:
                writePlans(copy, case, part(progress, 0.85, 0.9))
                writeOutcomes(copy, case)
                progress(0.9, "Drawing documents")
                _writeDocuments(copy, case, documents)
            report = _finish(copy, case, source)
            if case:
                what = {"profile": profile.name, "pseudonym": copy.pseudonym, "report": sha256(folder / REPORT_NAME)}
                case.record("deidentified-copy", what, user)
        return report
    finally:
        if case and not openCase:
            case.close()


def _destination(outFolder, recipient):
    folder = f"folder {Path(outFolder).absolute()}"
    return f"{recipient}, {folder}" if recipient else folder


def requireKey():
    """Return the installation's key ring; none is made where there is none.

    :raises GateRefused: ``no-key``
    """
    keyRing = KeyRing.forThisInstallation(create=False)
    if keyRing is None:
        raise GateRefused("no-key", "Only the installation that made the copy can tell.", "Ask there.")
    return keyRing


def reidentify(case, pseudonym, recipient="", reason="", user=None):
    """Return whose a pseudonym is, with the installation's key; every attempt is audited in the case.

    :param case: the case it is thought to belong to, open for writing
    :param recipient: who got the copy
    :returns: dictionary with ``case``, ``patientId``, ``profile`` and ``uids`` (UID in the copy -> UID of the source)
    :raises GateRefused: ``no-key``, ``not-this-patient``
    """
    keyRing = requireKey()
    mappings = (Mapping(keyRing, case.patientCode, Rules.profileOf(name), recipient) for name in Rules.profileNames())
    mapping = next((one for one in mappings if one.pseudonym == pseudonym.strip()), None)
    what = {"pseudonym": pseudonym.strip(), "reason": reason, "matched": mapping is not None}
    case.record("reidentified", what, user)
    if mapping is None:
        raise GateRefused("not-this-patient", f"{pseudonym} is not of this case's patient for this recipient.",
                          "Name the recipient as it was named then, or look in another case.")  # fmt: skip
    source = case.require("source")
    headers = [Sources.readDicom(case.path(source, name)) for name in source.files if name.endswith(".dcm")]
    keywords = (*NEEDED, "FrameOfReferenceUID")
    uids = {str(header[keyword].value) for header in headers for keyword in keywords if header.get(keyword)}
    uids |= scanUids(case)
    return {
        "case": case.name,
        "patientId": str(headers[0].PatientID),
        "profile": mapping.profile.name,
        "uids": {mapping.uid(uid): uid for uid in sorted(uids)},
    }


def _judge(copy, case, documents, progress):
    """Sort the DICOM objects, and refuse what the profile does not allow before anything is written."""
    bySeries = {}
    for path in copy.found.dicom:
        dataset = Sources.readDicom(path)
        left, kind = Sources.reasonToLeave(dataset), Objects.kindOf(dataset)
        if kind == "document":
            drawn = Sources.documentKind(path, case) if case else ""
            if drawn in documents:
                copy.documents.append((drawn, path))
            else:
                copy.leave(Sources.nameOf(dataset), Sources.NOT_DRAWN)
            continue
        if left or kind is None:
            copy.leave(*(left or (Sources.nameOf(dataset), "planning can do without it")))
            continue
        _requireUsable(dataset, path)
        if kind in Objects.IMAGES:
            bySeries.setdefault(str(dataset.SeriesInstanceUID), []).append(path)
        else:
            copy.others.append((path, kind))
    if not bySeries and not copy.others:
        raise InputRefused("nothing-to-copy", "Nothing here can be copied without a risk to the patient's privacy.",
                           "Choose the folder of a CT or MR examination, of single-frame files.")  # fmt: skip
    for number, paths in enumerate(bySeries.values()):
        whole = part(progress, number / len(bySeries), (number + 1) / len(bySeries))
        series = judge(paths, copy.deface, whole)
        copy.findings += requireAllowed(series, copy.profile, copy.deface)
        copy.series.append(series)


def _requireUsable(dataset, path):
    missing = [keyword for keyword in NEEDED if not dataset.get(keyword)]
    if missing:
        raise InputRefused("missing-uid", f"{path} has no {missing[0]}, so nothing could refer to its copy.",
                           "Export it from the archive without removing its UIDs.", [path])  # fmt: skip
    if str(dataset.get("BurnedInAnnotation") or "").strip().upper() == "YES" and dataset.get("Modality") != "M3D":
        raise InputRefused("burned-in-text", f"{path} says that text is burned into it.",
                           "Export the series without annotations.", [path])  # fmt: skip


def _write(copy, progress):
    (copy.folder / "dicom").mkdir()
    total = sum(len(series.paths) for series in copy.series) + len(copy.others)
    done = 0
    with DecodeWorker() as worker:
        for number, series in enumerate(copy.series, 1):
            for index, path in enumerate(series.paths, 1):
                progress(0.8 * done / total, f"Writing object {done + 1} of {total}")
                _writeImage(copy, series, path, f"{number}-{index:05}", worker)
                done += 1
    counts = {}
    for path, kind in copy.others:
        counts[kind] = counts.get(kind, 0) + 1
        _writeOther(copy, path, kind, f"{kind}-{counts[kind]}")
    writeShapes(copy, part(progress, 0.8, 1.0))


def _writeImage(copy, series, path, number, worker):
    dataset = Sources.readDicom(path, pixels=True)
    kind = Objects.kindOf(dataset)
    values = storedValues(dataset, path, worker)
    for header, mask, air in series.masksOf(path):
        values = values if values.flags.writeable else values.copy()
        image = values[header.frame or 0] if values.ndim == 3 else values
        image[mask] = storedAir(dataset, header.rescaleSlope, header.rescaleIntercept, air)
    _save(copy, Objects.cleanedObject(copy.cleaner, dataset, values, copy.faces), kind, f"{kind.upper()}{number}", path)


def _writeOther(copy, path, kind, name):
    dataset = Sources.readDicom(path, pixels=True)
    if isFaceObject(copy, dataset, kind):
        return
    try:
        result = Objects.cleanedObject(copy.cleaner, dataset, faces=Objects.Defaced(copy.faces.removed))
    except InputRefused as error:
        copy.leave(Sources.nameOf(dataset), error.message)
        return
    _save(copy, result, kind, name, path)


def _writeDocuments(copy, case, documents):
    """Write what is drawn anew; nothing where the case has no such document, or nobody can draw it."""
    copy.approvals = approvalsOf(copy, case)
    described = describe(copy, case, copy.approvals)
    copy.texts.append(described.texts)
    writeDocuments(copy, described, documents, lambda *object_: _save(copy, *object_))


def _save(copy, dataset, kind, name, origin):
    path = copy.folder / "dicom" / f"{copy.pseudonym}-{name}.dcm"
    Objects.save(dataset, path)
    uids = {"sopClassUid": str(dataset.SOPClassUID), "sopInstanceUid": str(dataset.SOPInstanceUID)}
    copy.add(path, kind, origin, **uids)


def _finish(copy, case, source):
    """Write the report and check the whole copy; return the report."""
    if case is None:
        message = "The source is a folder and no case, so no consent was asked for."
        copy.findings.append(Finding("consent-not-asked", "warn", message, "Make sure yourself that there is one."))
    else:
        writeManifest(copy, case)
    if copy.found.leftOut:
        kinds = sorted({what for what, _reason in copy.found.leftOut})
        message = f"Left out: {', '.join(kinds)}."
        copy.findings.append(Finding("left-out", "info", message, "The reasons are in report.json."))
    report = _reportOf(copy)
    (copy.folder / REPORT_NAME).write_bytes((json.dumps(report, indent=1, sort_keys=True) + "\n").encode())
    names = {Path(source).name, *(path.stem for path in copy.found.dicom + copy.found.surfaces)}
    identifiers = copy.cleaner.identifiers | ({case.name, case.caseId} if case else set())
    identifiers |= {name for name in names if len(name) >= 8}
    requireClean(copy.folder, identifiers, copy.cleaner.written, copy.texts)
    return report


def _reportOf(copy):
    cleaner, profile = copy.cleaner, copy.profile
    leftOut = {}
    for what, reason in copy.found.leftOut:
        leftOut[what, reason] = leftOut.get((what, reason), 0) + 1
    return {
        "format": "planninghub-deidentified",
        "version": 1,
        "pseudonym": copy.pseudonym,
        "profile": profile.name,
        "consent": f"given, scope {copy.consentScope}" if copy.consentScope else "not asked for: the source is no case",
        "methodCodes": Objects.methodCodes(profile, copy.faces.removed),
        "rules": sha256Bytes(json.dumps(Rules.rules(), sort_keys=True).encode()),
        "dates": profile.dates,
        "ages": profile.age,
        "textInImages": _textWord(copy.series),
        "faces": _faceWord(copy.faces),
        "attributesDropped": sorted(cleaner.dropped),
        "attributesReplaced": sorted(cleaner.replaced),
        "leftOut": [{"what": what, "reason": reason, "count": count} for (what, reason), count in leftOut.items()],
        "findings": [{**finding.asDict(), "files": []} for finding in copy.findings],
        "files": sorted(copy.files, key=lambda record: record["path"]),
        "software": versions("pydicom"),
    }


def _faceWord(faces):
    if faces.removed:
        return "removed"
    return {True: "visible", False: "none found", None: "not judged"}[faces.visible]


def _textWord(series):
    words = {one.textFound for one in series}
    return "not looked for" if None in words or not words else "none found by OCR"
