"""The commands that look after what a central store keeps: verify it again, and take something back.

Each function takes the parsed options and returns (JSON values, report for a person, exit code).
"""

from pathlib import Path

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import InputRefused

from .Console import findingLines

STORE_HELP = "folder, dicomweb+https://host/path, dicom://AET@host:port, or a store's name in site.json"
REASONS = ("quality", "safety", "data-retention", "incorrect-worklist-entry")
PATIENCE_SECONDS = 60


def addCommands(command):
    """Add these commands to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    scrubbing = command("scrub", scrub, "verify again what a store should keep, and repair it from local copies")
    scrubbing.add_argument("--store", required=True, metavar="STORE", help=STORE_HELP)
    extent = scrubbing.add_mutually_exclusive_group()
    extent.add_argument("--due", action="store_true", help="only what was last verified scrubDays ago (site.json)")
    extent.add_argument("--all", action="store_true", help="all that this workstation sent there, the default")
    scrubbing.add_argument(
        "--case", dest="cases", action="append", default=[], metavar="DIR",
        help="look for what the receipts of this case name too; may be given several times",
    )  # fmt: skip
    scrubbing.add_argument("--report", metavar="FILE", help="write the report: JSON for .json, else text")

    retracting = command("retract", retract, "say in the store that an artefact is not to be used; nothing is deleted")
    retracting.add_argument("--case", required=True, metavar="DIR")
    retracting.add_argument("--store", required=True, metavar="STORE", help=STORE_HELP)
    retracting.add_argument("--artefact", required=True, metavar="ID", help="such as part-1, or part-1/r2")
    retracting.add_argument("--reason", required=True, choices=REASONS)
    retracting.add_argument("--text", required=True, metavar="WHY", help="in words, for whoever finds the note")


def scrub(options, console):
    """Scrub a store; the report is written before the exit code says how it ended."""
    from CentralSyncLib import Access
    from CentralSyncLib.Outbox.Outbox import Outbox
    from CentralSyncLib.Stores.Addresses import openStore
    from CentralSyncLib.Stores.Settings import storeSettings
    from CentralSyncLib.Upkeep.Scrub import scrub as scrubStore

    _requireReportFolder(options.report)
    settings = storeSettings(options.store)
    Access.require(options.store, "scrub")
    with Outbox.forThisWorkstation() as outbox:
        report = scrubStore(
            outbox, openStore(options.store, settings=settings), settings.scrubDays, onlyDue=options.due,
            caseFolders=options.cases, patienceSeconds=PATIENCE_SECONDS, progress=console.progress("scrub"),
        )  # fmt: skip
    if options.report:
        report.write(Path(options.report))
    return report.asDict(), report.text(), report.exitCode


def retract(options, console):
    """Take an artefact back: record it in the case and bring the rejection note into the store."""
    from CentralSyncLib import Access
    from CentralSyncLib.Outbox.Outbox import Outbox
    from CentralSyncLib.Stores.Addresses import openStore
    from CentralSyncLib.Upkeep.Retract import retract as takeBack

    Access.require(options.store, "retract")
    with Outbox.forThisWorkstation() as outbox, Case.open(options.case, writable=True) as case:
        taken = takeBack(
            case, openStore(options.store), outbox, options.artefact, options.reason, options.text, PATIENCE_SECONDS,
            console.progress("retract"),
        )  # fmt: skip
    values, problem = taken.asDict(), taken.result.problem()
    lines = [
        f"{values['retraction']}: {values['artefact']} revision {values['revision']} is {values['title'].lower()}; "
        f"{values['objects']} objects are named",
        f"The note in {values['store']}: verified {values['verified']}, failed {values['failed']}, "
        f"queued {values['queued']}",
    ]  # fmt: skip
    return values, "\n".join(lines + findingLines(values["findings"])), problem.exitCode if problem else 0


def _requireReportFolder(path):
    if path and not Path(path).absolute().parent.is_dir():
        raise InputRefused("cannot-write", f"There is no folder for {path}.", "Choose another place for the report.")
