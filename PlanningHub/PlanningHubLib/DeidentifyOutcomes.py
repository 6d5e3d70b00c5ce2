"""Outcomes of a copy, told anew as its plans are: every figure as it is, names as in the copied plan, no other words.

Table and report are made again of what may be told. The scan after the operation is not in the case and so not in the
copy: what stays of it are its mapped UIDs and its figures; the hash of its voxels would lead back to it.
"""

import json

from . import DeidentifyRules as Rules
from .Case import SIDES
from .DeidentifyDocuments import contentOf
from .DeidentifyPlanNames import wordsOf
from .DeidentifyPlans import copiedUid, titleOf, told, toldFinding
from .Errors import InputRefused
from .Planning.Outcome import REPORT_FILE, RESULT_FILE, TABLE_FILE, outcomeFiles
from .Planning.OutcomeReport import TABLES
from .Planning.OutcomeView import outcomes, planOf

FOLDER = "outcomes"
FILE_KINDS = {RESULT_FILE: "outcome", TABLE_FILE: "outcome-table", REPORT_FILE: "pdf"}
SCAN_UIDS = ("studyUid", "seriesUid", "frameOfReferenceUid")
NO_WORDS = "the words of the original are not copied"


def writeOutcomes(copy, case):
    """Write each current outcome of a case into a :class:`PlanningHubLib.Deidentify.Copy` that holds its plan.

    An outcome that cannot be told anew is left out with the reason.
    """
    copy.cleaner.identifiers |= scanUids(case)
    for outcome in [one for one in copy.found.artefacts if one.kind == "outcome"]:
        try:
            _writeOutcome(copy, case, outcome)
        except InputRefused as error:
            copy.leave("outcome of the case", error.message)


def scanUids(case):
    """Return the UIDs of the scans that a case's plans were compared with."""
    scans = [one.facts.get("scan", {}) for one in outcomes(case)]
    uids = {scan.get(key) for scan in scans for key in SCAN_UIDS}
    return {uid for uid in uids if uid and not Rules.isKnownUid(uid)}


def _writeOutcome(copy, case, outcome):
    plan = planOf(case, outcome)
    if plan.id not in copy.plans:
        raise InputRefused("no-plan", "The plan that it is of is left out.")
    document, names = copy.plans[plan.id]
    values = json.loads(case.path(outcome, RESULT_FILE).read_bytes())
    copied = copiedOutcome(values, names, wordsOf(case.procedure))
    copied["plan"] = {"id": copy.names[plan.id], "title": titleOf(copy, plan), "content": contentOf(copy, plan)}
    copied["scan"] |= {key: copiedUid(copy, values["scan"][key]) for key in SCAN_UIDS}
    folder = copy.folder / FOLDER / f"{copy.pseudonym}-{copy.names[outcome.id]}"
    side = case.side if case.side in SIDES else None
    files = outcomeFiles(f"{copy.pseudonym} (de-identified copy)", side, document["intendedUse"], copied)
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
        copy.add(folder / name, FILE_KINDS[name], case.path(outcome, name))


def copiedOutcome(outcome, names, words):
    """Return what may be kept of an outcome; its plan and the UIDs of its scan are not.

    :param outcome: as ``outcome.json`` holds it
    :param names: name in the plan → name in its copy
    :param words: texts that may stay
    :raises InputRefused: ``cannot-be-told``
    """

    def whole(row, **otherwise):
        kept = {**otherwise, **told(row, names, words)}
        if kept.keys() != row.keys():
            raise InputRefused("cannot-be-told", "It says more than numbers and names of its plan.")
        return kept

    ofScan = outcome["scan"].keys() - {*SCAN_UIDS, "voxelsSha256"}
    return {
        "registration": whole(outcome["registration"]),
        "scan": whole({key: outcome["scan"][key] for key in ofScan}),
        **{kind: [whole(row) for row in outcome[kind]] for kind in TABLES},
        "notFound": [whole(row, reason=NO_WORDS) for row in outcome["notFound"]],
        "findings": [toldFinding(one) for one in outcome["findings"]],
    }
