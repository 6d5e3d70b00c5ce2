"""The suite's named errors: each says what is wrong and what to do, and knows the command's exit code."""

import dataclasses
import os


class PlanningError(Exception):
    """An error that a user can understand and act on.

    :param code: stable kebab-case name, such as ``missing-slice``
    :param message: what is wrong
    :param action: what the user can do about it
    :param files: the files it concerns
    """

    exitCode = 70

    def __init__(self, code, message, action="", files=()):
        super().__init__(message)
        self.code = code
        self.message = message
        self.action = action
        self.files = [str(file) for file in files]

    def __str__(self):
        return f"{self.message} {self.action}".strip()

    def asFinding(self):
        """Return the same facts as a rejecting :class:`Finding`."""
        return Finding(self.code, "reject", self.message, self.action, tuple(self.files))


class UsageError(PlanningError):
    """The request itself is wrong (an unknown option, an address that cannot be)."""

    exitCode = 2


class InputRefused(PlanningError):
    """What was given cannot be used safely, or where it should be written cannot be written."""

    exitCode = 3


class GateRefused(PlanningError):
    """A safety gate (staleness, damage, identity, later consent and approval) refuses to go on."""

    exitCode = 4


class StoreFailed(PlanningError):
    """The central store or the network failed; the work stays queued."""

    exitCode = 5


class VerificationFailed(PlanningError):
    """What is there is not what was recorded."""

    exitCode = 6


class Cancelled(Exception):
    """The user cancelled; whatever was under way has left nothing behind."""

    exitCode = 130


@dataclasses.dataclass(frozen=True)
class Finding:
    """One result of a check. ``severity`` is ``info``, ``warn`` or ``reject``."""

    code: str
    severity: str
    message: str
    action: str = ""
    files: tuple = ()

    def asDict(self):
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "action": self.action,
            "files": [os.fspath(file) for file in self.files],
        }


def firstRejection(findings):
    """Return the first rejecting finding, or None."""
    return next((finding for finding in findings if finding.severity == "reject"), None)
