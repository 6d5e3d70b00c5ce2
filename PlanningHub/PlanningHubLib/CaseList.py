"""The cases below a folder, listed from what their ``case.json`` says, without reading their files."""

import dataclasses
from pathlib import Path

from .Case import Case, isCase
from .Errors import PlanningError
from .Steps import stepStates


@dataclasses.dataclass(frozen=True)
class ListedCase:
    """One line of the case list. ``nextKind`` is the first step that is not done, None where all are."""

    folder: Path
    name: str
    side: str | None
    procedure: str | None
    states: dict

    @property
    def nextKind(self):
        return next((kind for kind, state in self.states.items() if state != "done"), None)


def listCases(root):
    """Return the cases directly below a folder, ordered by folder name; folders that hold none are left out.

    A case that cannot be read is listed with the reason as its name: it must not vanish from sight.
    """
    root = Path(root)
    folders = sorted(folder for folder in root.glob("[!.]*") if isCase(folder)) if root.is_dir() else []
    return [_listed(folder) for folder in folders]


def _listed(folder):
    try:
        case = Case.open(folder)
    except PlanningError as error:
        return ListedCase(folder, f"[{error.code}]", None, None, {"source": "damaged"})
    return ListedCase(folder, case.name, case.side, case.procedure, stepStates(case, readFiles=False))
