"""The import step: from DICOM files to a case with one checked source series, or a refusal with reasons."""

import dataclasses
import shutil
import uuid
from pathlib import Path

from .Case import Case, isCase
from .DicomScan import scanOpened
from .Errors import Finding, GateRefused, InputRefused, PlanningError, firstRejection
from .Files import ASIDE_PREFIX, fsyncFolder, stagedFolder
from .Identity import patientCode
from .Progress import noProgress, part
from .Requirements import ensure
from .Secrets import KeyRing
from .SeriesGeometry import VolumeGeometry, checkSeries
from .SlicesDecoded import decodeSlices
from .Software import versions
from .Sources import OpenedSource, isUnpacked, openSource
from .StoredPixels import isPlain

# What every examination holds beside its volumes: nobody would plan on these.
ORDINARY_FAULTS = {"localizer", "single-slice"}


@dataclasses.dataclass(frozen=True)
class CheckedSeries:
    """One series of a scan: its geometry (None where it was refused) and findings."""

    uid: str
    headers: tuple
    geometry: VolumeGeometry | None
    findings: tuple

    def asDict(self, rank):
        shape = list(self.geometry.shape) if self.geometry else None
        spacing = [round(value, 6) for value in self.geometry.spacingMm] if self.geometry else None
        return {
            "uid": self.uid,
            "rank": rank,
            "shape": shape,
            "spacing_mm": spacing,
            "volume_checked": self.geometry is not None,
        }


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a scan found: every series, the chosen one, and the findings that decide."""

    series: tuple
    chosen: CheckedSeries | None
    findings: tuple
    # Keeps what was unpacked until the series is imported.
    opened: OpenedSource | None = None

    @property
    def word(self):
        """``accept``, ``warn`` or ``reject``: the worst finding decides."""
        severities = {finding.severity for finding in self.findings}
        return "reject" if "reject" in severities else "warn" if "warn" in severities else "accept"

    def raiseRejection(self):
        """
        :raises InputRefused: with the first rejecting finding
        """
        finding = firstRejection(self.findings)
        if finding:
            raise InputRefused(finding.code, finding.message, finding.action, finding.files)

    def asDict(self):
        return {
            "verdict": self.word,
            "findings": [finding.asDict() for finding in self.findings],
            "series": [series.asDict(rank) for rank, series in enumerate(self.series, 1)],
        }


def examine(source, seriesUid=None, progress=noProgress):
    """Scan a source and judge what is in it. What has to be unpacked is removed with the verdict.

    :param seriesUid: which series to take; needed where there are several CT volumes, which one is never guessed
    :returns: :class:`Verdict`
    :param source: folder, file, ZIP archive, DICOMDIR, or ``dicomweb:URL?...``
    :raises InputRefused, UsageError, StoreFailed: as :func:`PlanningHubLib.Sources.openSource`
    """
    ensure("PlanningHubLib")
    opened = openSource(source, part(progress, 0.0, 0.5) if isUnpacked(source) else noProgress)
    try:
        return _judge(opened, seriesUid, part(progress, 0.5, 1.0) if isUnpacked(source) else progress)
    except PlanningError as error:
        finding = opened.shown(error.asFinding())
        raise type(error)(finding.code, finding.message, finding.action, finding.files) from error


def _judge(opened, seriesUid, progress):
    scanned, findings = scanOpened(opened, progress)
    checked = [CheckedSeries(one.uid, tuple(one.headers), *checkSeries(one)) for one in scanned if one.isCt]
    others = len(scanned) - len(checked)
    if others:
        findings.append(Finding("not-ct", "info", f"{others} series are not CT images and were left alone."))
    # Larger volumes first: the order in which a person would look at them.
    checked.sort(key=lambda one: (one.geometry is None, -len(one.headers), one.uid))
    chosen, choiceFindings = _choose(checked, seriesUid)
    found = (*findings, *choiceFindings, *(chosen.findings if chosen else ()))
    return Verdict(tuple(checked), chosen, tuple(map(opened.shown, found)), opened)


def _choose(checked, seriesUid):
    def reject(code, message, action):
        return None, [Finding(code, "reject", message, action)]

    if seriesUid:
        exact = [one for one in checked if one.uid == seriesUid]
        matches = exact or [one for one in checked if one.geometry and one.uid.split("#")[0] == seriesUid]
        if not matches:
            return reject("no-such-series", f"There is no CT series {seriesUid} here.", "Choose one of those listed.")
        if len(matches) > 1:
            uids = ", ".join(one.uid for one in matches)
            return reject("several-series", f"The series holds {len(matches)} volumes: {uids}.", "Choose one of them.")
        return matches[0], []
    if not checked:
        return reject("no-ct", "There is no CT series here.", "Choose the folder of a CT examination.")
    if len({one.headers[0].patient for one in checked}) > 1:
        return reject("two-patients", "The folder holds series of more than one patient.",
                      "Choose the series by its UID, or import from a folder of one patient.")  # fmt: skip
    usable = [one for one in checked if one.geometry]
    if len(usable) > 1:
        uids = ", ".join(one.uid for one in usable)
        return reject("several-series", f"The folder holds {len(usable)} CT volumes: {uids}.",
                      "Choose the series by its UID.")  # fmt: skip
    return (usable or checked)[0], list(_refusedBeside(checked)) if usable else []


def _refusedBeside(checked):
    """Yield a warning for each series that was passed over for a fault: it may be the one that was meant."""
    for one in checked:
        fault = firstRejection(one.findings)
        if fault and not {finding.code for finding in one.findings} & ORDINARY_FAULTS:
            yield Finding(
                "other-series-refused",
                "warn",
                f"Another CT series of {len(one.headers)} slices is refused: {fault.message}",
                f"If it is the one to plan on: {fault.action}",
                tuple(header.path for header in one.headers[:1]),
            )


def importSeries(source, caseFolder, seriesUid=None, side=None, procedure=None, user=None, progress=noProgress):
    """Examine a source and import its CT series: :func:`examine`, then :func:`importVerdict`.

    :returns: the :class:`Verdict`; the case is in ``caseFolder``
    :raises: what the two raise
    """
    verdict = examine(source, seriesUid, part(progress, 0.0, 0.5))
    importVerdict(verdict, caseFolder, side, procedure, user, part(progress, 0.5, 1.0))
    return verdict


def importIntoNewFolder(source, casesFolder, seriesUid=None, side=None, procedure=None, user=None, progress=noProgress):
    """Import one CT series into a new case, in a folder below ``casesFolder`` that is named after the case.

    :returns: the case's folder
    :raises: what :func:`importSeries` raises
    """
    casesFolder = Path(casesFolder)
    incoming = casesFolder / f"{ASIDE_PREFIX}{uuid.uuid4().hex}"
    try:
        importSeries(source, incoming, seriesUid, side, procedure, user, progress)
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
    :raises GateRefused: ``other-patient``, ``other-side``, ``case-in-use``
    """
    verdict.raiseRejection()
    code = _codeOf(verdict.chosen)
    if isCase(caseFolder):
        with Case.open(caseFolder, writable=True) as case:
            _requireSameCase(case, code, side)
            addSource(case, verdict.chosen, user, progress)
    else:
        with stagedFolder(caseFolder) as stage, Case.createIn(stage, code, side, procedure, user) as case:
            addSource(case, verdict.chosen, user, progress)


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


def addSource(case, series, user=None, progress=noProgress):
    """Copy a checked series into a case, untouched, in the order of its slices.

    :returns: artefact of kind ``source``
    :raises InputRefused: ``cannot-decode``, ``hostile-file``, where compressed slices turn out to be bad
    """
    headers = series.geometry.headers
    if not all(map(isPlain, headers)):
        # A slice that cannot be decoded is found now, not when someone wants to plan on it.
        decodeSlices(headers, part(progress, 0.0, 0.5))
        progress = part(progress, 0.5, 1.0)
    # A multi-frame file is one file of many slices.
    paths = list(dict.fromkeys(header.path for header in headers))
    with case.staging("source", user=user) as stage:
        folder = stage.folder / "dicom"
        folder.mkdir()
        for number, path in enumerate(paths, 1):
            progress(number / len(paths), f"Copying file {number} of {len(paths)}")
            shutil.copyfile(path, folder / f"{number:05}.dcm")
        return stage.commit(
            parameters={"seriesUid": series.uid},
            facts=_facts(case, series),
            software=versions("pydicom"),
            title="CT series",
        )


def _facts(case, series):
    first = series.headers[0]
    return {
        "patientCode": case.patientCode,
        "modality": first.modality,
        "studyUid": first.studyUid,
        "seriesUid": first.seriesUid,
        "frameOfReferenceUid": first.frameOfReferenceUid,
        "shape": list(series.geometry.shape),
        "spacingMm": [round(value, 6) for value in series.geometry.spacingMm],
        "sliceThicknessMm": first.sliceThicknessMm,
        "convolutionKernel": first.convolutionKernel,
        "transferSyntaxUid": first.transferSyntaxUid,
    }
