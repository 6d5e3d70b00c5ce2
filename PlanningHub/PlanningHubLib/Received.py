"""What partners sent back, as a case keeps it: artefacts of kind ``external``, whose shapes state unit and frame."""

import dataclasses
from pathlib import Path

from .Artefacts import Artefact
from .Errors import InputRefused

KIND = "external"


@dataclasses.dataclass(frozen=True)
class ReceivedModel:
    """A shape that a partner sent.

    :param kind: ``implant``, ``guide`` or ``model``
    :param unit: ``mm``; None of a 3MF, which has its own
    :param frame: ``LPS`` or ``RAS``
    """

    artefact: Artefact
    path: Path
    kind: str
    unit: str | None
    frame: str
    sha256: str


def receivedModel(case, artefactId, name):
    """Return a :class:`ReceivedModel`, its artefact current and undamaged.

    :param name: of the file in the artefact
    :raises InputRefused: ``no-such-model``, naming those that there are
    :raises GateRefused: ``stale-external``, ``damaged-external``
    """
    artefact = case.graph.current(artefactId)
    models = artefact.facts["models"] if artefact and artefact.kind == KIND else {}
    if name not in models:
        newest = [one for one in case.artefacts if one.kind == KIND and case.graph.current(one.id) == one]
        known = ", ".join(f"{one.id}/{file}" for one in newest for file in one.facts["models"]) or "none"
        raise InputRefused("no-such-model", f"No partner sent {artefactId}/{name}.", f"The case has: {known}.")
    case.requireCurrent(artefact)
    return ReceivedModel(artefact, case.path(artefact, name), **models[name])
