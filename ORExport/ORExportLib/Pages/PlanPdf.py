"""The plan as a PDF: the briefing for the wall, then the details of what was planned, made, checked and approved."""

import dataclasses

from PlanningHubLib.PageFonts import drawn
from PlanningHubLib.Paper import Head, Paper

from .Briefing import COPY, FOOTER, drawBriefing

VIEW_HEIGHT = 250
QR_MM = 30.0
CHECK_BY_HAND = "Checked by (date, name, signature): " + "_" * 52


@dataclasses.dataclass(frozen=True)
class Details:
    """What stands on the pages after the first.

    :param title: of the plan, and what it is for; ``note`` is what its maker wrote
    :param pictures: :class:`ORExportLib.Pages.Briefing.Picture` of the views
    :param tables: :class:`ORExportLib.Pages.PlanTables.Table` of plan, measurements and parts
    :param checklist: (text, whether it is done)
    :param records: the same as ``tables``, after the checklist: steps, findings, approvals and hashes
    """

    title: str
    note: str = ""
    pictures: tuple = ()
    tables: tuple = ()
    checklist: tuple = ()
    records: tuple = ()


def planPdf(briefing, details=None):
    """Return the bytes of the PDF.

    :param briefing: :class:`ORExportLib.Pages.Briefing.Briefing`
    :param details: :class:`Details`; None for the briefing alone
    """
    return drawn(lambda fonts: _pdf(briefing, details, fonts))


def _pdf(briefing, details, fonts):
    from reportlab.lib.pagesizes import A4

    side = briefing.sideWords
    foot = f"Case {briefing.caseName}, side {side}, made from " + ", ".join(
        f"{name} {digest[:12]}" for name, digest in briefing.hashes
    )
    head = Head(f"{briefing.caseName} surgical plan", briefing.banner, bool(briefing.approvers), foot, FOOTER)
    paper = Paper(head, fonts)
    if details is not None:
        _details(paper, briefing, details)

    def drawFirst(canvas, pageText):
        drawBriefing(briefing, canvas, fonts, A4, pageText)

    # The file of a copy says no more of the day than its page does.
    return paper.pdf(drawFirst, isTimeless=briefing.intendedUse == COPY)


def _details(paper, briefing, details):
    paper.text(f"{briefing.caseName}, {briefing.sideWords}: {details.title}", "title")
    if details.note:
        paper.text(details.note)
    if details.pictures:
        paper.heading("Views")
    for start in range(0, len(details.pictures), 2):
        pair = details.pictures[start : start + 2]
        paper.pictures([one.path for one in pair], VIEW_HEIGHT, "; ".join(one.caption for one in pair))
    for table in details.tables:
        _table(paper, table)
    if details.checklist:
        paper.heading("Checklist")
        paper.checklist(details.checklist)
        paper.space(8)
        paper.text(CHECK_BY_HAND)
    for table in details.records:
        _table(paper, table)
    if briefing.qr:
        paper.space(10)
        paper.qr(briefing.qr, QR_MM)
        paper.text(briefing.qr, "mono")


def _table(paper, table):
    paper.heading(table.title)
    paper.table(table.head, table.rows, table.widths, mono=table.mono, levels=table.levels)
