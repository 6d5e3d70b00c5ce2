"""Makes the PySide6 classes obey the rules of PythonQt: properties are attributes, unknown attributes are refused.

The classes themselves are patched, not subclassed, because GUI connectors compare exact types.
"""

import contextlib
import inspect

import shiboken6
from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtUiTools, QtWidgets

QT_LIBRARIES = (QtCore, QtGui, QtWidgets, QtNetwork, QtSvg, QtUiTools)

# Their getters are virtual: Qt would call the descriptor in place of the C++ function while it lays out.
VIRTUAL_GETTERS = ("sizeHint", "minimumSizeHint")

# Private state of the classes the stand-in plays; module code has no business with such a name.
PRIVATE_PREFIX = "_standIn"

_shibokenObject = QtCore.QObject.__mro__[-2]
_nativeGetAttribute = QtCore.QObject.__getattribute__
_nativeConnect = QtCore.QObject.connect
_nativeDisconnect = QtCore.QObject.disconnect
_connections = {}
_ignoresNewAttributes = False


class PropertyAttribute:
    """A Qt property seen as PythonQt shows it: `label.text` is the text; the class still gives the method."""

    def __init__(self, metaProperty, classAttribute):
        self.name = metaProperty.name()
        self.classAttribute = classAttribute
        self.setterName = "set" + self.name[0].upper() + self.name[1:]
        self.writable = metaProperty.isWritable()
        self.isEnumeration = metaProperty.isEnumType() or metaProperty.isFlagType()

    def __get__(self, instance, owner):
        if instance is None:
            return self.classAttribute
        if self.isEnumeration and callable(self.classAttribute):
            return self.classAttribute.__get__(instance, owner)()
        value = instance.property(self.name)
        # PythonQt returns a QStringList as a tuple.
        return tuple(value) if isinstance(value, list) else value

    def __set__(self, instance, value):
        kind = type(instance).__name__
        if not self.writable:
            raise AttributeError(f"Property '{self.name}' of {kind} object is not writable")
        if isinstance(value, tuple):
            value = list(value)
        setter = getattr(instance, self.setterName, None)
        if callable(setter):
            try:
                setter(value)
                return
            except (TypeError, ValueError):
                pass
        if not instance.setProperty(self.name, value):
            raise AttributeError(
                f"Property '{self.name}' of {kind} object does not accept an object of type {type(value).__name__}"
            )


def playsCpp(class_):
    """Class decorator: this Python class plays a C++ class, so its instances refuse unknown attributes."""
    class_._standInCpp = True
    return class_


def cppClassOf(class_):
    """The class in `class_.__mro__` that is C++ in a real Slicer: native, or played by the stand-in."""
    for base in class_.__mro__:
        if "_standInCpp" in base.__dict__ or base.__module__.startswith(("PySide6", "Shiboken")):
            return base
    return None


def _classAttribute(class_, name):
    try:
        return inspect.getattr_static(class_, name)
    except AttributeError:
        return None


def _setPlayedProperty(instance, name, known, value):
    if known.fset is None:
        raise AttributeError(f"Property '{name}' of {type(instance).__name__} object is not writable")
    known.fset(instance, value)


@contextlib.contextmanager
def ignoringNewAttributes():
    """While Qt's loader of .ui files runs: PySide6 would set every named child as an attribute of the root."""
    global _ignoresNewAttributes
    _ignoresNewAttributes = True
    try:
        yield
    finally:
        _ignoresNewAttributes = False


def _setAttribute(instance, name, value):
    class_ = type(instance)
    # PySide6 itself keeps signals, and __METAOBJECT__, on the objects.
    if name.startswith((PRIVATE_PREFIX, "__")) or isinstance(value, QtCore.SignalInstance):
        _shibokenObject.__setattr__(instance, name, value)
        return
    if name == "name" and _classAttribute(class_, "name") is None:
        instance.setObjectName(value)
        return
    known = _classAttribute(class_, name)
    if isinstance(known, QtCore.Property):
        _setPlayedProperty(instance, name, known, value)
        return
    if hasattr(known, "__set__"):
        known.__set__(instance, value)
        return
    if cppClassOf(class_) is not class_:
        # A Python subclass written by the module: PythonQt lets it have attributes of its own.
        _shibokenObject.__setattr__(instance, name, value)
        return
    if _ignoresNewAttributes:
        return
    if known is not None:
        raise AttributeError(f"'{name}' can not be overwritten on {class_.__name__} object")
    if name.encode() in [bytes(each.data()) for each in instance.dynamicPropertyNames()]:
        instance.setProperty(name, value)
        return
    raise AttributeError(
        f"Attribute '{name}' does not exist on {class_.__name__} and creating new attributes on C++ objects "
        "is not allowed"
    )


def _delete(instance):
    shiboken6.delete(instance)


_EXTRA_METHODS = {
    "connect": lambda instance: lambda *arguments: connect(instance, *arguments),
    "disconnect": lambda instance: lambda *arguments: disconnect(instance, *arguments),
    "className": lambda instance: lambda: cppClassOf(type(instance)).__name__,
    "delete": lambda instance: lambda: _delete(instance),
}


def _getAttribute(instance, name):
    extra = _EXTRA_METHODS.get(name)
    if extra is not None:
        return extra(instance)
    try:
        return _nativeGetAttribute(instance, name)
    except AttributeError:
        if name == "name":
            return instance.objectName
        if not name.startswith("_"):
            for each in instance.dynamicPropertyNames():
                if bytes(each.data()) == name.encode():
                    return instance.property(name)
        raise


class _Handler:
    """Calls a Python callable with as many of the signal's arguments as it takes, as PythonQt does."""

    def __init__(self, callable_):
        self.callable = callable_
        self.count = argumentCount(callable_)

    def __call__(self, *arguments):
        self.callable(*(arguments if self.count is None else arguments[: self.count]))


def argumentCount(callable_):
    """How many positional arguments a callable takes; None where it takes any number or does not say."""
    try:
        parameters = inspect.signature(callable_).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return None
    return len([each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)])


def _normalized(signature):
    text = bytes(QtCore.QMetaObject.normalizedSignature(signature.lstrip("012")).data()).decode()
    if "(" not in text:
        raise AttributeError(f"'{signature}' is not a signal signature: write it with its arguments, name(type)")
    return text


def nativeSignature(instance, signature):
    """Signature under which PySide6 knows a C++ signal; raises AttributeError when the class has no such signal."""
    text = _normalized(signature)
    for class_ in type(instance).__mro__:
        played = class_.__dict__.get("_standInSignals", {})
        if text in played:
            return played[text]
    if instance.metaObject().indexOfSignal(text) < 0 or "PyObject" in text:
        raise AttributeError(f"signal '{signature}' does not exist on {type(instance).__name__}")
    return text


def _connectionKey(instance, native):
    return shiboken6.getCppPointer(instance)[0], native


def connect(instance, signature, target, slot=None):
    """`sender.connect("signal(type)", callable)` or `sender.connect("signal(type)", receiver, "slot(type)")`."""
    if isinstance(target, str) or not isinstance(signature, str):
        raise TypeError("connect() takes a signal signature, then a callable or a receiver and its slot")
    native = nativeSignature(instance, signature)
    callable_ = target if slot is None else getattr(target, _normalized(slot).split("(")[0])
    if not callable(callable_):
        raise TypeError(f"connect(): '{callable_!r}' is not callable")
    handler = _Handler(callable_)
    _connections.setdefault(_connectionKey(instance, native), []).append((callable_, handler))
    return bool(_nativeConnect(instance, QtCore.SIGNAL(native), handler))


def disconnect(instance, signature, target=None, slot=None):
    """Undoes `connect`; returns whether there was such a connection."""
    native = nativeSignature(instance, signature)
    callable_ = target if slot is None else getattr(target, _normalized(slot).split("(")[0])
    known = _connections.get(_connectionKey(instance, native), [])
    removed = [each for each in known if target is None or each[0] == callable_]
    for each in removed:
        known.remove(each)
        _nativeDisconnect(instance, QtCore.SIGNAL(native), each[1])
    return bool(removed)


def objectClasses():
    """Every QObject class of the Qt libraries a Slicer module reaches through `qt`."""
    found = []
    for library in QT_LIBRARIES:
        for name in dir(library):
            class_ = getattr(library, name)
            if isinstance(class_, type) and issubclass(class_, QtCore.QObject) and class_ not in found:
                found.append(class_)
    return found


def patchProperties(class_):
    """Puts a PropertyAttribute on the class for each property that its own meta object declares."""
    metaObject = class_.staticMetaObject
    for index in range(metaObject.propertyOffset(), metaObject.propertyCount()):
        metaProperty = metaObject.property(index)
        name = metaProperty.name()
        if name in VIRTUAL_GETTERS:
            continue
        setattr(class_, name, PropertyAttribute(metaProperty, getattr(class_, name, None)))


def apply():
    """Patches every class, once per process."""
    if isinstance(_classAttribute(QtCore.QObject, "objectName"), PropertyAttribute):
        return
    classes = objectClasses()
    # Base classes first: each class looks up the method it hides through those it inherits from.
    for class_ in sorted(classes, key=lambda each: len(each.__mro__)):
        patchProperties(class_)
    for class_ in {base for each in classes for base in each.__mro__[:-2]}:
        if "__setattr__" in class_.__dict__:
            class_.__setattr__ = _setAttribute
    QtCore.QObject.__getattribute__ = _getAttribute
