"""What a case is for: the patient's treatment, education, or quality assurance. Only the first may reach a patient."""

from .Errors import GateRefused, UsageError

USES = ("planning", "education", "quality")
TREATMENT = "planning"


def stateUse(case, use, user=None):
    """State what a case is for.

    :param case: open for writing
    :param use: one of ``USES``
    :raises UsageError: ``unknown-use``
    :raises GateRefused: ``approved-locked``, while an approval stands: it was signed for the other use
    """
    if use not in USES:
        raise UsageError("unknown-use", f"{use!r} is no intended use.", f"Use one of {', '.join(USES)}.")
    governance = case.governance
    if use == governance["intendedUse"]:
        return
    if any(one["voided"] is None for one in governance["approvals"]):
        raise GateRefused(
            "approved-locked", f"Case {case.name} is approved for {governance['intendedUse']}.", "Reopen it first."
        )
    before, governance["intendedUse"] = governance["intendedUse"], use
    case.changeGovernance(governance, "use-stated", {"from": before, "to": use}, user)


def intendedUse(case):
    """Return what a case is for."""
    return case.governance["intendedUse"]


def isForTreatment(case):
    """Tell whether what comes of a case may serve its patient's treatment."""
    return intendedUse(case) == TREATMENT


def requireTreatment(case):
    """
    :raises GateRefused: ``not-for-treatment``
    """
    if not isForTreatment(case):
        raise GateRefused(
            "not-for-treatment",
            f"Case {case.name} is for {intendedUse(case)}: nothing of it may be approved for an operation.",
            "Make a case for planning.",
        )
