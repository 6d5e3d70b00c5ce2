"""Errors of the stand-in itself, as opposed to errors of the module that runs on it."""


class StandInError(RuntimeError):
    """The module asked for something a real Slicer would refuse, or that the stand-in does not play."""


class UnansweredModal(BaseException):
    """A modal dialog opened that no test answers: a user would sit in front of it, a test would hang.

    Not an Exception, so that no `except Exception` of the module under test can hide it.
    """
