"""The header that every module shows: which case, which side, which state; and the bar of its steps."""

import qt
from slicer.i18n import tr as _

from PlanningHubLib.IntendedUse import intendedUse, isForTreatment
from PlanningHubLib.Steps import PLAN

SIDE_COLORS = {"left": "#b45309", "right": "#1d4ed8", "bilateral": "#6d28d9", "midline": "#374151", None: "#a01010"}
STATE_COLORS = {
    "done": "#15803d", "stale": "#b45309", "damaged": "#a01010", "next": "#1d4ed8", "open": "#6b7280",
    "optional": "#6b7280",
}  # fmt: skip
STATE_MARKS = {
    "done": "\u2713", "stale": "\u26a0", "damaged": "\u2717", "next": "\u25b6", "open": "\u2022",
    "optional": "\u2013",
}  # fmt: skip


class CaseHeader:
    """Fills a frame with the active case's name, side and procedure."""

    def __init__(self, frame):
        layout = qt.QGridLayout(frame)
        self.nameLabel = qt.QLabel()
        self.sideLabel = qt.QLabel()
        self.procedureLabel = qt.QLabel()
        self.nameLabel.setObjectName("caseNameLabel")
        self.sideLabel.setObjectName("caseSideLabel")
        self.procedureLabel.setObjectName("caseProcedureLabel")
        self.procedureLabel.wordWrap = True
        self.procedureLabel.visible = False
        layout.addWidget(self.nameLabel, 0, 0)
        layout.addWidget(self.sideLabel, 0, 1)
        layout.addWidget(self.procedureLabel, 1, 0, 1, 2)
        layout.setColumnStretch(0, 1)
        self.nameLabel.styleSheet = "font-weight: bold; font-size: 15px;"

    def show(self, case):
        """Show a case, or that there is none."""
        self.sideLabel.visible = case is not None
        self.procedureLabel.visible = bool(case and case.procedure)
        if case is None:
            self.nameLabel.text = _("No case is open")
            self.procedureLabel.text = ""
            return
        self.nameLabel.text = case.name
        self.procedureLabel.text = case.procedure or ""
        self.sideLabel.text = sideText(case.side)
        if not isForTreatment(case):
            self.nameLabel.text = _("{case}: {use}, not for treatment").format(
                case=case.name, use=useTexts()[intendedUse(case)]
            )
        self.sideLabel.styleSheet = (
            f"background: {SIDE_COLORS[case.side]}; color: white; font-weight: bold; padding: 4px 10px;"
        )


class StepBar:
    """Fills a frame with one button per step that shows its state.

    :param onStep: called with the step's kind when its button is clicked
    """

    def __init__(self, frame, kinds, onStep):
        layout = qt.QHBoxLayout(frame)
        layout.setContentsMargins(0, 0, 0, 0)
        self._titles = stepTitles()
        self.buttons = {}
        for kind in kinds:
            button = qt.QPushButton()
            button.setObjectName(f"{kind}StepButton")
            button.connect("clicked(bool)", lambda _checked=False, kind=kind: onStep(kind))
            layout.addWidget(button)
            self.buttons[kind] = button

    def show(self, states):
        """Show kind → state; an empty dictionary where no case is open."""
        for kind, button in self.buttons.items():
            state = states.get(kind, "open")
            button.text = f"{STATE_MARKS[state]} {self._titles[kind]}"
            button.toolTip = stateText(state)
            button.enabled = kind in states
            # A case that nobody plans on has no such step.
            button.visible = kind in states or kind != PLAN
            color = STATE_COLORS[state]
            button.styleSheet = f"color: {color}; border: 1px solid {color}; padding: 4px 2px; border-radius: 3px;"


def useTexts():
    """Return intended use → what it is called."""
    return {"planning": _("planning"), "education": _("education"), "quality": _("quality assurance")}


def sideText(side):
    """Return a side as the header shows it."""
    texts = {"left": _("LEFT"), "right": _("RIGHT"), "bilateral": _("BOTH SIDES"), "midline": _("MIDLINE")}
    return texts.get(side) or _("SIDE NOT STATED")


def stepTitles():
    """Return kind → what the step is called."""
    return {
        "source": _("Images"),
        "segmentation": _("Bone"),
        "plan": _("Plan"),
        "part": _("Part"),
        "package": _("Package"),
        "receipt": _("Store"),
    }


def warningText(case, artefact):
    """Return why what is shown of an artefact no longer holds, empty text where it does; its files are not read."""
    state = case.state(artefact, readFiles=False)
    return "" if state == "current" else stateText(state)


def stateText(state):
    """Return what a state means, in words."""
    return {
        "done": _("Done, and nothing it was made from has changed."),
        "stale": _("Stale: what it was made from has changed. Make it again."),
        "damaged": _("Damaged: its files are not what was recorded. Make it again."),
        "next": _("The next step."),
        "open": _("Not made yet."),
        "optional": _("Not made: the part was made without."),
    }[state]
