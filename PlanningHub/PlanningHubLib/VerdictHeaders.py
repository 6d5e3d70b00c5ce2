"""Findings that the headers decide, by the limits of the procedure: resolution, coverage, kernel, age, orientation."""

import datetime
import math

import numpy

from .Errors import Finding
from .Procedures import kernelKind, severityOf

UNITS = {"Mm": "mm", "Mm2": "mm²", "Hu": "HU", "Days": "days", "Degrees": "degrees"}
FINER = "Ask for a reconstruction with thinner slices from the raw data, or scan again."
# Overlapping reconstructions go up to a thickness of about three distances; beyond, the header is not to be believed.
PLAUSIBLE_OVERLAP = 3.0
GAP_RATIO = 0.8
HEADER_TILT_DEGREES = 0.5


def today():
    """Return the day against which the age of a scan counts."""
    return datetime.date.today()


def headerFindings(geometry, facts, procedure, largestStepMm=None):
    """Return the findings of a series that geometry and header decide.

    :param geometry: :class:`PlanningHubLib.SeriesGeometry.VolumeGeometry`
    :param facts: :class:`PlanningHubLib.VerdictFacts.SeriesFacts`
    :param procedure: :class:`PlanningHubLib.Procedures.Procedure`
    :param largestStepMm: largest distance between slices where they are not evenly spaced
    """
    spacing = largestStepMm or geometry.spacingMm[2]
    checks = (
        _resolution(geometry, spacing, procedure),
        _thickness(spacing, facts, procedure),
        _extent(geometry, procedure),
        _age(facts, procedure),
        # MR is scanned in any plane, and has no kernel.
        *((_orientation(geometry, facts, procedure), _kernel(facts, procedure)) if facts.isHu else ()),
    )
    return [finding for found in checks for finding in found]


def limitFinding(procedure, key, code, value, message, action):
    """Yield a finding where a value breaks the procedure's limit of that name; the message ends with the limit."""
    limit = procedure.limit(key)
    severity = severityOf(limit, value)
    if severity:
        bounds = [limit.get(severity + side) for side in ("Above", "Below")]
        high, low = (bound is not None for bound in bounds)
        which = "at most" if high and value > bounds[0] else "at least" if low else "at most"
        bound = bounds[0] if which == "at most" else bounds[1]
        words = "is required" if severity == "reject" else "is recommended"
        figure = f"{bound:.2%}" if key.endswith("Fraction") else f"{bound:g} {_unit(key)}"
        yield Finding(code, severity, f"{message}; for {procedure.title} {which} {figure} {words}.", action)


def _unit(key):
    return next(unit for end, unit in UNITS.items() if key.endswith(end))


def _resolution(geometry, spacing, procedure):
    yield from limitFinding(
        procedure, "sliceSpacingMm", "slice-spacing", round(spacing, 3), f"Slices lie {spacing:.2f} mm apart", FINER
    )
    pixel = max(geometry.spacingMm[:2])
    yield from limitFinding(
        procedure, "pixelSpacingMm", "pixel-spacing", round(pixel, 3), f"Pixels measure {pixel:.2f} mm",
        "Ask for a reconstruction with a smaller field of view or a larger matrix.",
    )  # fmt: skip


def _thickness(spacing, facts, procedure):
    stated = [value for value in facts.numbers("sliceThicknessMm") if value > 0]
    if not stated:
        return
    thickness = max(stated)
    if thickness > PLAUSIBLE_OVERLAP * spacing:
        yield Finding(
            "implausible-thickness", "info",
            f"The header states slices of {thickness:g} mm, though they lie {spacing:.2f} mm apart: "
            "the distance was measured, the thickness was not.",
            "Look whether edges are blurred along the body axis; if so, ask for thinner slices.",
        )  # fmt: skip
        return
    yield from limitFinding(
        procedure, "sliceThicknessMm", "slice-thickness", thickness, f"Slices are {thickness:g} mm thick", FINER
    )
    if thickness < GAP_RATIO * spacing:
        yield Finding(
            "slice-gap", "warn",
            f"Slices are {thickness:g} mm thick but lie {spacing:.2f} mm apart: what lies between was not imaged.",
            "Ask for a reconstruction without gaps.",
        )  # fmt: skip


def _extent(geometry, procedure):
    coverage = geometry.shape[0] * geometry.spacingMm[2]
    yield from limitFinding(
        procedure, "coverageMm", "coverage", round(coverage, 1), f"The slices cover {coverage:.0f} mm",
        "See that everything the plan needs is in the scan; else scan again over a longer range.",
    )  # fmt: skip
    field = min(geometry.shape[2] * geometry.spacingMm[0], geometry.shape[1] * geometry.spacingMm[1])
    yield from limitFinding(
        procedure, "fieldOfViewMm", "field-of-view", round(field, 1), f"The field of view is {field:.0f} mm wide",
        "Ask for a reconstruction with a larger field of view.",
    )  # fmt: skip


def _orientation(geometry, facts, procedure):
    degrees = axisAngleDegrees(geometry)
    yield from limitFinding(
        procedure, "axisAngleDegrees", "not-axial", round(degrees, 1),
        f"The slices lie {degrees:.0f} degrees off the axial plane",
        "Choose the axial series they were reformatted from, if there is one.",
    )  # fmt: skip
    tilts = [abs(value) for value in facts.numbers("tiltDegrees")]
    if tilts and max(tilts) > HEADER_TILT_DEGREES and degrees < HEADER_TILT_DEGREES:
        yield Finding(
            "tilt-not-in-geometry", "warn",
            f"The header states a gantry tilt of {max(tilts):g} degrees, but the slices' positions show none: "
            "if the tilt was lost on the way, every angle of the volume is wrong.",
            "Compare with the scanner's own images before planning; fetch the original series from the archive.",
        )  # fmt: skip


def axisAngleDegrees(geometry):
    """Return the angle between the slices' normal and the body axis."""
    normal = numpy.asarray(geometry.ijkToLps)[:3, 2]
    return math.degrees(math.acos(min(1.0, abs(normal[2]) / numpy.linalg.norm(normal))))


def _kernel(facts, procedure):
    rule = procedure.limit("kernel")
    if not rule:
        return
    name = facts.first("kernel")
    kind = kernelKind(name, facts.first("manufacturer"))
    wanted = " or ".join(rule["wanted"])
    if kind is None:
        said = f'"{name}" is not a known kernel' if name else "The header states no kernel"
        yield Finding(
            "unknown-kernel", "info", f"{said}; for {procedure.title} a {wanted} kernel is recommended.",
            "Ask the radiographer which kernel was used.",
        )  # fmt: skip
    elif kind not in rule["wanted"]:
        yield Finding(
            "kernel", rule["otherwise"],
            f"The kernel {name} is one for {kind}; for {procedure.title} a {wanted} kernel is recommended.",
            f"Ask for a reconstruction with a {wanted} kernel from the raw data.",
        )  # fmt: skip


def _age(facts, procedure):
    if not procedure.limit("scanAgeDays"):
        return
    days = scanAgeDays(facts)
    if days is None:
        yield Finding(
            "no-scan-date", "warn", "The series states no date, so nobody can tell how old the scan is.",
            "Find out when it was taken.",
        )  # fmt: skip
    elif days < 0:
        yield Finding(
            "scan-date-in-future", "warn", f"The scan is dated {facts.scanDate.isoformat()}, which is yet to come.",
            "Check the clocks of scanner and this machine.",
        )  # fmt: skip
    else:
        yield from limitFinding(
            procedure, "scanAgeDays", "scan-age", days, f"The scan is {days} days old",
            "Check that the anatomy has not changed since, or scan again.",
        )  # fmt: skip


def scanAgeDays(facts):
    """Return the scan's age in days, None where it is not dated."""
    return (today() - facts.scanDate).days if facts.scanDate else None
