"""The import step: from DICOM files to a case with one checked source series, or a refusal with reasons."""

import dataclasses
import shutil
import uuid
from pathlib import Path

from .Case import Case, isCase
from .Consent import recordForNewCase
from .DicomScan import scanOpened
from .Errors import Finding, GateRefused, InputRefused, PlanningError, UsageError, firstRejection
from .Files import ASIDE_PREFIX, fsyncFolder, stagedFolder
from .Frames import writeFrames
from .Identity import patientCode
from .Modality import CT, requireSameModality
from .Procedures import findProcedure
from .Progress import noProgress, part
from .References import PARAMETER, SCANNED_FOLDER, cannotReference, putBack, requireOutside
from .Repair import repairedVoxels
from .RepairedSeries import repairedSeriesUid, writeRepaired
from .Requirements import ensure
from .Secrets import KeyRing
from .SlicesDecoded import decodeSlices
from .Software import versions
from .Sources import LISTED_FILES, isUnpacked, openSource
from .StoredPixels import isPlain
from .Verdict import Scan, Verdict, judgeSeries, judgeVoxels, ranked, severalSeries
from .Volumes import REPAIRED_FOLDER, readSlices

# What every examination holds beside its volumes: nobody would plan on these.
ORDINARY_FAULTS = {"localizer", "single-slice"}


def examine(
    source, seriesUid=None, progress=noProgress, procedure=None, side=None, repair=False, reference=False,
    patientId=None, credentials=None,
):  # fmt: skip
    """Scan a source and judge what is in it. What has to be unpacked is removed with the verdict.

    :param source: folder, file, ZIP archive, DICOMDIR, or ``dicomweb:URL?...``
    :param seriesUid: which series to take; needed where there are several CT volumes, which one is never guessed
    :param procedure: what is planned: a procedure's name chooses its limits, other text the general ones
    :param side: the side of the request, which the series must not contradict; None for not stated
    :param repair: whether the user agrees to resampling where that mends a tilted gantry or uneven spacing, and to new
        identifiers where an anonymiser took them away
    :param patientId: with ``repair``, the patient ID of images that carry none; never guessed
    :param reference: whether the case is to refer to the files where they lie; what would be unpacked is refused
    :param credentials: :class:`PlanningHubLib.ArchiveAccess.Credentials` for an archive that asks for them
    :returns: :class:`PlanningHubLib.Verdict.Verdict`
    :raises InputRefused, UsageError, StoreFailed: as :func:`PlanningHubLib.Sources.openSource`, and ``bad-procedure``,
        ``cannot-reference``, ``patient-id-known``, ``patient-id-without-repair``
    """
    ensure("PlanningHubLib")
    limits, findings = findProcedure(procedure)
    if patientId and not repair:
        raise UsageError("patient-id-without-repair", "A patient ID is only for the repair of images that lack one.",
                         "Agree to repair, or leave the patient ID out.")  # fmt: skip
    if reference and isUnpacked(source):
        raise cannotReference(source)
    opened = openSource(source, part(progress, 0.0, 0.5) if isUnpacked(source) else noProgress, credentials)
    progress = part(progress, 0.5, 1.0) if isUnpacked(source) else progress
    try:
        if reference and opened.isTemporary:
            raise cannotReference(source)
        scanned, scanFindings = scanOpened(opened, part(progress, 0.0, 0.8))
        scan = Scan(opened, tuple(scanned), (*findings, *scanFindings), _stamps(scanned))
        return _judgeScan(scan, limits, seriesUid, side, repair, part(progress, 0.8, 1.0), patientId)
    except PlanningError as error:
        opened.close()
        finding = opened.shown(error.asFinding())
        raise type(error)(finding.code, finding.message, finding.action, finding.files) from error
    except BaseException:
        opened.close()
        raise


def rejudge(verdict, seriesUid=None, side=None, repair=False, progress=noProgress, patientId=None):
    """Judge what was scanned for a verdict again, by the same limits: for another series, or with a repair agreed to.

    :param verdict: of :func:`examine`; what was unpacked for it now belongs to both
    :returns: :class:`PlanningHubLib.Verdict.Verdict`
    """
    return _judgeScan(verdict.scan, verdict.procedure, seriesUid, side, repair, progress, patientId)


def _judgeScan(scan, limits, seriesUid, side, repair, progress, patientId):
    progress(0.0, "Judging the series")
    judged = [judgeSeries(one, limits, side, repair, patientId) for one in scan.series if one.modality]
    findings = [*scan.findings, *_notCt(scan.series, seriesUid)]
    checked = ranked([_shown(one, scan.opened) for one in judged], limits)
    return _judge(checked, findings, seriesUid, limits, scan, progress)


def _stamps(scanned):
    """Return path → size and time of the files of a scan, so that a change until the import is seen."""
    paths = {header.path for series in scanned for header in series.headers}
    return {path: _stamp(path) for path in paths}


def _stamp(path):
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _shown(series, opened):
    """Name files of an unpacked source as the user knows them: the reason of a rank is made of findings."""
    return dataclasses.replace(series, findings=tuple(map(opened.shown, series.findings)))


def _notCt(scanned, seriesUid):
    """Say what is left alone: MR too where there is CT, unless it was asked for."""
    modalities = [one.modality for one in scanned]
    mr = modalities.count("MR") if CT in modalities and not seriesUid else 0
    count = modalities.count(None) + mr
    if count:
        action = f"Of these {mr} are MR: choose one by its UID to plan on it." if mr else ""
        yield Finding("not-ct", "info", f"{count} series are not CT images and were left alone.", action)


def _judge(checked, findings, seriesUid, limits, scan, progress):
    chosen, choiceFindings = _choose(checked, seriesUid)
    findings = [*findings, *choiceFindings, *(chosen.findings if chosen else ())]
    voxelFacts = None
    if chosen and chosen.geometry:
        progress(0.5, "Looking at a sample of the slices")
        voxelFacts, voxelFindings = judgeVoxels(chosen, limits)
        findings += voxelFindings
    shown = tuple(map(scan.opened.shown, findings))
    return Verdict(tuple(checked), chosen, shown, limits, voxelFacts, scan)


def _choose(checked, seriesUid):
    def reject(code, message, action):
        return None, [Finding(code, "reject", message, action)]

    if seriesUid:
        exact = [one for one in checked if one.uid == seriesUid]
        matches = exact or [one for one in checked if one.geometry and one.uid.split("#")[0] == seriesUid]
        if not matches:
            return reject("no-such-series", f"There is no CT or MR series {seriesUid} here.", "Choose a listed one.")
        if len(matches) > 1:
            uids = ", ".join(one.uid for one in matches)
            return reject("several-series", f"The series holds {len(matches)} volumes: {uids}.", "Choose one of them.")
        return matches[0], []
    if not checked:
        return reject("no-ct", "There is no CT or MR series here.", "Choose the folder of a CT or MR examination.")
    everyone = checked
    # They come first: an MR is taken only where there is no CT at all, or where it was asked for.
    checked = [one for one in checked if one.facts.modality == checked[0].facts.modality]
    # Scanners differ in how they write one name, never in the ID.
    ids = {one.headers[0].patientId for one in everyone} - {""}
    if len({one.headers[0].patient for one in checked}) > 1 or len(ids) > 1:
        return reject("two-patients", "The folder holds series of more than one patient.",
                      "Choose the series by its UID, or import from a folder of one patient.")  # fmt: skip
    usable = [one for one in checked if one.geometry]
    if len(usable) > 1:
        return None, [severalSeries(usable)]
    return (usable or checked)[0], list(_refusedBeside(checked)) if usable else []


def _refusedBeside(checked):
    """Yield a warning for each series that was passed over for a fault: it may be the one that was meant."""
    for one in checked:
        fault = None if one.geometry else firstRejection(one.findings)
        if fault and not {finding.code for finding in one.findings} & ORDINARY_FAULTS:
            yield Finding(
                "other-series-refused",
                "warn",
                f"Another {one.facts.modality} series of {len(one.headers)} slices is refused: {fault.message}",
                f"If it is the one to plan on: {fault.action}",
                tuple(header.path for header in one.headers[:1]),
            )


def importSeries(
    source, caseFolder, seriesUid=None, side=None, procedure=None, user=None, progress=noProgress, repair=False,
    reference=False, patientId=None, credentials=None,
):  # fmt: skip
    """Examine a source and import its CT series: :func:`examine`, then :func:`importVerdict`.

    :returns: the :class:`Verdict`; the case is in ``caseFolder``
    :raises: what the two raise
    """
    wishes = (procedure, side, repair, reference, patientId, credentials)
    verdict = examine(source, seriesUid, part(progress, 0.0, 0.5), *wishes)
    importVerdict(verdict, caseFolder, side, procedure, user, part(progress, 0.5, 1.0), reference)
    return verdict


def importVerdictIntoNewFolder(
    verdict, casesFolder, side=None, procedure=None, user=None, progress=noProgress, reference=False
):
    """Import the series a verdict has chosen into a new case, in a folder that is named after the case.

    :returns: the case's folder, below ``casesFolder``
    :raises: what :func:`importVerdict` raises
    """
    casesFolder = Path(casesFolder)
    incoming = casesFolder / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    try:
        importVerdict(verdict, incoming, side, procedure, user, progress, reference)
        with Case.open(incoming) as case:
            folder = casesFolder / case.name
        incoming.rename(folder)
        fsyncFolder(casesFolder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return folder


def importVerdict(
    verdict, caseFolder, side=None, procedure=None, user=None, progress=noProgress, reference=False
):  # fmt: skip
    """Import the series a verdict has chosen: into a new case, or as a new revision into the case that is there.

    A new case records what the site's setting says of consent to treatment (:func:`.Consent.recordForNewCase`).

    :param verdict: what :func:`examine` returned
    :param caseFolder: the case's folder; a new case appears there whole, or not at all
    :param side: one of :data:`PlanningHubLib.Case.SIDES`, or None for not stated
    :param reference: leave the scanner's files where they lie, and refer to them
    :raises InputRefused: the verdict's first rejection, or ``images-changed``, ``already-there``, ``cannot-write``,
        ``disk-full``, ``cannot-reference``
    :raises GateRefused: ``other-patient``, ``other-side``, ``other-case-modality``, ``case-in-use``
    """
    verdict.raiseRejection()
    _requireUnchanged(verdict)
    code = _codeOf(verdict.chosen)
    if isCase(caseFolder):
        with Case.open(caseFolder, writable=True) as case:
            _requireSameCase(case, code, side)
            requireSameModality(case, verdict.chosen.facts.modality)
            addSource(case, verdict, user, progress, reference)
    else:
        with stagedFolder(caseFolder) as stage, Case.createIn(stage, code, side, procedure, user) as case:
            addSource(case, verdict, user, progress, reference)
            recordForNewCase(case, user)


def _requireUnchanged(verdict):
    stamps = verdict.scan.stamps
    changed = [path for path in {header.path for header in verdict.chosen.headers} if stamps.get(path) != _stamp(path)]
    if changed:
        raise InputRefused("images-changed", f"{len(changed)} files have changed since they were checked.",
                           "Check the images again.", sorted(changed)[:LISTED_FILES])  # fmt: skip


def _codeOf(series):
    header = series.headers[0]
    return patientCode(KeyRing.forThisInstallation(), header.patientId, header.patientIdIssuer)


def _requireSameCase(case, code, side):
    if case.patientCode != code:
        raise GateRefused(
            "other-patient",
            f"The series belongs to another patient than case {case.name}.",
            "Check both; make a new case for another patient.",
        )
    if side is not None and side != case.side:
        raise GateRefused(
            "other-side", f"Case {case.name} is for side {case.side}, not {side}.", "Make a new case for another side."
        )


def addSource(case, verdict, user=None, progress=noProgress, reference=False):
    """Copy the series of a verdict into a case, untouched, in the order of its slices; beside it its repair, if any.

    :param reference: refer to the scanner's files instead of copying them; a repair lies in the case all the same.
        Where the newest source refers to the same files and they were moved, it is told their new place
    :returns: artefact of kind ``source``
    :raises InputRefused: ``cannot-decode``, ``hostile-file``, where compressed slices turn out to be bad;
        ``cannot-reference``
    """
    series = verdict.chosen
    headers = series.geometry.headers
    places = _placesOf(headers)
    if reference:
        if verdict.opened.isTemporary:
            raise cannotReference(verdict.opened.name)
        requireOutside(places.values(), case.folder)
        if _isSameVolume(case.latest("source"), series) and (source := putBack(case, places, user)):
            return source
    if not series.repair and not all(map(isPlain, headers)):
        # A slice that cannot be decoded is found now, not when someone wants to plan on it; a repair decodes all.
        decodeSlices(headers, part(progress, 0.0, 0.5))
        progress = part(progress, 0.5, 1.0)
    copying = part(progress, 0.0, 0.4) if series.repair else progress
    with case.staging("source", user=user) as stage:
        if not reference:
            _copySlices(places, stage.folder, copying)
        writeFrames(headers, places, stage.folder)
        if series.repair:
            _writeRepair(series.repair, stage.folder / REPAIRED_FOLDER, part(progress, 0.4, 1.0))
        return stage.commit(
            parameters={
                "seriesUid": series.uid,
                "procedure": verdict.procedure.asParameters(),
                "repair": series.repair is not None,
                PARAMETER: reference,
            },
            facts=_facts(case, verdict),
            software=versions("pydicom", *(["numpy", "scipy"] if series.repair else [])),
            title=f"{series.facts.modality} series{', repaired' if series.repair else ''}",
            references=places if reference else None,
        )


def _isSameVolume(source, series):
    """Would a source of the same files be the same volume? Of a multi-frame file another phase is another one."""
    if source is None or source.parameters.get("repair") != (series.repair is not None):
        return False
    return series.geometry.headers[0].frame is None or source.parameters.get("seriesUid") == series.uid


def _placesOf(headers):
    """Name in the artefact -> path of the scanner's files, in the order of their slices."""
    # A multi-frame file is one file of many slices.
    paths = dict.fromkeys(header.path for header in headers)
    return {f"{SCANNED_FOLDER}/{number:05}.dcm": path for number, path in enumerate(paths, 1)}


def _copySlices(places, folder, progress):
    (folder / SCANNED_FOLDER).mkdir()
    for number, (name, path) in enumerate(places.items(), 1):
        progress(number / len(places), f"Copying file {number} of {len(places)}")
        shutil.copyfile(path, folder / name)


def _writeRepair(plan, folder, progress):
    folder.mkdir()
    voxels = repairedVoxels(plan, readSlices(plan.geometry.headers), part(progress, 0.0, 0.5))
    writeRepaired(plan, voxels, folder, part(progress, 0.5, 1.0))


def _facts(case, verdict):
    series, first = verdict.chosen, verdict.chosen.headers[0]
    facts = {
        "patientCode": case.patientCode,
        "modality": first.modality,
        "planningModality": series.facts.modality,
        "studyUid": first.studyUid,
        "seriesUid": first.seriesUid,
        "frameOfReferenceUid": first.frameOfReferenceUid,
        "shape": list(series.geometry.shape),
        "spacingMm": [round(value, 6) for value in series.geometry.spacingMm],
        "sliceThicknessMm": first.sliceThicknessMm,
        "convolutionKernel": first.convolutionKernel,
        "transferSyntaxUid": first.transferSyntaxUid,
        "verdict": verdict.word,
        "findings": [{"code": one.code, "severity": one.severity} for one in verdict.findings],
        "measured": verdict.voxelFacts.asDict() if verdict.voxelFacts else None,
    }
    if series.repair:
        facts |= {"repair": series.repair.asFacts(), "seriesUid": repairedSeriesUid(series.repair)}
    return facts
