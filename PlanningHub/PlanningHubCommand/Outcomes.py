"""The command that compares a plan with a CT after the operation.

Each function takes the parsed options and returns (JSON values, report for a person, exit code).
"""

import json
from pathlib import Path

from PlanningHubLib.Case import Case
from PlanningHubLib.Session import Session

from .ArchiveOptions import addArchiveOptions, credentialsOf, rememberWhatWorked
from .Chain import described
from .Console import table

# Kind of row -> its name, and the figures a person sees first.
SHOWN = {
    "planes": ("plane", ("angleDegrees", "offsetMm")),
    "bodies": ("body", ("angleDegrees", "distanceMm", "meanMm")),
    "trajectories": ("trajectory", ("angleDegrees", "entryDistanceMm", "targetDistanceMm")),
}


def addCommands(command):
    """Add these commands to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    from PlanningHubLib.Planning.Outcome import METAL_HU
    from PlanningHubLib.Segmentation import DEFAULT_THRESHOLD_HU

    comparing = command("outcome", outcome, "compare the case's plan with a CT after the operation")
    comparing.add_argument("--case", required=True, metavar="DIR")
    comparing.add_argument(
        "--postop", dest="source", required=True, metavar="SOURCE", help="the CT after the operation, as for import"
    )
    comparing.add_argument("--series", dest="seriesUid", metavar="UID", help="which of several series")
    comparing.add_argument("--on", metavar="NAME", help="the segment or solid that is registered on; it was not moved")
    comparing.add_argument("--threshold-hu", dest="thresholdHu", type=float, default=DEFAULT_THRESHOLD_HU, metavar="HU")
    comparing.add_argument("--metal-hu", dest="metalHu", type=float, default=METAL_HU, metavar="HU")
    comparing.add_argument(
        "--repair", action="store_true", help="agree to resampling where the gantry was tilted or slices are uneven"
    )
    comparing.add_argument("--achieved", metavar="FILE", help="entries and targets placed by a person, as JSON")
    addArchiveOptions(comparing)


def outcome(options, console):
    """Compare, keep the outcome in the case, and tell its figures."""
    from PlanningHubLib.Planning.Outcome import RESULT_FILE, Wishes, compareOutcome, readAchieved

    achieved = readAchieved(Path(options.achieved)) if options.achieved else {}
    wishes = Wishes(options.on, options.thresholdHu, options.metalHu, achieved, repair=options.repair)
    credentials = credentialsOf(options)
    with Session.start() as session, Case.open(options.case, writable=True) as case:
        artefact = compareOutcome(
            case, session, options.source, wishes, options.seriesUid, progress=console.progress("outcome"),
            credentials=credentials,
        )  # fmt: skip
        rememberWhatWorked(options, credentials)
        found = json.loads(case.path(artefact, RESULT_FILE).read_bytes())
        result = {**described(case, artefact), **found}
    return result, _report(result), 0


def _report(result):
    fit = result["registration"]
    lines = [
        f"{result['id']} revision {result['revision']}",
        f"registered on {fit['on']}: {fit['meanMm']:.2f} mm left on average, {fit['p95Mm']:.2f} mm at 95 %",
    ]
    for kind, (name, figures) in SHOWN.items():
        if result[kind]:
            rows = [(row[name], *(f"{row[figure]:.2f}" for figure in figures)) for row in result[kind]]
            lines.append(table([(name, *figures), *rows]))
    lines += [f"  not found: {row['kind']} {row['name']}: {row['reason']}" for row in result["notFound"]]
    return "\n".join(lines)
