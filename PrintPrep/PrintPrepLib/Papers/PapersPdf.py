"""The papers of a part as PDFs, from their document: job ticket, traveller, inspection sheet, statement and label."""

from PlanningHubLib.PageFonts import drawn
from PlanningHubLib.Paper import Head, Paper

from .Copies import SIGN, copyText
from .Statement import ENTERED, METHODS

NO_CONCLUSION = (
    "Draft made from the records of case and site. Whether the device is a custom-made device, and whether the law is "
    "met, is not stated here: that is for the manufacturer to check, complete and sign."
)
NOT_APPROVED, DRAFT = "NOT APPROVED", "DRAFT"
FOOTER = "Made by Planning Hub, not a medical device. Check case, side and part number against the part."
BLANK = "_" * 48
SIGNATURE = "Date, name and signature: " + BLANK
# Least height of a row that is filled in by hand, in points.
BY_HAND = 26


def papersPdfs(values, pictures):
    """Return paper's name → bytes of its PDF.

    :param values: what :func:`PrintPrepLib.Papers.PapersContent.gathered` returned
    :param pictures: ``part`` → paths of PNGs, ``plates`` → (words, path), ``scans`` → copy → paths; or the words why
        there are none
    """
    return drawn(lambda fonts: _pdfs(values, pictures, fonts))


def _pdfs(values, pictures, fonts):
    papers = {
        "job-ticket": _jobTicket(_paper(values, fonts, "Job ticket"), values, pictures),
        "traveller": _traveller(_paper(values, fonts, "Traveller"), values),
        "inspection-sheet": _inspectionSheet(_paper(values, fonts, "Inspection sheet"), values, pictures),
        "label": _label(_paper(values, fonts, "Label", isDraft=True), values),
    }
    if values["statement"]:
        paper = _paper(values, fonts, "Statement for a custom-made device", isDraft=True)
        papers["statement"] = _statement(paper, values)
    return {name: paper.pdf() for name, paper in papers.items()}


def _paper(values, fonts, title, isDraft=False):
    approvers = " and ".join(f"{one['user']} ({one['role']})" for one in values["approvals"])
    part = values["part"]
    state = f"APPROVED by {approvers}" if approvers else NOT_APPROVED
    banner = f"{DRAFT} – part {state}" if isDraft else state
    foot = (
        f"Case {values['case']}, side {values['side'] or 'NOT STATED'}, {part['number']}, content SHA-256 "
        f"{part['content'][:16]}, made {values['when']} by {values['who']}"
    )
    title = f"{title}: {part['name']}"
    paper = Paper(Head(title, banner, bool(approvers) and not isDraft, foot, FOOTER), fonts)
    paper.text(title, "title")
    return paper


def _identity(values):
    return [
        ("Case (pseudonym of the patient)", values["case"]),
        ("Side", (values["side"] or "NOT STATED").upper()),
        ("Procedure", values["procedure"] or "not stated"),
        ("Part", f"{values['part']['number']}: {values['part']['name']}"),
    ]


def _jobTicket(paper, values, pictures):
    ticket = values["ticket"]
    paper.facts([*_identity(values), *ticketRows(ticket)])
    _pictures(paper, pictures["part"], 170, "The part from both sides. R, L, A, P, S, I: the patient's directions.")
    _platePictures(paper, pictures["plates"])
    paper.heading("Warnings and remarks")
    if not ticket["findings"]:
        paper.text("There are none.")
    for one in ticket["findings"]:
        style = "bold" if one["severity"] != "info" else "text"
        paper.text(f"{one['severity']} {one['code']}: {one['message']} {one['action']}", style)
    paper.heading("Made from")
    rows = [(one["number"], one["title"], one["content"]) for one in ticket["madeFrom"]]
    paper.table(("Number", "What", "Content, SHA-256"), rows, (1.3, 1.6, 4.3), mono=(2,))
    paper.heading("Files")
    rows = [(one["name"], f"{one['bytes']:,}", one["sha256"]) for one in ticket["files"]]
    paper.table(("File", "Bytes", "SHA-256"), rows, (2.1, 0.8, 4.3), mono=(0, 2))
    return paper


def _platePictures(paper, plates):
    if isinstance(plates, str):
        paper.text(f"No picture of the build: {plates}.")
        return
    for words, path in plates:
        paper.pictures([path], 280, words)


def ticketRows(ticket):
    """Return the job ticket's (name, value) rows, for a page."""
    one, deviation, build = ticket["object"], ticket["deviation"], ticket["build"]
    changed = [word for word in ("mirrored", "modified", "moved") if one[word]]
    profile, material = ticket["profile"], ticket["material"]
    extent = " × ".join(f"{mm:.1f}" for mm in ticket["extentMm"])
    layer = f", layers of {profile['layerMm']:g} mm" if profile["layerMm"] else ""
    tolerance = "not stated" if ticket["toleranceMm"] is None else f"±{ticket['toleranceMm']:g} mm"
    return [
        ("Object", f"{one['role']}, {', '.join(changed) or 'as it was scanned'}"),
        ("Pieces", ", ".join(ticket["pieces"]) or "1"),
        ("Copies", "1" if ticket["copies"] < 2 else f"{ticket['copies']}, each with its own traveller and inspection"),
        ("Volume and extent", f"{ticket['volumeMl']:.2f} ml; {extent} mm"),
        ("Process", f"{profile['title']}: {profile['process']}, {profile['printer']} ({profile['maker']}){layer}"),
        ("Material", f"{material['title']}: {material['product']} ({material['maker']})"),
        ("Use", ticket["use"]),
        ("Contact with the patient", ticket["contact"]),
        ("Sterilization", _cycle(ticket["sterilisation"])),
        ("Tolerance of the printed part", f"{tolerance} ({ticket['toleranceSource']})"),
        ("Deviation by simplification",
         f"at most {deviation['maximumMm']:.3f} mm, {deviation['p95Mm']:.3f} mm at 95 %; allowed "
         f"{ticket['maximumDeviationMm']:g} mm"),
        *_accuracyRows(ticket["accuracy"]),
        ("Labels on the part", "; ".join(map(_labelText, ticket["labels"])) or "NONE"),
        ("Build", "none made" if build is None else f"{build['number']}: {_estimateText(build['facts'])}"),
    ]  # fmt: skip


def _accuracyRows(accuracy):
    if not accuracy or "maximumMm" not in accuracy:
        return []
    words = f"mean {accuracy['meanMm']:.3f} mm, {accuracy['p95Mm']:.3f} mm at 95 %, {accuracy['p99Mm']:.3f} mm at 99 %"
    return [(f"Accuracy against the {accuracy['reference']}", f"{words}, at most {accuracy['maximumMm']:.3f} mm")]


def _cycle(asked):
    if asked is None:
        return "not stated"
    degrees = asked.get("temperatureC")
    return METHODS.get(asked["method"], "none") + (f" at {degrees:g} °C" if degrees is not None else "")


def _labelText(one):
    read = {True: "read", False: "NOT READ", None: "not checked"}[one["read"]]
    size = "mm modules" if one["kind"] == "qr" else "mm high"
    return f"{one['kind']} “{one['text']}”, {one['heightMm']:g} {size}, {one['depthMm']:g} mm deep, {read}"


def _estimateText(facts):
    """Return what a build takes, by the slicer program where it was asked."""
    estimate, slicer = facts["estimate"], facts["slicer"]
    how = f"by PrusaSlicer {slicer['version']}" if slicer else "by the profile's rates"
    hours, materialMl = (
        (slicer["hours"], slicer["materialMl"])
        if slicer
        else (estimate["hours"], estimate["partsMl"] + estimate["supportsMl"])
    )
    return (
        f"{facts['plates']} plate(s) with {len(facts['parts'])} part(s): about {hours:.1f} h, {materialMl:.1f} ml of "
        f"material ({how}), {estimate['cost']:.2f} {estimate['currency']} (estimates)"
    )


def _pictures(paper, pictures, height, caption):
    """Add pictures, or the words why there are none."""
    if isinstance(pictures, str):
        paper.text(f"No pictures: {pictures}")
    else:
        paper.pictures(pictures, height, caption)


def _traveller(paper, values):
    traveller, ticket = values["traveller"], values["ticket"]
    paper.facts([
        *_identity(values),
        ("Process and material", f"{ticket['profile']['title']}; {ticket['material']['title']}"),
    ])  # fmt: skip
    for number, sheet in enumerate(traveller["sheets"]):
        if number:
            paper.newPage()
        paper.heading(_ofCopy("To be filled in, by hand or in the suite", values, sheet))
        rows = [
            (f"{one['title']}{'' if one['needed'] else ' (where it applies)'}", one["value"] or "",
             f"{one['who']}, {one['when']}" if one["who"] else "")
            for one in sheet["fields"]
        ]  # fmt: skip
        paper.table(("What", "Entry", "Entered by, when (or signature)"), rows, (3, 3, 2.4), heights=BY_HAND)
    if traveller["earlier"]:
        paper.heading("Earlier entries, superseded or of an earlier part")
        rows = [
            (
                f"{one['field']}{SIGN}{one['copy']}" if "copy" in one else one["field"],
                one["value"],
                one["who"],
                one["when"],
            )
            for one in traveller["earlier"]
        ]
        paper.table(("Field", "Entry", "Entered by", "When"), rows, (1.6, 3.6, 1.8, 2.6))
    return paper


def _ofCopy(words, values, sheet):
    """Return a heading; where there are copies, with the number of the one that it is about."""
    copy = copyText(sheet["copy"], sheet["of"])
    return f"{values['part']['number']}, {copy}: {words}" if copy else words


def _inspectionSheet(paper, values, pictures):
    for number, sheet in enumerate(values["inspection"]["sheets"]):
        if number:
            paper.newPage()
        _sheet(paper, values, sheet, pictures["scans"].get(sheet["copy"]))
    return paper


def _sheet(paper, values, sheet, scanPictures):
    """Add the sheet of a part or of one of its copies."""
    copy = copyText(sheet["copy"], sheet["of"])
    copyRows = [("Copy", copy)] if copy else []
    paper.facts([*_identity(values), *copyRows, ("Instrument", sheet["instrument"] or ""), *verdictRows(sheet)])
    paper.heading(_ofCopy("Dimensions (mm; points in LPS, as in the part's files)", values, sheet))
    rows = [
        (one["name"], one["kind"], f"{one['nominalMm']:.2f}", _mm(one["toleranceMm"], "±"), _mm(one["measuredMm"]),
         _mm(one["deviationMm"], "+"), "" if one["verdict"] == "open" else one["verdict"].upper(), _where(one))
        for one in sheet["dimensions"]
    ]  # fmt: skip
    head = ("Dimension", "Kind", "Nominal", "Tolerance", "Measured", "Off by", "Verdict", "Where")
    paper.table(head, rows, (2, 1.3, 1.4, 1.6, 1.6, 1.2, 1.3, 2.6), heights=BY_HAND)
    scan = sheet["scan"]
    if scan:
        paper.heading("Scan of the printed part, laid over the part")
        paper.facts(scanRows(scan))
        caption = f"Pale: within ±{scan['toleranceMm']:g} mm. Red: outside of the part. Blue: inside of it."
        _pictures(paper, scanPictures, 170, caption)
    paper.space(20)
    paper.text(SIGNATURE)


def verdictRows(sheet):
    """Return (name, verdict) of each inspection, for a page."""
    names = {"measured": "Verdict by dimensions", "scan": "Verdict by scan"}
    return [
        (name, f"{sheet['verdicts'][method].upper()} ({sheet['made'][method]['number']})")
        if method in sheet["verdicts"]
        else (name, "not made")
        for method, name in names.items()
    ]


def scanRows(scan):
    """Return the (name, value) rows of a scan's comparison, for a page."""
    place = ", ".join(f"{value:.1f}" for value in scan["maximumAtLpsMm"])
    return [
        ("Left over the whole scan", f"mean {scan['meanAbsoluteMm']:.3f} mm, {scan['p95Mm']:.3f} mm at 95 %, "
                                     f"{scan['p99Mm']:.3f} mm at 99 %"),
        ("At most", f"{scan['maximumMm']:+.3f} mm at LPS {place}"),
        ("Surface beyond the tolerance", f"{scan['beyondPercent']:.2f} %, the largest patch "
                                         f"{scan['largestBeyond']['areaMm2']:.1f} mm²"),
        ("Part's surface that the scan shows", f"{scan['coveragePercent']:.1f} %"),
        ("Verdict", f"{scan['verdict'].upper()}. {' '.join(scan['reasons'])}"),
    ]  # fmt: skip


def _mm(value, sign=""):
    if value is None:
        return ""
    return f"±{value:.2f}" if sign == "±" else f"{value:+.2f}" if sign else f"{value:.2f}"


def _where(one):
    if one["kind"] == "extent":
        return "along " + ", ".join(f"{value:g}" for value in one["direction"])
    return "; ".join(", ".join(f"{value:.1f}" for value in point) for point in one["points"])


def _statement(paper, values):
    paper.text("Regulation (EU) 2017/745, Annex XIII section 1. " + NO_CONCLUSION)
    paper.space(6)
    paper.facts([(f"{one['number']}. {one['text']}", one["value"]) for one in values["statement"]["items"]])
    _missing(paper, values["statement"]["missing"])
    paper.space(30)
    paper.text(SIGNATURE)
    return paper


def _missing(paper, missing):
    paper.space(6)
    if missing:
        paper.text(f"Missing: {'; '.join(missing)}.", "missing")


def _label(paper, values):
    label = values["label"]
    paper.text("Content of the label, Regulation (EU) 2017/745, Annex I section 23.2. " + NO_CONCLUSION)
    for number, sheet in enumerate(label["sheets"]):
        if number:
            paper.newPage()
        paper.space(6)
        paper.facts([
            (one["text"], BLANK if one["value"] is None and one["text"] in ENTERED else one["value"])
            for one in sheet["items"]
        ])  # fmt: skip
        paper.qr(label["qr"])
        paper.text(label["qr"])
        _missing(paper, sheet["missing"])
    return paper
