"""The page on which a part is put together: of what, how exact, by which process, of what material, for what."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Errors import PlanningError
from PlanningHubLib.Planning import PointPicking
from PlanningHubLib.Session import Session
from PlanningHubWidgets.GovernancePanel import GovernancePanel
from PrintPrepLib import RecipeDraft
from PrintPrepLib.PartVerdict import materialsFor, profilesOffered
from PrintPrepLib.RecipeDraft import FRAMES, UNITS

from .StepsSection import StepsSection
from .VerdictSection import VerdictSection

BONE, FILE, OBJECT = "bone", "file", "object:"
OWN_FORMATS = ("obj", "ply", "glb")
RECIPE_TYPES = "Recipe (*.json)"


class PartPanel(GovernancePanel):
    """Shows the draft of a recipe that the parameter node keeps, and changes it; makes the part or queues it."""

    def connectActions(self):
        ui = self.ui
        self._filling, self._shownMaterialsOf = False, None
        self.steps, self.verdict = StepsSection(self), VerdictSection(ui)
        fill(ui.unitComboBox, [("", _("not stated")), *((one, one) for one in UNITS)])
        fill(ui.frameComboBox, [("", _("not stated")), *((one, one) for one in FRAMES)])
        fill(ui.useComboBox, useTexts())
        fill(ui.contactComboBox, contactTexts())
        fill(ui.methodComboBox, methodTexts())
        ui.objectComboBox.connect("activated(int)", self._onObject)
        for combo, key in self._combos():
            combo.connect("activated(int)", lambda _row, combo=combo, key=key: self.change(key, chosen(combo) or None))
        ui.deviationSpinBox.connect("valueChanged(double)", lambda mm: self.change("maximumDeviationMm", mm))
        ui.toleranceSpinBox.connect("valueChanged(double)", lambda mm: self.change("toleranceMm", mm or None))
        ui.methodComboBox.connect("activated(int)", self._onSterilization)
        ui.temperatureSpinBox.connect("valueChanged(double)", self._onSterilization)
        for box in self._formatBoxes().values():
            box.connect("clicked(bool)", self._onFormats)
        ui.modelPathLineEdit.connect("currentPathChanged(QString)", self._onModel)
        for combo in (ui.unitComboBox, ui.frameComboBox):
            combo.connect("activated(int)", self._onModel)
        ui.loadRecipeButton.connect("clicked(bool)", self.onLoadRecipe)
        ui.saveRecipeButton.connect("clicked(bool)", self.onSaveRecipe)
        ui.partButton.connect("clicked(bool)", self.onMakePart)
        ui.queueButton.connect("clicked(bool)", self.onQueue)

    def _combos(self):
        ui = self.ui
        return (
            (ui.profileComboBox, "profile"), (ui.materialComboBox, "material"), (ui.useComboBox, "use"),
            (ui.contactComboBox, "contact"),
        )  # fmt: skip

    def _formatBoxes(self):
        return {name: getattr(self.ui, f"{name}CheckBox") for name in OWN_FORMATS}

    # The draft

    def draft(self):
        """Return the draft as the parameter node keeps it for the open case, a new one where it keeps none."""
        parameters, case = self.module.parameters, self.module.case
        return RecipeDraft.draftIn(parameters.recipeJson if parameters else "", case.caseId if case else None)

    def take(self, draft):
        """Keep a draft; all of the page follows it."""
        if self.module.case is not None and self.module.parameters is not None:
            self.module.parameters.recipeJson = RecipeDraft.textOf(draft, self.module.case.caseId)

    def change(self, key, value):
        """Keep another value of one key, as soon as the user has entered it."""
        if not self._filling:
            self.take({**self.draft(), key: value})

    # What is shown

    def show(self, case):
        solids, segments = RecipeDraft.offeredObjects(case) if case else ([], [])
        planned = [(f"{OBJECT}{name}", _("{name} (plan)").format(name=name)) for name in solids]
        segmented = [(f"{OBJECT}{name}", _("{name} (segment)").format(name=name)) for name in segments]
        own = segmented if solids or len(segments) > 1 else []
        self._filling, self._shownMaterialsOf = True, None
        fill(
            self.ui.objectComboBox,
            [(BONE, _("Bone, as segmented")), *planned, *own, (FILE, _("Model file...")), *self._lost(planned + own)],
        )
        self._filling = False

    def _lost(self, offered):
        """Return the item of a chosen object that the case has no more: it is said, not changed."""
        name = self.draft()["object"]
        item = (f"{OBJECT}{name}", _("{name} (not there)").format(name=name))
        return [item] if name and item[0] not in [key for key, _text in offered] else []

    def updateActions(self):
        ui, draft = self.ui, self.draft()
        closed = self.noCaseReason(
            ui.objectCollapsibleButton, ui.purposeCollapsibleButton, ui.stepsCollapsibleButton,
            ui.verdictCollapsibleButton,
        )  # fmt: skip
        self._filling = True
        try:
            self._showDraft(draft)
        finally:
            self._filling = False
        self.steps.show(draft["steps"], closed)
        reason = closed or self.verdict.show(self.module.case, draft)
        if closed:
            self.verdict.clear()
        for button in (ui.partButton, ui.queueButton):
            self.allow(button, reason)
        self.allow(ui.loadRecipeButton, closed)
        self.allow(ui.saveRecipeButton, closed)

    def _showDraft(self, draft):
        ui, model = self.ui, draft["model"]
        select(ui.objectComboBox, FILE if model else f"{OBJECT}{draft['object']}" if draft["object"] else BONE)
        ui.modelWidget.visible = model is not None
        if model:
            ui.modelPathLineEdit.currentPath = model["file"]
            select(ui.unitComboBox, model["unit"])
            select(ui.frameComboBox, model["frame"])
        ui.deviationSpinBox.value = draft["maximumDeviationMm"]
        ui.toleranceSpinBox.value = draft["toleranceMm"] or 0
        self._offerTables(draft)
        for combo, key in self._combos():
            select(combo, draft[key])
        asked = draft["sterilisation"] or {"method": "", "temperatureC": None}
        select(ui.methodComboBox, asked["method"])
        ui.temperatureSpinBox.enabled = asked["method"] not in ("", "none")
        ui.temperatureSpinBox.value = asked.get("temperatureC") or 0
        for name, box in self._formatBoxes().items():
            box.checked = name in draft["formats"]

    def _offerTables(self, draft):
        """Offer the profiles, and the materials of the chosen one's process; what is chosen stays, fitting or not."""
        key = (draft["profile"], draft["material"])
        if key == self._shownMaterialsOf:
            return
        ui = self.ui
        try:
            profiles, materials = profilesOffered(), materialsFor(draft["profile"])
        except PlanningError:
            # Which file is wrong is said by the verdict; the names stay choosable.
            profiles, materials = [], []
        self._shownMaterialsOf = key
        fill(ui.profileComboBox, [("", _("not stated")), *kept(profiles, draft["profile"])])
        fill(ui.materialComboBox, [("", _("not stated")), *kept(materials, draft["material"])])

    def forget(self):
        self._shownMaterialsOf = None
        PointPicking.forgetPicked(Session.start().scene)

    # What the user does

    def _onObject(self, _row):
        key, draft = chosen(self.ui.objectComboBox), self.draft()
        model = {"file": "", "unit": "", "frame": "", "sha256": None} if key == FILE else None
        name = key.removeprefix(OBJECT) if key.startswith(OBJECT) else None
        self.take({**draft, "object": name, "model": draft["model"] if model and draft["model"] else model})

    def _onModel(self, _changed=None):
        ui, draft = self.ui, self.draft()
        if self._filling or not draft["model"]:
            return
        path = str(ui.modelPathLineEdit.currentPath or "")
        values = {
            "file": "" if path == "." else path,
            "unit": chosen(ui.unitComboBox),
            "frame": chosen(ui.frameComboBox),
        }
        self.take({**draft, "model": {**draft["model"], **values, "sha256": None}})

    def _onSterilization(self, _changed=None):
        method = chosen(self.ui.methodComboBox)
        temperatureC = (self.ui.temperatureSpinBox.value or None) if method != "none" else None
        self.change("sterilisation", {"method": method, "temperatureC": temperatureC} if method else None)

    def _onFormats(self, _checked=False):
        own = [name for name, box in self._formatBoxes().items() if box.checked]
        self.change("formats", ["stl", "3mf", *own])

    def onLoadRecipe(self):
        path = qt.QFileDialog.getOpenFileName(self.widget, _("Recipe"), "", RECIPE_TYPES)
        if not path:
            return
        recipe = self.module.runStep(lambda *_given: self.module.logic.readRecipe(path), _("The recipe is loaded."))
        if recipe is not None:
            self.take(RecipeDraft.draftOf(recipe))
            self.show(self.module.case)
            self.updateActions()

    def onSaveRecipe(self):
        path = qt.QFileDialog.getSaveFileName(self.widget, _("Recipe"), "recipe.json", RECIPE_TYPES)
        draft = self.draft()
        if path:
            self.module.runStep(
                lambda *_given: self.module.logic.saveRecipe(draft, path), _("Saved: {path}").format(path=path)
            )

    def onMakePart(self):
        folder, draft, logic = self.module.activeFolder(), self.draft(), self.module.logic
        made = self.module.runStep(
            lambda session, progress: logic.makePart(folder, session, RecipeDraft.recipeOf(draft), progress),
            _("The part is made and checked."),
        )
        if made is not None:
            self.module.showPart(made)

    def onQueue(self):
        self.module.panel("QueuePanel").add(RecipeDraft.recipeOf(self.draft()))
        self.module.runner.say(_("It waits in the queue."))


def fill(combo, items):
    """Fill a combo box anew with (key, text) items."""
    combo.clear()
    for key, text in items:
        combo.addItem(text, key)


def chosen(combo):
    """Return the key of the item that is chosen, empty text where none is."""
    return combo.itemData(combo.currentIndex) or ""


def select(combo, key):
    """Choose the item of a key, the first where there is none."""
    combo.currentIndex = max(0, combo.findData(key or ""))


def kept(items, key):
    """Return items with that of a key, also where it is not offered."""
    return items if not key or key in [one for one, _text in items] else [*items, (key, key)]


def useTexts():
    """Return (key, text) of what a part may be for."""
    return [
        ("", _("not stated")), ("model", _("model to look at")), ("guide", _("guide")), ("template", _("template")),
        ("implant", _("implant")), ("sizer", _("sizer")),
    ]  # fmt: skip


def contactTexts():
    """Return (key, text) of what a part may touch."""
    return [
        ("", _("not stated")), ("none", _("nothing of the patient")), ("skin", _("skin")), ("mucosa", _("mucosa")),
        ("tissue-or-bone", _("open tissue or bone")), ("implanted", _("implanted")),
    ]  # fmt: skip


def methodTexts():
    """Return (key, text) of the ways of sterilization."""
    return [
        ("", _("not stated")), ("none", _("none")), ("steam", _("steam")),
        ("hydrogen-peroxide", _("hydrogen peroxide")), ("ethylene-oxide", _("ethylene oxide")),
    ]  # fmt: skip
