"""The commands that make a part's papers and inspect the printed part.

Each function takes the parsed options and returns (JSON values, report for a person, exit code).
"""

from pathlib import Path

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import UsageError, VerificationFailed

from .Chain import described
from .Console import table


def addCommands(command):
    """Add these commands to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    making = command("papers", papers, "make a part's papers, or enter something into them")
    making.add_argument("--case", required=True, metavar="DIR")
    making.add_argument("--part", metavar="ID", help="which part, where there are several, such as part-2")
    making.add_argument("--fill", metavar="FILE", help="enter what this JSON file maps: field name to text")
    making.add_argument(
        "--set", dest="fields", action="append", default=[], metavar="FIELD=TEXT",
        help="enter one field, of copy 2 only as FIELD@2=TEXT; an unknown field lists all; may be given several times",
    )  # fmt: skip

    inspecting = command("inspect", inspect, "inspect the printed part: dimensions, or a scan of it; 6 where it fails")
    inspecting.add_argument("--case", required=True, metavar="DIR")
    inspecting.add_argument("--part", metavar="ID", help="which part, where there are several, such as part-2")
    inspecting.add_argument("--copy", type=int, metavar="NUMBER", help="which copy, where the build has several")
    inspecting.add_argument("--scan", metavar="FILE", help="STL of a scan of the printed part, lying in any way")
    inspecting.add_argument("--unit", choices=("um", "mm", "cm", "m", "inch"), help="of the scan; never guessed")
    inspecting.add_argument("--dimensions", metavar="FILE", help="JSON file of the dimensions that are to be read")
    inspecting.add_argument(
        "--measured", action="append", default=[], metavar="NAME=MM", help="what was read; may be given several times"
    )
    inspecting.add_argument("--instrument", metavar="TEXT", help="what it was read with")
    inspecting.add_argument(
        "--tolerance-mm", dest="toleranceMm", type=float, metavar="MM", help="by default that of the part"
    )


def papers(options, console):
    """Make the papers, and say what keeps the part from release."""
    from PrintPrepLib.Papers.Papers import makePapers
    from PrintPrepLib.Papers.PapersFields import readEntries
    from PrintPrepLib.Papers.Release import releaseFaults
    from PrintPrepLib.PartRecords import chosenPart

    values = readEntries(Path(options.fill)) if options.fill else {}
    values |= dict(_pair(words, "--set machine=...") for words in options.fields)
    with Case.open(options.case, writable=True) as case:
        made = makePapers(case, options.part, values, console.progress("papers"))
        faults = releaseFaults(case, chosenPart(case, options.part))
        result = {
            **described(case, made), "findings": made.facts["findings"], "approved": bool(made.facts["approvals"]),
            "releasable": not faults, "release_faults": faults,
        }  # fmt: skip
    lines = [f"{result['id']} revision {result['revision']}, {'APPROVED' if result['approved'] else 'NOT APPROVED'}"]
    lines += [f"  {output['path']}" for output in result["outputs"]]
    for key, what in (("travellerMissing", "traveller"), ("statementMissing", "statement"), ("labelMissing", "label")):
        if made.facts[key]:
            lines.append(f"  missing in the {what}: {', '.join(made.facts[key])}")
    lines += [f"  not to be released: {fault}" for fault in faults] or ["  may be released"]
    return result, "\n".join(lines), 0


def inspect(options, console):
    """Inspect by a scan or by dimensions; a part that fails ends with the exit code of a failed verification."""
    if options.scan:
        return _inspectScan(options, console)
    if options.unit:
        raise UsageError("usage", "A unit without a scan.", "Give --scan.")
    from PrintPrepLib.Papers.Dimensions import readDimensions
    from PrintPrepLib.Papers.Inspection import inspectMeasured

    dimensions = readDimensions(Path(options.dimensions)) if options.dimensions else None
    measured = {}
    for words in options.measured:
        name, text = _pair(words, "--measured length=60.1")
        measured[name] = _millimetres(name, text)
    with Case.open(options.case, writable=True) as case:
        made = inspectMeasured(
            case, options.part, dimensions, measured, options.toleranceMm, options.instrument, copy=options.copy
        )
        result = described(case, made)
    rows = [("dimension", "nominal", "tolerance", "measured", "verdict")]
    for one in made.facts["dimensions"]:
        readMm = "-" if one["measuredMm"] is None else f"{one['measuredMm']:.2f}"
        rows.append((one["name"], f"{one['nominalMm']:.2f}", f"{one['toleranceMm']:.2f}", readMm, one["verdict"]))
    return _inspected(result, made, table(rows, rightAligned=(1, 2, 3)))


def _inspectScan(options, console):
    from PrintPrepLib.Papers.ScanCompare import inspectScan

    if options.dimensions or options.measured or options.instrument:
        raise UsageError(
            "usage", "A scan and measured dimensions at once.", "Inspect by one of them, then by the other."
        )
    with Case.open(options.case, writable=True) as case:
        made = inspectScan(
            case, Path(options.scan), options.unit, options.part, options.toleranceMm, console.progress("inspect"),
            copy=options.copy,
        )  # fmt: skip
        result = {**described(case, made), "findings": made.facts["findings"]}
    facts = made.facts
    lines = [
        f"off by {facts['meanAbsoluteMm']:.3f} mm on average, {facts['p95Mm']:.3f} mm at 95 %, "
        f"{facts['maximumMm']:+.3f} mm at most",
        f"the scan shows {facts['coveragePercent']:.0f} % of the part's surface",
        *facts["reasons"],
        *(finding["message"] for finding in facts["findings"]),
    ]
    return _inspected(result, made, "\n".join(f"  {line}" for line in lines))


def _inspected(result, made, report):
    verdict = made.facts["verdict"]
    copy = made.parameters.get("copy")
    of = made.facts["part"]["number"] + (f", copy {copy}" if copy else "")
    head = f"{result['id']} revision {result['revision']} of {of}: {verdict}"
    exitCode = VerificationFailed.exitCode if verdict == "fail" else 0
    return {**result, "verdict": verdict}, f"{head}\n{report}", exitCode


def _pair(words, example):
    name, mark, value = words.partition("=")
    if not (name.strip() and mark):
        raise UsageError("usage", f"{words!r} is no NAME=VALUE.", f"Such as: {example}")
    return name.strip(), value.strip()


def _millimetres(name, text):
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise UsageError("bad-measure", f"{name} is {text!r}, which is no length in mm.", "Enter a number.") from None
