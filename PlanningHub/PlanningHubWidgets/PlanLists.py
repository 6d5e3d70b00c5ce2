"""The lists of a plan that a person keeps: risks, and the checklist."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Planning.Figures import numberOf

RISK_KEYS = ("text", "structure", "minimumMm", "mitigation")


class PlanLists:
    """Shows and changes the risks and the checklist of a draft, in tables whose cells are edited in place.

    :param ui: the widgets of the plan's page
    :param takeDraft: called with the changed draft
    """

    def __init__(self, ui, takeDraft):
        self._ui = ui
        self._takeDraft = takeDraft
        self._draft, self._filling = None, False
        ui.risksTable.connect("itemChanged(QTableWidgetItem*)", self._onRisk)
        ui.checklistTable.connect("itemChanged(QTableWidgetItem*)", self._onCheck)
        ui.addRiskButton.connect("clicked(bool)", self._onAddRisk)
        ui.addCheckButton.connect("clicked(bool)", self._onAddCheck)
        ui.removeRiskButton.connect("clicked(bool)", lambda _checked=False: self._remove("risks", ui.risksTable))
        ui.removeCheckButton.connect(
            "clicked(bool)", lambda _checked=False: self._remove("checklist", ui.checklistTable)
        )
        for table, stretched in ((ui.risksTable, (0, 3)), (ui.checklistTable, (1, 2))):
            for column in range(table.columnCount):
                mode = qt.QHeaderView.Stretch if column in stretched else qt.QHeaderView.ResizeToContents
                table.horizontalHeader().setSectionResizeMode(column, mode)

    def show(self, draft):
        """Show the lists of a draft, or of none (None)."""
        self._draft, self._filling = draft, True
        risks, items = (draft["risks"], draft["checklist"]) if draft else ([], [])
        _fill(self._ui.risksTable, [[_shown(risk.get(key)) for key in RISK_KEYS] for risk in risks])
        _fill(self._ui.checklistTable, [["", item["text"], item.get("note", "")] for item in items])
        for row, item in enumerate(items):
            cell = self._ui.checklistTable.item(row, 0)
            cell.setFlags(qt.Qt.ItemIsUserCheckable | qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable)
            cell.setCheckState(qt.Qt.Checked if item["done"] else qt.Qt.Unchecked)
        self._filling = False

    def _onRisk(self, item):
        if self._filling:
            return
        key, text = RISK_KEYS[item.column()], item.text().strip()
        risk = {one: value for one, value in self._draft["risks"][item.row()].items() if one != key}
        value = numberOf(text) if key == "minimumMm" else text
        if value not in (None, ""):
            risk[key] = value
        elif key == "text":
            risk[key] = self._draft["risks"][item.row()]["text"]
        self._replace("risks", item.row(), risk)

    def _onCheck(self, item):
        if self._filling:
            return
        before = self._draft["checklist"][item.row()]
        text = item.text().strip()
        change = (
            {"done": item.checkState() == qt.Qt.Checked},
            {"text": text or before["text"]},
            {"note": text},
        )[item.column()]
        self._replace("checklist", item.row(), {**before, **change})

    def _onAddRisk(self, _checked=False):
        self._takeDraft({**self._draft, "risks": [*self._draft["risks"], {"text": _("New risk")}]})

    def _onAddCheck(self, _checked=False):
        item = {"text": _("New item"), "done": False}
        self._takeDraft({**self._draft, "checklist": [*self._draft["checklist"], item]})

    def _remove(self, key, table):
        row = table.currentRow()
        if self._draft and 0 <= row < len(self._draft[key]):
            values = [one for number, one in enumerate(self._draft[key]) if number != row]
            self._takeDraft({**self._draft, key: values})

    def _replace(self, key, row, value):
        values = [value if number == row else one for number, one in enumerate(self._draft[key])]
        self._takeDraft({**self._draft, key: values})


def _shown(value):
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _fill(table, rows):
    current = table.currentRow()
    table.setRowCount(len(rows))
    for row, cells in enumerate(rows):
        for column, text in enumerate(cells):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(text)
            table.setItem(row, column, item)
    table.setCurrentCell(min(current, len(rows) - 1), 0)
