"""The order in which a person should look at the series of a scan for a procedure, with the reason in words."""

from .Procedures import kernelKind
from .VerdictHeaders import scanAgeDays


def rankKey(series, procedure):
    """Return the sort key of a checked series: the most fit for the procedure comes first.

    CT before MR, so that each is ranked among its own. Usable before refused; then fewer rejecting and fewer warning
    findings, finer slices, the kernel wanted, the contrast wanted, more coverage, the younger scan.
    """
    if series.geometry is None:
        return (not series.facts.isHu, 1, 0, 0, 0, 0, 0, -len(series.headers), 0, series.uid)
    severities = [finding.severity for finding in series.findings]
    days = scanAgeDays(series.facts)
    return (
        not series.facts.isHu,
        0,
        severities.count("reject"),
        severities.count("warn"),
        round(series.geometry.spacingMm[2], 1),
        not _kernelFits(series.facts, procedure),
        not _contrastFits(series.facts, procedure),
        -round(coverageMm(series)),
        days if days is not None else 1 << 20,
        series.uid,
    )


def reason(series, procedure):
    """Return in words what decides a series' rank."""
    if series.geometry is None:
        first = next(finding for finding in series.findings if finding.severity == "reject")
        return f"not usable: {first.message}"
    days = scanAgeDays(series.facts)
    parts = [
        f"slices {series.geometry.spacingMm[2]:.2f} mm apart, pixels {max(series.geometry.spacingMm[:2]):.2f} mm",
        _kernelWords(series.facts),
        f"{coverageMm(series):.0f} mm covered",
        "contrast medium" if series.facts.hasContrast else "no contrast medium stated",
        "date not stated" if days is None else f"{days} days old",
    ]
    faults = [finding.code for finding in series.findings if finding.severity in ("reject", "warn")]
    return "; ".join(parts) + (f"; for {procedure.title}: {', '.join(faults)}" if faults else "")


def _kernelWords(facts):
    if not facts.isHu:
        return facts.modality
    kernel = facts.first("kernel")
    kind = kernelKind(kernel, facts.first("manufacturer"))
    return f"{kind} kernel ({kernel})" if kind else f"unknown kernel ({kernel or 'not stated'})"


def coverageMm(series):
    """Return the length along the slices' normal."""
    return series.geometry.shape[0] * series.geometry.spacingMm[2]


def _kernelFits(facts, procedure):
    rule = procedure.limit("kernel")
    return not rule or kernelKind(facts.first("kernel"), facts.first("manufacturer")) in rule["wanted"]


def _contrastFits(facts, procedure):
    rule = procedure.limit("contrast")
    return not rule or facts.hasContrast is (rule["rule"] == "required")
