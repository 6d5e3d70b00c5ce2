"""The command for plans: carry one out on a case, list its variants, write one to a file.

It takes the parsed options and returns (JSON values, report for a person, exit code).
"""

from pathlib import Path

from PlanningHubLib import Consent
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused, UsageError
from PlanningHubLib.Files import writeAside
from PlanningHubLib.Planning import Plan
from PlanningHubLib.Planning.Document import readDocument
from PlanningHubLib.Planning.Figures import figureLines

from . import Chain
from .Console import table


def addCommand(command):
    """Add the command to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    planning = command("plan", plan, "carry out a plan on the segmented case, list its plans, or write one to a file")
    planning.add_argument("--case", required=True, metavar="DIR")
    planning.add_argument("--plan", metavar="FILE", help="the plan to carry out")
    planning.add_argument("--list", dest="listed", action="store_true", help="list the case's plans")
    planning.add_argument(
        "--export", metavar="FILE", help="write the plan made last, with all its points as they count"
    )


def plan(options, console):
    if not (options.plan or options.listed or options.export):
        raise UsageError("usage", "There is nothing to do.", "Give --plan FILE, --list or --export FILE.")
    result, reports = {}, []
    if options.plan:
        document = readDocument(Path(options.plan))
        result = Chain.makePlan(options.case, document, console.progress("plan"))
        reports.append(planReport(result))
    with Case.open(options.case, writable=bool(options.export)) as case:
        if options.listed:
            result["plans"] = [_listed(case, one) for one in Plan.variants(case)]
            reports.append(_plansReport(result["plans"]))
        if options.export:
            result["export"] = exportPlan(case, Path(options.export))
            reports.append(f"Written: {options.export}")
    return result, "\n\n".join(reports), 0


def exportPlan(case, path):
    """Write the document of a case's current plan to a file; return its path and hash.

    :param case: open for writing
    :raises GateRefused: ``no-plan``, ``stale-plan``, ``damaged-plan``; ``no-consent``
    :raises InputRefused: ``already-there``, ``cannot-write``, ``disk-full``
    """
    if path.exists():
        raise InputRefused("already-there", f"{path} exists.", "Choose another file or remove it.", [path])
    plan = case.require("plan")
    Consent.release(case, "plan-file", f"file {path.absolute()}", [plan])
    writeAside(path, case.path(plan, Plan.DOCUMENT_FILE).read_bytes())
    return Chain.outputOf(path, plan.files[Plan.DOCUMENT_FILE].sha256)


def planReport(result):
    """Return what the steps of a plan gave, for a person."""
    rows = [["step", "operation", "figures"]]
    for step in result["steps"]:
        lines = [f"{name} {value}" for name, value in figureLines(step["figures"])] or ["-"]
        rows.append([step["name"], step["do"], lines[0]])
        rows += [["", "", line] for line in lines[1:]]
    head = f"{result['title']}: {result['id']} revision {result['revision']}, for {result['intended_use']}"
    lines = [f"  {one['severity']} {one['code']}: {one['message']} {one['action']}" for one in result["findings"]]
    lines += [f"  {output['sha256'][:12]}  {output['path']}" for output in result["outputs"]]
    return "\n".join([head, table(rows), *lines])


def _listed(case, plan):
    return {
        "id": plan.id, "revision": plan.revision, "title": plan.title, "content": plan.content, "when": plan.when,
        "state": case.state(plan), "intended_use": plan.parameters["intendedUse"], "solids": plan.facts["solids"],
    }  # fmt: skip


def _plansReport(plans):
    if not plans:
        return "The case has no plan."
    rows = [["plan", "title", "revision", "state", "solids"]]
    rows += [[one["id"], one["title"], one["revision"], one["state"], ", ".join(one["solids"]) or "-"] for one in plans]
    return table(rows)
