"""May a printed part be handed out? Only the right one: approved, its traveller complete, its inspection passed."""

from PlanningHubLib import Approval

from ..PartRecords import isFor, newestChild, partNumber
from .Copies import copiesOf, copyText
from .Inspection import MEASURED, SCANNED
from .Papers import readPapers
from .PapersContent import inspectionsOf
from .PapersFields import missingFields

METHOD_WORDS = {MEASURED: "The inspection by dimensions", SCANNED: "The inspection by scan"}
VERDICT_WORDS = {"fail": "failed", "open": "is not complete"}


def releaseFaults(case, part, site=None):
    """Return in words why a part may not be released; empty when it may.

    :param part: artefact, the newest revision of the part
    :param site: :class:`PlanningHubLib.Site.Site`, where it is read already
    """
    faults = []
    state = case.state(part)
    if state != "current":
        faults.append(f"{partNumber(part)} is {state}: make it again.")
    isApproved = bool(Approval.holding(case, [part, *case.graph.above(part)], site))
    if not isApproved:
        faults.append(f"{partNumber(part)} is not approved.")
    return [*faults, *_paperFaults(case, part, isApproved), *_inspectionFaults(case, part)]


def _paperFaults(case, part, isApproved):
    papers = newestChild(case, "papers", part)
    if papers is None:
        return ["There are no papers."]
    if case.damagedFiles(papers):
        return ["The papers were changed outside the suite."]
    faults = []
    if not isFor(case, papers, part):
        faults.append("The papers are stale: make them again.")
    elif papers.facts.get("copies", 1) != len(copiesOf(case, part)):
        faults.append("The papers are of another number of copies: make them again.")
    elif isApproved and not papers.facts["approvals"]:
        faults.append("The papers still say that the part is not approved: make them again.")
    entries, copies = readPapers(case, papers)["entries"], copiesOf(case, part)
    return faults + [
        f"{_of(copy, copies)}The traveller does not say: {field.title}."
        for copy in copies
        for field in missingFields(entries, part, copy)
    ]


def _inspectionFaults(case, part):
    copies, faults = copiesOf(case, part), []
    for copy in copies:
        made = inspectionsOf(case, part, copy)
        if not made:
            faults.append(f"{_of(copy, copies)}The printed part was not inspected.")
        for method, one in made.items():
            if case.damagedFiles(one):
                faults.append(f"{_of(copy, copies)}{METHOD_WORDS[method]} was changed outside the suite.")
            elif one.facts["verdict"] != "pass":
                words = f"{METHOD_WORDS[method]} {VERDICT_WORDS[one.facts['verdict']]}."
                faults.append(_of(copy, copies) + words)
    return faults


def _of(copy, copies):
    """Return the beginning of a sentence about a copy, empty text for the only one."""
    return "" if copy is None else f"{copyText(copy, len(copies)).capitalize()}: "


def releaseRows(case, part, site=None):
    """Return (name, value) rows about a part's papers, for a page: inspections, papers, and what is left to do."""
    papers, copies = newestChild(case, "papers", part), copiesOf(case, part)
    rows = [row for copy in copies for row in _verdictRows(inspectionsOf(case, part, copy), _of(copy, copies))]
    state = "none" if papers is None else f"{partNumber(papers)}, {case.state(papers, readFiles=False)}"
    faults = releaseFaults(case, part, site)
    return [*rows, ("Papers", state), ("Release", " ".join(faults) or "Nothing is left to do.")]


def _verdictRows(made, start):
    return [
        (
            start + words,
            f"{made[method].facts['verdict']} ({partNumber(made[method])})" if method in made else "not made",
        )
        for method, words in METHOD_WORDS.items()
    ]
