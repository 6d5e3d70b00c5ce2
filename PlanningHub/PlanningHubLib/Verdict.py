"""The verdict on a scan: every series checked by the procedure's limits, the chosen one, the findings that decide."""

import dataclasses

from .Completion import requireUnknownPatient
from .Errors import Finding, InputRefused, PlanningError, firstRejection
from .Modality import modalityFindings
from .Ranking import rankKey, reason
from .Repair import RepairPlan, planRepair
from .SeriesGeometry import VolumeGeometry, checkSeries
from .SliceHeader import ScannedSeries
from .Sources import OpenedSource
from .VerdictFacts import SeriesFacts, readFacts
from .VerdictHeaders import headerFindings
from .VerdictSide import sideFindings
from .VerdictVoxels import VoxelFacts, measureVoxels, sampleIndices, voxelFindings
from .Volumes import readSlices


@dataclasses.dataclass(frozen=True)
class CheckedSeries:
    """One series of a scan: its geometry (None where it was refused) and findings.

    :param headers: as scanned, in no particular order
    :param facts: what its headers say beside the geometry
    :param repair: how it will be repaired; None where it needs no repair or the user did not agree
    :param reason: in words, what decides its rank among the series
    """

    uid: str
    headers: tuple
    geometry: VolumeGeometry | None
    findings: tuple
    facts: SeriesFacts
    repair: RepairPlan | None = None
    reason: str = ""

    def asDict(self, rank):
        shape = list(self.geometry.shape) if self.geometry else None
        spacing = [round(value, 6) for value in self.geometry.spacingMm] if self.geometry else None
        return {
            "uid": self.uid,
            "modality": self.facts.modality,
            "rank": rank,
            "reason": self.reason,
            "shape": shape,
            "spacing_mm": spacing,
            "volume_checked": self.geometry is not None,
        }


@dataclasses.dataclass(frozen=True)
class Scan:
    """What was found in a source before it was judged.

    :param series: :class:`PlanningHubLib.SliceHeader.ScannedSeries`, CT or not
    :param stamps: path → size and time of the files
    """

    opened: OpenedSource
    series: tuple
    findings: tuple
    stamps: dict


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a scan found: every series in the order of their ranks, the chosen one, and the findings that decide.

    :param procedure: :class:`PlanningHubLib.Procedures.Procedure` whose limits were used
    :param voxelFacts: :class:`PlanningHubLib.VerdictVoxels.VoxelFacts` of the chosen series, None where not looked at
    :param scan: what was judged; it keeps what was unpacked until the series is imported
    """

    series: tuple
    chosen: CheckedSeries | None
    findings: tuple
    procedure: object
    voxelFacts: VoxelFacts | None
    scan: Scan

    @property
    def opened(self):
        """The :class:`PlanningHubLib.Sources.OpenedSource` that was scanned."""
        return self.scan.opened

    @property
    def lacksPatientId(self):
        """Whether the chosen series names no patient, so that a repair needs the user's statement."""
        return self.chosen is not None and any(
            finding.code == "no-patient-id" and finding.severity == "reject" for finding in self.chosen.findings
        )

    @property
    def mayBeRepaired(self):
        """Whether the chosen series is refused for nothing but what a repair mends."""
        one = self.chosen
        if one is None or one.geometry is not None:
            return False
        series = ScannedSeries(one.uid, list(one.headers), len(one.headers))
        return planRepair(series, one.findings, self.procedure, "any" if self.lacksPatientId else None)[0] is not None

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
            "procedure": self.procedure.asParameters(),
            "findings": [finding.asDict() for finding in self.findings],
            "series": [series.asDict(rank) for rank, series in enumerate(self.series, 1)],
            "chosen": self.chosen.uid if self.chosen else None,
            "measured": self.voxelFacts.asDict() if self.voxelFacts else None,
        }


def judgeSeries(scanned, procedure, side=None, repair=False, patientId=None):
    """Return the :class:`CheckedSeries` of a scanned series, judged by its headers alone.

    :param side: the side of the request, None for not stated
    :param repair: whether the user agrees to resampling and completing where that mends it
    :param patientId: what the user states for images without a patient ID
    :raises UsageError: ``patient-id-known``
    """
    requireUnknownPatient(scanned.headers, patientId)
    geometry, findings = checkSeries(scanned)
    plan, facts = None, readFacts(scanned.headers)
    if geometry is None and repair:
        plan, findings = planRepair(scanned, findings, procedure, patientId)
        geometry = plan.geometry if plan else None
    headers = geometry.headers if plan else tuple(scanned.headers)
    findings = [*findings, *sideFindings(facts, side)]
    if geometry is not None:
        largest = float(plan.stepsMm.max()) if plan else None
        findings += modalityFindings(geometry.headers, facts, procedure)
        findings += headerFindings(geometry, facts, procedure, largest)
    return CheckedSeries(scanned.uid or headers[0].seriesUid, headers, geometry, tuple(findings), facts, plan)


def ranked(checked, procedure):
    """Return the series in the order in which a person should look at them, each with its reason."""
    ordered = sorted(checked, key=lambda one: rankKey(one, procedure))
    return [dataclasses.replace(one, reason=reason(one, procedure)) for one in ordered]


def judgeVoxels(series, procedure):
    """Look at a sample of a series' voxels.

    :returns: :class:`PlanningHubLib.VerdictVoxels.VoxelFacts` (None where they cannot be decoded, or are not in HU) and
        the findings
    """
    headers = series.geometry.headers
    if any((header.samplesPerPixel or 1) != 1 for header in headers):
        return None, [Finding("not-gray", "reject", "The slices are color pictures, not measurements.",
                              "Choose the original series.", (headers[0].path,))]  # fmt: skip
    try:
        sample = readSlices([headers[index] for index in sampleIndices(len(headers))])
    except PlanningError as error:
        return None, [error.asFinding()]
    if not series.facts.isHu:
        return None, []
    voxelFacts = measureVoxels(sample, series.geometry)
    return voxelFacts, voxelFindings(voxelFacts, series.facts, procedure)


def severalSeries(usable):
    """Return the refusal to guess among several usable series, which are listed in the order of their ranks."""
    lines = "; ".join(f"{rank}. {one.uid} ({one.reason})" for rank, one in enumerate(usable, 1))
    what = f"{len(usable)} {usable[0].facts.modality} volumes"
    return Finding(
        "several-series", "reject", f"The folder holds {what}, best first: {lines}.",
        "Choose the series by its UID.",
    )  # fmt: skip
