"""Helpers to write a C++ widget class in Python: its properties, and nothing a real one does not show.

PythonQt shows of a ctk or qMRML class its properties, slots, Q_INVOKABLE methods and signals. The played classes define
only those; everything else they need carries the private prefix `_standIn`.
"""

from PySide6 import QtCore

from .PythonQtRules import playsCpp

__all__ = ["playsCpp", "stored", "forwarded"]

_COERCIONS = {bool: bool, int: int, float: float, str: str}


def _coerced(type_, name, value):
    if type_ == "QStringList":
        if isinstance(value, str):
            raise AttributeError(f"Property '{name}' of type QStringList does not accept an object of type str")
        return [str(each) for each in value]
    convert = _COERCIONS.get(type_)
    if convert is None:
        return value
    try:
        return convert(value)
    except (TypeError, ValueError):
        raise AttributeError(
            f"Property '{name}' of type {type_.__name__} does not accept an object of type {type(value).__name__}"
        ) from None


def stored(type_, name, default, after=None, notify=None):
    """A Qt property kept on the widget; `after` names a method called when its value has changed."""
    key = f"_standInValue_{name}"

    def read(self):
        value = self.__dict__.get(key, default)
        return tuple(value) if isinstance(value, list) else value

    def write(self, value):
        value = _coerced(type_, name, value)
        changed = self.__dict__.get(key, default) != value
        self.__dict__[key] = value
        if changed and after is not None:
            getattr(self, after)()

    return QtCore.Property("QVariant" if not isinstance(type_, (type, str)) else type_, read, write, notify=notify)


def forwarded(type_, part, name):
    """A Qt property that is the property `name` of the inner widget kept in the attribute `part`."""

    def read(self):
        return getattr(getattr(self, part), name)

    def write(self, value):
        setattr(getattr(self, part), name, _coerced(type_, name, value))

    return QtCore.Property(type_, read, write)
