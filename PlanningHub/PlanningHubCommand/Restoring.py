"""The commands that read a central store: which cases it keeps, and a case given back from it alone.

They take the parsed options and return (JSON values, report for a person, exit code).
"""

from PlanningHubLib.Artefacts import KINDS

from .Console import findingLines, table

STORE_HELP = "folder, dicomweb+https://host/path, or a name in site.json"


def addCommands(command):
    """Add the commands to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    restoring = command("restore", restore, "give a case back from a central store alone, every file proven")
    restoring.add_argument("name", metavar="CASE", help="name or ID of the case, as browse shows it")
    restoring.add_argument("--store", required=True, metavar="STORE", help=STORE_HELP)
    restoring.add_argument("--out", required=True, metavar="DIR", help="a new or empty folder")
    restoring.add_argument("--at", type=int, metavar="N", help="an older state, by its number of audit lines")
    restoring.add_argument(
        "--read-only", dest="readOnly", action="store_true", help="take the right to write from all its files"
    )

    browsing = command("browse", browse, "list the cases that a central store keeps")
    browsing.add_argument("--store", required=True, metavar="STORE", help=STORE_HELP)
    browsing.add_argument("--patient", default="", metavar="PSEUDONYM", help="or the name or ID of a case")
    browsing.add_argument("--procedure", default="", metavar="WORDS", help="only procedures with all of these words")
    browsing.add_argument("--from", dest="since", metavar="DATE", help="made on this day or later, such as 2026-01-31")
    browsing.add_argument("--to", dest="until", metavar="DATE", help="made on this day or earlier")
    browsing.add_argument("--type", dest="kind", choices=KINDS, help="only cases that have such an artefact")


def restore(options, console):
    """Restore a case; say what it is, what was proven and what could not be."""
    from CentralSyncLib import Access
    from CentralSyncLib.Records.Kept import openCases
    from CentralSyncLib.Records.Restore import restoreCase

    Access.require(options.store, "restore")
    source = openCases(options.store)
    result = restoreCase(
        source, options.name, options.out, options.at, options.readOnly, console.progress("restore")
    ).asDict()
    lines = [f"{result['name']}: {result['files']} files ({_megabytes(result['bytes'])}) in {result['case']}"]
    lines.append(f"Every file has its hash; the audit log of {result['at']} lines is the one that the store has seen.")
    lines += [
        f"{one['id']} by {one['user']} ({one['role']}), {one['when']}: holds"
        for one in result["approvals"]
        if one["holds"]
    ]
    return result, "\n".join(lines + findingLines(result["findings"])), 0


def browse(options, console):
    """List a store's cases."""
    from CentralSyncLib import Access
    from CentralSyncLib.Records import Browse
    from CentralSyncLib.Records.Kept import openCases

    Access.require(options.store, "search")
    cases, findings = Browse.browse(
        openCases(options.store), options.patient, options.procedure, options.since, options.until,
        options.kind, console.progress("browse"),
    )  # fmt: skip
    values = {"cases": [case.asDict() for case in cases], "findings": [finding.asDict() for finding in findings]}
    rows = [["case", "procedure", "side", "date", "size", "approved", "ID"]]
    rows += [
        [one["name"], one["procedure"] or "-", one["side"] or "not stated", one["date"], _megabytes(one["size"]),
         "yes" if one["approved"] else "no", one["caseId"]]
        for one in values["cases"]
    ]  # fmt: skip
    return values, "\n".join([table(rows, rightAligned=(4,)), *findingLines(values["findings"])]), 0


def _megabytes(count):
    return "-" if count is None else f"{count / 1e6:.1f} MB"
