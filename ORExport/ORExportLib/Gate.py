"""The gate before a package: everything that must hold of a case before something of it may reach a patient.

Each finding has a code of its own. What rejects refuses the package before anything is written; what warns stands in
the manifest, on the pages and in the viewer, because the operating room has to know it.
"""

import functools

from PlanningHubLib import Approval, Consent
from PlanningHubLib.DicomScan import readHeaders
from PlanningHubLib.Errors import Finding, GateRefused, PlanningError, firstRejection
from PlanningHubLib.IntendedUse import intendedUse, isForTreatment
from PlanningHubLib.PartsTogether import partsTogether
from PlanningHubLib.Procedures import findProcedure
from PlanningHubLib.Site import Site
from PlanningHubLib.VerdictFacts import readFacts
from PlanningHubLib.Volumes import seriesPaths

from .GateIdentity import patientFindings, sideFindings
from .GateScan import ageFindings, newerFindings

PURPOSE = "or-package"
# So many reasons why nothing is approved are told, the newest last.
MOST_REASONS = 4


def gateFindings(case, inputs, approvals, newerStudies=None, headers=None):
    """Return what the gate has to say of a package.

    Files are not hashed here: who asks has just had the inputs' hashes checked.

    :param inputs: the artefacts that the package is made from, as :func:`ORExportLib.Package.requireInputs` returns
        them
    :param approvals: those that hold for them; empty where it is not approved
    :param newerStudies: function of (patient ID, day of the scan) that returns the studies of a store that are not
        older, as :mod:`ORExportLib.GateScan` describes them, or None where the store cannot tell
    :param headers: :class:`PlanningHubLib.SliceHeader.SliceHeader` of all slices, where they are known already
    :returns: list of findings
    :raises InputRefused: where the source, the site's or the procedure's file cannot be read
    """
    headers = headers or readHeaders(seriesPaths(case, inputs.source))
    facts = readFacts(headers)
    return [
        *_consentFindings(case),
        *_useFindings(case),
        *_staleFindings(case, inputs.artefacts),
        *_approvalFindings(case, inputs.artefacts, approvals),
        *patientFindings(case, inputs, headers),
        *sideFindings(case, inputs, facts),
        *ageFindings(facts.scanDate, findProcedure(case.procedure)[0]),
        *newerFindings(headers[0].patientId, headers[0].studyUid, facts.scanDate, newerStudies),
    ]


def requireOpen(findings):
    """Refuse what a finding rejects.

    :raises GateRefused: with the finding's code, and how many more there are
    """
    finding = firstRejection(findings)
    if finding:
        others = sum(one.severity == "reject" for one in findings) - 1
        message = f"{finding.message} {others} more finding(s) refuse it too." if others else finding.message
        error = GateRefused(finding.code, message, finding.action, finding.files)
        ordered = sorted(findings, key=lambda one: one.severity != "reject")
        error.result = {"findings": [one.asDict() for one in ordered]}
        raise error


def glance(case, requireInputs, newerStudies=None):
    """Return what the gate would say now, also where the inputs themselves are refused; for showing it at any time.

    :param requireInputs: function of the case that returns its inputs, or refuses
    """
    try:
        inputs = requireInputs(case)
        return gateFindings(case, inputs, Approval.holding(case, inputs.artefacts), newerStudies)
    except PlanningError as error:
        return [error.asFinding(), *_consentFindings(case), *_useFindings(case)]


def _consentFindings(case):
    try:
        Consent.requireConsent(case, PURPOSE)
    except GateRefused as error:
        return [error.asFinding()]
    return Consent.treatmentFindings(case)


def _useFindings(case):
    if not isForTreatment(case):
        yield Finding(
            "not-for-treatment", "warn", f"The case is for {intendedUse(case)}: nothing of it may reach a patient.",
            "Make a case for planning, if it is meant for an operation.",
        )  # fmt: skip


def _staleFindings(case, artefacts):
    for artefact, state in zip(artefacts, case.states(artefacts, readFiles=False), strict=True):
        if state != "current":
            yield Finding(
                f"stale-{artefact.kind}", "reject",
                f"{artefact.title} ({artefact.id}) is {state}: what it was made from has changed since.",
                f"Make the {artefact.kind} again.",
            )  # fmt: skip
    for part in partsTogether(case)[1]:
        yield Finding(
            "part-left-out", "warn", f"{part.title} ({part.id}) of the same plan is stale and not in the package.",
            "Make it again, if it is meant for the operation.",
        )  # fmt: skip


def _approvalFindings(case, artefacts, approvals):
    wanted = {(one.id, one.content) for one in artefacts}
    for approval in approvals:
        covered = {(one["id"], one["content"]) for one in approval["statement"]["artefacts"]}
        for artefactId, _content in sorted(wanted - covered):
            yield Finding(
                "approval-differs", "reject", f"{approval['id']} was signed for another {artefactId}.",
                "Have what the package is made from approved.",
            )  # fmt: skip
    if not approvals:
        reasons = "; ".join(_reasons(case)[-MOST_REASONS:])
        yield Finding(
            "not-approved", "warn", f"The case is not approved: {reasons or 'nobody has signed for it yet'}.",
            "Have it approved before it is used; until then every page, image and file says that it is not.",
        )  # fmt: skip


def _reasons(case):
    recorded = case.governance["approvals"]
    if not recorded:
        return []
    site, stateOf = Site.forThisInstallation(), functools.partial(case.state, readFiles=False)
    reasons = [f"{one['id']}: {fault}" for one in recorded for fault in Approval.faults(case, one, site, stateOf)]
    return reasons or ["not everyone who must has signed for what it is made from"]
