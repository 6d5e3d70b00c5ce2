"""How a parameter stands in a vtkMRMLScriptedModuleNode: the same names and texts that a real Slicer reads.

Each text form has isIn(node, name), read(node, name), write(node, name, value), remove(node, name), check(value),
accepts(value), a `default` and `cached` (whether a read value may be kept).
"""

import enum
import pathlib
import typing
from collections.abc import MutableSequence

import slicer

from .ParameterRules import IsInstance, NotNone, Validator, isNodeType, isUnion, splitAnnotations

_PATHS = (
    pathlib.Path,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    pathlib.PurePath,
    pathlib.PurePosixPath,
    pathlib.PureWindowsPath,
)


class TextForm:
    """A value written as one text under its own name."""

    cached = True

    def __init__(self, default, toText, fromText, validators):
        self.default = default
        self.toText = toText
        self.fromText = fromText
        self.validators = validators

    def check(self, value):
        """Raises when a validator refuses the value."""
        for each in self.validators:
            (each() if isinstance(each, type) else each).validate(value)

    def accepts(self, value):
        """Whether the value could be written."""
        try:
            self.check(value)
        except (TypeError, ValueError):
            return False
        return True

    def isIn(self, node, name):
        """Whether the node holds the parameter."""
        return bool(node.HasParameter(name))

    def write(self, node, name, value):
        """Writes a value that passes the validators."""
        self.check(value)
        self._put(node, name, value)

    def _put(self, node, name, value):
        node.SetParameter(name, self.toText(value))

    def read(self, node, name):
        """The value."""
        return self.fromText(node.GetParameter(name))

    def remove(self, node, name):
        """Takes the parameter out of the node."""
        node.UnsetParameter(name)


class NodeForm(TextForm):
    """A MRML node: an empty parameter marks it, a node reference with the same name holds it."""

    def __init__(self, type_, validators):
        super().__init__(None, None, None, [IsInstance(type_), *validators])

    def _put(self, node, name, value):
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node, name):
        return node.GetNodeReference(name)

    def remove(self, node, name):
        node.UnsetParameter(name)
        node.RemoveNodeReferenceIDs(name)

    @property
    def cached(self):
        """Nodes leave the scene behind the parameter's back; the real wrapper caches them all the same."""
        return True


class ListForm(TextForm):
    """A list: its length under name.len, its items under name.0, name.1, …"""

    def __init__(self, item, validators):
        super().__init__(None, None, None, validators)
        self.item = item
        self.cached = item.cached

    @property
    def default(self):
        """An empty list."""
        return []

    @default.setter
    def default(self, _value):
        pass

    def _length(self, node, name):
        return int(node.GetParameter(f"{name}.len")) if self.isIn(node, name) else 0

    def isIn(self, node, name):
        return bool(node.HasParameter(f"{name}.len"))

    def _put(self, node, name, value):
        values = list(value)
        for each in values:
            self.item.check(each)
        with slicer.util.NodeModify(node):
            old = self._length(node, name)
            for index, each in enumerate(values):
                self.item.write(node, f"{name}.{index}", each)
            node.SetParameter(f"{name}.len", str(len(values)))
            for index in range(len(values), old):
                self.item.remove(node, f"{name}.{index}")

    def read(self, node, name):
        return WrittenList(node, self, name)

    def remove(self, node, name):
        with slicer.util.NodeModify(node):
            for index in range(self._length(node, name)):
                self.item.remove(node, f"{name}.{index}")
            node.UnsetParameter(f"{name}.len")


class WrittenList(MutableSequence):
    """A list parameter; every change is written to the node at once."""

    def __init__(self, node, form, name):
        self._node, self._form, self._name = node, form, name
        self._items = [form.item.read(node, f"{name}.{index}") for index in range(form._length(node, name))]

    def _write(self, items):
        self._form.write(self._node, self._name, items)
        self._items = items

    def __len__(self):
        return len(self._items)

    def __getitem__(self, index):
        return self._items[index]

    def __setitem__(self, index, value):
        items = list(self._items)
        items[index] = value
        self._write(items)

    def __delitem__(self, index):
        items = list(self._items)
        del items[index]
        self._write(items)

    def insert(self, index, value):
        """Inserts an item before the index."""
        items = list(self._items)
        items.insert(index, value)
        self._write(items)

    def __eq__(self, other):
        return self._items == (other._items if isinstance(other, WrittenList) else other)

    __hash__ = None

    def __repr__(self):
        return repr(self._items)


class TupleForm(TextForm):
    """A tuple: its items under name.0, name.1, …"""

    def __init__(self, items, validators):
        super().__init__(tuple(each.default for each in items), None, None, validators)
        self.items = items
        self.cached = all(each.cached for each in items)

    def isIn(self, node, name):
        return self.items[0].isIn(node, f"{name}.0")

    def _put(self, node, name, value):
        values = tuple(value)
        if len(values) != len(self.items):
            raise ValueError("Unexpected number of tuple values")
        for form, each in zip(self.items, values, strict=True):
            form.check(each)
        with slicer.util.NodeModify(node):
            for index, form in enumerate(self.items):
                form.write(node, f"{name}.{index}", values[index])

    def read(self, node, name):
        return tuple(form.read(node, f"{name}.{index}") for index, form in enumerate(self.items))

    def remove(self, node, name):
        for index, form in enumerate(self.items):
            form.remove(node, f"{name}.{index}")


class UnionForm(TextForm):
    """One of several types: under name.0 for the first, name.1 for the second, …; Optional defaults to None."""

    def __init__(self, members, validators):
        isOptional = len(members) == 2 and isinstance(members[1], NoneForm)
        super().__init__(None if isOptional else members[0].default, None, None, validators)
        self.members = members
        self.cached = all(each.cached for each in members)

    def _stored(self, node, name):
        for index, form in enumerate(self.members):
            if form.isIn(node, f"{name}.{index}"):
                return form, f"{name}.{index}"
        return None, None

    def isIn(self, node, name):
        return self._stored(node, name)[0] is not None

    def check(self, value):
        super().check(value)
        if not any(each.accepts(value) for each in self.members):
            raise TypeError(f"Unable to write value {value!r} of type {type(value)}")

    def _put(self, node, name, value):
        with slicer.util.NodeModify(node):
            self.remove(node, name)
            # None is the business of the member for None, even where a node member would take it.
            order = sorted(enumerate(self.members), key=lambda each: isinstance(each[1], NoneForm) != (value is None))
            for index, form in order:
                if form.accepts(value):
                    form.write(node, f"{name}.{index}", value)
                    return

    def read(self, node, name):
        form, stored = self._stored(node, name)
        return form.read(node, stored)

    def remove(self, node, name):
        for index, form in enumerate(self.members):
            form.remove(node, f"{name}.{index}")


class NoneForm(TextForm):
    """None, as a member of a union."""

    def __init__(self):
        super().__init__(None, lambda _value: "True", lambda _text: None, [])

    def check(self, value):
        if value is not None:
            raise ValueError("Value must be None")


def _simpleForm(type_, validators):
    checks = [NotNone(), IsInstance((int, float) if type_ is float else type_), *validators]
    if type_ is bool:
        return TextForm(False, lambda value: "True" if value else "False", lambda text: text == "True", checks)
    if type_ in (int, float):
        return TextForm(0, str, type_, checks)
    if type_ is str:
        return TextForm("", str, str, checks)
    if type_ in _PATHS:
        return TextForm(type_(), str, type_, checks)
    if isinstance(type_, type) and issubclass(type_, enum.Enum):
        return TextForm(next(iter(type_)), lambda value: value.name, type_.__getitem__, checks)
    return None


def formOf(annotated):
    """The text form of an annotated type; raises TypeError for a type that the stand-in does not play."""
    bare, annotations = splitAnnotations(annotated)
    validators = [
        each
        for each in annotations
        if isinstance(each, Validator) or (isinstance(each, type) and issubclass(each, Validator))
    ]
    origin, arguments = typing.get_origin(bare), typing.get_args(bare)
    if bare is type(None):
        return NoneForm()
    if isNodeType(bare):
        return NodeForm(bare, validators)
    if isUnion(bare):
        return UnionForm([formOf(each) for each in arguments], validators)
    if origin is list and len(arguments) == 1:
        return ListForm(formOf(arguments[0]), validators)
    if origin is tuple and arguments:
        return TupleForm([formOf(each) for each in arguments], validators)
    form = _simpleForm(bare, validators)
    if form is None:
        raise TypeError(f"Unable to create a serializer for type {bare}")
    return form
