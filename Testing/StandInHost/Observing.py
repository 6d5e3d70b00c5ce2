"""Observers of VTK objects that neither keep their widget alive nor outlive it."""

import weakref

import shiboken6


class WeakCall:
    """Calls a method of an object as long as there is one.

    An instance, not a closure: the garbage collector may empty a closure while a VTK object that dies in the same
    sweep still calls it, which crashes the interpreter.
    """

    def __init__(self, target, method):
        self.target = weakref.ref(target)
        self.method = method

    def __call__(self, *_arguments):
        reference = self.__dict__.get("target")
        target = reference() if reference is not None else None
        if target is None or (isinstance(target, shiboken6.Shiboken.Object) and not shiboken6.isValid(target)):
            return
        getattr(target, self.method)()
