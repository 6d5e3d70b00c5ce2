"""Loops compiled to machine code, for what arrays cannot say, or only in many times the time."""

import functools
import threading
import types

from .Requirements import interruptsHeld

_lock = threading.RLock()


class compiled:
    """A function of arrays and numbers, compiled at its first call with each kind of them; other threads run meanwhile.

    It may call others of its own file. What was compiled is kept for the next process beside the module or in the
    user's own cache, where either can be written.
    """

    def __init__(self, function):
        functools.update_wrapper(self, function)

    def __call__(self, *arguments):
        with _lock:
            # Threads that come at the same time compile it once.
            machineCode = self._machineCode
        return machineCode(*arguments)

    @functools.cached_property
    def _machineCode(self):
        with interruptsHeld():
            import numba
        function = self.__wrapped__
        called = {
            name: value._machineCode
            for name, value in function.__globals__.items()
            if name in function.__code__.co_names and isinstance(value, compiled)
        }
        function = types.FunctionType(
            function.__code__, {**function.__globals__, **called}, function.__name__, function.__defaults__
        )
        try:
            return numba.njit(nogil=True, cache=True)(function)
        except RuntimeError:
            return numba.njit(nogil=True)(function)
