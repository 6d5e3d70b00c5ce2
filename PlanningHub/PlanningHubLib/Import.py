"""The import step: from DICOM files to a case with one checked source series, or a refusal with reasons."""

import dataclasses
import shutil
import uuid
from pathlib import Path

from .Case import Case, isCase
from .DicomScan import scanOpened
from .Errors import Finding, GateRefused, PlanningError, firstRejection
from .Files import ASIDE_PREFIX, fsyncFolder, stagedFolder
from .Identity import patientCode
from .Modality import CT, requireSameModality
from .Procedures import findProcedure
from .Progress import noProgress, part
from .Repair import repairedVoxels
from .RepairedSeries import repairedSeriesUid, writeRepaired
from .Requirements import ensure
from .Secrets import KeyRing
from .SlicesDecoded import decodeSlices
from .Software import versions
from .Sources import isUnpacked, openSource
from .StoredPixels import isPlain
from .Verdict import Verdict, judgeSeries, judgeVoxels, ranked, severalSeries
from .Volumes import REPAIRED_FOLDER, SCANNED_FOLDER, readSlices

# What every examination holds beside its volumes: nobody would plan on these.
ORDINARY_FAULTS = {"localizer", "single-slice"}


def examine(source, seriesUid=None, progress=noProgress, procedure=None, side=None, repair=False):
    """Scan a source and judge what is in it. What has to be unpacked is removed with the verdict.

    :param source: folder, file, ZIP archive, DICOMDIR, or ``dicomweb:URL?...``
    :param seriesUid: which series to take; needed where there are several CT volumes, which one is never guessed
    :param procedure: what is planned: a procedure's name chooses its limits, other text the general ones
    :param side: the side of the request, which the series must not contradict; None for not stated
    :param repair: whether the user agrees to resampling where that mends a tilted gantry or uneven spacing
    :returns: :class:`PlanningHubLib.Verdict.Verdict`
    :raises InputRefused, UsageError, StoreFailed: as :func:`PlanningHubLib.Sources.openSource`, and ``bad-procedure``
    """
    ensure("PlanningHubLib")
    limits, findings = findProcedure(procedure)
    opened = openSource(source, part(progress, 0.0, 0.5) if isUnpacked(source) else noProgress)
    progress = part(progress, 0.5, 1.0) if isUnpacked(source) else progress
    try:
        scanned, scanFindings = scanOpened(opened, part(progress, 0.0, 0.8))
        progress(0.8, "Judging the series")
        judged = [judgeSeries(one, limits, side, repair) for one in scanned if one.modality]
        findings = [*findings, *scanFindings, *_notCt(scanned, seriesUid)]
        checked = ranked([_shown(one, opened) for one in judged], limits)
        return _judge(checked, findings, seriesUid, limits, opened, progress)
    except PlanningError as error:
        finding = opened.shown(error.asFinding())
        raise type(error)(finding.code, finding.message, finding.action, finding.files) from error


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


def _judge(checked, findings, seriesUid, limits, opened, progress):
    chosen, choiceFindings = _choose(checked, seriesUid)
    findings = [*findings, *choiceFindings, *(chosen.findings if chosen else ())]
    voxelFacts = None
    if chosen and chosen.geometry:
        progress(0.9, "Looking at a sample of the slices")
        voxelFacts, voxelFindings = judgeVoxels(chosen, limits)
        findings += voxelFindings
    return Verdict(tuple(checked), chosen, tuple(map(opened.shown, findings)), limits, voxelFacts, opened)


def _choose(checked, seriesUid):
    def reject(code, message, action):
        return None, [Finding(code, "reject", message, action)]

    if seriesUid:
        exact = [one for one in checked if one.uid == seriesUid]
        matches = exact or [one for one in checked if one.geometry and one.uid.split("#")[0] == seriesUid]
        if not matches:
            return reject("no-such-series", f"There is no CT or MR series {seriesUid}.", "Choose one of those listed.")
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
    source, caseFolder, seriesUid=None, side=None, procedure=None, user=None, progress=noProgress, repair=False
):
    """Examine a source and import its CT series: :func:`examine`, then :func:`importVerdict`.

    :returns: the :class:`Verdict`; the case is in ``caseFolder``
    :raises: what the two raise
    """
    verdict = examine(source, seriesUid, part(progress, 0.0, 0.5), procedure, side, repair)
    importVerdict(verdict, caseFolder, side, procedure, user, part(progress, 0.5, 1.0))
    return verdict


def importIntoNewFolder(
    source, casesFolder, seriesUid=None, side=None, procedure=None, user=None, progress=noProgress, repair=False
):
    """Import one CT series into a new case, in a folder below ``casesFolder`` that is named after the case.

    :returns: the case's folder
    :raises: what :func:`importSeries` raises
    """
    casesFolder = Path(casesFolder)
    incoming = casesFolder / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    try:
        importSeries(source, incoming, seriesUid, side, procedure, user, progress, repair)
        with Case.open(incoming) as case:
            folder = casesFolder / case.name
        incoming.rename(folder)
        fsyncFolder(casesFolder)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return folder


def importVerdict(verdict, caseFolder, side=None, procedure=None, user=None, progress=noProgress):
    """Import the series a verdict has chosen: into a new case, or as a new revision into the case that is there.

    :param verdict: what :func:`examine` returned
    :param caseFolder: the case's folder; a new case appears there whole, or not at all
    :param side: one of :data:`PlanningHubLib.Case.SIDES`, or None for not stated
    :raises InputRefused: the verdict's first rejection, or ``already-there``, ``cannot-write``, ``disk-full``
    :raises GateRefused: ``other-patient``, ``other-side``, ``other-case-modality``, ``case-in-use``
    """
    verdict.raiseRejection()
    code = _codeOf(verdict.chosen)
    if isCase(caseFolder):
        with Case.open(caseFolder, writable=True) as case:
            _requireSameCase(case, code, side)
            requireSameModality(case, verdict.chosen.facts.modality)
            addSource(case, verdict, user, progress)
    else:
        with stagedFolder(caseFolder) as stage, Case.createIn(stage, code, side, procedure, user) as case:
            addSource(case, verdict, user, progress)


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


def addSource(case, verdict, user=None, progress=noProgress):
    """Copy the series of a verdict into a case, untouched, in the order of its slices; beside it its repair, if any.

    :returns: artefact of kind ``source``
    :raises InputRefused: ``cannot-decode``, ``hostile-file``, where compressed slices turn out to be bad
    """
    series = verdict.chosen
    headers = series.geometry.headers
    if not series.repair and not all(map(isPlain, headers)):
        # A slice that cannot be decoded is found now, not when someone wants to plan on it; a repair decodes all.
        decodeSlices(headers, part(progress, 0.0, 0.5))
        progress = part(progress, 0.5, 1.0)
    copying = part(progress, 0.0, 0.4) if series.repair else progress
    with case.staging("source", user=user) as stage:
        _copySlices(headers, stage.folder / SCANNED_FOLDER, copying)
        if series.repair:
            _writeRepair(series.repair, stage.folder / REPAIRED_FOLDER, part(progress, 0.4, 1.0))
        return stage.commit(
            parameters={
                "seriesUid": series.uid,
                "procedure": verdict.procedure.asParameters(),
                "repair": series.repair is not None,
            },
            facts=_facts(case, verdict),
            software=versions("pydicom", *(["numpy", "scipy"] if series.repair else [])),
            title=f"{series.facts.modality} series{', repaired' if series.repair else ''}",
        )


def _copySlices(headers, folder, progress):
    folder.mkdir()
    names = _fileNames(headers)
    for number, (path, name) in enumerate(names.items(), 1):
        progress(number / len(names), f"Copying file {number} of {len(names)}")
        shutil.copyfile(path, folder / name)


def _fileNames(headers):
    """Return path -> name in the case; a multi-frame file is one file of many slices."""
    paths = dict.fromkeys(header.path for header in headers)
    return {path: f"{number:05}.dcm" for number, path in enumerate(paths, 1)}


def _frames(headers):
    """Return per file in the case which of its frames are the series, for files that hold other frames too."""
    found = {}
    for header in headers:
        if header.frame is not None:
            found.setdefault(header.path, []).append(header.frame)
    counts = {header.path: header.numberOfFrames or 1 for header in headers}
    names = _fileNames(headers)
    parts = ((path, frames) for path, frames in found.items() if len(frames) < counts[path])
    return {f"{SCANNED_FOLDER}/{names[path]}": sorted(frames) for path, frames in parts}


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
    frames = _frames(series.geometry.headers)
    if frames:
        facts["frames"] = frames
    if series.repair:
        facts |= {"repair": series.repair.asFacts(), "seriesUid": repairedSeriesUid(series.repair)}
    return facts
