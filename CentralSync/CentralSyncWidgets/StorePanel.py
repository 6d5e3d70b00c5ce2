"""The page of the store: how it is, and whether it still has what was sent there."""

import qt
from slicer.i18n import tr as _

from CentralSyncLib import Overview
from CentralSyncLib.Stores.CentralStore import SAME, UNREACHED
from PlanningHubLib.Errors import PlanningError
from PlanningHubWidgets.CaseModuleWidget import sizeText
from PlanningHubWidgets.Findings import showFindings
from PlanningHubWidgets.GovernancePanel import BAD_STYLE, DOUBT_STYLE, GOOD_STYLE, PLAIN_STYLE
from PlanningHubWidgets.Panel import Panel
from PlanningHubWidgets.StepRunner import ERROR_STYLE


class StorePanel(Panel):
    """Health from the register at any time; the store itself is only asked at the press of a button."""

    def connectActions(self):
        self._address, self._report, self._normal = "", None, ""
        self.ui.askButton.connect("clicked(bool)", self.onAsk)
        self.ui.scrubButton.connect("clicked(bool)", self.onScrub)
        self.ui.saveButton.connect("clicked(bool)", self.onSave)
        self._sayReport(None)

    def forget(self):
        self._sayReport(None)

    def showCase(self, case):
        if self.module.isInFront(self):
            self._showHealth()

    def updateActions(self):
        if self.module.address() != self._address:
            self._address = self.module.address()
            self._sayReport(None)
            if self.module.isInFront(self):
                self._showHealth()

    def _showHealth(self):
        """Say of the store that was entered what this workstation knows of it."""
        ui = self.ui
        self._normal, health, text, style = "", None, _("Choose the store."), PLAIN_STYLE
        try:
            if self._address:
                self._normal, _destination = Overview.destination(self._address)
                health = next((one for one in self.module.logic.queue()[1] if one.store == self._normal), None)
                text, style = healthText(health)
        except PlanningError as error:
            text, style = str(error), BAD_STYLE
        ui.healthLabel.text, ui.healthLabel.styleSheet = text, style
        ui.askButton.enabled = ui.scrubButton.enabled = health is not None
        ui.scheduleLabel.text = scheduleText(self._normal)

    # What the user does

    def onAsk(self):
        module, address, login = self.module, self._address, self.module.login()
        result = module.runStep(lambda _session, progress: module.logic.ask(address, progress, login), "")
        if result is not None:
            text, isGood = askedText(*result)
            module.runner.say(text) if isGood else module.runner.say(text, ERROR_STYLE)

    def onScrub(self):
        module, address, login, onlyDue = self.module, self._address, self.module.login(), self.ui.dueCheckBox.checked
        report = module.runStep(
            lambda _session, progress: module.logic.scrub(address, onlyDue, progress, login),
            "",
            _("Stopped; the next one goes on from here."),
        )
        if report is not None:
            self._sayReport(report)
            module.runner.say(*scrubText(report))

    def _sayReport(self, report):
        ui, self._report = self.ui, report
        ui.reportLabel.text = reportText(report) if report else ""
        ui.reportLabel.visible = ui.saveButton.visible = report is not None
        ui.saveButton.enabled = report is not None
        showFindings(ui.findingsTable, [finding.asDict() for finding in report.findings] if report else [])

    def onSave(self):
        title, kinds = _("Report"), "Text (*.txt);;JSON (*.json)"
        path = qt.QFileDialog.getSaveFileName(self.widget, title, f"scrub-{self._report.started[:10]}.txt", kinds)
        if path:
            report = self._report
            self.module.runStep(lambda _session, _progress: report.write(path), _("The report is saved."))
            self._sayReport(report)


def healthText(health):
    """Return what the register says of a store, and how it is shown."""
    if health is None:
        return _("This workstation has never sent anything to this store."), PLAIN_STYLE
    verified = health.counts["verified"]
    lines = [
        _("{count} objects, {size}, are proven to be there; the last one {when} (UTC).").format(
            count=verified, size=sizeText(health.bytes["verified"]), when=_time(health.lastVerified)
        ) if verified else _("Nothing is proven to be there."),
    ]  # fmt: skip
    if health.paused:
        lines.append(_("Sending is PAUSED."))
    if health.waiting:
        text = _("{count} objects wait, the oldest since {when} (UTC). {reason}")
        lines.append(text.format(count=health.waiting, when=_time(health.oldestWaiting), reason=health.reason).strip())
    if health.failed:
        lines.append(_("{count} objects need a person: see the queue.").format(count=health.failed))
    if health.alarms:
        lines.append(_("ALARM: of {count} objects the store kept a corrupt copy.").format(count=health.alarms))
    if health.failed or health.alarms:
        return "\n".join(lines), BAD_STYLE
    return "\n".join(lines), DOUBT_STYLE if health.waiting or health.paused else GOOD_STYLE


def _time(utcText):
    return (utcText or "").replace("T", " ").removesuffix("Z")[:16]


def askedText(entry, answer):
    """Return what a store said of what was proven there last, and whether that is good."""
    if entry is None:
        return _("Nothing was proven to be there yet that could be asked for."), False
    if answer.outcome == SAME:
        return _("The store answers, and still has what was proven last."), True
    if answer.outcome == UNREACHED:
        return answer.reason, False
    text = _("The store answers, and does not have {name} any more as it was sent: verify everything again.")
    return text.format(name=entry.name), False


def scrubText(report):
    """Return how a scrub ended in a sentence; with the style where it did not end well."""
    if report.exitCode:
        return report.findings[0].message, ERROR_STYLE
    if report.missed:
        return (_("Repaired: all is in the store again, read back and equal."),)
    if not report.checked:
        return (_("Nothing was due."),)
    return (_("All is in the store, read back and equal."),)


def reportText(report):
    """Return the counts of a scrub."""
    return _(
        "{checked} of {registered} objects checked, {size} read back in {seconds:.0f} s. "
        "As they were sent {whole}, repaired {repaired}, replaced {replaced}, waiting {waiting}, "
        "LOST {lost}. Next due {due} (UTC)."
    ).format(
        checked=report.checked,
        registered=report.registered,
        size=sizeText(report.bytesRead),
        seconds=report.seconds,
        whole=report.whole,
        repaired=report.count("repaired"),
        replaced=report.count("replaced"),
        waiting=report.count("waiting"),
        lost=report.count("lost") + report.count("unrepaired"),
        due=_time(report.nextDue) or "-",
    )


def scheduleText(address):
    """Return the line by which the system itself verifies what is due."""
    if not address:
        return _("Choose the store.")
    command = f'planninghub scrub --store "{address}" --due --report scrub.json'
    return "\n".join([
        _("Let the system run this every night, as the user who sends (cron, systemd or Task Scheduler):"),
        command,
    ])  # fmt: skip
