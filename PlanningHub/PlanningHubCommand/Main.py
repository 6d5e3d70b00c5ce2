"""Arguments in, one JSON object or a short report out, and an exit code that says how it ended."""

import argparse
import json
import logging
import sys
import traceback
import warnings

from PlanningHubLib import __version__
from PlanningHubLib.Approval import KINDS as APPROVED_KINDS
from PlanningHubLib.Case import SIDES
from PlanningHubLib.CaseList import SORT_KEYS
from PlanningHubLib.Consent import SCOPES
from PlanningHubLib.DeidentifyRules import profileNames
from PlanningHubLib.Errors import Cancelled, PlanningError, UsageError
from PlanningHubLib.IntendedUse import USES
from PlanningHubLib.Request import DESIGNS, URGENCIES

from . import Commands, Governance
from .ArchiveOptions import addArchiveOptions
from .Building import addCommands as addBuildCommands
from .Console import Console
from .Exchanging import addCommands as addExchangeCommands
from .Login import addCommand as addLoginCommand
from .Outcomes import addCommands as addOutcomeCommands
from .Packing import addCommand as addPackageCommand
from .Papers import addCommands as addPapersCommands
from .PartOptions import addPartOptions
from .Planning import addCommand as addPlanCommand
from .Pushing import addCommand as addPushCommand
from .Queue import addCommand as addQueueCommand
from .Queue import addWaitOption
from .Records import addCommands as addRecordCommands
from .Restoring import addCommands as addRestoreCommands
from .SegmentOptions import addModelOptions, addReviewOptions, addSegmentOptions
from .Serving import addCommand as addServerCommand
from .Upkeep import addCommands as addUpkeepCommands

BUG_EXIT_CODE = 70
SYNC_WAIT_SECONDS = 60
REQUEST_OPTIONS = {
    "procedure": None, "anatomy": None, "side": SIDES, "indication": None, "design": DESIGNS, "design-reason": None,
    "department": None, "surgery-date": None, "urgency": URGENCIES,
}  # fmt: skip
STORE_HELP = "folder, dicomweb+https://host/path, dicom://AET@host:port, or a store's name in site.json"
SOURCE_HELP = "folder, file, ZIP archive or DICOMDIR; or dicomweb:https://host/path?patient=..&accession=..&series=.."


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are the suite's own, so that ``--json`` covers them too."""

    def error(self, message):
        raise UsageError("usage", f"{message}.", f"See: {self.prog} --help")


def buildParser():
    """Return the parser of the command's contract."""
    parser = _Parser(prog="planninghub", description="From a CT on disk to a verified copy in the central store.")
    parser.add_argument("--version", action="version", version=f"planninghub {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    def command(name, function, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--json", action="store_true", help="print exactly one JSON object on standard output")
        sub.set_defaults(function=function)
        return sub

    _stepCommands(command)
    addBuildCommands(command)
    addPapersCommands(command)
    addOutcomeCommands(command)
    _governanceCommands(command)
    addRecordCommands(command)
    _lookingCommands(command)
    addPushCommand(command)
    addLoginCommand(command)
    addQueueCommand(command)
    addUpkeepCommands(command)
    addExchangeCommands(command)
    addRestoreCommands(command)
    addServerCommand(command)
    return parser


def _stepCommands(command):
    run = command("run", Commands.run, "the whole chain: case in DIR/case, package in DIR/package, pushed to a store")
    run.add_argument("source", metavar="SOURCE", help=SOURCE_HELP)
    run.add_argument("--out", required=True, metavar="DIR", help="where the case and the package go")
    run.add_argument("--store", metavar="STORE", help=STORE_HELP)
    run.add_argument("--plan", metavar="FILE", help="carry out this plan after the segmentation")
    addWaitOption(run, SYNC_WAIT_SECONDS)
    _importOptions(run)
    addSegmentOptions(run)
    addPartOptions(run)

    importing = command("import", Commands.importSource, "judge a CT or MR and make a case of it")
    importing.add_argument("source", metavar="SOURCE", help=SOURCE_HELP)
    importing.add_argument("--case", required=True, metavar="DIR")
    _importOptions(importing)
    importing.add_argument(
        "--rescan-request", dest="rescanRequest", metavar="FILE",
        help="write a one-page PDF that asks for a new scan, whatever the verdict",
    )  # fmt: skip

    segment = command("segment", Commands.segment, "segment the bone or structures, or review segments")
    segment.add_argument("--case", required=True, metavar="DIR")
    addSegmentOptions(segment)
    addReviewOptions(segment)
    addModelOptions(segment)

    addPlanCommand(command)

    printing = command("print", Commands.makePart, "make the printable part")
    printing.add_argument("--case", required=True, metavar="DIR")
    addPartOptions(printing)

    addPackageCommand(command)

    sync = command("sync", Commands.sync, "send the case to a central store and verify the copy there")
    sync.add_argument("--case", required=True, metavar="DIR")
    sync.add_argument("--store", required=True, metavar="STORE", help=STORE_HELP)
    addWaitOption(sync, SYNC_WAIT_SECONDS)


def _governanceCommands(command):
    copy = command("deidentify", Commands.deidentify, "write a de-identified copy of a case or a DICOM folder")
    copy.add_argument("source", metavar="SOURCE", help="case folder, or folder of DICOM files")
    copy.add_argument("--out", required=True, metavar="DIR", help="a new or empty folder")
    copy.add_argument("--profile", required=True, choices=profileNames(), help="who the copy is for")
    copy.add_argument("--recipient", default="", metavar="NAME", help="copies for two recipients cannot be linked")
    copy.add_argument("--deface", action="store_true", help="set the soft tissue of visible faces to air")

    consent = command("consent", Governance.consent, "record, withdraw or show what the patient consented to")
    consent.add_argument("--case", required=True, metavar="DIR")
    consent.add_argument("--scope", choices=SCOPES)
    consent.add_argument("--date", metavar="DATE", help="when the patient signed, such as 2026-01-31")
    consent.add_argument("--document", metavar="VERSION", help="which consent document")
    consent.add_argument(
        "--elsewhere", action="store_true", help="with scope treatment: record that it is kept elsewhere"
    )
    consent.add_argument("--withdraw", action="store_true", help="withdraw the scope; lists what has left already")
    consent.add_argument("--reason", default="", metavar="TEXT")

    request = command("request", Governance.request, "state, move, assign or show what is asked for, and by when")
    request.add_argument("--case", required=True, metavar="DIR")
    for name, choices in REQUEST_OPTIONS.items():
        request.add_argument(f"--{name}", choices=choices, metavar=None if choices else name.upper().replace("-", "_"))
    request.add_argument("--intended-use", dest="intendedUse", choices=USES, help="what the case is for")
    request.add_argument("--move-to", dest="moveTo", metavar="STATE")
    request.add_argument("--assign", metavar="PERSON")
    request.add_argument("--note", default="", metavar="TEXT")

    approve = command("approve", Governance.approve, "sign for a part or plan, reopen an approval, or make a key")
    approve.add_argument("--case", metavar="DIR")
    approve.add_argument("--user", metavar="NAME", help="who signs; as the site's configuration names them")
    approve.add_argument("--kind", choices=APPROVED_KINDS, help="what is approved, with all it was made from")
    approve.add_argument("--role", metavar="ROLE")
    approve.add_argument("--reopen", action="store_true", help="void the approvals so that changes are possible")
    approve.add_argument("--reason", default="", metavar="TEXT")
    approve.add_argument("--make-key", dest="makeKey", action="store_true", help="make the user's signing key")
    approve.add_argument(
        "--passphrase-stdin", dest="passphraseStdin", action="store_true", help="first line of standard input",
    )  # fmt: skip


def _lookingCommands(command):
    verify = command("verify", Commands.verify, "check a case, a package or an outbox from its folder alone")
    verify.add_argument("folder", metavar="DIR", help="folder of a case, a package or an outbox, or an audit log")
    verify.add_argument(
        "--store", metavar="STORE",
        help="compare a case's audit log with what this store has seen; of a package ask it for newer examinations",
    )  # fmt: skip

    status = command("status", Commands.status, "show a case's steps, or all cases below a folder")
    place = status.add_mutually_exclusive_group(required=True)
    place.add_argument("--case", metavar="DIR")
    place.add_argument("--root", metavar="DIR")
    status.add_argument("--search", default="", metavar="WORDS", help="only cases that hold all of these words")
    status.add_argument("--sort", default="name", choices=SORT_KEYS)
    status.add_argument("--state", metavar="STATE", help="only cases whose request is in this state")


def _importOptions(parser):
    parser.add_argument("--series", dest="seriesUid", metavar="UID", help="which series, where there are several")
    parser.add_argument("--side", choices=SIDES, help="side of the operation; never guessed")
    parser.add_argument("--procedure", metavar="NAME", help="what is planned; its name chooses the imaging limits")
    parser.add_argument(
        "--repair",
        action="store_true",
        help="resample a tilted gantry or uneven spacing, complete missing identifiers, and say so",
    )
    parser.add_argument(
        "--patient-id", dest="patientId", metavar="ID", help="with --repair: the patient of images that name none"
    )
    parser.add_argument(
        "--reference", action="store_true", help="leave the scanner's files where they lie; the case refers to them"
    )
    addArchiveOptions(parser)
    parser.add_argument(
        "--consent", dest="scopes", action="append", choices=SCOPES, default=[],
        help="record that the patient consented to this; may be given several times",
    )  # fmt: skip
    parser.add_argument("--consent-date", dest="consentDate", metavar="DATE", help="when the patient signed")
    parser.add_argument("--consent-document", dest="consentDocument", metavar="VERSION", help="which document")


def main(argv=None):
    """Run the command and return its exit code."""
    argv = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        # A terminal without Unicode must not end a step.
        stream.reconfigure(errors="backslashreplace")
    console = Console()
    try:
        options = buildParser().parse_args(argv)
        _quietLibraries()
        result, report, exitCode = options.function(options, console)
    except PlanningError as error:
        result = {"findings": [error.asFinding().asDict()], **getattr(error, "result", {})}
        report, exitCode = f"{error} [{error.code}]", error.exitCode
    except (KeyboardInterrupt, Cancelled):
        result, report, exitCode = {"findings": []}, "Cancelled; the case is as it was.", Cancelled.exitCode
    except SystemExit as stop:
        return stop.code or 0
    except Exception:
        traceback.print_exc()
        result, report, exitCode = {"findings": []}, "This is a bug in Planning Hub; please report it.", BUG_EXIT_CODE
    if "--json" in argv:
        print(json.dumps({"exit_code": exitCode, **result}, ensure_ascii=True))
    if report:
        # A person reads results on standard output and failures on standard error.
        console.say(report) if exitCode or "--json" in argv else print(report)
    return exitCode


def _quietLibraries():
    """Keep VTK's warnings off the user's terminal, and pydicom's, which hold attributes' values; errors stay."""
    import vtk

    logging.getLogger("pydicom").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="pydicom")
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_ERROR)
