"""The pages of the briefing that tell the plan: its steps with their figures, findings, risks and checklist."""

import dataclasses

from PlanningHubLib.Planning.Figures import figureLines
from PlanningHubLib.Planning.Operations import operations

HEADING, STEP, FIGURE, TEXT, WARNING = "heading", "step", "figure", "text", "warning"
LINE_HEIGHT, TEXT_SIZE, STEP_SIZE = 14.5, 10, 11
# How many lines stand below the head of a page of A4.
LINES_PER_PAGE = 47
WARNING_COLOR, QUIET_COLOR = "#b00020", "#444444"
INTENDED_USES = {
    "planning": "for planning", "education": "for education only", "quality": "for quality assurance only",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of text, and one at the right edge (a figure's value, a step's operation)."""

    kind: str
    text: str
    right: str = ""


def planLines(document, results):
    """Yield the :class:`Line` of a plan.

    :param document: of the plan; :param results: what its steps gave
    """
    titles = {step["name"]: operations()[step["do"]].title for step in document["steps"]}
    yield Line(HEADING, f"Plan: {document['title']}", INTENDED_USES[document["intendedUse"]])
    if document["note"]:
        yield Line(TEXT, document["note"])
    for step in results["steps"]:
        yield Line(STEP, step["name"], titles[step["name"]])
        yield from (Line(FIGURE, name, value) for name, value in figureLines(step["figures"]))
        yield from map(_finding, step["findings"])
    if document["risks"]:
        yield Line(HEADING, "Risks")
        yield from (Line(TEXT, riskText(risk)) for risk in document["risks"])
    if document["checklist"]:
        yield Line(HEADING, "Checklist")
        yield from (Line(TEXT, checkText(item)) for item in document["checklist"])


def _finding(finding):
    text = f"{finding['message']} {finding['action']}".strip()
    return Line(WARNING if finding["severity"] == "warn" else TEXT, text)


def riskText(risk):
    """Return a risk of a plan as a line."""
    where = f" ({risk['structure']})" if risk.get("structure") else ""
    keep = f", keep {risk['minimumMm']:g} mm" if risk.get("minimumMm") else ""
    mitigation = f": {risk['mitigation']}" if risk.get("mitigation") else ""
    return f"{risk['text']}{where}{keep}{mitigation}"


def checkText(item):
    """Return an item of a plan's checklist as a line."""
    note = f" ({item['note']})" if item.get("note") else ""
    return f"[{'x' if item['done'] else '  '}] {item['text']}{note}"


def planSheets(lines, fonts, width):
    """Return the lines of each page; long texts go on in the next line."""
    from reportlab.lib.utils import simpleSplit

    wrapped = []
    for line in lines:
        room = width - 24 - (0.4 * width if line.right else 0)
        first, *rest = simpleSplit(fonts.printable(line.text), fonts.regular, TEXT_SIZE, room) or [""]
        wrapped.append(dataclasses.replace(line, text=first))
        wrapped += [Line(line.kind if line.kind == WARNING else TEXT, text) for text in rest]
    return [wrapped[start : start + LINES_PER_PAGE] for start in range(0, len(wrapped), LINES_PER_PAGE)]


def drawPlan(page, briefing, lines, pageText):
    """Draw one page of the plan's lines on a :class:`ORExportLib.Pages.Briefing.Page`."""
    page.banner(briefing)
    canvas = page.canvas
    canvas.setFillColor("black")
    canvas.setFont(page.fonts.bold, 18)
    canvas.drawString(page.left, page.y - 18, page.printable(briefing.caseName))
    canvas.drawRightString(page.right, page.y - 18, (briefing.side or "side not stated").upper())
    page.y -= 30
    for line in lines:
        _line(page, line)
    page.footer(pageText)


def _line(page, line):
    canvas, isHead = page.canvas, line.kind in (HEADING, STEP)
    size = STEP_SIZE if isHead else TEXT_SIZE
    indent = 0 if isHead else 14
    canvas.setFillColor({WARNING: WARNING_COLOR, FIGURE: QUIET_COLOR}.get(line.kind, "black"))
    canvas.setFont(page.fonts.bold if isHead else page.fonts.regular, size)
    canvas.drawString(page.left + indent, page.y - size, page.printable(line.text))
    if line.right:
        canvas.setFillColor(QUIET_COLOR if line.kind == STEP else "black")
        font = page.fonts.regular if line.kind == STEP else page.fonts.bold
        size = page.fittingSize(line.right, font, size, 0.4 * (page.right - page.left))
        canvas.setFont(font, size)
        canvas.drawRightString(page.right, page.y - size, page.printable(line.right))
    page.y -= LINE_HEIGHT
    if isHead:
        canvas.setStrokeColor("black" if line.kind == HEADING else "#cccccc")
        canvas.line(page.left, page.y, page.right, page.y)
