"""The commands that lay parts on a printer's plates, and show what is known of processes and materials.

Each function takes the parsed options and returns (JSON values, report for a person, exit code).
"""

import json

from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Session import Session

from .Chain import described
from .Console import table


def addCommands(command):
    """Add these commands to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    building = command("build", build, "lay the case's parts on the plates of a printer, with time, material and cost")
    building.add_argument("--case", required=True, metavar="DIR")
    building.add_argument(
        "--part", dest="parts", action="append", metavar="ID", help="such as part-1; several times for several"
    )
    building.add_argument(
        "--copies", action="append", default=[], metavar="ID=NUMBER", help="such as part-1=3; others are made once"
    )
    building.add_argument("--profile", metavar="NAME", help="the printer; by default the one the parts were made for")
    building.add_argument("--direction", metavar="X,Y,Z", help="what points up, in LPS; by default the best is found")
    building.add_argument(
        "--no-slicing", dest="slicing", action="store_false", help="do not ask PrusaSlicer, where it is installed"
    )
    command("profiles", profiles, "list processes and printers, every figure with source and date")
    command("materials", materials, "list materials and the sterilization that they stand, by whose word")


def build(options, console):
    """Make a build, keep it in the case, and tell its plates."""
    from PrintPrepLib.Production.Build import RESULT_FILE, makeBuild

    direction = directionOf(options.direction) if options.direction else None
    copies = dict(map(copiesOf, options.copies))
    with Session.start() as session, Case.open(options.case, writable=True) as case:
        artefact = makeBuild(
            case, session, options.parts, options.profile, direction, options.slicing, console.progress("build"),
            copies=copies,
        )  # fmt: skip
        found = json.loads(case.path(artefact, RESULT_FILE).read_bytes())
        result = {**described(case, artefact), **{key: found[key] for key in ("plates", "findings", "profile")}}
    return result, _report(result), 0


def copiesOf(text):
    """Return ID and number of copies of a text such as ``part-1=3``.

    :raises UsageError: ``bad-copies``
    """
    name, _sign, number = text.partition("=")
    if not (name and number.isdecimal()):
        raise UsageError("bad-copies", f"{text!r} states no copies of a part.", "Give ID and number: part-1=3.")
    return name, int(number)


def directionOf(text):
    """Return the three numbers of a direction such as ``0,0,1``.

    :raises UsageError: ``bad-direction``
    """
    try:
        values = [float(one) for one in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3:
        raise UsageError("bad-direction", f"{text!r} is no direction.", "Give three numbers in LPS, such as 0,0,1.")
    return values


def _report(result):
    rows = [("plate", "parts", "height", "material", "hours", "cost", "PrusaSlicer")]
    for number, plate in enumerate(result["plates"], 1):
        estimate = plate["estimate"]
        rows.append((
            number, ", ".join(row["partNumber"] for row in plate["parts"]), f"{plate['heightMm']:.1f} mm",
            f"{estimate['partsMl'] + estimate['supportsMl']:.1f} ml", f"{estimate['hours']:.1f}",
            f"{estimate['cost']:.2f} {estimate['currency']}",
            _sliced(plate["slicer"]),
        ))  # fmt: skip
    lines = [f"{result['id']} revision {result['revision']}: {result['profile']['title']}", table(rows, (2, 3, 4, 5))]
    lines += [f"  {output['sha256'][:12]}  {output['path']}" for output in result["outputs"]]
    lines += [f"  {one['severity']} {one['code']}: {one['message']}" for one in result["findings"]]
    return "\n".join(lines)


def _sliced(said):
    if said is None or said["failed"]:
        return "not asked" if said is None else said["failed"]["code"]
    return "not its process" if said["hours"] is None else f"{said['hours']:.1f} h, {said['materialMl']:.1f} ml"


def profiles(_options, _console):
    """List all profiles."""
    from PrintPrepLib.Production import Profiles

    found = [Profiles.find(name) for name in Profiles.names()]
    values = [
        {**one.asFacts(), "title": one.title, "build_volume_mm": one.buildVolumeMm,
         "figures": {key: {"value": getattr(one, key), "source": source, "date": date}
                     for key, (source, date) in one.sources.items()}}
        for one in found
    ]  # fmt: skip
    rows = [("name", "process", "printer", "room", "layer", "wall", "origin")]
    for one in found:
        room = " × ".join(f"{side:g}" for side in one.buildVolumeMm) if one.buildVolumeMm else "ask the maker"
        layer = f"{one.layerMm:g} mm" if one.layerMm else "ask the maker"
        rows.append((one.name, one.process, one.printer, room, layer, f"{one.minimumWallMm:g} mm", one.origin))
    return {"profiles": values}, table(rows), 0


def materials(_options, _console):
    """List all materials with what is said of them."""
    import dataclasses

    from PrintPrepLib.Production import Materials

    found = [Materials.find(name) for name in Materials.names()]
    cycles = Materials.siteCycles()
    values, rows = [], [("name", "process", "method", "verdict", "said by", "source", "date")]
    for one in found:
        site = cycles.get(one.name, [])
        values.append({**dataclasses.asdict(one), "site_cycles": [dataclasses.asdict(rule) for rule in site]})
        for rule in [*site, *one.rules]:
            method = rule.method if rule.temperatureC is None else f"{rule.method} {rule.temperatureC:g} °C"
            rows.append((one.name, one.process, method, rule.verdict, rule.saidBy, rule.source, rule.date))
    return {"materials": values}, table(rows), 0
