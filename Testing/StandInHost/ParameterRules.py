"""Annotations of a parameter node wrapper: default values and what a value must satisfy."""

import dataclasses
import types
import typing

import slicer

__all__ = [
    "Choice",
    "Decimals",
    "Default",
    "Exclude",
    "IsInstance",
    "Maximum",
    "Minimum",
    "NotNone",
    "SingleStep",
    "Validator",
    "WithinRange",
]


class Default:
    """The value of a parameter that was never written."""

    def __init__(self, value=None, *, generator=None):
        self._value = value
        self._generator = generator

    @property
    def value(self):
        """The value, made anew where a generator was given."""
        return self._generator() if self._generator is not None else self._value

    def __eq__(self, other):
        return isinstance(other, Default) and (self._value, self._generator) == (other._value, other._generator)

    __hash__ = None


@dataclasses.dataclass
class Decimals:
    """Decimals that the connected widget shows."""

    value: int


@dataclasses.dataclass
class SingleStep:
    """Step of the connected widget."""

    value: float


class Validator:
    """Base of the conditions on a value; `validate` raises ValueError or TypeError."""

    def validate(self, value):
        """Raises when the value is refused."""
        raise NotImplementedError


class NotNone(Validator):
    """Refuses None."""

    def validate(self, value):
        if value is None:
            raise ValueError("Value must not be None")


class IsInstance(Validator):
    """Refuses other types; None passes."""

    def __init__(self, classtype):
        self.classtype = classtype

    def validate(self, value):
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type {self.classtype}, is {value!r}")


class WithinRange(Validator):
    """Refuses values outside minimum to maximum, both included."""

    def __init__(self, minimum, maximum):
        self.minimum = minimum
        self.maximum = maximum

    def validate(self, value):
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"Value must be within [{self.minimum}, {self.maximum}], is {value}")


class Minimum(Validator):
    """Refuses values below."""

    def __init__(self, minimum):
        self.minimum = minimum

    def validate(self, value):
        if value < self.minimum:
            raise ValueError(f"Value must be at least {self.minimum}, is {value}")


class Maximum(Validator):
    """Refuses values above."""

    def __init__(self, maximum):
        self.maximum = maximum

    def validate(self, value):
        if value > self.maximum:
            raise ValueError(f"Value must be at most {self.maximum}, is {value}")


class Choice(Validator):
    """Refuses values that are not among the choices."""

    def __init__(self, choices):
        self.choices = choices

    def validate(self, value):
        if value not in self.choices:
            raise ValueError(f"Value must be one of {self.choices}, is {value!r}")


class Exclude(Validator):
    """Refuses the values given."""

    def __init__(self, excludedValues):
        self.excludedValues = excludedValues

    def validate(self, value):
        if value in self.excludedValues:
            raise ValueError(f"Value must not be one of {self.excludedValues}, is {value!r}")


def splitAnnotations(annotated):
    """The bare type and the list of its annotations."""
    if typing.get_origin(annotated) is typing.Annotated:
        bare, *annotations = typing.get_args(annotated)
        return bare, annotations
    return annotated, []


def isUnion(type_):
    """Whether a type is A | B, Union[A, B] or Optional[A]."""
    return typing.get_origin(type_) in (typing.Union, types.UnionType)


def isNodeType(type_):
    """Whether a type is a MRML node class."""
    return isinstance(type_, type) and issubclass(type_, slicer.vtkMRMLNode)


def nodeTypes(annotated):
    """Node classes of a node parameter, or an empty list when it is something else."""
    bare, _annotations = splitAnnotations(annotated)
    members = [splitAnnotations(each)[0] for each in typing.get_args(bare)] if isUnion(bare) else [bare]
    nodes = [each for each in members if isNodeType(each)]
    others = [each for each in members if not isNodeType(each) and each is not type(None)]
    return [] if others else nodes


def firstOf(annotations, kind):
    """First annotation of a kind, or None."""
    return next((each for each in annotations if isinstance(each, kind)), None)
