"""The commands for what people say of a case: prescription, comments, review, and whose a pseudonym is.

Each function takes the parsed options and returns (JSON values, report for a person, exit code).
"""

from pathlib import Path

from PlanningHubLib import Deidentify, Prescription, Review
from PlanningHubLib.Artefacts import KINDS
from PlanningHubLib.Case import Case
from PlanningHubLib.Errors import GateRefused, InputRefused, UsageError

from .Console import table

PRESCRIBER = ("name", "qualification", "institution")
# What people look at, the furthest step first: comments and reviews are about it unless another kind is named.
DISCUSSED = ("part", "plan", "segmentation", "source")


def addCommands(command):
    """Add these commands to the parser.

    :param command: function of (name, function, text) that returns the command's own parser
    """
    text = "state or show the structured prescription of a device, or draft it as a PDF"
    prescribing = command("prescription", prescription, text)
    prescribing.add_argument("--case", required=True, metavar="DIR")
    prescribing.add_argument("--device", metavar="TEXT", help="what is prescribed")
    for name in PRESCRIBER:
        prescribing.add_argument(f"--prescriber-{name}", dest=f"prescriber_{name}", metavar="TEXT")
    prescribing.add_argument(
        "--characteristic", dest="characteristics", action="append", nargs="+", metavar=("KIND VALUE", "NOTE"),
        help=f"once for each; they replace those stated before. {_kindsInWords()}",
    )  # fmt: skip
    prescribing.add_argument("--pdf", metavar="FILE", help="write a draft for the prescriber to check and sign")

    commenting = command("comment", comment, "write, pin, resolve or list comments")
    commenting.add_argument("--case", required=True, metavar="DIR")
    commenting.add_argument("--text", metavar="TEXT")
    commenting.add_argument("--on", choices=KINDS, help="what it is about; by default the furthest step there is")
    commenting.add_argument(
        "--point-lps", dest="pointLpsMm", nargs=3, type=float, metavar=("X", "Y", "Z"), help="where, in mm, LPS"
    )
    commenting.add_argument("--resolve", metavar="ID", help="mark a comment such as comment-1 as resolved")

    reviewing = command("review", review, "open, close or list rounds of review")
    reviewing.add_argument("--case", required=True, metavar="DIR")
    reviewing.add_argument("--open", dest="reviewers", nargs="+", metavar="NAME", help="open a round for reviewers")
    reviewing.add_argument("--on", choices=KINDS, help="what is reviewed, with all it was made from")
    reviewing.add_argument("--verdict", choices=Review.VERDICTS, help="close the open round")
    reviewing.add_argument("--note", default="", metavar="TEXT")

    finding = command("reidentify", reidentify, "say whose a copy's pseudonym is; needs the key, and is audited")
    finding.add_argument("pseudonym", metavar="CODE", help="the pseudonym in the copy")
    finding.add_argument("--case", required=True, metavar="DIR", help="the case it is thought to belong to")
    finding.add_argument("--recipient", default="", metavar="NAME", help="who got the copy, as named then")
    finding.add_argument("--reason", required=True, metavar="TEXT", help="why; the audit log keeps it")


def _kindsInWords():
    units = (f"{kind} ({unit})" if unit else kind for kind, unit in Prescription.CHARACTERISTICS.items())
    return f"Kinds: {', '.join(units)}."


def prescription(options, console):
    """State or show the prescription; a field that is not given stays as it is. With ``--pdf``, draft it."""
    given = {name: getattr(options, f"prescriber_{name}") for name in PRESCRIBER}
    given = {name: value for name, value in given.items() if value is not None}
    changes = bool(given or options.device is not None or options.characteristics)
    if options.pdf and Path(options.pdf).exists():
        raise InputRefused("already-there", f"{options.pdf} exists.", "Choose another name.", [options.pdf])
    with Case.open(options.case, writable=bool(changes or options.pdf)) as case:
        if changes:
            _state(case, options, given)
        if options.pdf:
            from ORExportLib.Pages.PrescriptionPdf import exportPrescription

            exportPrescription(case, Path(options.pdf).absolute())
        values = {"case": str(case.folder), "prescription": case.governance["prescription"], "pdf": options.pdf}
    return values, _prescriptionReport(values), 0


def _state(case, options, given):
    before = case.governance["prescription"] or {"device": "", "prescriber": {}, "characteristics": []}
    stated = [_characteristic(words) for words in options.characteristics or ()]
    Prescription.statePrescription(
        case,
        before["device"] if options.device is None else options.device,
        before["prescriber"] | given,
        stated or before["characteristics"],
    )


def _characteristic(words):
    if not 2 <= len(words) <= 3:
        raise UsageError("usage", "A characteristic is KIND VALUE [NOTE].", "Such as: --characteristic screw-number 6")
    return {"kind": words[0], "value": Prescription.readValue(*words[:2]), "note": "".join(words[2:])}


def _prescriptionReport(values):
    stated = values["prescription"]
    if stated is None:
        return "There is no prescription."
    rows = [["characteristic", "value", "note"]]
    for one in stated["characteristics"]:
        rows.append([one["kind"], f"{one['value']} {one['unit'] or ''}".strip(), one["note"]])
    who = ", ".join(stated["prescriber"][name] for name in PRESCRIBER)
    head = f"{stated['device']}, revision {stated['revision']} of {stated['when']}\nprescriber: {who}"
    return "\n\n".join([head, table(rows), *([f"Draft: {values['pdf']}"] if values["pdf"] else [])])


def comment(options, console):
    """Write, resolve or list comments; a point is in LPS here and in RAS in the case."""
    if options.text is None and (options.pointLpsMm or options.on):
        raise UsageError("usage", "A comment without a text.", "Give --text.")
    with Case.open(options.case, writable=options.text is not None or options.resolve is not None) as case:
        if options.resolve is not None:
            Review.resolve(case, options.resolve)
        if options.text is not None:
            Review.comment(case, options.text, _mirrored(options.pointLpsMm), _discussed(case, options.on))
        comments = [_commentLine(case, one) for one in case.governance["comments"]]
        values = {"case": str(case.folder), "comments": comments}
    return values, _commentReport(values), 0


def _mirrored(point):
    """Return a point of LPS in RAS, or the other way round; None for none."""
    return None if point is None else [0.0 - point[0], 0.0 - point[1], point[2]]


def _discussed(case, kind):
    """Return the newest artefact of a kind, or of the furthest step there is; None in an empty case."""
    if kind is None:
        return next((one for one in map(case.latest, DISCUSSED) if one), None)
    artefact = case.latest(kind)
    if artefact is None:
        raise GateRefused(f"no-{kind}", f"The case has no {kind} yet.", f"Make the {kind} first.")
    return artefact


def _commentLine(case, made):
    line = {name: value for name, value in made.items() if name != "pointRasMm"}
    return {**line, "pointLpsMm": _mirrored(made["pointRasMm"]), "outdated": Review.isOutdated(case, made)}


def _commentReport(values):
    rows = [["comment", "by", "on", "where (LPS, mm)", "state", "text"]]
    for one in values["comments"]:
        about = one["artefact"]["id"] if one["artefact"] else "-"
        point = " ".join(f"{value:.1f}" for value in one["pointLpsMm"] or ()) or "-"
        state = "resolved" if one["resolved"] else "open, of an older revision" if one["outdated"] else "open"
        rows.append([one["id"], one["who"], about, point, state, one["text"]])
    return table(rows) if values["comments"] else "There are no comments."


def review(options, console):
    """Open, close or list rounds of review."""
    if options.reviewers and options.verdict:
        raise UsageError("usage", "A round is opened or closed, not both at once.", "Give --open or --verdict.")
    if (options.on and not options.reviewers) or (options.note and not options.verdict):
        raise UsageError("usage", "Nothing is opened or closed.", "Give --open NAME, or --verdict.")
    with Case.open(options.case, writable=bool(options.reviewers or options.verdict)) as case:
        if options.reviewers:
            target = _discussed(case, options.on)
            Review.openReview(case, [target, *case.graph.above(target)] if target else [], options.reviewers)
        if options.verdict:
            Review.closeReview(case, options.verdict, options.note)
        values = {"case": str(case.folder), "reviews": case.governance["reviews"]}
    return values, _reviewReport(values), 0


def _reviewReport(values):
    rows = [["round", "of", "reviewers", "opened", "verdict", "by", "note"]]
    for one in values["reviews"]:
        closed = one["closed"] or {"verdict": "open", "who": "", "note": ""}
        about = ", ".join(link["id"] for link in one["artefacts"])
        who = ", ".join(one["reviewers"])
        rows.append([one["number"], about, who, one["opened"], closed["verdict"], closed["who"], closed["note"]])
    return table(rows) if values["reviews"] else "There was no review."


def reidentify(options, console):
    """Say whose a pseudonym is. On a machine without the key the case stays closed, and no key is made."""
    Deidentify.requireKey()
    with Case.open(options.case, writable=True) as case:
        found = Deidentify.reidentify(case, options.pseudonym, options.recipient, options.reason)
    rows = [["UID in the copy", "UID in the case"], *found["uids"].items()]
    head = f"{options.pseudonym} ({found['profile']}) is patient {found['patientId']} of case {found['case']}."
    return found, f"{head}\n\n{table(rows)}", 0
