"""The verdict on a scan as a surgeon and a radiographer read it: series with pictures, one word, findings."""

import html

import qt
from slicer.i18n import tr as _

from .CaseModuleWidget import fillTable

WORD_STYLES = {
    "accept": "color: #14532d; background: #eaf6ec; border: 1px solid #a3c9a8;",
    "warn": "color: #7c4a03; background: #fff6e0; border: 1px solid #e0c080;",
    "reject": "color: #a01010; background: #fdecea; border: 1px solid #d9a0a0;",
    "choose": "color: #1e40af; background: #e8effd; border: 1px solid #a9bfec;",
}
SEVERITY_COLORS = {"reject": "#a01010", "warn": "#b45309", "info": "#374151"}
SEVERITY_ORDER = ("reject", "warn", "info")


class VerdictView:
    """Fills the result part of the import page.

    :param ui: the page's widgets: ``resultWidget``, ``seriesTable``, ``verdictLabel``, ``findingsTable``,
        ``repairCheckBox``, ``patientIdWidget``, ``patientIdLineEdit``
    """

    def __init__(self, ui):
        self._ui = ui
        self._uids = []
        self._pictures = {}

    def clear(self):
        """Show that nothing was checked."""
        self._uids, self._pictures = [], {}
        self._ui.resultWidget.visible = False
        for table in (self._ui.seriesTable, self._ui.findingsTable):
            wasBlocked = table.blockSignals(True)
            table.setRowCount(0)
            table.blockSignals(wasBlocked)
        self._ui.verdictLabel.text = ""
        self._ui.patientIdLineEdit.text = ""
        self._ui.patientIdWidget.visible = False
        self._showRepair(False, False)

    def show(self, verdict, pictures=None):
        """Show a verdict.

        :param pictures: series UID → PNG bytes; None to keep those that are shown
        """
        if pictures is not None:
            self._pictures = pictures
        self._ui.resultWidget.visible = True
        self._showSeries(verdict)
        word, sentence = _verdictWords(verdict)
        self._ui.verdictLabel.styleSheet = f"{WORD_STYLES[word]} padding: 6px;"
        self._ui.verdictLabel.text = f'<b style="font-size: 15px">{_wordText(word)}</b><br>{html.escape(sentence)}'
        self._showFindings(verdict)
        repair = verdict.chosen.repair if verdict.chosen else None
        possible = repair is not None or verdict.mayBeRepaired
        stated = repair is not None and "no-patient-id" in repair.completed
        self._ui.patientIdWidget.visible = possible and (stated or verdict.lacksPatientId)
        self._showRepair(possible, repair is not None)

    def selectedUid(self):
        """Return the UID of the series whose row is selected, None where none is."""
        row = self._ui.seriesTable.currentRow()
        return self._uids[row] if 0 <= row < len(self._uids) else None

    def updateRepair(self):
        """A repair that needs a patient ID waits for it."""
        missing = not self._ui.patientIdWidget.isHidden() and not self._ui.patientIdLineEdit.text.strip()
        self._ui.repairCheckBox.enabled = not missing

    def _showRepair(self, possible, agreed):
        box = self._ui.repairCheckBox
        wasBlocked = box.blockSignals(True)
        box.checked = agreed
        box.visible = possible
        self.updateRepair()
        box.blockSignals(wasBlocked)

    def _showSeries(self, verdict):
        table = self._ui.seriesTable
        self._uids = [one.uid for one in verdict.series]
        wasBlocked = table.blockSignals(True)
        fillTable(table, [_seriesRow(rank, one) for rank, one in enumerate(verdict.series, 1)], stretchedColumn=1)
        for row, uid in enumerate(self._uids):
            if uid in self._pictures:
                pixmap = qt.QPixmap()
                pixmap.loadFromData(qt.QByteArray(self._pictures[uid]))
                table.item(row, 0).setIcon(qt.QIcon(pixmap))
        chosen = verdict.chosen.uid if verdict.chosen else None
        table.setCurrentCell(self._uids.index(chosen) if chosen in self._uids else -1, 0)
        table.blockSignals(wasBlocked)
        table.resizeRowsToContents()

    def _showFindings(self, verdict):
        table = self._ui.findingsTable
        # Which series it is has been asked above, with pictures.
        findings = [one for one in verdict.findings if one.code != "several-series"]
        findings.sort(key=lambda one: SEVERITY_ORDER.index(one.severity))
        table.visible = bool(findings)
        rows = [(_severityText(one.severity), (one.message, _fullText(one)), one.action) for one in findings]
        fillTable(table, rows, stretchedColumn=(1, 2))
        for row, one in enumerate(findings):
            table.item(row, 0).setForeground(qt.QBrush(qt.QColor(SEVERITY_COLORS[one.severity])))


def _seriesRow(rank, series):
    name = series.facts.first("seriesDescription") or _("no description")
    if series.geometry:
        slices, rows, columns = series.geometry.shape
        size = _("{columns} × {rows}, {slices} slices").format(columns=columns, rows=rows, slices=slices)
        spacing = " × ".join(f"{value:.2f}" for value in series.geometry.spacingMm) + " mm"
        text = f"{rank}. {name}\n{size}\n{spacing}"
    else:
        text = _("{rank}. {name}\n{count} images, refused").format(rank=rank, name=name, count=len(series.headers))
    return ((text, series.uid), series.reason.replace("; ", ";\n"))


def _fullText(finding):
    return "\n".join([f"{finding.code}: {finding.message}", *map(str, finding.files)])


def _verdictWords(verdict):
    """Return the word, and what it means for this scan in a sentence."""
    title = verdict.procedure.title
    rejecting = {one.code for one in verdict.findings if one.severity == "reject"}
    if verdict.chosen is None and rejecting == {"several-series"}:
        return "choose", _("There are several series. Select the one you mean in the list above.")
    return verdict.word, {
        "accept": _("{title}: good enough to plan on."),
        "warn": _("{title}: usable with care. Read first what is said below."),
        "reject": _("{title}: do not plan on these images. What is wrong, and what to do, stands below."),
    }[verdict.word].format(title=title)


def _wordText(word):
    return {"accept": _("ACCEPT"), "warn": _("WARN"), "reject": _("REJECT"), "choose": _("CHOOSE A SERIES")}[word]


def _severityText(severity):
    return {"reject": _("Stop"), "warn": _("Look"), "info": _("Note")}[severity]
