"""The form of one step of a plan or a method, made from the schema of its parameters."""

import json

import qt
from slicer.i18n import tr as _

from PlanningHubLib.Errors import UsageError
from PlanningHubLib.Planning import Editing

SEPARATOR = "; "
SMALL_HEIGHT = 60


class StepForm:
    """Fills a widget with a field for each parameter of a step.

    :param widget: an empty widget
    :param onPick: called with the editor of a field when the user wants to click its point in the views
    :param fieldsOf: gives the fields for what a step does
    :param axes: what the numbers of a point are: parts count in LPS, plans in RAS
    """

    def __init__(self, widget, onPick, fieldsOf=Editing.fieldsOf, axes="R  A  S"):
        self._layout = qt.QFormLayout(widget)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.rowWrapPolicy = qt.QFormLayout.WrapLongRows
        self._onPick, self._fieldsOf, self._axes = onPick, fieldsOf, axes
        self._shown = None
        self.editors = {}

    def show(self, step, offered):
        """Show a step, or none (None); what was entered and not taken over is kept while it is the same step.

        :param offered: name → kind of object (None where it is not known) that it can refer to
        """
        shown = (json.dumps(step, sort_keys=True), tuple(offered.items())) if step else None
        if shown == self._shown:
            return
        self._shown = shown
        while self._layout.rowCount() > 0:
            self._layout.removeRow(0)
        self.editors = {}
        for field in self._fieldsOf(step["do"]) if step else ():
            editor = EDITORS[field.kind](field, offered, self._onPick)
            editor.set(step.get(field.key, field.default))
            editor.widget.toolTip = field.description
            if field.kind == Editing.POINT:
                editor.edit.placeholderText = self._axes
            self._layout.addRow(_("{title}:").format(title=field.title), editor.widget)
            self.editors[field.key] = editor

    def values(self):
        """Return the parameters as they were entered; what was left empty is left out.

        :raises UsageError: ``not-a-point``, ``not-json``
        """
        entered = {key: editor.get() for key, editor in self.editors.items()}
        return {key: value for key, value in entered.items() if value is not None}


class Editor:
    """The widget of one field. ``edit`` is what the user types into; ``widget`` holds it and its buttons."""

    def __init__(self, field, offered, onPick):
        self.field = field
        self.edit = self.widget = self.make(offered, onPick)
        self.edit.setObjectName(f"{field.key}Edit")
        self.arrange(offered, onPick)

    def arrange(self, offered, onPick):
        """Put buttons beside the edit, where there are any."""

    def beside(self, other):
        """Lay another widget beside the edit."""
        self.widget = qt.QWidget()
        layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.edit)
        layout.addWidget(other)

    def names(self, offered):
        """Return the names of the objects that the field may refer to; of unknown kind they may be, too."""
        kinds = self.field.objectKinds
        return [name for name, kind in offered.items() if kind is None or kind in kinds]


class ObjectEditor(Editor):
    """An object by its name; another name may be typed, for what later steps or other segments will bring."""

    def make(self, offered, _onPick):
        combo = qt.QComboBox()
        combo.editable = True
        combo.insertPolicy = qt.QComboBox.NoInsert
        combo.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        combo.addItems(["", *self.names(offered)])
        return combo

    def set(self, value):
        self.edit.currentText = value or ""

    def get(self):
        text = self.edit.currentText.strip()
        return text or (None if self.field.required else self.field.default)


class ObjectsEditor(Editor):
    """Several objects in their order, and a list to add them from."""

    def make(self, _offered, _onPick):
        edit = qt.QLineEdit()
        edit.placeholderText = _("names, with ; between")
        return edit

    def arrange(self, offered, _onPick):
        self.addBox = qt.QComboBox()
        self.addBox.setObjectName(f"{self.field.key}AddBox")
        self.addBox.sizeAdjustPolicy = qt.QComboBox.AdjustToMinimumContentsLengthWithIcon
        self.addBox.minimumContentsLength = 6
        self.addBox.addItems([_("Add..."), *self.names(offered)])
        self.addBox.connect("activated(int)", self._onAdd)
        self.beside(self.addBox)

    def _onAdd(self, index):
        if index > 0:
            self.set([*(self.get() or []), self.addBox.currentText])
            self.addBox.currentIndex = 0

    def set(self, value):
        self.edit.text = SEPARATOR.join(value or [])

    def get(self):
        names = [name.strip() for name in self.edit.text.split(SEPARATOR.strip())]
        return [name for name in names if name] or (None if self.field.required else [])


class ChoiceEditor(Editor):
    """One of a few words."""

    def make(self, _offered, _onPick):
        combo = qt.QComboBox()
        combo.addItems([str(choice) for choice in self.field.choices])
        return combo

    def set(self, value):
        self.edit.currentIndex = self.field.choices.index(value) if value in self.field.choices else 0

    def get(self):
        return self.field.choices[self.edit.currentIndex]


class NumberEditor(Editor):
    """A number with its unit; where there is no default, it is not set until it is entered."""

    def make(self, _offered, _onPick):
        spin = qt.QDoubleSpinBox()
        spin.decimals = self.field.decimals
        spin.suffix = self.field.unit
        self._lowest = self.field.minimum
        if self.field.default is None:
            self._lowest -= 10.0**-self.field.decimals
            spin.specialValueText = _("not set")
        spin.minimum, spin.maximum = self._lowest, self.field.maximum
        return spin

    def set(self, value):
        self.edit.value = self._lowest if value is None else value

    def get(self):
        isUnset = self.field.default is None and self.edit.value <= self._lowest
        if isUnset:
            return None
        return self.edit.value if self.field.decimals else int(self.edit.value)


class SwitchEditor(Editor):
    """Yes or no."""

    def make(self, _offered, _onPick):
        return qt.QCheckBox()

    def set(self, value):
        self.edit.checked = bool(value)

    def get(self):
        return self.edit.checked


class TextEditor(Editor):
    """Any text."""

    def make(self, _offered, _onPick):
        return qt.QLineEdit()

    def set(self, value):
        self.edit.text = value or ""

    def get(self):
        return self.edit.text.strip() or (None if self.field.required else self.field.default)


class PointEditor(Editor):
    """Three numbers, R A S in mm, typed or clicked in the views."""

    def make(self, _offered, _onPick):
        return qt.QLineEdit()

    def arrange(self, _offered, onPick):
        if self.field.isPosition:
            self.button = pickButton(self, onPick)
            self.beside(self.button)

    def set(self, value):
        text = pointText(value) if value is not None and len(value) else ""
        self._exact = {text: value}
        self.edit.text = text

    def take(self, point):
        """Take over a point that was clicked."""
        self.set(point)

    def get(self):
        text = self.edit.text.strip()
        # What nobody changed keeps the decimals that are not shown.
        return self._exact.get(text) or (pointOf(text, self.field.title) if text else None)


class PointsEditor(PointEditor):
    """Points, one a line."""

    def make(self, _offered, _onPick):
        edit = qt.QPlainTextEdit()
        edit.setMaximumHeight(SMALL_HEIGHT)
        return edit

    def set(self, value):
        self._exact = {pointText(point): point for point in value or []}
        self.edit.plainText = "\n".join(self._exact)

    def take(self, point):
        self.set([*(self.get() or []), point])

    def get(self):
        lines = [line for line in self.edit.plainText.splitlines() if line.strip()]
        points = [self._exact.get(line.strip()) or pointOf(line, self.field.title) for line in lines]
        return points or (None if self.field.required else [])


class JsonEditor(Editor):
    """What only a text of JSON can say."""

    def make(self, _offered, _onPick):
        edit = qt.QPlainTextEdit()
        edit.setMaximumHeight(SMALL_HEIGHT)
        return edit

    def set(self, value):
        self.edit.plainText = "" if value in (None, [], {}) else json.dumps(value)

    def get(self):
        text = self.edit.plainText.strip()
        if not text:
            return self.field.default
        try:
            return json.loads(text)
        except ValueError as error:
            raise UsageError(
                "not-json", _("{title} cannot be read: {error}.").format(title=self.field.title, error=error), ""
            ) from error


EDITORS = {
    Editing.OBJECT: ObjectEditor, Editing.OBJECTS: ObjectsEditor, Editing.CHOICE: ChoiceEditor,
    Editing.NUMBER: NumberEditor, Editing.SWITCH: SwitchEditor, Editing.POINT: PointEditor,
    Editing.POINTS: PointsEditor, Editing.TEXT: TextEditor, Editing.JSON: JsonEditor,
}  # fmt: skip


def pickButton(editor, onPick):
    """Return the button that lets the user click a point for an editor."""
    button = qt.QPushButton(_("Click"))
    button.toolTip = _("Click the point in the views.")
    button.setObjectName(f"{editor.field.key}PickButton")
    button.connect("clicked(bool)", lambda _checked=False: onPick(editor))
    return button


def pointText(point):
    """Return a point, R A S in mm, as it is typed."""
    return "  ".join(f"{value:.2f}" for value in point)


def pointOf(text, title):
    """Return the point that a text says.

    :raises UsageError: ``not-a-point``
    """
    try:
        point = [float(one) for one in text.replace(",", " ").split()]
    except ValueError:
        point = []
    if len(point) != 3:
        raise UsageError("not-a-point", _("{title}: enter three numbers.").format(title=title), "")
    return point
