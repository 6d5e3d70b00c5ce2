"""The page of the plan: its steps, made and changed by hand or from the procedure, carried out, looked at and kept."""

import qt
import slicer
from slicer.i18n import tr as _

from PlanningHubLib.CaseView import shownSegmentNames
from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.IntendedUse import intendedUse
from PlanningHubLib.Planning import Editing, Plan, PointPicking, Scene
from PlanningHubLib.Planning.Document import newDocument
from PlanningHubLib.Planning.Figures import figureLines, keyFigure
from PlanningHubLib.Planning.Operations import operations
from PlanningHubLib.Session import Session

from .CaseModuleWidget import fillTable
from .GovernancePanel import BAD_COLOR, DOUBT_COLOR, DOUBT_STYLE, FADED_COLOR, GOOD_COLOR, GovernancePanel, tint
from .PlanLists import PlanLists
from .PlanVariants import PlanVariants
from .StepForm import StepForm

PLACED_IN_VIEWS = ("points", "line", "curve", "plane")
COLOR_OF_SEVERITY = {"info": FADED_COLOR, "warn": DOUBT_COLOR, "reject": BAD_COLOR}
FILE_TYPES = "Plan (*.json)"
MOVE_PAUSE_MS = 150


class PlanPanel(GovernancePanel):
    """Edits the plan of the active case as a draft in the scene, carries it out and keeps it."""

    def connectActions(self):
        ui = self.ui
        self._draft, self._carried, self._results, self._filling = None, None, None, False
        self._carriedResults = None
        self._moveTimer = qt.QTimer()
        self._moveTimer.singleShot = True
        self._moveTimer.interval = MOVE_PAUSE_MS
        self._moveTimer.connect("timeout()", self._takeMoved)
        self._form = StepForm(ui.fieldsWidget, self.onPick)
        self._lists = PlanLists(ui, self.takeDraft)
        self._variants = PlanVariants(ui)
        for operation in operations().values():
            ui.operationComboBox.addItem(operation.title, operation.do)
        for button, function in (
            (ui.templateButton, self.onTemplate), (ui.emptyButton, self.onEmpty), (ui.loadButton, self.onLoad),
            (ui.saveButton, self.onSave), (ui.addButton, self.onAdd), (ui.upButton, lambda: self.onShift(-1)),
            (ui.downButton, lambda: self.onShift(1)), (ui.removeButton, self.onRemove), (ui.applyButton, self.onApply),
            (ui.placeButton, self.onPlace), (ui.carryOutButton, self.onCarryOut), (ui.keepButton, self.onKeep),
            (ui.openVariantButton, self.onOpenVariant),
        ):  # fmt: skip
            button.connect("clicked(bool)", lambda _checked=False, function=function: function())
        ui.stepsTable.connect("itemSelectionChanged()", self.onSelected)
        ui.variantsTable.connect("itemSelectionChanged()", self.updateActions)
        ui.titleLineEdit.connect("editingFinished()", self.onTitle)
        ui.operationComboBox.connect("activated(int)", self.onOperation)

    def forget(self):
        self._draft, self._carried, self._results = None, None, None
        PointPicking.forgetPicked(Session.start().scene)

    # What is shown

    def show(self, case):
        scene = Session.start().scene
        self._moveTimer.stop()
        self._draft = Scene.draftOf(scene, case) if case else None
        self._results = self._knownResults(case)
        self._observe(scene)
        self._variants.show(case)
        self._showDraft()

    def _knownResults(self, case):
        """Return document and results of when the plan was carried out last, or None."""
        if self._carried is not None:
            return self._carriedResults
        kept = Scene.keptContent(Session.start().scene)
        plans = Plan.variants(case) if case and self._draft else []
        plan = next((one for one in plans if one.content == kept and not case.graph.isStale(one)), None)
        return Plan.readPlan(case, plan) if plan else None

    def _observe(self, scene):
        """Notice what the user moves in the views."""
        for node in Scene.planNodes(scene).values():
            event = node.TransformModifiedEvent if node.IsA("vtkMRMLTransformNode") else node.PointModifiedEvent \
                if node.IsA("vtkMRMLMarkupsNode") else None  # fmt: skip
            if event is not None and not self.module.hasObserver(node, event, self._onMoved):
                self.module.addObserver(node, event, self._onMoved)

    def _showDraft(self):
        ui, draft = self.ui, self._draft
        self._filling = True
        ui.titleLineEdit.text = draft["title"] if draft else ""
        chosen = self.chosenName()
        rows = self._rows()
        fillTable(ui.stepsTable, [row for row, _color in rows], stretchedColumn=2)
        for number, (_row, color) in enumerate(rows):
            tint(ui.stepsTable, number, 2, color)
        names = [step["name"] for step in draft["steps"]] if draft else []
        ui.stepsTable.setCurrentCell(names.index(chosen) if chosen in names else len(names) - 1, 0)
        self._lists.show(draft)
        self._filling = False
        self._showStep()

    def _rows(self):
        """Return (cells, color of the result) of each step."""
        if self._draft is None:
            return []
        held = self._held()
        moved = Scene.movedSteps(Session.start().scene, self.module.case)
        rows = []
        for step in self._draft["steps"]:
            text, color = self._resultText(step, held.get(step["name"]), step["name"] in moved)
            rows.append(((step["name"], titleOf(step["do"]), (text, text)), color))
        return rows

    def _resultText(self, step, result, isMoved):
        problem = Editing.problemOf(step)
        if problem:
            return problem, BAD_COLOR
        if isMoved:
            return _("moved by hand"), DOUBT_COLOR
        if result is None:
            return _("not carried out"), FADED_COLOR
        severities = {finding["severity"] for finding in result["findings"]}
        text = keyFigure(result["figures"]) or _("done")
        return text, DOUBT_COLOR if "warn" in severities else GOOD_COLOR

    def _held(self):
        """Return the results that still hold for the draft."""
        return Editing.stillHolds(self._draft, *self._results) if self._results and self._draft else {}

    def chosenName(self):
        """Return the name of the selected step, or None."""
        row = self.ui.stepsTable.currentRow()
        item = self.ui.stepsTable.item(row, 0) if row >= 0 else None
        return item.text() if item is not None else None

    def _chosen(self):
        steps = self._draft["steps"] if self._draft else []
        return next((step for step in steps if step["name"] == self.chosenName()), None)

    def _showStep(self):
        ui, step = self.ui, self._chosen()
        ui.stepCollapsibleButton.visible = step is not None
        ui.resultCollapsibleButton.visible = step is not None
        ui.nameLineEdit.text = step["name"] if step else ""
        ui.commentLineEdit.text = step.get("comment", "") if step else ""
        # What is too long for the field is read from its beginning.
        ui.commentLineEdit.cursorPosition = 0
        known = step is not None and step["do"] in operations()
        offered = self._offered(step) if known else {}
        self._form.show(step if known else None, offered)
        problem = Editing.problemOf(step) if step else ""
        ui.problemLabel.text = problem
        ui.problemLabel.visible = bool(problem)
        ui.placeButton.visible = known and step["do"] in PLACED_IN_VIEWS
        result = self._held().get(step["name"]) if step else None
        rows = resultRows(result) if result else []
        # A finding spans both columns: measured by it, the first one would take the whole width.
        fillTable(ui.figuresTable, [row for row, _color in rows], stretchedColumn=(0, 1))
        for number, (_row, color) in enumerate(rows):
            if color:
                tint(ui.figuresTable, number, 0, color)

    def _offered(self, step):
        scene = Session.start().scene
        return Editing.offered(
            self._draft, shownSegmentNames(scene), self._results[1] if self._results else None, step["name"]
        )

    # What can be done

    def updateActions(self):
        ui, case, draft = self.ui, self.module.case, self._draft
        closed = self.noCaseReason(ui.planCollapsibleButton, ui.stepsCollapsibleButton)
        parameters = self.module.parameters
        if parameters is not None and ui.operationComboBox.findData(parameters.planOperation) >= 0:
            ui.operationComboBox.currentIndex = ui.operationComboBox.findData(parameters.planOperation)
        unmade = closed or ("" if draft else _("Start a plan first."))
        unchosen = unmade or ("" if self._chosen() else _("Select a step."))
        for button in (ui.templateButton, ui.emptyButton, ui.loadButton):
            self.allow(button, closed)
        for button in (ui.saveButton, ui.addButton):
            self.allow(button, unmade)
        for button in (ui.upButton, ui.downButton, ui.removeButton, ui.applyButton, ui.placeButton):
            self.allow(button, unchosen)
        for widget in (ui.titleLineEdit, ui.listsCollapsibleButton):
            widget.enabled = draft is not None
        self._variants.update(self, closed)
        moved = Scene.movedSteps(Session.start().scene, case) if case and draft else []
        ui.movedLabel.visible = bool(moved)
        text = _("Placed or moved by hand since it was carried out: {names}.")
        ui.movedLabel.text = text.format(names=", ".join(moved))
        ui.movedLabel.styleSheet = DOUBT_STYLE
        self.allow(ui.carryOutButton, unmade or self._whyNotCarriedOut(case))
        self.allow(ui.keepButton, unmade or self._whyNotKept(moved))
        ui.planLabel.text = stateText(case, draft)

    def _whyNotCarriedOut(self, case):
        if case.latest("segmentation") is None:
            return _("Segment first.")
        lacking = [step["name"] for step in self._draft["steps"] if Editing.problemOf(step)]
        if lacking:
            return _("Complete these steps: {names}.").format(names=", ".join(lacking))
        return "" if self._draft["steps"] else _("Add a step.")

    def _whyNotKept(self, moved):
        isWhole = self._carried is not None and len(self._held()) == len(self._draft["steps"])
        sameCount = isWhole and len(self._carried.document["steps"]) == len(self._draft["steps"])
        return "" if sameCount and not moved else _("Carry it out as it is now.")

    # What the user does

    def takeDraft(self, draft, kept=None):
        """Take over a changed draft into the scene, and show it."""
        self._draft = draft
        self.module.runner.say("")
        Scene.showDraft(Session.start(), self.module.case, draft, kept)
        self._observe(Session.start().scene)
        self._showDraft()
        self.updateActions()

    def _start(self, draft):
        self._carried, self._results = None, None
        Scene.hidePlan(Session.start().scene)
        self.takeDraft(draft, "")

    def onTemplate(self):
        case = self.module.case
        try:
            self._start(self.module.logic.startedPlan(case, freeTitle(case)))
        except PlanningError as error:
            self.module.runner.complain(error)

    def onEmpty(self):
        case = self.module.case
        self._start(newDocument(freeTitle(case), intendedUse(case), case.procedure, case.side))

    def onLoad(self):
        path = qt.QFileDialog.getOpenFileName(self.widget, _("Plan"), "", FILE_TYPES)
        if path:
            folder = self.module.activeFolder()
            document = self.module.runStep(lambda *_given: self.module.logic.readPlanFile(folder, path), "")
            if document is not None:
                self._start(document)
                self.module.runner.say(_("The plan is loaded; carry it out."))

    def onSave(self):
        name = f"{self.module.case.name}-plan.json"
        path = qt.QFileDialog.getSaveFileName(self.widget, _("Plan"), name, FILE_TYPES)
        if path:
            folder, draft = self.module.activeFolder(), self._draft
            self.module.runStep(lambda *_given: self.module.logic.writePlanFile(folder, draft, path),
                                _("The plan is saved."))  # fmt: skip

    def onTitle(self):
        title = self.ui.titleLineEdit.text.strip()
        if self._draft and not self._filling and title and title != self._draft["title"]:
            self.takeDraft({**self._draft, "title": title})

    def onOperation(self, index):
        self.module.parameters.planOperation = self.ui.operationComboBox.itemData(index)

    def onSelected(self):
        if not self._filling:
            self._showStep()
            self.updateActions()

    def onAdd(self):
        ui = self.ui
        step = Editing.newStep(self._draft, ui.operationComboBox.itemData(ui.operationComboBox.currentIndex))
        draft = Editing.withStep(self._draft, step, self.chosenName())
        self.takeDraft(draft)
        ui.stepsTable.setCurrentCell([one["name"] for one in draft["steps"]].index(step["name"]), 0)

    def onShift(self, by):
        self.takeDraft(Editing.shifted(self._draft, self.chosenName(), by))

    def onRemove(self):
        name = self.chosenName()
        users = Editing.usersOf(self._draft, name)
        text = _("{names} use it. Remove {name} all the same?").format(names=", ".join(users), name=name)
        if not users or slicer.util.confirmOkCancelDisplay(text):
            self.takeDraft(Editing.withoutStep(self._draft, name))

    def onApply(self):
        """Take over the form; the step keeps its place and what refers to its name."""
        step, ui = self._chosen(), self.ui
        try:
            entered = self._form.values() if step["do"] in operations() else Editing.parametersOf(step)
            changed = {"do": step["do"], "name": ui.nameLineEdit.text.strip() or step["name"],
                       "comment": ui.commentLineEdit.text.strip(), **entered}  # fmt: skip
            draft = Editing.replaced(self._draft, step["name"], changed)
        except PlanningError as error:
            self.module.runner.complain(error)
            return
        ui.stepsTable.item(ui.stepsTable.currentRow(), 0).setText(changed["name"])
        self.takeDraft(draft)

    def onPlace(self):
        Scene.startPlacing(Session.start(), self._chosen())
        self._observe(Session.start().scene)
        self.module.runner.say(_("Click in the views."))

    def onPick(self, editor):
        node = PointPicking.startPicking(Session.start())

        def onPicked(_caller=None, _event=None):
            point = PointPicking.pickedPoint(Session.start().scene)
            if point is not None:
                editor.take(point)
                PointPicking.forgetPicked(Session.start().scene)

        self.module.addObserver(node, node.PointPositionDefinedEvent, onPicked)

    def _onMoved(self, _caller=None, _event=None):
        # While the mouse drags a point, one look in a while is enough; the first one is taken at once.
        if self._filling or self._moveTimer.active:
            return
        if self.ui.movedLabel.isHidden():
            self._takeMoved()
        else:
            self._moveTimer.start()

    def _takeMoved(self):
        if self.module.case is None or self.module.runner.running:
            return
        self._draft = Scene.draftOf(Session.start().scene, self.module.case)
        if self._draft is not None:
            self._showDraft()
            self.updateActions()

    def onCarryOut(self):
        folder, draft, logic = self.module.activeFolder(), self._draft, self.module.logic

        def carryOut(session, progress):
            self._carried = logic.carryOutPlan(folder, session, draft, progress)
            self._carriedResults = self._carried.document, self._carried.asDict()

        self.module.runStep(carryOut, _("The plan is carried out; look at it, then keep it."))

    def onKeep(self):
        folder, carried, draft = self.module.activeFolder(), self._carried, self._draft
        self.module.runStep(
            lambda session, progress: self.module.logic.keepPlan(folder, session, carried, draft, progress),
            _("The plan is kept."),
        )

    def onOpenVariant(self):
        folder, plan = self.module.activeFolder(), self._variants.chosen()
        self._carried = None
        self.module.runStep(
            lambda session, _progress: self.module.logic.showVariant(folder, session, plan.id), _("The plan is shown.")
        )


def titleOf(do):
    """Return what an operation is called; its own name where the suite does not know it."""
    return operations()[do].title if do in operations() else do


def stateText(case, draft):
    """Return in a sentence which plan is shown."""
    if case is None or draft is None:
        return _("No plan is shown.")
    kept = Scene.keptContent(Session.start().scene)
    plan = next((one for one in Plan.variants(case) if one.content == kept), None)
    if plan is None:
        return _("This plan is not kept yet.")
    text = _("From {title}, revision {revision}.").format(title=plan.title, revision=plan.revision)
    if case.graph.isStale(plan):
        text = _("{text} The segmentation has changed since: carry it out again.").format(text=text)
    return text


def freeTitle(case):
    """Return a title that no plan of the case has."""
    titles = {plan.title for plan in Plan.variants(case)}
    numbered = (_("Plan {number}").format(number=number) for number in range(2, len(titles) + 3))
    return next(title for title in (_("Plan"), *numbered) if title not in titles)


def resultRows(result):
    """Return (cells, color or None) of what a step gave: findings, figures, tables."""
    rows = [((_("{message} {action}").format(**finding).strip(),), COLOR_OF_SEVERITY[finding["severity"]])
            for finding in result["findings"]]  # fmt: skip
    rows += [((name, value), None) for name, value in figureLines(result["figures"])]
    for title, table in result["tables"].items():
        rows.append(((title,), None))
        rows += [((next(iter(line.values()), ""), ", ".join(" ".join(one) for one in figureLines(line))), None)
                 for line in table]  # fmt: skip
    return rows
