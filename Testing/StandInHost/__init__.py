"""A stand-in for the 3D Slicer application: PySide6 plays PythonQt on top of the real slicer-core libraries.

Test code only: it is never installed and product code never imports it. README.md says what it does not prove.
"""

from .Errors import StandInError, UnansweredModal
from .Host import Host

__all__ = ["Host", "StandInError", "UnansweredModal"]
