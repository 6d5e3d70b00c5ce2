"""The page of consent: what the patient agreed to, what has left, and copies without the patient's identity."""

import slicer
from slicer.i18n import tr as _

from PlanningHubLib import Consent
from PlanningHubLib.Case import Case
from PlanningHubLib.Deidentify import deidentify, reidentify, requireKey
from PlanningHubLib.DeidentifyRules import profileNames
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Site import Site

from .CaseModuleWidget import fillTable, isChosen
from .GovernancePanel import (
    BAD_COLOR,
    BAD_STYLE,
    DOUBT_COLOR,
    DOUBT_STYLE,
    FADED_COLOR,
    GOOD_COLOR,
    PLAIN_STYLE,
    GovernancePanel,
    empty,
    timeText,
    tint,
)


class ConsentPanel(GovernancePanel):
    """Records and withdraws consents of the active case, makes de-identified copies, and tells whose a pseudonym is."""

    def connectActions(self):
        self._consents = []
        self._profiles = profileNames()
        self.ui.scopeComboBox.addItems([scopeText(scope) for scope in Consent.SCOPES])
        self.ui.profileComboBox.addItems([profileText(name) for name in self._profiles])
        self.ui.recordButton.connect("clicked(bool)", self.onRecord)
        self.ui.elsewhereButton.connect("clicked(bool)", self.onElsewhere)
        self.ui.withdrawButton.connect("clicked(bool)", self.onWithdraw)
        self.ui.copyButton.connect("clicked(bool)", self.onCopy)
        self.ui.reidentifyButton.connect("clicked(bool)", self.onReidentify)
        for edit in (self.ui.pseudonymLineEdit, self.ui.reidentifyReasonLineEdit):
            edit.connect("textChanged(QString)", self.updateActions)
        self.ui.consentsTable.connect("itemSelectionChanged()", self.updateActions)
        self.ui.outPathLineEdit.connect("currentPathChanged(QString)", self.updateActions)
        self.ui.profileComboBox.connect("currentIndexChanged(int)", self.updateActions)

    def forget(self):
        ui = self.ui
        empty(ui.givenLineEdit, ui.documentLineEdit, ui.withdrawReasonLineEdit, ui.recipientLineEdit)
        ui.outPathLineEdit.currentPath = ""
        ui.defaceCheckBox.checked = False
        ui.copyLabel.text = ui.reidentifyLabel.text = ""
        empty(ui.pseudonymLineEdit, ui.pseudonymRecipientLineEdit, ui.reidentifyReasonLineEdit)
        ui.scopeComboBox.currentIndex = ui.profileComboBox.currentIndex = 0

    def show(self, case):
        self._consents = list(reversed(case.governance["consents"])) if case else []
        fillTable(self.ui.consentsTable, [consentRow(one) for one in self._consents], stretchedColumn=2)
        for row, consent in enumerate(self._consents):
            tint(self.ui.consentsTable, row, 3, stateColor(consent))
        self.ui.consentsTable.setCurrentCell(-1, 0)
        self.ui.treatmentLabel.text, self.ui.treatmentLabel.styleSheet = treatmentText(case) if case else ("", "")
        self.ui.treatmentLabel.visible = bool(self.ui.treatmentLabel.text)
        left = list(reversed(Consent.departures(case))) if case else []
        self._showDepartures(left, Consent.consentLines(case) if case else {})

    def _showDepartures(self, left, states):
        withdrawn = {scope for scope, state in states.items() if state == "withdrawn"}
        rows = [
            (
                (one["when"][:10], one["when"]),
                scopeText(one["scope"]),
                one["destination"],
                arrivalText(one["proven"]),
            )
            for one in left
        ]
        fillTable(self.ui.departuresTable, rows, stretchedColumn=2)
        for row, one in enumerate(left):
            tint(self.ui.departuresTable, row, 3, GOOD_COLOR if one["proven"] else DOUBT_COLOR)
            if one["scope"] in withdrawn:
                tint(self.ui.departuresTable, row, 1, BAD_COLOR)
        self.ui.departuresLabel.text, self.ui.departuresLabel.styleSheet = departuresText(left, withdrawn)

    def updateActions(self):
        ui, case = self.ui, self.module.case
        sections = (ui.consentsCollapsibleButton, ui.departuresCollapsibleButton, ui.copyCollapsibleButton)
        closed = self.noCaseReason(*sections, ui.reidentifyCollapsibleButton)
        self.allow(self.ui.recordButton, closed)
        self.allow(self.ui.elsewhereButton, closed or whyNotElsewhere(case))
        chosen = self._chosenConsent()
        self.allow(
            self.ui.withdrawButton,
            closed or ("" if chosen and not chosen["withdrawn"] else _("Select a consent that stands.")),
        )
        profile = self._profiles[self.ui.profileComboBox.currentIndex]
        stands = bool(case and Consent.standingConsent(case, Consent.PURPOSES[profile]))
        missing = _("Consent of scope {scope} is missing.").format(scope=scopeText(Consent.PURPOSES[profile]))
        unnamed = "" if isChosen(self.ui.outPathLineEdit.currentPath) else _("Choose where to save the copy.")
        self.allow(self.ui.copyButton, closed or ("" if stands else missing) or unnamed)
        entered = ui.pseudonymLineEdit.text.strip() and ui.reidentifyReasonLineEdit.text.strip()
        self.allow(ui.reidentifyButton, closed or ("" if entered else _("Enter the pseudonym, and why you ask.")))

    def _chosenConsent(self):
        row = self.ui.consentsTable.currentRow()
        return self._consents[row] if 0 <= row < len(self._consents) else None

    def onRecord(self):
        ui = self.ui
        scope, given = Consent.SCOPES[ui.scopeComboBox.currentIndex], ui.givenLineEdit.text.strip()
        if self.change(_("The consent is recorded."), Consent.recordConsent, scope, given, ui.documentLineEdit.text):
            empty(ui.givenLineEdit, ui.documentLineEdit)

    def onElsewhere(self):
        self.change(_("Recorded as kept elsewhere."), Consent.recordElsewhere)

    def onWithdraw(self):
        scope = self._chosenConsent()["scope"]
        question = _("Withdraw the consent of scope {scope}? From then on nothing leaves the case for it.")
        if not slicer.util.confirmYesNoDisplay(question.format(scope=scopeText(scope)), parent=self.widget):
            return
        left = len(Consent.departures(self.module.case, scope))
        done = _("Withdrawn. What has already left under this scope: {count}, listed below.").format(count=left)
        if self.change(done, Consent.withdrawConsent, scope, self.ui.withdrawReasonLineEdit.text.strip()):
            empty(self.ui.withdrawReasonLineEdit)

    def onReidentify(self):
        ui, folder = self.ui, self.module.activeFolder()
        ui.reidentifyLabel.text = ""
        code, recipient = ui.pseudonymLineEdit.text.strip(), ui.pseudonymRecipientLineEdit.text.strip()
        reason = ui.reidentifyReasonLineEdit.text.strip()
        question = _("Show whose {pseudonym} is? That you asked, and why, goes into the case's audit log.")
        if not slicer.util.confirmYesNoDisplay(question.format(pseudonym=code), parent=self.widget):
            return

        def step(_session, _progress):
            requireKey()
            with Case.open(folder, writable=True) as case:
                return reidentify(case, code, recipient, reason)

        found = self.module.runStep(step, _("The pseudonym is of this case's patient."))
        if found:
            text = _("{pseudonym} ({profile}) is patient {patient} of case {case}.")
            ui.reidentifyLabel.text = text.format(
                pseudonym=code, profile=profileText(found["profile"]), patient=found["patientId"], case=found["case"]
            )
            empty(ui.reidentifyReasonLineEdit)

    def onCopy(self):
        ui, folder = self.ui, self.module.activeFolder()
        outFolder, profile = ui.outPathLineEdit.currentPath, self._profiles[ui.profileComboBox.currentIndex]
        recipient, deface = ui.recipientLineEdit.text.strip(), ui.defaceCheckBox.checked
        ui.copyLabel.text = ""
        documents = slicer.util.getModuleLogic("ORExport").copyDocuments()

        def step(_session, progress):
            return deidentify(folder, outFolder, profile, recipient, deface, progress=progress, documents=documents)

        report = self.module.runStep(
            step,
            _("The copy is made and was searched for what must not be in it."),
        )
        if report:
            ui.copyLabel.text = reportText(report)
            # Whoever is asked later whose it is finds it filled in.
            ui.pseudonymLineEdit.text, ui.pseudonymRecipientLineEdit.text = report["pseudonym"], recipient
            ui.outPathLineEdit.currentPath = ""


def consentRow(consent):
    """Return a consent as a row of the table."""
    withdrawn = consent["withdrawn"]
    state = _("kept elsewhere") if Consent.isElsewhere(consent) else _("yes")
    state = _("withdrawn {date}").format(date=withdrawn["date"]) if withdrawn else state
    detail = _("{id}, recorded by {who} on {when}").format(
        id=consent["id"], who=consent["who"], when=timeText(consent["when"])
    )
    if withdrawn and withdrawn["reason"]:
        detail += "\n" + withdrawn["reason"]
    document = _("not seen here") if Consent.isElsewhere(consent) else consent["documentVersion"]
    return (scopeText(consent["scope"]), detail), consent["given"] or "", document, (state, detail)


def stateColor(consent):
    """Return the color of a consent's state."""
    if consent["withdrawn"]:
        return BAD_COLOR
    return DOUBT_COLOR if Consent.isElsewhere(consent) else GOOD_COLOR


def whyNotElsewhere(case):
    """Return why consent to treatment cannot be recorded as kept elsewhere; empty where it can."""
    try:
        isRecordedHere = Site.forThisInstallation().recordsTreatmentConsent
    except PlanningError as error:
        return error.message
    if isRecordedHere:
        return _("This site wants consent to treatment recorded here.")
    state = Consent.consentLines(case)["treatment"]
    if state == "withdrawn":
        return _("Consent to treatment was withdrawn: only a document signed since opens the case again.")
    return "" if state == "none" else _("Consent to treatment is recorded.")


def treatmentText(case):
    """Return what is said of consent to treatment, and its style; empty text where a document was recorded."""
    try:
        consent = Consent.requireConsent(case, "or-package")
    except PlanningError as error:
        return error.message, BAD_STYLE
    if not Consent.isElsewhere(consent):
        return "", ""
    text = _("Consent to treatment is kept elsewhere, by the site's setting: package and store rest on that, and no "
             "document was seen here. Make sure that the patient has signed.")  # fmt: skip
    return text, DOUBT_STYLE


def departuresText(left, withdrawn):
    """Return what is said above the list of what has left, and its style."""
    if not left:
        return _("Nothing has left this case."), f"color: {FADED_COLOR};"
    void = sum(one["scope"] in withdrawn for one in left)
    if not void:
        return _("Left so far: {count}.").format(count=len(left)), PLAIN_STYLE
    text = _("Left so far: {count}, of them {void} under a consent that has been withdrawn since. Ask there for "
             "deletion.")  # fmt: skip
    return text.format(count=len(left), void=void), DOUBT_STYLE


def reportText(report):
    """Return what the report of a copy says to the one who made it."""
    lines = [
        _("Pseudonym {pseudonym}, {count} files. Faces: {faces}. Text in images: {text}.").format(
            pseudonym=report["pseudonym"], count=len(report["files"]), faces=report["faces"],
            text=report["textInImages"],
        )
    ]  # fmt: skip
    lines += [f"{one['severity']}: {one['message']} {one['action']}".strip() for one in report["findings"]]
    return "\n".join(lines)


def scopeText(scope):
    """Return what a scope of consent is called."""
    return {
        "treatment": _("treatment"),
        "manufacturer": _("manufacturer"),
        "teaching": _("teaching"),
        "research": _("research"),
    }.get(scope, scope)


def profileText(profile):
    """Return what a profile of copies is called."""
    return {
        "treatment-partner": _("treatment partner"),
        "teaching": _("teaching"),
        "research": _("research"),
    }.get(profile, profile)


def arrivalText(proven):
    """Return what is known of the arrival of what has left."""
    return _("proven") if proven else _("no receipt")
