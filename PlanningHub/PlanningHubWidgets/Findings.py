"""Findings in a table: how grave, what, and what to do."""

from slicer.i18n import tr as _

from .CaseModuleWidget import fillTable
from .GovernancePanel import tint
from .VerdictView import SEVERITY_COLORS, SEVERITY_ORDER

MOST_PIXELS = 260


def showFindings(table, findings):
    """Fill a table with findings as facts hold them, the gravest first; without any it is not shown."""
    ordered = sorted(findings, key=lambda one: SEVERITY_ORDER.index(one["severity"]))
    rows = [
        (severityText(one["severity"]), (one["message"], f"{one['code']}: {one['message']}"), one["action"])
        for one in ordered
    ]
    table.visible = bool(rows)
    fillTable(table, rows, stretchedColumn=(1, 2))
    table.wordWrap = True
    table.resizeRowsToContents()
    for row, one in enumerate(ordered):
        tint(table, row, 0, SEVERITY_COLORS[one["severity"]])


def severityText(severity):
    """Return how grave a finding is, in a word."""
    return {"reject": _("Stop"), "warn": _("Look"), "info": _("Note")}[severity]
